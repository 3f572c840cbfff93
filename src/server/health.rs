//! `/healthz`, `/readyz` and `/metrics`: for those who keep the server running.

use std::time::Duration;

use axum::{
    Router, extract,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::time::timeout;

use super::{marketplace::Marketplace, problem::Problem, query::State};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is asked again and again is to be answered anew.
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// The routes, without `/metrics` where that has an address of its own.
pub fn routes(metrics: bool) -> Router<Marketplace> {
    let routes = Router::new().route("/healthz", get(alive)).route("/readyz", get(ready));
    if metrics { routes.merge(self::metrics()) } else { routes }
}

/// `/metrics` alone.
pub fn metrics() -> Router<Marketplace> {
    Router::new().route("/metrics", get(numbers))
}

/// The process answers; whether it can do its work is another question.
async fn alive() -> impl IntoResponse {
    ([NO_STORE], "ok\n")
}

/// The database answers, so that requests are better sent here than elsewhere.
async fn ready(
    extract::State(marketplace): extract::State<Marketplace>,
) -> Result<impl IntoResponse, Problem> {
    match timeout(PATIENCE, marketplace.store().ping()).await {
        Ok(Ok(())) => Ok(([NO_STORE], "ready\n")),
        // Not `Problem::from`: who asks every second need not be told every second in the log.
        Ok(Err(_)) | Err(_) => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"))
        }
    }
}

async fn numbers(extract::State(marketplace): extract::State<Marketplace>) -> impl IntoResponse {
    let feed = timeout(PATIENCE, marketplace.store().feed()).await;
    let newest = feed.ok().and_then(Result::ok).map(|(_, newest)| newest);
    marketplace.metrics().database(newest);
    if let State::Ready { sequence, .. } = marketplace.queries().state() {
        marketplace.metrics().indexed(sequence);
    }
    let kind = (header::CONTENT_TYPE, prometheus::TEXT_FORMAT);
    ([NO_STORE, kind], marketplace.metrics().text())
}
