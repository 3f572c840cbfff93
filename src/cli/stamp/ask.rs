//! Asking for time stamps and keeping them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde_json::{Map, Value};

use super::{beside, token_fields};
use crate::{
    Metadata, Timestamp,
    cli::{
        Failure, Session, Status, is_dash,
        network::{ConnectionArgs, retry_note},
        output::{self, Prepared},
        shown,
    },
    config,
    dsig::Verified,
    http::{HttpUrl, first_reason},
    tsp::{Client, ClientOptions, Request, StampError, Token},
};

/// The options of commands that ask for time stamps.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network options")]
pub struct TimestampArgs {
    /// Keep a time stamp of the signature by this authority (RFC 3161) as FILE.tsr beside the signed entry
    // A text here and parsed below: clap would repeat a password in it.
    #[arg(long, value_name = "URL", overrides_with = "no_timestamp")]
    pub timestamp: Option<String>,
    /// Ask for no time stamp, whatever the configuration says
    #[arg(long, overrides_with = "timestamp")]
    pub no_timestamp: bool,
    /// Give up on a time stamp after this time, retries included [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = config::timeout)]
    pub timeout: Option<Duration>,
    /// How the authority is connected to.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

impl TimestampArgs {
    /// A client for the authority that these arguments or the configuration name, if any, and a
    /// warning about it.
    ///
    /// # Errors
    /// A [`Failure`] if its URL is none, or certificates cannot be used.
    pub fn client(&self, session: &Session) -> Result<Option<Client>, Failure> {
        let config = session.config()?;
        let configured = config.timestamp_url.as_deref().filter(|_| !self.no_timestamp);
        let Some(url) = self.timestamp.as_deref().or(configured) else { return Ok(None) };
        let url: HttpUrl =
            url.parse().map_err(|error| Failure::new(Status::Usage, error).about("time-stamp authority"))?;
        let default = ClientOptions::default();
        let total_timeout = self.timeout.or(config.timeout).unwrap_or(default.total_timeout);
        let connection = self.connection.options(session, total_timeout)?;
        let client = Client::new(url, ClientOptions { connection, total_timeout, ..default })?;
        let note = retry_note(session);
        Ok(Some(client.on_retry(move |error, pause| note(error, pause))))
    }
}

/// Whether time stamps, if they are asked for, have something to lie beside.
///
/// # Errors
/// [`Failure`] if the output is no file.
pub fn check_places(authority: Option<&Client>, output: Option<&Path>) -> Result<(), Failure> {
    let Some(output) = output.filter(|_| authority.is_some()) else { return Ok(()) };
    let fact = if is_dash(output) {
        "a time stamp cannot be kept beside standard output".to_owned()
    } else if fs::metadata(output).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        format!("a time stamp cannot be kept beside {}: it is not a regular file", shown(output))
    } else {
        return Ok(());
    };
    Err(Failure::new(Status::Usage, fact)
        .with_hint("write the entry to a file, or ask for no time stamp with --no-timestamp"))
}

/// What becomes of the time stamp beside an entry once that is signed.
pub struct Companion {
    path: PathBuf,
    fresh: Option<(Token, Prepared)>,
}

/// Asks for a time stamp of an entry that will be written to `place`, if there is someone to ask.
///
/// # Errors
/// [`Failure`] if there is none to be had, or it cannot be written.
pub fn ask(
    authority: Option<&Client>,
    entry: &Verified<Metadata>,
    place: &Path,
    session: &Session,
) -> Result<Companion, Failure> {
    let path = beside(place);
    let Some(authority) = authority else { return Ok(Companion { path, fresh: None }) };
    session.detail(format_args!("asking {} for a time stamp", authority.url()));
    let request = Request::random(&entry.evidence().signature_value).map_err(|error| {
        Failure::new(
            Status::Network,
            format_args!("no random number for a time stamp: {}", first_reason(&error)),
        )
    })?;
    let (answer, token) = authority.stamp(&request)?;
    check(&token, entry)?;
    let prepared = output::prepare(&path, &answer, true)?;
    Ok(Companion { path, fresh: Some((token, prepared)) })
}

/// What is plain already: that nobody would accept this time stamp of this entry.
fn check(token: &Token, entry: &Verified<Metadata>) -> Result<(), Failure> {
    let clocks = "compare the clocks of this machine and of the authority";
    let wrong = |error: StampError| match error {
        StampError::EndorserNotValid { .. } => Failure::new(Status::Credentials, error),
        error => Failure::new(Status::Network, error).with_hint(clocks),
    };
    let now = Timestamp::now();
    match &entry.endorsement {
        Some(endorsement) => token.check(endorsement.created, entry.certificate(), now).map_err(wrong),
        // What is verified is endorsed.
        None => Ok(()),
    }
}

impl Companion {
    /// Puts the time stamp in its place once the entry is in its own; one that was there is of an
    /// earlier signature, and stays, with a warning, if there is none to replace it. What to add to the
    /// JSON object of the entry.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be put there.
    pub fn keep(self, session: &Session) -> Result<Map<String, Value>, Failure> {
        let path = self.path;
        let Some((token, prepared)) = self.fresh else {
            if fs::symlink_metadata(&path).is_ok() {
                session.warn(format_args!(
                    "{} is the time stamp of an earlier signature: remove it, or sign with --timestamp",
                    shown(&path)
                ));
            }
            return Ok(Map::new());
        };
        prepared.put().map_err(|error| {
            Failure::from(error)
                .with_hint("the entry is signed, but has no time stamp; sign it again to get one")
        })?;
        session.detail(format_args!(
            "time stamp of {} by {} kept as {}",
            token.time,
            token.tsa.subject(),
            shown(&path)
        ));
        let mut fields = Map::from_iter([("file".to_owned(), path.to_string_lossy().into())]);
        fields.extend(token_fields(&token));
        Ok(Map::from_iter([("timestamp".to_owned(), fields.into())]))
    }
}
