//! Entries as rows of results.

use sqlx::any::AnyRow;

use crate::{DistinguishedName, Timestamp};

use super::{
    Listed, State, StoreError,
    sql::{number, optional_text, text},
};
use crate::server::{key::EntryKey, selection::Cursor};

/// The columns that [`listed`] reads, of `entry` as `e`; the state and the value sorted by follow them.
pub(super) const COLUMNS: &str = "e.id, e.identifier, e.email, e.created, e.subject, e.title, e.tag, \
                                  e.description, e.kind, e.os, e.os_version, e.os_arch, e.version, e.format, \
                                  e.compression, e.bytes, e.locations, e.valid, e.deprecated";

/// Where what follows [`COLUMNS`] begins.
pub(super) const AFTER_COLUMNS: usize = 19;

/// States as numbers. Those of listed entries are positive.
pub(super) fn state_number(state: State) -> i64 {
    match state {
        State::Superseded => 0,
        State::Valid => 1,
        State::Expired => 2,
        State::Deprecated => 3,
    }
}

/// The state behind this number of the database, at `now`.
pub(super) fn state(number: i64, valid: Timestamp, now: Timestamp) -> State {
    match number {
        // It may not have been moved yet.
        1 if valid <= now => State::Expired,
        1 => State::Valid,
        2 => State::Expired,
        3 => State::Deprecated,
        _ => State::Superseded,
    }
}

pub(super) fn timestamp(row: &AnyRow, column: usize) -> Result<Timestamp, StoreError> {
    Timestamp::from_unix_seconds(number(row, column)?).ok_or_else(|| StoreError::unreadable("date"))
}

/// The key in three columns from this one on.
pub(super) fn key(row: &AnyRow, column: usize) -> Result<EntryKey, StoreError> {
    let wrong = || StoreError::unreadable("key");
    Ok(EntryKey {
        identifier: text(row, column)?.parse().map_err(|_| wrong())?,
        email: text(row, column + 1)?.parse().map_err(|_| wrong())?,
        created: timestamp(row, column + 2)?,
    })
}

/// An entry from [`COLUMNS`], its state and the value it is sorted by.
pub(super) fn listed(row: &AnyRow, now: Timestamp) -> Result<Listed, StoreError> {
    let locations: Vec<String> = serde_json::from_str::<serde_json::Value>(&text(row, 16)?)
        .ok()
        .and_then(strings)
        .ok_or_else(|| StoreError::unreadable("list of locations"))?;
    let valid = timestamp(row, 17)?;
    Ok(Listed {
        key: key(row, 1)?,
        cursor: Cursor { value: text(row, AFTER_COLUMNS + 1)?, id: number(row, 0)? },
        state: state(number(row, AFTER_COLUMNS)?, valid, now),
        subject: DistinguishedName::from_text(text(row, 4)?),
        title: optional_text(row, 5)?,
        tag: optional_text(row, 6)?,
        description: optional_text(row, 7)?,
        kind: optional_text(row, 8)?,
        os: optional_text(row, 9)?,
        os_version: optional_text(row, 10)?,
        os_arch: optional_text(row, 11)?,
        version: optional_text(row, 12)?,
        format: optional_text(row, 13)?,
        compression: optional_text(row, 14)?,
        bytes: number(row, 15)?.cast_unsigned(),
        locations,
        valid,
        deprecated: optional_text(row, 18)?,
    })
}

fn strings(value: serde_json::Value) -> Option<Vec<String>> {
    let serde_json::Value::Array(values) = value else { return None };
    values
        .into_iter()
        .map(|value| match value {
            serde_json::Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}
