//! The conditions of a selection, in SQL.
//!
//! Words are looked for as they are, whatever the case (S3): no pattern of a client reaches the database as
//! a pattern. Both databases have an index of substrings of three characters; shorter ones are only filtered.

use super::{
    State,
    open::Kind,
    row::state_number,
    sql::Sql,
    texts::{SEPARATOR, lower},
};
use crate::server::selection::{Location, Selection, Status};

/// Characters that a substring needs to be in the index.
const INDEXED: usize = 3;

/// Characters of a text that the index of words is asked for: it is asked for every three that follow each
/// other. The rest is only filtered.
const ASKED: usize = 128;

/// Words that are looked for, the longest of a selection; statements have an end.
const WORDS: usize = 32;

/// That an entry is one of those whose numbers follow. SQLite uses no index for what is computed, and so asks
/// of each entry whether it is.
pub(super) const PICKED: &str = " AND +l.id IN (SELECT rowid";

/// A selection as the database is asked for it.
#[derive(Debug)]
pub(super) struct Conditions {
    kind: Kind,
    status: Status,
    identifier: Option<String>,
    email: Option<String>,
    location: Location,
    words: Vec<String>,
    /// Column of `latest`, of `latest_words`, and what must be in it.
    contains: Vec<(&'static str, &'static str, String)>,
}

/// The states of a status.
pub(super) fn states(status: Status) -> &'static [State] {
    match status {
        Status::Valid => &[State::Valid],
        Status::Expired => &[State::Expired],
        Status::Deprecated => &[State::Deprecated],
        Status::All => &[State::Valid, State::Expired, State::Deprecated],
    }
}

/// What the index of words says of an entry beside its words: three characters for each fact.
pub(super) fn flags(state: State, web: bool, pdisk: bool) -> String {
    let mut flags = vec![state_flag(state)];
    if web {
        flags.push("web");
    }
    if pdisk {
        flags.push("pdi");
    }
    flags.join(&SEPARATOR.to_string())
}

fn state_flag(state: State) -> &'static str {
    match state {
        State::Valid => "val",
        State::Expired => "exp",
        State::Deprecated => "dep",
        State::Superseded => "sup",
    }
}

impl Conditions {
    /// The conditions of `selection`; `None` if nothing can fulfil them.
    pub(super) fn of(kind: Kind, selection: &Selection) -> Option<Self> {
        let contains = [
            ("os", "os", &selection.contains.os),
            ("os_version", "os_version", &selection.contains.os_version),
            ("os_arch", "os_arch", &selection.contains.os_arch),
            ("email_key", "email", &selection.contains.email),
            ("kind", "kind", &selection.contains.kind),
        ];
        let lowered = |text: &String| (!text.is_empty()).then(|| lower(text));
        let conditions = Self {
            kind,
            status: selection.status,
            identifier: selection.identifier.map(|identifier| identifier.to_string()),
            email: selection.email.as_ref().map(|email| email.as_str().to_owned()),
            location: selection.location,
            words: words(selection.words.iter().filter_map(lowered).collect()),
            contains: contains
                .into_iter()
                .filter_map(|(column, indexed, text)| Some((column, indexed, lowered(text)?)))
                .collect(),
        };
        // XML has neither NUL, which PostgreSQL would refuse, nor what separates texts.
        let impossible = |text: &str| text.contains(['\0', SEPARATOR]);
        let texts = conditions.contains.iter().map(|(_, _, text)| text).chain(&conditions.words);
        (!selection.nothing && !texts.into_iter().any(|text| impossible(text))).then_some(conditions)
    }

    pub(super) fn states(&self) -> &'static [State] {
        states(self.status)
    }

    /// The question to the index of words that finds all that is selected, and more if a condition is
    /// not in it; `None` if it would be of no help.
    pub(super) fn question(&self) -> Option<String> {
        if self.kind != Kind::Sqlite || self.identifier.is_some() {
            return None;
        }
        let words = self.words.iter().map(|word| (&"words", word));
        let contains = self.contains.iter().map(|(_, column, text)| (column, text));
        let indexed = words.chain(contains).filter(|(_, text)| is_indexed(text));
        let mut terms: Vec<_> =
            indexed.map(|(column, text)| format!("{column} : {}", quoted(beginning(text)))).collect();
        if self.location == Location::Pdisk {
            terms.push("flags : \"pdi\"".to_owned());
        }
        if terms.is_empty() {
            return None;
        }
        if self.location == Location::Web {
            terms.push("flags : \"web\"".to_owned());
        }
        if let Some(email) = &self.email {
            terms.push(format!("email : {}", quoted(&lower(email))));
        }
        if let [state] = self.states() {
            terms.push(format!("flags : \"{}\"", state_flag(*state)));
        }
        Some(terms.join(" AND "))
    }

    /// Does this question ask for all that is selected, and for nothing more?
    pub(super) fn asked_whole(&self) -> bool {
        let contains = self.contains.iter().map(|(_, _, text)| text);
        self.email.is_none() && self.words.iter().chain(contains).all(|text| is_whole(text))
    }

    /// What must be in the text of a property, and is too short for the index of words.
    pub(super) fn short(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let contains = self.contains.iter().map(|(column, _, text)| (*column, text.as_str()));
        contains.filter(|(_, text)| !is_indexed(text))
    }

    /// Is there an endorser among the conditions, whose entries have an index?
    pub(super) fn by_email(&self) -> bool {
        self.email.is_some() && self.identifier.is_none()
    }

    /// Which index SQLite shall walk: without statistics, it would rather walk one that is in order than one
    /// that has few entries. PostgreSQL knows by itself.
    pub(super) fn index(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite if self.identifier.is_some() => " INDEXED BY latest_by_identifier",
            Kind::Sqlite if self.email.is_some() => " INDEXED BY latest_email",
            _ => "",
        }
    }

    /// Appends conditions on `latest` as `l`, each with an AND before it: those that the index of words was
    /// not asked for, if it was. With `picked`, SQLite does not start from an endorser's entries, and knows
    /// them by their index.
    pub(super) fn filter(&self, sql: &mut Sql, picked: bool, asked: bool) {
        if let Some(identifier) = &self.identifier {
            sql.push(" AND l.identifier = ").value(identifier.as_str());
        }
        if let Some(email) = &self.email {
            if picked {
                sql.push(PICKED).push(" FROM latest INDEXED BY latest_email WHERE email = ");
                sql.value(email.as_str()).push(")");
            } else {
                sql.push(" AND l.email = ").value(email.as_str());
            }
        }
        match self.location {
            Location::All => {}
            Location::Web => drop(sql.push(" AND l.web = 1")),
            Location::Pdisk => drop(sql.push(" AND l.pdisk = 1")),
        }
        let words = self.words.iter().map(|word| (&"words", word));
        let contains = self.contains.iter().map(|(column, _, text)| (column, text));
        for (column, text) in words.chain(contains).filter(|(_, text)| !(asked && is_whole(text))) {
            self.holds(sql, column, text);
        }
    }

    /// Appends that a column holds a text.
    fn holds(&self, sql: &mut Sql, column: &'static str, text: &str) {
        let position = if self.kind == Kind::Sqlite { " AND instr(l." } else { " AND strpos(l." };
        let trigrams = self.kind == Kind::Postgres { trigrams: true } && is_indexed(text);
        if trigrams {
            sql.push(" AND l.words LIKE ").value(like(text));
        }
        if !(trigrams && column == "words") {
            sql.push(position).push(column).push(", ").value(text).push(") > 0");
        }
    }

    /// Appends that an entry is in one of these states.
    pub(super) fn in_states(sql: &mut Sql, states: &[State]) {
        if let [state] = states {
            sql.push("l.state = ").number(state_number(*state));
            return;
        }
        sql.push("l.state IN (");
        for (place, state) in states.iter().enumerate() {
            sql.push(if place == 0 { "" } else { ", " }).number(state_number(*state));
        }
        sql.push(")");
    }

    /// Of all conditions that on the endorser.
    pub(super) fn email_alone(&self) -> Self {
        Self {
            kind: self.kind,
            status: self.status,
            identifier: None,
            email: self.email.clone(),
            location: Location::All,
            words: Vec::new(),
            contains: Vec::new(),
        }
    }
}

/// What is looked for of all words: each once, and none that is part of another.
fn words(mut words: Vec<String>) -> Vec<String> {
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut longest: Vec<String> = Vec::new();
    for word in words {
        if longest.len() < WORDS && !longest.iter().any(|longer| longer.contains(&word)) {
            longest.push(word);
        }
    }
    longest
}

/// What the index of words is asked for of a text.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(ASKED).map_or(text, |(end, _)| &text[..end])
}

/// Is the index of words asked for all of it? Then it is found exactly.
fn is_whole(text: &str) -> bool {
    is_indexed(text) && beginning(text) == text
}

fn is_indexed(text: &str) -> bool {
    text.chars().nth(INDEXED - 1).is_some()
}

/// A phrase of FTS5's query language: only its own quotation marks need care.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A pattern for what holds a text.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
