//! The values that properties of entries have: few, mostly, however many the entries.

use super::{
    State, Store, StoreError,
    find::Conditions,
    open::Kind,
    row::state_number,
    sql::{self, Sql},
    texts::KEY_CHARACTERS,
};

/// Values of a property that are suggested.
const MOST: i64 = 200;

/// Values of a property that are looked at for a text.
const LOOKED_AT: i64 = 500;

/// Values that properties of valid entries have, each once whatever the case, in order; at most 200 of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// `slterms:os`.
    pub os: Vec<String>,
    /// `slterms:os-version`.
    pub os_version: Vec<String>,
    /// `slterms:os-arch`.
    pub os_arch: Vec<String>,
    /// `slterms:kind`.
    pub kind: Vec<String>,
}

/// The values `k` of the entries in state `$1`, each with its place `n`, and a null in the end. From each value the
/// index leads to the next: the cost is that of the values, not of the entries. (With `min` PostgreSQL would
/// walk there from the first.)
macro_rules! walk {
    ($key:literal) => {
        concat!(
            "WITH RECURSIVE value(k, n) AS (
               SELECT (SELECT ",
            $key,
            " FROM latest WHERE state = $1 AND ",
            $key,
            " > '' ORDER BY ",
            $key,
            " LIMIT 1), 1
               UNION ALL
               SELECT (SELECT ",
            $key,
            " FROM latest WHERE state = $1 AND ",
            $key,
            " > k ORDER BY ",
            $key,
            " LIMIT 1), n + 1
               FROM value WHERE k IS NOT NULL)"
        )
    };
}

/// The values as the newest entries have them, `$2` at most.
macro_rules! values {
    ($key:literal, $column:literal) => {
        concat!(
            walk!($key),
            " SELECT (SELECT e.",
            $column,
            " FROM entry e WHERE e.id = (
               SELECT id FROM latest WHERE state = $1 AND ",
            $key,
            " = k ORDER BY back LIMIT 1))
             FROM (SELECT k FROM value WHERE k IS NOT NULL LIMIT $2) v ORDER BY k"
        )
    };
}

impl Store {
    /// Values that properties of valid entries have.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn suggestions(&self) -> Result<Suggestions, StoreError> {
        Ok(Suggestions {
            os: self.values(values!("os_key", "os")).await?,
            os_version: self.values(values!("os_version_key", "os_version")).await?,
            os_arch: self.values(values!("os_arch_key", "os_arch")).await?,
            kind: self.values(values!("kind_key", "kind")).await?,
        })
    }

    async fn values(&self, select: &'static str) -> Result<Vec<String>, StoreError> {
        let mut values = Sql::new(select);
        values.bind(state_number(State::Valid)).bind(MOST);
        let rows = values.all(self.0.readers()?).await?;
        let values: Result<Vec<_>, _> = rows.iter().map(|row| sql::optional_text(row, 0)).collect();
        Ok(values?.into_iter().flatten().collect())
    }

    /// Is there a property that is to hold a text which no index has, and none of its values does? Then not all
    /// entries need be looked at to know that none is selected.
    pub(super) async fn is_absent(&self, conditions: &Conditions) -> Result<bool, StoreError> {
        for (column, text) in conditions.short() {
            let select = match column {
                "os" => walk!("os_key"),
                "os_version" => walk!("os_version_key"),
                "os_arch" => walk!("os_arch_key"),
                "email_key" => walk!("email_key"),
                "kind" => walk!("kind_key"),
                _ => continue,
            };
            let mut found = false;
            for state in conditions.states() {
                let mut look = Sql::new(select);
                look.bind(state_number(*state)).push(" SELECT k FROM value WHERE k IS NOT NULL AND (");
                look.push(if self.0.kind == Kind::Sqlite { "instr(k, " } else { "strpos(k, " });
                look.value(text)
                    .push(") > 0 OR length(k) >= ")
                    .value(i64::try_from(KEY_CHARACTERS).unwrap_or(i64::MAX));
                look.push(" OR n >= ").number(LOOKED_AT).push(") LIMIT 1");
                found = found || look.one(self.0.readers()?).await?.is_some();
            }
            if !found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
