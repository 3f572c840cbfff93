//! What must hold of entries that come from elsewhere than an upload: a data directory, another
//! Marketplace, this database itself.
//!
//! Signature and rules must hold always, however an entry comes. What is asked of uploads alone is asked
//! otherwise here:
//!
//! | | import, check | mirror |
//! | --- | --- | --- |
//! | who may endorse | was decided when the entry was taken there | by the same policy as of uploads |
//! | confirmation by mail | no | no: the other Marketplace asked |
//! | endorsed in the future (S12) | it is history | refused beyond a day |
//! | order per image and endorser | any: history is loaded in pieces | any |

use crate::{
    Timestamp,
    dsig::{AlgorithmPolicy, VerifyError},
    metadata::rules::Leniency,
    trust::Pin,
    validate::{Options, Requirement, validate},
};

use super::{
    admission::MAX_EMAIL_BYTES,
    anchors::LiveAnchors,
    key::EntryKey,
    policy::{self, PolicyError, Rules, Who},
    store::NewEntry,
};

/// How far an endorsement may be ahead of the clock in what another Marketplace gives, in seconds: clocks
/// differ, and what is skipped is not asked for again.
const AHEAD: i64 = 86_400;

/// What is asked of entries.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Signatures and digests with SHA-1 are good enough, and RSA keys down to 1024 bits.
    pub allow_sha1: bool,
    /// Who may endorse; `None` if that was decided before.
    pub endorsers: Option<Endorsers>,
}

/// Who may endorse.
#[derive(Clone, Debug)]
pub struct Endorsers {
    /// Those whose certificates have a path to one of these; everyone without.
    pub anchors: Option<LiveAnchors>,
    /// One of these; everyone if there are none.
    pub pins: Vec<Pin>,
}

/// Why an entry is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// Its signature does not hold, or it breaks a rule.
    #[error("{reason}")]
    Invalid {
        /// The first check that failed.
        reason: String,
        /// Is it an algorithm that is not good enough any more?
        algorithm: bool,
    },
    /// It is another entry than it was said to be.
    #[error("it is the entry {found}")]
    OtherKey {
        /// The key by what it says.
        found: EntryKey,
    },
    /// Longer addresses fit into no index.
    #[error("the e-mail address of the endorser has {bytes} bytes, more than {MAX_EMAIL_BYTES}")]
    LongEmail {
        /// The length of the address.
        bytes: usize,
    },
    /// It would block its endorser's entries until then (S12).
    #[error("it is endorsed at {created}, more than a day after {now}")]
    Future {
        /// When it says to be endorsed.
        created: Timestamp,
        /// The time of this clock.
        now: Timestamp,
    },
    /// Its endorser may not.
    #[error(transparent)]
    Endorser(#[from] PolicyError),
}

impl IntakeError {
    /// Would the entry be good enough if SHA-1 were?
    pub const fn is_of_algorithms(&self) -> bool {
        matches!(self, Self::Invalid { algorithm: true, .. })
    }
}

impl Intake {
    /// Judges an entry that is said to have this key.
    ///
    /// # Errors
    /// [`IntakeError`]: the first thing that does not hold.
    pub fn judge(
        &self,
        document: &[u8],
        key: Option<&EntryKey>,
        now: Timestamp,
    ) -> Result<NewEntry, IntakeError> {
        let mut options = Options::new(now);
        options.policy = AlgorithmPolicy::new(self.allow_sha1);
        // What Marketplaces hold (S9), if they list it (S10).
        options.leniency = Leniency::OldEntries;
        options.require.push(Requirement::Dated);
        let anchors = self.endorsers.as_ref().and_then(|endorsers| endorsers.anchors.as_ref());
        let anchors = anchors.map(LiveAnchors::current);
        options.anchors = anchors.as_deref();
        let report = validate(document, &options);
        if let Some(check) = report.deciding() {
            let reason = check.message.clone().unwrap_or_else(|| check.name.to_owned());
            let algorithm = matches!(report.signature_error(), Some(VerifyError::ForbiddenAlgorithm { .. }));
            return Err(IntakeError::Invalid { reason, algorithm });
        }
        if let Some(endorsers) = &self.endorsers {
            let rules = Rules { anchors: anchors.is_some(), endorsers: &endorsers.pins, not_for: None };
            let who = Who::of(&report).ok_or_else(unsigned)?;
            policy::decide(&rules, &who)?;
        }
        let verified = report.into_verified().map_err(|_| unsigned())?;
        let entry = NewEntry::new(&verified).ok_or_else(unsigned)?;
        let bytes = entry.key.email.as_str().len();
        if bytes > MAX_EMAIL_BYTES {
            return Err(IntakeError::LongEmail { bytes });
        }
        if key.is_some_and(|key| *key != entry.key) {
            return Err(IntakeError::OtherKey { found: entry.key });
        }
        let created = entry.key.created;
        if self.endorsers.is_some() && created.unix_seconds() > now.unix_seconds().saturating_add(AHEAD) {
            return Err(IntakeError::Future { created, now });
        }
        Ok(entry)
    }
}

/// Not reached: a check fails for each reason not to hand out an entry.
fn unsigned() -> IntakeError {
    IntakeError::Invalid { reason: "it is not signed".to_owned(), algorithm: false }
}
