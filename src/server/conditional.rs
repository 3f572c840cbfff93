//! Representations that never change: strong validators and conditional requests (RFC 9110 §8.8, §13).

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::checksum::hex;

/// `Cache-Control` of what an entry's URL gives, but for its page: an entry's bytes never change.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// What a tag gets when the body is compressed, which makes another representation of it (RFC 9110 §8.8.3.3).
const COMPRESSED: &str = "-gzip";

/// The entity tag of a representation of an entry: two of them are the same only if all their bytes are.
pub fn entity_tag(sha256: &[u8; 32], representation: &str) -> String {
    format!("\"{}-{representation}\"", hex(sha256))
}

/// A 200 with these bytes and this tag, or a 304 if the client has them already.
pub fn answer(
    request: &HeaderMap,
    entity_tag: &str,
    cache_control: &'static str,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let held = held(request, entity_tag);
    let mut response = match &held {
        Some(_) => StatusCode::NOT_MODIFIED.into_response(),
        None => Response::new(body.into()),
    };
    let headers = response.headers_mut();
    if held.is_none() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(tag) = HeaderValue::from_str(held.as_deref().unwrap_or(entity_tag)) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    response
}

/// The tag under which the client has this representation, compressed or not, by its `If-None-Match`
/// (RFC 9110 §13.1.2: compared weakly).
fn held(request: &HeaderMap, entity_tag: &str) -> Option<String> {
    let values = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let compressed = compressed(entity_tag);
    // A tag of ours has no comma in it.
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.find_map(|tag| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        if opaque == entity_tag || tag == "*" {
            Some(entity_tag.to_owned())
        } else {
            (opaque == compressed).then(|| compressed.clone())
        }
    })
}

fn compressed(entity_tag: &str) -> String {
    format!("{}{COMPRESSED}\"", entity_tag.trim_end_matches('"'))
}

/// A layer around the one that compresses: gives what it compressed a tag of its own.
pub async fn tag_compressed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && let Ok(tag) = HeaderValue::from_str(&compressed(tag))
    {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let tag = entity_tag(&[7; 32], "xml");
        let mut request = HeaderMap::new();
        let status = |request: &HeaderMap| answer(request, &tag, IMMUTABLE, "text/plain", "x").status();
        assert_eq!(status(&request), StatusCode::OK);
        for (held, expected) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("W/{tag}"), StatusCode::NOT_MODIFIED),
            (format!("\"other\", {tag}"), StatusCode::NOT_MODIFIED),
            (compressed(&tag), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            (entity_tag(&[7; 32], "json"), StatusCode::OK),
            ("nonsense".to_owned(), StatusCode::OK),
        ] {
            request.insert(header::IF_NONE_MATCH, held.parse().unwrap());
            assert_eq!(status(&request), expected, "{held}");
        }
    }
}
