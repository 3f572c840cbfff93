//! Entries expire while they lie in the database: those that have are moved to their state before anybody
//! selects by it.

use std::sync::atomic::Ordering;

use crate::Timestamp;

use super::{
    Listed, State, Store, StoreError, find,
    open::Kind,
    row::{self, state_number},
    sql::{self, Sql},
};

/// Entries moved in one transaction: uploads wait no longer for it.
const TOGETHER: i64 = 500;

/// How often it is tried.
const TRIES: u32 = 3;

impl Store {
    /// Moves what has expired by `now`; false if this database cannot be written to.
    pub(super) async fn move_expired(&self, now: Timestamp) -> Result<bool, StoreError> {
        let seconds = now.unix_seconds();
        // Whatever is added expires later, or resets this.
        if self.0.moved.load(Ordering::Acquire) >= seconds {
            return Ok(true);
        }
        let mut tries = 0;
        loop {
            let mut look = Sql::new("SELECT l.id, l.web, l.pdisk FROM latest l WHERE l.state = ");
            look.number(state_number(State::Valid)).push(" AND l.valid <= ").value(seconds);
            look.push(" ORDER BY l.valid LIMIT ").value(TOGETHER);
            let expired = look.all(self.0.readers()?).await?;
            if expired.is_empty() {
                self.0.moved.fetch_max(seconds, Ordering::AcqRel);
                return Ok(true);
            }
            // Another process that moves them, or supersedes some, may be in the way.
            if let Err(error) = self.expire(&expired, seconds).await {
                tries += 1;
                if tries == TRIES {
                    tracing::warn!(%error, "entries that expired cannot be marked");
                    return Ok(false);
                }
            }
        }
    }

    async fn expire(&self, expired: &[sqlx::any::AnyRow], seconds: i64) -> Result<(), StoreError> {
        let sqlite = self.0.kind == Kind::Sqlite;
        let mut transaction = self.0.kind.begin(self.0.writers()?).await?;
        for found in expired {
            let id = sql::number(found, 0)?;
            let mut update = Sql::new("UPDATE latest SET state = ");
            update.number(state_number(State::Expired)).push(" WHERE state = ");
            update.number(state_number(State::Valid)).push(" AND valid <= ").value(seconds);
            update.push(" AND id = ").value(id);
            if update.run(&mut *transaction).await? == 1 && sqlite {
                let (web, pdisk) = (sql::number(found, 1)? == 1, sql::number(found, 2)? == 1);
                let mut words = Sql::new("DELETE FROM latest_words WHERE rowid = ");
                words.value(id);
                words.run(&mut *transaction).await?;
                let mut words = Sql::new(
                    "INSERT INTO latest_words (rowid, os, os_version, os_arch, email, kind, words, flags)
                     SELECT id, os, os_version, os_arch, email_key, kind, words, ",
                );
                words
                    .value(find::flags(State::Expired, web, pdisk))
                    .push(" FROM latest WHERE id = ")
                    .value(id);
                words.run(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// An entry was added: it may have expired when others have been moved already.
    pub(super) fn added_with(&self, valid: Option<Timestamp>) {
        if let Some(valid) = valid {
            self.0.moved.fetch_min(valid.unix_seconds() - 1, Ordering::AcqRel);
        }
    }

    /// When the next of the valid entries expires; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_expiry(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let mut select = Sql::new("SELECT valid FROM latest WHERE state = ");
        select.number(state_number(State::Valid)).push(" AND valid > ").value(now.unix_seconds());
        let row = select.push(" ORDER BY valid LIMIT 1").one(self.0.readers()?).await?;
        row.map(|row| row::timestamp(&row, 0)).transpose()
    }

    /// The latest entries that expire after `from`, at `to` or before, by endorser and time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expiring(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Listed>, StoreError> {
        let mut select = Sql::new("SELECT ");
        select
            .push(row::COLUMNS)
            .push(", l.state, '' FROM latest l JOIN entry e ON e.id = l.id WHERE l.state = ");
        select.number(state_number(State::Valid)).push(" AND l.valid > ").value(from.unix_seconds());
        select.push(" AND l.valid <= ").value(to.unix_seconds());
        select.push(" ORDER BY l.email, l.valid, l.id");
        let rows = select.all(self.0.readers()?).await?;
        rows.iter().map(|row| row::listed(row, from)).collect()
    }
}
