//! What is written of entries that are taken: each table in one statement, however many they are.

use std::collections::{BTreeMap, HashSet};

use openssl::sha::sha256;
use sqlx::AnyConnection;

use crate::Timestamp;

use super::{
    NewEntry, State, StoreError, add, find,
    open::Kind,
    row::state_number,
    sql::{self, Sql, Value},
    texts::{self, Texts},
    writer::Failure,
};

/// How many numbers are tried for an entry: a second has a million.
const NUMBERS: i64 = 1024;

/// Numbers for these entries, which nobody has yet.
pub(super) async fn numbers(on: &mut AnyConnection, entries: &[&NewEntry]) -> Result<Vec<i64>, Failure> {
    let mut numbers: Vec<i64> = Vec::with_capacity(entries.len());
    let mut attempts = vec![0; entries.len()];
    let mut taken = HashSet::new();
    loop {
        numbers.clear();
        for (entry, attempt) in entries.iter().zip(&mut attempts) {
            let mut number = add::number(&entry.key, *attempt);
            while taken.contains(&number) || numbers.contains(&number) {
                *attempt += 1;
                number = add::number(&entry.key, *attempt);
                if *attempt == NUMBERS {
                    let cause = "too many entries have the same date".to_owned();
                    return Err(StoreError::Database { cause }.into());
                }
            }
            numbers.push(number);
        }
        let mut select = Sql::new("SELECT id FROM entry WHERE id IN (");
        select.values(numbers.iter().map(|number| (*number).into())).push(")").once();
        let found = select.all(&mut *on).await?;
        if found.is_empty() {
            return Ok(numbers);
        }
        for row in found {
            taken.insert(sql::number(&row, 0)?);
        }
    }
}

/// Keeps what entries say, and their bytes.
pub(super) async fn entries(
    on: &mut AnyConnection,
    entries: &[(i64, &NewEntry, [u8; 32])],
) -> Result<(), Failure> {
    let mut insert = Sql::new(
        "INSERT INTO entry (id, identifier, email, created, subject, title, tag, tag_key, description, kind, os,
         os_version, os_arch, version, format, compression, bytes, locations, valid, deprecated, length) VALUES ",
    );
    let values: Result<Vec<_>, _> = entries.iter().map(|(id, entry, _)| entry_values(*id, entry)).collect();
    insert.rows(values?).once().run(&mut *on).await?;
    let mut insert = Sql::new("INSERT INTO document (entry, sha256, bytes) VALUES ");
    let values = |(id, entry, digest): &(i64, &NewEntry, [u8; 32])| {
        [(*id).into(), digest.to_vec().into(), entry.document.clone().into()]
    };
    insert.rows(entries.iter().map(values)).once().run(on).await?;
    Ok(())
}

pub(super) fn entry_values(id: i64, entry: &NewEntry) -> Result<[Value; 21], StoreError> {
    let metadata = &entry.metadata;
    let listed =
        |text: &Option<String>| Value::from(&text.as_deref().map(|text| texts::listed(text).to_owned()));
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
        texts::listed(endorsement.endorser.subject.as_str()).into(),
        listed(&metadata.title),
        (&metadata.tag.as_deref().map(|text| texts::tag(text).to_owned())).into(),
        (&tag.as_deref().map(texts::tag_key)).into(),
        (&metadata.description.as_deref().map(|text| texts::description(text).to_owned())).into(),
        listed(&metadata.kind),
        listed(&metadata.os),
        listed(&metadata.os_version),
        listed(&metadata.os_arch),
        listed(&metadata.version),
        listed(&metadata.format),
        listed(&metadata.compression),
        metadata.bytes.cast_signed().into(),
        serde_json::Value::from(texts::locations(&metadata.locations).to_vec()).to_string().into(),
        valid.unix_seconds().into(),
        listed(&metadata.deprecated),
        i64::try_from(entry.document.len()).unwrap_or(i64::MAX).into(),
    ])
}

/// Keeps who endorsed these. Whoever inserts the same endorser meanwhile waits, so this comes when all series
/// are locked, and in the order of the digests: nobody waits for one who waits for him.
pub(super) async fn endorsers(on: &mut AnyConnection, entries: &[&NewEntry]) -> Result<(), Failure> {
    let mut endorsers: BTreeMap<_, _> = entries.iter().filter_map(|entry| endorser(entry)).collect();
    let mut known = Sql::new("SELECT sha256 FROM endorser WHERE sha256 IN (");
    known.values(endorsers.keys().map(|digest| digest.to_vec().into())).push(")").once();
    for row in known.all(&mut *on).await? {
        endorsers.remove(sql::bytes(&row, 0)?.as_slice());
    }
    if !endorsers.is_empty() {
        let mut insert = Sql::new("INSERT INTO endorser (sha256, email, subject, issuer) VALUES ");
        let values = |(digest, [email, subject, issuer]): ([u8; 32], [&str; 3])| {
            [
                digest.to_vec().into(),
                email.into(),
                texts::listed(subject).into(),
                texts::listed(issuer).into(),
            ]
        };
        insert.rows(endorsers.into_iter().map(values)).push(" ON CONFLICT DO NOTHING").once().run(on).await?;
    }
    Ok(())
}

/// An endorser's e-mail, subject and issuer, by a digest of them.
fn endorser(entry: &NewEntry) -> Option<([u8; 32], [&str; 3])> {
    let endorser = &entry.metadata.endorsement.as_ref()?.endorser;
    let texts = [entry.key.email.as_str(), endorser.subject.as_str(), endorser.issuer.as_str()];
    Some((sha256(texts.join("\0").as_bytes()), texts))
}

/// Takes entries off the lists: newer ones are there.
pub(super) async fn superseded(kind: Kind, on: &mut AnyConnection, ids: &[i64]) -> Result<(), Failure> {
    let with_ids = |text| {
        let mut delete = Sql::new(text);
        delete.values(ids.iter().map(|id| (*id).into())).push(")").once();
        delete
    };
    if !ids.is_empty() {
        with_ids("DELETE FROM latest WHERE id IN (").run(&mut *on).await?;
        if kind == Kind::Sqlite {
            with_ids("DELETE FROM latest_words WHERE rowid IN (").run(on).await?;
        }
    }
    Ok(())
}

/// Puts entries on the lists, each in the state it is in.
pub(super) async fn latest(
    kind: Kind,
    on: &mut AnyConnection,
    entries: &[(i64, &NewEntry, State)],
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    if kind == Kind::Sqlite {
        let mut words = Sql::new(
            "INSERT INTO latest_words (rowid, os, os_version, os_arch, email, kind, words, flags) VALUES ",
        );
        words.rows(entries.iter().map(words_values)).once().run(&mut *on).await?;
    }
    let mut latest = Sql::new(
        "INSERT INTO latest (id, back, state, valid, identifier, email, web, pdisk, os_key, os_version_key,
         os_arch_key, email_key, kind_key, title_key, os, os_version, os_arch, kind, words) VALUES ",
    );
    latest.rows(entries.iter().map(|(id, entry, state)| latest_values(*id, entry, *state)));
    latest.once().run(on).await?;
    Ok(())
}

/// What the index of words has of an entry.
fn words_values((id, entry, state): &(i64, &NewEntry, State)) -> [Value; 8] {
    let texts = Texts::of(entry);
    let locations = &entry.metadata.locations;
    let flags = find::flags(*state, texts::on_web(locations), texts::on_pdisk(locations));
    [
        (*id).into(),
        texts.os.into(),
        texts.os_version.into(),
        texts.os_arch.into(),
        texts.email.into(),
        texts.kind.into(),
        texts.words.into(),
        flags.into(),
    ]
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
pub(super) async fn changes(on: &mut AnyConnection, created: &[i64]) -> Result<(), Failure> {
    let count = i64::try_from(created.len()).unwrap_or(i64::MAX);
    let mut feed = Sql::new("UPDATE feed SET newest = newest + ");
    feed.value(count).push(" RETURNING newest");
    let row = feed.one(&mut *on).await?.ok_or_else(|| StoreError::unreadable("feed"))?;
    let mut sequence = sql::number(&row, 0)? - count;
    let mut changes = Sql::new("INSERT INTO change (sequence, entry) VALUES ");
    let numbered = created.iter().map(|id| {
        sequence += 1;
        [sequence.into(), (*id).into()]
    });
    changes.rows(numbered).once().run(on).await?;
    Ok(())
}
