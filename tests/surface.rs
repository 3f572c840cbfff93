//! A fuzz of the whole HTTP surface of `stratus-marketplace`, over raw sockets: requests made by chance, always
//! the same ones, to the program itself as anybody would run it.
//!
//! Whatever is asked, however: no server error (but 503 with Retry-After), no hang, no panic, nothing of the
//! inside in any answer, nothing stored that was not answered with 201, no file but the database's, and
//! afterwards a good upload is taken as if nothing had been.
//!
//! `STRATUSLAB_SURFACE_REQUESTS` asks for more of them, `STRATUSLAB_SURFACE_SEED` for other ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "surface/answer.rs"]
mod answer;
#[path = "surface/body.rs"]
mod body;
#[path = "differential/dice.rs"]
mod dice;
#[path = "server/draft.rs"]
#[allow(dead_code, reason = "others test with the rest")]
mod draft;
mod marketplace;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "common/pki.rs"]
mod pki;
#[path = "surface/request.rs"]
mod request;
#[path = "surface/run.rs"]
mod run;
#[path = "surface/words.rs"]
mod words;
