//! All routes, and what every request passes through.

use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;

use super::{health, log, marketplace::Marketplace};

/// The service: routes of every part, under `/` and under the prefix of the public URL.
pub fn router(marketplace: Marketplace) -> Router {
    Router::new()
        .merge(health::routes(marketplace.settings().metrics_listen.is_none()))
        .layer(CatchPanicLayer::custom(log::panicked))
        .layer(middleware::from_fn(log::route))
        .with_state(marketplace)
}
