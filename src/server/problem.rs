//! What goes wrong with a request, as a status and a message; how it is told depends on what the client
//! accepts (behaviour 1.4).

use std::borrow::Cow;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::store::StoreError;

/// Why a request is not answered as it wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// What is wrong, for people: one line, without anything secret.
    pub message: Cow<'static, str>,
    /// Seconds after which it may be better.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem with this status.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// 400: the client should not repeat this.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl From<StoreError> for Problem {
    /// 503: the cause is for the log, not for the client.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database does not answer");
        let problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer; try again later");
        Self { retry_after: Some(5), ..problem }
    }
}

impl IntoResponse for Problem {
    /// A response without a body that carries the problem as an extension: [`super::router`] writes it as the
    /// client likes it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
