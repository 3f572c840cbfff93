//! Which images may be used: the rules one by one and together, the files they are in, and the command, against
//! a Marketplace and on files.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test without its material has failed")]

#[path = "trust/authority.rs"]
#[allow(dead_code, reason = "some of it is used")]
mod authority;
#[path = "server/draft.rs"]
#[allow(dead_code, reason = "some of it is used")]
mod draft;
#[path = "common/entry.rs"]
mod entry;
#[path = "common/folder.rs"]
#[cfg(feature = "marketplace")]
mod folder;
#[path = "proxies/grid.rs"]
#[allow(dead_code, reason = "some of it is used")]
mod grid;
#[cfg(feature = "marketplace")]
mod marketplace;
#[path = "common/pki.rs"]
mod pki;

#[path = "policy/command.rs"]
#[cfg(feature = "marketplace")]
mod command;
#[path = "policy/endorsers.rs"]
mod endorsers;
#[path = "policy/files.rs"]
#[cfg(feature = "cli")]
mod files;
#[path = "policy/newest.rs"]
mod newest;
#[path = "policy/properties.rs"]
mod properties;
#[path = "policy/quorum.rs"]
mod quorum;
#[path = "policy/rules.rs"]
mod rules;
#[path = "policy/site.rs"]
mod site;
#[path = "policy/speed.rs"]
mod speed;
