//! One request, with its redirects, retries and limits.

use std::{
    io::Read as _,
    thread,
    time::{Duration, Instant},
};

use reqwest::{
    StatusCode, Url,
    blocking::Response,
    header::{ACCEPT, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION},
};

use super::{Client, ClientError};
use crate::http::{self, Awaited, HttpFailure, LONGEST, MESSAGE_LIMIT, Patience, printable, reason, text};

/// Redirects followed in a row.
const REDIRECT_LIMIT: usize = 5;

/// What is asked: a GET, or a POST if there is a document.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    pub(super) document: Option<&'a [u8]>,
    /// Most bytes read of a good answer.
    pub(super) limit: usize,
}

/// Longest text shown of an answer that is no Marketplace's, in characters.
const EXCERPT_LIMIT: usize = 100;

/// A 2xx answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// What was asked for in the end.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

struct Failure {
    error: ClientError,
    retry_after: Option<Duration>,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Answer {
    /// Where the entry is, as the server says: `Location`, else `Content-Location`, either
    /// resolved against the request. One that is no plain http or https URL says nothing.
    pub(super) fn location(&self) -> Option<Url> {
        [LOCATION, CONTENT_LOCATION].iter().find_map(|name| {
            let url = self.url.join(&text(&self.headers, name)?).ok()?;
            let plain = matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none();
            plain.then_some(url)
        })
    }

    /// Whether the body is a page for people.
    pub(super) fn is_page(&self) -> bool {
        text(&self.headers, &CONTENT_TYPE)
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    }

    /// The body in one printable line.
    pub(super) fn message(&self) -> String {
        let shown = self.body.get(..MESSAGE_LIMIT).unwrap_or(&self.body);
        reason(shown, self.status.as_u16())
    }

    /// The start of [`Answer::message`]: enough to tell what is there instead of a Marketplace.
    pub(super) fn excerpt(&self) -> String {
        let message = self.message();
        match message.char_indices().nth(EXCERPT_LIMIT) {
            Some((end, _)) => message[..end].to_owned() + "…",
            None => message,
        }
    }
}

impl Client {
    /// Sends a request until it is answered well, fails for good, or time or attempts run out;
    /// the last failure is the one reported.
    pub(super) fn exchange(&self, request: Request<'_>) -> Result<Answer, ClientError> {
        let deadline = Instant::now() + self.options.total_timeout.min(LONGEST);
        let retry = &self.options.connection.retry;
        let mut failures = 0;
        loop {
            let Failure { error, retry_after } = match self.follow(request, deadline) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            failures += 1;
            if !error.is_transient() || failures >= retry.attempts {
                return Err(error);
            }
            let pause = retry.pause(failures).max(retry_after.unwrap_or_default());
            if pause >= deadline.saturating_duration_since(Instant::now()) {
                return Err(error);
            }
            if let Some(observe) = &self.on_retry {
                observe(&error, pause);
            }
            thread::sleep(pause);
        }
    }

    /// Sends a request and follows its redirects: to the same origin only, and an upload only
    /// by 307 and 308, which keep it an upload (RFC 9110 §15.4).
    fn follow(&self, request: Request<'_>, deadline: Instant) -> Result<Answer, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let response = self.send(&url, request.document, deadline)?;
            let status = response.status();
            if let Some(target) = http::redirection(&response) {
                url = redirected(&url, &target, status, request.document.is_some())?;
                continue;
            }
            if !status.is_success() {
                let retry_after = http::retry_after(response.headers());
                let (body, _) = self.read(response, &url, MESSAGE_LIMIT, deadline);
                let reason = reason(&body, status.as_u16());
                return Err(Failure {
                    error: ClientError::Refused { url: url.into(), status, reason },
                    retry_after,
                });
            }
            let headers = response.headers().clone();
            let (body, cut) = self.read(response, &url, request.limit, deadline);
            // An upload that was answered well is done, whatever becomes of the rest of the answer.
            return match cut {
                Some(error) if request.document.is_none() => Err(error.into()),
                _ => Ok(Answer { status, url, headers, body }),
            };
        }
        Err(ClientError::TooManyRedirects { url: request.url.to_string(), limit: REDIRECT_LIMIT }.into())
    }

    fn send(&self, url: &Url, document: Option<&[u8]>, deadline: Instant) -> Result<Response, ClientError> {
        let mut builder = match document {
            Some(document) => {
                self.http.post(url.clone()).header(CONTENT_TYPE, "application/xml").body(document.to_vec())
            }
            None => self.http.get(url.clone()),
        };
        // The originals answer errors in the form of the first type accepted.
        builder = builder.header(ACCEPT, "application/xml");
        if let Some(login) = &self.options.login {
            builder = builder.basic_auth(&login.user, Some(login.password.as_str()));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        builder.timeout(left).send().map_err(|error| {
            HttpFailure::from_send(&error, url, self.options.connection.proxy(url), self.patience()).into()
        })
    }

    fn patience(&self) -> Patience {
        Patience {
            connect: self.options.connection.connect_timeout,
            limit: self.options.total_timeout,
            awaited: Awaited::Answer,
        }
    }

    /// Up to `limit` bytes of a body, and why it is not all.
    fn read(
        &self,
        mut response: Response,
        url: &Url,
        limit: usize,
        deadline: Instant,
    ) -> (Vec<u8>, Option<ClientError>) {
        let failed = |error| Some(HttpFailure::from_body(&error, url.as_str(), self.patience()).into());
        let mut body = Vec::new();
        let mut chunk = [0; 16 << 10];
        loop {
            // Bytes that trickle in are each in time.
            if Instant::now() >= deadline {
                return (body, failed(std::io::ErrorKind::TimedOut.into()));
            }
            match response.read(&mut chunk) {
                Ok(0) => return (body, None),
                Ok(count) => body.extend(chunk.iter().take(count)),
                Err(error) => return (body, failed(error)),
            }
            if body.len() > limit {
                body.truncate(limit);
                return (body, Some(ClientError::TooLarge { url: url.to_string(), limit }));
            }
        }
    }
}

fn redirected(from: &Url, target: &str, status: StatusCode, upload: bool) -> Result<Url, ClientError> {
    let Some(to) = http::redirected(from, target) else {
        let to = printable(target);
        return Err(ClientError::CrossOrigin { from: origin(from), to });
    };
    if to.origin() != from.origin() {
        return Err(ClientError::CrossOrigin { from: origin(from), to: origin(&to) });
    }
    if upload && !matches!(status.as_u16(), 307 | 308) {
        return Err(ClientError::UploadRedirected { from: from.to_string(), to: to.into(), status });
    }
    Ok(to)
}

/// Scheme, host and port; the scheme alone where a URL has no more.
fn origin(url: &Url) -> String {
    if url.origin().is_tuple() { url.origin().ascii_serialization() } else { format!("{}:", url.scheme()) }
}
