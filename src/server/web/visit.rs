//! Where the visitor's browser found this server: what commands on pages must be given.

use axum::http::HeaderMap;

use crate::server::marketplace::Marketplace;

use super::text::shell_word;

/// The URL of the Marketplace, as a word of the shell: as [`Marketplace::url`] has it, else by the address that
/// is listened on.
pub(crate) fn base(marketplace: &Marketplace, headers: &HeaderMap) -> String {
    let url = marketplace.url(headers, "");
    if url.is_empty() {
        return shell_word(&format!("http://{}", marketplace.settings().listen));
    }
    shell_word(&url)
}
