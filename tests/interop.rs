//! Signatures exchanged with xmlsec1, the JDK and signxml: what one of the four signs, all who know
//! the algorithm verify, and all refuse it altered.
//!
//! All three must be there (`tests/setup.sh tests`), unless `STRATUSLAB_SKIP_PEERS` is set.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "common/canonicalizations.rs"]
mod canonicalizations;
#[path = "interop/chain.rs"]
mod chain;
#[path = "interop/departures.rs"]
mod departures;
#[path = "common/entry.rs"]
mod entry;
#[path = "interop/judges.rs"]
mod judges;
#[path = "interop/matrix.rs"]
mod matrix;
#[path = "interop/ours.rs"]
mod ours;
#[path = "interop/peers.rs"]
mod peers;
#[path = "common/pki.rs"]
mod pki;
#[path = "interop/theirs.rs"]
mod theirs;

use std::sync::OnceLock;

use pki::{Identity, Kind, Request, jane, key};

/// An endorser for each kind of key that signs by default.
fn endorsers() -> &'static [Identity; 5] {
    static ENDORSERS: OnceLock<[Identity; 5]> = OnceLock::new();
    ENDORSERS.get_or_init(|| {
        let with = |name, kind| Request::new(name).email("ec@example.org").self_signed(&key(kind));
        [
            jane(),
            with("Jérôme \"P\", 256", Kind::P256),
            with(" #<&>\r\n😀 ", Kind::P384),
            with("+,;=\\", Kind::P521),
            with("Edward", Kind::Ed25519),
        ]
    })
}

/// The same, and one whose key is for old entries only.
fn all_endorsers() -> impl Iterator<Item = &'static Identity> {
    static OLD: OnceLock<Identity> = OnceLock::new();
    let old = || Request::new("Old").email("old@example.org").self_signed(&key(Kind::Dsa1024));
    endorsers().iter().chain([OLD.get_or_init(old)])
}
