//! The socket: whoever takes nothing is given up, and whoever still sends gets to read the answer.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::open::Talk;

/// How long what a client still sends is read and forgotten after the answer.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes per second at which an answer must be taken on the whole, once the client's first pause is over: an answer
/// that is taken byte by byte would hold its memory, and its connection, for ever.
const TAKEN: u64 = 1024;

/// How the answer to a request is taken.
#[derive(Clone, Copy, Debug)]
struct Taking {
    /// The number of the request.
    request: u64,
    /// When not all could be written for the first time.
    since: Instant,
    /// Written since.
    bytes: u64,
}

impl Taking {
    /// When more must have been taken.
    fn due(&self, patience: Duration) -> Instant {
        self.since + patience + Duration::from_secs(self.bytes / TAKEN)
    }
}

/// A socket.
pub(super) struct Paced {
    stream: TcpStream,
    /// Longest pause of the client.
    patience: Duration,
    /// While nothing can be written.
    blocked: Option<Pin<Box<Sleep>>>,
    /// How an answer that was not taken at once is taken.
    taking: Option<Taking>,
    /// While what is still sent is forgotten.
    lingering: Option<Pin<Box<Sleep>>>,
    talk: Arc<Talk>,
}

impl Paced {
    pub(super) fn new(stream: TcpStream, patience: Duration, talk: Arc<Talk>) -> Self {
        Self { stream, patience, blocked: None, taking: None, lingering: None, talk }
    }

    /// What became of a write, or a time-out if nothing has for too long, or too little on the whole. `bytes` are
    /// those that were written.
    fn written<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        let request = self.talk.requests();
        self.taking = self.taking.filter(|taking| taking.request == request);
        if let Poll::Ready(result) = &written {
            if let (Some(taking), Ok(done)) = (&mut self.taking, result) {
                taking.bytes += bytes(done) as u64;
            }
            if self.blocked.take().is_some() {
                self.talk.set_blocked(false);
            }
            return written;
        }
        self.talk.set_blocked(true);
        let (patience, now) = (self.patience, Instant::now());
        let taking = self.taking.get_or_insert(Taking { request, since: now, bytes: 0 });
        let due = taking.due(patience).min(now + patience);
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(blocked.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, |bytes| *bytes, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, |bytes| *bytes, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Closing a socket with unread bytes in it resets the connection, and the client may never see the
    /// answer (RFC 9112 §9.6): a 413, say, to a body that is still on its way. So they are read first.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        if !this.talk.is_unread() {
            return Poll::Ready(Ok(()));
        }
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        while lingering.as_mut().poll(context).is_pending() {
            let mut bytes = [0; 4096];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_an_answer_byte_by_byte_gains_no_time_by_it() {
        let (since, patience) = (Instant::now(), Duration::from_secs(30));
        let due = |bytes| Taking { request: 1, since, bytes }.due(patience) - since;
        assert_eq!(due(0), patience);
        assert_eq!(due(1000), patience);
        assert_eq!(due(60 * TAKEN), Duration::from_secs(90));
    }
}
