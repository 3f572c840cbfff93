//! What can be wrong with a configuration file.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{MAX_CONFIG_BYTES, PolicyConfig};
use crate::cli::{Failure, Status, reason, shown};
use crate::credentials::token::UriError;
use crate::http::HttpUrlError;
use crate::policy::LocationPrefixError;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", shown(&self.path), self.line)
    }
}

/// Why there is no configuration. No message holds a value of a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The system refused.
    #[error("cannot read the configuration file {}: {}", shown(path), reason(error))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// This is something else.
    #[error("the configuration file {} is larger than {} KiB", shown(path), MAX_CONFIG_BYTES / 1024)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not text, or of another encoding.
    #[error("{}, line {line}: the text is not UTF-8", shown(path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Neither TOML nor, where that is expected, INI.
    #[error("{at}: {reason}")]
    Syntax {
        /// The place.
        at: At,
        /// What is wrong there.
        reason: String,
    },
    /// A key that means nothing.
    #[error("{at}: unknown key '{key}'")]
    UnknownKey {
        /// The place.
        at: At,
        /// The key as written.
        key: String,
        /// The known key most like it.
        nearest: Option<&'static str>,
    },
    /// A key that is there twice, perhaps under its other name.
    #[error("{at}: '{key}' is set twice")]
    Twice {
        /// The place of the second.
        at: At,
        /// The key.
        key: String,
    },
    /// A profile that is there twice.
    #[error("{at}: profile '{profile}' is there twice")]
    TwoProfiles {
        /// The place of the second.
        at: At,
        /// The profile.
        profile: String,
    },
    /// A value of the wrong type.
    #[error("{at}: '{key}' is {expected}, but this is {found}")]
    WrongType {
        /// The place.
        at: At,
        /// The key.
        key: String,
        /// What it should be, with its article.
        expected: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A value of the right type that cannot be.
    #[error("{at}: '{key}' is {expected}, not '{value}'")]
    BadValue {
        /// The place.
        at: At,
        /// The key.
        key: String,
        /// What it should be, with its article.
        expected: &'static str,
        /// What it is.
        value: String,
    },
    /// A PKCS #11 URI that is none; its value may hold a PIN.
    #[error("{at}: '{key}': {error}")]
    Pkcs11Uri {
        /// The place.
        at: At,
        /// The key.
        key: String,
        /// Why.
        error: UriError,
    },
    /// An http or https URL that is none; its value may hold a password.
    #[error("{at}: '{key}': {error}")]
    Url {
        /// The place.
        at: At,
        /// The key.
        key: String,
        /// Why.
        error: HttpUrlError,
    },
    /// The beginning of a URL that is none; its value may hold a password.
    #[error("{at}: '{key}': {error}")]
    Location {
        /// The place.
        at: At,
        /// The key.
        key: String,
        /// Why.
        error: LocationPrefixError,
    },
    /// The home folder is meant but not known.
    #[error("{at}: '{key}' starts with ~ and there is no home directory")]
    NoHome {
        /// The place.
        at: At,
        /// The key.
        key: String,
    },
    /// A policy file that is not there.
    #[error("Can't find policy configuration file: {}", shown(path))]
    NoPolicyFile {
        /// The file.
        path: PathBuf,
    },
    /// A policy file without rules.
    #[error("{} has no table [policy]", shown(path))]
    NoPolicy {
        /// The file.
        path: PathBuf,
    },
    /// Something else in a policy file.
    #[error("{at}: '{key}' does not belong in a policy file, where the table [policy] is all that counts")]
    NotInPolicyFile {
        /// The place.
        at: At,
        /// The key or table.
        key: String,
    },
    /// A section that means nothing.
    #[error("{at}: unknown section [{section}]")]
    UnknownSection {
        /// The place.
        at: At,
        /// The section as written.
        section: String,
        /// The known section most like it.
        nearest: Option<&'static str>,
    },
    /// The originals' file without its mandatory section.
    #[error("{} has no section [default]", shown(path))]
    NoDefaultSection {
        /// The file.
        path: PathBuf,
    },
    /// Defaults as the originals wrote them, in a TOML file.
    #[error("{at}: a profile cannot be called 'default'")]
    DefaultProfile {
        /// The place.
        at: At,
    },
    /// The profile asked for is not in the file.
    #[error("there is no profile '{wanted}' in {}{}", shown(path), listed(available))]
    MissingProfile {
        /// The file.
        path: PathBuf,
        /// The profile asked for.
        wanted: String,
        /// Those that are there.
        available: Vec<String>,
    },
    /// A profile is asked for and there is no file.
    #[error("there is no configuration file that could have a profile '{profile}'{}", neither(looked_for))]
    NoFile {
        /// The profile asked for.
        profile: String,
        /// The places where one could be.
        looked_for: Vec<PathBuf>,
    },
}

fn neither(files: &[PathBuf]) -> String {
    match files {
        [toml, ini] => format!(": neither {} nor {} exists", shown(toml), shown(ini)),
        [file] => format!(": {} does not exist", shown(file)),
        _ => String::new(),
    }
}

/// How many profiles a message names.
const MAX_LISTED: usize = 20;

fn listed(profiles: &[String]) -> String {
    if profiles.is_empty() {
        ", which has none".to_owned()
    } else {
        let quoted: Vec<_> = profiles.iter().take(MAX_LISTED).map(|name| format!("'{name}'")).collect();
        let more = if profiles.len() > MAX_LISTED { ", …" } else { "" };
        format!(", which has {}{more}", quoted.join(", "))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let status = match error {
            ConfigError::Read { .. } | ConfigError::NoPolicyFile { .. } => Status::File,
            _ => Status::Usage,
        };
        let hint = match &error {
            ConfigError::UnknownKey { nearest: Some(nearest), .. } => {
                Some(format!("did you mean '{nearest}'?"))
            }
            ConfigError::UnknownSection { nearest: Some(nearest), .. } => {
                Some(format!("did you mean [{nearest}]?"))
            }
            ConfigError::NotInPolicyFile { key, .. } if PolicyConfig::KEYS.contains(&key.as_str()) => {
                Some("put it below a line [policy]".to_owned())
            }
            ConfigError::DefaultProfile { .. } => {
                Some("put the defaults at the top of the file, before the first table".to_owned())
            }
            _ => None,
        };
        let failure = Self::new(status, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// What the user should know about a configuration file that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// Its permissions do not keep its passwords.
    #[error("{} holds a password and others may read it", shown(path))]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}
