//! `/api/v1/endorsers`: who endorses images here, and under which tags.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    entry,
    input::{Asked, Segment},
    problems::{NotFound, ReadProblems},
    shapes::Entry,
    text::{EmailText, filter},
};
use crate::{
    Email,
    server::{marketplace::Marketplace, problem::Problem},
};

/// Who has endorsed anything here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndorserList {
    /// By e-mail address. One that used several certificates may be there several times.
    pub(super) endorsers: Vec<EndorserName>,
}

/// An endorser, as entries name them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Endorser)]
pub(super) struct EndorserName {
    /// The address.
    pub(super) email: EmailText,
    /// The name in the certificate (RFC 2253).
    pub(super) subject: String,
    /// The name of the authority that issued it.
    pub(super) issuer: String,
}

/// Lists the endorsers of all entries, whatever their state.
#[utoipa::path(
    get,
    path = "/api/v1/endorsers",
    operation_id = "list_endorsers",
    tag = "endorsers",
    responses((status = 200, description = "Everybody", body = EndorserList), ReadProblems)
)]
pub(super) async fn list(State(marketplace): State<Marketplace>) -> Result<Json<EndorserList>, Problem> {
    let known = marketplace.store().endorsers().await?;
    let endorsers = known.into_iter().map(|known| EndorserName {
        email: EmailText::of(known.email),
        subject: known.subject,
        issuer: known.issuer,
    });
    Ok(Json(EndorserList { endorsers: endorsers.collect() }))
}

/// The tags of an endorser.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TagList {
    /// Whose.
    pub(super) email: EmailText,
    /// In order, each once.
    pub(super) tags: Vec<String>,
}

/// Lists the tags that an endorser has given.
#[utoipa::path(
    get,
    path = "/api/v1/endorsers/{email}/tags",
    operation_id = "list_tags",
    tag = "endorsers",
    params(("email" = EmailText, Path, description = "Of the endorser")),
    responses(
        (status = 200, description = "The tags; none of an endorser who is not known", body = TagList),
        ReadProblems
    )
)]
pub(super) async fn tags(
    State(marketplace): State<Marketplace>,
    Segment(email): Segment<Email>,
) -> Result<Json<TagList>, Problem> {
    let tags = marketplace.store().tags(&email).await?;
    Ok(Json(TagList { email: (&email).into(), tags }))
}

/// Which tag.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TagQuery {
    /// `dcterms:alternative`, to the letter.
    #[serde(deserialize_with = "filter")]
    #[param(value_type = String, min_length = 1, max_length = 128, example = "latest")]
    tag: Option<String>,
}

/// Shows the newest entry with a tag of an endorser.
///
/// Of the images whose entries carry it, the one endorsed last, unless one of its entries with the tag is
/// deprecated.
#[utoipa::path(
    get,
    path = "/api/v1/endorsers/{email}/tagged",
    operation_id = "show_tagged",
    tag = "endorsers",
    params(("email" = EmailText, Path, description = "Of the endorser"), TagQuery),
    responses((status = 200, description = "All that the entry says", body = Entry), NotFound, ReadProblems)
)]
pub(super) async fn tagged(
    State(marketplace): State<Marketplace>,
    Segment(email): Segment<Email>,
    Asked(query): Asked<TagQuery>,
) -> Result<Json<Entry>, Problem> {
    let tag = query.tag.filter(|tag| !tag.is_empty());
    let tag = tag.ok_or_else(|| Problem::bad_request("the tag is empty"))?;
    let key = marketplace.store().tagged(&email, &tag).await?;
    let key = key.ok_or_else(|| Problem::not_found("no entry of this endorser has this tag"))?;
    entry::shown(&marketplace, &key).await
}
