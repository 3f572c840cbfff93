//! What the server says while it runs: one line for each request, to standard error.
//!
//! Each request has an id, its own if that is a sane one, which is in all that is logged about it and in
//! its answer. Never in the log: query strings, bodies, header fields other than those below, and whatever
//! looks like a token in a path (S34); what a client chose is escaped, so that it stays on its line.

use std::{
    any::Any,
    fmt::{self, Write as _},
    io::{self, IsTerminal as _},
    net::{IpAddr, SocketAddr},
    panic,
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use openssl::rand::rand_bytes;
use tracing::{Instrument as _, Level};
use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::LogFormat;

use super::{metrics::Metrics, problem::Problem};

/// The field with the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id of a request that is taken over, in characters.
const MAX_ID: usize = 64;

/// Most characters of a path that are logged.
const MAX_PATH: usize = 300;

/// From so many hexadecimal digits on, something in a path is taken for a token.
const TOKEN: usize = 32;

/// The status in the log of a request whose client left before there was an answer, as nginx has it.
const LEFT: u16 = 499;

/// Has this process log to standard error, from this level on. Only the first call counts.
pub fn start(format: LogFormat, level: Level) {
    // Others speak up only if something is wrong.
    let filter = Targets::new().with_default(level.min(Level::WARN)).with_target("stratuslab", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let started = match format {
        LogFormat::Text => {
            let layer = layer.with_ansi(io::stderr().is_terminal());
            tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_span_list(false);
            tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()
        }
    };
    if started.is_ok() {
        // A panic is one line of the log as well.
        panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, message = %shown(&words(panic.payload())), "a mistake in the server");
        }));
    }
}

/// Logs and counts a request; the outermost layer.
pub async fn request(State(metrics): State<Metrics>, mut request: Request, next: Next) -> Response {
    let id = id(request.headers());
    let mut line = Line::new(&request, id.to_str().unwrap_or_default(), metrics);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).instrument(line.span.clone()).await;
    if response.extensions().get::<Panicked>().is_some() {
        line.metrics.panicked();
    }
    line.route = response.extensions_mut().remove::<Route>();
    line.status = response.status().as_u16();
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The pattern that a path matched, on its way to the log.
#[derive(Clone, Debug)]
struct Route(MatchedPath);

/// Tells the log which route was taken; the innermost layer of all routes.
pub async fn route(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(Route(matched));
    }
    response
}

/// The answer to a request that found a mistake in the server: 500, and the server goes on.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    let problem = Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "there is a mistake in the server; it has been noted",
    );
    let mut response = problem.into_response();
    response.extensions_mut().insert(Panicked);
    response
}

/// There was a mistake in the server.
#[derive(Clone, Debug)]
struct Panicked;

/// What is logged of a request when it ends, be it because the client has left.
struct Line {
    span: tracing::Span,
    method: Method,
    path: String,
    peer: Option<IpAddr>,
    client: Option<IpAddr>,
    started: Instant,
    route: Option<Route>,
    status: u16,
    metrics: Metrics,
}

impl Line {
    fn new(request: &Request, id: &str, metrics: Metrics) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            span: tracing::error_span!("request", id),
            method: request.method().clone(),
            path: without_tokens(request.uri().path()),
            peer: peer.map(|ConnectInfo(address)| address.ip()),
            client: forwarded(request.headers()),
            started: Instant::now(),
            route: None,
            status: LEFT,
            metrics,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let route = self.route.as_ref().map_or("none", |Route(matched)| matched.as_str());
        // Anyone can make up methods; each would be a number of its own.
        let method = match self.method {
            Method::GET | Method::HEAD | Method::POST | Method::OPTIONS | Method::PUT | Method::DELETE => {
                self.method.as_str()
            }
            _ => "other",
        };
        self.metrics.request(route, method, self.status, took);
        let _in = self.span.enter();
        let (status, path, ms) = (self.status, &self.path, Milliseconds(took));
        let (peer, client) =
            (self.peer.map(tracing::field::display), self.client.map(tracing::field::display));
        // Somebody asks for these every few seconds.
        if matches!(route, "/healthz" | "/readyz" | "/metrics") {
            tracing::debug!(method, path, route, status, %ms, peer, client, "answered");
        } else {
            tracing::info!(method, path, route, status, %ms, peer, client, "answered");
        }
    }
}

struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0.as_secs_f64() * 1000.0)
    }
}

/// The id a request came with, if it is one that can be looked for in a log; a new one otherwise.
fn id(headers: &HeaderMap) -> HeaderValue {
    let sane = |id: &&HeaderValue| {
        let id = id.as_bytes();
        (1..=MAX_ID).contains(&id.len()) && id.iter().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
    };
    headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        // Without randomness it is no id, but a request all the same.
        let _ = rand_bytes(&mut bytes);
        HeaderValue::from_str(&crate::checksum::hex(&bytes)).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// The client as the nearest proxy saw it; whoever connects directly can claim anything.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// A path without what looks like a token, on one line.
fn without_tokens(path: &str) -> String {
    let mut shown = String::new();
    for segment in path.split_inclusive('/') {
        let (word, slash) = segment.strip_suffix('/').map_or((segment, ""), |word| (word, "/"));
        shown.push_str(if is_token(word) { "…" } else { word });
        shown.push_str(slash);
    }
    self::shown(&shown)
}

/// Is this a UUID, or as many hexadecimal digits in another form? Percent signs do not hide it.
fn is_token(segment: &str) -> bool {
    let plain = percent_decoded(segment);
    plain.iter().filter(|byte| byte.is_ascii_hexdigit()).count() >= TOKEN
        && plain.iter().all(|byte| byte.is_ascii_hexdigit() || !byte.is_ascii_alphanumeric())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let escaped =
            digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// A text that somebody else chose: on one line, and not without end.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == MAX_PATH {
            shown.push('…');
            break;
        }
        if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() || c == '…' {
            shown.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(shown, "{}", c.escape_default());
        }
    }
    shown
}

/// The words of a panic.
fn words(payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::{from_fn, from_fn_with_state},
        routing::get,
    };
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[test]
    fn s34_no_token_is_in_a_logged_path() {
        for (path, logged) in [
            ("/", "/"),
            ("/metadata/IndydRp_W-qiut7CJbYsRxJODTB/a@b.org/2011-01-01T00:00:00Z", ""),
            ("/action/0f8fad5b-d9cb-469f-a165-70867728950e/confirm", "/action/…/confirm"),
            ("/p/action/0F8FAD5B-D9CB-469F-A165-70867728950E/", "/p/action/…/"),
            ("/action/%30f8fad5b%2Dd9cb-469f-a165-70867728950e/abuse", "/action/…/abuse"),
            ("//0f8fad5bd9cb469fa16570867728950e", "//…"),
            ("/%7b0f8fad5b-d9cb-469f-a165-70867728950e%7d", "/…"),
            ("/0f8fad5bd9cb469f", ""),
        ] {
            assert_eq!(without_tokens(path), if logged.is_empty() { path } else { logged });
        }
    }

    #[test]
    fn what_is_logged_stays_on_its_line() {
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}é"), "a\\nb\\u{1b}[31m\\u{202e}é");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MAX_PATH + 1);
        assert_eq!(percent_decoded("%zz%4"), b"%zz%4");
    }

    #[tokio::test]
    async fn a_mistake_in_a_handler_is_an_answer_and_the_server_goes_on() {
        let metrics = Metrics::default();
        let router = Router::new()
            .route("/wrong", get(async || -> &'static str { panic!("sesame") }))
            .route("/right", get(async || "right"))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(route))
            .layer(from_fn_with_state(metrics.clone(), request));
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let wrong = ask("/wrong").await;
        assert_eq!(wrong.status(), 500);
        assert_eq!(wrong.headers()[REQUEST_ID].len(), 16);
        let problem = wrong.extensions().get::<Problem>().unwrap();
        assert!(!problem.message.contains("sesame"));
        assert_eq!(ask("/right").await.status(), 200);
        let counted = "requests_total{method=\"GET\",route=\"/wrong\",status=\"500\"} 1";
        assert!(metrics.text().contains(counted), "{}", metrics.text());
        assert!(metrics.text().contains("panics_total 1"), "{}", metrics.text());
    }

    #[test]
    fn only_a_sane_id_is_taken_over() {
        let taken = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
            id(&headers).to_str().unwrap() == given
        };
        assert!(taken("a") && taken("0f8fad5b-d9cb-469f-a165-70867728950e") && taken(&"x".repeat(64)));
        assert!(!taken("") && !taken("a b") && !taken("a\"b") && !taken(&"x".repeat(65)));
        assert_ne!(id(&HeaderMap::new()), id(&HeaderMap::new()));
    }

    #[test]
    fn the_client_is_what_the_nearest_proxy_says() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", HeaderValue::from_static(value));
            }
            forwarded(&headers).map(|address| address.to_string())
        };
        assert_eq!(of(&["10.0.0.1, 192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&["10.0.0.1", "2001:db8::1"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(&["nonsense\"}"]), None);
        assert_eq!(of(&[]), None);
    }
}
