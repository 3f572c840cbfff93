//! Who is trusted to say who endorsed an entry: arguments, configuration, and what failures lead to.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Session, Status, reason, shown};
use crate::trust::{AnchorFiles, Anchors, AnchorsError, AnchorsWarning, Pin};

/// What helps if the endorser is not the holder of a proxy certificate.
pub const PROXY: &str = "it was signed with a proxy certificate, which counts only with --require trusted";

/// The options of commands that judge endorsers.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Trust options")]
pub struct TrustArgs {
    /// Trust the authorities HASH.0 in this directory, with the CRLs HASH.r0 and signing policies there
    // Named apart from the CA certificates of TLS.
    #[arg(id = "anchor_path", long = "ca-path", value_name = "DIR")]
    pub ca_path: Option<PathBuf>,
    /// Trust the authorities in this PEM file
    #[arg(id = "anchor_file", long = "ca-file", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Look certificates up in the CRLs in this file, and refuse any without a current CRL
    #[arg(long, value_name = "FILE")]
    pub crl: Vec<PathBuf>,
    /// Look at no CRL: an endorser whose certificate was revoked is trusted
    #[arg(long, conflicts_with = "crl")]
    pub insecure_no_crl: bool,
    /// Accept only this endorser, or another one given so: an e-mail address, a subject as entries have
    /// it, or the SHA-256 fingerprint of a certificate
    #[arg(long, value_name = "WHO")]
    pub endorsed_by: Vec<Pin>,
}

impl TrustArgs {
    /// The anchors these arguments name, else those of the configuration; `None` if there are none.
    ///
    /// # Errors
    /// A [`Failure`] if a file cannot be used, or there are CRLs for no anchors on the command line.
    pub fn anchors(&self, session: &Session) -> Result<Option<Anchors>, Failure> {
        let config = &session.config()?.trust;
        let configured = Configured {
            path: config.ca_path.as_deref(),
            file: config.ca_file.as_deref(),
            crls: config.crl.as_deref().unwrap_or_default(),
            hint: NO_ANCHORS,
        };
        self.anchors_over(&configured, session)
    }

    /// The anchors these arguments name, else those that are configured; `None` if there are none.
    ///
    /// # Errors
    /// As [`TrustArgs::anchors`].
    pub(super) fn anchors_over(
        &self,
        config: &Configured<'_>,
        session: &Session,
    ) -> Result<Option<Anchors>, Failure> {
        let Some(files) = self.files_over(config)? else { return Ok(None) };
        let anchors = files.read()?;
        warn(&anchors, files.ignore_crls, session);
        Ok(Some(anchors))
    }

    /// The files these arguments name, else those that are configured; `None` if there are none.
    ///
    /// # Errors
    /// A usage error if there are CRLs for no anchors on the command line.
    pub(super) fn files_over(&self, config: &Configured<'_>) -> Result<Option<AnchorFiles>, Failure> {
        // Anchors of both would be more trust than either says.
        let (path, file) = match (&self.ca_path, &self.ca_file) {
            (None, None) => (config.path, config.file),
            (path, file) => (path.as_deref(), file.as_deref()),
        };
        if path.is_none() && file.is_none() {
            return if self.crl.is_empty() {
                Ok(None)
            } else {
                Err(Failure::new(Status::Usage, "--crl is of no use without trust anchors")
                    .with_hint(config.hint))
            };
        }
        let crls = if self.crl.is_empty() { config.crls } else { &self.crl };
        Ok(Some(AnchorFiles {
            directory: path.map(Path::to_owned),
            file: file.map(Path::to_owned),
            crls: crls.to_vec(),
            ignore_crls: self.insecure_no_crl,
        }))
    }

    /// The endorsers these arguments name, else those of the configuration.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read.
    pub fn endorsers(&self, session: &Session) -> Result<Vec<Pin>, Failure> {
        if !self.endorsed_by.is_empty() {
            return Ok(self.endorsed_by.clone());
        }
        Ok(session.config()?.trust.endorsed_by.clone().unwrap_or_default())
    }
}

/// What should be known of anchors that can be used.
pub(super) fn warn(anchors: &Anchors, ignore_crls: bool, session: &Session) {
    if ignore_crls {
        session.warn("CRLs are not looked at: an endorser whose certificate was revoked is trusted");
    }
    for warning in anchors.warnings() {
        // What is wrong with a CRL nobody looks at is of no interest.
        match warning {
            AnchorsWarning::Unusable(AnchorsError::Crl { .. } | AnchorsError::NoCrl { .. })
                if ignore_crls => {}
            AnchorsWarning::Unusable(error) => session.warn(told(error)),
            warning => session.warn(warning),
        }
    }
}

/// Anchors that a section of the configuration names.
pub(super) struct Configured<'a> {
    pub(super) path: Option<&'a Path>,
    pub(super) file: Option<&'a Path>,
    pub(super) crls: &'a [PathBuf],
    /// Where they could come from, if there are none.
    pub(super) hint: &'static str,
}

/// Where anchors come from.
pub(super) const NO_ANCHORS: &str =
    "--ca-path DIR or --ca-file FILE names the authorities that are trusted, as do these keys in [trust]";

/// Where a path leads, for those who have named a step on the way.
pub(super) const PATH_END: &str = "a path ends at a self-signed certificate in --ca-path or --ca-file; \
    those on the way may be there too, or in the entry (--include-chain)";

/// What is trusted, where it is required and there is nothing.
///
/// # Errors
/// A usage error that says where anchors come from.
pub fn required(anchors: Option<&Anchors>) -> Result<(), Failure> {
    match anchors {
        Some(_) => Ok(()),
        None => {
            Err(Failure::new(Status::Usage, "--require trusted needs trust anchors").with_hint(NO_ANCHORS))
        }
    }
}

/// A command with two kinds of authorities: the endorsers' have the names there that the servers' have in
/// other commands.
pub fn with_tls_options_renamed(command: clap::Command) -> clap::Command {
    command
        .mut_arg("ca_file", |arg| arg.long("tls-ca-file"))
        .mut_arg("ca_path", |arg| arg.long("tls-ca-path"))
}

/// A hint with the names that the options of TLS have in such a command; that of another failure is about the
/// options of trust.
#[must_use]
pub fn with_tls_hint_renamed(failure: Failure) -> Failure {
    match failure.hint().filter(|_| failure.status() == Status::Network) {
        Some(hint) => {
            let hint = hint.replace("--ca-", "--tls-ca-");
            failure.with_hint(hint)
        }
        None => failure,
    }
}

impl From<AnchorsError> for Failure {
    fn from(error: AnchorsError) -> Self {
        let hint = match error {
            AnchorsError::NotHashed { .. } => {
                Some("'openssl rehash DIR' makes such names; --ca-file takes a file of certificates")
            }
            AnchorsError::NoCertificate { .. } => {
                Some("certificates of authorities are wanted, in PEM or one in DER")
            }
            AnchorsError::NoCrl { .. } => Some("CRLs are wanted, in PEM or one in DER"),
            _ => None,
        };
        let failure = Self::new(Status::File, told(&error));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The error, without the system's numbers.
fn told(error: &AnchorsError) -> String {
    match error {
        AnchorsError::Read { path, cause } => {
            format!("cannot read {}: {}", shown(path), reason(cause))
        }
        error => error.to_string(),
    }
}
