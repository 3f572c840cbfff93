//! The entries and all else that outlives a request, in SQLite or PostgreSQL.
//!
//! The rules of order hold here and nowhere else: per identifier and endorser an entry must be newer than
//! the newest, or be one that is there, byte for byte; the database serialises those who try at once,
//! whichever process they come through.
//!
//! Time is told by the callers, and does not go back: what has expired once stays so.

mod add;
mod audit;
mod changes;
mod claims;
mod endorsers;
mod expiry;
mod file;
mod find;
mod insert;
mod list;
mod merge;
mod mirrored;
mod moment;
mod open;
mod order;
mod parked;
mod row;
mod schema;
mod series;
mod sql;
mod tags;
mod tally;
mod texts;
mod values;
mod writer;

use std::sync::Arc;

use crate::{DistinguishedName, Metadata, Timestamp, dsig::Verified};

use super::{key::EntryKey, selection::Cursor};

pub use self::{
    audit::Kept, changes::MAX_CHANGES_BYTES, endorsers::MAX_ENDORSED, list::MAX_DOCUMENTS_BYTES,
    tags::MAX_TAGS, values::Suggestions,
};

/// A database with entries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<open::Opened>);

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
    /// `None` if it has no `dcterms:valid` (S10), which `validate` requires of every upload.
    pub fn new(entry: &Verified<Metadata>) -> Option<Self> {
        let metadata: &Metadata = entry;
        metadata.valid?;
        let key = EntryKey::of(metadata)?;
        Some(Self { metadata: metadata.clone(), document: entry.document().to_vec(), key })
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
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached, is full, or failed.
    #[error("the database failed: {cause}")]
    Database {
        /// Its words.
        cause: String,
    },
    /// Its schema was made by a later version of this program.
    #[error("the database has schema {found}, this program knows {known}; use a newer program")]
    Newer {
        /// The version of its schema.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// It stores text in an encoding that cannot hold all of Unicode.
    #[error("the database has the encoding {encoding}; make one with UTF8")]
    Encoding {
        /// What it says.
        encoding: String,
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
