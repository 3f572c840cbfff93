//! One request for an image, with its redirects, and the pause before the next one.

use std::{
    fmt,
    io::Read as _,
    thread,
    time::{Duration, Instant},
};

use reqwest::{
    StatusCode, Url,
    header::{ACCEPT_ENCODING, ACCEPT_RANGES, HeaderName, HeaderValue, IF_RANGE, RANGE, TRANSFER_ENCODING},
};

use super::{ImageUrl, RemoteError, RemoteOptions, version::lines};
use crate::http::{
    self, Awaited, Client, HttpFailure, LONGEST, MESSAGE_LIMIT, OptionsError, Patience, Response,
};

/// Redirects followed in a row.
const REDIRECT_LIMIT: usize = 10;

/// Added to the time allowed for an answer to begin: if it is the same as that for a connection, the
/// connection is what failed.
const GRACE: Duration = Duration::from_millis(200);

/// Where an image is asked for, and how.
#[derive(Debug)]
pub(super) struct Source {
    target: Target,
    pub(super) options: RemoteOptions,
    http: Client,
}

/// What is asked for.
pub(super) enum Target {
    /// A URL as it was given.
    Plain(ImageUrl),
    /// Something that has a URL of its own for each request, whose query is good for whoever has it: it is
    /// never shown.
    #[cfg(feature = "s3")]
    Signed { name: String, sign: Box<Sign> },
}

/// Makes the URL for one request.
#[cfg(feature = "s3")]
pub(super) type Sign = dyn Fn() -> Result<Url, RemoteError> + Send + Sync;

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Target {
    /// As it was given.
    fn name(&self) -> String {
        match self {
            Self::Plain(url) => url.to_string(),
            #[cfg(feature = "s3")]
            Self::Signed { name, .. } => name.clone(),
        }
    }

    #[cfg_attr(not(feature = "s3"), allow(clippy::unnecessary_wraps, reason = "signing can fail"))]
    fn url(&self) -> Result<Url, RemoteError> {
        match self {
            Self::Plain(url) => Ok(url.url().clone()),
            #[cfg(feature = "s3")]
            Self::Signed { sign, .. } => sign(),
        }
    }

    /// Its URL, if that is known before a request.
    #[cfg_attr(not(feature = "s3"), allow(clippy::unnecessary_wraps, reason = "a signed URL is not"))]
    const fn known(&self) -> Option<&Url> {
        match self {
            Self::Plain(url) => Some(url.url()),
            #[cfg(feature = "s3")]
            Self::Signed { .. } => None,
        }
    }

    /// A URL as it may be shown.
    fn shown(&self, url: &Url) -> Url {
        match self {
            Self::Plain(_) => url.clone(),
            #[cfg(feature = "s3")]
            Self::Signed { .. } => {
                let mut url = url.clone();
                url.set_query(None);
                url
            }
        }
    }
}

/// An answer and the URL that gave it in the end.
#[derive(Debug)]
pub(super) struct Answer {
    /// As it may be shown.
    pub(super) url: Url,
    pub(super) response: Response,
}

/// Why there is no answer, and how long the server wants to be left alone.
pub(super) struct Failure {
    error: RemoteError,
    retry_after: Option<Duration>,
}

impl<E: Into<RemoteError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), retry_after: None }
    }
}

impl Failure {
    /// Whether what the server has now is not what was begun, or nothing proves that it is.
    pub(super) fn is_other(&self) -> bool {
        matches!(
            self.error,
            RemoteError::Changed { .. }
                | RemoteError::Unproven { .. }
                | RemoteError::Elsewhere { .. }
                | RemoteError::WrongRange { .. }
        )
    }
}

impl Source {
    pub(super) fn new(target: Target, options: RemoteOptions) -> Result<Self, OptionsError> {
        let limit = options.stall_timeout.min(LONGEST) + GRACE;
        let http = Client::new(&options.connection, None, Some(limit), target.known())?;
        Ok(Self { target, options, http })
    }

    /// The URL as it was given, for errors.
    pub(super) fn url(&self) -> String {
        self.target.name()
    }

    /// Asks for all of the image.
    pub(super) fn whole(&self) -> Result<Answer, Failure> {
        self.follow(self.target.url()?, &[], &[200])
    }

    /// Asks for the image from `start` on if it is still the one with `validator`, for all of it
    /// if not (RFC 9110 §13.1.5). Some servers answer 412 or 416 instead.
    pub(super) fn rest(&self, start: u64, validator: &HeaderValue) -> Result<Answer, Failure> {
        self.range(self.target.url()?, &format!("bytes={start}-"), validator)
    }

    /// Asks likewise for so many bytes from `start` on, where an answer came `from` before: of several
    /// mirrors, parts come from one.
    pub(super) fn part(
        &self,
        from: &Url,
        start: u64,
        length: u64,
        validator: &HeaderValue,
    ) -> Result<Answer, Failure> {
        let range = format!("bytes={start}-{}", start + length - 1);
        match &self.target {
            Target::Plain(_) => self.range(from.clone(), &range, validator),
            #[cfg(feature = "s3")]
            target @ Target::Signed { .. } => self.range(target.url()?, &range, validator),
        }
    }

    fn range(&self, url: Url, range: &str, validator: &HeaderValue) -> Result<Answer, Failure> {
        let range = HeaderValue::from_str(range).ok();
        let mut headers = vec![(IF_RANGE, validator.clone())];
        headers.extend(range.map(|range| (RANGE, range)));
        self.follow(url, &headers, &[200, 206, 412, 416])
    }

    /// Sends a request and follows its redirects; an answer with a status that is not `good` is a
    /// failure.
    fn follow(
        &self,
        mut url: Url,
        headers: &[(HeaderName, HeaderValue)],
        good: &[u16],
    ) -> Result<Answer, Failure> {
        for _ in 0..=REDIRECT_LIMIT {
            let response = self.send(&url, headers)?;
            let status = response.status();
            if let Some(target) = http::redirection(&response) {
                url = self.redirected(&url, &target)?;
                continue;
            }
            if good.contains(&status.as_u16()) {
                return Ok(Answer { url: self.target.shown(&url), response });
            }
            let retry_after = http::retry_after(response.headers());
            return Err(Failure { error: self.refused(&url, response), retry_after });
        }
        Err(RemoteError::TooManyRedirects { url: self.url(), limit: REDIRECT_LIMIT }.into())
    }

    fn send(&self, url: &Url, headers: &[(HeaderName, HeaderValue)]) -> Result<Response, HttpFailure> {
        // The octets as they lie there are what is described: no coding is asked for, and none undone.
        let mut request = http::get(url, "*/*");
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request.headers_mut().extend(headers.iter().cloned());
        self.http.send(request, &self.target.shown(url), self.patience())
    }

    fn redirected(&self, from: &Url, target: &str) -> Result<Url, RemoteError> {
        let allowed = |to: &Url| self.options.redirects.as_ref().is_none_or(|allows| allows(to.as_str()));
        http::redirected_as_securely(from, target)
            .and_then(|to| if allowed(&to) { Ok(to) } else { Err(to.into()) })
            .map_err(|to: String| {
                // A store may repeat what a request was signed with.
                let to = to.parse().map_or(to, |to| self.target.shown(&to).into());
                RemoteError::Redirected { from: self.target.shown(from).into(), to }
            })
    }

    fn refused(&self, url: &Url, mut response: Response) -> RemoteError {
        let (status, begin) = (response.status(), Instant::now());
        let mut body = Vec::new();
        let mut chunk = [0; 4 << 10];
        // Bytes that trickle in are each in time.
        while body.len() < MESSAGE_LIMIT && begin.elapsed() < self.options.stall_timeout {
            match response.read(&mut chunk) {
                Ok(count) if count > 0 => body.extend(chunk.iter().take(count)),
                _ => break,
            }
        }
        let reason = http::reason(&body, status.as_u16());
        RemoteError::Refused { url: self.target.shown(url).into(), status, reason }
    }

    /// What [`io::Error`](std::io::Error) says about the body of an answer.
    pub(super) fn interrupted(&self, url: &Url, error: &std::io::Error) -> RemoteError {
        HttpFailure::from_body(error, url.as_str(), self.patience()).into()
    }

    fn patience(&self) -> Patience {
        Patience {
            connect: self.options.connection.connect_timeout,
            limit: self.options.stall_timeout,
            awaited: Awaited::Data,
        }
    }

    /// As [`RemoteOptions::pause`].
    pub(super) fn pause(&self, failure: impl Into<Failure>, failures: &mut u32) -> Result<(), RemoteError> {
        self.options.pause(failure, failures)
    }
}

impl RemoteOptions {
    /// Waits after a failure, the `failures`th in a row without a byte between them; an error if it
    /// is the last one.
    pub(super) fn pause(&self, failure: impl Into<Failure>, failures: &mut u32) -> Result<(), RemoteError> {
        let Failure { error, retry_after } = failure.into();
        let retry = &self.connection.retry;
        *failures = failures.saturating_add(1);
        if !error.is_transient() || *failures >= retry.attempts {
            return Err(error);
        }
        let asked = retry_after.unwrap_or_default().min(self.longest_retry_after);
        let pause = retry.pause(*failures).max(asked);
        if let Some(observe) = &self.on_retry {
            observe(&error, pause);
        }
        thread::sleep(pause);
        Ok(())
    }
}

impl Answer {
    /// Refuses what ends where the connection does: cut short, it would look whole (RFC 9112 §8).
    pub(super) fn bounded(self) -> Result<Self, RemoteError> {
        // What is chunked may state a length beside it, which does not count; what is not chunked
        // last ends with the connection, whatever its length (RFC 9112 §6.3).
        let found = match lines(self.response.headers(), &TRANSFER_ENCODING) {
            Some(coding) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => return Ok(self),
            Some(coding) => http::printable(&String::from_utf8_lossy(coding.as_bytes())),
            None if self.response.content_length().is_some() => return Ok(self),
            None => String::new(),
        };
        Err(RemoteError::Unbounded { url: self.url.into(), found })
    }

    /// Whether the server says, or shows, that it can be asked for parts (RFC 9110 §14.3).
    pub(super) fn offers_ranges(&self) -> bool {
        let accepted = lines(self.response.headers(), &ACCEPT_RANGES);
        self.status() == StatusCode::PARTIAL_CONTENT
            || accepted.is_some_and(|units| units.as_bytes().eq_ignore_ascii_case(b"bytes"))
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The resource that answered. Its query does not count, since that of a signed URL is another
    /// one each time.
    pub(super) fn resource(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url
    }
}
