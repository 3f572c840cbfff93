//! Passwords from a prompt, a file or a descriptor. Their bytes are wiped after use.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::input::{self, name};
use super::interrupt::{self, TerminalGuard};
use super::{Failure, Session, Status, is_dash, shown, text};
use crate::Password;

/// The longest password read from a file, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 4096;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// No one can be asked.
    #[error("a password is needed and there is no terminal to ask for it")]
    NoTerminal,
    /// The prompt was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The prompt was left with the end of the file.
    #[error("no password was entered")]
    NotEntered,
    /// The terminal failed.
    #[error("cannot read a password from the terminal: {}", text::reason(error))]
    Terminal {
        /// The system's reason.
        error: io::Error,
    },
    /// The file could not be read.
    #[error("cannot read the password from {}: {}", name(path), text::reason(error))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file is something else.
    #[error("the password in {} is longer than {MAX_PASSWORD_BYTES} bytes", name(path))]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("the password in {} is not UTF-8 text", name(path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        let status = match error {
            PasswordError::Interrupted => Status::Interrupted,
            PasswordError::Read { .. } | PasswordError::TooLong { .. } | PasswordError::NotUtf8 { .. } => {
                Status::File
            }
            _ => Status::Credentials,
        };
        Self::new(status, error)
    }
}

/// Asks for a password on the controlling terminal, without echo; stdin may be something else.
///
/// # Errors
/// [`PasswordError`] if there is no terminal or the user leaves the prompt.
pub fn prompt(question: &str) -> Result<Password, PasswordError> {
    let guard = TerminalGuard::new().map_err(|_| PasswordError::NoTerminal)?;
    let answer = rpassword::prompt_password(text::clean(question));
    if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof) {
        interrupt::end_line();
    }
    drop(guard);
    answer.map(Password::new).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => PasswordError::Interrupted,
        ErrorKind::UnexpectedEof => PasswordError::NotEntered,
        _ => PasswordError::Terminal { error },
    })
}

/// The password in a file, without the line end after it; `-` is standard input, `/dev/fd/N` a
/// descriptor. Warns about a file others may read.
///
/// # Errors
/// [`PasswordError`] if it cannot be read or is no password.
pub fn from_file(session: &Session, path: &Path) -> Result<Password, PasswordError> {
    let failed = |error| PasswordError::Read { path: path.to_owned(), error };
    if is_dash(path) {
        return read(path, io::stdin().lock());
    }
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_file() && readable_by_others(&found) {
        session.warn(format_args!("{} holds a password and others may read it", shown(path)));
    }
    read(path, file)
}

/// Do the permissions let the group or everyone read?
pub(crate) fn readable_by_others(file: &std::fs::Metadata) -> bool {
    file.permissions().mode() & 0o044 != 0
}

fn read(path: &Path, source: impl Read) -> Result<Password, PasswordError> {
    // A line end may follow the longest password.
    let bytes = input::read_secret(source, MAX_PASSWORD_BYTES + 2)
        .map_err(|error| PasswordError::Read { path: path.to_owned(), error })?;
    let password = bytes.as_slice();
    let password =
        password.strip_suffix(b"\n").map_or(password, |line| line.strip_suffix(b"\r").unwrap_or(line));
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::TooLong { path: path.to_owned() });
    }
    match std::str::from_utf8(password) {
        Ok(password) => Ok(Password::new(password.to_owned())),
        Err(_) => Err(PasswordError::NotUtf8 { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<String, PasswordError> {
        read(Path::new("-"), bytes).map(|password| password.as_str().to_owned())
    }

    #[test]
    fn c22_one_line_end_is_removed_and_nothing_else() {
        assert_eq!(of(b"").unwrap(), "");
        assert_eq!(of(b"a b\n").unwrap(), "a b");
        assert_eq!(of(b"x\r\n").unwrap(), "x");
        assert_eq!(of(b" x\r").unwrap(), " x\r");
        assert_eq!(of(b"x\n\n").unwrap(), "x\n");
        assert_eq!(of("µ\n".as_bytes()).unwrap(), "µ");
    }

    #[test]
    fn what_is_no_password_is_refused() {
        assert!(matches!(of(b"\xff\n"), Err(PasswordError::NotUtf8 { .. })));
        assert!(of(&[b'x'; 4096]).is_ok());
        let mut longest = vec![b'x'; 4096];
        longest.extend(b"\r\n");
        assert_eq!(of(&longest).unwrap().len(), 4096);
        assert!(matches!(of(&[b'x'; 4097]), Err(PasswordError::TooLong { .. })));
        assert!(matches!(of(&[b'\n'; 9000]), Err(PasswordError::TooLong { .. })));
    }
}
