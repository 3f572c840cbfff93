//! Entries in the order in which they came: what indexes and mirrors follow.

use super::{
    Change, Store, StoreError, row,
    sql::{self, Sql},
};

/// Bytes of documents that [`Store::changes`] returns at once, and one document more.
pub const MAX_CHANGES_BYTES: i64 = 4 << 20;

impl Store {
    /// Entries in the order in which they came, after that number; fewer than `limit` only if there are no
    /// more, or if they have [`MAX_CHANGES_BYTES`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        let mut lengths =
            Sql::new("SELECT c.sequence, e.length FROM change c JOIN entry e ON e.id = c.entry");
        lengths.push(" WHERE c.sequence > ").value(after);
        lengths.push(" ORDER BY c.sequence LIMIT ").value(i64::from(limit));
        let (mut last, mut bytes) = (after, 0_i64);
        for row in lengths.all(self.0.readers()?).await? {
            if bytes >= MAX_CHANGES_BYTES {
                break;
            }
            last = sql::number(&row, 0)?;
            bytes = bytes.saturating_add(sql::number(&row, 1)?);
        }
        let mut select = Sql::new(
            "SELECT c.sequence, e.identifier, e.email, e.created, d.bytes FROM change c
             JOIN entry e ON e.id = c.entry JOIN document d ON d.entry = c.entry WHERE c.sequence > ",
        );
        select.value(after).push(" AND c.sequence <= ").value(last).push(" ORDER BY c.sequence");
        let rows = select.all(self.0.readers()?).await?;
        let change = |row| {
            Ok(Change {
                sequence: sql::number(row, 0)?,
                key: row::key(row, 1)?,
                document: sql::bytes(row, 4)?,
            })
        };
        rows.iter().map(change).collect()
    }

    /// The name of this database, drawn when it was made, and the number of its newest entry; 0 without any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn feed(&self) -> Result<(String, i64), StoreError> {
        let row = Sql::new("SELECT name, newest FROM feed").one(self.0.readers()?).await?;
        let row = row.ok_or_else(|| StoreError::unreadable("feed"))?;
        Ok((sql::text(&row, 0)?, sql::number(&row, 1)?))
    }
}
