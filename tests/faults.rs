//! What is done to `stratus-marketplace`, and to what it stands on, while it takes uploads: it is killed, its
//! database is stopped, its disk is full, its file is taken away, another process works on the same database.
//!
//! Whatever happens: what was answered with 201 is there as a whole, in every list and index, and nothing is
//! there by half.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "server/draft.rs"]
#[allow(dead_code, reason = "for other tests")]
mod draft;
mod marketplace;
#[path = "common/pki.rs"]
mod pki;
mod postgres;
#[path = "mail/smtp.rs"]
#[allow(dead_code, reason = "for other tests")]
mod smtp;

#[path = "faults/clients.rs"]
mod clients;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/file.rs"]
mod file;
#[path = "faults/gone.rs"]
mod gone;
#[path = "faults/kill.rs"]
mod kill;
#[path = "faults/outside.rs"]
mod outside;
#[path = "faults/processes.rs"]
mod processes;
#[path = "faults/whole.rs"]
mod whole;
