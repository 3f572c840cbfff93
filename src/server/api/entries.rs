//! `/api/v1/entries`: a list by filters, and uploads.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    input::{Asked, Given},
    problems::{ReadProblems, WriteProblems, refusal},
    shapes::{EntryLinks, EntrySummary},
    text::{DocumentText, EmailText, IdentifierText, Link, TimestampText, bounded, filter, given, parsed},
    verdict::CheckResult,
};
use crate::{
    Email, Identifier, Timestamp,
    server::{
        marketplace::Marketplace,
        parameters::Parameters,
        problem::Problem,
        selection::{From, MAX_LENGTH, Selection, Window},
        store::{Listed, Page},
        upload::{self, Outcome, Received},
    },
};

/// Entries in a list, if a request does not say how many.
const DEFAULT_LENGTH: u32 = 50;

/// Which entries; all conditions must hold. Texts are compared whatever their case.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "they are checked here, and read by Selection::from_query")]
pub(super) struct EntriesQuery {
    /// Of this image.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<IdentifierText>, required = false, nullable = false)]
    identifier: Option<Identifier>,
    /// Of this endorser.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<EmailText>, required = false, nullable = false)]
    email: Option<Email>,
    /// Endorsed at this very time; superseded entries are listed then, too.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<TimestampText>, required = false, nullable = false)]
    created: Option<Timestamp>,
    /// In this state.
    #[param(default = "valid", nullable = false)]
    status: Option<StatusName>,
    /// `web`: nowhere yet, or at an http, https or ftp URL; `pdisk`: on a persistent disk.
    #[param(default = "all", nullable = false)]
    location: Option<LocationName>,
    /// In `slterms:os`.
    #[serde(default, deserialize_with = "filter")]
    #[param(max_length = 128, example = "ttylinux", nullable = false)]
    os: Option<String>,
    /// In `slterms:os-version`.
    #[serde(default, deserialize_with = "filter")]
    #[param(max_length = 128, nullable = false)]
    os_version: Option<String>,
    /// In `slterms:os-arch`.
    #[serde(default, deserialize_with = "filter")]
    #[param(max_length = 128, nullable = false)]
    os_arch: Option<String>,
    /// In the e-mail address of the endorser.
    #[serde(default, deserialize_with = "filter")]
    #[param(max_length = 128, nullable = false)]
    endorser: Option<String>,
    /// In `slterms:kind`.
    #[serde(default, deserialize_with = "filter")]
    #[param(max_length = 128, nullable = false)]
    kind: Option<String>,
    /// Words, each of which is in one of the entry's texts; at most 16.
    #[serde(default, deserialize_with = "filter")]
    #[param(max_length = 128, pattern = "^\\s*(\\S+\\s+){0,15}\\S*\\s*$", nullable = false)]
    q: Option<String>,
    /// The order; with `-` from the last to the first.
    #[serde(default, deserialize_with = "given")]
    #[param(
        default = "-created",
        nullable = false,
        pattern = "^-?(created|os|os-version|os-arch|email|kind|identifier|title)$"
    )]
    sort: Option<String>,
    /// At most so many entries.
    #[serde(default, deserialize_with = "bounded::<1, MAX_LENGTH, _>")]
    #[param(minimum = 1, maximum = 1000, default = 50, required = false, nullable = false)]
    limit: Option<u32>,
    /// Where to go on: from `next` or `previous` of another answer.
    #[param(nullable = false, pattern = "^[np][A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// The state that listed entries are in.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Status)]
pub(super) enum StatusName {
    Valid,
    Expired,
    Deprecated,
    All,
}

/// Where an image lies.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Location)]
pub(super) enum LocationName {
    Web,
    Pdisk,
    All,
}

/// A stretch of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryList {
    /// The entries, in the order asked for.
    pub(super) entries: Vec<EntrySummary>,
    /// Where the list goes on; `null` at its end.
    #[schema(required)]
    pub(super) next: Option<Link>,
    /// What is before these; `null` at its beginning. What is uploaded meanwhile moves nothing.
    #[schema(required)]
    pub(super) previous: Option<Link>,
}

impl EntryList {
    /// The stretch that `uri` asked for, with links to its neighbours: the same but for the place.
    pub(super) fn new(marketplace: &Marketplace, uri: &Uri, page: Page) -> Self {
        let link = |direction, listed: Option<&Listed>| {
            listed.map(|listed| neighbour(marketplace, uri, &format!("{direction}{}", listed.cursor)))
        };
        let next = link(NEXT, page.entries.last().filter(|_| page.after));
        let previous = link(PREVIOUS, page.entries.first().filter(|_| page.before));
        let entries = page.entries.into_iter().map(|listed| EntrySummary::new(marketplace, listed));
        Self { entries: entries.collect(), next, previous }
    }
}

/// How the cursor of what comes after an entry begins.
const NEXT: char = 'n';
/// How the cursor of what comes before an entry begins.
const PREVIOUS: char = 'p';

/// The same request at another place of the list.
fn neighbour(marketplace: &Marketplace, uri: &Uri, cursor: &str) -> Link {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(Parameters::of(uri).0.iter().filter(|(name, _)| name != "cursor"));
    query.append_pair("cursor", cursor);
    Link(marketplace.path(&format!("{}?{}", uri.path(), query.finish())))
}

/// The stretch of a list that begins at a cursor, or at its beginning.
pub(super) fn window(limit: Option<u32>, cursor: Option<&str>) -> Result<Window, Problem> {
    let wrong = || Problem::bad_request("the cursor is no place in a list");
    let read = |cursor: &str| cursor.parse().map_err(|_| wrong());
    let from = match cursor {
        None => From::Offset(0),
        Some(cursor) => match (cursor.strip_prefix(NEXT), cursor.strip_prefix(PREVIOUS)) {
            (Some(place), _) => From::After(read(place)?),
            (_, Some(place)) => From::Before(read(place)?),
            (None, None) => return Err(wrong()),
        },
    };
    Ok(Window { from, length: limit.unwrap_or(DEFAULT_LENGTH) })
}

/// Lists entries.
///
/// The newest of each image and endorser, newest first, unless the query says otherwise. Follow `next` for
/// the rest.
#[utoipa::path(
    get,
    path = "/api/v1/entries",
    operation_id = "list_entries",
    tag = "entries",
    params(EntriesQuery),
    responses((status = 200, description = "A stretch of the list, which may be empty", body = EntryList), ReadProblems)
)]
pub(super) async fn list(
    State(marketplace): State<Marketplace>,
    uri: Uri,
    Asked(query): Asked<EntriesQuery>,
) -> Result<Json<EntryList>, Problem> {
    let Parameters(mut pairs) = Parameters::of(&uri);
    pairs.retain(|(name, _)| !matches!(name.as_str(), "limit" | "cursor"));
    let selection = Selection::from_query(&pairs)?.selection;
    let window = window(query.limit, query.cursor.as_deref())?;
    let page = marketplace.store().list(&selection, &window, marketplace.now()).await?;
    Ok(Json(EntryList::new(&marketplace, &uri, page)))
}

/// What became of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Uploaded {
    /// What was done with the document.
    pub(super) outcome: OutcomeName,
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// Of the endorser.
    pub(super) email: EmailText,
    /// When it was endorsed.
    pub(super) created: TimestampText,
    /// Every check that was made.
    pub(super) checks: Vec<CheckResult>,
    /// Where the entry is, or will be once it is confirmed.
    pub(super) links: EntryLinks,
}

/// What was done with a document.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Outcome)]
pub(super) enum OutcomeName {
    /// It is an entry now.
    Created,
    /// The same bytes were there already.
    Same,
    /// It waits for its endorser, who was sent a mail.
    Parked,
}

/// Uploads an entry.
///
/// The document must be signed by the endorser it names, and newer than the endorser's newest entry for the
/// image. The same document twice is harmless.
#[utoipa::path(
    post,
    path = "/api/v1/entries",
    operation_id = "upload_entry",
    tag = "entries",
    request_body(
        description = "A signed entry: RDF/XML in any encoding, as `stratus-sign-metadata` writes it",
        content(
            (DocumentText = "application/rdf+xml"),
            (DocumentText = "application/xml"),
        )
    ),
    responses(
        (
            status = 201,
            description = "It is an entry now",
            body = Uploaded,
            headers(("location" = String, description = "Where the entry is"))
        ),
        (status = 200, description = "The very same entry is there already", body = Uploaded),
        (status = 202, description = "It becomes an entry once its endorser confirms it by mail", body = Uploaded),
        WriteProblems
    )
)]
pub(super) async fn upload(
    State(marketplace): State<Marketplace>,
    headers: HeaderMap,
    Given(uploaded): Given,
) -> Result<Response, Response> {
    let received = upload::receive_uploaded(&marketplace, uploaded).await;
    let Received { key, outcome, checks } =
        received.map_err(|refused| refusal(refused.problem, &refused.checks))?;
    let (status, outcome) = match outcome {
        Outcome::Created => (StatusCode::CREATED, OutcomeName::Created),
        Outcome::Same => (StatusCode::OK, OutcomeName::Same),
        Outcome::Parked => (StatusCode::ACCEPTED, OutcomeName::Parked),
    };
    let links = EntryLinks::new(&marketplace, &key);
    let location = marketplace.url(&headers, &format!("/api/v1/entries/{}", key.in_url()));
    let uploaded = Uploaded {
        outcome,
        identifier: key.identifier.into(),
        email: (&key.email).into(),
        created: key.created.into(),
        checks: checks.iter().map(Into::into).collect(),
        links,
    };
    let body = (status, Json(uploaded));
    Ok(if status == StatusCode::CREATED {
        ([(LOCATION, location)], body).into_response()
    } else {
        body.into_response()
    })
}
