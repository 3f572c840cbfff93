//! The same suite as `rest`, on PostgreSQL.

#![cfg(feature = "marketplace")]
#![allow(clippy::unwrap_used, reason = "a test without its material has failed")]

#[cfg(test)]
#[path = "common/pki.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod pki;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod server;

#[cfg(test)]
#[path = "rest/endorsers.rs"]
mod endorsers;
#[cfg(test)]
#[path = "rest/entries.rs"]
mod entries;
#[cfg(test)]
#[path = "rest/errors.rs"]
mod errors;
#[cfg(test)]
#[path = "rest/lists.rs"]
mod lists;
#[cfg(test)]
#[path = "rest/paging.rs"]
mod paging;
#[cfg(test)]
#[path = "rest/refusals.rs"]
mod refusals;
#[cfg(test)]
#[path = "rest/standalone.rs"]
mod standalone;
#[cfg(test)]
#[path = "rest/uploads.rs"]
mod uploads;

#[cfg(test)]
use stratuslab::{
    Password,
    server::settings::{Database, Settings},
};

/// Starts a Marketplace over the database that this suite is about.
#[cfg(test)]
fn start(change: impl FnOnce(&mut Settings)) -> server::Server {
    server::start_on(Some(Database::Postgres(Password::new(postgres::url()))), change)
}
