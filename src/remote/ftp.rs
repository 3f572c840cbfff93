//! Images on FTP servers (RFC 959, RFC 3659), read as they arrive: in binary, over a passive connection to
//! the server itself, as nobody in particular.

mod url;

use std::{
    fmt,
    io::{self, Read},
    net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use serde_json::{Value, json};
use suppaftp::{
    FtpError, FtpResult, FtpStream, Mode, Status, TlsStream, TransferStream,
    types::{FileType, Response},
};

use super::{RemoteError, RemoteOptions};
use crate::http::printable;

pub use url::{FtpUrl, FtpUrlError};

/// Who anyone may be (RFC 1635).
const ANONYMOUS: &str = "anonymous";

/// Why an image on an FTP server cannot be read, or not to its end. Each message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FtpFailure {
    /// No connection.
    #[error("cannot connect to {url}: {cause}")]
    Connect {
        /// What was asked for.
        url: String,
        /// The system's word.
        cause: String,
    },
    /// Nothing came for too long.
    #[error("{url} gave no data within {} s", .limit.as_secs_f32())]
    Timeout {
        /// What was asked for.
        url: String,
        /// The time allowed.
        limit: Duration,
    },
    /// The server answered, and its answer is no.
    #[error("{url} answers {reply}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Its reply, in one printable line.
        reply: String,
        /// Whether it may answer otherwise later (RFC 959 §4.2.1: 4yz).
        transient: bool,
    },
    /// What came is not FTP.
    #[error("{url} does not answer in FTP: {cause}")]
    NotFtp {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A connection ended within the transfer.
    #[error("{url} closed the connection half-way: {cause}")]
    ClosedHalfWay {
        /// What was asked for.
        url: String,
        /// How it ended.
        cause: String,
    },
    /// More came than there is.
    #[error("{url} states {stated} bytes and sends more")]
    Length {
        /// What was asked for.
        url: String,
        /// Its length in bytes.
        stated: u64,
    },
    /// Another file than the one whose beginning was read.
    #[error("{url} changed while it was read: it was {before} and is {after}")]
    Changed {
        /// What was asked for.
        url: String,
        /// What was being read.
        before: FtpVersion,
        /// What is there now.
        after: FtpVersion,
    },
    /// Interrupted, and nothing tells whether the rest would belong to what was read.
    #[error("{cause}; without its size and time of change, the rest cannot be asked for")]
    NotResumable {
        /// What interrupted it.
        cause: Box<Self>,
    },
}

impl FtpFailure {
    /// Whether the same may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::ClosedHalfWay { .. } => true,
            Self::Refused { transient, .. } => *transient,
            _ => false,
        }
    }
}

/// What a server tells of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FtpVersion {
    /// Bytes (RFC 3659 §4).
    size: Option<u64>,
    /// When it was changed (RFC 3659 §3).
    modified: Option<String>,
}

impl fmt::Display for FtpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.size, &self.modified) {
            (Some(size), Some(modified)) => write!(f, "{size} bytes of {modified}"),
            (Some(size), None) => write!(f, "{size} bytes"),
            (None, Some(modified)) => write!(f, "of {modified}"),
            (None, None) => f.write_str("of unknown version"),
        }
    }
}

/// An image being fetched; errors of [`Read`] hold a [`RemoteError`].
pub struct FtpImage {
    url: FtpUrl,
    options: RemoteOptions,
    version: FtpVersion,
    /// Bytes handed out, or held before.
    position: u64,
    failures: u32,
    state: State,
}

enum State {
    Open { control: FtpStream, data: Box<dyn Transfer> },
    Ended,
    Failed,
}

/// The data of a file, and the server's word that they are all.
trait Transfer: Read + Send {
    fn finish(self: Box<Self>) -> FtpResult<()>;
}

impl<T: TlsStream + Send> Transfer for TransferStream<T> {
    fn finish(self: Box<Self>) -> FtpResult<()> {
        TransferStream::finish(*self)
    }
}

/// What is left of data that were read to their end.
struct Finished;

impl Read for Finished {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Transfer for Finished {
    fn finish(self: Box<Self>) -> FtpResult<()> {
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Self::Open { control, .. } = self {
            // Or the data, when they are dropped, would wait for the server's word.
            let _ = control.get_ref().shutdown(Shutdown::Both);
        }
    }
}

impl FtpImage {
    /// Asks for the image at `url`, and again after transient failures. Where `held`, of an earlier
    /// [`FtpImage::held`], is still what is there, it begins after so many bytes;
    /// [`FtpImage::position`] tells.
    ///
    /// # Errors
    /// [`RemoteError::Ftp`] if it cannot be had.
    pub fn open(
        url: &FtpUrl,
        options: RemoteOptions,
        held: Option<(&Value, u64)>,
    ) -> Result<Self, RemoteError> {
        let held = held.and_then(|(held, bytes)| Some((FtpVersion::read(held)?, bytes)));
        let (version, position) = held.unwrap_or_default();
        let complete = position > 0 && version.size == Some(position);
        let state = if complete { State::Ended } else { State::Failed };
        let mut image = Self { url: url.clone(), options, version, position, failures: 0, state };
        if !complete {
            image.go_on(true)?;
        }
        Ok(image)
    }

    /// Its length in bytes, if the server tells.
    pub const fn length(&self) -> Option<u64> {
        self.version.size
    }

    /// Bytes of the file before what is read next.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// What a later transfer needs to go on where this one breaks off; `None` if nothing would prove to it
    /// that the file is still the same.
    pub fn held(&self) -> Option<Value> {
        let FtpVersion { size: Some(size), modified: Some(modified) } = &self.version else { return None };
        Some(json!({ "size": size, "modified": modified }))
    }

    /// Asks for the rest until it comes; for all of it if it `may_restart` and what was begun is no more.
    fn go_on(&mut self, may_restart: bool) -> Result<(), RemoteError> {
        loop {
            match self.ask() {
                Ok(()) => return Ok(()),
                Err(FtpFailure::Changed { .. }) if may_restart => {
                    (self.position, self.version) = (0, FtpVersion::default());
                }
                Err(failure) => self.options.pause(failure, &mut self.failures)?,
            }
        }
    }

    fn ask(&mut self) -> Result<(), FtpFailure> {
        let mut control = self.connect()?;
        let told = |error: FtpError| self.failure(error);
        control.login(ANONYMOUS, ANONYMOUS).map_err(told)?;
        control.transfer_type(FileType::Binary).map_err(told)?;
        let path = self.url.path();
        // What a server does not know, it refuses.
        let after = FtpVersion {
            size: told_if_known(control.size(path)).map_err(told)?.and_then(|size| size.try_into().ok()),
            modified: told_if_known(control.mdtm(path)).map_err(told)?.map(|time| format!("{time} UTC")),
        };
        if self.position > 0 && after != self.version {
            let before = self.version.clone();
            return Err(FtpFailure::Changed { url: self.url.to_string(), before, after });
        }
        let data = self.transfer(&mut control)?;
        self.version = after;
        self.state = State::Open { control, data };
        Ok(())
    }

    /// The address is the server's own whatever it says: a data connection leads nowhere else.
    fn transfer(&self, control: &mut FtpStream) -> Result<Box<dyn Transfer>, FtpFailure> {
        let offset = usize::try_from(self.position).unwrap_or(usize::MAX);
        let mut ask = |mode| {
            control.set_passive_nat_workaround(true);
            control.set_mode(mode);
            control.resume_transfer(offset)?;
            Ok(Box::new(control.retr_as_stream(self.url.path())?) as Box<dyn Transfer>)
        };
        let data = match ask(Mode::ExtendedPassive) {
            // RFC 2428 is not known everywhere.
            Err(FtpError::UnexpectedResponse(Response {
                status: Status::BadCommand | Status::BadArguments | Status::NotImplemented,
                ..
            })) => ask(Mode::Passive),
            data => data,
        };
        data.map_err(|error| self.failure(error))
    }

    fn connect(&self) -> Result<FtpStream, FtpFailure> {
        let timeouts = (self.options.connection.connect_timeout, self.options.stall_timeout);
        let url = || self.url.to_string();
        let failed = |error: io::Error| FtpFailure::Connect { url: url(), cause: system(&error) };
        let addresses = (self.url.host(), self.url.port()).to_socket_addrs().map_err(failed)?;
        let mut cause: io::Error = io::ErrorKind::HostUnreachable.into();
        for address in addresses {
            match connected(address, timeouts) {
                Ok(stream) => {
                    let control = FtpStream::connect_with_stream(stream);
                    let control = control.map_err(|error| self.failure(error))?;
                    let data = move |address| connected(address, timeouts).map_err(FtpError::ConnectionError);
                    return Ok(control.passive_stream_builder(data));
                }
                Err(error) => cause = error,
            }
        }
        Err(failed(cause))
    }

    fn failure(&self, error: FtpError) -> FtpFailure {
        let url = self.url.to_string();
        match error {
            FtpError::ConnectionError(error) => self.interrupted(&error),
            FtpError::UnexpectedResponse(Response { status, body }) => {
                let text = printable(&String::from_utf8_lossy(&body));
                let code = status.code().to_string();
                let reply = if text.starts_with(&code) { text } else { format!("{code} {text}") };
                FtpFailure::Refused { url, reply, transient: (400..500).contains(&status.code()) }
            }
            error => FtpFailure::NotFtp { url, cause: printable(&error.to_string()) },
        }
    }

    fn interrupted(&self, error: &io::Error) -> FtpFailure {
        let url = self.url.to_string();
        match error.kind() {
            // What a socket says when its time is over (socket(7)).
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                FtpFailure::Timeout { url, limit: self.options.stall_timeout }
            }
            io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable => {
                FtpFailure::Connect { url, cause: system(error) }
            }
            _ => FtpFailure::ClosedHalfWay { url, cause: system(error) },
        }
    }

    fn advance(&mut self, into: &mut [u8]) -> Result<usize, RemoteError> {
        loop {
            let data = match &mut self.state {
                State::Open { data, .. } => data,
                State::Ended => return Ok(0),
                State::Failed => return Err(RemoteError::Unfinished { url: self.url.to_string() }),
            };
            let cause = match data.read(into) {
                Ok(0) => match self.end()? {
                    None => return Ok(0),
                    Some(cause) => cause,
                },
                Ok(count) => {
                    self.position += count as u64;
                    self.failures = 0;
                    return match self.version.size {
                        Some(stated) if self.position > stated => {
                            Err(FtpFailure::Length { url: self.url.to_string(), stated }.into())
                        }
                        _ => Ok(count),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => self.interrupted(&error),
            };
            // Closes both connections.
            self.state = State::Failed;
            if self.position > 0 && self.held().is_none() {
                return Err(FtpFailure::NotResumable { cause: Box::new(cause) }.into());
            }
            self.options.pause(cause, &mut self.failures)?;
            self.go_on(false)?;
        }
    }

    /// The data have ended: all of them if that is their stated number, or else if the server says so.
    fn end(&mut self) -> Result<Option<FtpFailure>, RemoteError> {
        let State::Open { data, .. } = &mut self.state else { return Ok(None) };
        let said = std::mem::replace(data, Box::new(Finished)).finish();
        let said = said.map_err(|error| self.failure(error));
        self.state = State::Ended;
        match (self.version.size, said) {
            (Some(size), _) if size == self.position => Ok(None),
            (None, Ok(())) => Ok(None),
            (_, Err(failure)) if !failure.is_transient() => Err(failure.into()),
            (_, Err(failure)) => Ok(Some(failure)),
            (Some(_), Ok(())) => {
                let cause = "the file ends before its stated length".to_owned();
                Ok(Some(FtpFailure::ClosedHalfWay { url: self.url.to_string(), cause }))
            }
        }
    }
}

impl FtpVersion {
    fn read(held: &Value) -> Option<Self> {
        let size = Some(held.get("size")?.as_u64()?);
        Some(Self { size, modified: Some(held.get("modified")?.as_str()?.to_owned()) })
    }
}

impl Read for FtpImage {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        self.advance(into).map_err(|error| {
            self.state = State::Failed;
            io::Error::other(error)
        })
    }
}

impl fmt::Debug for FtpImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpImage")
            .field("url", &self.url)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// A connection on which nothing waits longer than allowed.
fn connected(address: SocketAddr, (connect, stall): (Duration, Duration)) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, connect)?;
    stream.set_read_timeout(Some(stall))?;
    stream.set_write_timeout(Some(stall))?;
    Ok(stream)
}

/// What a server tells; `None` if it does not know the command, or does not apply it to this file.
fn told_if_known<T>(answer: Result<T, FtpError>) -> Result<Option<T>, FtpError> {
    match answer {
        Ok(told) => Ok(Some(told)),
        Err(FtpError::UnexpectedResponse(Response { status, .. })) if status.code() >= 500 => Ok(None),
        Err(FtpError::BadResponse) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The system's word, without its number.
fn system(error: &io::Error) -> String {
    printable(error.to_string().split(" (os error ").next().unwrap_or_default())
}
