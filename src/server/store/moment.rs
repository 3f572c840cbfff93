//! Lists of what was endorsed at one time, superseded entries too (behaviour 1.6): few, so they are selected,
//! sorted and cut here.

use std::cmp::Ordering;

use crate::Timestamp;

use super::{
    Listed, State, Store, StoreError, add, find,
    row::{self, COLUMNS},
    sql::{self, Sql},
    texts::{self, lower},
};
use crate::server::selection::{Contains, Cursor, From, Location, Selection, Sort, SortKey};

/// Entries of one second that are looked at.
const MOST: i64 = 10_000;

impl Store {
    /// All entries of the selection, which has a time; with the lengths of their documents.
    pub(super) async fn at_moment(
        &self,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<Vec<(Listed, usize)>, StoreError> {
        let Some(created) = selection.created.filter(|_| !selection.nothing) else { return Ok(Vec::new()) };
        let numbers = add::numbers(created);
        let mut select = Sql::new("SELECT ");
        select.push(COLUMNS).push(
            ", COALESCE(l.state, 0), '', e.length FROM entry e LEFT JOIN latest l ON l.id = e.id WHERE e.id >= ",
        );
        select.value(*numbers.start()).push(" AND e.id <= ").value(*numbers.end());
        if let Some(identifier) = selection.identifier {
            select.push(" AND e.identifier = ").value(identifier.to_string());
        }
        if let Some(email) = &selection.email {
            select.push(" AND e.email = ").value(email.as_str());
        }
        select.push(" ORDER BY e.id LIMIT ").value(MOST);
        let mut entries = Vec::new();
        for row in select.all(self.0.readers()?).await? {
            let mut entry = row::listed(&row, now)?;
            if selects(selection, &entry, now) {
                entry.cursor.value = key(&entry, selection.sort.by);
                let length = sql::number(&row, row::AFTER_COLUMNS + 2)?;
                entries.push((entry, usize::try_from(length).unwrap_or(usize::MAX)));
            }
        }
        Ok(entries)
    }
}

/// A window of these, in this order; are there more behind it, in its direction?
pub(super) fn window(
    mut entries: Vec<(Listed, usize)>,
    sort: Sort,
    from: &From,
    length: u32,
) -> (Vec<(Listed, usize)>, bool) {
    entries.sort_by(|(a, _), (b, _)| compare(&a.cursor, &b.cursor, sort));
    match from {
        From::Offset(offset) => {
            let offset = usize::try_from(*offset).unwrap_or(usize::MAX).min(entries.len());
            entries.drain(..offset);
        }
        From::After(cursor) => entries.retain(|(entry, _)| compare(&entry.cursor, cursor, sort).is_gt()),
        From::Before(cursor) => {
            entries.retain(|(entry, _)| compare(&entry.cursor, cursor, sort).is_lt());
            let more = entries.len().saturating_sub(length as usize);
            entries.drain(..more);
            return (entries, more > 0);
        }
    }
    let more = entries.len() > length as usize;
    entries.truncate(length as usize);
    (entries, more)
}

/// The order that [`super::order`] has the database keep.
fn compare(a: &Cursor, b: &Cursor, sort: Sort) -> Ordering {
    let order = match sort.by {
        SortKey::Created => a.id.cmp(&b.id),
        _ => a.value.cmp(&b.value).then(b.id.cmp(&a.id)),
    };
    if sort.descending { order.reverse() } else { order }
}

/// What an entry is sorted by, as its cursor has it.
fn key(entry: &Listed, by: SortKey) -> String {
    let text = |text: &Option<String>| texts::key(&lower(text.as_deref().unwrap_or_default()));
    match by {
        SortKey::Created => String::new(),
        SortKey::Os => text(&entry.os),
        SortKey::OsVersion => text(&entry.os_version),
        SortKey::OsArch => text(&entry.os_arch),
        SortKey::Email => lower(entry.key.email.as_str()),
        SortKey::Kind => text(&entry.kind),
        SortKey::Identifier => entry.key.identifier.to_string(),
        SortKey::Title => text(&entry.title),
    }
}

/// Does the selection, but for its time, have this entry? Its status is what it says, superseded or not.
pub(super) fn selects(selection: &Selection, entry: &Listed, now: Timestamp) -> bool {
    let says = match &entry.deprecated {
        Some(_) => State::Deprecated,
        None if entry.valid > now => State::Valid,
        None => State::Expired,
    };
    let lies = match selection.location {
        Location::All => true,
        Location::Web => texts::on_web(&entry.locations),
        Location::Pdisk => texts::on_pdisk(&entry.locations),
    };
    let Contains { os, os_version, os_arch, email, kind } = &selection.contains;
    let holds = |text: Option<&str>, part: &String| {
        part.is_empty() || lower(text.unwrap_or_default()).contains(&lower(part))
    };
    let (created, identifier) = (entry.key.created.to_string(), entry.key.identifier.to_string());
    let searched = |word: &String| {
        let one = [
            entry.os.as_deref(),
            entry.os_version.as_deref(),
            entry.os_arch.as_deref(),
            Some(entry.key.email.as_str()),
            entry.kind.as_deref(),
            Some(&created),
            Some(&identifier),
            entry.title.as_deref(),
            entry.description.as_deref(),
        ];
        one.into_iter().any(|text| holds(text, word))
            || entry.locations.iter().any(|location| holds(Some(location), word))
    };
    find::states(selection.status).contains(&says)
        && lies
        && selection.words.iter().all(searched)
        && holds(entry.os.as_deref(), os)
        && holds(entry.os_version.as_deref(), os_version)
        && holds(entry.os_arch.as_deref(), os_arch)
        && holds(Some(entry.key.email.as_str()), email)
        && holds(entry.kind.as_deref(), kind)
}
