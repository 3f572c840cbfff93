//! The same suite as `api`, on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its material has failed")]

#[path = "api/answers.rs"]
mod answers;
#[path = "api/changes.rs"]
mod changes;
#[path = "api/description.rs"]
mod description;
#[path = "api/documents.rs"]
mod documents;
#[path = "api/entries.rs"]
mod entries;
#[path = "api/images.rs"]
mod images;
#[path = "common/pki.rs"]
mod pki;
mod postgres;
mod server;
#[path = "api/uploads.rs"]
mod uploads;

use stratuslab::{
    Password,
    server::settings::{Database, Settings},
};

/// Starts a Marketplace over the database that this suite is about.
fn start(change: impl FnOnce(&mut Settings)) -> server::Server {
    server::start_on(Some(Database::Postgres(Password::new(postgres::url()))), change)
}
