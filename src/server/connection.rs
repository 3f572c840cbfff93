//! Connections: accepted while there is room, fed and drained at a pace, and closed in the end.
//!
//! Whoever is slow costs a connection and nothing else, and not for ever: a head must be there within
//! [`Settings::client_timeout`](super::settings::Settings::client_timeout), which is also how long a
//! connection may be idle; a body must arrive, and an answer be taken, without a longer pause, a body at
//! [`PACE`] on the whole. When there is no room for another connection, those that have been open for
//! longest without a request in progress give up theirs.

mod body;
mod open;
mod stream;

use std::{convert::Infallible, future::pending, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tower::ServiceExt as _;

pub use body::{PACE, Stalled, unread};
use open::Open;

use super::metrics::Metrics;

/// Longest head of a request, in bytes; longer ones get 431 (RFC 6585 §5).
pub const MAX_HEAD_BYTES: usize = 32 << 10;

/// Most fields in the head of a request; more get 431.
pub const MAX_HEADERS: usize = 100;

/// Bytes of a request or an answer that wait in memory, per connection.
const BUFFER_BYTES: usize = 64 << 10;

/// Bytes of an answer that wait in the kernel; it would otherwise take megabytes for whoever reads slowly,
/// and tell of no progress meanwhile. The kernel doubles this for its own needs (socket(7)).
const SEND_BUFFER_BYTES: u32 = 128 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// How long nothing is accepted when the system has no file descriptor, or no memory, left.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);

/// How long one connection that is asked to give up its place is waited for before the next one is asked.
const PRESSURE_PAUSE: Duration = Duration::from_millis(10);

/// How long a connection whose request has not wholly arrived is left when it must close.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// What connections are held to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait.
    pub connections: usize,
    /// Longest pause of a client, and longest wait for the head of a request.
    pub client_timeout: Duration,
    /// How long requests in progress may take to end after the server was asked to stop.
    pub shutdown: Duration,
}

/// Listens at an address.
///
/// # Errors
/// Those of the system, above all [`io::ErrorKind::AddrInUse`].
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that is started again need not wait for connections of the former one to time out.
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `stop` is true, then lets requests in progress end; false if some did not in
/// time.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Metrics,
    mut stop: watch::Receiver<bool>,
) -> bool {
    // More than fit would never be accepted, and the semaphore has a limit of its own.
    let most = u32::try_from(limits.connections).unwrap_or(u32::MAX).min(MOST);
    let room = Arc::new(Semaphore::new(most as usize));
    let shared = Shared { router, limits, metrics, open: Arc::default(), stop: stop.clone() };
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(&listener, &room, &shared.open) => accepted,
        };
        let (stream, peer, place) = accepted;
        tokio::spawn(converse(stream, peer, place, shared.clone()));
    }
    // Nobody need wait for an answer who is not connected yet.
    drop(listener);
    timeout(limits.shutdown, room.acquire_many(most)).await.is_ok()
}

/// Most connections at a time, whatever is asked for.
const MOST: u32 = 1 << 24;

#[derive(Clone)]
struct Shared {
    router: Router,
    limits: Limits,
    metrics: Metrics,
    open: Arc<Open>,
    stop: watch::Receiver<bool>,
}

/// The next connection, and its place among those that are open.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    open: &Open,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        match listener.accept().await {
            // Not the other way round: nobody should give way while nobody waits.
            Ok((stream, peer)) => return (stream, peer, place(room, open).await),
            // The connection was gone before it was accepted (accept(2)).
            Err(error) if is_of_connection(&error) => {}
            // Out of file descriptors or memory: trying at once would only keep a core busy.
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                open.press();
                sleep(NO_ROOM_PAUSE).await;
            }
        }
    }
}

/// A place for one more connection; if there is none, those that wait for nothing give up theirs.
async fn place(room: &Arc<Semaphore>, open: &Open) -> OwnedSemaphorePermit {
    loop {
        if let Ok(place) = Arc::clone(room).try_acquire_owned() {
            return place;
        }
        open.press();
        // Nobody closes this semaphore.
        if let Ok(Ok(place)) = timeout(PRESSURE_PAUSE, Arc::clone(room).acquire_owned()).await {
            return place;
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Answers the requests of a connection.
async fn converse(stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit, shared: Shared) {
    let Shared { router, limits, metrics, open, mut stop } = shared;
    let _counted = metrics.connection();
    let patience = limits.client_timeout;
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let talk = open.enter();
    let service = service_fn(|request: Request<Incoming>| {
        talk.begin();
        let mut request = request.map(|incoming| body::Paced::new(incoming, patience, Arc::clone(&talk)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (router, talk) = (router.clone(), Arc::clone(&talk));
        async move {
            let response = router.oneshot(request).await?;
            Ok::<_, Infallible>(response.map(|answer| body::Answer::new(answer, talk)))
        }
    });
    let stream = TokioIo::new(stream::Paced::new(stream, patience, Arc::clone(&talk)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let mut closing = false;
    let mut last_moment = None;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection ends");
                }
                break;
            }
            () = talk.pressed(), if !closing => {
                // Half a head is worth no more than none: it may be all that ever comes.
                if talk.is_idle() {
                    break;
                }
            }
            _ = stop.wait_for(|stop| *stop), if !closing => {}
            // Half a head, or an answer that nobody takes.
            () = until(last_moment) => {
                if !talk.is_busy() {
                    break;
                }
            }
        }
        if !closing {
            // Idle connections end with this, others after the request in progress.
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
        last_moment = Some(Instant::now() + LAST_MOMENT);
    }
    open.leave(&talk);
    drop(place);
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
