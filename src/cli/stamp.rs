//! Time stamps beside entries: asking for them, and the files they are kept in.

mod ask;
mod find;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::verdict;
use crate::tsp::Token;

pub use ask::{Companion, TimestampArgs, ask, check_places};
pub use find::{StampArgs, Stamps};

/// Where the time stamp of an entry is kept: `FILE.tsr`, beside what FILE is a link to.
fn beside(entry: &Path) -> PathBuf {
    let is_link = fs::symlink_metadata(entry).is_ok_and(|found| found.is_symlink());
    let place = if is_link { fs::canonicalize(entry).ok() } else { None };
    let mut name = OsString::from(place.unwrap_or_else(|| entry.to_owned()));
    name.push(".tsr");
    name.into()
}

/// What the commands say of a time stamp in JSON.
pub(super) fn token_fields(token: &Token) -> Map<String, Value> {
    Map::from_iter([
        ("time".to_owned(), token.time.to_string().into()),
        ("latest".to_owned(), token.latest.to_string().into()),
        ("serial".to_owned(), token.serial.clone().into()),
        ("policy".to_owned(), token.policy.clone().into()),
        ("tsa".to_owned(), verdict::certificate(&token.tsa)),
    ])
}
