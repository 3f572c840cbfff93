//! The tables, and how a database that has older ones gets them.
//!
//! ```text
//! entry     what an entry says, for lists; written once, never changed
//! document  its bytes
//! latest    the newest entry of each image and endorser: what lists walk, with its state and keys to sort by
//! series    per image and endorser, which entry is the newest; its row is locked while one is added
//! change    the order in which entries came, without gaps that are filled later
//! ```

use std::time::Duration;

use sqlx::{AnyPool, AssertSqlSafe, Executor as _};

use super::{
    StoreError,
    open::Kind,
    sql::{self, Sql},
};

/// The versions of the schema, first to last: statements in which `{number}`, `{blob}` and
/// `{text}` stand for types. A released one is never changed; new ones are appended.
const VERSIONS: &[&[&str]] = &[FIRST];

const FIRST: &[&str] = &[
    "CREATE TABLE entry (
        id {number}, identifier {text} NOT NULL, email {text} NOT NULL, created BIGINT NOT NULL,
        subject {text} NOT NULL, title {text}, tag {text}, tag_key {text}, description {text}, kind {text},
        os {text}, os_version {text}, os_arch {text}, version {text}, format {text}, compression {text},
        bytes BIGINT NOT NULL, locations {text} NOT NULL, valid BIGINT NOT NULL, deprecated {text},
        length BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX entry_key ON entry (identifier, email, created)",
    "CREATE INDEX entry_history ON entry (identifier, id)",
    "CREATE INDEX entry_endorsed ON entry (email, id)",
    "CREATE INDEX entry_tag ON entry (email, tag_key, id)",
    "CREATE TABLE document (
        entry {number}, sha256 {blob} NOT NULL, bytes {blob} NOT NULL)",
    "CREATE TABLE series (
        identifier {text} NOT NULL, email {text} NOT NULL, created BIGINT NOT NULL, newest BIGINT NOT NULL,
        PRIMARY KEY (identifier, email))",
    // `back` is the number negated: with it an index in one direction lists equal ones newest first.
    // os … words are in lower case, words holds them all; os_key … title_key are what fits into an index.
    "CREATE TABLE latest (
        id {number}, back BIGINT NOT NULL, state BIGINT NOT NULL, valid BIGINT NOT NULL,
        identifier {text} NOT NULL, email {text} NOT NULL, web BIGINT NOT NULL, pdisk BIGINT NOT NULL,
        os_key {text} NOT NULL, os_version_key {text} NOT NULL, os_arch_key {text} NOT NULL,
        email_key {text} NOT NULL, kind_key {text} NOT NULL, title_key {text} NOT NULL,
        os {text} NOT NULL, os_version {text} NOT NULL, os_arch {text} NOT NULL, kind {text} NOT NULL,
        words {text} NOT NULL)",
    "CREATE INDEX latest_state ON latest (state, id)",
    "CREATE INDEX latest_valid ON latest (state, valid)",
    "CREATE INDEX latest_email ON latest (email, state, id)",
    "CREATE INDEX latest_by_os ON latest (state, os_key, back)",
    "CREATE INDEX latest_by_os_version ON latest (state, os_version_key, back)",
    "CREATE INDEX latest_by_os_arch ON latest (state, os_arch_key, back)",
    "CREATE INDEX latest_by_email ON latest (state, email_key, back)",
    "CREATE INDEX latest_by_kind ON latest (state, kind_key, back)",
    "CREATE INDEX latest_by_identifier ON latest (state, identifier, back)",
    "CREATE INDEX latest_by_title ON latest (state, title_key, back)",
    "CREATE TABLE endorser (
        sha256 {blob} PRIMARY KEY, email {text} NOT NULL, subject {text} NOT NULL, issuer {text} NOT NULL)",
    "CREATE TABLE change (sequence {number}, entry BIGINT NOT NULL)",
    "CREATE TABLE feed (name {text} NOT NULL, newest BIGINT NOT NULL)",
    "CREATE TABLE mirror (url {text} PRIMARY KEY, feed {text} NOT NULL, position BIGINT NOT NULL)",
    "CREATE TABLE parked (
        token {blob} PRIMARY KEY, identifier {text} NOT NULL, email {text} NOT NULL, created BIGINT NOT NULL,
        document {blob} NOT NULL, expires BIGINT NOT NULL)",
    "CREATE INDEX parked_email ON parked (email, expires)",
    "CREATE INDEX parked_expires ON parked (expires)",
    "CREATE TABLE parking (email {text} PRIMARY KEY)",
    "CREATE TABLE claim (what {text} PRIMARY KEY, at BIGINT NOT NULL)",
    "CREATE INDEX claim_at ON claim (at)",
    "CREATE TABLE tally (
        what {text} NOT NULL, hour BIGINT NOT NULL, times BIGINT NOT NULL, PRIMARY KEY (what, hour))",
    "CREATE INDEX tally_hour ON tally (hour)",
];

/// Substrings of three characters and more of the latest entries, in lower case already; `flags` says in
/// which state one is and where it lies. Row for row like `latest`, whose `id` is its `rowid`.
const SQLITE_WORDS: &str = "CREATE VIRTUAL TABLE latest_words USING fts5(
    os, os_version, os_arch, email, kind, words, flags,
    content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1')";

const VERSION: &str = "SELECT version FROM schema_version WHERE one = 1";

/// The version that this program makes and needs.
fn known() -> i64 {
    i64::try_from(VERSIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the schema up to date, in one transaction; who else tries meanwhile waits.
pub(super) async fn migrate(pool: &AnyPool, kind: Kind) -> Result<(), StoreError> {
    // Nothing is written where nothing has to be: a replica of a database takes no writes.
    if let Ok(Some(row)) = Sql::new(VERSION).one(pool).await
        && sql::number(&row, 0)? == known()
    {
        return Ok(());
    }
    // Two who make the same table at once collide even with IF NOT EXISTS, in PostgreSQL's catalogue.
    let mut result = first_table(pool).await;
    for _ in 0..10 {
        if result.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        result = first_table(pool).await;
    }
    result?;
    let mut transaction = kind.begin(pool).await?;
    let mut version = Sql::new(VERSION);
    if kind != Kind::Sqlite {
        version.push(" FOR UPDATE");
    }
    let found = match version.one(&mut *transaction).await? {
        Some(row) => sql::number(&row, 0)?,
        None => return Err(StoreError::unreadable("version of its schema")),
    };
    if found > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    let done = usize::try_from(found).map_err(|_| StoreError::unreadable("version of its schema"))?;
    for statement in statements(kind, done) {
        (&mut *transaction).execute(AssertSqlSafe(statement)).await?;
    }
    if done == 0 {
        if kind == Kind::Sqlite {
            (&mut *transaction).execute(SQLITE_WORDS).await?;
        }
        let mut feed = Sql::new("INSERT INTO feed (name, newest) VALUES (");
        feed.value(name()?).push(", 0)");
        feed.run(&mut *transaction).await?;
    }
    let mut update = Sql::new("UPDATE schema_version SET version = ");
    update.value(known()).push(" WHERE one = 1");
    update.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// What makes the newest schema of this version.
fn statements(kind: Kind, version: usize) -> Vec<String> {
    let types = match kind {
        // By this very word, the number is that of the row.
        Kind::Sqlite => [("{number}", "INTEGER PRIMARY KEY"), ("{blob}", "BLOB"), ("{text}", "TEXT")],
        // Sorted by bytes, as SQLite does: no locale, whose next version would break the indexes.
        Kind::Postgres { .. } => {
            [("{number}", "BIGINT PRIMARY KEY"), ("{blob}", "BYTEA"), ("{text}", "TEXT COLLATE \"C\"")]
        }
    };
    let statements = VERSIONS.iter().skip(version).copied().flatten();
    let with_types = |statement: &&str| {
        types
            .iter()
            .fold((*statement).to_owned(), |statement, (word, r#type)| statement.replace(word, r#type))
    };
    statements.map(with_types).collect()
}

async fn first_table(pool: &AnyPool) -> Result<(), sqlx::Error> {
    let table = "CREATE TABLE IF NOT EXISTS schema_version (one BIGINT PRIMARY KEY, version BIGINT NOT NULL)";
    let row = "INSERT INTO schema_version (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING";
    Sql::new(table).run(pool).await?;
    Sql::new(row).run(pool).await?;
    Ok(())
}

/// A name that no other database has: mirrors see by it that theirs was made anew.
fn name() -> Result<String, StoreError> {
    let mut name = [0; 16];
    let drawn = openssl::rand::rand_bytes(&mut name);
    drawn.map_err(|error| StoreError::Database { cause: error.to_string() })?;
    Ok(crate::checksum::hex(&name))
}

/// Refuses a PostgreSQL database whose encoding cannot hold every text.
pub(super) async fn check_encoding(pool: &AnyPool) -> Result<(), StoreError> {
    if let Some(row) = Sql::new("SHOW server_encoding").one(pool).await? {
        let encoding = sql::text(&row, 0)?;
        if !encoding.eq_ignore_ascii_case("UTF8") {
            return Err(StoreError::Encoding { encoding });
        }
    }
    Ok(())
}

/// Has PostgreSQL an index of substrings? It is made if the extension can be had, whenever that is.
pub(super) async fn trigrams(pool: &AnyPool) -> Result<bool, StoreError> {
    let has = || async {
        let index = "SELECT count(*) FROM pg_indexes WHERE indexname = 'latest_words'
                     AND schemaname = current_schema()";
        let row = Sql::new(index).one(pool).await?;
        Ok::<_, StoreError>(row.map(|row| sql::number(&row, 0)).transpose()? == Some(1))
    };
    // A database that speaks the protocol may lack the catalogue.
    if has().await.unwrap_or(false) {
        return Ok(true);
    }
    let Err(error) = make_trigrams(pool).await else { return Ok(true) };
    // Somebody else may have been faster.
    if has().await.unwrap_or(false) {
        return Ok(true);
    }
    tracing::warn!(%error, "searching will be slow: the extension pg_trgm cannot be made");
    Ok(false)
}

async fn make_trigrams(pool: &AnyPool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // However many entries there are already.
    (&mut *transaction).execute("SET LOCAL statement_timeout = 0").await?;
    (&mut *transaction).execute("CREATE EXTENSION IF NOT EXISTS pg_trgm").await?;
    let index = "CREATE INDEX IF NOT EXISTS latest_words ON latest USING gin (words gin_trgm_ops)";
    (&mut *transaction).execute(index).await?;
    transaction.commit().await
}
