//! Images on the web, read as they arrive and kept nowhere.
//!
//! A transfer that is interrupted is taken up where it broke off, but only if the server proves
//! that the object is still the same: what is hashed must be one object, never two halves.

mod error;
#[cfg(feature = "ftp")]
mod ftp;
mod held;
mod ranges;
mod request;
#[cfg(feature = "s3")]
mod s3;
mod version;

use std::{
    fmt,
    io::{self, Read},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use reqwest::{StatusCode, Url, header::CONTENT_RANGE};

use crate::http::{self, ConnectionOptions};
use ranges::{Handed, Ranges};
use request::{Answer, Failure, Source, Target};
use version::ContentRange;

pub use crate::http::{HttpUrl as ImageUrl, HttpUrlError as ImageUrlError};
pub use error::{Received, RemoteError, Rest};
#[cfg(feature = "ftp")]
pub use ftp::{FtpFailure, FtpImage, FtpUrl, FtpUrlError, FtpVersion};
pub use held::Held;
#[cfg(feature = "s3")]
pub use s3::{S3Url, S3UrlError};
pub use version::Version;

/// Told each transient failure and the pause before the next attempt.
pub type RetryObserver = Arc<dyn Fn(&RemoteError, Duration) + Send + Sync>;

/// Says whether a URL may be asked for.
pub type UrlFilter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// How an image is fetched. Nothing is ever shown of who fetches it: no login, no certificate.
#[derive(Clone)]
pub struct RemoteOptions {
    /// Trust, proxies, retries; attempts are counted from the last byte that came.
    pub connection: ConnectionOptions,
    /// Longest wait for an answer to begin, and for the next bytes of it. The transfer as a whole
    /// may take any time.
    pub stall_timeout: Duration,
    /// Longest pause made because the server's `Retry-After` asks for it; one that asks for more is
    /// asked again after this time.
    pub longest_retry_after: Duration,
    /// How many parts are asked for at a time where the server lets itself be asked for parts and proves
    /// that they are of one object.
    pub connections: NonZeroUsize,
    /// Where redirects may lead; anywhere if there is none, but never from https to http.
    pub redirects: Option<UrlFilter>,
    /// Told what is tried again.
    pub on_retry: Option<RetryObserver>,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            connection: ConnectionOptions::default(),
            stall_timeout: Duration::from_mins(1),
            longest_retry_after: Duration::from_mins(5),
            connections: NonZeroUsize::MIN,
            redirects: None,
            on_retry: None,
        }
    }
}

impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("connection", &self.connection)
            .field("stall_timeout", &self.stall_timeout)
            .field("longest_retry_after", &self.longest_retry_after)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// An image being fetched. What is read are the octets as they lie on the server, whatever their
/// `Content-Encoding`; errors of [`Read`] hold a [`RemoteError`].
#[derive(Debug)]
pub struct RemoteImage {
    source: Arc<Source>,
    /// What the first answer told.
    version: Version,
    /// What gave it in the end.
    resource: Url,
    length: Option<u64>,
    /// Bytes handed out.
    position: u64,
    /// Failures since the last of them.
    failures: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// An answer, of which so many bytes are still to be passed over.
    Open(Box<Answer>, u64),
    /// Several answers at a time.
    Parts(Ranges),
    Ended,
    Failed,
}

impl RemoteImage {
    /// Asks for the image at `url`, and again after transient failures.
    ///
    /// # Errors
    /// [`RemoteError`] if it cannot be had, or its end could not be told from an interruption.
    pub fn open(url: &ImageUrl, options: RemoteOptions) -> Result<Self, RemoteError> {
        Self::from_start(Source::new(Target::Plain(url.clone()), options)?)
    }

    /// The same, but only for what follows the bytes that are held of it, if the server proves that they
    /// belong together; [`RemoteImage::position`] tells.
    ///
    /// # Errors
    /// As for [`RemoteImage::open`].
    pub fn resume(url: &ImageUrl, options: RemoteOptions, held: &Held) -> Result<Self, RemoteError> {
        Self::from_held(Source::new(Target::Plain(url.clone()), options)?, held)
    }

    fn from_start(source: Source) -> Result<Self, RemoteError> {
        let mut failures = 0;
        loop {
            match begin(&source) {
                Ok((version, answer)) => {
                    let (resource, length) = (answer.resource(), version.length);
                    let state = State::Open(Box::new(answer), 0);
                    let source = Arc::new(source);
                    let mut image = Self { source, version, resource, length, position: 0, failures, state };
                    image.divide();
                    return Ok(image);
                }
                Err(failure) => source.pause(failure, &mut failures)?,
            }
        }
    }

    fn from_held(source: Source, held: &Held) -> Result<Self, RemoteError> {
        let Held { bytes: position, ref resource, ref version } = *held;
        let source = Arc::new(source);
        let mut image = Self {
            source: Arc::clone(&source),
            version: version.clone(),
            resource: resource.clone(),
            length: version.length,
            position,
            failures: 0,
            state: State::Ended,
        };
        // All of it is here; whether it is what it should be is not for the server to say.
        if image.length == Some(position) {
            return Ok(image);
        }
        loop {
            match image.ask_again() {
                Ok(()) => {
                    image.divide();
                    return Ok(image);
                }
                // What is held is of something else now.
                Err(failure) if failure.is_other() => {
                    image.position = 0;
                }
                Err(failure) => source.pause(failure, &mut image.failures)?,
            }
        }
    }

    /// Goes on with several parts at a time, if that is wanted, worth it, and offered.
    fn divide(&mut self) {
        let State::Open(answer, 0) = &self.state else { return };
        let Some(total) = self.length.filter(|_| answer.offers_ranges()) else { return };
        if !ranges::worth_it(self.source.options.connections, total - self.position)
            || self.version.strong().is_none()
        {
            return;
        }
        if let State::Open(answer, _) = std::mem::replace(&mut self.state, State::Failed) {
            let whole =
                ranges::Whole { version: self.version.clone(), resource: self.resource.clone(), total };
            self.state = State::Parts(Ranges::new(&self.source, whole, self.position, *answer));
        }
    }

    /// Bytes of the object before what is read next: those held from an earlier transfer at first.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// What a later transfer needs to go on where this one breaks off, as text; `None` if nothing would
    /// prove to it that the object is still the same.
    pub fn held(&self) -> Option<serde_json::Value> {
        Held::write(&self.resource, &self.version)
    }

    /// Length of the object as it lies there, in bytes, if the server tells.
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    fn advance(&mut self, into: &mut [u8]) -> Result<usize, RemoteError> {
        loop {
            let (answer, skip) = match &mut self.state {
                State::Open(answer, skip) => (answer, skip),
                State::Parts(parts) => match parts.read(into)? {
                    Handed::Bytes(0) => return self.end(self.position),
                    Handed::Bytes(count) => return self.hand_out(count),
                    // Parts were offered, but are not given.
                    Handed::Undivided => {
                        self.state = State::Failed;
                        self.go_on()?;
                        continue;
                    }
                },
                State::Ended => return Ok(0),
                State::Failed => return Err(RemoteError::Unfinished { url: self.source.url() }),
            };
            let room = usize::try_from(*skip).unwrap_or(usize::MAX).min(into.len());
            let passed_over = *skip > 0;
            let window = if passed_over { into.get_mut(..room).unwrap_or_default() } else { &mut *into };
            match answer.response.read(window) {
                Ok(0) => {
                    let received = self.position - *skip;
                    return self.end(received);
                }
                Ok(count) if passed_over => *skip = skip.saturating_sub(count as u64),
                Ok(count) => return self.hand_out(count),
                // Only the mark of the end was lost (RFC 9112 §7.1): all that was stated is here.
                Err(_) if self.length == Some(self.position) => return self.end(self.position),
                Err(error) => {
                    let cause = self.source.interrupted(&answer.url, &error);
                    self.resume_after(cause)?;
                }
            }
        }
    }

    fn hand_out(&mut self, count: usize) -> Result<usize, RemoteError> {
        let position = self.position.saturating_add(count as u64);
        if let Some(stated) = self.length.filter(|&length| position > length) {
            return Err(RemoteError::Length { url: self.source.url(), stated, received: Received::More });
        }
        self.position = position;
        self.failures = 0;
        Ok(count)
    }

    /// An answer has ended in good order, after so many bytes of the object.
    fn end(&mut self, received: u64) -> Result<usize, RemoteError> {
        let stated = self.length.unwrap_or(self.position);
        if received != stated {
            let received = Received::Only(received);
            return Err(RemoteError::Length { url: self.source.url(), stated, received });
        }
        self.state = State::Ended;
        Ok(0)
    }

    /// Takes up an interrupted transfer, after a pause and as often as the policy has it.
    fn resume_after(&mut self, cause: RemoteError) -> Result<(), RemoteError> {
        // Closes the connection.
        self.state = State::Failed;
        if self.position > 0 && self.version.strong().is_none() {
            return Err(RemoteError::NotResumable { url: self.source.url(), cause: Box::new(cause) });
        }
        self.source.pause(cause, &mut self.failures)?;
        self.go_on()
    }

    /// Asks for the rest until it comes.
    fn go_on(&mut self) -> Result<(), RemoteError> {
        while let Err(failure) = self.ask_again() {
            self.source.pause(failure, &mut self.failures)?;
        }
        Ok(())
    }

    fn ask_again(&mut self) -> Result<(), Failure> {
        let (answer, skip) = match self.version.strong() {
            Some(validator) if self.position > 0 => {
                // No range begins at the end of an object, which may be here if its length is unknown.
                let start = if self.length.is_some() { self.position } else { self.position - 1 };
                let answer = self.source.rest(start, validator)?;
                let rest = Rest { start, total: self.length };
                let (answer, begin) = self.continued(answer, rest)?;
                (answer, self.position - begin)
            }
            // Nothing was handed out yet.
            _ => {
                let (version, answer) = begin(&self.source)?;
                (self.resource, self.length, self.version) = (answer.resource(), version.length, version);
                (answer, 0)
            }
        };
        self.state = State::Open(Box::new(answer), skip);
        Ok(())
    }

    /// Checks that an answer continues what was read, and tells where it begins.
    fn continued(&mut self, answer: Answer, rest: Rest) -> Result<(Answer, u64), RemoteError> {
        // Validators tell versions of one resource apart, not resources (RFC 9110 §8.8.3).
        let resource = answer.resource();
        if resource != self.resource {
            let (before, after) = (self.resource.to_string(), resource.into());
            return Err(RemoteError::Elsewhere { url: self.source.url(), before, after });
        }
        let after = Version::of(&answer.response);
        let begin = match answer.status() {
            StatusCode::PARTIAL_CONTENT if self.version.fits(&after) => {
                if let Some(missing) = self.version.unproven_by(&after) {
                    return Err(RemoteError::Unproven { url: self.source.url(), missing });
                }
                let (answer, total) = ranged(answer, rest)?;
                self.length = Some(total);
                return Ok((answer, rest.start));
            }
            // Ranges are not known there, or not heeded: what was handed out comes once more, and is
            // not compared.
            StatusCode::OK if self.version.is_proven_by(&after) => 0,
            _ => {
                let (before, after) = (Box::new(self.version.clone()), Box::new(after));
                return Err(RemoteError::Changed { url: self.source.url(), before, after });
            }
        };
        self.length = self.length.or(after.length);
        Ok((answer.bounded()?, begin))
    }
}

/// The first answer.
fn begin(source: &Source) -> Result<(Version, Answer), Failure> {
    let answer = source.whole()?.bounded()?;
    Ok((Version::of(&answer.response), answer))
}

/// Checks that a 206 brings all that was asked for and nothing else; the length of the whole.
fn ranged(answer: Answer, asked: Rest) -> Result<(Answer, u64), RemoteError> {
    let headers = answer.response.headers();
    let total = ContentRange::of(headers).and_then(|range| range.completes(asked));
    let sent = answer.response.content_length();
    match total {
        Some(total) if sent.is_none_or(|sent| sent == total - asked.start) => Ok((answer.bounded()?, total)),
        _ => {
            let range = http::text(headers, &CONTENT_RANGE).map(|text| http::printable(&text));
            let length = sent.filter(|_| total.is_some()).map(|sent| format!("in {sent} bytes"));
            let found = range.into_iter().chain(length).collect::<Vec<_>>().join(" ");
            Err(RemoteError::WrongRange { url: answer.url.into(), asked, found })
        }
    }
}

impl Read for RemoteImage {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        self.advance(into).map_err(|error| {
            self.state = State::Failed;
            io::Error::other(error)
        })
    }
}

#[cfg(test)]
mod tests;
