//! Entries that their endorsers confirm by mail before they are kept (behaviour 1.11).
//!
//! ```text
//! upload -> ask: park, mail -> 202      mail gone -> forget -> 503
//! link in the mail -> GET: a page with a button -> POST: judge again, keep, forget -> 201
//! ```
//!
//! Who uploads says whom the mail goes to. So nothing in it can be chosen by the uploader but an identifier and
//! a date (M11), there are few mails to one address (S38), and its links are of the configured public URL (S37).

mod action;
mod letter;
mod token;

use std::time::Duration;

use axum::{Router, http::StatusCode};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Email, Metadata, Timestamp, dsig::Verified};

use super::{
    key::EntryKey,
    mail::{Letter, MailError},
    marketplace::Marketplace,
    problem::Problem,
    selection::{From, Selection, Status, Window},
    settings::PublicUrl,
    store::{AddError, NewEntry, Parked, StoreError},
};

use token::Token;

/// The most entries that wait for the holder of one address.
pub const MAX_WAITING: u32 = 20;
/// The most mails that one address is sent in one hour of the clock.
pub const MAX_MAILS_PER_HOUR: u64 = 20;
/// The most mails that are sent in one hour of the clock, to whomever.
pub const MAX_ALL_MAILS_PER_HOUR: u64 = 2000;

/// The most bytes of entries that wait, all together: anyone may send any number of them.
pub const MAX_WAITING_BYTES: u64 = 1 << 30;

/// How often is looked for what was not confirmed in time.
const EXPIRE_EVERY: Duration = Duration::from_mins(10);

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
    /// There are too many unanswered mails to this address, or there were in this hour (S38).
    #[error("{email} was asked to confirm too many entries already; try again later")]
    TooMany {
        /// The address.
        email: Email,
        /// Seconds after which there may be fewer.
        retry_after: u32,
    },
    /// There were too many mails in this hour.
    #[error("too many confirmations were asked for; try again later")]
    TooManyOfAll {
        /// Seconds after which the next hour begins.
        retry_after: u32,
    },
    /// The mail was not taken (S18).
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Mail, or the public URL that links in it begin with, is not set up.
    #[error("confirmation by mail is not set up")]
    NotSetUp,
    /// There is no random number to be had.
    #[error("confirmation by mail does not work now")]
    Random(#[from] openssl::error::ErrorStack),
}

/// `/action/{uuid}/{confirm|abort|abuse}`.
pub fn routes() -> Router<Marketplace> {
    action::routes()
}

/// Parks an entry and asks its endorser by mail; when this returns, the mail is with the mail server.
///
/// The same entry twice is two mails, each of which confirms it.
///
/// # Errors
/// [`AskError`]; nothing is parked then.
pub async fn ask(marketplace: &Marketplace, entry: &Verified<Metadata>) -> Result<Asked, AskError> {
    let (marketplace, entry) = (marketplace.clone(), entry.clone());
    // Uploaders who hang up must not leave behind what waits for a mail that was never sent.
    let asking = tokio::spawn(async move { ask_now(&marketplace, &entry).await });
    asking.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an endorser could not be asked");
        Err(AskError::NotSetUp)
    })
}

async fn ask_now(marketplace: &Marketplace, entry: &Verified<Metadata>) -> Result<Asked, AskError> {
    let settings = marketplace.settings();
    let (Ok(Some(mailer)), Some(public_url), Some(confirmation)) =
        (marketplace.mailer(), &settings.public_url, &settings.confirmation)
    else {
        return Err(AskError::NotSetUp);
    };
    let now = marketplace.now();
    let NewEntry { metadata, document, key } = NewEntry::new(entry).ok_or(AskError::NotSetUp)?;
    if is_there(marketplace, &key, &document, now).await? {
        return Ok(Asked::Same);
    }
    let waiting = marketplace.store().parked_bytes(now).await?;
    if waiting.saturating_add(document.len() as u64) > MAX_WAITING_BYTES {
        tracing::warn!(waiting, "entries that wait to be confirmed have too many bytes");
        return Err(AskError::TooManyOfAll { retry_after: 3600 });
    }
    check_mail_rate(marketplace, &key.email, now).await?;
    let expires = i64::try_from(confirmation.expires.as_secs()).unwrap_or(i64::MAX);
    let expires =
        Timestamp::from_unix_seconds(now.unix_seconds().saturating_add(expires)).ok_or(AskError::NotSetUp)?;
    let token = Token::random()?;
    let letter = letter::Confirm {
        base: &base(public_url),
        key: &key,
        deprecating: metadata.deprecated.is_some(),
        token: &token.reveal(),
        expires,
    };
    let letter = Letter::new(letter::SUBJECT, &letter)?;
    let parked = Parked { key, document, expires };
    let hash = token.sha256();
    if !marketplace.store().park(&hash, &parked, MAX_WAITING, now).await? {
        return Err(AskError::TooMany { email: parked.key.email, retry_after: 3600 });
    }
    let key = parked.key;
    if let Err(error) = mailer.send(&key.email, letter).await {
        tracing::warn!(%key, %error, cause = error.cause(), "the endorser cannot be asked to confirm");
        // If this fails too, nobody has the token, and it expires.
        let sent = matches!(error, MailError::Refused { .. });
        if let Err(error) = take_back(marketplace, &hash, &key.email, sent, now).await {
            tracing::error!(%key, %error, "what cannot be confirmed stays until it expires");
        }
        return Err(error.into());
    }
    tracing::info!(%key, "the endorser was asked to confirm");
    Ok(Asked::Parked)
}

/// Whether the entry is there already. Who cannot have it kept is told at once, and not by a mail that cannot
/// be answered; what is decided here is decided again when it is confirmed (S13).
async fn is_there(
    marketplace: &Marketplace,
    key: &EntryKey,
    document: &[u8],
    now: Timestamp,
) -> Result<bool, AskError> {
    if let Some(there) = marketplace.store().document(key, now).await? {
        return if there.bytes == document { Ok(true) } else { Err(AddError::Differs.into()) };
    }
    let selection = Selection {
        identifier: Some(key.identifier),
        email: Some(key.email.clone()),
        status: Status::All,
        ..Selection::default()
    };
    let window = Window { from: From::Offset(0), length: 1 };
    let newest = marketplace.store().list(&selection, &window, now).await?.entries.pop();
    match newest.map(|newest| newest.key.created) {
        Some(newest) if newest > key.created => Err(AddError::Older { newest }.into()),
        _ => Ok(false),
    }
}

/// Under what mails are counted: all of them, and those to one address. Mail servers tell no upper-case letters
/// from lower-case ones, as a rule.
fn counted(email: &Email) -> (&'static str, String) {
    ("mail", format!("mail to {}", email.as_str().to_ascii_lowercase()))
}

/// Counts a mail, in whichever process it is sent (S38).
async fn check_mail_rate(marketplace: &Marketplace, email: &Email, now: Timestamp) -> Result<(), AskError> {
    let retry_after = u32::try_from(3600 - now.unix_seconds().rem_euclid(3600)).unwrap_or(3600);
    let (all, address) = counted(email);
    if marketplace.store().tally(&address, now).await? > MAX_MAILS_PER_HOUR {
        return Err(AskError::TooMany { email: email.clone(), retry_after });
    }
    if marketplace.store().tally(all, now).await? > MAX_ALL_MAILS_PER_HOUR {
        tracing::warn!("confirmation mails are held back: more than {MAX_ALL_MAILS_PER_HOUR} in an hour");
        return Err(AskError::TooManyOfAll { retry_after });
    }
    Ok(())
}

/// The mail server took nothing: the entry is forgotten, and the mail was none, unless it was `sent` and refused:
/// that costs the server's reputation.
async fn take_back(
    marketplace: &Marketplace,
    token: &[u8; 32],
    email: &Email,
    sent: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    marketplace.store().forget(token).await?;
    if sent {
        return Ok(());
    }
    let (all, address) = counted(email);
    marketplace.store().untally(&address, now).await?;
    marketplace.store().untally(all, now).await
}

/// What links in mails begin with (S37).
pub(in crate::server) fn base(url: &PublicUrl) -> String {
    format!("{}{}", url.origin, url.prefix)
}

/// Forgets what was not confirmed in time, again and again; never returns. Every process may do it (S17).
pub async fn expire(marketplace: Marketplace) {
    let mut ticks = interval(EXPIRE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match marketplace.store().forget_expired(marketplace.now()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "entries were not confirmed in time"),
            Err(error) => tracing::warn!(%error, "what was not confirmed in time is not forgotten yet"),
        }
    }
}

impl std::convert::From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Entry(error.into())
    }
}

impl std::convert::From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        let message = error.to_string();
        let (status, retry_after) = match error {
            AskError::Entry(AddError::Store(error)) => return error.into(),
            AskError::Entry(error) => return Self::bad_request(format!("invalid metadata: {error}")),
            AskError::Mail(MailError::Address { .. }) => {
                return Self::bad_request(format!("invalid metadata: {message}"));
            }
            AskError::TooMany { retry_after, .. } | AskError::TooManyOfAll { retry_after } => {
                (StatusCode::TOO_MANY_REQUESTS, Some(retry_after))
            }
            // Trying again brings the same refusal.
            AskError::Mail(MailError::Refused { .. }) | AskError::NotSetUp => {
                (StatusCode::SERVICE_UNAVAILABLE, None)
            }
            AskError::Mail(MailError::Unavailable { .. }) | AskError::Random(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(60))
            }
        };
        Self { retry_after, ..Self::new(status, message) }
    }
}
