//! What of an entry is searched and sorted by.

use crate::{Metadata, Timestamp};

pub(super) use crate::marketplace::lower;

use super::{NewEntry, State};

/// Characters of a text that are sorted by: PostgreSQL's index rows hold about 2,700 bytes.
pub(super) const KEY_CHARACTERS: usize = 200;

/// Between two texts that are searched as one: it cannot be in XML, so nothing that is found spans them.
pub(super) const SEPARATOR: char = '\u{1}';

/// Bytes of a text that lists have; documents have all of it. An entry may have megabytes of it, and a list a
/// thousand entries.
const LISTED: usize = 1024;

/// The same of a description.
const DESCRIPTION: usize = 4096;

/// The same of a tag, and what is looked for in the text of a property.
const LONG: usize = 16 * 1024;

/// The same of all locations together.
const LOCATIONS: usize = 16 * 1024;

/// Bytes of an entry's texts that words are looked for in: to index megabytes would keep other uploads waiting.
const SEARCHED: usize = 64 * 1024;

/// As much of a text as lists have.
pub(super) fn listed(text: &str) -> &str {
    beginning(text, LISTED)
}

/// As much of a tag as lists have.
pub(super) fn tag(text: &str) -> &str {
    beginning(text, LONG)
}

/// As much of a description as lists have.
pub(super) fn description(text: &str) -> &str {
    beginning(text, DESCRIPTION)
}

/// The first locations, as many as lists have. None is cut: it would be another.
pub(super) fn locations(locations: &[String]) -> &[String] {
    let mut bytes = 0_usize;
    let fitting = locations.iter().take_while(|location| {
        bytes = bytes.saturating_add(location.len());
        bytes <= LOCATIONS
    });
    locations.get(..fitting.count()).unwrap_or_default()
}

fn beginning(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// What of it is sorted by.
pub(super) fn key(lower: &str) -> String {
    lower.chars().take(KEY_CHARACTERS).collect()
}

/// A tag as an index can hold it; long ones end with their digest.
pub(super) fn tag_key(tag: &str) -> String {
    if tag.chars().count() <= KEY_CHARACTERS {
        return tag.to_owned();
    }
    let digest = crate::checksum::hex(&openssl::sha::sha256(tag.as_bytes()));
    tag.chars().take(KEY_CHARACTERS - digest.len()).chain(digest.chars()).collect()
}

/// Is the image at a URL that a browser opens, or nowhere yet (behaviour 1.6)?
pub(super) fn on_web(locations: &[String]) -> bool {
    let web = |location: &String| {
        ["http://", "https://", "ftp://"].iter().any(|scheme| location.starts_with(scheme))
    };
    locations.is_empty() || locations.iter().any(web)
}

/// Is it in persistent storage?
pub(super) fn on_pdisk(locations: &[String]) -> bool {
    locations.iter().any(|location| location.starts_with("pdisk"))
}

/// The state of an entry that is the newest of its endorser.
pub(super) fn state(metadata: &Metadata, now: Timestamp) -> State {
    match (&metadata.deprecated, metadata.valid) {
        (Some(_), _) => State::Deprecated,
        (None, Some(valid)) if valid > now => State::Valid,
        (None, _) => State::Expired,
    }
}

/// The texts of an entry, in lower case.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) os: String,
    pub(super) os_version: String,
    pub(super) os_arch: String,
    pub(super) email: String,
    pub(super) kind: String,
    pub(super) title: String,
    /// All that words are looked for in.
    pub(super) words: String,
}

impl Texts {
    pub(super) fn of(entry: &NewEntry) -> Self {
        let metadata = &entry.metadata;
        let or_empty = |text: &Option<String>| lower(beginning(text.as_deref().unwrap_or_default(), LONG));
        let mut texts = Self {
            os: or_empty(&metadata.os),
            os_version: or_empty(&metadata.os_version),
            os_arch: or_empty(&metadata.os_arch),
            email: lower(entry.key.email.as_str()),
            kind: or_empty(&metadata.kind),
            title: or_empty(&metadata.title),
            words: String::new(),
        };
        let (created, identifier) = (entry.key.created.to_string(), entry.key.identifier.to_string());
        let (created, identifier) = (lower(&created), lower(&identifier));
        let description = metadata.description.as_deref().unwrap_or_default();
        let description = lower(beginning(description, SEARCHED));
        let locations: Vec<_> =
            locations(&metadata.locations).iter().map(|location| lower(location)).collect();
        let one = [
            &texts.os,
            &texts.os_version,
            &texts.os_arch,
            &texts.email,
            &texts.kind,
            &created,
            &identifier,
            &texts.title,
            &description,
        ];
        let all: Vec<&str> = one.into_iter().chain(&locations).map(String::as_str).collect();
        texts.words = all.join(&SEPARATOR.to_string());
        texts
    }
}
