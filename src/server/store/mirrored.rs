//! How far other Marketplaces were followed.

use super::{
    Store, StoreError,
    sql::{self, Sql},
};

impl Store {
    /// The feed of the Marketplace at this URL and the number of the last entry that was taken from it;
    /// `None` if it was never followed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mirrored(&self, url: &str) -> Result<Option<(String, i64)>, StoreError> {
        let mut select = Sql::new("SELECT feed, position FROM mirror WHERE url = ");
        select.value(url);
        let row = select.one(self.0.readers()?).await?;
        row.map(|row| Ok((sql::text(&row, 0)?, sql::number(&row, 1)?))).transpose()
    }

    /// Remembers how far the Marketplace at this URL was followed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_mirrored(&self, url: &str, feed: &str, position: i64) -> Result<(), StoreError> {
        let mut place = Sql::new("INSERT INTO mirror (url, feed, position) VALUES (");
        place.values([url.into(), feed.into(), position.into()]);
        place.push(") ON CONFLICT (url) DO UPDATE SET feed = excluded.feed, position = excluded.position");
        place.run(self.0.writers()?).await?;
        Ok(())
    }
}
