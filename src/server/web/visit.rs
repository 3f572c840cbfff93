//! Where the visitor's browser found this server: what commands on pages must be given.

use axum::http::{HeaderMap, header, uri::Authority};

use crate::server::marketplace::Marketplace;

use super::text::shell_word;

/// The URL of the Marketplace, as a word of the shell: the public one, else by the request's `Host`, which
/// only the visitor's own browser can have made up, else by the address that is listened on.
pub(crate) fn base(marketplace: &Marketplace, headers: &HeaderMap) -> String {
    let settings = marketplace.settings();
    if let Some(url) = &settings.public_url {
        return shell_word(&format!("{}{}", url.origin, url.prefix));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let sound = host.filter(|host| !host.contains('@') && host.parse::<Authority>().is_ok());
    let authority = sound.map_or_else(|| settings.listen.to_string(), str::to_owned);
    shell_word(&format!("http://{authority}"))
}
