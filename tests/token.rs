//! Keys on tokens: SoftHSM, and one that has faults.
//!
//! SoftHSM must be there (Debian: softhsm2), unless `STRATUSLAB_SKIP_PEERS` is set.
#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its material has failed"
)]

#[path = "token/choice.rs"]
mod choice;
#[path = "token/faults.rs"]
mod faults;
#[path = "loopback/mod.rs"]
#[allow(dead_code, reason = "the other commands' tests have more use for it")]
mod loopback;
#[path = "token/pins.rs"]
mod pins;
#[path = "common/pki.rs"]
mod pki;
#[path = "cli/place.rs"]
#[allow(dead_code, reason = "the other commands' tests have more use for it")]
mod place;
#[path = "token/signs.rs"]
mod signs;
#[path = "token/softhsm.rs"]
mod softhsm;
#[path = "cli/terminal.rs"]
mod terminal;
