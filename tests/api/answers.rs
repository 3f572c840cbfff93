//! What answers of the API must be.

use serde_json::Value;

use crate::server::{Answer, Server, draft::Draft};

/// `/api/v1/entries/IDENTIFIER/EMAIL/CREATED`.
pub(crate) fn path(draft: &Draft) -> String {
    draft.path().replace("/metadata/", "/api/v1/entries/")
}

/// The JSON of a 200.
#[track_caller]
pub(crate) fn shown(server: &Server, path: &str) -> Value {
    let answer = server.get(path).send();
    assert_eq!(
        (answer.status, answer.header("content-type").as_str()),
        (200, "application/json"),
        "{path}: {}",
        answer.text()
    );
    answer.json()
}

/// Requires a problem of this status, and gives its message.
#[track_caller]
pub(crate) fn problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text());
    let problem = answer.json();
    assert_eq!((answer.status, &problem["status"]), (status, &Value::from(status)), "{problem}");
    assert_eq!(problem["type"], "about:blank");
    assert!(!problem["title"].as_str().unwrap().is_empty());
    problem["detail"].as_str().unwrap().to_owned()
}
