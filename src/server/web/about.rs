//! What the Marketplace is, and how programs and commands use it.

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Html};

use crate::server::{marketplace::Marketplace, problem::Problem, settings::Settings};

use super::{
    layout::{Layout, Section},
    render,
    visit::base,
};

#[derive(Template)]
#[template(path = "about.html")]
struct Page<'a> {
    layout: Layout,
    base: String,
    version: &'static str,
    settings: &'a Settings,
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
        settings,
        megabytes: settings.max_entry_bytes / (1024 * 1024),
    })
}
