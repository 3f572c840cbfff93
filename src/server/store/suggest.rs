//! What the fields of a search may be filled with.

use super::{
    State, Store, StoreError,
    row::state_number,
    sql::{self, Sql},
};

/// Values of a property that are suggested.
const MOST: i64 = 200;

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

/// From each value the index leads to the next: the cost is that of the values, not of the entries. (With
/// `min` PostgreSQL would walk there from the first.)
macro_rules! values {
    ($key:literal, $column:literal) => {
        [
            concat!(
                "WITH RECURSIVE value(k) AS (
                   SELECT (SELECT ",
                $key,
                " FROM latest WHERE state = $1 AND ",
                $key,
                " > '' ORDER BY ",
                $key,
                " LIMIT 1)
                   UNION ALL
                   SELECT (SELECT ",
                $key,
                " FROM latest WHERE state = $1 AND ",
                $key,
                " > k ORDER BY ",
                $key,
                " LIMIT 1)
                   FROM value WHERE k IS NOT NULL)
                 SELECT (SELECT e.",
                $column,
                " FROM entry e WHERE e.id = (
                   SELECT id FROM latest WHERE state = $1 AND ",
                $key,
                " = k ORDER BY back LIMIT 1))
                 FROM (SELECT k FROM value WHERE k IS NOT NULL LIMIT "
            ),
            ") v ORDER BY k",
        ]
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

    async fn values(&self, [select, order]: [&'static str; 2]) -> Result<Vec<String>, StoreError> {
        let mut values = Sql::new(select);
        values.number(MOST).push(order).bind(state_number(State::Valid));
        let rows = values.all(self.0.readers()?).await?;
        let values: Result<Vec<_>, _> = rows.iter().map(|row| sql::optional_text(row, 0)).collect();
        Ok(values?.into_iter().flatten().collect())
    }
}
