//! Asking an authority over HTTP (RFC 3161 §3.4).

use std::{fmt, time::Duration};

use reqwest::{StatusCode, header::CONTENT_TYPE};

use super::{MAX_STAMP_BYTES, Request, StampError, Token};
use crate::{
    dsig::AlgorithmPolicy,
    http::{
        self, Attempted, ConnectionOptions, Exchange, Failed, HttpFailure, HttpUrl, MESSAGE_LIMIT, Observer,
        OptionsError, Unread, colon,
    },
};

/// Redirects followed in a row.
const REDIRECT_LIMIT: usize = 5;

/// Media types of requests and answers (RFC 3161 §3.4).
const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// How an authority is asked. Nothing is shown of who asks, nor of what is stamped but its hash.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Trust, proxies, retries.
    pub connection: ConnectionOptions,
    /// Longest time for an answer, redirects, retries and the pauses between them included.
    pub total_timeout: Duration,
    /// Which algorithms the token may use.
    pub policy: AlgorithmPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connection: ConnectionOptions::default(),
            total_timeout: Duration::from_mins(1),
            policy: AlgorithmPolicy::default(),
        }
    }
}

/// Why there is no time stamp. Each message is one line and tells the innermost cause once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not answered, or not in full.
    #[error(transparent)]
    Http(#[from] HttpFailure),
    /// A redirect that is not followed: from https to http, or by a status that would make a GET of
    /// the request (RFC 9110 §15.4).
    #[error("{from} answers {status} and points to {to}, which is not followed")]
    Redirected {
        /// What was asked.
        from: String,
        /// Where it points.
        to: String,
        /// The status.
        status: StatusCode,
    },
    /// More redirects in a row than are followed.
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects {
        /// What was asked at first.
        url: String,
        /// How many are followed.
        limit: usize,
    },
    /// The server answered, and its answer is no.
    #[error("{url} answers {status}{}", colon(.reason))]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
        /// The reason from the body, in one printable line; may be empty.
        reason: String,
    },
    /// Longer than any time stamp.
    #[error("{url} answers with more than {limit} bytes")]
    TooLarge {
        /// What was asked.
        url: String,
        /// The most that is read.
        limit: usize,
    },
    /// A good status over something else.
    #[error("{url} answers with {}, not {REPLY}", if .found.is_empty() { "no type" } else { .found })]
    NotAReply {
        /// What was asked.
        url: String,
        /// Its media type, in one printable line; may be empty.
        found: String,
    },
    /// The time stamp in the answer is none, or the authority's answer is no.
    #[error("{url}: {cause}")]
    Stamp {
        /// What was asked.
        url: String,
        /// Why.
        cause: Box<StampError>,
    },
}

impl TimestampError {
    /// Whether the same request may succeed a little later: connection failures, 502, 503, 504.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(failure) => failure.is_transient(),
            Self::Refused { status, .. } => matches!(status.as_u16(), 502..=504),
            _ => false,
        }
    }
}

impl Attempted for TimestampError {
    fn is_transient(&self) -> bool {
        self.is_transient()
    }

    fn failure(&self) -> Option<&HttpFailure> {
        if let Self::Http(failure) = self { Some(failure) } else { None }
    }
}

/// A connection to one authority.
pub struct Client {
    url: HttpUrl,
    options: ClientOptions,
    http: http::Client,
    on_retry: Option<Box<Observer<TimestampError>>>,
}

impl Client {
    /// A client for the authority at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`OptionsError`] if CA certificates cannot be used.
    pub fn new(url: HttpUrl, options: ClientOptions) -> Result<Self, OptionsError> {
        let http = http::Client::new(&options.connection, None, None, Some(url.url()))?;
        Ok(Self { url, options, http, on_retry: None })
    }

    /// Calls `observe` with each transient failure and the pause before the next attempt.
    #[must_use]
    pub fn on_retry(mut self, observe: impl Fn(&TimestampError, Duration) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Box::new(observe));
        self
    }

    /// Whom this client asks.
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// Asks for a time stamp. The answer as it came, a `TimeStampResp`, and the token in it, which has
    /// been checked; whose word it is, has not.
    ///
    /// # Errors
    /// [`TimestampError`] if there is none, or it does not hold.
    pub fn stamp(&self, request: &Request) -> Result<(Vec<u8>, Token), TimestampError> {
        let wrong = |cause| TimestampError::Stamp { url: self.url.to_string(), cause: Box::new(cause) };
        let query = request.to_der().map_err(wrong)?;
        let exchange = Exchange::begin(&self.options.connection, self.options.total_timeout);
        let attempt = || self.follow(&query, &exchange);
        let answer = exchange.retried(attempt, self.on_retry.as_deref())?;
        let token = request.check(&answer, self.options.policy).map_err(wrong)?;
        Ok((answer, token))
    }

    /// Sends a request and follows its redirects, by 307 and 308 alone, which keep it a POST.
    fn follow(&self, query: &[u8], exchange: &Exchange<'_>) -> Result<Vec<u8>, Failed<TimestampError>> {
        let mut url = self.url.url().clone();
        for _ in 0..=REDIRECT_LIMIT {
            let request = http::post(&url, REPLY, query.to_owned(), QUERY);
            let response = exchange.send(&self.http, request).map_err(TimestampError::from)?;
            let status = response.status();
            if let Some(target) = http::redirection(&response) {
                let refused = |to| TimestampError::Redirected { from: url.to_string(), to, status };
                let to = http::redirected_as_securely(&url, &target).map_err(refused)?;
                if !matches!(status.as_u16(), 307 | 308) {
                    return Err(refused(to.into()).into());
                }
                url = to;
                continue;
            }
            if status != StatusCode::OK {
                let retry_after = http::retry_after(response.headers());
                let (body, _) = exchange.read(response, &url, MESSAGE_LIMIT);
                let reason = http::reason(&body, status.as_u16());
                return Err(Failed {
                    error: TimestampError::Refused { url: url.into(), status, reason },
                    retry_after,
                });
            }
            let found = http::text(response.headers(), &CONTENT_TYPE).unwrap_or_default();
            if !found.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(REPLY)) {
                let found = http::printable(&found);
                return Err(TimestampError::NotAReply { url: url.into(), found }.into());
            }
            let (body, unread) = exchange.read(response, &url, MAX_STAMP_BYTES);
            return match unread {
                None => Ok(body),
                Some(Unread::Failed(failure)) => Err(TimestampError::from(failure).into()),
                Some(Unread::TooLarge) => {
                    Err(TimestampError::TooLarge { url: url.into(), limit: MAX_STAMP_BYTES }.into())
                }
            };
        }
        Err(TimestampError::TooManyRedirects { url: self.url.to_string(), limit: REDIRECT_LIMIT }.into())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.url)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
