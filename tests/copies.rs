//! Copies of a Marketplace: `import`, `export`, `mirror` and `check` of `stratus-marketplace`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its material has failed")]

#[path = "copies/check.rs"]
mod check;
#[path = "copies/export.rs"]
mod export;
#[path = "copies/folder.rs"]
mod folder;
#[path = "copies/import.rs"]
mod import;
#[path = "copies/liar.rs"]
mod liar;
#[path = "copies/mirror.rs"]
mod mirror;
#[path = "copies/original.rs"]
mod original;
#[path = "common/pki.rs"]
mod pki;
mod server;
