//! Everything the database keeps, to be compared with the documents in it: what [`crate::server::recheck`]
//! looks through.

use sqlx::any::AnyRow;

use super::{
    MAX_CHANGES_BYTES, NewEntry, Store, StoreError,
    insert::{entry_values, latest_values},
    open::Kind,
    row::state_number,
    series::NOTHING,
    sql::{self, Sql, Value},
};
use crate::{Timestamp, server::store::State};

/// The columns of `entry`, in the order of [`entry_values`].
const ENTRY: [(&str, Type); 21] = [
    ("id", Type::Number),
    ("identifier", Type::Text),
    ("email", Type::Text),
    ("created", Type::Number),
    ("subject", Type::Text),
    ("title", Type::OptionalText),
    ("tag", Type::OptionalText),
    ("tag_key", Type::OptionalText),
    ("description", Type::OptionalText),
    ("kind", Type::OptionalText),
    ("os", Type::OptionalText),
    ("os_version", Type::OptionalText),
    ("os_arch", Type::OptionalText),
    ("version", Type::OptionalText),
    ("format", Type::OptionalText),
    ("compression", Type::OptionalText),
    ("bytes", Type::Number),
    ("locations", Type::Text),
    ("valid", Type::Number),
    ("deprecated", Type::OptionalText),
    ("length", Type::Number),
];

/// The columns of `latest`, in the order of [`latest_values`].
const LATEST: [(&str, Type); 19] = [
    ("id", Type::Number),
    ("back", Type::Number),
    (STATE, Type::Number),
    ("valid", Type::Number),
    ("identifier", Type::Text),
    ("email", Type::Text),
    ("web", Type::Number),
    ("pdisk", Type::Number),
    ("os_key", Type::Text),
    ("os_version_key", Type::Text),
    ("os_arch_key", Type::Text),
    ("email_key", Type::Text),
    ("kind_key", Type::Text),
    ("title_key", Type::Text),
    ("os", Type::Text),
    ("os_version", Type::Text),
    ("os_arch", Type::Text),
    ("kind", Type::Text),
    ("words", Type::Text),
];

/// The column whose value changes with time.
const STATE: &str = "state";

/// Faults of one kind that are told.
const MAX_FAULTS: i64 = 100;

#[derive(Clone, Copy)]
enum Type {
    Number,
    Text,
    OptionalText,
}

/// An entry with everything that is kept of it.
#[derive(Debug)]
pub struct Kept {
    /// Its number.
    pub id: i64,
    /// Its key as the columns have it, which may be none.
    pub key: String,
    /// Its bytes, and their SHA-256 as it is kept; `None` if there are none.
    pub document: Option<(Vec<u8>, Vec<u8>)>,
    /// What cannot be read is `None`.
    columns: Vec<Option<Value>>,
    /// The same for lists, if it is listed.
    latest: Option<Vec<Option<Value>>>,
}

impl Store {
    /// Entries with greater numbers than `after`, by number: at most `limit`, and fewer if they are large.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(&self, after: i64, limit: u32) -> Result<Vec<Kept>, StoreError> {
        let mut lengths = Sql::new(
            "SELECT e.id, coalesce(length(d.bytes), 0) FROM entry e LEFT JOIN document d ON d.entry = e.id
             WHERE e.id > ",
        );
        lengths.value(after).push(" ORDER BY e.id LIMIT ").value(i64::from(limit));
        let (mut last, mut bytes) = (after, 0_i64);
        for row in lengths.all(self.0.readers()?).await? {
            if bytes >= MAX_CHANGES_BYTES {
                break;
            }
            last = sql::number(&row, 0)?;
            bytes = bytes.saturating_add(sql::number(&row, 1)?);
        }
        let mut select = Sql::new("SELECT d.bytes, d.sha256, l.id");
        for (name, _) in ENTRY {
            select.push(", e.").push(name);
        }
        for (name, _) in LATEST {
            select.push(", l.").push(name);
        }
        select.push(
            " FROM entry e LEFT JOIN document d ON d.entry = e.id LEFT JOIN latest l ON l.id = e.id WHERE e.id > ",
        );
        select.value(after).push(" AND e.id <= ").value(last).push(" ORDER BY e.id");
        let rows = select.all(self.0.readers()?).await?;
        rows.iter().map(Kept::read).collect()
    }

    /// What does not fit together, in words.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn misfits(&self) -> Result<Vec<String>, StoreError> {
        let mut misfits = Vec::new();
        for (what, query) in MISFITS {
            let mut select = Sql::new("SELECT what FROM (");
            select.push(query).push(") AS misfit LIMIT ").value(MAX_FAULTS);
            for row in select.all(self.0.readers()?).await? {
                misfits.push(format!("{}: {what}", sql::text(&row, 0)?));
            }
        }
        let mut series = Sql::new(
            "SELECT s.identifier || '/' || s.email FROM series s LEFT JOIN entry e ON e.id = s.newest
             AND e.identifier = s.identifier AND e.email = s.email AND e.created = s.created
             WHERE e.id IS NULL AND s.newest <> ",
        );
        series.number(NOTHING).push(" LIMIT ").value(MAX_FAULTS);
        for row in series.all(self.0.readers()?).await? {
            misfits.push(format!("{}: its newest entry is not there", sql::text(&row, 0)?));
        }
        if self.0.kind == Kind::Sqlite {
            let mut count =
                Sql::new("SELECT (SELECT count(*) FROM latest_words) - (SELECT count(*) FROM latest)");
            if let Some(row) = count.one(self.0.readers()?).await?
                && sql::number(&row, 0)? != 0
            {
                misfits.push("what is searched has not as many entries as what is listed".to_owned());
            }
            for row in Sql::new("PRAGMA integrity_check").all(self.0.readers()?).await? {
                let said = sql::text(&row, 0)?;
                if said != "ok" {
                    misfits.push(format!("the file is damaged: {said}"));
                }
            }
        }
        Ok(misfits)
    }
}

/// What must not be: in words, and as queries for texts that say where it is.
const MISFITS: [(&str, &str); 8] = [
    (
        "another entry than the newest counts as that",
        "SELECT e.identifier || '/' || e.email AS what FROM entry e
         LEFT JOIN series s ON s.identifier = e.identifier AND s.email = e.email
         GROUP BY e.identifier, e.email HAVING max(s.newest) IS NULL OR max(e.id) <> max(s.newest)",
    ),
    (
        "its newest entry is in no list",
        "SELECT s.identifier || '/' || s.email AS what FROM series s JOIN entry e ON e.id = s.newest
         LEFT JOIN latest l ON l.id = s.newest WHERE l.id IS NULL",
    ),
    (
        "an entry that is not the newest is in lists",
        "SELECT l.identifier || '/' || l.email AS what FROM latest l
         LEFT JOIN series s ON s.newest = l.id WHERE s.newest IS NULL",
    ),
    (
        "there is a document without an entry",
        "SELECT 'number ' || CAST(d.entry AS TEXT) AS what FROM document d
         LEFT JOIN entry e ON e.id = d.entry WHERE e.id IS NULL",
    ),
    (
        "it is not among the changes, so that no mirror gets it",
        "SELECT e.identifier || '/' || e.email AS what FROM entry e
         LEFT JOIN change c ON c.entry = e.id WHERE c.entry IS NULL",
    ),
    (
        "it is among the changes twice",
        "SELECT 'number ' || CAST(entry AS TEXT) AS what FROM change GROUP BY entry HAVING count(*) > 1",
    ),
    (
        "a change without an entry, or beyond the newest",
        "SELECT 'change ' || CAST(c.sequence AS TEXT) AS what FROM change c
         LEFT JOIN entry e ON e.id = c.entry WHERE e.id IS NULL OR c.sequence > (SELECT newest FROM feed)",
    ),
    (
        "an endorser who is not in the list of endorsers",
        "SELECT email || ' ' || subject AS what FROM entry
         EXCEPT SELECT email || ' ' || subject FROM endorser",
    ),
];

impl Kept {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let columns = read(row, 3, &ENTRY);
        let id = match columns.first() {
            Some(Some(Value::Number(id))) => *id,
            _ => return Err(StoreError::unreadable("number")),
        };
        let listed = sql::optional_number(row, 2).is_some();
        let text = |column: usize| match columns.get(column) {
            Some(Some(Value::Text(text))) => text.clone(),
            _ => "?".to_owned(),
        };
        let created = match columns.get(3) {
            Some(Some(Value::Number(seconds))) => Timestamp::from_unix_seconds(*seconds),
            _ => None,
        };
        let created = created.map_or_else(|| "?".to_owned(), |created| created.to_string());
        Ok(Self {
            id,
            key: format!("{}/{}/{created}", text(1), text(2)),
            document: sql::bytes(row, 0).ok().zip(sql::bytes(row, 1).ok()),
            latest: listed.then(|| read(row, 3 + ENTRY.len(), &LATEST)),
            columns,
        })
    }

    /// The columns that say something else than the document, which is this entry.
    ///
    /// # Errors
    /// [`StoreError`] if the entry is none that could be kept.
    pub fn differences(&self, entry: &NewEntry, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let mut differences = Vec::new();
        let expected = entry_values(self.id, entry)?;
        for (((name, _), kept), expected) in ENTRY.iter().zip(&self.columns).zip(expected) {
            if kept.as_ref() != Some(&expected) {
                differences.push(format!("entry.{name}"));
            }
        }
        if let Some(latest) = &self.latest {
            let state = super::texts::state(&entry.metadata, now);
            let expected = latest_values(self.id, entry, state);
            for (((name, _), kept), expected) in LATEST.iter().zip(latest).zip(expected) {
                let same = match (*name, kept) {
                    // Entries that have expired are moved when a list needs it.
                    (STATE, Some(Value::Number(kept))) if state == State::Expired => {
                        [State::Valid, State::Expired].map(state_number).contains(kept)
                    }
                    _ => kept.as_ref() == Some(&expected),
                };
                if !same {
                    differences.push(format!("latest.{name}"));
                }
            }
        }
        Ok(differences)
    }
}

/// The values in columns from this one on.
fn read(row: &AnyRow, first: usize, columns: &[(&str, Type)]) -> Vec<Option<Value>> {
    let value = |(place, (_, kind)): (usize, &(&str, Type))| match kind {
        Type::Number => sql::number(row, first + place).ok().map(Value::Number),
        Type::Text => sql::text(row, first + place).ok().map(Value::Text),
        Type::OptionalText => sql::optional_text(row, first + place).ok().map(Value::OptionalText),
    };
    columns.iter().enumerate().map(value).collect()
}
