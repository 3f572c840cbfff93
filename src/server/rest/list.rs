//! `/metadata`, `/metadata/{…}`, `/metadata/{…}/{…}`: entries, by what the path and the query say
//! (behaviour 1.6).

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, header},
    response::Response,
};
use futures_util::stream;

use super::{
    super::{
        marketplace::Marketplace,
        negotiate::{Format, negotiate},
        parameters::Parameters,
        problem::{DECLARATION, Problem},
        selection::{Selection, Wanted},
        standalone::element,
        web::{self, list::ListRequest},
    },
    datatables,
    stretches::Stretches,
    tag,
};

/// Said where nothing is selected.
pub(super) const NOTHING: &str = "no metadata matching query found";

const FORMATS: [Format; 4] = [Format::Xml, Format::RdfXml, Format::Json, Format::Html];

/// `/metadata`.
pub(super) async fn all(
    State(marketplace): State<Marketplace>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list(&marketplace, &parameters, &headers, &[]).await
}

/// `/metadata/{argument}`; with `?tag=`, the newest entry of an endorser that carries it.
pub(super) async fn by_one(
    State(marketplace): State<Marketplace>,
    Path(argument): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match parameters.get("tag") {
        Some(tag) => tag::entry(&marketplace, &argument, tag, &parameters, &headers).await,
        None => list(&marketplace, &parameters, &headers, &[&argument]).await,
    }
}

/// `/metadata/{argument}/{argument}`.
pub(super) async fn by_two(
    State(marketplace): State<Marketplace>,
    Path((argument, further)): Path<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list(&marketplace, &parameters, &headers, &[&argument, &further]).await
}

async fn list(
    marketplace: &Marketplace,
    parameters: &Parameters,
    headers: &HeaderMap,
    arguments: &[&str],
) -> Result<Response, Problem> {
    let mut wanted = Selection::from_query(&parameters.0)?;
    for argument in arguments {
        wanted.selection.narrow(argument);
    }
    let mut response = match negotiate(headers, parameters.get("media"), &FORMATS) {
        Format::Json => datatables::answer(marketplace, wanted).await?,
        Format::Html => page(marketplace, wanted).await?,
        _ => xml(marketplace, wanted).await?,
    };
    super::varies(&mut response);
    Ok(response)
}

/// The list for people; it changes with every upload.
async fn page(marketplace: &Marketplace, wanted: Wanted) -> Result<Response, Problem> {
    let window = wanted.window(web::list::DEFAULT_LENGTH);
    let request = ListRequest { selection: wanted.selection, window };
    Ok(super::changing(web::list::page(marketplace, &request).await?))
}

/// The `<metadata>` list: the entries as they were signed, one after the other. It is in no namespace and
/// declares none, so that each can be cut out and verified.
///
/// Only a stretch of it is in memory at a time; if the database fails before its end, the connection is
/// broken off, so that no part can be taken for the whole.
async fn xml(marketplace: &Marketplace, wanted: Wanted) -> Result<Response, Problem> {
    let mut stretches = Stretches::new(marketplace, wanted);
    let first = stretches.documents().await?;
    if first.is_empty() {
        return Err(Problem::not_found(NOTHING));
    }
    let mut opening = format!("{DECLARATION}<metadata>").into_bytes();
    write(&mut opening, &first);
    let parts = stream::try_unfold((Some(opening), Some(stretches)), async |(chunk, stretches)| {
        if let Some(chunk) = chunk {
            return Ok(Some((Bytes::from(chunk), (None, stretches))));
        }
        let Some(mut stretches) = stretches else { return Ok(None) };
        let documents = stretches.documents().await.inspect_err(|error| {
            tracing::error!(%error, "a list is broken off: the database does not answer");
        })?;
        if documents.is_empty() {
            return Ok(Some((Bytes::from_static(b"</metadata>"), (None, None))));
        }
        let mut chunk = Vec::new();
        write(&mut chunk, &documents);
        Ok::<_, super::super::store::StoreError>(Some((Bytes::from(chunk), (None, Some(stretches)))))
    });
    let content_type = [(header::CONTENT_TYPE, Format::Xml.content_type())];
    Ok(super::changing((content_type, Body::from_stream(parts))))
}

fn write(list: &mut Vec<u8>, documents: &[Vec<u8>]) {
    for document in documents {
        list.extend_from_slice(element(document));
    }
}
