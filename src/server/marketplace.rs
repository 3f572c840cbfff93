//! A running Marketplace: what every request shares.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::Timestamp;

use super::{
    answers::Answers,
    counts::Counts,
    documents::Documents,
    mail::{Mailer, MailerError},
    metrics::Metrics,
    query::Engine,
    settings::Settings,
    store::Store,
    upload::{Judges, body::Memory},
    web::list::Suggested,
};

/// What every request shares. Cheap to clone; the `State` of all handlers.
#[derive(Clone, Debug)]
pub struct Marketplace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Settings,
    store: Store,
    metrics: Metrics,
    judges: Judges,
    viewers: Judges,
    answers: Answers,
    counts: Counts,
    documents: Documents,
    suggested: Suggested,
    uploads: Memory,
    mailer: Result<Option<Mailer>, MailerError>,
    queries: Engine,
}

impl Marketplace {
    /// A Marketplace over a database.
    pub fn new(settings: Settings, store: Store) -> Self {
        let mailer =
            settings.mail.as_ref().map(|mail| Mailer::new(mail, settings.public_url.as_ref())).transpose();
        Self(Arc::new(Shared {
            settings,
            store,
            mailer,
            metrics: Metrics::default(),
            judges: Judges::default(),
            viewers: Judges::default(),
            answers: Answers::default(),
            counts: Counts::default(),
            documents: Documents::default(),
            suggested: Suggested::default(),
            uploads: Memory::default(),
            queries: Engine::default(),
        }))
    }

    /// How it is set up.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Its database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Turns at the cores, for judging documents.
    pub fn judges(&self) -> &Judges {
        &self.0.judges
    }

    /// The same for showing entries: uploads do not wait behind those who look at them.
    pub fn viewers(&self) -> &Judges {
        &self.0.viewers
    }

    /// Memory for answers.
    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Memory for uploads.
    pub fn uploads(&self) -> &Memory {
        &self.0.uploads
    }

    /// Who answers SPARQL queries, once [`Engine::follow`] runs.
    pub fn queries(&self) -> &Engine {
        &self.0.queries
    }

    /// Documents that are in memory.
    pub fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// How many entries lists have.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// What the fields of its pages suggest.
    pub fn suggested(&self) -> &Suggested {
        &self.0.suggested
    }

    /// Who sends its mail; `None` if none is to be sent.
    ///
    /// # Errors
    /// [`MailerError`] if none can be sent with these settings: a reason not to start.
    pub fn mailer(&self) -> Result<Option<&Mailer>, &MailerError> {
        self.0.mailer.as_ref().map(Option::as_ref)
    }

    /// The time of the server's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// `/metadata/…` as links on its pages have it: with the prefix of the public URL.
    pub fn path(&self, path: &str) -> String {
        let prefix = self.0.settings.public_url.as_ref().map_or("", |url| &url.prefix);
        format!("{prefix}{path}")
    }

    /// The URL of `/metadata/…` for whoever sent these headers: below the public URL, else below what the
    /// request says it went to, if that is an authority, else the path alone. Good for `Location`, which only
    /// the sender sees; mails have links below the public URL alone (S37).
    pub fn url(&self, headers: &HeaderMap, path: &str) -> String {
        if let Some(public) = &self.0.settings.public_url {
            return format!("{}{}{path}", public.origin, public.prefix);
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host.filter(|host| is_authority(host)) else { return path.to_owned() };
        let forwarded = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
        let scheme = if forwarded == Some(b"https") { "https" } else { "http" };
        format!("{scheme}://{host}{path}")
    }
}

/// Whether it is `HOST`, `HOST:PORT` or one of these with an IP address (RFC 3986 §3.2), and no more: no user,
/// no path.
fn is_authority(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name_fits = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.len() <= 253
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        }
    };
    port_fits && name_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_authority_becomes_part_of_a_url() {
        for good in ["localhost", "localhost:8081", "127.0.0.1:80", "[::1]:8081", "[::1]", "m.example.org"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", ":80", "a b", "a/b", "user@host", "a:99999", "[::1", "a\\b", "a?b", "::1", "é"] {
            assert!(!is_authority(bad), "{bad}");
        }
    }
}
