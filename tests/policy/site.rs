//! A site, the people it knows, and what they endorse.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
};

use stratuslab::{
    Certificate, Timestamp,
    marketplace::Reference,
    policy::{Decisions, Lists, Policy},
    trust::Anchors,
};

use crate::{
    draft::{Draft, time},
    pki::{Identity, Kind, Request, authority, new_key},
};

pub(crate) const JANE: &str = "jane@example.org";
pub(crate) const JOE: &str = "joe@example.org";
pub(crate) const ANN: &str = "ann@example.org";

/// When everything is judged; [`Draft`]s are endorsed on 2012-03-04 if they do not say otherwise.
pub(crate) fn now() -> Timestamp {
    time("2012-04-01T00:00:00Z")
}

/// Somebody with a certificate of the authority that has this address; always the same one.
pub(crate) fn member(email: &str) -> Identity {
    static KNOWN: OnceLock<Mutex<HashMap<String, Identity>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap();
    known.entry(email.to_owned()).or_insert_with(|| issued(&Request::new(email).email(email))).clone()
}

/// A new certificate of the authority, valid for long.
pub(crate) fn issued(request: &Request) -> Identity {
    let subject = request.subject.clone();
    let long = Request { subject, emails: request.emails.clone(), days: (-10_000, 365), ..Request::new("") };
    long.issued_by(&ca(), &new_key(Kind::P256))
}

/// The authority: its certificate is valid as long as those it issues.
pub(crate) fn ca() -> Identity {
    static CA: OnceLock<Identity> = OnceLock::new();
    let request = || Request::new("Grid CA").ca().days(-10_000, 3650);
    CA.get_or_init(|| request().self_signed(&new_key(Kind::P256))).clone()
}

/// Somebody who made the certificate, with this name and address in it.
pub(crate) fn impostor(email: &str) -> Identity {
    Request::new(email).email(email).days(-10_000, 365).self_signed(&new_key(Kind::P256))
}

pub(crate) fn certificate(identity: &Identity) -> Certificate {
    Certificate::from_der(&identity.certificate_der()).unwrap()
}

pub(crate) fn fingerprint(identity: &Identity) -> String {
    certificate(identity).sha256_fingerprint()
}

/// The authority alone.
#[allow(clippy::unnecessary_wraps, reason = "it is what a policy has")]
pub(crate) fn anchors() -> Option<Anchors> {
    anchors_of(&ca())
}

#[allow(clippy::unnecessary_wraps, reason = "it is what a policy has")]
pub(crate) fn anchors_of(authority: &Identity) -> Option<Anchors> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.certificate_pem()).unwrap();
    let mut anchors = Anchors::new();
    anchors.add_pem_file(file.path()).unwrap();
    Some(anchors)
}

/// An authority that nobody here trusts.
pub(crate) fn foreign() -> Identity {
    authority()
}

/// An entry by a member.
pub(crate) fn by(email: &str, image: &str) -> Draft {
    Draft::new(image).email(email).valid("2013-01-01T00:00:00Z")
}

pub(crate) trait Signed {
    /// Signed by the member that it is of.
    fn by_member(&self, email: &str) -> Vec<u8>;
}

impl Signed for Draft {
    fn by_member(&self, email: &str) -> Vec<u8> {
        self.signed_by(&member(email))
    }
}

/// A list of those allowed alone.
pub(crate) fn allow<T>(allow: impl IntoIterator<Item = T>) -> Lists<T> {
    Lists { allow: allow.into_iter().collect(), deny: Vec::new() }
}

/// A list of those denied alone.
pub(crate) fn deny<T>(deny: impl IntoIterator<Item = T>) -> Lists<T> {
    Lists { allow: Vec::new(), deny: deny.into_iter().collect() }
}

/// Who is approved, as `ID/EMAIL/CREATED`; `None` if the image is refused.
pub(crate) fn approved(decisions: &Decisions) -> Option<String> {
    let approved = decisions.approved.as_ref()?;
    Some(Reference::of(&approved.entry).unwrap().to_string())
}

/// Whose entry is approved.
pub(crate) fn whose(decisions: &Decisions) -> Option<String> {
    approved(decisions).map(|name| name.split('/').nth(1).unwrap().to_owned())
}

pub(crate) fn decide(policy: &Policy, documents: &[Vec<u8>]) -> Decisions {
    policy.decide(None, documents, now())
}

/// The message of the rule that refuses the only entry; panics if it is not refused.
#[track_caller]
pub(crate) fn refusal(policy: &Policy, document: Vec<u8>) -> (&'static str, String) {
    let decisions = decide(policy, &[document]);
    assert_eq!(approved(&decisions), None);
    let last = decisions.decisions.last().unwrap().clone();
    assert!(!last.kept, "{last:?}");
    (last.rule, last.message)
}

/// What a rule said of the only entry.
#[track_caller]
pub(crate) fn said(policy: &Policy, document: Vec<u8>, rule: &str) -> Option<String> {
    let decisions = decide(policy, &[document]);
    decisions.decisions.into_iter().find(|decision| decision.rule == rule).map(|decision| decision.message)
}
