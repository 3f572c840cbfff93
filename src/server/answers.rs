//! Memory for answers: whoever asks for large ones and reads them slowly, over however many connections, takes no
//! more than there is.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{marketplace::Marketplace, problem::Problem};

/// What large answers may hold in memory, all together, in KiB (512 MiB).
const MEMORY_KIB: usize = 512 * 1024;
/// Answers up to so many bytes are not counted: there are no more of them than connections.
const SMALL: u64 = 64 * 1024;
/// What an answer is taken to hold that is written while it is sent, in bytes: a stretch of a list of common
/// entries. A longer stretch is counted by itself.
const STREAMED: u64 = 512 << 10;

/// Memory for what is read to be answered with, and for large answers that are being sent.
#[derive(Clone, Debug)]
pub struct Answers(Arc<Semaphore>);

impl Default for Answers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY_KIB)))
    }
}

impl Answers {
    /// Room for so many bytes, until this is dropped; none is taken for small ones.
    ///
    /// # Errors
    /// 503 if there is none now.
    pub fn room(&self, bytes: u64) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        if bytes <= SMALL {
            return Ok(None);
        }
        let busy = || Problem::unavailable("too many large answers are being sent; try again", 5);
        // One that is larger than all there is is sent alone.
        let kib = usize::try_from(bytes.div_ceil(1024)).unwrap_or(usize::MAX).min(MEMORY_KIB);
        let kib = u32::try_from(kib).map_err(|_| busy())?;
        Arc::clone(&self.0).try_acquire_many_owned(kib).map(Some).map_err(|_| busy())
    }
}

/// A layer around all routes, inside of the one that compresses: counts large answers until they are sent.
pub async fn counted(State(marketplace): State<Marketplace>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let bytes = response.body().size_hint().exact().unwrap_or(STREAMED);
    match marketplace.answers().room(bytes) {
        Ok(None) => response,
        Ok(Some(room)) => {
            let answers = marketplace.answers().clone();
            let whole = response.body().size_hint().exact().is_some();
            response.map(|body| Body::new(Held { body, _room: room, whole, large: None, answers }))
        }
        Err(problem) => problem.into_response(),
    }
}

/// A body that takes room.
struct Held {
    body: Body,
    _room: OwnedSemaphorePermit,
    /// Is there room for all of it?
    whole: bool,
    /// Further room, for a part that is larger than most stretches are: it may be one entry of 10 MiB.
    large: Option<OwnedSemaphorePermit>,
    answers: Answers,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(context);
        // What came before has been written, but for a small rest.
        this.large = None;
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref().map(|bytes| bytes.len() as u64)
            && bytes > STREAMED
            && !this.whole
        {
            match this.answers.room(bytes) {
                Ok(room) => this.large = room,
                // No part can be taken for the whole: the connection is broken off.
                Err(problem) => {
                    return Poll::Ready(Some(Err(axum::Error::new(problem.message.into_owned()))));
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_answers_are_free_and_large_ones_take_no_more_than_there_is() {
        let answers = Answers::default();
        assert!(matches!(answers.room(SMALL), Ok(None)));
        let half = (MEMORY_KIB as u64) * 512;
        let (one, other) = (answers.room(half).unwrap(), answers.room(half).unwrap());
        let refused = answers.room(SMALL + 1).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (503, Some(5)));
        assert!(matches!(answers.room(1), Ok(None)));
        drop((one, other));
        assert!(answers.room(u64::MAX).unwrap().is_some(), "larger than all there is");
    }
}
