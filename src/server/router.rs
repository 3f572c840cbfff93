//! All routes, and what every request passes through.
//!
//! ```text
//! request -> its path made plain -> security headers -> problems written as the client likes them
//!         -> compression -> memory -> the route
//! ```
//!
//! `method=` and `X-HTTP-Method-Override` change nothing: no client is known that needs them, and a link
//! could upload with them.

use axum::{
    Router,
    extract::{OriginalUri, Request},
    http::{Uri, uri::PathAndQuery},
    middleware,
    response::Redirect,
    routing::get,
};
use tower::{ServiceExt as _, service_fn};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use super::{
    answers, api, conditional, confirm, health, log,
    marketplace::Marketplace,
    problem::{self, Problem},
    query, rest, web,
};

/// The service: routes of every part, under `/` and under the prefix of the public URL.
pub fn router(marketplace: Marketplace) -> Router {
    let prefix = marketplace.path("");
    let metrics = marketplace.settings().metrics_listen.is_none();
    let routes = routes()
        .merge(health::routes(metrics))
        .layer(CatchPanicLayer::custom(log::panicked))
        .layer(middleware::from_fn_with_state(marketplace.clone(), answers::counted))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(conditional::tag_compressed))
        .layer(middleware::from_fn_with_state(marketplace.clone(), problem::written))
        .layer(middleware::from_fn(web::headers::add))
        .layer(middleware::from_fn(log::route))
        .with_state(marketplace);
    // A layer would see the path after the route was chosen.
    Router::new().fallback_service(service_fn(move |mut request: Request| {
        let (routes, plain) = (routes.clone(), plain(request.uri(), &prefix));
        async move {
            let original = OriginalUri(request.uri().clone());
            request.extensions_mut().insert(original);
            *request.uri_mut() = plain;
            routes.oneshot(request).await
        }
    }))
}

/// The routes of every part.
fn routes() -> Router<Marketplace> {
    Router::new()
        .route("/", get(home))
        .merge(rest::routes())
        .merge(confirm::routes())
        .merge(api::routes())
        .merge(web::routes())
        .merge(query::routes())
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
}

async fn home(axum::extract::State(marketplace): axum::extract::State<Marketplace>) -> Redirect {
    Redirect::to(&marketplace.path("/metadata"))
}

/// W6: what is not there is not found.
async fn nowhere() -> Problem {
    Problem::not_found("there is no such page")
}

async fn not_so() -> Problem {
    Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

/// The target without what does not matter: the prefix, doubled slashes (behaviour 1.1) and those at its
/// end (S19).
fn plain(uri: &Uri, prefix: &str) -> Uri {
    let mut path = String::with_capacity(uri.path().len());
    for character in uri.path().chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    if let Some(rest) = path.strip_prefix(prefix)
        && (rest.is_empty() || rest.starts_with('/'))
    {
        path = String::from(rest);
    }
    if path.len() > 1 && path.ends_with('/') {
        path.pop();
    }
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
