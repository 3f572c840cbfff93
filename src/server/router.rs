//! All routes, and what every request passes through.

use axum::Router;

use super::marketplace::Marketplace;

/// The service: routes of every part, under `/` and under the prefix of the public URL.
pub fn router(marketplace: Marketplace) -> Router {
    Router::new().with_state(marketplace)
}
