//! Where credentials and their password come from, in the order of precedence.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{CredentialArgs, Files, P12_CERTIFICATE, P12_PASSWORD, Surroundings};
use crate::{
    CredentialsError, Password,
    cli::{Failure, Session, Status, input, password, shown},
};

/// The files to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Pkcs12(PathBuf),
    Pem {
        certificate: PathBuf,
        /// `None`: in the same file.
        key: Option<PathBuf>,
    },
}

/// A password, and who gave it.
pub(super) struct GivenPassword {
    pub(super) password: Password,
    /// To be told if it is wrong; `None` for the command line, where it can be seen.
    pub(super) from: Option<String>,
}

impl Source {
    /// Command line, environment, configuration, and the places grid tools use.
    pub(super) fn find(
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        if let Some(file) = &args.p12_cert {
            return Ok(Self::Pkcs12(file.clone()));
        }
        if let Some(certificate) = &args.pem_cert {
            return Ok(Self::Pem { certificate: certificate.clone(), key: args.pem_key.clone() });
        }
        if let Some(file) = (surroundings.variable)(P12_CERTIFICATE).filter(|file| !file.is_empty()) {
            return Ok(Self::Pkcs12(file.into()));
        }
        let config = session.config()?;
        match (&config.p12_certificate, &config.pem_certificate) {
            (Some(_), Some(_)) => Err(Failure::new(
                Status::Usage,
                "the configuration has both p12_certificate and pem_certificate",
            )
            .with_hint("leave one of them out")),
            (Some(file), None) => Ok(Self::Pkcs12(file.clone())),
            (None, Some(file)) => Ok(Self::Pem { certificate: file.clone(), key: config.pem_key.clone() }),
            (None, None) => Self::usual(surroundings),
        }
    }

    fn usual(surroundings: &Surroundings<'_>) -> Result<Self, Failure> {
        let folder = surroundings.home.as_deref().unwrap_or(Path::new("~")).join(".globus");
        let (p12, pem) = (folder.join("usercert.p12"), folder.join("usercert.pem"));
        // Whatever is in the way of reading them is said when they are read.
        let there = |file: &Path| surroundings.home.is_some() && file.try_exists().unwrap_or(true);
        if there(&p12) {
            Ok(Self::Pkcs12(p12))
        } else if there(&pem) {
            Ok(Self::Pem { certificate: pem, key: Some(folder.join("userkey.pem")) })
        } else {
            let fact = format!("no certificate to sign with: neither {} nor {}", shown(&p12), shown(&pem));
            Err(Failure::new(Status::Credentials, fact + " exists")
                .with_hint("name yours with --p12-cert, or with --pem-cert and --pem-key"))
        }
    }

    pub(super) fn certificate_file(&self) -> &Path {
        match self {
            Self::Pkcs12(file) | Self::Pem { certificate: file, .. } => file,
        }
    }

    pub(super) fn key_file(&self) -> &Path {
        match self {
            Self::Pem { key: Some(file), .. } => file,
            _ => self.certificate_file(),
        }
    }

    /// What the originals asked, and the like for PEM.
    pub(super) fn question(&self) -> String {
        let file = shown(self.key_file());
        match self {
            Self::Pkcs12(_) => format!("PKCS12 (P12) cert '{file}' password: "),
            Self::Pem { .. } => format!("Private key '{file}' password: "),
        }
    }

    pub(super) fn no_terminal(&self) -> Failure {
        let file = shown(self.key_file());
        let fact = format!("{file} needs a password and there is no terminal to ask for it");
        Failure::new(Status::Credentials, fact).with_hint(format_args!(
            "give it with --p12-password-file, in the variable {P12_PASSWORD}, \
             or as p12_password or p12_password_file in the configuration"
        ))
    }

    /// Why these files are no use, and which of them.
    pub(super) fn failure(
        &self,
        error: &CredentialsError,
        password: Option<&GivenPassword>,
        files: &Files<'_>,
    ) -> Failure {
        use CredentialsError as E;
        let of_certificate =
            matches!(error, E::NoCertificate | E::Certificate(_) | E::NotYetValid { .. } | E::Expired { .. });
        let file = if of_certificate { self.certificate_file() } else { self.key_file() };
        let is_pem = files.certificate.windows(11).any(|window| window == b"-----BEGIN ");
        let pem = matches!(self, Self::Pem { .. });
        let hint = match error {
            E::WrongPassword => password
                .and_then(|given| given.from.as_ref())
                .map(|from| format!("the password is from {from}")),
            E::NotPkcs12 if is_pem => {
                Some("it is a PEM file: give it with --pem-cert, and its key with --pem-key".to_owned())
            }
            E::NoCertificate if pem && !is_pem => {
                Some("it is not a PEM file: give a PKCS#12 file with --p12-cert".to_owned())
            }
            E::NoPrivateKey if pem => Some("name the key's file with --pem-key".to_owned()),
            E::NoPrivateKey => Some("export the certificate together with its private key".to_owned()),
            E::KeyMismatch { .. } if pem => {
                Some(format!("name the key of {} with --pem-key", shown(self.certificate_file())))
            }
            E::SeveralKeys { .. } => Some("export only the one to sign with".to_owned()),
            E::UnsupportedEncryption => Some("export it again, with AES encryption".to_owned()),
            E::TooManyIterations => Some("export it again, with a million iterations or fewer".to_owned()),
            E::Expired { .. } | E::NotYetValid { .. } => {
                Some("--allow-expired-certificate signs all the same".to_owned())
            }
            _ => None,
        };
        let failure = Failure::new(Status::Credentials, format_args!("{}: {error}", shown(file)));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(self.certificate_file()))?;
        match self {
            Self::Pem { key: Some(key), .. } => write!(f, " and {}", shown(key)),
            _ => Ok(()),
        }
    }
}

impl GivenPassword {
    /// Command line, environment, configuration. An empty password on the command line is one
    /// (C38), an empty variable is none.
    pub(super) fn find(
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Option<Self>, Failure> {
        let from_file = |file: &Path| {
            let password = password::from_file(session, file)?;
            Ok(Some(Self { password, from: Some(input::name(file)) }))
        };
        if let Some(password) = &args.p12_password {
            return Ok(Some(Self { password: password.clone(), from: None }));
        }
        if let Some(file) = &args.p12_password_file {
            return from_file(file);
        }
        if let Some(value) = (surroundings.variable)(P12_PASSWORD).filter(|value| !value.is_empty()) {
            let not_text = |_| Failure::new(Status::Usage, format_args!("{P12_PASSWORD} is not UTF-8 text"));
            let password = Password::new(value.into_string().map_err(not_text)?);
            return Ok(Some(Self { password, from: Some(format!("the variable {P12_PASSWORD}")) }));
        }
        let config = session.config()?;
        match (&config.p12_password, &config.p12_password_file) {
            (Some(_), Some(_)) => Err(Failure::new(
                Status::Usage,
                "the configuration has both p12_password and p12_password_file",
            )
            .with_hint("leave one of them out")),
            (Some(password), None) => {
                let from = config.source().map_or_else(String::new, |file| shown(file).to_string());
                Ok(Some(Self { password: password.clone(), from: Some(from) }))
            }
            (None, Some(file)) => from_file(file),
            (None, None) => Ok(None),
        }
    }
}
