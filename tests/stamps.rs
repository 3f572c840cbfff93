//! Time stamps (RFC 3161) of entries: asked for at an authority made of `openssl ts` on a loopback
//! socket, kept, and judged.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

#[path = "common/folder.rs"]
mod folder;
#[path = "common/pki.rs"]
mod pki;

#[path = "stamps/authority.rs"]
mod authority;
#[path = "stamps/crl.rs"]
mod crl;
#[path = "stamps/desk.rs"]
mod desk;
#[path = "stamps/forge.rs"]
mod forge;
#[path = "stamps/refused.rs"]
mod refused;
#[path = "stamps/server.rs"]
mod server;
#[path = "stamps/sign.rs"]
mod sign;
#[path = "stamps/tokens.rs"]
mod tokens;
#[path = "stamps/validate.rs"]
mod validate;
