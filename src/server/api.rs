//! The JSON API under `/api/v1`, and its description at `/api/openapi.json`.
//!
//! One file for each kind of resource. What they have in common: `input` reads requests strictly;
//! `shapes`, `signature` and `text` are the JSON, `problems` what goes wrong; `openapi` puts the
//! description together from the functions that answer.

mod changes;
mod endorsers;
mod entries;
mod entry;
mod images;
mod input;
mod openapi;
mod problems;
mod shapes;
mod signature;
mod text;
mod verdict;

use axum::{
    Router,
    http::{HeaderValue, header::CACHE_CONTROL},
    routing::{get, post},
};
use tower_http::set_header::SetResponseHeaderLayer;

use super::marketplace::Marketplace;

pub use openapi::document;

/// What lists and states say changes with every upload: a cache asks again.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The routes of the API.
pub fn routes() -> Router<Marketplace> {
    let routes = Router::new()
        .route("/api/openapi.json", get(openapi::show))
        .route("/api/v1/entries", get(entries::list).post(entries::upload))
        .route("/api/v1/entries/{identifier}/{email}/{created}", get(entry::show))
        .route("/api/v1/entries/{identifier}/{email}/{created}/document", get(entry::document))
        .route("/api/v1/entries/{identifier}/{email}/{created}/verdict", get(verdict::stored))
        .route("/api/v1/images/{identifier}", get(images::show))
        .route("/api/v1/images/{identifier}/history", get(images::history))
        .route("/api/v1/endorsers", get(endorsers::list))
        .route("/api/v1/endorsers/{email}/tags", get(endorsers::tags))
        .route("/api/v1/endorsers/{email}/tagged", get(endorsers::tagged))
        .route("/api/v1/changes", get(changes::list))
        .route("/api/v1/verdict", post(verdict::given));
    routes.layer(SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, NO_CACHE))
}
