//! Who may put an entry into this Marketplace, and who must confirm by mail that it is theirs.
//!
//! | Anchors | Confirmation | An entry is taken |
//! | --- | --- | --- |
//! | no | no | from everyone: on loopback, or where everyone is welcome (`--open`) |
//! | no | yes | when whoever reads the mail at its address confirms it |
//! | yes | no | on a trusted path, if its address is the certificate's own |
//! | yes | yes | on a trusted path, when whoever reads the mail at its address confirms it |
//!
//! Each row may be narrowed to listed endorsers. Those of whom no confirmation is wanted (the originals
//! called that a white list, which sounded like access control: S36) go by the third row's rule of
//! addresses, or anybody known could supersede what somebody else endorsed.
//!
//! Names and addresses count only on trusted paths, fingerprints always ([`Pin::find`]).

use crate::{
    Certificate, DistinguishedName, Email,
    trust::{Pin, PinMismatch},
    validate::Report,
};

use super::settings::Settings;

/// What this Marketplace wants of endorsers.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// There must be a path to a trust anchor.
    pub anchors: bool,
    /// Only these may; everyone if there are none.
    pub endorsers: &'a [Pin],
    /// Entries are confirmed by mail, but for those of these endorsers; `None` if none are.
    pub not_for: Option<&'a [Pin]>,
}

/// Who endorsed an entry, as far as its signature proves it.
#[derive(Clone, Debug)]
pub struct Who<'a> {
    /// The endorser's certificate; for a proxy (RFC 3820) on a trusted path the end entity's.
    pub endorser: &'a Certificate,
    /// The address that the entry states.
    pub stated: &'a Email,
    /// Does a trusted path lead from the certificate to an anchor, or why not? `None` without anchors.
    pub path: Option<Result<(), String>>,
}

/// What becomes of an entry that may be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is kept at once (201).
    AtOnce,
    /// It waits until its endorser confirms it (202).
    Confirm,
}

/// Why an entry may not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// There are anchors, and no path leads to one.
    #[error("this Marketplace takes entries of trusted endorsers only: {reason}")]
    Untrusted {
        /// Why there is none.
        reason: String,
    },
    /// Not one of those who may.
    #[error(
        "this Marketplace takes entries of certain endorsers only, and '{subject}' <{stated}> is none of them"
    )]
    NotListed {
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
        /// The address that the entry states.
        stated: Email,
    },
    /// The right name, in a certificate that anyone could have made.
    #[error(
        "the certificate of '{subject}' has the name of an endorser whose entries this Marketplace takes, but {reason}"
    )]
    NameOnly {
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
        /// Why the name does not count.
        reason: String,
    },
    /// The address is another's.
    #[error("the entry states the e-mail address {stated}, but the certificate of '{subject}' has {own}")]
    ForeignEmail {
        /// The address that the entry states.
        stated: Email,
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
        /// The address in the certificate.
        own: String,
    },
    /// The address is only stated.
    #[error(
        "the entry states the e-mail address {stated}, but the certificate of '{subject}' has none to prove it, \
         and this Marketplace does not ask by mail"
    )]
    UnprovenEmail {
        /// The address that the entry states.
        stated: Email,
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
    },
}

impl<'a> Rules<'a> {
    /// The rules of a Marketplace.
    pub fn of(settings: &'a Settings) -> Self {
        Self {
            anchors: settings.anchors.is_some(),
            endorsers: &settings.endorsers,
            not_for: settings.confirmation.as_ref().map(|confirmation| confirmation.not_for.as_slice()),
        }
    }
}

impl<'a> Who<'a> {
    /// Who endorsed what was validated; `None` if its signature does not hold.
    pub fn of(report: &'a Report) -> Option<Self> {
        let path = report.path().map(|path| path.as_ref().map(|_| ()).map_err(ToString::to_string));
        let stated = &report.metadata()?.endorsement.as_ref()?.endorser.email;
        Some(Self { endorser: &report.evidence()?.endorser, stated, path })
    }

    fn subject(&self) -> DistinguishedName {
        self.endorser.subject().clone()
    }

    /// Is the address the certificate's own?
    fn owns_email(&self) -> bool {
        self.endorser.email() == Some(self.stated.as_str())
    }

    fn is_one_of(&self, pins: &[Pin]) -> Result<(), PinMismatch> {
        const NO_ANCHORS: &str = "there are no trust anchors to judge it by";
        let path = self.path.clone().unwrap_or_else(|| Err(NO_ANCHORS.to_owned()));
        Pin::find(pins, self.endorser, self.stated.as_str(), path).map(|_| ())
    }
}

/// Whether an entry of this endorser is taken, and how.
///
/// # Errors
/// [`PolicyError`] if it is not.
pub fn decide(rules: &Rules<'_>, who: &Who<'_>) -> Result<Admission, PolicyError> {
    if rules.anchors {
        match &who.path {
            Some(Ok(())) => {}
            Some(Err(reason)) => return Err(PolicyError::Untrusted { reason: reason.clone() }),
            None => return Err(PolicyError::Untrusted { reason: "its path was not looked for".to_owned() }),
        }
    }
    if !rules.endorsers.is_empty() {
        who.is_one_of(rules.endorsers).map_err(|mismatch| not_listed(mismatch, who))?;
    }
    match rules.not_for {
        // Known is who is listed and has the address; a certificate without any is listed by somebody who
        // knows whose it is.
        Some(known) => {
            let exempt = (who.owns_email() || who.endorser.email().is_none()) && who.is_one_of(known).is_ok();
            Ok(if exempt { Admission::AtOnce } else { Admission::Confirm })
        }
        None if rules.anchors && !who.owns_email() => Err(foreign_email(who)),
        None => Ok(Admission::AtOnce),
    }
}

/// Who may is the administrator's business: the message does not list them.
fn not_listed(mismatch: PinMismatch, who: &Who<'_>) -> PolicyError {
    match mismatch {
        PinMismatch::Untrusted { subject, reason, .. } => PolicyError::NameOnly { subject, reason },
        _ => PolicyError::NotListed { subject: who.subject(), stated: who.stated.clone() },
    }
}

fn foreign_email(who: &Who<'_>) -> PolicyError {
    let (stated, subject) = (who.stated.clone(), who.subject());
    match who.endorser.email() {
        Some(own) => PolicyError::ForeignEmail { stated, subject, own: own.to_owned() },
        None => PolicyError::UnprovenEmail { stated, subject },
    }
}

#[cfg(test)]
mod tests;
