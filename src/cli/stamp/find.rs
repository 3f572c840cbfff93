//! Finding the time stamps of entries, and who is trusted to make them.

use std::{
    borrow::Cow,
    ffi::OsString,
    fs,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use clap::Args;

use super::beside;
use crate::{
    cli::{
        Failure, Session, Status,
        input::{self, InputError},
        is_dash,
    },
    trust::Anchors,
    tsp::MAX_STAMP_BYTES,
    validate::GivenStamp,
};

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
pub(in crate::cli) enum FoundStamp<'a> {
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
                .with_hint(
                "name a file with the CA certificates of some with --tsa-ca-file, or in [trust] with tsa_ca_file",
            ));
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
    pub(in crate::cli) fn of(&self, file: &Path, in_list: bool) -> Result<FoundStamp<'_>, Failure> {
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
    pub(in crate::cli) fn given(&self) -> GivenStamp<'_> {
        match self {
            Self::Nowhere => GivenStamp::Nowhere,
            Self::Missing(path) => GivenStamp::Missing(path),
            Self::Bytes(bytes) => GivenStamp::Found(bytes),
        }
    }
}
