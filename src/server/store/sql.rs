//! Statements put together from parts of the program, with values beside them.
//!
//! Only `&'static str` and numbers become part of the text, so what a client says cannot: it is bound.

use std::{fmt::Write as _, io, time::Duration};

use sqlx::{
    AnyExecutor, AssertSqlSafe, Row as _,
    any::{Any, AnyArguments, AnyRow},
    query::Query,
};

use super::StoreError;

/// How long an answer is waited for. PostgreSQL is told to give up earlier; this is for one that is cut off.
const ANSWER: Duration = Duration::from_secs(40);

/// A statement and its values.
#[derive(Debug, Default)]
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
    once: bool,
}

/// What can be bound; both databases have these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Text(String),
    OptionalText(Option<String>),
    Bytes(Vec<u8>),
}

impl Sql {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub(super) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A number, as part of the text: planners see it.
    pub(super) fn number(&mut self, number: impl Into<i64>) -> &mut Self {
        // Writing into a string does not fail.
        let _ = write!(self.text, "{}", number.into());
        self
    }

    /// `$1`, `$2`, …: the placeholder of this value.
    pub(super) fn value(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// A value whose placeholder is in the text already.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self
    }

    /// Placeholders with commas between them.
    pub(super) fn values(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.value(value);
        }
        self
    }

    /// Values in brackets, for each row, with commas between them.
    pub(super) fn rows<const N: usize>(&mut self, rows: impl IntoIterator<Item = [Value; N]>) -> &mut Self {
        for (place, row) in rows.into_iter().enumerate() {
            self.push(if place == 0 { "(" } else { ", (" }).values(row).push(")");
        }
        self
    }

    /// It is not kept prepared: there will hardly be the same again.
    pub(super) fn once(&mut self) -> &mut Self {
        self.once = true;
        self
    }

    /// It is used up by this.
    fn query(&mut self) -> Query<'static, Any, AnyArguments> {
        let Self { text, values, once } = std::mem::take(self);
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(!once);
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::OptionalText(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }

    pub(super) async fn all<'e>(&mut self, on: impl AnyExecutor<'e>) -> Result<Vec<AnyRow>, sqlx::Error> {
        answered(self.query().fetch_all(on)).await
    }

    pub(super) async fn one<'e>(&mut self, on: impl AnyExecutor<'e>) -> Result<Option<AnyRow>, sqlx::Error> {
        answered(self.query().fetch_optional(on)).await
    }

    /// How many rows it changed.
    pub(super) async fn run<'e>(&mut self, on: impl AnyExecutor<'e>) -> Result<u64, sqlx::Error> {
        Ok(answered(self.query().execute(on)).await?.rows_affected())
    }
}

/// What the database answers, unless it takes too long.
pub(super) async fn answered<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = || sqlx::Error::Io(io::ErrorKind::TimedOut.into());
    tokio::time::timeout(ANSWER, answer).await.unwrap_or_else(|_| Err(late()))
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::OptionalText(text.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // Neither driver puts a password into its words.
        Self::Database { cause: error.to_string() }
    }
}

impl StoreError {
    /// What is stored is not what this program stores.
    pub(super) fn unreadable(what: &str) -> Self {
        Self::Database { cause: format!("it holds an unreadable {what}") }
    }
}

/// The number in this column, of a row that has one there.
pub(super) fn number(row: &AnyRow, column: usize) -> Result<i64, StoreError> {
    Ok(row.try_get(column)?)
}

/// The number in this column; `None` if there is none.
pub(super) fn optional_number(row: &AnyRow, column: usize) -> Option<i64> {
    row.try_get(column).ok().flatten()
}

pub(super) fn text(row: &AnyRow, column: usize) -> Result<String, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn optional_text(row: &AnyRow, column: usize) -> Result<Option<String>, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn bytes(row: &AnyRow, column: usize) -> Result<Vec<u8>, StoreError> {
    Ok(row.try_get(column)?)
}
