//! The page of a request that did not go as it should.

use askama::Template;
use axum::response::Html;

use crate::server::{marketplace::Marketplace, problem::Problem};

use super::{
    layout::{Layout, Section},
    render,
    text::Said,
};

/// The most characters of a message that are shown.
const MESSAGE: usize = 2_000;

#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    layout: Layout,
    status: u16,
    title: &'static str,
    message: Said,
    again: bool,
}

/// The page that tells a problem.
///
/// # Errors
/// 500 if the page cannot be written.
pub fn page(marketplace: &Marketplace, problem: &Problem) -> Result<Html<String>, Problem> {
    render(&Page {
        layout: Layout::new(marketplace, Section::Elsewhere),
        status: problem.status.as_u16(),
        title: title(problem.status.as_u16()),
        message: Said::new(&problem.message, MESSAGE),
        again: problem.status.is_server_error() || problem.status.as_u16() == 429,
    })
}

/// What happened, in a few words for people.
fn title(status: u16) -> &'static str {
    match status {
        403 => "That is not allowed here",
        404 | 410 => "There is nothing here",
        405 => "That cannot be done here",
        409 => "That does not fit what is there",
        413 => "That is too large",
        406 | 415 => "Not in that format",
        429 => "Too many requests",
        503 => "Not available right now",
        400..=499 => "That request cannot be answered",
        _ => "Something went wrong here",
    }
}
