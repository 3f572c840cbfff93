//! Time stamps beside entries: asking for them, and the files they are kept in.

use std::{
    borrow::Cow,
    ffi::OsString,
    fs,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Failure, Session, Status,
    input::{self, InputError},
    is_dash,
    network::{ConnectionArgs, retry_note},
    output::{self, Prepared},
    shown, verdict,
};
use crate::{
    Metadata, config,
    dsig::Verified,
    http::HttpUrl,
    trust::Anchors,
    tsp::{Client, ClientOptions, MAX_STAMP_BYTES, Request, Token},
    validate::GivenStamp,
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

/// Where the time stamp of an entry is kept: `FILE.tsr`, beside what FILE is a link to.
pub fn beside(entry: &Path) -> PathBuf {
    let is_link = fs::symlink_metadata(entry).is_ok_and(|found| found.is_symlink());
    let place = if is_link { fs::canonicalize(entry).ok() } else { None };
    let mut name = OsString::from(place.unwrap_or_else(|| entry.to_owned()));
    name.push(".tsr");
    name.into()
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
    let request = Request::random(&entry.evidence().signature_value)
        .map_err(|error| Failure::new(Status::Credentials, error))?;
    let (answer, token) = authority.stamp(&request)?;
    let prepared = output::prepare(&path, &answer, true)?;
    Ok(Companion { path, fresh: Some((token, prepared)) })
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
        let mut fields = json!({ "file": path.to_string_lossy() });
        if let Value::Object(fields) = &mut fields {
            fields.extend(token_fields(&token));
        }
        Ok(Map::from_iter([("timestamp".to_owned(), fields)]))
    }
}

/// What the commands say of a time stamp in JSON.
pub(super) fn token_fields(token: &Token) -> Map<String, Value> {
    Map::from_iter([
        ("time".to_owned(), token.time.to_string().into()),
        ("latest".to_owned(), token.latest.to_string().into()),
        ("serial".to_owned(), token.serial.clone().into()),
        ("policy".to_owned(), token.policy.clone().into()),
        ("tsa".to_owned(), verdict::certificate(&token.tsa)),
    ])
}

/// The options of commands that judge time stamps.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Time stamp options")]
pub struct StampArgs {
    /// Trust the time stamps of authorities below the CA certificates in this PEM file, and heed its CRLs
    #[arg(long, value_name = "FILE")]
    pub tsa_ca_file: Vec<PathBuf>,
    /// Read the time stamp of a single FILE from here and not from FILE.tsr
    #[arg(long, value_name = "FILE")]
    pub timestamp_file: Option<PathBuf>,
}

/// Where time stamps are looked for, and who is trusted to make them.
#[derive(Debug, Default)]
pub struct Stamps {
    anchors: Option<Anchors>,
    named: Option<Vec<u8>>,
}

/// The time stamp of an entry, as far as there is one.
#[derive(Debug)]
pub(super) enum FoundStamp<'a> {
    Nowhere,
    Missing(PathBuf),
    Bytes(Cow<'a, [u8]>),
}

impl StampArgs {
    /// What these arguments and the configuration say for these inputs.
    ///
    /// # Errors
    /// [`Failure`] if time stamps are `required` or named and nobody is trusted to make them, or a file
    /// cannot be used.
    pub fn stamps(&self, files: &[PathBuf], required: bool, session: &Session) -> Result<Stamps, Failure> {
        let configured = session.config()?.trust.tsa_ca_file.as_slice();
        let trusted = if self.tsa_ca_file.is_empty() { configured } else { &self.tsa_ca_file };
        if trusted.is_empty() && (required || self.timestamp_file.is_some()) {
            return Err(Failure::new(Status::Usage, "no time-stamp authority is trusted")
                .with_hint("name a file with the CA certificates of some with --tsa-ca-file"));
        }
        if self.timestamp_file.is_some() && files.len() > 1 {
            return Err(Failure::new(Status::Usage, "one time stamp cannot be that of several files")
                .with_hint("check the files one by one, or each with FILE.tsr beside it"));
        }
        input::check_once(files.iter().chain(&self.timestamp_file))?;
        let named = match &self.timestamp_file {
            Some(path) => Some(read(path, input::open(path)?)?),
            None => None,
        };
        let mut anchors = (!trusted.is_empty()).then(Anchors::new);
        if let Some(anchors) = &mut anchors {
            for path in trusted {
                anchors.add_pem_file(path)?;
                if holds_crl(path) {
                    anchors.add_crl_file(path)?;
                }
            }
        }
        Ok(Stamps { anchors, named })
    }
}

/// Whether there is a CRL in a PEM file that has been read once.
fn holds_crl(path: &Path) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----";
    fs::read(path).is_ok_and(|bytes| bytes.windows(BEGIN.len()).any(|window| window == BEGIN))
}

impl Stamps {
    /// Who is trusted to make time stamps; nobody cares for them if there is nobody.
    pub fn anchors(&self) -> Option<&Anchors> {
        self.anchors.as_ref()
    }

    /// The time stamp of the entry in `file`, or of one in the list there.
    ///
    /// # Errors
    /// [`Failure`] if there is one that cannot be read.
    pub(super) fn of(&self, file: &Path, in_list: bool) -> Result<FoundStamp<'_>, Failure> {
        if let Some(named) = &self.named {
            return Ok(FoundStamp::Bytes(Cow::Borrowed(named)));
        }
        if self.anchors.is_none() || in_list || is_dash(file) {
            return Ok(FoundStamp::Nowhere);
        }
        // Beside the link or beside what it is one to.
        let mut name = OsString::from(file);
        name.push(".tsr");
        let mut path = PathBuf::from(name);
        if fs::symlink_metadata(&path).is_err() {
            path = beside(file);
        }
        let failed = |error| InputError::Read { path: path.clone(), error };
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(FoundStamp::Missing(path)),
            Err(error) => Err(failed(error).into()),
            // Opening a FIFO that nobody named would block.
            Ok(found) if !found.is_file() => {
                Err(failed(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")).into())
            }
            Ok(_) => Ok(FoundStamp::Bytes(read(&path, input::open(&path)?)?.into())),
        }
    }
}

/// As much of a time stamp as tells that it is too long.
fn read(path: &Path, input: impl Read) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    match input.take(MAX_STAMP_BYTES as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(InputError::Read { path: path.to_owned(), error }),
    }
}

impl FoundStamp<'_> {
    pub(super) fn given(&self) -> GivenStamp<'_> {
        match self {
            Self::Nowhere => GivenStamp::Nowhere,
            Self::Missing(path) => GivenStamp::Missing(path),
            Self::Bytes(bytes) => GivenStamp::Found(bytes),
        }
    }
}
