//! `/api/v1/changes`: everything that was ever taken, in that order, for those who keep a copy.

use std::str::FromStr;

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    input::Asked,
    problems::ReadProblems,
    text::{EmailText, IdentifierText, TimestampText, bounded, parsed},
};
use crate::server::{marketplace::Marketplace, problem::Problem, store};

/// The most entries in one answer.
pub(super) const MAX_CHANGES: u32 = 1000;

/// A stretch of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Changes)]
pub(super) struct Stretch {
    /// The name of the database, drawn when it was made. If it differs from the last answer's, the numbers
    /// mean something else, and the copy begins anew.
    pub(super) feed: String,
    /// The number of the newest entry; 0 if there is none.
    #[schema(minimum = 0)]
    pub(super) newest: i64,
    /// The entries, in the order in which they were taken: at least one, if there is any after the place asked
    /// for, and as many as fit into an answer of moderate size.
    pub(super) changes: Vec<ChangedEntry>,
}

/// An entry of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangedEntry {
    /// Its number: greater than that of every entry taken before.
    #[schema(minimum = 1)]
    pub(super) sequence: i64,
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// Of the endorser.
    pub(super) email: EmailText,
    /// When it was endorsed.
    pub(super) created: TimestampText,
    /// The signed document, in Base64.
    #[schema(content_encoding = "base64", content_media_type = "application/rdf+xml")]
    pub(super) document: String,
}

/// A number of an entry, or 0.
#[derive(Clone, Copy, Debug, Default)]
struct Sequence(i64);

impl FromStr for Sequence {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let number = text.parse().ok().filter(|number| *number >= 0);
        number.map(Self).ok_or("not a whole number from 0 on")
    }
}

/// Which stretch of the feed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesQuery {
    /// Those after the entry with this number.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<i64>, minimum = 0, default = 0, required = false, nullable = false)]
    after: Option<Sequence>,
    /// At most so many.
    #[serde(default, deserialize_with = "bounded::<1, MAX_CHANGES, _>")]
    #[param(minimum = 1, maximum = 1000, default = 1000, required = false, nullable = false)]
    limit: Option<u32>,
}

/// Gives entries in the order in which they were taken.
///
/// For mirrors: ask for those after the last one you have until there are none. Verify what you take.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    operation_id = "list_changes",
    tag = "changes",
    params(ChangesQuery),
    responses((status = 200, description = "A stretch of the feed, which may be empty", body = Stretch), ReadProblems)
)]
pub(super) async fn list(
    State(marketplace): State<Marketplace>,
    Asked(query): Asked<ChangesQuery>,
) -> Result<Json<Stretch>, Problem> {
    let Sequence(after) = query.after.unwrap_or_default();
    let store = marketplace.store();
    // The documents, the same in Base64, and the answer.
    let _room = marketplace.answers().room(4 * store::MAX_CHANGES_BYTES.unsigned_abs())?;
    let taken = store.changes(after, query.limit.unwrap_or(MAX_CHANGES)).await?;
    // Afterwards, so that it is not less than the number of an entry in the answer.
    let (feed, newest) = store.feed().await?;
    let changes = taken.into_iter().map(|change| ChangedEntry {
        sequence: change.sequence,
        identifier: change.key.identifier.into(),
        email: (&change.key.email).into(),
        created: change.key.created.into(),
        document: STANDARD.encode(change.document),
    });
    Ok(Json(Stretch { feed, newest, changes: changes.collect() }))
}
