//! One entry: all that it says, and the document itself.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::{
    input::Key,
    problems::{NotFound, ReadProblems},
    shapes::{DocumentFacts, Entry},
    text::{DocumentText, EmailText, IdentifierText, Sha256Text, TimestampText},
};
use crate::{
    server::{
        admission,
        conditional::{self, IMMUTABLE},
        key::EntryKey,
        marketplace::Marketplace,
        problem::Problem,
        store::Document,
    },
    validate::validate,
};

/// Shows an entry.
#[utoipa::path(
    get,
    path = "/api/v1/entries/{identifier}/{email}/{created}",
    operation_id = "show_entry",
    tag = "entries",
    params(
        ("identifier" = IdentifierText, Path, description = "Of the image"),
        ("email" = EmailText, Path, description = "Of the endorser"),
        ("created" = TimestampText, Path, description = "When it was endorsed"),
    ),
    responses((status = 200, description = "All that the entry says", body = Entry), NotFound, ReadProblems)
)]
pub(super) async fn show(
    State(marketplace): State<Marketplace>,
    Key(key): Key,
) -> Result<Json<Entry>, Problem> {
    shown(&marketplace, &key).await
}

/// All that an entry says.
pub(super) async fn shown(marketplace: &Marketplace, key: &EntryKey) -> Result<Json<Entry>, Problem> {
    let document = stored(marketplace, key).await?;
    let facts =
        DocumentFacts { bytes: document.bytes.len() as u64, sha256: Sha256Text::from(&document.sha256) };
    let state = document.state;
    let _room = marketplace.answers().room(facts.bytes)?;
    let judging = marketplace.clone();
    let judge = move || {
        // Who is trusted is for the verdict.
        let options = admission::validation(judging.settings(), None, judging.now());
        validate(&document.bytes, &options)
    };
    let report = marketplace.viewers().run(judge).await?;
    let entry = report
        .metadata()
        .cloned()
        .and_then(|metadata| Entry::new(marketplace, metadata, state, facts, report.evidence()));
    entry.map(Json).ok_or_else(|| {
        tracing::error!(%key, "a stored entry cannot be read");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the stored entry cannot be read")
    })
}

/// Gives the document of an entry.
///
/// The very bytes that were uploaded, which never change.
#[utoipa::path(
    get,
    path = "/api/v1/entries/{identifier}/{email}/{created}/document",
    operation_id = "get_document",
    tag = "entries",
    params(
        ("identifier" = IdentifierText, Path, description = "Of the image"),
        ("email" = EmailText, Path, description = "Of the endorser"),
        ("created" = TimestampText, Path, description = "When it was endorsed"),
    ),
    responses(
        (
            status = 200,
            description = "The signed document",
            content_type = "application/rdf+xml",
            body = DocumentText,
            headers(
                ("etag" = String, description = "Changes with the bytes, and so never"),
                ("cache-control" = String, description = "For ever"),
            )
        ),
        (status = 304, description = "The client has it: its `If-None-Match` says so"),
        NotFound,
        ReadProblems
    )
)]
pub(super) async fn document(
    State(marketplace): State<Marketplace>,
    Key(key): Key,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let document = marketplace.documents().of(&marketplace, &key).await?.ok_or_else(no_such_entry)?;
    let tag = conditional::entity_tag(&document.sha256, "xml");
    Ok(conditional::answer(&headers, &tag, IMMUTABLE, "application/rdf+xml", document.bytes))
}

/// What is stored under a key.
pub(super) async fn stored(marketplace: &Marketplace, key: &EntryKey) -> Result<Document, Problem> {
    let document = marketplace.store().document(key, marketplace.now()).await?;
    document.ok_or_else(no_such_entry)
}

fn no_such_entry() -> Problem {
    Problem::not_found("there is no such entry")
}
