//! Whether an image may be used here: what a site wants of the entries that describe it.
//!
//! [`Policy::decide`] takes documents from anywhere, a Marketplace, files, and trusts none of it: each
//! entry is verified here, compared with what was asked for, and judged by every rule in turn. What
//! each rule found is a [`Decision`]; the newest entry that is left is [`Approved`].
//!
//! | Rule | An entry is refused that |
//! | --- | --- |
//! | `valid` | cannot be read, breaks a rule of entries, or has no signature that holds |
//! | `not-ahead` | was endorsed after now |
//! | `trusted` | has no path to a trust anchor, if there are anchors |
//! | `asked-for` | is about another image, or of another endorser or date than was asked for |
//! | `newest` | the same endorser has replaced |
//! | `endorser-allowed`, `endorser-denied`, `endorsed-by`, `certificate` | the wrong one endorsed |
//! | `checksum-allowed`, `checksum-denied`, `image-allowed`, `image-denied` | describes the wrong image |
//! | `current`, `certificate-current`, `active`, `age` | has expired, is deprecated, or is too old |
//! | `checksums`, `location`, `os`, `os-version`, `os-arch`, `kind` | does not say what it should |
//! | `agreement`, `minimum-endorsers` | too few others endorse as well |
//!
//! Names count only on a trusted path: anyone can make a certificate with any name in it. Without anchors
//! only fingerprints of certificates say who somebody is. A list of those who are denied is no promise to
//! anyone, and matches whatever looks like them.
//!
//! What a signer chose never weakens a rule: an entry that is dated ahead replaces older ones, and is
//! refused itself. Documents that are added never make an entry pass that did not, unless as one of the
//! endorsers wanted.

mod lists;
mod location;
mod newest;
mod quorum;
mod read;
mod rules;

use std::time::Duration;

use crate::{
    Checksum, ChecksumAlgorithm, Identifier, Metadata, Timestamp,
    dsig::{AlgorithmPolicy, Verified},
    marketplace::Reference,
    trust::{Anchors, Fingerprint, Pin},
};

pub use location::{LocationPrefix, LocationPrefixError};

/// What a site wants of the entries of images that are used there.
#[derive(Debug)]
pub struct Policy {
    /// Which algorithms signatures may use.
    pub signatures: AlgorithmPolicy,
    /// Who is trusted to say who endorsed an entry. If there are anchors, every entry needs a path to one
    /// of them, and a proxy certificate (RFC 3820) stands for its end entity's.
    pub anchors: Option<Anchors>,
    /// Who may endorse, and who may not. Names in the first list count on a trusted path only.
    pub endorsers: Lists<Pin>,
    /// Which checksums an image may have, of any algorithm, and which not.
    pub checksums: Lists<Checksum>,
    /// Which images may be used, and which not.
    pub images: Lists<Identifier>,
    /// Who may endorse, beside the lists: a command line's narrower choice.
    pub endorsed_by: Vec<Pin>,
    /// The only certificates that may have signed, or the end entities' of proxies; any if there are none.
    pub certificates: Vec<Fingerprint>,
    /// How many endorsers have to say the same of the image.
    pub minimum_endorsers: usize,
    /// How old an endorsement may be.
    pub max_age: Option<Duration>,
    /// Accepts entries past their `dcterms:valid`, or endorsed outside the certificate's validity period.
    pub allow_expired: bool,
    /// Accepts images that their endorser has deprecated.
    pub allow_deprecated: bool,
    /// Which checksums an entry has to state.
    pub required_checksums: Vec<ChecksumAlgorithm>,
    /// Where images may lie, the places that are preferred first; anywhere if there are none.
    pub locations: Vec<LocationPrefix>,
    /// `slterms:os`, one of these whatever the case; anything if there are none.
    pub os: Vec<String>,
    /// `slterms:os-version`, likewise.
    pub os_version: Vec<String>,
    /// `slterms:os-arch`, likewise.
    pub os_arch: Vec<String>,
    /// `slterms:kind`, likewise.
    pub kind: Vec<String>,
    /// Lets addresses in [`Policy::endorsers`] count as entries state them where there are no anchors, as
    /// the originals did: whoever makes a certificate chooses them.
    pub unproven_emails: bool,
}

/// What may be, and what may not. Whatever is on the second list is refused, and if there is anything on
/// the first, so is all that is not on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists<T> {
    /// The only ones accepted; everything if there are none.
    pub allow: Vec<T>,
    /// Never accepted.
    pub deny: Vec<T>,
}

/// What was decided, and why.
#[derive(Debug)]
pub struct Decisions {
    /// What each rule found of each entry that had kept the ones before, in the order of the rules.
    pub decisions: Vec<Decision>,
    /// The entry to use; `None` if the policy refuses the image.
    pub approved: Option<Approved>,
}

/// What one rule found of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The entry: `ID/EMAIL/CREATED`, or `document N` if that cannot be read.
    pub entry: String,
    /// The rule's name: stable, for programs.
    pub rule: &'static str,
    /// Does the entry keep the rule?
    pub kept: bool,
    /// The same in words.
    pub message: String,
}

/// An image that may be used.
#[derive(Clone, Debug)]
pub struct Approved {
    /// The newest entry that keeps every rule.
    pub entry: Verified<Metadata>,
    /// The other entries that were counted for [`Policy::minimum_endorsers`], if more than one is wanted.
    /// They agree with the entry and with each other in what they state; the image has to be as all of
    /// them say.
    pub others: Vec<Verified<Metadata>>,
}

/// Why a policy can never approve what it seems to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A name, and nobody is trusted to say whose it is.
    #[error("the policy allows the endorser {pin}, but there are no trust anchors to say who that is")]
    NameWithoutAnchors {
        /// The name.
        pin: Pin,
    },
    /// More endorsers are wanted than can count.
    #[error("the policy wants {minimum} endorsers, but no more than {possible} can count")]
    TooFewEndorsers {
        /// How many are wanted.
        minimum: usize,
        /// How many can be.
        possible: usize,
    },
}

impl Default for Policy {
    /// Signatures that hold, entries that are neither expired nor deprecated, and everything else open.
    fn default() -> Self {
        Self {
            signatures: AlgorithmPolicy::default(),
            anchors: None,
            endorsers: Lists::default(),
            checksums: Lists::default(),
            images: Lists::default(),
            endorsed_by: Vec::new(),
            certificates: Vec::new(),
            minimum_endorsers: 1,
            max_age: None,
            allow_expired: false,
            allow_deprecated: false,
            required_checksums: Vec::new(),
            locations: Vec::new(),
            os: Vec::new(),
            os_version: Vec::new(),
            os_arch: Vec::new(),
            kind: Vec::new(),
            unproven_emails: false,
        }
    }
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { allow: Vec::new(), deny: Vec::new() }
    }
}

impl Policy {
    /// Whether the policy can approve what it allows.
    ///
    /// # Errors
    /// [`PolicyError`] if it cannot.
    pub fn check(&self) -> Result<(), PolicyError> {
        let is_name = |pin: &&Pin| match pin {
            Pin::Fingerprint(_) => false,
            Pin::Email(_) => !self.unproven_emails,
            Pin::Subject(_) => true,
        };
        if self.anchors.is_none()
            && let Some(pin) = self.endorsers.allow.iter().find(is_name)
        {
            return Err(PolicyError::NameWithoutAnchors { pin: pin.clone() });
        }
        let (minimum, possible) = (self.minimum_endorsers, quorum::possible(self));
        if minimum > possible { Err(PolicyError::TooFewEndorsers { minimum, possible }) } else { Ok(()) }
    }

    /// Does it say who may endorse?
    pub fn limits_endorsers(&self) -> bool {
        let lists = [&self.endorsers.allow, &self.endorsed_by];
        self.anchors.is_some()
            || !self.certificates.is_empty()
            || lists.into_iter().any(|pins| !pins.is_empty())
    }

    /// Judges `documents`, which may hold anything. With a reference, an entry is approved only if that is
    /// what was asked for; without, any that keeps the rules.
    ///
    /// The entry of a reference with a date may have been replaced by its endorser, unless by one that
    /// deprecates the image.
    pub fn decide<D: AsRef<[u8]> + Sync>(
        &self,
        reference: Option<&Reference>,
        documents: impl IntoIterator<Item = D>,
        now: Timestamp,
    ) -> Decisions {
        let mut log = Log::default();
        let (candidates, endorsements) = read::candidates(self, documents, now, &mut log);
        let candidates = read::asked_for(self, candidates, reference, &mut log);
        let mut candidates = newest::newest(self, candidates, &endorsements, reference, &mut log);
        for (rule, judge) in rules::RULES {
            // P1: every entry is looked at, whatever becomes of the one before.
            candidates.retain(|candidate| match judge(self, candidate, now) {
                Some(found) => log.add(candidate, rule, found),
                None => true,
            });
        }
        let approved = quorum::choose(self, candidates, &mut log);
        Decisions { decisions: log.0, approved }
    }

    /// Where the image may be fetched from: the locations of an entry that are allowed, those first that
    /// come first in the policy, else in the order of the document.
    pub fn locations<'a>(&self, entry: &'a Metadata) -> Vec<&'a str> {
        let all = || entry.locations.iter().map(String::as_str);
        if self.locations.is_empty() {
            return all().collect();
        }
        let rank = |location: &str| self.locations.iter().position(|prefix| prefix.covers(location));
        let mut allowed: Vec<_> = all().filter_map(|location| Some((rank(location)?, location))).collect();
        allowed.sort_by_key(|(rank, _)| *rank);
        allowed.into_iter().map(|(_, location)| location).collect()
    }
}

/// An entry that has kept every rule so far.
#[derive(Debug)]
struct Candidate {
    /// `ID/EMAIL/CREATED`.
    name: String,
    entry: Verified<Metadata>,
    /// When it was endorsed, and who it says did.
    created: Timestamp,
    email: crate::Email,
    /// May it be approved? Otherwise it only counts as another's endorsement.
    wanted: bool,
}

/// What a rule found.
struct Found {
    kept: bool,
    message: String,
}

impl Found {
    /// A sentence, and what follows from it, in the words of the originals.
    fn new(kept: bool, fact: impl std::fmt::Display) -> Self {
        let follows = if kept { "keeping entry" } else { "rejecting entry" };
        Self { kept, message: format!("{fact}, {follows}") }
    }
}

/// The decisions so far.
#[derive(Default)]
struct Log(Vec<Decision>);

impl Log {
    /// Notes a decision; is the entry kept?
    fn add(&mut self, candidate: &Candidate, rule: &'static str, found: Found) -> bool {
        self.add_named(candidate.name.clone(), rule, found)
    }

    fn add_named(&mut self, entry: String, rule: &'static str, Found { kept, message }: Found) -> bool {
        self.0.push(Decision { entry, rule, kept, message });
        kept
    }
}
