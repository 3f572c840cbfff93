//! Follows another Marketplace, and verifies what it takes.
//!
//! From one that has a feed, as ours have, everything it ever took, in that order, and then what is new; from
//! an original the newest entry of every image and endorser, which is all it lists. Nothing it says is
//! believed: each entry goes through [`Intake`], and what is refused is told and passed over.
//!
//! The place in a feed is kept in the database, under the URL and the name of the feed: a mirror that was
//! stopped goes on where it was, and one whose source was made anew begins anew. Taking an entry twice is
//! harmless, so nothing is lost between an entry and its place.

use std::collections::HashMap;

use openssl::sha::sha256;
use rayon::prelude::*;
use tokio::runtime::Handle;

use crate::{
    Timestamp,
    marketplace::{Changed, Client, ClientError, Feed},
};

use super::{
    intake::{Intake, IntakeError},
    key::{EntryKey, EntryKeyError},
    store::{AddError, Added, NewEntry, Order, Store, StoreError},
};

/// Entries asked for at once.
const PAGE: u32 = 256;

/// Entries of a list that are judged at once, and their bytes unless one alone has more.
const AT_ONCE: usize = 256;
const BYTES_AT_ONCE: usize = 16 << 20;

/// Refused entries in one round after which the source is not a Marketplace worth following.
const MAX_REFUSED: u64 = 100_000;

/// Documents of a list that are remembered, so that they are not judged again in the next round; 32 bytes each.
const MAX_REMEMBERED: usize = 1_000_000;

/// Why a round ends before its time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The other Marketplace cannot be asked, or what it says makes no sense.
    #[error(transparent)]
    Source(#[from] ClientError),
    /// The feed changed its name twice in one round.
    #[error("{url} answers with another feed each time")]
    Unsteady {
        /// The base URL.
        url: String,
    },
    /// Hardly anything it gives is good.
    #[error("{url} gave more than {MAX_REFUSED} entries that are refused")]
    Refused {
        /// The base URL.
        url: String,
    },
    /// The database does not take entries.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an entry is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// It is no entry, or none that is taken here.
    #[error(transparent)]
    Refused(#[from] IntakeError),
    /// What names it there names nothing.
    #[error(transparent)]
    Name(#[from] EntryKeyError),
    /// Other bytes are stored under its key here.
    #[error("there is another entry with this identifier, email and date here")]
    Differs,
}

/// What happens in a round.
#[derive(Debug)]
pub enum Mirrored<'a> {
    /// The feed is a new one: everything is taken from its beginning.
    Begins {
        /// The name of the feed.
        feed: &'a str,
    },
    /// An entry was taken.
    Added(&'a EntryKey),
    /// An entry was there already.
    Same(&'a EntryKey),
    /// An entry is passed over. It is named by its place, and by the key it is said to have.
    Refused(&'a str, &'a EntryError),
}

/// Told of what happens.
pub type Observer<'a> = dyn FnMut(Mirrored<'_>) + 'a;

/// How many entries a round took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Taken.
    pub added: u64,
    /// There already.
    pub same: u64,
    /// Passed over.
    pub refused: u64,
}

/// A Marketplace that is followed.
#[derive(Debug)]
pub struct Mirror<'a> {
    client: Client,
    intake: Intake,
    store: &'a Store,
    runtime: &'a Handle,
    /// SHA-256 of the documents of a list that were looked at, and whether they are here.
    remembered: HashMap<[u8; 32], bool>,
}

/// An entry to be judged: where it stands, the key it is said to have, its bytes.
struct Candidate {
    name: String,
    /// As the source says it; a list says none.
    key: Option<String>,
    document: Vec<u8>,
}

impl<'a> Mirror<'a> {
    /// Follows the Marketplace that `client` talks to.
    pub fn new(client: Client, intake: Intake, (store, runtime): (&'a Store, &'a Handle)) -> Self {
        Self { client, intake, store, runtime, remembered: HashMap::new() }
    }

    /// Takes all there is to take now, and tells `observe` of it.
    ///
    /// # Errors
    /// [`MirrorError`]; what was taken by then stays, and the next round goes on behind it.
    pub fn round(&mut self, observe: &mut Observer<'_>) -> Result<Round, MirrorError> {
        let url = self.url();
        let known = self.runtime.block_on(self.store.mirrored(&url))?;
        let (feed, position) = known.unwrap_or_default();
        match self.client.changes(position, PAGE)? {
            Some(page) => self.follow(page, (feed, position), observe),
            None => self.take_list(observe),
        }
    }

    fn url(&self) -> String {
        self.client.endpoint().as_str().to_owned()
    }

    /// Takes a feed from its first page to its end.
    fn follow(
        &mut self,
        mut page: Feed,
        (mut feed, mut position): (String, i64),
        observe: &mut Observer<'_>,
    ) -> Result<Round, MirrorError> {
        let (url, mut round, mut restarted) = (self.url(), Round::default(), false);
        loop {
            // Numbers that went back: the source was restored from an older copy of itself.
            if page.name != feed || page.newest < position {
                if restarted {
                    return Err(MirrorError::Unsteady { url });
                }
                restarted = true;
                observe(Mirrored::Begins { feed: &page.name });
                let behind = position > 0;
                (feed, position) = (page.name.clone(), 0);
                self.runtime.block_on(self.store.set_mirrored(&url, &feed, position))?;
                if behind {
                    page = self.next(position)?;
                    continue;
                }
            }
            let Some(last) = page.entries.last() else { return Ok(round) };
            position = last.sequence;
            let candidates = page.entries.into_iter().map(Candidate::of_feed).collect::<Vec<_>>();
            self.take(&candidates, &mut round, observe)?;
            self.runtime.block_on(self.store.set_mirrored(&url, &feed, position))?;
            page = self.next(position)?;
        }
    }

    fn next(&self, position: i64) -> Result<Feed, MirrorError> {
        let unsteady = || MirrorError::Unsteady { url: self.url() };
        self.client.changes(position, PAGE)?.ok_or_else(unsteady)
    }

    /// Takes the list of a Marketplace without a feed.
    fn take_list(&mut self, observe: &mut Observer<'_>) -> Result<Round, MirrorError> {
        let (mut round, mut batch, mut bytes, mut number) = (Round::default(), Vec::new(), 0, 0_u64);
        let mut list = self.client.latest()?;
        loop {
            let entry = list.next().transpose()?;
            let end = entry.is_none();
            if let Some(document) = entry {
                number += 1;
                if let Some(here) = self.remembered.get(&sha256(&document)) {
                    // What was refused was told then.
                    round.same += u64::from(*here);
                    continue;
                }
                bytes += document.len();
                batch.push(Candidate { name: format!("entry {number}"), key: None, document });
            }
            if end || batch.len() >= AT_ONCE || bytes >= BYTES_AT_ONCE {
                let here = self.take(&batch, &mut round, observe)?;
                if self.remembered.len() + batch.len() <= MAX_REMEMBERED {
                    let digests = batch.iter().map(|candidate| sha256(&candidate.document));
                    self.remembered.extend(digests.zip(here));
                }
                batch.clear();
                bytes = 0;
            }
            if end {
                return Ok(round);
            }
        }
    }

    /// Judges entries on all cores and adds what is good. Whether each is here now.
    fn take(
        &self,
        candidates: &[Candidate],
        round: &mut Round,
        observe: &mut Observer<'_>,
    ) -> Result<Vec<bool>, MirrorError> {
        let now = Timestamp::now();
        let judged: Vec<_> = candidates.par_iter().map(|candidate| self.judge(candidate, now)).collect();
        let adding = judged.iter().map(async |judged| match judged {
            Ok(entry) => Some(self.store.add(entry, Order::Any, now).await),
            Err(_) => None,
        });
        let added = self.runtime.block_on(futures_util::future::join_all(adding));
        let mut here = Vec::with_capacity(candidates.len());
        for ((candidate, judged), added) in candidates.iter().zip(judged).zip(added) {
            let error = match (judged, added) {
                (Ok(entry), Some(Ok(Added::Created))) => {
                    round.added += 1;
                    here.push(true);
                    observe(Mirrored::Added(&entry.key));
                    continue;
                }
                (Ok(entry), Some(Ok(Added::Same))) => {
                    round.same += 1;
                    here.push(true);
                    observe(Mirrored::Same(&entry.key));
                    continue;
                }
                (_, Some(Err(AddError::Store(error)))) => return Err(error.into()),
                (Err(error), _) => error,
                (Ok(_), _) => EntryError::Differs,
            };
            round.refused += 1;
            here.push(false);
            observe(Mirrored::Refused(&candidate.name, &error));
            if round.refused > MAX_REFUSED {
                return Err(MirrorError::Refused { url: self.url() });
            }
        }
        Ok(here)
    }

    fn judge(&self, candidate: &Candidate, now: Timestamp) -> Result<NewEntry, EntryError> {
        let key = candidate.key.as_deref().map(str::parse::<EntryKey>).transpose()?;
        Ok(self.intake.judge(&candidate.document, key.as_ref(), now)?)
    }
}

impl Candidate {
    fn of_feed(changed: Changed) -> Self {
        let Changed { sequence, key, document } = changed;
        Self { name: format!("number {sequence}, {key}"), key: Some(key), document }
    }
}
