//! Orders of lists, as the indexes have them: by a key, and newest first where keys are equal. Walked
//! backwards, an index lists equal ones oldest first: descending is the exact reverse of ascending.

use super::sql::Sql;
use crate::server::selection::{Cursor, From, Sort, SortKey};

/// An order in SQL, in the direction in which a window is walked.
#[derive(Debug)]
pub(super) struct Order {
    /// What is sorted by, of `latest` as `l`.
    pub(super) key: &'static str,
    /// Of `latest`.
    pub(super) inner: &'static str,
    /// Of the walks of several states.
    pub(super) union: &'static str,
    /// Of the numbers, as `p`.
    pub(super) outer: &'static str,
    /// The place of an entry in the index.
    place: &'static str,
    by: SortKey,
    up: bool,
}

/// The parts of [`Order`] for one key: its column, then the orders up and down.
macro_rules! keyed {
    ($column:literal) => {
        (
            concat!("l.", $column),
            concat!("(l.", $column, ", l.back)"),
            concat!("l.", $column, ", l.back"),
            concat!("l.", $column, " DESC, l.back DESC"),
        )
    };
}

impl Order {
    /// The order in which the window `from` a place is walked; `by_words`, if it is in the index of words.
    pub(super) fn of(sort: Sort, from: &From, by_words: bool) -> Self {
        let up = sort.descending == matches!(from, From::Before(_));
        let (key, place, ascending, descending) = match sort.by {
            SortKey::Created if by_words => {
                ("''", "latest_words.rowid", "latest_words.rowid", "latest_words.rowid DESC")
            }
            SortKey::Created => ("''", "l.id", "l.id", "l.id DESC"),
            SortKey::Os => keyed!("os_key"),
            SortKey::OsVersion => keyed!("os_version_key"),
            SortKey::OsArch => keyed!("os_arch_key"),
            SortKey::Email => keyed!("email_key"),
            SortKey::Kind => keyed!("kind_key"),
            SortKey::Identifier => keyed!("identifier"),
            SortKey::Title => keyed!("title_key"),
        };
        let inner = if up { ascending } else { descending };
        let (union, outer) = match (sort.by, up) {
            (SortKey::Created, true) => ("id", "p.id"),
            (SortKey::Created, false) => ("id DESC", "p.id DESC"),
            (_, true) => ("k, back", "p.k, p.back"),
            (_, false) => ("k DESC, back DESC", "p.k DESC, p.back DESC"),
        };
        Self { key, inner, union, outer, place, by: sort.by, up }
    }

    /// Appends that an entry comes behind this place.
    pub(super) fn behind(&self, cursor: &Cursor, sql: &mut Sql) {
        sql.push(" AND ").push(self.place).push(if self.up { " > " } else { " < " });
        if self.by == SortKey::Created {
            sql.value(cursor.id);
        } else {
            sql.push("(").value(cursor.value.as_str()).push(", ").value(cursor.id.saturating_neg()).push(")");
        }
    }
}
