//! All entries of an image: who endorses it now, and what was said of it before.

use crate::{
    Timestamp,
    server::{
        key::EntryKey,
        marketplace::Marketplace,
        problem::Problem,
        store::{Listed, State},
    },
};

use super::super::{
    card::{Badge, email},
    layout::{Layout, Section},
    text::{Said, When, common_name, entry_path},
};

/// The most entries shown.
const MOST: u32 = 200;

/// All entries of an image.
pub(super) struct Past {
    /// The newest of the same endorser, if that is another.
    pub(super) newest: Option<EntryKey>,
    /// The newest of each endorser, then those they replaced.
    pub(super) entries: Vec<Entry>,
    /// How many endorse it now, neither expired nor deprecated.
    pub(super) endorsers: usize,
    /// There are more.
    pub(super) more: bool,
}

pub(super) struct Entry {
    pub(super) href: String,
    pub(super) endorser: Said,
    pub(super) email: Option<Said>,
    pub(super) created: When,
    pub(super) state: Badge,
    pub(super) deprecated: Option<Said>,
    pub(super) here: bool,
}

/// The entries of the image that `key` is of.
pub(super) async fn find(marketplace: &Marketplace, key: &EntryKey, now: Timestamp) -> Result<Past, Problem> {
    let mut entries = marketplace.store().history(key.identifier, MOST + 1, now).await?;
    let more = entries.len() > MOST as usize;
    entries.truncate(MOST as usize);
    let newest = entries
        .iter()
        .find(|entry| entry.key.email == key.email && entry.state != State::Superseded)
        .filter(|entry| entry.key != *key)
        .map(|entry| entry.key.clone());
    // Stable: newest first in both halves.
    entries.sort_by_key(|entry| entry.state == State::Superseded);
    let layout = Layout::new(marketplace, Section::Images);
    let told = |entry: &Listed| Entry {
        href: layout.path(&entry_path(&entry.key)),
        endorser: Said::short(&common_name(&entry.subject)),
        email: email(entry),
        created: When::at(entry.key.created),
        state: Badge::new(entry.state),
        deprecated: entry.deprecated.as_deref().map(|reason| Said::short(reason.trim())),
        here: entry.key == *key,
    };
    Ok(Past {
        newest,
        endorsers: entries.iter().filter(|entry| entry.state == State::Valid).count(),
        entries: entries.iter().map(told).collect(),
        more,
    })
}
