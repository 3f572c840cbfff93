//! Who sends a request: reqwest, or for plain http what reqwest is made of.
//!
//! TLS is set up when it is first needed, and not for what goes without: reqwest lets OpenSSL read the system's
//! CA certificates, twice, before it knows of any request, and that takes longer than to ask and be answered.

use std::{
    error::Error,
    fmt,
    io::{self, Read},
    sync::OnceLock,
    time::Duration,
};

use reqwest::{
    Certificate, Identity, Method, StatusCode, Url,
    blocking::{self, ClientBuilder, Request},
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{ConnectionOptions, HttpFailure, OptionsError, Patience, anchors, innermost, plain};

/// What is said of who asks.
pub(super) const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Sends requests and gives their answers as they come. Redirects and retries are for its users.
pub(crate) struct Client {
    connection: ConnectionOptions,
    anchors: Option<Vec<Certificate>>,
    identity: Option<Identity>,
    timeout: Option<Duration>,
    plain: OnceLock<Result<plain::Client, String>>,
    reqwest: OnceLock<Result<blocking::Client, String>>,
}

/// An answer, whose body is read as it is asked for.
#[derive(Debug)]
pub(crate) enum Response {
    Plain(plain::Response),
    Reqwest(blocking::Response),
}

impl Client {
    /// A client for any URL; what the one that is known needs is set up now. The timeout is for each operation: the
    /// head of an answer, or one read of its body.
    pub(crate) fn new(
        connection: &ConnectionOptions,
        identity: Option<Identity>,
        timeout: Option<Duration>,
        url: Option<&Url>,
    ) -> Result<Self, OptionsError> {
        let anchors = anchors::read(connection.ca_file.as_deref(), connection.ca_folder.as_deref())?;
        let client = Self {
            connection: connection.clone(),
            anchors,
            identity,
            timeout,
            plain: OnceLock::new(),
            reqwest: OnceLock::new(),
        };
        let failed = url
            .and_then(|url| if client.is_plain(url) { client.plain().err() } else { client.reqwest().err() });
        match failed {
            Some(cause) => Err(OptionsError::Setup { cause: cause.to_owned() }),
            None => Ok(client),
        }
    }

    /// Sends a request. If it has a timeout of its own, that is for all of it, the body of the answer included. In
    /// errors its URL is `shown`.
    pub(crate) fn send(
        &self,
        request: Request,
        shown: &Url,
        patience: Patience,
    ) -> Result<Response, HttpFailure> {
        let url = request.url().clone();
        let failed = |error: &(dyn Error + 'static)| {
            HttpFailure::from_send(error, shown, self.connection.proxy(&url), patience)
        };
        let (to, told) = (|| shown.to_string(), str::to_owned);
        if self.is_plain(&url) {
            let plain =
                self.plain().map_err(|cause| HttpFailure::Connect { url: to(), cause: told(cause) })?;
            plain.send(&request, self.timeout).map(Response::Plain).map_err(|error| failed(error.as_ref()))
        } else {
            // Another time it is no better.
            let client =
                self.reqwest().map_err(|cause| HttpFailure::Tls { url: to(), cause: told(cause) })?;
            client.execute(request).map(Response::Reqwest).map_err(|error| failed(&error))
        }
    }

    /// Is there neither TLS nor a proxy, to which there may be TLS too?
    fn is_plain(&self, url: &Url) -> bool {
        url.scheme() == "http" && self.connection.intercept(url).is_none()
    }

    fn plain(&self) -> Result<&plain::Client, &str> {
        let make = || plain::Client::new(self.connection.connect_timeout).map_err(|error| innermost(&error));
        self.plain.get_or_init(make).as_ref().map_err(String::as_str)
    }

    fn reqwest(&self) -> Result<&blocking::Client, &str> {
        let make = || self.builder().build().map_err(|error| innermost(&error));
        self.reqwest.get_or_init(make).as_ref().map_err(String::as_str)
    }

    fn builder(&self) -> ClientBuilder {
        let connection = &self.connection;
        let mut builder = blocking::Client::builder()
            .user_agent(AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(connection.connect_timeout)
            .timeout(self.timeout)
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .tls_danger_accept_invalid_certs(connection.insecure_no_tls_verify)
            .tls_danger_accept_invalid_hostnames(connection.insecure_no_tls_verify);
        if !connection.proxy_from_environment {
            builder = builder.no_proxy();
        }
        if let Some(anchors) = &self.anchors {
            builder = builder.tls_certs_only(anchors.iter().cloned());
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        builder
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Plain(response) => response.status(),
            Self::Reqwest(response) => response.status(),
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Plain(response) => response.headers(),
            Self::Reqwest(response) => response.headers(),
        }
    }

    /// The bytes of the body, if the server said so in advance.
    pub(crate) fn content_length(&self) -> Option<u64> {
        match self {
            Self::Plain(response) => response.content_length(),
            Self::Reqwest(response) => response.content_length(),
        }
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(response) => response.read(buffer),
            Self::Reqwest(response) => response.read(buffer),
        }
    }
}

/// A request for what is there.
pub(crate) fn get(url: &Url, accept: &'static str) -> Request {
    let mut request = Request::new(Method::GET, url.clone());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    request
}

/// A request to take a document of this type.
pub(crate) fn post(url: &Url, accept: &'static str, document: Vec<u8>, kind: &'static str) -> Request {
    let mut request = get(url, accept);
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *request.body_mut() = Some(document.into());
    request
}
