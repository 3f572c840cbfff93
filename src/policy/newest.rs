//! Only the newest entry of an endorser for an image counts.

use std::collections::HashMap;

use super::{Candidate, Found, Log, Policy};
use crate::{Identifier, Metadata, Timestamp, marketplace::Reference};

/// When an image was endorsed, and whether that deprecated it: of two of one date that is the later.
type Moment = (Timestamp, bool);

/// The endorsements of entries whose signatures hold: the newest by image and address, whatever else is
/// wrong with them, and the newest that deprecates.
#[derive(Default)]
pub(super) struct Endorsements(HashMap<(Identifier, String), Latest>);

struct Latest {
    newest: Moment,
    deprecation: Option<Timestamp>,
}

impl Endorsements {
    pub(super) fn add(&mut self, entry: &Metadata) {
        let Some(endorsement) = &entry.endorsement else { return };
        let moment = (endorsement.created, entry.deprecated.is_some());
        let deprecation = entry.deprecated.is_some().then_some(endorsement.created);
        let key = (entry.identifier, folded(endorsement.endorser.email.as_str()));
        let latest = self.0.entry(key).or_insert(Latest { newest: moment, deprecation });
        latest.newest = latest.newest.max(moment);
        latest.deprecation = latest.deprecation.max(deprecation);
    }

    fn latest(&self, candidate: &Candidate) -> Option<&Latest> {
        self.0.get(&(candidate.entry.identifier, folded(candidate.email.as_str())))
    }
}

/// An address that is the same whatever the case of its host (P9).
fn folded(email: &str) -> String {
    match email.split_once('@') {
        Some((local, host)) => format!("{local}@{}", host.to_ascii_lowercase()),
        None => email.to_owned(),
    }
}

/// The entries that nobody has replaced. One that was asked for by its date is taken all the same, unless
/// the image was deprecated since, be it taken back or not.
pub(super) fn newest(
    policy: &Policy,
    candidates: Vec<Candidate>,
    endorsements: &Endorsements,
    reference: Option<&Reference>,
    log: &mut Log,
) -> Vec<Candidate> {
    let dated = reference
        .and_then(|reference| reference.endorsement.as_ref())
        .is_some_and(|(_, date)| date.is_some());
    let judge = |candidate: &Candidate| {
        let Latest { newest, deprecation } = endorsements.latest(candidate)?;
        let own = (candidate.created, candidate.entry.deprecated.is_some());
        if *newest <= own {
            return None;
        }
        let name = &candidate.name;
        if !(dated && candidate.wanted) {
            return Some(Found::new(
                false,
                format_args!("{name} is superseded by the entry of {}", newest.0),
            ));
        }
        let since = deprecation.filter(|date| (*date, true) > own);
        Some(match since.filter(|_| !policy.allow_deprecated) {
            Some(date) => Found::new(
                false,
                format_args!("{name} is superseded by the entry of {date}, which deprecates the image"),
            ),
            None => Found::new(
                true,
                format_args!(
                    "{name} is superseded by the entry of {}, but was asked for by its date",
                    newest.0
                ),
            ),
        })
    };
    candidates
        .into_iter()
        .filter(|candidate| judge(candidate).is_none_or(|found| log.add(candidate, "newest", found)))
        .collect()
}
