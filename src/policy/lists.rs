//! Lists of what is allowed and of what is denied: the rules of the originals, in their words.

use super::{Candidate, Found, Policy};
use crate::{
    Certificate, Checksum, ChecksumAlgorithm, Email,
    email::is_same_address,
    trust::{Pin, PinMismatch},
};

/// Said where a name would count on a path only.
const NO_ANCHORS: &str = "there are no trust anchors to judge it by";

fn allowed(kind: &str, subject: &str, listed: bool) -> Found {
    let word = if listed { "whitelisted" } else { "not whitelisted" };
    Found::new(listed, format_args!("{kind} {subject} is {word}"))
}

fn denied(kind: &str, subject: &str, listed: bool) -> Found {
    let word = if listed { "blacklisted" } else { "not blacklisted" };
    Found::new(!listed, format_args!("{kind} {subject} is {word}"))
}

const ENDORSER: &str = "email endorser";

pub(super) fn endorser_allowed(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let pins = &policy.endorsers.allow;
    if pins.is_empty() {
        return None;
    }
    let stated = candidate.email.as_str();
    let unproven = policy.unproven_emails
        && policy.anchors.is_none()
        && pins.iter().any(|pin| matches!(pin, Pin::Email(email) if is_same_address(email.as_str(), stated)));
    let found = if unproven { Ok(()) } else { find(&spelled(pins, candidate), policy, candidate) };
    let mut decision = allowed(ENDORSER, stated, found.is_ok());
    // What only looks like somebody on the list needs a reason.
    if let Err(mismatch @ (PinMismatch::Untrusted { .. } | PinMismatch::NoEmail { .. })) = found {
        decision.message = format!("{}: {mismatch}", decision.message);
    }
    Some(decision)
}

pub(super) fn endorsed_by(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let pins = &policy.endorsed_by;
    if pins.is_empty() {
        return None;
    }
    let name = &candidate.name;
    Some(match find(pins, policy, candidate) {
        Ok(()) => Found::new(true, format_args!("{name} is endorsed by one of those asked for")),
        Err(mismatch) => Found::new(false, format_args!("{name}: {mismatch}")),
    })
}

/// P9: the same list, with the addresses that differ in the case of the host only as the entry has them: pins
/// are compared to the letter.
fn spelled(pins: &[Pin], candidate: &Candidate) -> Vec<Pin> {
    let own = candidate.entry.evidence().endorser.email().and_then(|own| own.parse::<Email>().ok());
    let known = [own.as_ref(), Some(&candidate.email)];
    let spelled = |email: &Email| {
        let same = |known: &&&Email| is_same_address(known.as_str(), email.as_str());
        let known = known.iter().flatten().find(same);
        Pin::Email((*known.unwrap_or(&email)).clone())
    };
    let of = |pin: &Pin| if let Pin::Email(email) = pin { spelled(email) } else { pin.clone() };
    pins.iter().map(of).collect()
}

/// Whether the endorser is one of `pins`: names count on a trusted path, fingerprints always.
fn find(pins: &[Pin], policy: &Policy, candidate: &Candidate) -> Result<(), PinMismatch> {
    // Where there are anchors, who is not trusted is no candidate any more.
    let path = if policy.anchors.is_some() { Ok(()) } else { Err(NO_ANCHORS.to_owned()) };
    let endorser = &candidate.entry.evidence().endorser;
    Pin::find(pins, endorser, candidate.email.as_str(), path).map(|_| ())
}

/// Whoever looks like one that is denied is: no path is asked for, nor is case minded.
pub(super) fn endorser_denied(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let pins = &policy.endorsers.deny;
    let certificates = certificates(candidate);
    let stated = candidate.email.as_str();
    let is = |pin: &Pin| match pin {
        Pin::Email(email) => {
            let own = certificates.iter().filter_map(|certificate| certificate.email());
            own.chain([stated]).any(|own| own.eq_ignore_ascii_case(email.as_str()))
        }
        Pin::Subject(subject) => certificates
            .iter()
            .any(|certificate| certificate.subject().as_str().eq_ignore_ascii_case(subject.as_str())),
        Pin::Fingerprint(digits) => certificates
            .iter()
            .any(|certificate| certificate.sha256_fingerprint().eq_ignore_ascii_case(digits)),
    };
    (!pins.is_empty()).then(|| denied(ENDORSER, stated, pins.iter().any(is)))
}

/// The certificate that signed, and the endorser's, which for a proxy is another.
pub(super) fn certificates(candidate: &Candidate) -> [&Certificate; 2] {
    let evidence = candidate.entry.evidence();
    [&evidence.certificate, &evidence.endorser]
}

pub(super) fn checksum_allowed(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let list = &policy.checksums.allow;
    (!list.is_empty()).then(|| {
        let listed = candidate.entry.checksums.iter().find(|stated| list.contains(stated));
        let (kind, value) = checksum(listed, candidate);
        allowed(&kind, &value, listed.is_some())
    })
}

pub(super) fn checksum_denied(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let list = &policy.checksums.deny;
    (!list.is_empty()).then(|| {
        let listed = candidate.entry.checksums.iter().find(|stated| list.contains(stated));
        let (kind, value) = checksum(listed, candidate);
        denied(&kind, &value, listed.is_some())
    })
}

/// How a checksum is told: the one that decides, else the SHA-1, which every entry has.
fn checksum(listed: Option<&Checksum>, candidate: &Candidate) -> (String, String) {
    let sha1 = || candidate.entry.checksums.iter().find(|it| it.algorithm() == ChecksumAlgorithm::Sha1);
    match listed.or_else(sha1) {
        Some(told) => (format!("{} checksum image", told.algorithm()), told.value().to_owned()),
        None => ("SHA-1 checksum image".to_owned(), String::new()),
    }
}

const IMAGE: &str = "image identifier";

pub(super) fn image_allowed(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let (list, identifier) = (&policy.images.allow, candidate.entry.identifier);
    (!list.is_empty()).then(|| allowed(IMAGE, &identifier.to_string(), list.contains(&identifier)))
}

pub(super) fn image_denied(policy: &Policy, candidate: &Candidate) -> Option<Found> {
    let (list, identifier) = (&policy.images.deny, candidate.entry.identifier);
    (!list.is_empty()).then(|| denied(IMAGE, &identifier.to_string(), list.contains(&identifier)))
}
