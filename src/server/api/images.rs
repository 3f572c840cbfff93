//! `/api/v1/images/…`: who endorses an image, and who did.

use axum::{Json, extract::State, http::Uri};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    entries::{self, EntryList},
    input::{Asked, Segment},
    problems::{NotFound, ReadProblems},
    shapes::EntrySummary,
    text::{EmailText, IdentifierText, Link, bounded, parsed},
};
use crate::{
    Email, Identifier,
    server::{
        marketplace::Marketplace,
        problem::Problem,
        selection::{MAX_LENGTH, Selection, Status},
    },
};

/// An image: the newest entry of each of its endorsers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Image {
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// The same as a SHA-1, in lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{40}$")]
    pub sha1: String,
    /// The newest entry of each endorser, newest first.
    pub(super) endorsements: Vec<EntrySummary>,
    /// Where the list goes on; `null` at its end.
    #[schema(required)]
    pub(super) next: Option<Link>,
    /// What is before these; `null` at its beginning.
    #[schema(required)]
    pub(super) previous: Option<Link>,
    /// All its entries, superseded ones too.
    pub(super) history: Link,
}

/// Which stretch of the endorsements.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImageQuery {
    /// At most so many.
    #[serde(default, deserialize_with = "bounded::<1, MAX_LENGTH, _>")]
    #[param(minimum = 1, maximum = 1000, default = 50, required = false, nullable = false)]
    limit: Option<u32>,
    /// Where to go on: from `next` or `previous` of another answer.
    #[param(nullable = false, pattern = "^[np][A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// Shows who endorses an image.
#[utoipa::path(
    get,
    path = "/api/v1/images/{identifier}",
    operation_id = "show_image",
    tag = "images",
    params(("identifier" = IdentifierText, Path, description = "Of the image"), ImageQuery),
    responses(
        (status = 200, description = "The newest entry of each endorser, whatever its state", body = Image),
        NotFound,
        ReadProblems
    )
)]
pub(super) async fn show(
    State(marketplace): State<Marketplace>,
    uri: Uri,
    Segment(identifier): Segment<Identifier>,
    Asked(query): Asked<ImageQuery>,
) -> Result<Json<Image>, Problem> {
    let window = entries::window(query.limit, query.cursor.as_deref())?;
    let selection = Selection { identifier: Some(identifier), status: Status::All, ..Selection::default() };
    let page = marketplace.store().list(&selection, &window, marketplace.now()).await?;
    if page.entries.is_empty() && query.cursor.is_none() {
        return Err(not_found());
    }
    let EntryList { entries, next, previous } = EntryList::new(&marketplace, &uri, page);
    Ok(Json(Image {
        identifier: identifier.into(),
        sha1: identifier.sha1_hex(),
        endorsements: entries,
        next,
        previous,
        history: Link(marketplace.path(&format!("/api/v1/images/{identifier}/history"))),
    }))
}

/// What is known of an image, now and before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// Its entries, superseded ones too, newest first.
    pub(super) entries: Vec<EntrySummary>,
    /// Are there no older ones?
    pub(super) complete: bool,
}

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Of this endorser only: the history of an entry.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<EmailText>, required = false, nullable = false)]
    email: Option<Email>,
    /// At most so many entries.
    #[serde(default, deserialize_with = "bounded::<1, MAX_LENGTH, _>")]
    #[param(minimum = 1, maximum = 1000, default = 1000, required = false, nullable = false)]
    limit: Option<u32>,
}

/// Shows the history of an image, or of one endorser's entry for it.
#[utoipa::path(
    get,
    path = "/api/v1/images/{identifier}/history",
    operation_id = "show_history",
    tag = "images",
    params(("identifier" = IdentifierText, Path, description = "Of the image"), HistoryQuery),
    responses(
        (status = 200, description = "All its entries, superseded ones too", body = History),
        NotFound,
        ReadProblems
    )
)]
pub(super) async fn history(
    State(marketplace): State<Marketplace>,
    Segment(identifier): Segment<Identifier>,
    Asked(query): Asked<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let limit = query.limit.unwrap_or(MAX_LENGTH);
    // One more, to know whether there is one more.
    let (email, now) = (query.email.as_ref(), marketplace.now());
    let mut entries = marketplace.store().history_by(identifier, email, limit + 1, now).await?;
    if entries.is_empty() {
        return Err(not_found());
    }
    let complete = entries.len() <= limit as usize;
    entries.truncate(limit as usize);
    let entries = entries.into_iter().map(|listed| EntrySummary::new(&marketplace, listed));
    Ok(Json(History { identifier: identifier.into(), entries: entries.collect(), complete }))
}

fn not_found() -> Problem {
    Problem::not_found("there is no entry for such an image")
}
