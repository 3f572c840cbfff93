//! What an endorser endorsed lately (behaviour 5.3).

use askama::Template;
use axum::response::Html;

use crate::{
    Email, Timestamp,
    server::{marketplace::Marketplace, problem::Problem, store::Listed},
};

use super::{
    card::{Badge, heading},
    layout::{Layout, Section},
    render,
    text::{Said, When, common_name, encode, entry_path, web_link},
};

/// The ranges that are offered, in days; others can be asked for.
const RANGES: [(i64, &str); 4] = [(30, "30 days"), (60, "60 days"), (90, "90 days"), (365, "year")];
/// The most entries shown.
const MOST: usize = 1_000;

struct Row {
    href: String,
    heading: Said,
    identifier: String,
    endorsed: When,
    state: Badge,
    deprecated: Option<Said>,
    location: Option<(Said, Option<String>)>,
}

#[derive(Template)]
#[template(path = "endorser.html")]
struct Page {
    layout: Layout,
    email: Said,
    address: String,
    name: Option<Said>,
    range: i64,
    ranges: [(i64, &'static str); 4],
    rows: Vec<Row>,
    more: bool,
}

/// The page of what an endorser endorsed in the last `range` days.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn page(marketplace: &Marketplace, email: &Email, range: i64) -> Result<Html<String>, Problem> {
    let (layout, now) = (Layout::new(marketplace, Section::Endorsers), marketplace.now());
    let since = now.checked_add_days(-range).or_else(|| Timestamp::from_unix_seconds(0)).unwrap_or(now);
    let entries = marketplace.store().endorsed(email, since, now).await?;
    let row = |entry: &Listed| Row {
        href: layout.path(&entry_path(&entry.key)),
        heading: heading(entry),
        identifier: entry.key.identifier.to_string(),
        endorsed: When::at(entry.key.created),
        state: Badge::new(entry.state),
        deprecated: entry.deprecated.as_deref().map(Said::short),
        location: entry.locations.first().map(|location| (Said::new(location, 80), web_link(location))),
    };
    render(&Page {
        name: entries
            .first()
            .map(|entry| common_name(&entry.subject))
            .filter(|name| name != email.as_str())
            .map(|name| Said::short(&name)),
        rows: entries.iter().take(MOST).map(row).collect(),
        more: entries.len() > MOST,
        email: Said::short(email.as_str()),
        address: encode(email.as_str()),
        ranges: RANGES,
        range,
        layout,
    })
}
