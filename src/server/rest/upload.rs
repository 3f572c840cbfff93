//! `POST /metadata`: an upload, or a query in a form (behaviour 1.8); `/upload`: the page for it.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{
    super::{
        connection::unread,
        marketplace::Marketplace,
        negotiate::first_accepted,
        parameters::Parameters,
        problem::Problem,
        selection::Selection,
        upload::{self, Outcome, Received, Refused, body},
        web::{self, upload::Answer},
    },
    datatables,
};

/// The most bytes a query in a form has.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// `POST /metadata`, `/metadata/{…}`, `/metadata/{…}/{…}`.
pub(super) async fn post(
    State(marketplace): State<Marketplace>,
    mut request: Request,
) -> Result<Response, Problem> {
    let media_type = media_type(request.headers());
    if media_type == "application/x-www-form-urlencoded" {
        // S42: the form takes the place of the query.
        DefaultBodyLimit::max(MAX_FORM_BYTES).apply(&mut request);
        let form = Bytes::from_request(request, &()).await.map_err(|rejection| unread(&rejection))?;
        return datatables::answer(&marketplace, Selection::from_query(&Parameters::read(&form).0)?).await;
    }
    let headers = request.headers().clone();
    match receive(&marketplace, &media_type, request).await {
        Ok(received) => received_answer(&marketplace, &headers, &received),
        Err(refused) => refused_answer(&marketplace, &headers, refused),
    }
}

async fn receive(marketplace: &Marketplace, media_type: &str, request: Request) -> Result<Received, Refused> {
    let refused = match (upload::check_read_only(marketplace), media_type) {
        (Err(problem), _) => problem,
        (Ok(()), "application/rdf+xml" | "application/xml" | "text/xml") => {
            let uploaded = body::document(marketplace, request).await?;
            return upload::receive_uploaded(marketplace, uploaded).await;
        }
        (Ok(()), "multipart/form-data") => {
            let uploaded = body::form(marketplace, request).await?;
            return upload::receive_uploaded(marketplace, uploaded).await;
        }
        // Nothing at all, and of no type: the original tells that first.
        (Ok(()), "") if is_empty(request.headers()) => Problem::bad_request("post with null entity"),
        (Ok(()), _) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "an entry is uploaded as application/xml, application/rdf+xml, text/xml or multipart/form-data",
        ),
    };
    body::linger(request.into_body());
    Err(refused.into())
}

/// 201 or 202 with the message of the original, as a page if `text/html` is accepted first (behaviour 1.4).
fn received_answer(
    marketplace: &Marketplace,
    headers: &HeaderMap,
    received: &Received,
) -> Result<Response, Problem> {
    let (status, message) = match received.outcome {
        Outcome::Created | Outcome::Same => (StatusCode::CREATED, "metadata entry created"),
        Outcome::Parked => (StatusCode::ACCEPTED, "confirmation email sent for new metadata entry\n"),
    };
    let key = Some(&received.key);
    let answer = Answer { status, message, key, checks: &received.checks };
    let mut response = if first_accepted(headers) == "text/html" {
        (status, web::upload::verdict(marketplace, &answer)?).into_response()
    } else {
        (status, message).into_response()
    };
    if status == StatusCode::CREATED {
        // S1: the originals send the latter alone.
        let url = marketplace.url(headers, &received.key.path());
        if let Ok(url) = HeaderValue::from_str(&url) {
            response.headers_mut().insert(header::LOCATION, url.clone());
            response.headers_mut().insert(header::CONTENT_LOCATION, url);
        }
    }
    super::varies(&mut response);
    Ok(response)
}

/// The problem, as a page with every check if `text/html` is accepted first.
fn refused_answer(
    marketplace: &Marketplace,
    headers: &HeaderMap,
    refused: Refused,
) -> Result<Response, Problem> {
    let Refused { problem, checks } = refused;
    if first_accepted(headers) != "text/html" {
        return Err(problem);
    }
    let answer = Answer { status: problem.status, message: &problem.message, key: None, checks: &checks };
    let page = web::upload::verdict(marketplace, &answer)?;
    let mut response = (problem.status, page).into_response();
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    super::varies(&mut response);
    Ok(response)
}

/// `/upload`.
pub(super) async fn form(State(marketplace): State<Marketplace>) -> Result<Html<String>, Problem> {
    web::upload::form(&marketplace)
}

/// Without parameters, in lower case; empty if there is none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether no body follows (RFC 9112 §6.3).
fn is_empty(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    !headers.contains_key(header::TRANSFER_ENCODING) && matches!(length, None | Some(b"0"))
}
