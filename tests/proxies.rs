//! Signing with proxy certificates (RFC 3820), which grid users have for a few hours, and what becomes of
//! such entries. `xmlsec1` and `openssl verify` are the independent judges.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test without its material has failed")]

#[path = "trust/authority.rs"]
#[allow(dead_code, reason = "the certificates are used, not the CRLs")]
mod authority;
#[path = "common/entry.rs"]
mod entry;
#[path = "common/folder.rs"]
#[cfg(feature = "cli")]
mod folder;
#[allow(dead_code, reason = "the server is used, not its endorser")]
#[cfg(feature = "cli")]
mod loopback;
#[path = "common/pki.rs"]
mod pki;

#[path = "proxies/commands.rs"]
#[cfg(feature = "cli")]
mod commands;
#[path = "proxies/grid.rs"]
mod grid;
#[path = "proxies/marketplace.rs"]
#[cfg(feature = "cli")]
mod marketplace;
#[path = "proxies/refused.rs"]
mod refused;
#[path = "proxies/signs.rs"]
mod signs;
