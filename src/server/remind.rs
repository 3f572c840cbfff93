//! Mails that remind endorsers of their entries (behaviour 1.15).

use super::marketplace::Marketplace;

/// Reminds, day after day; never returns. Every process may do it: each mail is sent once.
pub async fn run(_marketplace: Marketplace) {
    unimplemented!()
}
