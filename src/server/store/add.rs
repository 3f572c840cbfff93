//! Adding entries, and the rules of their order.

use std::{collections::BTreeMap, time::Instant};

use openssl::sha::sha256;
use sqlx::{AnyConnection, AnyPool};
use tokio::sync::oneshot;

use crate::{Metadata, Timestamp};

use super::{
    AddError, Added, NewEntry, Order, State, Store, StoreError,
    open::Kind,
    row::state_number,
    sql::{self, Sql, Value},
    texts::{self, Texts},
    writer::{Failure, Request},
};

/// Bits of an entry's number that tell entries of the same second apart.
const SPREAD: u32 = 20;

/// How many numbers are tried for an entry: a second has a million.
const NUMBERS: i64 = 1024;

/// Stands for the newest entry of a series that has none yet; no date has this number.
pub(super) const NOTHING: i64 = i64::MIN;

/// Longest e-mail address in bytes (RFC 5321 §4.5.3.1.3): longer ones fit into no index.
const MAX_EMAIL: usize = 254;

impl Store {
    /// Keeps an entry; when this returns, it is kept whatever happens. `now` decides whether it has expired.
    ///
    /// # Errors
    /// [`AddError::Older`] and [`AddError::Differs`] if it may not follow what is there;
    /// [`AddError::Store`] if the database failed, when the entry may be there nevertheless: asking again is safe.
    pub async fn add(&self, entry: &NewEntry, order: Order, now: Timestamp) -> Result<Added, AddError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { entry: entry.clone(), order, now, since: Instant::now(), answer };
        let stopped = || StoreError::Database { cause: "it is closed".to_owned() };
        self.0.adding.send(request).await.map_err(|_| stopped())?;
        let added = answered.await.map_err(|_| stopped())?;
        self.added_with(entry.metadata.valid);
        added
    }
}

/// The numbers of all entries endorsed at this time: an entry's number begins with the second, so that
/// entries are in the order of their dates.
pub(super) fn numbers(created: Timestamp) -> std::ops::RangeInclusive<i64> {
    let first = created.unix_seconds() << SPREAD;
    first..=first + (1 << SPREAD) - 1
}

/// Adds these entries, all or none.
pub(super) async fn transaction(
    kind: Kind,
    pool: &AnyPool,
    batch: &[Request],
    unsure: &mut bool,
) -> Result<Vec<Result<Added, AddError>>, Failure> {
    let mut transaction = kind.begin(pool).await?;
    let mut results = Vec::with_capacity(batch.len());
    let (mut created, mut endorsers) = (Vec::new(), BTreeMap::new());
    for request in batch {
        let added = add(kind, &mut transaction, request, &mut created).await?;
        if let Ok(Added::Created) = added {
            endorsers.extend(endorser(&request.entry));
        }
        results.push(match added {
            // The answer to an earlier COMMIT was lost: it was this one's.
            Ok(Added::Same) if *unsure => Ok(Added::Created),
            added => added,
        });
    }
    for (digest, endorser) in endorsers {
        insert_endorser(&mut transaction, digest, endorser).await?;
    }
    if !created.is_empty() {
        number_changes(&mut transaction, &created).await?;
    }
    if let Err(error) = sql::answered(transaction.commit()).await {
        *unsure = !created.is_empty();
        return Err(error.into());
    }
    Ok(results)
}

/// Adds an entry; its number is appended to `created` if it is new.
async fn add(
    kind: Kind,
    on: &mut AnyConnection,
    request: &Request,
    created: &mut Vec<i64>,
) -> Result<Result<Added, AddError>, Failure> {
    let Request { entry, order, now, .. } = request;
    if entry.key.email.as_str().len() > MAX_EMAIL {
        let cause = format!("an e-mail address is longer than {MAX_EMAIL} bytes");
        return Ok(Err(StoreError::Database { cause }.into()));
    }
    let digest = sha256(&entry.document);
    let newest = lock_series(kind, on, entry).await?;
    if let Some(newest) = &newest
        && entry.key.created <= newest.created
    {
        match stored_digest(on, entry).await? {
            Some(stored) if stored == digest => return Ok(Ok(Added::Same)),
            Some(_) => return Ok(Err(AddError::Differs)),
            None if *order == Order::Newest => {
                return Ok(Err(AddError::Older { newest: newest.created }));
            }
            None => {}
        }
    }
    let id = insert_entry(on, entry).await?;
    let mut document = Sql::new("INSERT INTO document (entry, sha256, bytes) VALUES (");
    document.value(id).push(", ").value(digest.to_vec()).push(", ");
    document.value(entry.document.clone()).push(")").run(&mut *on).await?;
    if newest.as_ref().is_none_or(|newest| entry.key.created > newest.created) {
        if let Some(newest) = newest {
            remove_latest(kind, on, newest.id).await?;
        }
        insert_latest(kind, on, id, entry, texts::state(&entry.metadata, *now)).await?;
        set_newest(on, entry, id).await?;
    }
    created.push(id);
    Ok(Ok(Added::Created))
}

/// The newest entry of a series.
struct Newest {
    created: Timestamp,
    id: i64,
}

/// Locks the series of an entry until the transaction ends, and returns its newest entry.
async fn lock_series(
    kind: Kind,
    on: &mut AnyConnection,
    entry: &NewEntry,
) -> Result<Option<Newest>, Failure> {
    let key = || [entry.key.identifier.to_string().into(), entry.key.email.as_str().into()];
    let select = || {
        let mut select = Sql::new("SELECT created, newest FROM series WHERE (identifier, email) = (");
        select.values(key()).push(if kind == Kind::Sqlite { ")" } else { ") FOR UPDATE" });
        select
    };
    let mut row = select().one(&mut *on).await?;
    if row.is_none() && kind != Kind::Sqlite {
        // There is nothing to lock yet: who inserts it first has it, the others wait here.
        let mut insert = Sql::new("INSERT INTO series (identifier, email, created, newest) VALUES (");
        insert.values(key()).push(", 0, ").value(NOTHING).push(") ON CONFLICT DO NOTHING");
        if insert.run(&mut *on).await? == 0 {
            row = select().one(&mut *on).await?;
        }
    }
    let Some(row) = row else { return Ok(None) };
    let (created, id) = (sql::number(&row, 0)?, sql::number(&row, 1)?);
    if id == NOTHING {
        return Ok(None);
    }
    let created = Timestamp::from_unix_seconds(created);
    Ok(Some(Newest { created: created.ok_or_else(|| StoreError::unreadable("date"))?, id }))
}

async fn set_newest(on: &mut AnyConnection, entry: &NewEntry, id: i64) -> Result<(), Failure> {
    let mut series = Sql::new("INSERT INTO series (identifier, email, created, newest) VALUES (");
    series.value(entry.key.identifier.to_string()).push(", ").value(entry.key.email.as_str()).push(", ");
    series.value(entry.key.created.unix_seconds()).push(", ").value(id);
    series.push(
        ") ON CONFLICT (identifier, email) DO UPDATE SET created = excluded.created, newest = excluded.newest",
    );
    series.run(on).await?;
    Ok(())
}

async fn stored_digest(on: &mut AnyConnection, entry: &NewEntry) -> Result<Option<Vec<u8>>, Failure> {
    let mut select = Sql::new(
        "SELECT d.sha256 FROM entry e JOIN document d ON d.entry = e.id
         WHERE (e.identifier, e.email, e.created) = (",
    );
    select.value(entry.key.identifier.to_string()).push(", ").value(entry.key.email.as_str());
    select.push(", ").value(entry.key.created.unix_seconds()).push(")");
    let row = select.one(on).await?;
    Ok(row.map(|row| sql::bytes(&row, 0)).transpose()?)
}

/// Inserts what an entry says, and returns its number.
async fn insert_entry(on: &mut AnyConnection, entry: &NewEntry) -> Result<i64, Failure> {
    let key = format!("{}/{}", entry.key.identifier, entry.key.email);
    let hash = sha256(key.as_bytes());
    let numbers = numbers(entry.key.created);
    let hash = i64::from(u32::from_be_bytes([0, hash[0], hash[1], hash[2]]));
    for attempt in 0..NUMBERS {
        let id = numbers.start() + ((hash + attempt) & ((1 << SPREAD) - 1));
        let mut insert = Sql::new(
            "INSERT INTO entry (id, identifier, email, created, subject, title, tag, tag_key, description, kind, os,
             os_version, os_arch, version, format, compression, bytes, locations, valid, deprecated,
             length) VALUES (",
        );
        insert.values(entry_values(id, entry)?).push(") ON CONFLICT (id) DO NOTHING");
        if insert.run(&mut *on).await? == 1 {
            return Ok(id);
        }
    }
    Err(StoreError::Database { cause: "too many entries have the same date".to_owned() }.into())
}

pub(super) fn entry_values(id: i64, entry: &NewEntry) -> Result<[Value; 21], StoreError> {
    let Metadata { title, description, kind, os, os_version, os_arch, version, .. } = &entry.metadata;
    let missing = |what| move || StoreError::Database { cause: format!("an entry has no {what}") };
    let endorsement = entry.metadata.endorsement.as_ref().ok_or_else(missing("endorsement"))?;
    let valid = entry.metadata.valid.ok_or_else(missing("end"))?;
    // The empty tag is none (S41).
    let tag = entry.metadata.tag.clone().filter(|tag| !tag.is_empty());
    Ok([
        id.into(),
        entry.key.identifier.to_string().into(),
        entry.key.email.as_str().into(),
        entry.key.created.unix_seconds().into(),
        endorsement.endorser.subject.as_str().into(),
        title.into(),
        (&entry.metadata.tag).into(),
        (&tag.as_deref().map(texts::tag_key)).into(),
        description.into(),
        kind.into(),
        os.into(),
        os_version.into(),
        os_arch.into(),
        version.into(),
        (&entry.metadata.format).into(),
        (&entry.metadata.compression).into(),
        entry.metadata.bytes.cast_signed().into(),
        serde_json::Value::from(entry.metadata.locations.clone()).to_string().into(),
        valid.unix_seconds().into(),
        (&entry.metadata.deprecated).into(),
        i64::try_from(entry.document.len()).unwrap_or(i64::MAX).into(),
    ])
}

/// An endorser's e-mail, subject and issuer, by a digest of them.
fn endorser(entry: &NewEntry) -> Option<([u8; 32], [&str; 3])> {
    let endorser = &entry.metadata.endorsement.as_ref()?.endorser;
    let texts = [entry.key.email.as_str(), endorser.subject.as_str(), endorser.issuer.as_str()];
    Some((sha256(texts.join("\0").as_bytes()), texts))
}

/// Keeps an endorser. Whoever inserts the same one meanwhile waits, so this comes when all series are
/// locked, and in the order of the digests: nobody waits for one who waits for him.
async fn insert_endorser(
    on: &mut AnyConnection,
    digest: [u8; 32],
    [email, subject, issuer]: [&str; 3],
) -> Result<(), Failure> {
    let mut known = Sql::new("SELECT 1 FROM endorser WHERE sha256 = ");
    known.value(digest.to_vec());
    if known.one(&mut *on).await?.is_none() {
        let mut insert = Sql::new("INSERT INTO endorser (sha256, email, subject, issuer) VALUES (");
        insert.values([digest.to_vec().into(), email.into(), subject.into(), issuer.into()]);
        insert.push(") ON CONFLICT DO NOTHING").run(on).await?;
    }
    Ok(())
}

async fn remove_latest(kind: Kind, on: &mut AnyConnection, id: i64) -> Result<(), Failure> {
    let mut latest = Sql::new("DELETE FROM latest WHERE id = ");
    latest.value(id);
    latest.run(&mut *on).await?;
    if kind == Kind::Sqlite {
        let mut words = Sql::new("DELETE FROM latest_words WHERE rowid = ");
        words.value(id);
        words.run(on).await?;
    }
    Ok(())
}

async fn insert_latest(
    kind: Kind,
    on: &mut AnyConnection,
    id: i64,
    entry: &NewEntry,
    state: State,
) -> Result<(), Failure> {
    let texts = Texts::of(entry);
    let (web, pdisk) = (texts::on_web(&entry.metadata.locations), texts::on_pdisk(&entry.metadata.locations));
    if kind == Kind::Sqlite {
        let mut words = Sql::new(
            "INSERT INTO latest_words (rowid, os, os_version, os_arch, email, kind, words, flags) VALUES (",
        );
        words.values([
            id.into(),
            texts.os.as_str().into(),
            texts.os_version.as_str().into(),
            texts.os_arch.as_str().into(),
            texts.email.as_str().into(),
            texts.kind.as_str().into(),
            texts.words.as_str().into(),
            super::find::flags(state, web, pdisk).into(),
        ]);
        words.push(")").run(&mut *on).await?;
    }
    let mut latest = Sql::new(
        "INSERT INTO latest (id, back, state, valid, identifier, email, web, pdisk, os_key, os_version_key,
         os_arch_key, email_key, kind_key, title_key, os, os_version, os_arch, kind, words) VALUES (",
    );
    latest.values(latest_values(id, entry, state));
    latest.push(")").run(on).await?;
    Ok(())
}

/// What lists have of an entry.
pub(super) fn latest_values(id: i64, entry: &NewEntry, state: State) -> [Value; 19] {
    let texts = Texts::of(entry);
    let (web, pdisk) = (texts::on_web(&entry.metadata.locations), texts::on_pdisk(&entry.metadata.locations));
    let valid = entry.metadata.valid.map_or(0, Timestamp::unix_seconds);
    [
        id.into(),
        (-id).into(),
        state_number(state).into(),
        valid.into(),
        entry.key.identifier.to_string().into(),
        entry.key.email.as_str().into(),
        i64::from(web).into(),
        i64::from(pdisk).into(),
        texts::key(&texts.os).into(),
        texts::key(&texts.os_version).into(),
        texts::key(&texts.os_arch).into(),
        texts.email.into(),
        texts::key(&texts.kind).into(),
        texts::key(&texts.title).into(),
        texts.os.into(),
        texts.os_version.into(),
        texts.os_arch.into(),
        texts.kind.into(),
        texts.words.into(),
    ]
}

/// Numbers new entries in the order in which they will be seen. The row of `feed` is locked until the
/// transaction ends, so nobody can get a higher number and be seen earlier; last of all, to be short.
async fn number_changes(on: &mut AnyConnection, created: &[i64]) -> Result<(), Failure> {
    let count = i64::try_from(created.len()).unwrap_or(i64::MAX);
    let mut feed = Sql::new("UPDATE feed SET newest = newest + ");
    feed.value(count).push(" RETURNING newest");
    let row = feed.one(&mut *on).await?.ok_or_else(|| StoreError::unreadable("feed"))?;
    let mut sequence = sql::number(&row, 0)? - count;
    let mut changes = Sql::new("INSERT INTO change (sequence, entry) VALUES ");
    for (place, &id) in created.iter().enumerate() {
        sequence += 1;
        changes.push(if place == 0 { "(" } else { ", (" });
        changes.values([sequence.into(), id.into()]).push(")");
    }
    changes.run(on).await?;
    Ok(())
}
