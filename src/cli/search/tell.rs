//! How what was found is told: a table, lines for programs, identifiers or JSON.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
};

use super::super::{
    Session, Status,
    judge::Judged,
    table::{self, Column},
};
use crate::{Identifier, http::printable, marketplace::Client, metadata::State};

/// What an entry is told by, in the order of the lines.
const COLUMNS: [Column; 8] = [
    Column { heading: "IDENTIFIER", least: None, rank: 0 },
    Column { heading: "VERDICT", least: None, rank: 1 },
    Column { heading: "STATE", least: None, rank: 2 },
    Column { heading: "OS", least: Some(14), rank: 4 },
    Column { heading: "KIND", least: Some(4), rank: 9 },
    Column { heading: "ENDORSED", least: None, rank: 8 },
    Column { heading: "ENDORSER", least: Some(12), rank: 5 },
    Column { heading: "TITLE", least: Some(12), rank: 6 },
];
/// The most characters of a value that a table has: no terminal is wider.
const CELL: usize = 200;

/// What is found, as it is told.
pub(super) struct Found<'a> {
    form: Form,
    limit: usize,
    client: &'a Client,
    session: &'a Session,
    /// What was told: entries, or identifiers.
    told: usize,
    /// Whether there is one more than may be told.
    more: bool,
    /// How many of the entries verify, how many do not, and how many are not what was looked for.
    good: usize,
    bad: usize,
    unfit: usize,
    hint: Option<&'static str>,
}

enum Form {
    /// Kept until it is known how wide the columns have to be.
    Table(Vec<Vec<String>>),
    Lines,
    Ids(BTreeSet<Identifier>),
    Json,
}

impl<'a> Found<'a> {
    pub(super) fn new(ids: bool, limit: usize, client: &'a Client, session: &'a Session) -> Self {
        let form = match ids {
            true => Form::Ids(BTreeSet::new()),
            false if session.json() => Form::Json,
            false if io::stdout().is_terminal() => Form::Table(Vec::new()),
            false => Form::Lines,
        };
        Self { form, limit, client, session, told: 0, more: false, good: 0, bad: 0, unfit: 0, hint: None }
    }

    /// Whether all that may be told was told, and whether there is more is known.
    pub(super) const fn is_enough(&self) -> bool {
        self.more
    }

    /// The next entry; nothing if it is not what was looked for.
    pub(super) fn take(&mut self, judged: Option<Judged>) {
        let Some(judged) = judged else {
            self.unfit += 1;
            return;
        };
        if self.more {
            return;
        }
        if let Form::Ids(known) = &mut self.form {
            match judged.metadata().filter(|_| judged.is_valid()) {
                None => self.refuse(&judged),
                Some(metadata) if known.contains(&metadata.identifier) => self.good += 1,
                Some(_) if self.told == self.limit => self.more = true,
                Some(metadata) => {
                    known.insert(metadata.identifier);
                    self.session.result(metadata.identifier);
                    (self.good, self.told) = (self.good + 1, self.told + 1);
                }
            }
            return;
        }
        if self.told == self.limit {
            self.more = true;
            return;
        }
        self.told += 1;
        if judged.is_valid() {
            self.good += 1;
        } else {
            self.refuse(&judged);
        }
        match &mut self.form {
            Form::Table(rows) => rows.push(row(&judged)),
            Form::Lines => self.session.write((line(&judged).join("\t") + "\n").as_bytes()),
            Form::Ids(_) | Form::Json => {
                let mut fields = judged.fields();
                let url = judged.reference().map(|reference| self.client.endpoint().url_of(&reference));
                fields.shift_insert(0, "url".to_owned(), url.into());
                self.session.bare_object(fields);
            }
        }
    }

    /// Counts an entry that does not verify.
    fn refuse(&mut self, judged: &Judged) {
        self.bad += 1;
        self.hint = self.hint.or(judged.hint());
        let name = judged.reference().map_or("an entry".to_owned(), |reference| reference.to_string());
        self.session.detail(format_args!("{name} is invalid: {}", judged.reason().unwrap_or_default()));
    }

    /// Tells what is left to tell, at the end of the list or when enough was read; `whole` if nothing went wrong.
    pub(super) fn finish(self, whole: bool) {
        let session = self.session;
        if let Form::Table(rows) = &self.form
            && !rows.is_empty()
        {
            let width = table::terminal_width();
            let lines = table::lines(&COLUMNS, rows, width);
            session.write((lines.join("\n") + "\n").as_bytes());
        }
        if self.unfit > 0 {
            session.detail(format_args!("{} of the entries listed are not what was looked for", self.unfit));
        }
        if self.bad > 0 {
            let left_out = if matches!(self.form, Form::Ids(_)) { " and left out" } else { "" };
            let entries = if self.bad == 1 { "entry is" } else { "entries are" };
            session.warn(format_args!("{} {entries} invalid{left_out}; -v tells why", self.bad));
            if let Some(hint) = self.hint {
                session.note(hint);
            }
        }
        if self.more {
            let what = if matches!(self.form, Form::Ids(_)) { "identifiers" } else { "entries" };
            session
                .note(format_args!("there are more than these {} {what}; --limit N lists more", self.limit));
        }
        if self.good == 0 && whole {
            if self.bad == 0 {
                session.note(format_args!("{} has nothing that matches", self.client.endpoint()));
            }
            session.raise(Status::No);
        }
    }
}

/// The cells of a table.
fn row(judged: &Judged) -> Vec<String> {
    let [identifier, verdict, state, email, endorsed, os, version, arch, kind, title, _] = line(judged);
    let system = [os, version, arch].join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    // Nearly all are asked for and are valid: only another state is worth a column.
    let state = if state == State::Valid.name() { String::new() } else { state };
    let day = endorsed.get(..10).unwrap_or_default().to_owned();
    let cells = [identifier, verdict, state, system, kind, day, email, title];
    cells.map(|cell| cell.chars().take(CELL).collect()).to_vec()
}

/// The fields of a line: each on one line, without tabs, and driving no terminal.
fn line(judged: &Judged) -> [String; 11] {
    let metadata = judged.metadata();
    let text = |text: Option<&String>| printable(text.map_or("", String::as_str));
    let email =
        metadata.and_then(|metadata| metadata.endorsement.as_ref()).map(|e| e.endorser.email.to_string());
    [
        metadata.map(|metadata| metadata.identifier.to_string()).unwrap_or_default(),
        judged.standing.name().to_owned(),
        judged.state().map_or("", State::name).to_owned(),
        text(email.as_ref()),
        judged.endorsed().map(|endorsed| endorsed.to_string()).unwrap_or_default(),
        text(metadata.and_then(|metadata| metadata.os.as_ref())),
        text(metadata.and_then(|metadata| metadata.os_version.as_ref())),
        text(metadata.and_then(|metadata| metadata.os_arch.as_ref())),
        text(metadata.and_then(|metadata| metadata.kind.as_ref())),
        text(metadata.and_then(|metadata| metadata.title.as_ref())),
        text(metadata.and_then(|metadata| metadata.tag.as_ref())),
    ]
}
