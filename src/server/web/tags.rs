//! An endorser's tags (behaviour 5.3).

use askama::Template;
use axum::response::Html;

use crate::{
    Email,
    server::{marketplace::Marketplace, problem::Problem},
};

use super::{
    layout::{Layout, Section},
    render,
    text::{Said, encode},
};

/// The most tags shown.
const MOST: usize = 2_000;

#[derive(Template)]
#[template(path = "tags.html")]
struct Page {
    layout: Layout,
    email: Said,
    address: String,
    tags: Vec<(String, Said)>,
    more: bool,
}

/// The page of an endorser's tags.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn page(marketplace: &Marketplace, email: &Email) -> Result<Html<String>, Problem> {
    let layout = Layout::new(marketplace, Section::Endorsers);
    let tags = marketplace.store().tags(email).await?;
    let address = encode(email.as_str());
    // Tags are any text: encoded in the link, escaped where they are read (W3).
    let link = |tag: &String| (layout.path(&format!("/tag/{address}/{}", encode(tag))), Said::short(tag));
    render(&Page {
        more: tags.len() > MOST,
        tags: tags.iter().take(MOST).map(link).collect(),
        email: Said::short(email.as_str()),
        layout,
        address,
    })
}
