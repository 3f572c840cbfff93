//! The commands, run as their users run them.
#![cfg(feature = "cli")]
#![cfg(test)]

#[path = "../loopback/mod.rs"]
mod loopback;
#[cfg(feature = "marketplace")]
#[path = "../marketplace/mod.rs"]
mod marketplace;
#[path = "../common/pki.rs"]
mod pki;
mod place;
mod terminal;
mod transcript;

mod bad_input;
mod credentials;
#[cfg(feature = "marketplace")]
mod deprecate;
mod images;
mod interrupt;
mod session;
mod sign;
mod validate;
