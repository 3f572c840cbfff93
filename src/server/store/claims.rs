//! What one of several processes does, once.

use crate::Timestamp;

use super::{Store, StoreError, sql::Sql};

/// Days after which a claim is forgotten.
const REMEMBERED: i64 = 400;

impl Store {
    /// Makes `what` this process's to do: true for one of all who ask, once. Whether it is done then, nobody
    /// knows. Claims are forgotten after 400 days, so `what` should name a time.
    ///
    /// # Errors
    /// [`StoreError`]; then it may have been claimed.
    pub async fn claim(&self, what: &str, now: Timestamp) -> Result<bool, StoreError> {
        let forgotten = now.unix_seconds().saturating_sub(REMEMBERED * 86_400);
        let mut forget = Sql::new("DELETE FROM claim WHERE at < ");
        forget.value(forgotten);
        forget.run(self.0.writers()?).await?;
        let mut insert = Sql::new("INSERT INTO claim (what, at) VALUES (");
        insert.value(what).push(", ").value(now.unix_seconds()).push(") ON CONFLICT DO NOTHING");
        Ok(insert.run(self.0.writers()?).await? == 1)
    }

    /// `what` is anyone's to claim again: it was not done.
    ///
    /// # Errors
    /// [`StoreError`]; then it may stay claimed.
    pub async fn release(&self, what: &str) -> Result<(), StoreError> {
        let mut delete = Sql::new("DELETE FROM claim WHERE what = ");
        delete.value(what);
        delete.run(self.0.writers()?).await?;
        Ok(())
    }
}
