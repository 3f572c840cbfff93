//! What can go wrong between here and a server.

use std::{error::Error, io, time::Duration};

use hyper_util::client::legacy;
use reqwest::Url;

use super::printable;

/// Why a request was not answered, or not in full. Each message is one line and tells the innermost
/// cause once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFailure {
    /// No connection: name not found, refused, unreachable, reset.
    #[error("cannot connect to {url}: {cause}")]
    Connect {
        /// What was asked for.
        url: String,
        /// The system's word.
        cause: String,
    },
    /// No connection to the proxy named in the environment.
    #[error("cannot connect to the proxy {proxy} for {url}: {cause}")]
    ProxyUnreachable {
        /// What was asked for.
        url: String,
        /// Its host and port.
        proxy: String,
        /// The system's word.
        cause: String,
    },
    /// The proxy named in the environment does not connect us.
    #[error("cannot reach {url} through the proxy: {cause}")]
    Proxy {
        /// What was asked for.
        url: String,
        /// The proxy's word.
        cause: String,
    },
    /// The TLS handshake failed or the server's certificate is not accepted.
    #[error("no secure connection to {url}: {cause}")]
    Tls {
        /// What was asked for.
        url: String,
        /// OpenSSL's reason and, if the certificate is to blame, the result of its verification.
        cause: String,
    },
    /// No connection, or no complete answer, in the time allowed.
    #[error("{url} gave no {awaited} within {} s", .limit.as_secs_f32())]
    Timeout {
        /// What was asked for.
        url: String,
        /// What was waited for.
        awaited: Awaited,
        /// The time allowed.
        limit: Duration,
    },
    /// The connection ended within the answer, or before it.
    #[error("{url} closed the connection half-way: {cause}")]
    ClosedHalfWay {
        /// What was asked for.
        url: String,
        /// How it ended.
        cause: String,
        /// Whether nothing of the answer had come yet.
        unanswered: bool,
    },
    /// The answer is not HTTP.
    #[error("{url} does not answer in HTTP: {cause}")]
    NotHttp {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// What a [`HttpFailure::Timeout`] waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaited {
    /// The connection, TLS included.
    Connection,
    /// The whole answer.
    Answer,
    /// The next bytes of it.
    Data,
}

impl std::fmt::Display for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connection => "connection",
            Self::Answer => "complete answer",
            Self::Data => "data",
        })
    }
}

/// How long is waited, and for what.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For a connection.
    pub(crate) connect: Duration,
    /// For what is awaited.
    pub(crate) limit: Duration,
    /// What is awaited once there is a connection.
    pub(crate) awaited: Awaited,
}

impl HttpFailure {
    /// Whether the same request may succeed a little later: there was no answer at all.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::ProxyUnreachable { .. }
                | Self::Timeout { awaited: Awaited::Connection, .. }
                | Self::ClosedHalfWay { unanswered: true, .. }
        )
    }

    /// Whether the time for the whole exchange ran out.
    pub(super) const fn is_out_of_time(&self) -> bool {
        matches!(self, Self::Timeout { awaited: Awaited::Answer, .. })
    }

    /// Names what reqwest, or what it is made of, reports while sending, or while reading the head of the answer;
    /// `proxy` is the one it goes through.
    pub(super) fn from_send(error: Link<'_>, url: &Url, proxy: Option<String>, patience: Patience) -> Self {
        let Patience { connect, limit, awaited } = patience;
        // What is plain http is connected to the proxy only; it does the rest.
        let direct = proxy.is_none() || url.scheme() != "http";
        let url = url.to_string();
        let chain = causes(error);
        let cause = root(&chain);
        let hyper = chain.iter().find_map(|link| link.downcast_ref::<hyper::Error>());
        let (timed_out, connecting) = (timed_out(&chain), connecting(&chain));
        if let Some(cause) = tls(&chain) {
            Self::Tls { url, cause }
        } else if let Some((cause, begun)) = tunnel(&chain) {
            match proxy {
                Some(proxy) if !begun => Self::ProxyUnreachable { url, proxy, cause },
                _ => Self::Proxy { url, cause },
            }
        } else if timed_out && connecting {
            match proxy {
                Some(proxy) if !direct => {
                    let cause = format!("no connection within {} s", connect.min(limit).as_secs_f32());
                    Self::ProxyUnreachable { url, proxy, cause }
                }
                _ => Self::Timeout { url, awaited: Awaited::Connection, limit: connect.min(limit) },
            }
        } else if timed_out {
            Self::Timeout { url, awaited, limit }
        } else if connecting {
            match proxy {
                Some(proxy) if !direct => Self::ProxyUnreachable { url, proxy, cause },
                _ => Self::Connect { url, cause },
            }
        } else if hyper.is_some_and(hyper::Error::is_parse) {
            Self::NotHttp { url, cause }
        } else {
            Self::ClosedHalfWay { url, cause, unanswered: true }
        }
    }

    /// Names what is reported while the body of an answer is read.
    pub(crate) fn from_body(error: &io::Error, url: &str, patience: Patience) -> Self {
        let Patience { limit, awaited, .. } = patience;
        let chain = causes(error);
        let url = url.to_owned();
        if timed_out(&chain) {
            return Self::Timeout { url, awaited, limit };
        }
        Self::ClosedHalfWay { url, cause: root(&chain), unanswered: false }
    }
}

type Link<'a> = &'a (dyn Error + 'static);

/// An error and its causes, outermost first.
fn causes<'a>(error: Link<'a>) -> Vec<Link<'a>> {
    let mut chain = vec![error];
    // An `io::Error` names the cause of what it wraps as its own and skips the wrapped one.
    let inner = |link: Link<'a>| match link.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped as Link<'a>),
        None => link.source(),
    };
    while let Some(next) = chain.last().copied().and_then(inner) {
        chain.push(next);
    }
    chain
}

fn timed_out(chain: &[Link<'_>]) -> bool {
    chain.iter().any(|link| {
        link.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            || link.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
    })
}

/// Whether there was no connection yet.
fn connecting(chain: &[Link<'_>]) -> bool {
    let mut inner = chain.iter().filter_map(|link| link.downcast_ref::<legacy::Error>());
    inner.any(legacy::Error::is_connect)
}

fn root(chain: &[Link<'_>]) -> String {
    let text = chain.last().map(ToString::to_string).unwrap_or_default();
    // The standard library appends the number of a system error.
    printable(text.split(" (os error ").next().unwrap_or_default())
}

/// OpenSSL's reason, without its codes and file names, and the verdict on the certificate
/// that native-tls appends in parentheses.
fn tls(chain: &[Link<'_>]) -> Option<String> {
    let place =
        chain.iter().position(|link| link.is::<native_tls::Error>() || link.is::<openssl::ssl::Error>())?;
    let text = chain.get(place)?.to_string();
    // A connection that ends within the handshake says nothing of security. OpenSSL has no error of
    // its own for that.
    if chain.iter().skip(place).any(|link| link.is::<io::Error>()) || text == "unexpected EOF" {
        return None;
    }
    let stack = |link: &Link<'_>| {
        let ssl = link.downcast_ref::<openssl::ssl::Error>().and_then(openssl::ssl::Error::ssl_error);
        ssl.or_else(|| link.downcast_ref::<openssl::error::ErrorStack>())
            .and_then(|stack| stack.errors().first().and_then(openssl::error::Error::reason))
            .map(str::to_owned)
    };
    // "error:0A000086:SSL routines:function:reason:file:line: (verdict)"
    let reason = chain
        .iter()
        .find_map(stack)
        .or_else(|| text.split(':').nth(4).map(str::to_owned))
        .unwrap_or_else(|| text.clone());
    let verdict = text.strip_suffix(')').and_then(|text| text.rsplit_once('(')).map(|(_, verdict)| verdict);
    Some(printable(&match verdict {
        Some(verdict) => format!("{reason}: {verdict}"),
        None => reason,
    }))
}

/// The failure of an HTTP CONNECT, whose type hyper-util keeps to itself, and whether the proxy
/// was reached for it.
fn tunnel(chain: &[Link<'_>]) -> Option<(String, bool)> {
    let place = chain.iter().position(|link| link.to_string().starts_with("tunnel error: "))?;
    let begun = chain.get(place)?.to_string() != "tunnel error: failed to create underlying connection";
    let text = root(chain.get(place..)?);
    let cause = match text.strip_prefix("tunnel error: ") {
        Some("unsuccessful") => "it refuses to connect".to_owned(),
        Some(text) => text.to_owned(),
        None => text,
    };
    Some((cause, begun))
}
