//! The REST interface of the original Marketplace (behaviour 1.2): the URLs that clients know.

mod datatables;
mod endorsers;
mod entry;
mod list;
mod stretches;
mod tag;
mod upload;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::marketplace::Marketplace;

/// Lists, entries, tags, endorsers and uploads.
pub fn routes() -> Router<Marketplace> {
    Router::new()
        .route("/metadata", get(list::all).post(upload::post))
        .route("/metadata/{argument}", get(list::by_one).post(upload::post))
        .route("/metadata/{argument}/{further}", get(list::by_two).post(upload::post))
        // Uploads are counted as they are read, by what the settings allow.
        .layer(DefaultBodyLimit::disable())
        .route("/metadata/{identifier}/{email}/{created}", get(entry::by_key))
        .route("/tag/{email}/{tag}", get(tag::by_path))
        .route("/endorsers", get(endorsers::all))
        .route("/endorsers/{email}", get(endorsers::history))
        .route("/endorsers/{email}/tags", get(endorsers::tags))
        .route("/upload", get(upload::form))
}

/// Marks what depends on `Accept`, for caches.
fn varies(response: &mut Response) {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
}

/// What the next upload may change: caches ask each time.
fn changing(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
