//! Uploads that wait for their endorsers to confirm them. A token is known by its digest alone: who reads the
//! database can confirm nothing.

use crate::Timestamp;

use super::{
    Parked, Store, StoreError,
    open::Kind,
    row,
    sql::{self, Sql},
};

impl Store {
    /// Parks an upload under the SHA-256 of its token; false if `most` wait already for the same address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn park(
        &self,
        token: &[u8; 32],
        parked: &Parked,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sqlite = self.0.kind == Kind::Sqlite;
        let mut transaction = self.0.kind.begin(self.0.writers()?).await?;
        let email = parked.key.email.as_str();
        if !sqlite {
            // Locks the address, so that two cannot count at once.
            let mut lock = Sql::new("INSERT INTO parking (email) VALUES (");
            lock.value(email).push(") ON CONFLICT (email) DO UPDATE SET email = excluded.email");
            lock.run(&mut *transaction).await?;
        }
        let mut count = Sql::new("SELECT count(*) FROM parked WHERE email = ");
        count.value(email).push(" AND expires > ").value(now.unix_seconds());
        let row = count.one(&mut *transaction).await?;
        if row.map(|row| sql::number(&row, 0)).transpose()?.unwrap_or_default() >= i64::from(most) {
            transaction.rollback().await?;
            return Ok(false);
        }
        let mut insert =
            Sql::new("INSERT INTO parked (token, identifier, email, created, document, expires) VALUES (");
        insert.values([
            token.to_vec().into(),
            parked.key.identifier.to_string().into(),
            email.into(),
            parked.key.created.unix_seconds().into(),
            parked.document.clone().into(),
            parked.expires.unix_seconds().into(),
        ]);
        insert.push(")").run(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// How many bytes of documents are parked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked_bytes(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut sum = Sql::new(
            "SELECT CAST(coalesce(sum(length(document)), 0) AS BIGINT) FROM parked WHERE expires > ",
        );
        sum.value(now.unix_seconds());
        let row = sum.one(self.0.readers()?).await?;
        let bytes = row.map(|row| sql::number(&row, 0)).transpose()?.unwrap_or_default();
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    /// What is parked under a token, if it has not expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked(&self, token: &[u8; 32], now: Timestamp) -> Result<Option<Parked>, StoreError> {
        let mut select =
            Sql::new("SELECT identifier, email, created, document, expires FROM parked WHERE token = ");
        select.value(token.to_vec()).push(" AND expires > ").value(now.unix_seconds());
        let Some(row) = select.one(self.0.readers()?).await? else { return Ok(None) };
        let (key, document) = (row::key(&row, 0)?, sql::bytes(&row, 3)?);
        Ok(Some(Parked { key, document, expires: row::timestamp(&row, 4)? }))
    }

    /// Forgets what is parked under a token; false if there was nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        let mut delete = Sql::new("DELETE FROM parked WHERE token = ");
        delete.value(token.to_vec());
        Ok(delete.run(self.0.writers()?).await? > 0)
    }

    /// Forgets what has waited too long, and returns how much that was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut delete = Sql::new("DELETE FROM parked WHERE expires <= ");
        delete.value(now.unix_seconds());
        let forgotten = delete.run(self.0.writers()?).await?;
        let idle = "DELETE FROM parking WHERE email NOT IN (SELECT email FROM parked)";
        Sql::new(idle).run(self.0.writers()?).await?;
        Ok(forgotten)
    }
}
