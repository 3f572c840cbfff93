//! Stretches of lists.
//!
//! A list walks an index in its order and stops when it has enough, so a page costs the same whatever the
//! number of entries: by state and number (which begins with the date), or by state, key and number. Where
//! the words of a selection are in the index of words, that is walked instead, in the order of numbers.

use std::collections::HashMap;

use crate::Timestamp;

use super::{
    Listed, Page, State, Store, StoreError,
    find::{Conditions, PICKED},
    moment,
    open::Kind,
    order::Order,
    row::{self, AFTER_COLUMNS, COLUMNS},
    sql::{self, Sql},
};
use crate::server::selection::{From, MAX_LENGTH, Selection, SortKey, Window};

/// Bytes of documents that [`Store::list_documents`] returns at once, and one document more.
pub const MAX_DOCUMENTS_BYTES: usize = 1 << 20;

/// Up to so many entries are gathered and sorted; where there are more, one that is wanted mostly comes soon on
/// the walk through all.
const GATHERED: i64 = 2000;

/// Entries that are looked at on that walk. If that was not enough, those that are wanted are all at the end of
/// the list, or nearly: then the walk asks for each entry whether it is one of them, which an index tells without
/// the entry.
const WALKED: i64 = 2000;

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
        let Some(conditions) = self.conditions(selection, now).await? else { return Ok(0) };
        let moved = self.move_expired(now).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut count = Sql::new("SELECT count(*) FROM (SELECT 1 AS one");
        match Place::of(&conditions) {
            Place::Words(question) if moved && conditions.asked_whole() => words(&question, &mut count),
            place => Way { place, moved, now }.from(&conditions, conditions.states(), None, &mut count),
        }
        count.push(" LIMIT ").value(limit).push(") c");
        Ok(u64::try_from(self.counted(count).await?).unwrap_or_default())
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
        let Some(conditions) = self.conditions(selection, now).await?.filter(|_| offset <= MAX_OFFSET) else {
            return Ok((Vec::new(), false));
        };
        let mut way = self.way(&conditions, selection.sort.by, now).await?;
        let limits =
            Limits { from, offset: i64::try_from(offset).unwrap_or(i64::MAX), length: i64::from(length) + 1 };
        let mut rows = way.select(&conditions, selection, &limits).all(self.0.readers()?).await?;
        if matches!(way.place, Place::Beginning) && rows.len() <= length as usize {
            way.place = Place::Picked(conditions.question());
            rows = way.select(&conditions, selection, &limits).all(self.0.readers()?).await?;
        }
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

    /// The conditions of a selection; `None` if no entry fulfils them.
    async fn conditions(
        &self,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<Option<Conditions>, StoreError> {
        let Some(conditions) = Conditions::of(self.0.kind, selection) else { return Ok(None) };
        // What has expired is looked for where it is then.
        self.move_expired(now).await?;
        Ok(if self.is_absent(&conditions).await? { None } else { Some(conditions) })
    }

    /// How a list is best found.
    async fn way(&self, conditions: &Conditions, by: SortKey, now: Timestamp) -> Result<Way, StoreError> {
        let moved = self.move_expired(now).await?;
        let mut way = Way { place: Place::of(conditions), moved, now };
        // Only SQLite has to be told; in the order of numbers the index of words, and that of endorsers, is
        // as good as any.
        if self.0.kind != Kind::Sqlite || by == SortKey::Created {
            return Ok(way);
        }
        let many = |mut count: Sql| {
            count.push(" LIMIT ").number(GATHERED + 1).push(")");
            async { Ok::<_, StoreError>(self.counted(count).await? > GATHERED) }
        };
        if let Place::Words(question) = &way.place {
            let mut count = Sql::new("SELECT count(*) FROM (SELECT 1");
            words(question, &mut count);
            if many(count).await? {
                way.place = Place::Beginning;
            }
        }
        if !matches!(way.place, Place::Words(_)) && conditions.by_email() {
            way.place = Place::Table;
            let mut count = Sql::new("SELECT count(*) FROM (SELECT 1");
            way.from(&conditions.email_alone(), conditions.states(), None, &mut count);
            if many(count).await? {
                way.place = Place::Beginning;
            }
        }
        // Several walks cannot be told to end early: what is missing of one may come before all of another.
        if matches!(way.place, Place::Beginning) && conditions.states().len() > 1 {
            way.place = Place::Picked(conditions.question());
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

/// Appends that rows are those that the index of words finds.
fn words(question: &str, sql: &mut Sql) {
    sql.push(" FROM latest_words WHERE latest_words MATCH ").value(question);
}

/// Where the entries of a list are looked for.
#[derive(Debug)]
enum Place {
    /// Among those that the index of words finds for this question.
    Words(String),
    /// In `latest`, whose index of endorsers may be used.
    Table,
    /// Among the first [`WALKED`] of a state, in the order of the list.
    Beginning,
    /// Among all, in the order of the list; those that the index of words, if it is asked, and that of endorsers
    /// find.
    Picked(Option<String>),
}

impl Place {
    /// Where they are found soonest, if they need not be sorted.
    fn of(conditions: &Conditions) -> Self {
        conditions.question().map_or(Self::Table, Self::Words)
    }
}

/// How a list is found.
#[derive(Debug)]
struct Way {
    place: Place,
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
    /// What selects a window.
    fn select(&self, conditions: &Conditions, selection: &Selection, limits: &Limits<'_>) -> Sql {
        let order = Order::of(selection.sort, limits.from, matches!(self.place, Place::Words(_)));
        let mut select = Sql::new("SELECT ");
        select.push(COLUMNS).push(", p.state, p.k, e.length FROM (");
        self.inner(conditions, &order, limits, &mut select);
        select.push(") p JOIN entry e ON e.id = p.id ORDER BY ").push(order.outer);
        select
    }

    /// Appends all behind the columns, up to the order; of a list in this order, only what is behind a place.
    fn from(&self, conditions: &Conditions, states: &[State], order: Option<(&Order, &From)>, sql: &mut Sql) {
        match &self.place {
            Place::Words(question) => {
                // CROSS: first the words.
                sql.push(" FROM latest_words CROSS JOIN latest l ON l.id = latest_words.rowid WHERE latest_words MATCH ");
                sql.value(question.as_str()).push(" AND ");
                self.within(states, order, sql);
                conditions.filter(sql, false, true);
            }
            Place::Table => {
                sql.push(" FROM latest l").push(conditions.index()).push(" WHERE ");
                self.within(states, order, sql);
                conditions.filter(sql, false, false);
            }
            Place::Beginning => {
                sql.push(" FROM (SELECT * FROM latest l WHERE ");
                self.within(states, order, sql);
                if let Some((order, _)) = order {
                    sql.push(" ORDER BY ").push(order.inner);
                }
                sql.push(" LIMIT ").number(WALKED).push(") l WHERE TRUE");
                conditions.filter(sql, false, false);
            }
            Place::Picked(question) => {
                sql.push(" FROM latest l WHERE ");
                self.within(states, order, sql);
                if let Some(question) = question {
                    sql.push(PICKED);
                    words(question, sql);
                    sql.push(")");
                }
                conditions.filter(sql, true, question.is_some());
            }
        }
    }

    /// Appends that entries are in one of these states now, and behind a place.
    fn within(&self, states: &[State], order: Option<(&Order, &From)>, sql: &mut Sql) {
        Conditions::in_states(sql, states);
        if !self.moved && states == [State::Valid] {
            sql.push(" AND l.valid > ").value(self.now.unix_seconds());
        }
        if let Some((order, From::After(cursor) | From::Before(cursor))) = order {
            order.behind(cursor, sql);
        }
    }

    /// Appends the numbers, states and keys of a window.
    fn inner(&self, conditions: &Conditions, order: &Order, limits: &Limits<'_>, sql: &mut Sql) {
        let states = conditions.states();
        if matches!(self.place, Place::Words(_)) || states.len() == 1 {
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
        self.from(conditions, states, Some((order, from)), sql);
    }
}
