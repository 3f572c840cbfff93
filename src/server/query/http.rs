//! `/query`: the SPARQL 1.1 Protocol, for queries over the one graph there is (behaviour 1.14).
//!
//! Whatever is wrong with a query, what it uses up included, is the client's to change: 400. What another
//! time may be better is 503: the index is being built, or too many ask.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use oxrdf::Term;
use sparesults::{QueryResultsFormat, QueryResultsParser, SliceQueryResultsParserOutput};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    engine::{Answered, State as IndexState},
    evaluate::{GraphFormat, Kind, Request},
    process::AskError,
    results::ResultFormat,
    wire::{Limits, MAX_QUERY_BYTES},
};
use crate::server::{
    connection::unread, marketplace::Marketplace, negotiate::negotiate_among, parameters::Parameters,
    problem::Problem, web,
};

/// The longest result document, in bytes.
const MAX_RESULT_BYTES: u64 = 16 * 1024 * 1024;
/// The longest on a page.
const MAX_PAGE_BYTES: u64 = 2 * 1024 * 1024;
/// A form whose query is percent-encoded throughout.
const MAX_BODY_BYTES: usize = 3 * MAX_QUERY_BYTES + 1024;

/// `/query`.
pub fn routes() -> Router<Marketplace> {
    Router::new().route("/query", get(by_get).post(by_post)).layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// SPARQL 1.1 Protocol §2.1.1.
async fn by_get(
    State(marketplace): State<Marketplace>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&marketplace, parameters.get("query"), &parameters, &headers).await
}

/// SPARQL 1.1 Protocol §2.1.2 and §2.1.3.
async fn by_post(
    State(marketplace): State<Marketplace>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-www-form-urlencoded" => {
            let form = Parameters::read(&body);
            if form.get("update").is_some() {
                return Err(not_allowed());
            }
            // `media` may stand in either.
            let all = Parameters(parameters.0.into_iter().chain(form.0.iter().cloned()).collect());
            answer(&marketplace, form.get("query"), &all, &headers).await
        }
        "application/sparql-query" => {
            let query =
                std::str::from_utf8(&body).map_err(|_| Problem::bad_request("the query is not UTF-8"))?;
            answer(&marketplace, Some(query), &parameters, &headers).await
        }
        "application/sparql-update" => Err(not_allowed()),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a query is posted as application/sparql-query or as a form",
        )),
    }
}

/// The original's words.
fn not_allowed() -> Problem {
    Problem::bad_request("query not allowed.")
}

/// What clients may ask for: the name, how solutions are written then, how graphs are, `None` for the page.
type Offer = (&'static str, Option<(ResultFormat, GraphFormat)>);

const OFFERS: [Offer; 14] = [
    // The default, and what both kinds of results in XML are when neither is named.
    ("application/xml", Some((ResultFormat::Xml, GraphFormat::RdfXml))),
    ("text/xml", Some((ResultFormat::Xml, GraphFormat::RdfXml))),
    ("application/sparql-results+xml", Some((ResultFormat::Xml, GraphFormat::RdfXml))),
    ("application/rdf+xml", Some((ResultFormat::Xml, GraphFormat::RdfXml))),
    ("application/json", Some((ResultFormat::Json, GraphFormat::RdfJson))),
    ("application/sparql-results+json", Some((ResultFormat::Json, GraphFormat::RdfJson))),
    ("application/rdf+json", Some((ResultFormat::Json, GraphFormat::RdfJson))),
    ("text/html", None),
    ("application/xhtml+xml", None),
    ("text/turtle", Some((ResultFormat::Xml, GraphFormat::Turtle))),
    ("application/n-triples", Some((ResultFormat::Xml, GraphFormat::NTriples))),
    ("text/csv", Some((ResultFormat::Csv, GraphFormat::Table))),
    ("text/tab-separated-values", Some((ResultFormat::Tsv, GraphFormat::Table))),
    ("text/plain", Some((ResultFormat::Xml, GraphFormat::NTriples))),
];

async fn answer(
    marketplace: &Marketplace,
    query: Option<&str>,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let names = OFFERS.map(|(name, _)| name);
    let chosen = negotiate_among(headers, parameters.get("media"), &names);
    let formats = OFFERS.iter().find(|(name, _)| *name == chosen).and_then(|(_, formats)| *formats);
    if parameters.0.iter().filter(|(name, _)| name == "query").count() > 1 {
        return Err(Problem::bad_request("more than one query"));
    }
    let query = query.filter(|query| !query.trim().is_empty());
    let mut response = match (query, formats) {
        // As the original.
        (None, Some(_)) => StatusCode::NO_CONTENT.into_response(),
        (None, None) => web::query::page(marketplace, "", None)?.into_response(),
        (Some(query), Some((solutions, graph))) => {
            document(marketplace, query, parameters, (solutions, graph)).await?
        }
        (Some(query), None) => page(marketplace, query, parameters).await?,
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// The results as a document.
async fn document(
    marketplace: &Marketplace,
    query: &str,
    parameters: &Parameters,
    (solutions, graph): (ResultFormat, GraphFormat),
) -> Result<Response, Problem> {
    let request = Request {
        query: query.to_owned(),
        solutions,
        graph,
        rows: marketplace.settings().query_rows as u64,
        cut: false,
        bytes: MAX_RESULT_BYTES,
    };
    let Answered { answer, place } = ask(marketplace, parameters, &request).await?;
    let content_type = match answer.kind {
        Kind::Graph => graph.media_type().unwrap_or(solutions.media_type()),
        Kind::Solutions | Kind::Boolean => solutions.media_type(),
    };
    let body = Body::from(Bytes::from_owner(Kept { bytes: answer.document, _place: place }));
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // What entries there are changes at any time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Results count among those that are in memory until they are sent.
struct Kept {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The results on the page, as far as they find room there.
async fn page(marketplace: &Marketplace, query: &str, parameters: &Parameters) -> Result<Response, Problem> {
    let request = Request {
        query: query.to_owned(),
        solutions: ResultFormat::Json,
        graph: GraphFormat::Table,
        rows: web::query::MAX_ROWS as u64,
        cut: true,
        bytes: MAX_PAGE_BYTES,
    };
    let answered = ask(marketplace, parameters, &request).await;
    let (status, answer) = match answered {
        Ok(Answered { answer, .. }) => (StatusCode::OK, read(&answer.document, answer.cut)),
        Err(problem) => (problem.status, web::query::Answer::Problem(problem)),
    };
    // A query too long to be answered is too long to be shown.
    let shown = if query.len() > MAX_QUERY_BYTES { "" } else { query };
    let page = web::query::page(marketplace, shown, Some(&answer))?;
    Ok((status, [(header::CACHE_CONTROL, "no-cache")], page).into_response())
}

/// Results, from the JSON that the evaluation wrote.
fn read(document: &[u8], more: bool) -> web::query::Answer {
    let unreadable = || {
        let message = "the results cannot be shown";
        web::query::Answer::Problem(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message))
    };
    match QueryResultsParser::from_format(QueryResultsFormat::Json).for_slice(document) {
        Ok(SliceQueryResultsParserOutput::Boolean(value)) => web::query::Answer::Boolean(value),
        Ok(SliceQueryResultsParserOutput::Solutions(solutions)) => {
            let variables =
                solutions.variables().iter().map(|variable| variable.as_str().to_owned()).collect();
            let rows: Result<Vec<Vec<Option<Term>>>, _> =
                solutions.map(|solution| solution.map(|solution| solution.values().to_vec())).collect();
            rows.map_or_else(|_| unreadable(), |rows| web::query::Answer::Table { variables, rows, more })
        }
        Err(_) => unreadable(),
    }
}

async fn ask(
    marketplace: &Marketplace,
    parameters: &Parameters,
    request: &Request,
) -> Result<Answered, Problem> {
    // SPARQL 1.1 Protocol §2.1.4: `FROM` by another name.
    if ["default-graph-uri", "named-graph-uri"].iter().any(|name| parameters.get(name).is_some()) {
        return Err(not_allowed());
    }
    if request.query.len() > MAX_QUERY_BYTES {
        return Err(Problem::bad_request(format!("a query may have at most {MAX_QUERY_BYTES} bytes")));
    }
    let settings = marketplace.settings();
    let limits = Limits { time: settings.query_timeout, memory: settings.query_memory as u64 };
    let engine = marketplace.queries();
    engine.ask(request, limits).await.map_err(|error| match (error, engine.state()) {
        (AskError::Unavailable, state @ (IndexState::Off | IndexState::Loading { .. })) => {
            Problem::unavailable(state.to_string(), 5)
        }
        (error @ AskError::Unavailable, IndexState::Ready { .. }) => {
            Problem::unavailable(error.to_string(), 2)
        }
        (error, _) => Problem::bad_request(error.to_string()),
    })
}
