//! HTTP without TLS and without a proxy: reqwest less what it does for those. As in reqwest's blocking client, a thread
//! of its own moves the bytes, and whoever asked waits.

use std::{
    error::Error,
    io::{self, Read},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Uri,
    body::{Body as _, Buf as _, Bytes, Incoming},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use reqwest::{
    StatusCode,
    blocking::Request,
    header::{HeaderMap, HeaderValue, USER_AGENT},
};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle},
    sync::oneshot,
    time::timeout,
};

use super::{LONGEST, client::AGENT};

/// How long a connection is silent before its other end is asked for a sign of life, and between two such questions.
const ALIVE: Duration = Duration::from_secs(15);

type Failure = Box<dyn Error + Send + Sync>;

/// Sends requests; its connections are kept for the next ones.
#[derive(Debug)]
pub(crate) struct Client {
    driver: Arc<Driver>,
    http: legacy::Client<Connector, Full<Bytes>>,
}

/// An answer, whose body is read as it is asked for.
#[derive(Debug)]
pub(crate) struct Response {
    status: StatusCode,
    headers: HeaderMap,
    content_length: Option<u64>,
    body: Incoming,
    /// Of the body, what came and was not read yet.
    came: Bytes,
    allowed: Allowed,
    driver: Arc<Driver>,
}

/// Moves the bytes of all connections, in a thread that ends when this is dropped.
#[derive(Debug)]
struct Driver {
    runtime: Handle,
    _until_dropped: oneshot::Sender<()>,
}

/// The time there is.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    /// For each operation.
    each: Duration,
    /// For all of them.
    until: Option<Instant>,
}

impl Client {
    pub(super) fn new(connect_timeout: Duration) -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // Of several addresses each has a share of the time.
        tcp.set_connect_timeout(Some(connect_timeout));
        // As reqwest: a peer that is gone is found out, and what is on the way keeps the connection in mind.
        tcp.set_keepalive(Some(ALIVE));
        tcp.set_keepalive_interval(Some(ALIVE));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(ALIVE * 2));
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(Connector { tcp, limit: connect_timeout });
        Ok(Self { driver: Arc::new(Driver::start()?), http })
    }

    /// Sends a request, with a time limit for each operation; one of its own is for all of it.
    pub(super) fn send(&self, request: &Request, each: Option<Duration>) -> Result<Response, Failure> {
        let until = request.timeout().map(|limit| Instant::now() + (*limit).min(LONGEST));
        let allowed = Allowed { each: each.unwrap_or(LONGEST), until };
        let body = request.body().and_then(reqwest::blocking::Body::as_bytes).unwrap_or_default();
        let mut message = hyper::Request::new(Full::from(body.to_vec()));
        *message.method_mut() = request.method().clone();
        *message.uri_mut() = request.url().as_str().parse()?;
        *message.headers_mut() = request.headers().clone();
        message.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let answer = self.driver.within(allowed, self.http.request(message))??;
        let (head, body) = answer.into_parts();
        Ok(Response {
            status: head.status,
            headers: head.headers,
            content_length: body.size_hint().exact(),
            body,
            came: Bytes::new(),
            allowed,
            driver: Arc::clone(&self.driver),
        })
    }
}

impl Response {
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) const fn content_length(&self) -> Option<u64> {
        self.content_length
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.came.is_empty() && !buffer.is_empty() {
            match self.driver.within(self.allowed, self.body.frame())? {
                // What is no data are trailers, which nobody asks for.
                Some(frame) => self.came = frame.map_err(io::Error::other)?.into_data().unwrap_or_default(),
                None => return Ok(0),
            }
        }
        let count = self.came.as_ref().read(buffer)?;
        self.came.advance(count);
        Ok(count)
    }
}

impl Driver {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (until_dropped, dropped) = oneshot::channel();
        thread::Builder::new().name("http".to_owned()).spawn(move || {
            // Nothing is ever sent.
            let _ = runtime.block_on(dropped);
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _until_dropped: until_dropped })
    }

    /// Waits for something, but not longer than is allowed.
    fn within<F: Future>(&self, allowed: Allowed, future: F) -> io::Result<F::Output> {
        let left = allowed.until.map(|until| until.saturating_duration_since(Instant::now()));
        // What is there already comes before any limit otherwise.
        if left.is_some_and(|left| left.is_zero()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let limit = left.unwrap_or(LONGEST).min(allowed.each);
        let waited = self.runtime.block_on(async { timeout(limit, future).await });
        waited.map_err(|_| io::ErrorKind::TimedOut.into())
    }
}

/// Makes connections, each in its time, which the names of hosts are looked up in too.
#[derive(Clone, Debug)]
struct Connector {
    tcp: HttpConnector,
    limit: Duration,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.tcp.poll_ready(context).map_err(Failure::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, limit) = (self.tcp.call(uri), self.limit);
        Box::pin(async move {
            let connected = timeout(limit, connecting).await;
            Ok(connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??)
        })
    }
}
