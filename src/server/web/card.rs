//! An entry as lists show it.

use crate::{
    Timestamp,
    server::store::{Listed, State},
};

use super::{
    layout::Layout,
    text::{Said, When, common_name, encode, entry_path, size, web_link},
};

/// The most characters of a description in a list.
const DESCRIPTION: usize = 280;

/// An entry in a list.
pub(crate) struct Card {
    pub(crate) href: String,
    pub(crate) heading: Said,
    pub(crate) tag: Option<Said>,
    pub(crate) tile: Tile,
    pub(crate) state: Badge,
    pub(crate) facts: Vec<Said>,
    pub(crate) size: String,
    pub(crate) description: Option<Said>,
    pub(crate) deprecated: Option<Said>,
    pub(crate) endorser: Said,
    pub(crate) email: Option<Said>,
    pub(crate) of_endorser: String,
    pub(crate) identifier: String,
    pub(crate) endorsed: When,
    pub(crate) valid: When,
    pub(crate) download: Option<String>,
}

impl Card {
    pub(crate) fn new(entry: &Listed, layout: &Layout, now: Timestamp) -> Self {
        let facts = [&entry.kind, &entry.format, &entry.compression];
        Self {
            href: layout.path(&entry_path(&entry.key)),
            heading: heading(entry),
            tag: Said::some(entry.tag.as_ref()),
            tile: Tile::new(entry.os.as_deref()),
            state: Badge::new(entry.state),
            // Without a title it is the heading.
            facts: system(entry)
                .filter(|_| Said::some(entry.title.as_ref()).is_some())
                .into_iter()
                .chain(facts.into_iter().filter_map(|f| Said::some(f.as_ref())))
                .collect(),
            size: size(entry.bytes),
            description: entry
                .description
                .as_deref()
                .filter(|text| !text.trim().is_empty())
                .map(|text| Said::new(text.trim(), DESCRIPTION)),
            deprecated: entry.deprecated.as_deref().map(Said::short),
            endorser: Said::short(&common_name(&entry.subject)),
            email: email(entry),
            of_endorser: layout.path(&format!("/metadata?email={}", encode(entry.key.email.as_str()))),
            identifier: entry.key.identifier.to_string(),
            endorsed: When::relative(entry.key.created, now),
            valid: When::relative(entry.valid, now),
            // Nothing invites to use what must not be used.
            download: entry
                .locations
                .iter()
                .filter(|_| entry.deprecated.is_none())
                .find_map(|location| web_link(location)),
        }
    }
}

/// The endorser's address, where the name does not tell it.
pub(crate) fn email(entry: &Listed) -> Option<Said> {
    let email = entry.key.email.as_str();
    (common_name(&entry.subject) != email).then(|| Said::short(email))
}

/// What an entry is called: its title, else the system in it, else its identifier (W2).
pub(crate) fn heading(entry: &Listed) -> Said {
    Said::some(entry.title.as_ref())
        .or_else(|| system(entry))
        .unwrap_or_else(|| Said::short(&entry.key.identifier.to_string()))
}

fn system(entry: &Listed) -> Option<Said> {
    system_of(entry.os.as_deref(), entry.os_version.as_deref(), entry.os_arch.as_deref())
}

/// `ttylinux 9.7 i486`, as far as it is said.
pub(crate) fn system_of(os: Option<&str>, version: Option<&str>, arch: Option<&str>) -> Option<Said> {
    let said: Vec<&str> =
        [os, version, arch].into_iter().flatten().map(str::trim).filter(|text| !text.is_empty()).collect();
    (!said.is_empty()).then(|| Said::short(&said.join(" ")))
}

/// A system's letters on a colour of its own.
pub(crate) struct Tile {
    pub(crate) letters: String,
    pub(crate) hue: u32,
}

/// How many colours `style.css` has.
const HUES: u32 = 8;

impl Tile {
    pub(crate) fn new(os: Option<&str>) -> Self {
        let letters: String =
            os.unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).take(2).collect();
        let folded = os.unwrap_or_default().to_lowercase();
        let sum =
            folded.bytes().take(64).fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self { letters, hue: sum % HUES }
    }
}

/// A state in a word, and the class of its colour.
#[derive(Clone, Copy)]
pub(crate) struct Badge {
    pub(crate) class: &'static str,
    pub(crate) word: &'static str,
}

impl Badge {
    pub(crate) const fn new(state: State) -> Self {
        let (class, word) = match state {
            State::Valid => ("good", "Valid"),
            State::Expired => ("late", "Expired"),
            State::Deprecated => ("bad", "Deprecated"),
            State::Superseded => ("old", "Superseded"),
        };
        Self { class, word }
    }
}
