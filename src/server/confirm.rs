//! Entries that their endorsers confirm by mail before they are kept (behaviour 1.11).

use axum::{Router, http::StatusCode};

use crate::{Metadata, Timestamp, dsig::Verified};

use super::{
    key::EntryKey,
    mail::MailError,
    marketplace::Marketplace,
    problem::Problem,
    store::{AddError, StoreError},
};

/// What became of an entry whose endorser was to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It waits; the mail is with the mail server (202).
    Parked,
    /// The very same entry is there already: nobody was asked.
    Same,
}

/// Why an endorser was not asked; nothing is parked then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It could not be kept, confirmed or not.
    #[error(transparent)]
    Entry(#[from] AddError),
    /// There are too many unanswered mails to this address, or there were in the last hour (S38).
    #[error("{email} was asked to confirm too many entries already; try again later")]
    TooMany {
        /// The address.
        email: crate::Email,
    },
    /// The mail was not taken (S18).
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Mail, or the public URL that links in it begin with, is not set up.
    #[error("confirmation by mail is not set up")]
    NotSetUp,
}

/// What somebody may do with an entry that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Have it kept.
    Confirm,
    /// Have it forgotten.
    Abort,
    /// Have it forgotten, and the administrator told.
    Abuse,
}

/// What a person is asked on the page that a link in a mail leads to: `web::action::page` shows it with a
/// button that sends `POST` to [`Question::path`], and nothing else in the form.
#[derive(Clone, Debug)]
pub struct Question {
    /// What the button does.
    pub action: Action,
    /// The entry that waits.
    pub key: EntryKey,
    /// Why its image is deprecated, if it is; may be empty (S33).
    pub deprecated: Option<String>,
    /// When it is forgotten.
    pub expires: Timestamp,
    /// Where the button posts to.
    pub path: String,
}

/// What was done, for `web::action::done`.
#[derive(Clone, Debug)]
pub struct Done {
    /// 200 or 201.
    pub status: StatusCode,
    /// What was done, in one line.
    pub message: String,
    /// The entry, if it is there now.
    pub entry: Option<EntryKey>,
}

/// Parks an entry and asks its endorser by mail, once it is with the mail server.
///
/// # Errors
/// [`AskError`]; nothing is parked then.
pub async fn ask(_marketplace: &Marketplace, _entry: &Verified<Metadata>) -> Result<Asked, AskError> {
    unimplemented!()
}

/// `/action/{uuid}/{confirm|abort|abuse}`.
pub fn routes() -> Router<Marketplace> {
    Router::new()
}

/// Forgets what was not confirmed in time, again and again; never returns. Every process may do it (S17).
pub async fn expire(_marketplace: Marketplace) {
    unimplemented!()
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Entry(error.into())
    }
}

impl From<AskError> for Problem {
    fn from(_error: AskError) -> Self {
        unimplemented!()
    }
}
