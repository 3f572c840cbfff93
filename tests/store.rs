//! The database of a Marketplace: the same suite on SQLite and on PostgreSQL.
#![cfg(feature = "marketplace")]
#![allow(clippy::unwrap_used, reason = "a test that fails has failed")]

#[path = "../examples/generate-entries/drafts.rs"]
mod drafts;
#[path = "store/entries.rs"]
mod entries;
#[path = "common/entry.rs"]
mod entry;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/fresh.rs"]
mod fresh;
#[path = "store/generated.rs"]
mod generated;
#[path = "store/list.rs"]
mod list;
#[path = "store/many.rs"]
mod many;
#[path = "store/order.rs"]
mod order;
#[path = "common/pki.rs"]
mod pki;
mod postgres;
#[path = "store/rest.rs"]
mod rest;
