//! The upload form, and the server's verdict on what was uploaded, check by check (behaviour 5.4).

use askama::Template;
use axum::{http::StatusCode, response::Html};

use crate::{
    server::{key::EntryKey, marketplace::Marketplace, problem::Problem},
    validate::Check,
};

use super::{
    entry::checks::Checks,
    layout::{Layout, Section},
    render,
    text::{Said, entry_path},
};

/// What became of an upload.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status it is answered with.
    pub status: StatusCode,
    /// What is said to programs.
    pub message: &'a str,
    /// The entry that it is or, while it waits to be confirmed, will be.
    pub key: Option<&'a EntryKey>,
    /// What was checked, as far as it came to that.
    pub checks: &'a [Check],
}

#[derive(Template)]
#[template(path = "upload.html")]
struct Form {
    layout: Layout,
    read_only: bool,
    confirms: bool,
    trusted: bool,
    megabytes: usize,
}

/// The page with the form: an ordinary file field, onto which a file may be dropped where there is JavaScript.
///
/// # Errors
/// 500 if the page cannot be written.
pub fn form(marketplace: &Marketplace) -> Result<Html<String>, Problem> {
    let settings = marketplace.settings();
    render(&Form {
        layout: Layout::new(marketplace, Section::Upload),
        read_only: settings.read_only,
        confirms: settings.confirmation.is_some(),
        trusted: settings.anchors.is_some(),
        megabytes: settings.max_entry_bytes / (1024 * 1024),
    })
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Published,
    Waiting,
    Refused,
}

#[derive(Template)]
#[template(path = "verdict.html")]
struct Page {
    layout: Layout,
    outcome: Outcome,
    message: Said,
    entry: Option<String>,
    checks: Checks,
}

/// The page that tells what became of an upload, whatever its status. The form's script shows its element
/// `#verdict` in place, so that there is one account of it.
///
/// # Errors
/// 500 if the page cannot be written.
pub fn verdict(marketplace: &Marketplace, answer: &Answer<'_>) -> Result<Html<String>, Problem> {
    let layout = Layout::new(marketplace, Section::Upload);
    let outcome = match answer.status {
        StatusCode::ACCEPTED => Outcome::Waiting,
        status if status.is_success() => Outcome::Published,
        _ => Outcome::Refused,
    };
    render(&Page {
        outcome,
        message: Said::new(answer.message, 2_000),
        entry: answer.key.map(|key| layout.path(&entry_path(key))),
        checks: Checks::new(answer.checks, true),
        layout,
    })
}
