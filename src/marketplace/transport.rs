//! One request, with its redirects, retries and limits.

use reqwest::{
    StatusCode, Url, blocking,
    header::{AUTHORIZATION, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION},
};

use super::{Client, ClientError, Login};
use crate::http::{
    self, Exchange, Failed, HttpFailure, MESSAGE_LIMIT, Response, Unread, printable, reason, text,
};

/// Redirects followed in a row.
const REDIRECT_LIMIT: usize = 5;

/// What is asked: a GET, or a POST if there is a document.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    pub(super) document: Option<&'a [u8]>,
    /// The media type that is wanted, in which the originals also tell their errors.
    pub(super) accept: &'static str,
    /// Most bytes read of a good answer.
    pub(super) limit: usize,
}

/// What entries, lists and errors are.
pub(super) const XML: &str = "application/xml";

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

pub(super) type Failure = Failed<ClientError>;

impl From<HttpFailure> for Failure {
    fn from(failure: HttpFailure) -> Self {
        ClientError::from(failure).into()
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
        let exchange = Exchange::begin(&self.options.connection, self.options.total_timeout);
        let attempt = || self.follow(request, &exchange);
        exchange.retried(attempt, self.on_retry.as_deref())
    }

    /// Sends a request and follows its redirects: to the same origin only, and an upload only
    /// by 307 and 308, which keep it an upload (RFC 9110 §15.4).
    fn follow(&self, request: Request<'_>, exchange: &Exchange<'_>) -> Result<Answer, Failure> {
        let (response, url) =
            opened(request, exchange, |url| exchange.send(&self.http, self.request(url, request)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let (body, unread) = exchange.read(response, &url, request.limit);
        // An upload that was answered well is done, whatever becomes of the rest of the answer.
        match unread.filter(|_| request.document.is_none()) {
            Some(Unread::Failed(failure)) => Err(failure.into()),
            Some(Unread::TooLarge) => {
                Err(ClientError::TooLarge { url: url.into(), limit: request.limit }.into())
            }
            None => Ok(Answer { status, url, headers, body }),
        }
    }

    pub(super) fn request(&self, url: &Url, request: Request<'_>) -> blocking::Request {
        let mut message = match request.document {
            Some(document) => http::post(url, request.accept, document.to_vec(), XML),
            None => http::get(url, request.accept),
        };
        let login = self.options.login.as_ref().and_then(Login::basic);
        message.headers_mut().extend(login.map(|login| (AUTHORIZATION, login)));
        message
    }
}

/// A 2xx answer whose body was not read yet, and the URL that gave it.
pub(super) fn opened(
    request: Request<'_>,
    exchange: &Exchange<'_>,
    send: impl Fn(&Url) -> Result<Response, HttpFailure>,
) -> Result<(Response, Url), Failure> {
    let mut url = request.url.clone();
    for _ in 0..=REDIRECT_LIMIT {
        let response = send(&url)?;
        let status = response.status();
        if let Some(target) = http::redirection(&response) {
            url = redirected(&url, &target, status, request.document.is_some())?;
            continue;
        }
        if !status.is_success() {
            let retry_after = http::retry_after(response.headers());
            let (body, _) = exchange.read(response, &url, MESSAGE_LIMIT);
            let reason = reason(&body, status.as_u16());
            return Err(Failure {
                error: ClientError::Refused { url: url.into(), status, reason },
                retry_after,
            });
        }
        return Ok((response, url));
    }
    Err(ClientError::TooManyRedirects { url: request.url.to_string(), limit: REDIRECT_LIMIT }.into())
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
