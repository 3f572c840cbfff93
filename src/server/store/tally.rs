//! Counts of what has a limit, per hour of the clock, whichever process does it (S38).

use crate::Timestamp;

use super::{
    Store, StoreError,
    sql::{self, Sql},
};

/// Seconds.
const HOUR: i64 = 3600;

impl Store {
    /// Counts `what` once more in the hour of `now`: how often that makes it. Counts of earlier hours are
    /// forgotten.
    ///
    /// # Errors
    /// [`StoreError`]; then it may have been counted.
    pub async fn tally(&self, what: &str, now: Timestamp) -> Result<u64, StoreError> {
        let hour = now.unix_seconds().div_euclid(HOUR);
        let mut forget = Sql::new("DELETE FROM tally WHERE hour < ");
        forget.value(hour);
        forget.run(self.0.writers()?).await?;
        let mut count = Sql::new("INSERT INTO tally (what, hour, times) VALUES (");
        count.value(what).push(", ").value(hour);
        count.push(", 1) ON CONFLICT (what, hour) DO UPDATE SET times = tally.times + 1 RETURNING times");
        let row = count.one(self.0.writers()?).await?.ok_or_else(|| StoreError::unreadable("tally"))?;
        Ok(u64::try_from(sql::number(&row, 0)?).unwrap_or_default())
    }

    /// What was counted in the hour of `now` did not happen after all.
    ///
    /// # Errors
    /// [`StoreError`]; then it may stay counted.
    pub async fn untally(&self, what: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut count = Sql::new("UPDATE tally SET times = times - 1 WHERE times > 0 AND what = ");
        count.value(what).push(" AND hour = ").value(now.unix_seconds().div_euclid(HOUR));
        count.run(self.0.writers()?).await?;
        Ok(())
    }
}
