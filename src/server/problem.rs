//! What goes wrong with a request, as a status and a message; how it is told depends on what the client
//! accepts (behaviour 1.4).

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};

use super::{
    marketplace::Marketplace,
    negotiate::{Format, error_format},
    parameters::Parameters,
    store::StoreError,
    web,
};

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

    /// 503: it may be better after so many seconds.
    pub fn unavailable(message: impl Into<Cow<'static, str>>, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }
}

impl From<StoreError> for Problem {
    /// 503: the cause is for the log, not for the client.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database does not answer");
        Self::unavailable("the database does not answer; try again later", 5)
    }
}

impl IntoResponse for Problem {
    /// A response without a body that carries the problem as an extension: [`written`] writes it as the
    /// client likes it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The layer that writes problems: as a page for people, as XML or JSON for programs, by the first media
/// type that they accept; as `application/problem+json` (RFC 9457) under `/api`.
pub async fn written(State(marketplace): State<Marketplace>, request: Request, next: Next) -> Response {
    let form = Form::of(&request);
    let response = next.run(request).await;
    let Some(problem) = found(&response) else { return response };
    let body = form.write(&marketplace, &problem);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    // What is not there now may be there in a moment.
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts.headers.append(header::VARY, HeaderValue::from_static("accept"));
    if let Some(seconds) = problem.retry_after {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Response::from_parts(parts, Body::from(body))
}

/// The problem of a response. What the framework refuses by itself has none, and a text for programmers or
/// nothing as its body.
fn found(response: &Response) -> Option<Problem> {
    let status = response.status();
    if let Some(problem) = response.extensions().get() {
        return Some(Problem::clone(problem));
    }
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let bare = content_type.is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    bare.then(|| {
        Problem::new(status, status.canonical_reason().unwrap_or("the request failed").to_lowercase())
    })
}

/// In which form problems are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Xml,
    Json,
    /// RFC 9457.
    ProblemJson,
    Html,
}

impl Form {
    fn of(request: &Request) -> Self {
        if request.uri().path().starts_with("/api/") {
            return Self::ProblemJson;
        }
        let parameters = Parameters::of(request.uri());
        match error_format(request.headers(), parameters.get("media")) {
            Format::Xml => Self::Xml,
            Format::Json => Self::Json,
            _ => Self::Html,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => Format::Xml.content_type(),
            Self::Json => Format::Json.content_type(),
            Self::ProblemJson => "application/problem+json",
            Self::Html => Format::Html.content_type(),
        }
    }

    fn write(self, marketplace: &Marketplace, problem: &Problem) -> String {
        let (status, message) = (problem.status.as_u16(), &*problem.message);
        match self {
            Self::Xml => xml(message),
            Self::Json => format!("{{\"{status}\" : {}}}", serde_json::Value::from(message)),
            Self::ProblemJson => {
                let title = problem.status.canonical_reason();
                let kind = "about:blank";
                serde_json::json!({"type": kind, "title": title, "status": status, "detail": message})
                    .to_string()
            }
            Self::Html => {
                web::problem::page(marketplace, problem).map_or_else(|_| html(problem), |Html(page)| page)
            }
        }
    }
}

/// S14: escaped, and without what no XML document may have in it (XML 1.0 §2.2).
fn xml(message: &str) -> String {
    format!("{DECLARATION}<error>{}</error>", escaped(message))
}

/// The XML declaration of all that is in XML (behaviour 1.4).
pub const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>"#;

fn escaped(text: &str) -> String {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => c,
        _ => char::REPLACEMENT_CHARACTER,
    };
    let text: String = text.chars().map(allowed).collect();
    quick_xml::escape::escape(text).into_owned()
}

/// The plain page, should the other fail: the title is the reason phrase, one cell is the message.
fn html(problem: &Problem) -> String {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    let message = escaped(&problem.message);
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><table><tr><td>{message}</td></tr></table></body></html>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s14_messages_are_escaped_and_stay_well_formed() {
        let body = xml("a <b> & \"c\" \u{1}\u{ffff}");
        let document = roxmltree::Document::parse(&body).unwrap();
        assert_eq!(document.root_element().text(), Some("a <b> & \"c\" \u{fffd}\u{fffd}"));
        assert!(body.starts_with(DECLARATION));
    }
}
