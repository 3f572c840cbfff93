//! Adding entries, and the rules of their order.

use std::{collections::HashMap, time::Instant};

use openssl::sha::sha256;
use sqlx::{AnyConnection, AnyPool};
use tokio::sync::oneshot;

use crate::{Email, Identifier, Timestamp};

use super::{
    AddError, Added, NewEntry, Order, Store, StoreError, insert,
    open::Kind,
    row,
    series::{self, Newest, Series},
    sql::{self, Sql, Value},
    texts,
    writer::{Failure, Request},
};
use crate::server::key::EntryKey;

/// Bits of an entry's number that tell entries of the same second apart.
const SPREAD: u32 = 20;

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

/// The number of an entry; with each attempt another, since two may have the same.
pub(super) fn number(key: &EntryKey, attempt: i64) -> i64 {
    let [a, b, c, ..] = sha256(format!("{}/{}", key.identifier, key.email).as_bytes());
    let place = i64::from(u32::from_be_bytes([0, a, b, c])) + attempt;
    numbers(key.created).start() + (place & ((1 << SPREAD) - 1))
}

/// What shall become of entries.
#[derive(Default)]
struct Plan<'a> {
    results: Vec<Result<Added, AddError>>,
    /// Those that are new, with the digests of their bytes.
    new: Vec<(&'a Request, [u8; 32])>,
    /// Of series that get a newer entry: which of the new ones it is.
    newest: HashMap<Series<'a>, usize>,
}

/// Adds these entries, of which those of one series follow each other: all or none. `unsure` says of each
/// whether it was new in an earlier transaction whose COMMIT was not answered.
pub(super) async fn transaction(
    kind: Kind,
    pool: &AnyPool,
    batch: &[Request],
    unsure: &mut Vec<bool>,
) -> Result<Vec<Result<Added, AddError>>, Failure> {
    let mut transaction = kind.begin(pool).await?;
    let mut series: Vec<Series<'_>> =
        batch.iter().filter(|request| fits(request)).map(Request::series).collect();
    series.dedup();
    let before = if series.is_empty() {
        HashMap::new()
    } else {
        series::lock(kind, &mut transaction, &series).await?
    };
    let stored = stored(&mut transaction, batch, &before).await?;
    let mut plan = decide(batch, &before, &stored);
    if plan.new.is_empty() {
        transaction.rollback().await?;
    } else {
        write(kind, &mut transaction, &plan, &before).await?;
        if let Err(error) = sql::answered(transaction.commit()).await {
            *unsure = plan.results.iter().map(|result| matches!(result, Ok(Added::Created))).collect();
            return Err(error.into());
        }
    }
    for (result, unsure) in plan.results.iter_mut().zip(unsure) {
        if let Ok(Added::Same) = result
            && *unsure
        {
            // It was this transaction that was committed.
            *result = Ok(Added::Created);
        }
    }
    Ok(plan.results)
}

/// Can it have the keys that indexes need?
fn fits(request: &Request) -> bool {
    request.entry.key.email.as_str().len() <= MAX_EMAIL
}

/// The digests of those that are there already, by their keys. What is newer than the newest is not looked for.
async fn stored(
    on: &mut AnyConnection,
    batch: &[Request],
    newest: &HashMap<(Identifier, Email), Newest>,
) -> Result<HashMap<EntryKey, Vec<u8>>, Failure> {
    let may_be_there = |key: &&EntryKey| {
        let newest = newest.get(&(key.identifier, key.email.clone()));
        newest.is_some_and(|newest| key.created <= newest.created)
    };
    let keys: Vec<_> = batch.iter().map(|request| &request.entry.key).filter(may_be_there).collect();
    let mut stored = HashMap::new();
    if keys.is_empty() {
        return Ok(stored);
    }
    let mut select = Sql::new(
        "SELECT e.identifier, e.email, e.created, d.sha256 FROM entry e JOIN document d ON d.entry = e.id
         WHERE (e.identifier, e.email, e.created) IN (VALUES ",
    );
    let values = |key: &EntryKey| {
        let (identifier, email) = (key.identifier.to_string(), key.email.as_str());
        [Value::from(identifier), email.into(), key.created.unix_seconds().into()]
    };
    select.rows(keys.into_iter().map(values)).push(")").once();
    for row in select.all(on).await? {
        stored.insert(row::key(&row, 0)?, sql::bytes(&row, 3)?);
    }
    Ok(stored)
}

/// The rules of order, for one after the other.
fn decide<'a>(
    batch: &'a [Request],
    before: &HashMap<(Identifier, Email), Newest>,
    stored: &HashMap<EntryKey, Vec<u8>>,
) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut taken: HashMap<&EntryKey, [u8; 32]> = HashMap::new();
    for request in batch {
        let key = &request.entry.key;
        let digest = sha256(&request.entry.document);
        let there = taken.get(key).map(|digest| &digest[..]).or(stored.get(key).map(Vec::as_slice));
        let newest = match plan.newest.get(&request.series()) {
            Some(place) => plan.new.get(*place).map(|(newest, _)| newest.entry.key.created),
            None => before.get(&(key.identifier, key.email.clone())).map(|newest| newest.created),
        };
        let result = match (there, newest) {
            _ if !fits(request) => {
                let cause = format!("an e-mail address is longer than {MAX_EMAIL} bytes");
                Err(StoreError::Database { cause }.into())
            }
            (Some(there), _) if *there == digest => Ok(Added::Same),
            (Some(_), _) => Err(AddError::Differs),
            (None, Some(newest)) if request.order == Order::Newest && key.created < newest => {
                Err(AddError::Older { newest })
            }
            (None, _) => Ok(Added::Created),
        };
        if let Ok(Added::Created) = result {
            if newest.is_none_or(|newest| key.created > newest) {
                plan.newest.insert(request.series(), plan.new.len());
            }
            plan.new.push((request, digest));
            taken.insert(key, digest);
        }
        plan.results.push(result);
    }
    plan
}

/// Writes what is new.
async fn write(
    kind: Kind,
    on: &mut AnyConnection,
    plan: &Plan<'_>,
    before: &HashMap<(Identifier, Email), Newest>,
) -> Result<(), Failure> {
    let new: Vec<&NewEntry> = plan.new.iter().map(|(request, _)| &request.entry).collect();
    let ids = insert::numbers(on, &new).await?;
    let numbered = ids.iter().zip(&plan.new);
    let entries: Vec<_> =
        numbered.clone().map(|(id, (request, digest))| (*id, &request.entry, *digest)).collect();
    insert::entries(on, &entries).await?;
    let (mut superseded, mut latest, mut newest) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (id, (request, _))) in numbered.enumerate() {
        let series = request.series();
        if plan.newest.get(&series) == Some(&place) {
            superseded.extend(before.get(&(series.0, series.1.clone())).map(|newest| newest.id));
            latest.push((*id, &request.entry, texts::state(&request.entry.metadata, request.now)));
            newest.push((series, Newest { created: request.entry.key.created, id: *id }));
        }
    }
    insert::superseded(kind, on, &superseded).await?;
    insert::latest(kind, on, &latest).await?;
    if !newest.is_empty() {
        series::set(on, newest).await?;
    }
    insert::endorsers(on, &new).await?;
    insert::changes(on, &ids).await
}
