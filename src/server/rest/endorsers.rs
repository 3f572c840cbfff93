//! `/endorsers`, `/endorsers/{email}`, `/endorsers/{email}/tags`: who endorsed what, as results of SPARQL
//! queries (behaviour 1.13).

use axum::{
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{Html, Response},
};

use super::super::{
    marketplace::Marketplace,
    negotiate::{Format, negotiate},
    parameters::Parameters,
    problem::Problem,
    query::results::{ResultFormat, table},
    store::Listed,
    web,
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
    if format == Format::Html {
        let request = web::endorsers::Request::from_query(&parameters.0);
        return Ok(page(web::endorsers::page(&marketplace, &request).await?));
    }
    let endorsers = marketplace.store().endorsers().await?;
    let rows = endorsers
        .iter()
        .map(|known| [known.email.as_str(), known.subject.as_str(), known.issuer.as_str()].map(Some));
    Ok(answer(format, ["email", "subject", "issuer"], rows))
}

/// `/endorsers/{email}?range={days}`.
pub(super) async fn history(
    State(marketplace): State<Marketplace>,
    Path(email): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = negotiate(&headers, parameters.get("media"), &FORMATS);
    if let (Format::Html, Ok(email)) = (format, email.parse()) {
        let range = days(parameters.get("range"));
        return Ok(page(web::endorser::page(&marketplace, &email, range).await?));
    }
    // What cannot be an address endorsed nothing.
    let entries = match email.parse::<Email>() {
        Ok(email) => {
            let now = marketplace.now();
            marketplace.store().endorsed(&email, since(now, parameters.get("range")), now).await?
        }
        Err(_) => Vec::new(),
    };
    let variables = ["identifier", "created", "description", "location", "deprecated", "email"];
    let mut rows = Vec::new();
    for entry in &entries {
        let Listed { key, description, deprecated, .. } = entry;
        // One for each location, or one without.
        let locations: Vec<Option<&str>> = match entry.locations.as_slice() {
            [] => vec![None],
            locations => locations.iter().map(|location| Some(location.as_str())).collect(),
        };
        let names = (key.identifier.to_string(), key.created.to_string(), key.email.as_str());
        rows.extend(locations.into_iter().map(|location| (names.clone(), description, location, deprecated)));
    }
    let rows = rows.iter().map(|((identifier, created, email), description, location, deprecated)| {
        let (description, deprecated) = (description.as_deref(), deprecated.as_deref());
        [Some(identifier.as_str()), Some(created.as_str()), description, *location, deprecated, Some(*email)]
    });
    Ok(answer(format, variables, rows))
}

/// `/endorsers/{email}/tags`.
pub(super) async fn tags(
    State(marketplace): State<Marketplace>,
    Path(email): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = negotiate(&headers, parameters.get("media"), &FORMATS);
    if let (Format::Html, Ok(email)) = (format, email.parse()) {
        return Ok(page(web::tags::page(&marketplace, &email).await?));
    }
    let tags = match email.parse::<Email>() {
        Ok(email) => marketplace.store().tags(&email).await?,
        Err(_) => Vec::new(),
    };
    Ok(answer(format, ["tag"], tags.iter().map(|tag| [Some(tag.as_str())])))
}

fn page(page: Html<String>) -> Response {
    let mut response = super::changing(page);
    super::varies(&mut response);
    response
}

/// A range; what is no number of days is as if it were not there.
fn days(range: Option<&str>) -> i64 {
    range.and_then(|range| range.trim().parse().ok()).unwrap_or(DEFAULT_RANGE).max(0)
}

/// So many days before now.
fn since(now: Timestamp, range: Option<&str>) -> Timestamp {
    let days = days(range);
    let beginning = || Timestamp::from_unix_seconds(0).unwrap_or(now);
    now.checked_add_days(-days).unwrap_or_else(beginning)
}

/// The results: optional variables without a value are left out.
fn answer<'a, const N: usize>(
    format: Format,
    variables: [&str; N],
    rows: impl Iterator<Item = [Option<&'a str>; N]>,
) -> Response {
    let (results, content_type) = match format {
        Format::SparqlJson => (ResultFormat::Json, Format::SparqlJson),
        Format::SparqlXml => (ResultFormat::Xml, Format::SparqlXml),
        _ => (ResultFormat::Xml, Format::Xml),
    };
    let content_type = [(header::CONTENT_TYPE, content_type.content_type())];
    let mut response = super::changing((content_type, table(results, variables, rows)));
    super::varies(&mut response);
    response
}
