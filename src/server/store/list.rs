//! Stretches of lists.
//!
//! A list walks an index in its order and stops when it has enough, so a page costs the same whatever the
//! number of entries: by state and number (which begins with the date), or by state, key and number. Where
//! the words of a selection are in the index of words, that is walked instead, in the order of numbers.

use std::collections::HashMap;

use crate::Timestamp;

use super::{
    Listed, Page, State, Store, StoreError,
    find::Conditions,
    moment,
    open::Kind,
    order::Order,
    row::{self, AFTER_COLUMNS, COLUMNS},
    sql::{self, Sql},
};
use crate::server::selection::{From, MAX_LENGTH, Selection, SortKey, Window};

/// Bytes of documents that [`Store::list_documents`] returns at once, and one document more.
pub const MAX_DOCUMENTS_BYTES: usize = 1 << 20;

/// Up to so many entries are gathered and sorted; where there are more, one that is wanted comes soon on the
/// walk through all.
const GATHERED: i64 = 2000;

/// Furthest offset. Beyond it nothing is listed: windows after a cursor go as far as one likes.
const MAX_OFFSET: u64 = 1_000_000;

impl Store {
    /// A stretch of a list, at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(
        &self,
        selection: &Selection,
        window: &Window,
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        Ok(self.stretch(selection, window, now, false).await?.0)
    }

    /// The same with the entries' bytes, in the same order. The page ends early, with `after` set (`before`,
    /// if it was to end before an entry), when it has [`MAX_DOCUMENTS_BYTES`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_documents(
        &self,
        selection: &Selection,
        window: &Window,
        now: Timestamp,
    ) -> Result<(Page, Vec<Vec<u8>>), StoreError> {
        self.stretch(selection, window, now, true).await
    }

    /// How many entries a list has, counted no further than `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, selection: &Selection, limit: u64, now: Timestamp) -> Result<u64, StoreError> {
        if selection.created.is_some() {
            let found = self.at_moment(selection, now).await?;
            return Ok(limit.min(found.len() as u64));
        }
        let Some(conditions) = Conditions::of(self.0.kind, selection) else { return Ok(0) };
        let moved = self.move_expired(now).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut count = Sql::new("SELECT count(*) FROM (SELECT 1 AS one");
        let way = Way { question: conditions.question(), indexed: true, moved, now };
        way.start(&conditions, conditions.states(), &mut count);
        count.push(" LIMIT ").value(limit).push(") c");
        let row = count.one(self.0.readers()?).await?;
        let count = row.map(|row| sql::number(&row, 0)).transpose()?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    async fn stretch(
        &self,
        selection: &Selection,
        window: &Window,
        now: Timestamp,
        with_documents: bool,
    ) -> Result<(Page, Vec<Vec<u8>>), StoreError> {
        let length = window.length.min(MAX_LENGTH);
        let (mut entries, more) = if selection.created.is_some() {
            moment::window(self.at_moment(selection, now).await?, selection.sort, &window.from, length)
        } else {
            self.walk(selection, &window.from, length, now).await?
        };
        let mut page = Page::default();
        match &window.from {
            From::Offset(offset) => (page.before, page.after) = (*offset > 0, more),
            From::After(_) => (page.before, page.after) = (true, more),
            From::Before(_) => (page.before, page.after) = (more, true),
        }
        let mut documents = Vec::new();
        if with_documents {
            let backwards = matches!(window.from, From::Before(_));
            let kept = fitting(&entries, backwards);
            if kept < entries.len() {
                if backwards {
                    entries.drain(..entries.len() - kept);
                    page.before = true;
                } else {
                    entries.truncate(kept);
                    page.after = true;
                }
            }
            documents = self.documents(&entries).await?;
        }
        page.entries = entries.into_iter().map(|(entry, _)| entry).collect();
        Ok((page, documents))
    }

    /// The entries of a window, with the lengths of their documents; are there more behind them, in the
    /// direction of the window?
    async fn walk(
        &self,
        selection: &Selection,
        from: &From,
        length: u32,
        now: Timestamp,
    ) -> Result<(Vec<(Listed, usize)>, bool), StoreError> {
        let offset = if let From::Offset(offset) = from { *offset } else { 0 };
        let Some(conditions) = Conditions::of(self.0.kind, selection).filter(|_| offset <= MAX_OFFSET) else {
            return Ok((Vec::new(), false));
        };
        let way = self.way(&conditions, selection.sort.by, now).await?;
        let order = Order::of(selection.sort, from, way.question.is_some());
        let mut select = Sql::new("SELECT ");
        select.push(COLUMNS).push(", p.state, p.k, e.length FROM (");
        let window =
            Limits { from, offset: i64::try_from(offset).unwrap_or(i64::MAX), length: i64::from(length) + 1 };
        way.inner(&conditions, &order, &window, &mut select);
        select.push(") p JOIN entry e ON e.id = p.id ORDER BY ").push(order.outer);
        let rows = select.all(self.0.readers()?).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let bytes = usize::try_from(sql::number(row, AFTER_COLUMNS + 2)?).unwrap_or(usize::MAX);
            entries.push((row::listed(row, now)?, bytes));
        }
        let more = entries.len() > length as usize;
        entries.truncate(length as usize);
        if matches!(from, From::Before(_)) {
            entries.reverse();
        }
        Ok((entries, more))
    }

    /// How a list is best found.
    async fn way(&self, conditions: &Conditions, by: SortKey, now: Timestamp) -> Result<Way, StoreError> {
        let moved = self.move_expired(now).await?;
        let mut way = Way { question: conditions.question(), indexed: true, moved, now };
        // Only SQLite has to be told; in the order of numbers the index of words, and that of endorsers, is
        // as good as any.
        if self.0.kind != Kind::Sqlite || by == SortKey::Created {
            return Ok(way);
        }
        if let Some(question) = &way.question {
            let mut count =
                Sql::new("SELECT count(*) FROM (SELECT 1 FROM latest_words WHERE latest_words MATCH ");
            count.value(question.as_str()).push(" LIMIT ").number(GATHERED + 1).push(")");
            if self.counted(count).await? > GATHERED {
                way.question = None;
            }
        }
        if way.question.is_none() && conditions.by_email() {
            let mut count = Sql::new("SELECT count(*) FROM (SELECT 1");
            way.start(&conditions.email_alone(), conditions.states(), &mut count);
            count.push(" LIMIT ").number(GATHERED + 1).push(")");
            way.indexed = self.counted(count).await? <= GATHERED;
        }
        Ok(way)
    }

    async fn counted(&self, mut count: Sql) -> Result<i64, StoreError> {
        let row = count.one(self.0.readers()?).await?;
        Ok(row.map(|row| sql::number(&row, 0)).transpose()?.unwrap_or_default())
    }

    /// The documents of these entries, in their order.
    async fn documents(&self, entries: &[(Listed, usize)]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut documents = HashMap::with_capacity(entries.len());
        if !entries.is_empty() {
            let mut select = Sql::new("SELECT entry, bytes FROM document WHERE entry IN (");
            select.values(entries.iter().map(|(entry, _)| entry.cursor.id.into())).push(")");
            for row in select.all(self.0.readers()?).await? {
                documents.insert(sql::number(&row, 0)?, sql::bytes(&row, 1)?);
            }
        }
        entries
            .iter()
            .map(|(entry, _)| documents.remove(&entry.cursor.id))
            .collect::<Option<_>>()
            .ok_or_else(|| StoreError::unreadable("document"))
    }
}

/// How many of these have documents that are returned at once; one at least.
fn fitting(entries: &[(Listed, usize)], backwards: bool) -> usize {
    let mut bytes = 0_usize;
    let lengths: Vec<usize> = entries.iter().map(|(_, length)| *length).collect();
    let fits = |length: &&usize| {
        let room = bytes < MAX_DOCUMENTS_BYTES;
        bytes = bytes.saturating_add(**length);
        room
    };
    if backwards {
        lengths.iter().rev().take_while(fits).count()
    } else {
        lengths.iter().take_while(fits).count()
    }
}

/// Where a list is found, and what else holds of it.
#[derive(Debug)]
struct Way {
    /// What the index of words is asked for; without it, `latest` is walked.
    question: Option<String>,
    /// May an index of endorsers be used?
    indexed: bool,
    /// Are entries that have expired in their state?
    moved: bool,
    now: Timestamp,
}

/// Which part of a list.
struct Limits<'a> {
    from: &'a From,
    offset: i64,
    length: i64,
}

impl Way {
    /// Appends all behind the columns, up to the order.
    fn start(&self, conditions: &Conditions, states: &[State], sql: &mut Sql) {
        match &self.question {
            // CROSS: first the words.
            Some(question) => {
                sql.push(" FROM latest_words CROSS JOIN latest l ON l.id = latest_words.rowid WHERE latest_words MATCH ");
                sql.value(question.as_str()).push(" AND ");
            }
            None => drop(sql.push(" FROM latest l").push(conditions.index(self.indexed)).push(" WHERE ")),
        }
        Conditions::in_states(sql, states);
        if !self.moved && states == [State::Valid] {
            sql.push(" AND l.valid > ").value(self.now.unix_seconds());
        }
        conditions.filter(sql, self.indexed, self.question.is_some());
    }

    /// Appends the numbers, states and keys of a window.
    fn inner(&self, conditions: &Conditions, order: &Order, limits: &Limits<'_>, sql: &mut Sql) {
        let states = conditions.states();
        if self.question.is_some() || states.len() == 1 {
            self.one(conditions, states, order, limits.from, sql);
            sql.push(" ORDER BY ").push(order.inner).push(" LIMIT ").value(limits.length);
            sql.push(" OFFSET ").value(limits.offset);
            return;
        }
        // An index walks one state in order: what is first of all is among what is first of each.
        for (place, state) in states.iter().enumerate() {
            sql.push(if place == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
            self.one(conditions, std::slice::from_ref(state), order, limits.from, sql);
            sql.push(" ORDER BY ").push(order.inner);
            sql.push(" LIMIT ")
                .value(limits.length.saturating_add(limits.offset))
                .push(") u")
                .number(*state as i64);
        }
        sql.push(" ORDER BY ").push(order.union).push(" LIMIT ").value(limits.length);
        sql.push(" OFFSET ").value(limits.offset);
    }

    fn one(&self, conditions: &Conditions, states: &[State], order: &Order, from: &From, sql: &mut Sql) {
        sql.push("SELECT l.id AS id, l.back AS back, l.state AS state, ").push(order.key).push(" AS k");
        self.start(conditions, states, sql);
        if let From::After(cursor) | From::Before(cursor) = from {
            order.behind(cursor, sql);
        }
    }
}
