//! The JSON API under `/api/v1`, on SQLite: what it answers, and that its description is true
//! (`schemathesis`).

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
mod server;
#[path = "api/uploads.rs"]
mod uploads;

use stratuslab::server::settings::Settings;

/// Starts a Marketplace over the database that this suite is about.
fn start(change: impl FnOnce(&mut Settings)) -> server::Server {
    server::start(change)
}
