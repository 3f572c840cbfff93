//! `/api/openapi.json`: the API described in OpenAPI 3.1, from the functions that answer.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa::{OpenApi, openapi::Server};

use super::{changes, endorsers, entries, entry, images, problems::ProblemDetails, verdict};
use crate::server::marketplace::Marketplace;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Marketplace",
        description = "A registry of signed metadata of machine and disk images.\n\n\
            An entry is one signed document, named by the identifier of the image, the e-mail address of its \
            endorser and the time of the endorsement. It never changes and is never deleted; a newer one of the \
            same endorser for the same image supersedes it.\n\n\
            Members of answers are always there, `null` where an entry says nothing, but for `checks` of a \
            problem. Unknown parameters are refused.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "entries", description = "Signed documents and what they say"),
        (name = "images", description = "Who endorses an image, and who did"),
        (name = "endorsers", description = "Who endorses images, and under which tags"),
        (name = "changes", description = "Everything, in the order in which it was taken"),
    ),
    components(schemas(ProblemDetails, entries::StatusName, entries::LocationName)),
    paths(
        entries::list,
        entries::upload,
        entry::show,
        entry::document,
        verdict::stored,
        verdict::given,
        images::show,
        images::history,
        endorsers::list,
        endorsers::tags,
        endorsers::tagged,
        changes::list,
    )
)]
struct Api;

/// The description of the API of this server, in JSON.
///
/// # Errors
/// None that could happen: the document consists of texts.
pub fn document(marketplace: &Marketplace) -> Result<String, serde_json::Error> {
    let mut api = Api::openapi();
    // Without a prefix the default, `/`, is right.
    let prefix = marketplace.path("");
    api.servers = (!prefix.is_empty()).then(|| vec![Server::new(prefix)]);
    serde_json::to_string_pretty(&api)
}

pub(super) async fn show(State(marketplace): State<Marketplace>) -> Response {
    match document(&marketplace) {
        Ok(document) => ([(CONTENT_TYPE, "application/json")], document).into_response(),
        Err(error) => {
            tracing::error!(%error, "the description of the API cannot be written");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
