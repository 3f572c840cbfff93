//! What every response tells browsers to refuse: a layer around all routes.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Response, header},
    middleware::Next,
};

/// Pages: style, script and pictures of this server, no more; nothing inline; no other site around them. Scripts
/// cannot make HTML of text (Trusted Types).
const PAGE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                    require-trusted-types-for 'script'; trusted-types 'none'";
/// Everything else: whoever wrote a document must not get a script of theirs run here by way of it, should a
/// browser show it.
const DATA: &str = "default-src 'none'; sandbox; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Sent with everything. A referrer stays on this server; forms need it there to have an `Origin`.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// Adds the headers: `axum::middleware::from_fn(headers::add)`, outside of what renders problems.
pub async fn add(request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"));
    let policy = HeaderValue::from_static(if is_page { PAGE } else { DATA });
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    // Pages tell of now, and name the server as their visitor does.
    if is_page {
        let fresh = HeaderValue::from_static("private, no-cache");
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(fresh);
    }
    for (name, value) in ALWAYS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, response::Html, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn every_response_has_them_and_what_is_no_page_may_do_nothing() {
        let routes = Router::new()
            .route("/page", get(|| async { Html("<p>") }))
            .route("/data", get(|| async { "data" }))
            .layer(axum::middleware::from_fn(add));
        for (path, policy) in [("/page", PAGE), ("/data", DATA), ("/missing", DATA)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], policy, "{path}");
            for (name, value) in ALWAYS {
                assert_eq!(response.headers()[name], value, "{path}");
            }
        }
        assert!(!PAGE.contains("unsafe") && !PAGE.contains('*'));
    }
}
