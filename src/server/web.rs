//! The pages for people (behaviour 5): rendered here, readable without JavaScript, quicker with it.
//!
//! ```text
//! router -> rest | query | confirm -> web::list, web::entry, … : a template filled -> Html
//! templates/*.html: what a page looks like; assets/: style and behaviour of all of them
//! ```
//!
//! Whatever comes from a document is hostile text: templates escape it, `text` bounds its length and makes
//! visible what would reorder it, and links lead to nothing but http, https and ftp.

pub mod about;
pub mod action;
pub mod assets;
mod card;
pub mod endorser;
pub mod endorsers;
pub mod entry;
pub mod headers;
mod layout;
pub mod list;
pub mod problem;
pub mod query;
pub mod tags;
pub(crate) mod text;
pub mod upload;
pub(crate) mod visit;

use axum::{Router, response::Html, routing::get};

use super::{marketplace::Marketplace, problem::Problem};

/// What is served beside the pages of the other parts: the assets, and how to use the Marketplace.
pub fn routes() -> Router<Marketplace> {
    Router::new().route("/assets/{name}", get(assets::serve)).route("/about", get(about::serve))
}

/// The page of a filled template.
fn render(page: &impl askama::Template) -> Result<Html<String>, Problem> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be written")
    })
}
