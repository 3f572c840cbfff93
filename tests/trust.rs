//! Who signed, and is he trusted: certificate paths, CRLs, signing policies, proxies, pinned endorsers.
//! Every authority is made here; `openssl verify` is the independent judge.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "trust/authority.rs"]
mod authority;
#[path = "common/entry.rs"]
mod entry;
#[path = "common/folder.rs"]
#[cfg(feature = "cli")]
mod folder;
#[path = "forgery/forge.rs"]
#[allow(dead_code, reason = "the signer is used, not its tricks")]
mod forge;
#[path = "common/pki.rs"]
mod pki;

#[path = "trust/anchors.rs"]
mod anchors;
#[path = "trust/command.rs"]
#[cfg(feature = "cli")]
mod command;
#[path = "trust/entries.rs"]
mod entries;
#[path = "trust/judge.rs"]
mod judge;
#[path = "trust/path.rs"]
mod path;
#[path = "trust/pin.rs"]
mod pin;
#[path = "trust/proxy.rs"]
mod proxy;
#[path = "trust/revocation.rs"]
mod revocation;
#[path = "trust/signing_policy.rs"]
mod signing_policy;
