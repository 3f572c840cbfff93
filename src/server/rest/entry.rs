//! `/metadata/{identifier}/{email}/{date}`: one entry, whatever its state (behaviour 1.7).

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use super::super::{
    conditional::{self, IMMUTABLE, entity_tag},
    documents::Kept,
    key::EntryKey,
    marketplace::Marketplace,
    negotiate::{Format, negotiate},
    parameters::Parameters,
    problem::Problem,
    query::rdf_json,
    web,
};

const FORMATS: [Format; 4] = [Format::Xml, Format::RdfXml, Format::Json, Format::Html];

/// `/metadata/{identifier}/{email}/{date}`.
pub(super) async fn by_key(
    State(marketplace): State<Marketplace>,
    Path((identifier, email, created)): Path<(String, String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // S7: nothing is looked up but what can be a key.
    let (Ok(identifier), Ok(email), Ok(created)) = (identifier.parse(), email.parse(), created.parse())
    else {
        return Err(not_found());
    };
    answer(&marketplace, &EntryKey { identifier, email, created }, &parameters, &headers).await
}

/// The entry in the representation that the client likes best.
pub(super) async fn answer(
    marketplace: &Marketplace,
    key: &EntryKey,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let mut response = match negotiate(headers, parameters.get("media"), &FORMATS) {
        Format::Json => json(marketplace, key, headers).await?,
        Format::Html => page(marketplace, key, headers).await?,
        _ => xml(marketplace, key, headers).await?,
    };
    super::varies(&mut response);
    Ok(response)
}

/// The page, which tells the state it is in now. An error is for whoever names another type first.
async fn page(marketplace: &Marketplace, key: &EntryKey, headers: &HeaderMap) -> Result<Response, Problem> {
    match web::entry::page(marketplace, key, headers).await {
        Ok(page) => Ok(super::changing(page)),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Err(not_found()),
        Err(problem) => Err(problem),
    }
}

/// The very bytes that were uploaded (S32).
async fn xml(marketplace: &Marketplace, key: &EntryKey, headers: &HeaderMap) -> Result<Response, Problem> {
    let document = document(marketplace, key).await?;
    let tag = entity_tag(&document.sha256, "xml");
    let content_type = Format::RdfXml.content_type();
    let mut response = conditional::answer(headers, &tag, IMMUTABLE, content_type, document.bytes);
    attach(&mut response, key, "xml");
    Ok(response)
}

/// The graph without the signature, in RDF/JSON.
async fn json(marketplace: &Marketplace, key: &EntryKey, headers: &HeaderMap) -> Result<Response, Problem> {
    let Kept { bytes, sha256 } = document(marketplace, key).await?;
    let identifier = key.identifier;
    let _room = marketplace.answers().room(bytes.len() as u64)?;
    let graph = marketplace.viewers().run(move || rdf_json::of_entry(&bytes, identifier)).await?;
    let graph = graph.map_err(|error| {
        tracing::error!(%key, %error, "a stored entry has no graph");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the entry cannot be shown in this format")
    })?;
    let tag = entity_tag(&sha256, "json");
    let mut response = conditional::answer(headers, &tag, IMMUTABLE, Format::Json.content_type(), graph);
    attach(&mut response, key, "json");
    Ok(response)
}

async fn document(marketplace: &Marketplace, key: &EntryKey) -> Result<Kept, Problem> {
    marketplace.documents().of(marketplace, key).await?.ok_or_else(not_found)
}

/// The name under which browsers keep it: an identifier has nothing in it that would need quotes.
fn attach(response: &mut Response, key: &EntryKey, extension: &str) {
    let disposition = format!("attachment; filename={}.{extension}", key.identifier);
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
}

/// As the original says it.
pub(super) fn not_found() -> Problem {
    Problem::not_found("metadata entry not found.\n")
}
