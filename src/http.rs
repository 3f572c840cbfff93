//! What a Marketplace, images on the web and time-stamp authorities have in common: how they are
//! connected to, and how that fails.

mod anchors;
mod client;
mod exchange;
mod failure;
mod plain;
mod reason;
mod retry;
mod url;

use std::{path::PathBuf, time::Duration};

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, LOCATION},
};

pub use anchors::OptionsError;
#[cfg(feature = "marketplace")]
pub(crate) use anchors::in_file as ca_file;
pub(crate) use anchors::{first_reason, innermost};
pub(crate) use client::{Client, Response, get, post};
pub(crate) use exchange::{Attempted, Exchange, Failed, Observer, Unread};
pub(crate) use failure::Patience;
pub use failure::{Awaited, HttpFailure};
pub(crate) use reason::{printable, reason};
pub use retry::RetryPolicy;
pub(crate) use retry::{LONGEST, retry_after};
#[cfg(feature = "ftp")]
pub(crate) use url::plain_url;
pub(crate) use url::shown;
pub use url::{HttpUrl, HttpUrlError};

/// Bytes read of an answer that is only shown.
pub(crate) const MESSAGE_LIMIT: usize = 16 << 10;

/// How a server is connected to. The default trusts the system's CA certificates and goes through
/// the proxies named in the environment.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// Longest wait for one connection, TLS included.
    pub connect_timeout: Duration,
    /// What happens after a transient failure.
    pub retry: RetryPolicy,
    /// CA certificates, PEM or one in DER; they replace those of the system.
    pub ca_file: Option<PathBuf>,
    /// A folder of PEM files, hashed names or not; they replace those of the system.
    pub ca_folder: Option<PathBuf>,
    /// Accepts any server certificate, for any name: whoever is on the way can read and change
    /// everything, a login included.
    pub insecure_no_tls_verify: bool,
    /// Heeds `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
    pub proxy_from_environment: bool,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            ca_file: None,
            ca_folder: None,
            insecure_no_tls_verify: false,
            proxy_from_environment: true,
        }
    }
}

impl ConnectionOptions {
    /// Host and port of the proxy the environment names for a URL.
    fn proxy(&self, url: &Url) -> Option<String> {
        let proxy = self.intercept(url)?;
        let authority = proxy.uri().authority()?.as_str();
        // A password does not belong in an error.
        Some(authority.rsplit_once('@').map_or(authority, |(_, place)| place).to_owned())
    }

    fn intercept(&self, url: &Url) -> Option<Intercept> {
        let url = url.as_str().parse().ok().filter(|_| self.proxy_from_environment)?;
        Matcher::from_env().intercept(&url)
    }
}

/// Where an answer redirects to, as it says so (RFC 9110 §15.4).
pub(crate) fn redirection(response: &Response) -> Option<String> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => text(response.headers(), &LOCATION),
        _ => None,
    }
}

/// The URL a redirection leads to, without the user it could name for itself.
pub(crate) fn redirected(from: &Url, target: &str) -> Option<Url> {
    let mut to = from.join(target).ok()?;
    let _ = (to.set_username(""), to.set_password(None));
    Some(to)
}

/// The same, but never from https to http; an error holds where it points.
pub(crate) fn redirected_as_securely(from: &Url, target: &str) -> Result<Url, String> {
    let to = redirected(from, target).ok_or_else(|| printable(target))?;
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(to),
        _ => Err(to.into()),
    }
}

pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A reason after what it is the reason for.
pub(crate) fn colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
