//! The pages that the links of a confirmation mail lead to (behaviour 1.11): looking at them does nothing, the
//! button on them acts (S26).

use askama::Template;
use axum::response::Html;

use crate::{
    Timestamp,
    server::{key::EntryKey, marketplace::Marketplace, problem::Problem},
};

use super::{
    layout::{Layout, Section},
    render,
    text::{Said, When, entry_path},
};

/// What the endorser is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Publish the entry.
    Confirm,
    /// Forget it.
    Abort,
    /// Forget it, and tell the administrator that somebody else uploaded it.
    Abuse,
}

impl Command {
    /// Its name in the link.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Abort => "abort",
            Self::Abuse => "abuse",
        }
    }
}

/// What a person is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What the button does.
    pub command: Command,
    /// Where the button posts to: `/PREFIX/action/TOKEN/COMMAND`, as a link.
    pub path: &'a str,
    /// Of the entry that waits.
    pub key: &'a EntryKey,
    /// The reason, if the entry deprecates the image; may be empty (S33).
    pub deprecated: Option<&'a str>,
    /// When it is forgotten.
    pub expires: Timestamp,
}

#[derive(Template)]
#[template(path = "action.html")]
struct Ask {
    layout: Layout,
    command: Command,
    path: String,
    others: Vec<(&'static str, String)>,
    identifier: String,
    email: Said,
    created: When,
    deprecated: Option<Said>,
    expires: When,
}

/// The page with the button.
///
/// # Errors
/// 500 if the page cannot be written.
pub fn page(marketplace: &Marketplace, asked: &Asked<'_>) -> Result<Html<String>, Problem> {
    let folder = asked.path.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
    let others =
        [("Publish it", Command::Confirm), ("Discard it", Command::Abort), ("Report abuse", Command::Abuse)];
    render(&Ask {
        layout: Layout::new(marketplace, Section::Elsewhere),
        command: asked.command,
        path: asked.path.to_owned(),
        others: others
            .into_iter()
            .filter(|(_, other)| *other != asked.command)
            .map(|(name, other)| (name, format!("{folder}/{}", other.name())))
            .collect(),
        identifier: asked.key.identifier.to_string(),
        email: Said::short(asked.key.email.as_str()),
        created: When::at(asked.key.created),
        deprecated: asked.deprecated.map(Said::short),
        expires: When::relative(asked.expires, marketplace.now()),
    })
}

#[derive(Template)]
#[template(path = "done.html")]
struct Done {
    layout: Layout,
    title: &'static str,
    message: Said,
    entry: Option<String>,
}

/// The page after it was done; `key` is of the entry if it is published now.
///
/// # Errors
/// 500 if the page cannot be written.
pub fn done(
    marketplace: &Marketplace,
    command: Command,
    message: &str,
    key: Option<&EntryKey>,
) -> Result<Html<String>, Problem> {
    let layout = Layout::new(marketplace, Section::Elsewhere);
    render(&Done {
        title: match command {
            Command::Confirm => "Published",
            Command::Abort => "Discarded",
            Command::Abuse => "Reported",
        },
        message: Said::new(message, 500),
        entry: key.map(|key| layout.path(&entry_path(key))),
        layout,
    })
}
