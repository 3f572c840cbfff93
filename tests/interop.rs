//! Signatures exchanged with xmlsec1 and with the JDK: what one of the three signs, all three
//! verify, and all three refuse it altered.
//!
//! Both programs must be there, unless `STRATUSLAB_SKIP_PEERS` is set.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "common/entry.rs"]
mod entry;
#[path = "interop/judges.rs"]
mod judges;
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

/// An endorser for each kind of key that signs by default and that the others know.
fn endorsers() -> &'static [Identity; 4] {
    static ENDORSERS: OnceLock<[Identity; 4]> = OnceLock::new();
    ENDORSERS.get_or_init(|| {
        let on_curve = |name, kind| Request::new(name).email("ec@example.org").self_signed(&key(kind));
        [
            jane(),
            on_curve("Jérôme \"P\", 256", Kind::P256),
            on_curve(" #<&>\r\n😀 ", Kind::P384),
            on_curve("+,;=\\", Kind::P521),
        ]
    })
}

/// One whose key is for old entries only.
fn old_endorser() -> &'static Identity {
    static ENDORSER: OnceLock<Identity> = OnceLock::new();
    ENDORSER.get_or_init(|| Request::new("Old").email("old@example.org").self_signed(&key(Kind::Dsa1024)))
}
