//! `/endorsers`, `/endorsers/{email}`, `/endorsers/{email}/tags`: who endorsed what, as results of SPARQL
//! queries (behaviour 1.13).

use std::io;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use oxrdf::{LiteralRef, Variable};
use sparesults::{QueryResultsFormat, QueryResultsSerializer};

use super::super::{
    marketplace::Marketplace,
    negotiate::{Format, negotiate},
    parameters::Parameters,
    problem::Problem,
    store::Listed,
};
use crate::{Email, Timestamp};

/// XML for who asks for JSON, too: there never was any but that of SPARQL.
const FORMATS: [Format; 5] =
    [Format::Xml, Format::SparqlXml, Format::RdfXml, Format::SparqlJson, Format::Html];

/// Days of an endorser's history, unless the query says how many.
const DEFAULT_RANGE: i64 = 30;

/// `/endorsers`.
pub(super) async fn all(
    State(marketplace): State<Marketplace>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = negotiate(&headers, parameters.get("media"), &FORMATS);
    let endorsers = marketplace.store().endorsers().await?;
    let row = |e: &super::super::store::KnownEndorser| {
        vec![Some(e.email.clone()), Some(e.subject.clone()), Some(e.issuer.clone())]
    };
    answer(format, &["email", "subject", "issuer"], endorsers.iter().map(row))
}

/// `/endorsers/{email}?range={days}`.
pub(super) async fn history(
    State(marketplace): State<Marketplace>,
    Path(email): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = negotiate(&headers, parameters.get("media"), &FORMATS);
    // What cannot be an address endorsed nothing.
    let entries = match email.parse::<Email>() {
        Ok(email) => {
            let now = marketplace.now();
            marketplace.store().endorsed(&email, since(now, parameters.get("range")), now).await?
        }
        Err(_) => Vec::new(),
    };
    answer(
        format,
        &["identifier", "created", "description", "location", "deprecated", "email"],
        entries.iter().flat_map(rows),
    )
}

/// `/endorsers/{email}/tags`.
pub(super) async fn tags(
    State(marketplace): State<Marketplace>,
    Path(email): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = negotiate(&headers, parameters.get("media"), &FORMATS);
    let tags = match email.parse::<Email>() {
        Ok(email) => marketplace.store().tags(&email).await?,
        Err(_) => Vec::new(),
    };
    answer(format, &["tag"], tags.into_iter().map(|tag| vec![Some(tag)]))
}

/// So many days before now; what is no number of days is as if it were not there.
fn since(now: Timestamp, range: Option<&str>) -> Timestamp {
    let days = range.and_then(|range| range.trim().parse().ok()).unwrap_or(DEFAULT_RANGE).max(0);
    let beginning = || Timestamp::from_unix_seconds(0).unwrap_or(now);
    now.checked_add_days(-days).unwrap_or_else(beginning)
}

/// One for each location, or one without.
fn rows(entry: &Listed) -> Vec<Vec<Option<String>>> {
    let row = |location: Option<&String>| {
        vec![
            Some(entry.key.identifier.to_string()),
            Some(entry.key.created.to_string()),
            entry.description.clone(),
            location.cloned(),
            entry.deprecated.clone(),
            Some(entry.key.email.to_string()),
        ]
    };
    match entry.locations.as_slice() {
        [] => vec![row(None)],
        locations => locations.iter().map(|location| row(Some(location))).collect(),
    }
}

/// The results: optional variables without a value are left out.
fn answer(
    format: Format,
    variables: &[&str],
    rows: impl Iterator<Item = Vec<Option<String>>>,
) -> Result<Response, Problem> {
    let (results, content_type) = match format {
        Format::SparqlJson => (QueryResultsFormat::Json, Format::SparqlJson),
        Format::SparqlXml => (QueryResultsFormat::Xml, Format::SparqlXml),
        _ => (QueryResultsFormat::Xml, Format::Xml),
    };
    let body = write(results, variables, rows).map_err(|error| {
        tracing::error!(%error, "results cannot be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the results cannot be written")
    })?;
    let mut response = body.into_response();
    let content_type = HeaderValue::from_static(content_type.content_type());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    super::varies(&mut response);
    Ok(response)
}

fn write(
    format: QueryResultsFormat,
    variables: &[&str],
    rows: impl Iterator<Item = Vec<Option<String>>>,
) -> io::Result<Vec<u8>> {
    let variables: Vec<Variable> = variables.iter().map(|&name| Variable::new_unchecked(name)).collect();
    let serializer = QueryResultsSerializer::from_format(format);
    let mut results = serializer.serialize_solutions_to_writer(Vec::new(), variables.clone())?;
    for row in rows {
        let bound = variables.iter().zip(&row).filter_map(|(variable, value)| {
            value.as_deref().map(|value| (variable, LiteralRef::new_simple_literal(value)))
        });
        results.serialize(bound)?;
    }
    results.finish()
}
