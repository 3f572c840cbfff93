//! `stratus-search-images` against `stratus-marketplace`, and against what originals and liars answer.
#![cfg(feature = "marketplace")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its material has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "server/draft.rs"]
mod draft;
#[path = "common/folder.rs"]
mod folder;
mod found;
#[path = "copies/liar.rs"]
mod liar;
mod marketplace;
#[path = "search/original.rs"]
mod original;
#[path = "search/ours.rs"]
mod ours;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "common/pki.rs"]
mod pki;
#[path = "search/terminal.rs"]
mod terminal;

/// The command.
const SEARCH: &str = "search-images";
