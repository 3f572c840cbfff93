//! The index of words in few pieces.
//!
//! SQLite's index grows by pieces, of which it merges some as it grows; dozens are left, and every search looks
//! into each. Merged into one, searches take half the time. That is done when nobody adds anything, in steps, of
//! which none keeps an upload waiting; and only when there is enough new to be worth writing the index again
//! (<https://sqlite.org/fts5.html>, §6.9).

use std::time::Duration;

use sqlx::{AnyConnection, AnyPool};

use super::{
    StoreError,
    open::Kind,
    sql::{self, Sql},
};

/// How long nobody must have added anything.
const QUIET: Duration = Duration::from_secs(2);

/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(5);

/// Pages that are written in a step, of 4 KiB.
const STEP: i64 = 200;

/// The index is merged when so many parts of it, of this many, lie outside of its largest piece.
const WORTH: (i64, i64) = (1, 8);

/// How far merging is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merging {
    /// Nothing has been added since it was done, or since the database was opened.
    Done,
    /// Something has been added.
    Due,
    /// It has begun.
    Begun,
}

impl Merging {
    /// When something has been added.
    pub(super) fn due(self, kind: Kind) -> Self {
        match (kind, self) {
            (Kind::Postgres { .. }, _) => Self::Done,
            (Kind::Sqlite, Self::Begun) => Self::Begun,
            (Kind::Sqlite, _) => Self::Due,
        }
    }

    /// How long to wait for something to be added before the next step; `None` if there is none.
    pub(super) fn pause(self) -> Option<Duration> {
        match self {
            Self::Done => None,
            Self::Due => Some(QUIET),
            Self::Begun => Some(PAUSE),
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`StoreError`]; then the index is what it was, and as good.
    pub(super) async fn step(self, pool: &AnyPool) -> Result<Self, StoreError> {
        let mut connection = pool.acquire().await?;
        let pages = match self {
            Self::Done => return Ok(Self::Done),
            Self::Due if !is_worth_it(&mut connection).await? => return Ok(Self::Done),
            // Negative: all pieces are to become one, whatever their sizes.
            Self::Due => -STEP,
            Self::Begun => STEP,
        };
        let before = changes(&mut connection).await?;
        let mut merge = Sql::new("INSERT INTO latest_words (latest_words, rank) VALUES ('merge', ");
        merge.value(pages).push(")").run(&mut *connection).await?;
        // The statement itself counts for one.
        let more = changes(&mut connection).await? - before > 1;
        Ok(if more { Self::Begun } else { Self::Done })
    }
}

/// Takes all steps there are to take, at once.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn all(pool: &AnyPool) -> Result<(), StoreError> {
    let mut merging = Merging::Due;
    while merging != Merging::Done {
        merging = merging.step(pool).await?;
    }
    Ok(())
}

/// Is there enough outside of the largest piece?
async fn is_worth_it(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    // A row for each page that a word begins on.
    let mut pieces = Sql::new("SELECT count(*) FROM latest_words_idx GROUP BY segid");
    let sizes: Result<Vec<i64>, _> =
        pieces.all(connection).await?.iter().map(|row| sql::number(row, 0)).collect();
    let sizes = sizes?;
    let (total, largest) = (sizes.iter().sum::<i64>(), sizes.iter().copied().max().unwrap_or_default());
    Ok((total - largest) * WORTH.1 > total * WORTH.0)
}

/// Rows that this connection has changed.
async fn changes(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let row = Sql::new("SELECT total_changes()").one(connection).await?;
    row.map_or(Ok(0), |row| sql::number(&row, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{settings::Database, store::Store};

    async fn pieces(pool: &AnyPool) -> i64 {
        let row = Sql::new("SELECT count(DISTINCT segid) FROM latest_words_idx").one(pool).await.unwrap();
        sql::number(&row.unwrap(), 0).unwrap()
    }

    async fn add(pool: &AnyPool, rows: std::ops::Range<i64>) {
        for row in rows {
            let mut insert = Sql::new("INSERT INTO latest_words (rowid, words) VALUES (");
            // With words of its own, as identifiers and locations are.
            let own = crate::checksum::hex(&openssl::sha::sha256(&row.to_be_bytes()));
            insert.value(row).push(", ").value(format!("word number {row} {own}")).push(")");
            insert.run(pool).await.unwrap();
        }
    }

    async fn found(pool: &AnyPool) -> i64 {
        let select = "SELECT count(*) FROM latest_words WHERE latest_words MATCH 'words : \"number\"'";
        sql::number(&Sql::new(select).one(pool).await.unwrap().unwrap(), 0).unwrap()
    }

    #[tokio::test]
    async fn many_pieces_become_one_and_have_the_same_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(folder.path().join("m.sqlite"))).await.unwrap();
        let pool = store.0.writers().unwrap();
        add(pool, 1..400).await;
        assert!(pieces(pool).await > 2);
        assert_eq!(found(pool).await, 399);
        all(pool).await.unwrap();
        assert_eq!((pieces(pool).await, found(pool).await), (1, 399));
        // A little more is not worth it.
        add(pool, 400..402).await;
        assert_eq!(Merging::Due.step(pool).await.unwrap(), Merging::Done);
        assert_eq!((pieces(pool).await > 1, found(pool).await), (true, 401));
    }
}
