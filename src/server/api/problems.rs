//! What answers that are no good look like (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::verdict::CheckResult;
use crate::{server::problem::Problem, validate::Check};

/// Why a request is not answered as it wished (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDetails {
    /// `about:blank`: the status says all there is.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "about:blank")]
    kind: &'static str,
    /// The name of the status.
    #[schema(example = "Bad Request")]
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What is wrong with this request, for people.
    detail: String,
    /// Every check of the document, if it was judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    checks: Vec<CheckResult>,
}

/// A document that was refused, with what was found of it.
pub(super) fn refusal(problem: Problem, checks: &[Check]) -> Response {
    if checks.is_empty() {
        return problem.into_response();
    }
    let status = problem.status;
    let details = ProblemDetails {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail: problem.message.into_owned(),
        checks: checks.iter().map(Into::into).collect(),
    };
    let mut response = (status, Json(details)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// What can go wrong with any request.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "they are described here; Problem is what is answered")]
pub(super) enum ReadProblems {
    /// A parameter has a value that it cannot have, or a name that none has.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemDetails),
    /// The database does not answer, or too much is asked at once: `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDetails),
}

/// There is no such thing.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[allow(dead_code, reason = "it is described here; Problem is what is answered")]
pub(super) struct NotFound(ProblemDetails);

/// What can go wrong with a document that is sent.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "they are described here; Problem is what is answered")]
pub(super) enum DocumentProblems {
    /// The body is missing, or does not come to its end.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemDetails),
    /// It does not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(ProblemDetails),
    /// It is larger than the server takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemDetails),
    /// It is sent as something else than XML.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemDetails),
    /// The database or the mail server does not answer, or too much is asked at once: `Retry-After` says when
    /// to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDetails),
}

/// What can go wrong with an upload.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "they are described here; Problem is what is answered")]
pub(super) enum WriteProblems {
    /// It is no entry, or one that is not taken here: `checks` says why. Or there is a newer one of the endorser
    /// for the image, or another one with its key.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemDetails),
    /// Nothing is taken here.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDetails),
    /// It does not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(ProblemDetails),
    /// It is larger than the server takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemDetails),
    /// It is sent as something else than XML.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemDetails),
    /// The endorser is sent too many mails.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemDetails),
    /// The database or the mail server does not answer, or too much is asked at once: `Retry-After` says when
    /// to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDetails),
}
