//! `stratus-show-image` and `stratus-manifest` against `stratus-marketplace`, files, and what originals and
//! liars answer.
#![cfg(feature = "marketplace")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its material has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "server/draft.rs"]
mod draft;
#[path = "common/folder.rs"]
mod folder;
mod found;
#[path = "show/image.rs"]
mod image;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "copies/liar.rs"]
mod liar;
#[path = "show/manifest.rs"]
mod manifest;
mod marketplace;
#[path = "show/original.rs"]
mod original;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "common/pki.rs"]
mod pki;
