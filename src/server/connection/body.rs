//! Bodies of requests that must arrive at a pace, and bodies of answers, which tell when they end.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::rejection::BytesRejection,
    http::StatusCode,
};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::open::Talk;
use crate::server::problem::Problem;

/// Bytes per second at which a body must arrive on the whole, once the client's first pause is over.
pub const PACE: u64 = 1024;

/// A body does not arrive, or not at [`PACE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request did not arrive in time")]
pub struct Stalled;

impl Stalled {
    /// 408, if this is why a body could not be read.
    pub fn problem(error: &(dyn Error + 'static)) -> Option<Problem> {
        let mut cause = Some(error);
        while let Some(error) = cause.filter(|error| !error.is::<Self>()) {
            cause = error.source();
        }
        let stalled = cause?;
        Some(Problem::new(StatusCode::REQUEST_TIMEOUT, stalled.to_string()))
    }
}

/// What a client is told whose body, which is not an entry, could not be read: 408, 413 or 400.
pub fn unread(rejection: &BytesRejection) -> Problem {
    let other = || Problem::new(rejection.status(), rejection.body_text());
    Stalled::problem(rejection).unwrap_or_else(other)
}

/// The body of a request.
pub(super) struct Paced {
    incoming: Incoming,
    /// Longest pause.
    patience: Duration,
    started: Instant,
    received: u64,
    /// While something is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    talk: Arc<Talk>,
}

impl Paced {
    pub(super) fn new(incoming: Incoming, patience: Duration, talk: Arc<Talk>) -> Self {
        Self { incoming, patience, started: Instant::now(), received: 0, waiting: None, talk }
    }

    /// When the next bytes must be there.
    fn due(&self) -> Instant {
        let on_the_whole = self.started + self.patience + Duration::from_secs(self.received / PACE);
        on_the_whole.min(Instant::now() + self.patience)
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(frame) => {
                this.waiting = None;
                let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                this.received += bytes.map_or(0, |bytes| bytes.len() as u64);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let due = this.due();
                let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep_until(due)));
                ready!(waiting.as_mut().poll(context));
                Poll::Ready(Some(Err(Stalled.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.talk.left_unread();
        }
    }
}

/// The body of an answer.
pub(super) struct Answer {
    body: Body,
    talk: Arc<Talk>,
}

impl Answer {
    pub(super) fn new(body: Body, talk: Arc<Talk>) -> Self {
        Self { body, talk }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.talk.end();
    }
}
