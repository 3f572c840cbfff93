//! Where images are kept: arguments, configuration, and what failures lead to.

use std::{io::ErrorKind, path::PathBuf};

use clap::Args;

use super::{Failure, Session, Status, reason, shown};
use crate::{
    cache::{AddError, Cache, CacheError, Check},
    config::VerifyCache,
};

/// The options of commands that use a cache.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cache options")]
pub struct CacheArgs {
    /// Keep images in this directory [default: stratuslab in the user's cache directory]
    #[arg(long, value_name = "DIR", env = "STRATUSLAB_CACHE")]
    pub cache: Option<PathBuf>,
}

impl CacheArgs {
    /// The cache these arguments name, else that of the configuration, else the user's.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be used.
    pub fn open(&self, session: &Session) -> Result<Cache, Failure> {
        let configured = || Ok::<_, Failure>(session.config()?.cache.clone());
        let named = match &self.cache {
            Some(cache) => Some(cache.clone()),
            None => configured()?,
        };
        let usual = || dirs::cache_dir().map(|folder| folder.join("stratuslab"));
        let root = named.or_else(usual).ok_or_else(|| {
            Failure::new(Status::Usage, "there is no home directory to keep images in")
                .with_hint("--cache DIR names another one")
        })?;
        Ok(Cache::open(root)?)
    }
}

impl From<VerifyCache> for Check {
    fn from(verify: VerifyCache) -> Self {
        match verify {
            VerifyCache::Mtime => Self::Stamp,
            VerifyCache::Always => Self::Content,
        }
    }
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        let hint = match &error {
            CacheError::Foreign { .. } => Some("--cache DIR names one of your own"),
            CacheError::Open { .. } => Some("chmod go-w takes that away"),
            CacheError::Changed { .. } => Some("try again; --verify-cache=always reads it first"),
            CacheError::Io { cause, .. }
                if matches!(cause.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Some(
                    "--cache DIR names one that you may write to; what is kept here is handed out all the same",
                )
            }
            CacheError::Io { .. } => None,
        };
        let fact = match &error {
            CacheError::Io { what, path, cause } => {
                format!("cannot {what} {}: {}", shown(path), reason(cause))
            }
            error => error.to_string(),
        };
        let failure = Self::new(Status::File, fact);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<AddError> for Failure {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Image(error) => error.into(),
            AddError::Cache(error) => error.into(),
        }
    }
}
