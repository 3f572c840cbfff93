//! What a request to the API says, strictly: a mistyped filter must not give everything.

use std::{fmt, str::FromStr};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{
    Email, Identifier, Timestamp,
    server::{
        key::EntryKey,
        marketplace::Marketplace,
        problem::Problem,
        upload::body::{self, Uploaded},
    },
};

/// The query, all of whose names are known.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

/// The key of an entry in the path.
pub(super) struct Key(pub(super) EntryKey);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (identifier, email, created): (String, String, String) = segments(parts, state).await?;
        Ok(Self(EntryKey {
            identifier: read::<Identifier>(&identifier)?,
            email: read::<Email>(&email)?,
            created: read::<Timestamp>(&created)?,
        }))
    }
}

/// The only variable segment of the path.
pub(super) struct Segment<T>(pub(super) T);

impl<T: FromStr<Err: fmt::Display>, S: Send + Sync> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segment: String = segments(parts, state).await?;
        Ok(Self(read(&segment)?))
    }
}

async fn segments<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<T, Problem> {
    match Path::from_request_parts(parts, state).await {
        Ok(Path(segments)) => Ok(segments),
        Err(error) => Err(Problem::bad_request(error.body_text())),
    }
}

fn read<T: FromStr<Err: fmt::Display>>(segment: &str) -> Result<T, Problem> {
    segment.parse().map_err(|error: T::Err| Problem::bad_request(error.to_string()))
}

/// The body: a document, no larger than the server takes, and its share of the memory.
pub(super) struct Given(pub(super) Uploaded);

impl FromRequest<Marketplace> for Given {
    type Rejection = Problem;

    async fn from_request(request: Request, marketplace: &Marketplace) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let kind = kind.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if !KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known.as_bytes())) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a document is sent as application/rdf+xml, application/xml or text/xml",
            ));
        }
        let uploaded = body::document(marketplace, request).await?;
        if uploaded.document.is_empty() {
            return Err(Problem::bad_request("the request has no body"));
        }
        Ok(Self(uploaded))
    }
}

/// How a document may be called.
const KINDS: [&str; 3] = ["application/rdf+xml", "application/xml", "text/xml"];
