//! A request that is answered shortly: all of it, redirects, retries and the pauses between them, has
//! one time limit.

use std::{
    io::{ErrorKind, Read as _},
    thread,
    time::{Duration, Instant},
};

use reqwest::{Url, blocking::Request};

use super::{Awaited, Client, ConnectionOptions, HttpFailure, LONGEST, Patience, Response};

/// Why an attempt failed, and how long the server wants to be left alone.
pub(crate) struct Failed<E> {
    pub(crate) error: E,
    pub(crate) retry_after: Option<Duration>,
}

impl<E> From<E> for Failed<E> {
    fn from(error: E) -> Self {
        Self { error, retry_after: None }
    }
}

/// What an attempt fails with.
pub(crate) trait Attempted {
    /// Whether the same may succeed a little later.
    fn is_transient(&self) -> bool;
    /// How the exchange failed, if it is that.
    fn failure(&self) -> Option<&HttpFailure>;
}

/// Told each transient failure and the pause before the next attempt.
pub(crate) type Observer<E> = dyn Fn(&E, Duration) + Send + Sync;

/// Why a body was not read to its end.
pub(crate) enum Unread {
    /// It did not come in full.
    Failed(HttpFailure),
    /// It is longer than what is read.
    TooLarge,
}

/// The time an operation has, from when it begins.
pub(crate) struct Exchange<'a> {
    connection: &'a ConnectionOptions,
    total: Duration,
    deadline: Instant,
}

impl<'a> Exchange<'a> {
    pub(crate) fn begin(connection: &'a ConnectionOptions, total: Duration) -> Self {
        Self { connection, total, deadline: Instant::now() + total.min(LONGEST) }
    }

    /// Attempts something until it is done, fails for good, or time or attempts run out. The last failure is the one
    /// reported, unless it is that a short rest of the time was not enough: the one before it tells more.
    pub(crate) fn retried<T, E: Attempted>(
        &self,
        mut attempt: impl FnMut() -> Result<T, Failed<E>>,
        observe: Option<&Observer<E>>,
    ) -> Result<T, E> {
        let retry = &self.connection.retry;
        let (mut failures, mut before) = (0, None);
        loop {
            let left = self.left();
            let Failed { error, retry_after } = match attempt() {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            failures += 1;
            if error.failure().is_some_and(HttpFailure::is_out_of_time) {
                return Err(before.filter(|_| left < self.total / 2).unwrap_or(error));
            }
            if !error.is_transient() || failures >= retry.attempts {
                return Err(error);
            }
            let pause = retry.pause(failures).max(retry_after.unwrap_or_default());
            if pause >= self.left() {
                return Err(error);
            }
            if let Some(observe) = observe {
                observe(&error, pause);
            }
            thread::sleep(pause);
            before = Some(error);
        }
    }

    /// Sends a request in what is left of the time.
    pub(crate) fn send(&self, http: &Client, mut request: Request) -> Result<Response, HttpFailure> {
        *request.timeout_mut() = Some(self.left());
        let url = request.url().clone();
        http.send(request, &url, self.patience())
    }

    /// Up to `limit` bytes of a body, and why it is not all.
    pub(crate) fn read(&self, mut response: Response, url: &Url, limit: usize) -> (Vec<u8>, Option<Unread>) {
        let failed =
            |error| Some(Unread::Failed(HttpFailure::from_body(&error, url.as_str(), self.patience())));
        let mut body = Vec::new();
        let mut chunk = [0; 16 << 10];
        loop {
            // Bytes that trickle in are each in time.
            if self.left().is_zero() {
                return (body, failed(ErrorKind::TimedOut.into()));
            }
            match response.read(&mut chunk) {
                Ok(0) => return (body, None),
                Ok(count) => body.extend(chunk.iter().take(count)),
                Err(error) => return (body, failed(error)),
            }
            if body.len() > limit {
                body.truncate(limit);
                return (body, Some(Unread::TooLarge));
            }
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn patience(&self) -> Patience {
        Patience { connect: self.connection.connect_timeout, limit: self.total, awaited: Awaited::Answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::RetryPolicy, marketplace::ClientError};

    #[test]
    fn the_failure_before_time_ran_out_is_told() {
        let retry = RetryPolicy { first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
        let connection = ConnectionOptions { retry, ..ConnectionOptions::default() };
        let url = || "http://example.org/".to_owned();
        let late =
            || HttpFailure::Timeout { url: url(), awaited: Awaited::Answer, limit: Duration::from_mins(1) };
        let refused = || HttpFailure::Connect { url: url(), cause: "refused".to_owned() };
        // Of ten seconds, so many have passed.
        let reported = |seconds: u64, failures: Vec<HttpFailure>| {
            let mut exchange = Exchange::begin(&connection, Duration::from_secs(10));
            exchange.deadline -= Duration::from_secs(seconds);
            let mut failures = failures.into_iter().map(|failure| Failed::from(ClientError::Http(failure)));
            exchange.retried(|| failures.next().map_or(Ok(()), Err), None).map_err(|error| error.to_string())
        };
        assert_eq!(reported(6, vec![refused(), late()]), Err(refused().to_string()));
        assert_eq!(reported(6, vec![late()]), Err(late().to_string()));
        // One that had time enough tells what it is.
        assert_eq!(reported(0, vec![refused(), late()]), Err(late().to_string()));
        assert_eq!(reported(0, vec![refused(), refused()]), Ok(()));
    }
}
