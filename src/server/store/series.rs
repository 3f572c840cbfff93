//! Series: the entries of one image by one endorser. The row of a series is locked while one is added to it,
//! so that the rules of order hold whoever tries at once, through whichever process.

use std::collections::HashMap;

use sqlx::AnyConnection;

use crate::{Email, Identifier, Timestamp};

use super::{
    open::Kind,
    row,
    sql::{self, Sql, Value},
    writer::Failure,
};

/// Stands for the newest entry of a series that has none yet; no date has this number.
pub(super) const NOTHING: i64 = i64::MIN;

/// What a series is named by.
pub(super) type Series<'a> = (Identifier, &'a Email);

/// The newest entry of a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    pub(super) created: Timestamp,
    pub(super) id: i64,
}

/// Locks these series, which are in order and each there once, until the transaction ends; their newest entries.
pub(super) async fn lock(
    kind: Kind,
    on: &mut AnyConnection,
    series: &[Series<'_>],
) -> Result<HashMap<(Identifier, Email), Newest>, Failure> {
    let mut found = HashMap::new();
    read(kind, on, series, &mut found).await?;
    // SQLite has one writer at a time: nothing has to be locked.
    if kind != Kind::Sqlite && found.len() < series.len() {
        // There is nothing to lock yet: who inserts it first has it, the others wait here.
        let missing: Vec<_> =
            series.iter().copied().filter(|series| !found.contains_key(&owned(*series))).collect();
        let mut insert = Sql::new("INSERT INTO series (identifier, email, created, newest) VALUES ");
        let values = |(identifier, email): &Series<'_>| {
            [identifier.to_string().into(), email.as_str().into(), 0.into(), NOTHING.into()]
        };
        insert.rows(missing.iter().map(values)).push(" ON CONFLICT DO NOTHING").once();
        if insert.run(&mut *on).await? < missing.len() as u64 {
            read(kind, on, &missing, &mut found).await?;
        }
    }
    Ok(found.into_iter().filter_map(|(series, newest)| Some((series, newest?))).collect())
}

fn owned((identifier, email): Series<'_>) -> (Identifier, Email) {
    (identifier, email.clone())
}

async fn read(
    kind: Kind,
    on: &mut AnyConnection,
    series: &[Series<'_>],
    found: &mut HashMap<(Identifier, Email), Option<Newest>>,
) -> Result<(), Failure> {
    let mut select = Sql::new(
        "SELECT identifier, email, created, newest FROM series WHERE (identifier, email) IN (VALUES ",
    );
    let values =
        |(identifier, email): &Series<'_>| [identifier.to_string().into(), Value::from(email.as_str())];
    select.rows(series.iter().map(values)).push(") ORDER BY identifier, email").once();
    if kind != Kind::Sqlite {
        select.push(" FOR UPDATE");
    }
    for row in select.all(on).await? {
        let key = row::key(&row, 0)?;
        let id = sql::number(&row, 3)?;
        let newest = (id != NOTHING).then_some(Newest { created: key.created, id });
        found.insert((key.identifier, key.email), newest);
    }
    Ok(())
}

/// Says which entries are the newest of their series now.
pub(super) async fn set<'a>(
    on: &mut AnyConnection,
    newest: impl IntoIterator<Item = (Series<'a>, Newest)>,
) -> Result<(), Failure> {
    let mut insert = Sql::new("INSERT INTO series (identifier, email, created, newest) VALUES ");
    insert.rows(newest.into_iter().map(|((identifier, email), newest)| {
        let created = newest.created.unix_seconds();
        [identifier.to_string().into(), email.as_str().into(), created.into(), newest.id.into()]
    }));
    insert.push(
        " ON CONFLICT (identifier, email) DO UPDATE SET created = excluded.created, newest = excluded.newest",
    );
    insert.once().run(on).await?;
    Ok(())
}
