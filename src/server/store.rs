//! The entries and all else that outlives a request, in SQLite or PostgreSQL.
//!
//! The rules of order hold here and nowhere else: per identifier and endorser an entry must be newer than
//! the newest, or be one that is there, byte for byte; the database serialises those who try at once,
//! whichever process they come through.

use crate::{DistinguishedName, Metadata, Timestamp, dsig::Verified};

use super::{
    key::EntryKey,
    selection::{Cursor, Selection, Window},
};

/// A database with entries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

/// An entry to be kept.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What it says.
    pub metadata: Metadata,
    /// Its very bytes.
    pub document: Vec<u8>,
    /// Its key.
    pub key: EntryKey,
}

impl NewEntry {
    /// A verified entry; there is no other way to have one.
    pub fn new(_entry: &Verified<Metadata>) -> Option<Self> {
        unimplemented!()
    }
}

/// What place a new entry may take in the history of its image and endorser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest: uploads.
    Newest,
    /// Any: what an import or a mirror takes over.
    Any,
}

/// How an entry came to be in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    Created,
    /// The same bytes were there already.
    Same,
}

/// Why an entry is not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Not newer than the newest of its image and endorser.
    #[error("older than latest entry")]
    Older {
        /// The newest.
        newest: Timestamp,
    },
    /// There is another entry with this key.
    #[error("an entry with this identifier, email and date, but other content, is there already")]
    Differs,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the database does not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached, is full, or failed.
    #[error("the database failed: {cause}")]
    Database {
        /// Its words.
        cause: String,
    },
}

/// An entry's bytes, as they were uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// The state of the entry now.
    pub state: State,
}

/// The state of an entry at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The newest of its endorser, neither expired nor deprecated.
    Valid,
    /// The newest of its endorser, past `dcterms:valid`, not deprecated.
    Expired,
    /// The newest of its endorser, with a `slterms:deprecated`.
    Deprecated,
    /// There is a newer one of the same image and endorser.
    Superseded,
}

/// An entry as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: EntryKey,
    /// Its place in the list.
    pub cursor: Cursor,
    /// Its state.
    pub state: State,
    /// The endorser's subject.
    pub subject: DistinguishedName,
    /// `dcterms:title`.
    pub title: Option<String>,
    /// `dcterms:alternative`.
    pub tag: Option<String>,
    /// `dcterms:description`.
    pub description: Option<String>,
    /// `slterms:kind`.
    pub kind: Option<String>,
    /// `slterms:os`.
    pub os: Option<String>,
    /// `slterms:os-version`.
    pub os_version: Option<String>,
    /// `slterms:os-arch`.
    pub os_arch: Option<String>,
    /// `slterms:version`.
    pub version: Option<String>,
    /// `dcterms:format`.
    pub format: Option<String>,
    /// `dcterms:compression`.
    pub compression: Option<String>,
    /// `slreq:bytes`.
    pub bytes: u64,
    /// `slterms:location`, in document order.
    pub locations: Vec<String>,
    /// `dcterms:valid`.
    pub valid: Timestamp,
    /// `slterms:deprecated`.
    pub deprecated: Option<String>,
}

/// A stretch of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Listed>,
    /// Are there entries before these?
    pub before: bool,
    /// Are there entries after these?
    pub after: bool,
}

/// An endorser: distinct triples over all entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEndorser {
    /// `slreq:email`.
    pub email: String,
    /// `slreq:subject`.
    pub subject: String,
    /// `slreq:issuer`.
    pub issuer: String,
}

/// An entry in the order in which the database took them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number: from 1, without gaps that are filled later.
    pub sequence: i64,
    /// Its key.
    pub key: EntryKey,
    /// Its bytes.
    pub document: Vec<u8>,
}

/// An upload that waits for its endorser to confirm it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its key.
    pub key: EntryKey,
    /// Its bytes.
    pub document: Vec<u8>,
    /// When it is forgotten.
    pub expires: Timestamp,
}

impl Store {
    /// Opens the database, after bringing its schema up to date.
    pub async fn open(_database: &super::settings::Database) -> Result<Self, StoreError> {
        unimplemented!()
    }
    /// Does it answer?
    pub async fn ping(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Keeps an entry; when this returns, it is kept whatever happens.
    pub async fn add(&self, _entry: &NewEntry, _order: Order, _now: Timestamp) -> Result<Added, AddError> {
        unimplemented!()
    }
    /// An entry's bytes.
    pub async fn document(&self, _key: &EntryKey, _now: Timestamp) -> Result<Option<Document>, StoreError> {
        unimplemented!()
    }
    /// A stretch of a list, at `now`.
    pub async fn list(
        &self,
        _selection: &Selection,
        _window: &Window,
        _now: Timestamp,
    ) -> Result<Page, StoreError> {
        unimplemented!()
    }
    /// The same with the entries' bytes.
    pub async fn list_documents(
        &self,
        _selection: &Selection,
        _window: &Window,
        _now: Timestamp,
    ) -> Result<(Page, Vec<Vec<u8>>), StoreError> {
        unimplemented!()
    }
    /// How many entries a list has, counted no further than `limit`.
    pub async fn count(
        &self,
        _selection: &Selection,
        _limit: u64,
        _now: Timestamp,
    ) -> Result<u64, StoreError> {
        unimplemented!()
    }
    /// All entries of an image, superseded ones too, newest first, at most `limit`.
    pub async fn history(
        &self,
        _identifier: crate::Identifier,
        _limit: u32,
        _now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        unimplemented!()
    }
    /// All endorsers, by e-mail.
    pub async fn endorsers(&self) -> Result<Vec<KnownEndorser>, StoreError> {
        unimplemented!()
    }
    /// What an endorser endorsed since, superseded entries too, newest first.
    pub async fn endorsed(
        &self,
        _email: &crate::Email,
        _since: Timestamp,
        _now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        unimplemented!()
    }
    /// An endorser's tags, without the empty one (S41), in order.
    pub async fn tags(&self, _email: &crate::Email) -> Result<Vec<String>, StoreError> {
        unimplemented!()
    }
    /// The newest entry that carries an endorser's tag (behaviour 1.7).
    pub async fn tagged(&self, _email: &crate::Email, _tag: &str) -> Result<Option<EntryKey>, StoreError> {
        unimplemented!()
    }
    /// The values an os, version, architecture or kind has in listed entries, most frequent first: for suggestions.
    /// Entries in the order in which they came, after that number.
    pub async fn changes(&self, _after: i64, _limit: u32) -> Result<Vec<Change>, StoreError> {
        unimplemented!()
    }
    /// The name of this database, drawn when it was made, and the number of its newest entry.
    pub async fn feed(&self) -> Result<(String, i64), StoreError> {
        unimplemented!()
    }
    /// Parks an upload under the SHA-256 of its token; false if the endorser has `most` waiting already.
    pub async fn park(
        &self,
        _token: &[u8; 32],
        _parked: &Parked,
        _most: u32,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// What is parked under a token.
    pub async fn parked(&self, _token: &[u8; 32], _now: Timestamp) -> Result<Option<Parked>, StoreError> {
        unimplemented!()
    }
    /// Forgets what is parked under a token; false if there was nothing.
    pub async fn forget(&self, _token: &[u8; 32]) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// Forgets what has waited too long.
    pub async fn forget_expired(&self, _now: Timestamp) -> Result<u64, StoreError> {
        unimplemented!()
    }
    /// Entries in state valid that expire in (from, to], by endorser.
    pub async fn expiring(&self, _from: Timestamp, _to: Timestamp) -> Result<Vec<Listed>, StoreError> {
        unimplemented!()
    }
    /// Counts `what` once more, in this hour of the clock: how often that makes it, in whichever process.
    pub async fn tally(&self, _what: &str, _now: Timestamp) -> Result<u64, StoreError> {
        unimplemented!()
    }
    /// `what` is anyone's to claim again.
    pub async fn release(&self, _what: &str) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Makes `what` this process's to do: true for one of all who ask, once.
    pub async fn claim(&self, _what: &str, _now: Timestamp) -> Result<bool, StoreError> {
        unimplemented!()
    }
}
