//! `stratus-marketplace serve`: how it starts, what it is set up with, whom it waits for and how it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot run a command has failed")]
#![allow(clippy::float_cmp, reason = "numbers that are counted")]

#[path = "server/draft.rs"]
#[allow(dead_code, clippy::panic, reason = "for other tests")]
mod draft;
mod marketplace;
#[path = "common/pki.rs"]
mod pki;
mod postgres;

#[path = "serve/clients.rs"]
mod clients;
#[path = "serve/crowd.rs"]
mod crowd;
#[path = "serve/health.rs"]
mod health;
#[path = "serve/logged.rs"]
mod logged;
#[path = "serve/refused.rs"]
mod refused;
#[path = "serve/setup.rs"]
mod setup;
#[path = "serve/stop.rs"]
mod stop;
#[path = "serve/unit.rs"]
mod unit;
