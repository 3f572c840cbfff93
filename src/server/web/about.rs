//! What the Marketplace is, and how programs and commands use it.

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Html};

use crate::server::{marketplace::Marketplace, problem::Problem};

use super::{
    layout::{Layout, Section},
    render,
    visit::base,
};

#[derive(Template)]
#[template(path = "about.html")]
struct Page {
    layout: Layout,
    base: String,
    version: &'static str,
    read_only: bool,
    trusted: bool,
    confirms: bool,
    sha1: bool,
    megabytes: usize,
}

/// `/about`.
///
/// # Errors
/// 500 if the page cannot be written.
pub async fn serve(
    State(marketplace): State<Marketplace>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let settings = marketplace.settings();
    render(&Page {
        layout: Layout::new(&marketplace, Section::About),
        base: base(&marketplace, &headers),
        version: env!("CARGO_PKG_VERSION"),
        read_only: settings.read_only,
        trusted: settings.anchors.is_some(),
        confirms: settings.confirmation.is_some(),
        sha1: settings.allow_sha1,
        megabytes: settings.max_entry_bytes / (1024 * 1024),
    })
}
