//! Tags: names that an endorser gives to images, `dcterms:alternative` (behaviour 1.7).

use crate::Email;

use super::{
    Store, StoreError, row,
    sql::{self, Sql},
    texts,
};
use crate::server::key::EntryKey;

/// Tags of an endorser that [`Store::tags`] returns at most.
pub const MAX_TAGS: i64 = 10_000;

impl Store {
    /// An endorser's tags in order, without the empty one (S41), at most [`MAX_TAGS`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tags(&self, email: &Email) -> Result<Vec<String>, StoreError> {
        let mut select = Sql::new("SELECT DISTINCT tag FROM entry WHERE email = ");
        select.value(email.as_str()).push(" AND tag_key IS NOT NULL ORDER BY tag LIMIT ").value(MAX_TAGS);
        let rows = select.all(self.0.readers()?).await?;
        rows.iter().map(|row| sql::text(row, 0)).collect()
    }

    /// The newest entry that carries an endorser's tag: of each image the newest that does, without images
    /// of which an entry with the tag is deprecated; of these the newest (behaviour 1.7).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tagged(&self, email: &Email, tag: &str) -> Result<Option<EntryKey>, StoreError> {
        // NUL is in no XML, and PostgreSQL would refuse it.
        if tag.contains('\0') {
            return Ok(None);
        }
        let mut select = Sql::new("SELECT identifier, email, max(created) FROM entry WHERE email = ");
        select.value(email.as_str()).push(" AND tag_key = ").value(texts::tag_key(tag));
        select.push(" AND tag = ").value(texts::tag(tag)).push(
            " GROUP BY identifier, email HAVING max(CASE WHEN deprecated IS NULL THEN 0 ELSE 1 END) = 0
             ORDER BY max(id) DESC LIMIT 1",
        );
        let row = select.one(self.0.readers()?).await?;
        row.map(|row| row::key(&row, 0)).transpose()
    }
}
