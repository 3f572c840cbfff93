//! Confirmation by mail and reminders (behaviour 1.11, 1.15): a real Marketplace, a real mail server
//! (aiosmtpd), both on loopback.
//!
//! | Oddity | Where |
//! | --- | --- |
//! | S2 Location after confirming | `confirm.rs` |
//! | S13 order checked when confirming | `confirm.rs` |
//! | S17 nothing stays for ever | `limits.rs` |
//! | S18 mail that fails | `failures.rs` |
//! | S26 looking does nothing | `confirm.rs` |
//! | S27 links that work no more | `confirm.rs` |
//! | S33 an empty reason deprecates | `letter.rs` |
//! | S34 port, login, TLS, log | `secure.rs`, `program.rs` |
//! | S36 who need not confirm | `exempt.rs` |
//! | S37 links of the public URL | all, by `site::upload` |
//! | S38 limits | `limits.rs` |
//! | S39 reminders | `remind.rs` |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "mail/command.rs"]
mod command;
#[path = "mail/confirm.rs"]
mod confirm;
#[allow(dead_code, reason = "others test with the rest")]
#[path = "common/entry.rs"]
mod entry;
#[path = "mail/exempt.rs"]
mod exempt;
#[path = "mail/failures.rs"]
mod failures;
#[path = "common/folder.rs"]
mod folder;
#[allow(dead_code, reason = "others test with the rest")]
#[path = "forgery/forge.rs"]
mod forge;
#[path = "mail/letter.rs"]
mod letter;
#[path = "mail/limits.rs"]
mod limits;
mod marketplace;
#[path = "common/pki.rs"]
mod pki;
#[path = "mail/program.rs"]
mod program;
#[path = "mail/remind.rs"]
mod remind;
#[path = "mail/secure.rs"]
mod secure;
mod server;
#[path = "mail/site.rs"]
mod site;
#[path = "mail/smtp.rs"]
mod smtp;

/// A fresh SQLite file.
fn database() -> Option<stratuslab::server::settings::Database> {
    None
}
