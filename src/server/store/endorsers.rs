//! Who endorses, and what: endorsers, their entries, single entries and the history of an image.

use crate::{DistinguishedName, Email, Identifier, Timestamp};

use super::{
    Document, KnownEndorser, Listed, Store, StoreError, add,
    row::{self, COLUMNS},
    sql::{self, Sql},
    texts::listed,
};
use crate::server::key::EntryKey;

/// Entries of an endorser that [`Store::endorsed`] returns at most, the newest.
pub const MAX_ENDORSED: i64 = 10_000;

/// Endorsers that [`Store::endorsers`] returns at most.
const MAX_ENDORSERS: i64 = 100_000;

/// What follows [`COLUMNS`] for entries that may be superseded.
const ANY_STATE: &str = ", COALESCE(l.state, 0), '' FROM entry e LEFT JOIN latest l ON l.id = e.id WHERE ";

impl Store {
    /// An entry's bytes, whatever its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn document(&self, key: &EntryKey, now: Timestamp) -> Result<Option<Document>, StoreError> {
        let mut select = Sql::new(
            "SELECT d.bytes, d.sha256, e.valid, COALESCE(l.state, 0) FROM entry e
             JOIN document d ON d.entry = e.id LEFT JOIN latest l ON l.id = e.id
             WHERE (e.identifier, e.email, e.created) = (",
        );
        select.value(key.identifier.to_string()).push(", ").value(key.email.as_str());
        select.push(", ").value(key.created.unix_seconds()).push(")");
        let Some(row) = select.one(self.0.readers()?).await? else { return Ok(None) };
        let sha256 = sql::bytes(&row, 1)?.try_into().map_err(|_| StoreError::unreadable("digest"))?;
        let state = row::state(sql::number(&row, 3)?, row::timestamp(&row, 2)?, now);
        Ok(Some(Document { bytes: sql::bytes(&row, 0)?, sha256, state }))
    }

    /// An entry as lists show it, whatever its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn entry(&self, key: &EntryKey, now: Timestamp) -> Result<Option<Listed>, StoreError> {
        let mut select = Sql::new("SELECT ");
        select.push(COLUMNS).push(ANY_STATE).push("(e.identifier, e.email, e.created) = (");
        select.value(key.identifier.to_string()).push(", ").value(key.email.as_str());
        select.push(", ").value(key.created.unix_seconds()).push(")");
        let row = select.one(self.0.readers()?).await?;
        row.map(|row| row::listed(&row, now)).transpose()
    }

    /// All entries of an image, superseded ones too, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history(
        &self,
        identifier: Identifier,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        self.history_by(identifier, None, limit, now).await
    }

    /// The same, of one endorser if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_by(
        &self,
        identifier: Identifier,
        email: Option<&Email>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        let mut select = Sql::new("SELECT ");
        select.push(COLUMNS).push(ANY_STATE).push("e.identifier = ").value(identifier.to_string());
        if let Some(email) = email {
            select.push(" AND e.email = ").value(email.as_str());
        }
        select.push(" ORDER BY e.id DESC LIMIT ").value(i64::from(limit));
        let rows = select.all(self.0.readers()?).await?;
        rows.iter().map(|row| row::listed(row, now)).collect()
    }

    /// All endorsers, by e-mail.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn endorsers(&self) -> Result<Vec<KnownEndorser>, StoreError> {
        let mut select =
            Sql::new("SELECT email, subject, issuer FROM endorser ORDER BY email, subject, issuer");
        select.push(" LIMIT ").number(MAX_ENDORSERS);
        let rows = select.all(self.0.readers()?).await?;
        let endorser = |row| {
            let [email, subject, issuer] = [0, 1, 2].map(|column| sql::text(row, column));
            Ok(KnownEndorser { email: email?, subject: subject?, issuer: issuer? })
        };
        rows.iter().map(endorser).collect()
    }

    /// Is there an entry under this address by an endorser with another subject?
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_anothers(&self, email: &Email, subject: &DistinguishedName) -> Result<bool, StoreError> {
        let mut select = Sql::new("SELECT subject FROM endorser WHERE email = ");
        select
            .value(email.as_str())
            .push(" AND subject <> ")
            .value(listed(subject.as_str()))
            .push(" LIMIT 1");
        Ok(select.one(self.0.readers()?).await?.is_some())
    }

    /// What an endorser endorsed at `since` or later, superseded entries too, newest first, at most
    /// [`MAX_ENDORSED`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn endorsed(
        &self,
        email: &Email,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        let mut select = Sql::new("SELECT ");
        select.push(COLUMNS).push(ANY_STATE).push("e.email = ").value(email.as_str());
        select.push(" AND e.id >= ").value(*add::numbers(since).start());
        select.push(" ORDER BY e.id DESC LIMIT ").value(MAX_ENDORSED);
        let rows = select.all(self.0.readers()?).await?;
        rows.iter().map(|row| row::listed(row, now)).collect()
    }
}
