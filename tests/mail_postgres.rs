//! What of `mail` is up to the database, on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "mail/confirm.rs"]
mod confirm;
#[path = "mail/failures.rs"]
mod failures;
#[path = "mail/limits.rs"]
mod limits;
#[path = "common/pki.rs"]
mod pki;
mod postgres;
#[path = "mail/remind.rs"]
mod remind;
mod server;
#[allow(dead_code, reason = "`mail` tests with the rest")]
#[path = "mail/site.rs"]
mod site;
#[allow(dead_code, reason = "`mail` tests with the rest")]
#[path = "mail/smtp.rs"]
mod smtp;

use stratuslab::{Password, server::settings::Database};

/// A fresh database.
#[allow(clippy::unnecessary_wraps, reason = "`mail` needs none")]
fn database() -> Option<Database> {
    Some(Database::Postgres(Password::new(postgres::url())))
}
