//! HTTP without TLS and without a proxy: reqwest less what it does for those. As in reqwest's blocking client, a thread
//! of its own moves the bytes, and whoever asked waits.

use std::{
    error::Error,
    io::{self, Read},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
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
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};

use super::{LONGEST, client::AGENT};

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

/// Moves the bytes of all connections.
#[derive(Debug)]
struct Driver(Option<Runtime>);

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
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("http").enable_io().enable_time().build()?;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(Connector { tcp, limit: connect_timeout });
        Ok(Self { driver: Arc::new(Driver(Some(runtime))), http })
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
    /// Waits for something, but not longer than is allowed.
    fn within<F: Future>(&self, allowed: Allowed, future: F) -> io::Result<F::Output> {
        let left = allowed.until.map(|until| until.saturating_duration_since(Instant::now()));
        let limit = left.unwrap_or(LONGEST).min(allowed.each);
        let runtime = self.0.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        runtime.block_on(async { timeout(limit, future).await }).map_err(|_| io::ErrorKind::TimedOut.into())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A name that is being looked up is not waited for.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
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
