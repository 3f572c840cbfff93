//! The pages, as Chromium shows them.
#![cfg(feature = "marketplace")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot have its server or browser has failed"
)]

#[path = "web/accessible.rs"]
mod accessible;
#[path = "web/browser.rs"]
mod browser;
#[path = "web/hostile.rs"]
mod hostile;
#[path = "web/keyboard.rs"]
mod keyboard;
#[path = "web/life.rs"]
mod life;
#[path = "web/material.rs"]
mod material;
#[path = "common/pki.rs"]
mod pki;
#[path = "web/queries.rs"]
mod queries;
#[path = "web/scriptless.rs"]
mod scriptless;
#[path = "server/mod.rs"]
mod server;
#[path = "web/settings.rs"]
mod settings;
