//! Fetching images: arguments, what is shown on the way, and what failures lead to.

use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use clap::{Args, ValueEnum};
use indicatif::HumanBytes;
use serde_json::{Map, Value, json};

use super::{
    Failure, Session, Status,
    image::checksums_value,
    network::{DOWNLOAD, NetworkArgs, retry_note},
    progress::Progress,
    reason, shown, verdict,
};
use crate::{
    download::{
        DownloadError, DownloadOptions, Event, Fallback, ImageError, LocationFailure, LocationProblem,
        Obtained, Origin,
    },
    location::LocationError,
    marketplace::Reference,
    remote::{RemoteError, RemoteOptions},
};

/// The options of commands that fetch images.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Download options")]
pub struct DownloadArgs {
    /// Parts of an image asked for at a time, where its server allows that; 16 at most [default: 4]
    #[arg(long, value_name = "N")]
    pub connections: Option<NonZeroUsize>,
    /// Threads that expand and compute checksums [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Ask and fetch nothing, and use what was said and fetched before: always (if no word follows), only
    /// if the Marketplace cannot be reached (auto), or never [default: auto]
    #[arg(
        long,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always",
        hide_possible_values = true
    )]
    pub offline: Option<Offline>,
}

/// When nobody is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Offline {
    /// The Marketplace has to answer.
    Never,
    /// If it cannot be reached.
    #[default]
    Auto,
    /// Always.
    Always,
}

impl From<Offline> for Fallback {
    fn from(offline: Offline) -> Self {
        match offline {
            Offline::Never => Self::Nothing,
            Offline::Auto | Offline::Always => Self::Remembered,
        }
    }
}

impl DownloadArgs {
    /// What these arguments, those of the network and the configuration ask for.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read.
    pub fn options(&self, network: &NetworkArgs, session: &Session) -> Result<DownloadOptions, Failure> {
        let default = DownloadOptions::default();
        let timeout = network.timeout.or(session.config()?.timeout).unwrap_or(default.remote.stall_timeout);
        let options = DownloadOptions {
            remote: RemoteOptions {
                connection: network.connection.options(session, timeout)?,
                stall_timeout: timeout,
                connections: self.connections.unwrap_or(default.remote.connections),
                ..default.remote
            },
            threads: self.threads.unwrap_or(default.threads),
        };
        let note = retry_note(session);
        Ok(options.on_retry(move |error, pause: Duration| note(error, pause)))
    }
}

/// Shows on the terminal what happens.
#[derive(Debug)]
pub struct Watch<'a> {
    session: &'a Session,
    bar: Mutex<Option<Progress>>,
}

impl<'a> Watch<'a> {
    /// For a session.
    pub const fn new(session: &'a Session) -> Self {
        Self { session, bar: Mutex::new(None) }
    }

    /// Shows something.
    pub fn see(&self, event: &Event<'_>) {
        let session = self.session;
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Bytes(bytes) => {
                if let Some(bar) = &*bar {
                    bar.advance(*bytes);
                }
            }
            Event::Begins { location, length, held } => {
                match held {
                    0 => session.detail(format_args!("fetching {location}")),
                    // It looks as if it went fast.
                    held => session.note(format_args!(
                        "an earlier transfer left {} of {location}; going on from there",
                        HumanBytes(*held)
                    )),
                }
                *bar = Some(Progress::bar(session, *length));
            }
            Event::Ends => *bar = None,
            Event::Failed { failure, more: true } => {
                session.warn(format_args!("{failure}; trying the next location"));
            }
            // It is the error that is told in the end.
            Event::Failed { .. } => {}
            Event::Discarded { location } => session.note(format_args!(
                "what an earlier transfer left is not the beginning of what is at {location}; beginning again"
            )),
            Event::Waiting => session.note("another process is fetching the image; waiting for it"),
            Event::Altered(path) => {
                session.warn(format_args!("the image in the cache was altered; it is now {}", shown(path)));
            }
            Event::Unreachable(error) => {
                session.warn(format_args!("{error}; using what the Marketplace said before"));
            }
            Event::Unkept(error) => session.warn(error),
        }
    }
}

/// A failure to have an image, but for a refusal by a policy.
impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Marketplace(error) => error.into(),
            ImageError::Download(error) => error.into(),
            ImageError::Cache(error) => error.into(),
            ImageError::Several { first, .. } => {
                Self::new(Status::Usage, error).with_hint(format_args!("name one of them, such as {first}"))
            }
            error @ ImageError::NotCached { .. } => {
                Self::new(Status::No, error).with_hint("without --offline it is fetched")
            }
            error => Self::new(Status::No, error),
        }
    }
}

impl From<DownloadError> for Failure {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Cache(error) => error.into(),
            DownloadError::Disk { path, cause } => {
                Self::new(Status::File, format_args!("cannot write {}: {}", shown(&path), reason(&cause)))
            }
            DownloadError::Failed(failures) => of_locations(failures),
            error => Self::new(Status::No, error),
        }
    }
}

/// The last failure is the one that is told; what was served wrongly anywhere is an answer, and so is that
/// there is nowhere to look. What a server does is an accident.
fn of_locations(mut failures: Vec<LocationFailure>) -> Failure {
    let count = failures.len();
    let is = |failure: &LocationFailure, what: fn(&LocationProblem) -> bool| what(&failure.problem);
    let accident = failures.iter().any(|it| is(it, |problem| matches!(problem, LocationProblem::Remote(_))));
    let wrong = failures.iter().any(|it| is(it, LocationProblem::is_wrong_content));
    let refused = |it: &&LocationFailure| is(it, |problem| matches!(problem, LocationProblem::NotAllowed));
    let refused: Vec<_> = failures.iter().filter(refused).map(|it| it.location.as_str()).collect();
    let not_allowed = if refused.is_empty() {
        String::new()
    } else {
        format!(", of which the policy does not allow {}", refused.join(", "))
    };
    // The earlier ones were told when the next was tried.
    let each = |it: &LocationFailure| json!({ "location": it.location, "problem": it.problem.to_string() });
    let all: Value = failures.iter().map(each).collect();
    let Some(last) = failures.pop() else { return Failure::new(Status::No, "there is no location") };
    let (text, in_bucket) = (last.to_string(), last.location.starts_with("s3:"));
    let fact = match count {
        1 => text,
        _ => format!(
            "the image could not be had from any of its {count} locations{not_allowed}; from the last: {text}"
        ),
    };
    let cause = match last.problem {
        LocationProblem::Remote(error) => of_remote(error, in_bucket),
        LocationProblem::Image(error) => Failure::from(error),
        problem => {
            let failure = Failure::new(Status::No, &problem);
            match hint(&problem) {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        }
    };
    let status = if accident && !wrong { Status::Network } else { Status::No };
    let failure = Failure::new(status, fact).with_detail("locations", all);
    match cause.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// The hints are for whoever has no say in where an image lies.
fn of_remote(error: RemoteError, in_bucket: bool) -> Failure {
    let hint = match &error {
        RemoteError::Refused { status, .. } => match status.as_u16() {
            401 | 403 if in_bucket => Some(KEYS),
            401 | 403 | 404 | 410 => Some(ADD),
            _ => None,
        },
        _ => None,
    };
    let failure = Failure::from(error);
    match (hint, failure.hint()) {
        (Some(hint), _) => failure.with_hint(hint),
        (None, Some(DOWNLOAD)) => failure.with_hint(ADD),
        _ => failure,
    }
}

/// What S3 goes by.
const KEYS: &str =
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say who asks; AWS_REGION and AWS_ENDPOINT_URL where";

/// What always helps.
const ADD: &str = "tell its endorser; 'stratus-cache add FILE' takes an image that was had in another way";

fn hint(problem: &LocationProblem) -> Option<&'static str> {
    match problem {
        LocationProblem::Location(LocationError::Pdisk { .. }) => {
            Some("an image that is to be fetched lies at a URL as well; ask its endorser for one")
        }
        LocationProblem::ForeignFile => {
            Some("save the entry and name it with --metadata-file if you trust what it says of this machine")
        }
        LocationProblem::NotAllowed => Some("locations in [policy] says where images may lie"),
        LocationProblem::Mismatch(_)
        | LocationProblem::Length { .. }
        | LocationProblem::TooLarge { .. }
        | LocationProblem::CompressedMismatch { .. } => {
            Some("whoever serves it has another image; tell its endorser")
        }
        _ => None,
    }
}

/// What is told of an image in JSON; `path` is where it is now.
pub fn fields(obtained: &Obtained, path: &Path) -> Map<String, Value> {
    let Obtained { image, entry, origin, .. } = obtained;
    let mut fields = verdict::entry_fields(entry);
    fields.insert("entry".to_owned(), Reference::of(entry).map(|entry| entry.to_string()).into());
    fields.insert("path".to_owned(), path.to_string_lossy().into());
    fields.insert("checksums".to_owned(), checksums_value(image.record.digests.checksums()));
    fields.insert("format".to_owned(), image.record.format.clone().into());
    fields.insert("virtual_size".to_owned(), image.record.virtual_size.into());
    fields.insert(
        "from".to_owned(),
        match origin {
            Origin::Cache => json!({ "cache": true, "location": image.record.from }),
            Origin::Location(location) => json!({ "cache": false, "location": location }),
        },
    );
    fields
}
