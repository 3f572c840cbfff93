//! Where credentials and their password come from, in the order of precedence.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    CredentialArgs, Files, P12_CERTIFICATE, P12_PASSWORD, Surroundings,
    token::{PKCS11_URI, TokenSource},
};
use crate::{
    Certificate, Credentials, CredentialsError, Password,
    cli::{Failure, Session, Status, input, password, shown, signing::proxy_hint},
};

/// Where the key to sign with is.
#[derive(Debug)]
pub(super) enum Place {
    Files(Source),
    Token(Box<TokenSource>),
}

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

impl Place {
    /// Command line, environment, configuration, and the places grid tools use.
    pub(super) fn find(
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        if let Some(uri) = &args.pkcs11_uri {
            return Ok(Self::Token(TokenSource::of_arguments(uri, args, session, surroundings)?.into()));
        }
        if let Some(file) = &args.p12_cert {
            return Ok(Self::Files(Source::Pkcs12(file.clone())));
        }
        if let Some(certificate) = &args.pem_cert {
            let (certificate, key) = (certificate.clone(), args.pem_key.clone());
            return Ok(Self::Files(Source::Pem { certificate, key }));
        }
        let variable = |name| (surroundings.variable)(name).filter(|value| !value.is_empty());
        match (variable(P12_CERTIFICATE), variable(PKCS11_URI)) {
            (Some(_), Some(_)) => {
                let fact = format!("the variables {P12_CERTIFICATE} and {PKCS11_URI} are both set");
                Err(Failure::new(Status::Usage, fact).with_hint("unset one of them"))
            }
            (Some(file), None) => Ok(Self::Files(Source::Pkcs12(file.into()))),
            (None, Some(uri)) => {
                let uri = text_of_variable(PKCS11_URI, uri)?;
                Ok(Self::Token(TokenSource::of_environment(&uri, args, session, surroundings)?.into()))
            }
            (None, None) => Self::configured(args, session, surroundings),
        }
    }

    fn configured(
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        let config = session.config()?;
        let both = |one, other| {
            let fact = format!("the configuration has both {one} and {other}");
            Err(Failure::new(Status::Usage, fact).with_hint("leave one of them out"))
        };
        match (&config.pkcs11_uri, &config.p12_certificate, &config.pem_certificate) {
            (Some(_), Some(_), _) => both("pkcs11_uri", "p12_certificate"),
            (Some(_), ..) if config.pem_key.is_some() => both("pkcs11_uri", "pem_key"),
            (Some(uri), None, certificate) => {
                let mut source = TokenSource::new(uri.clone(), args, session, surroundings)?;
                source.certificate.clone_from(certificate);
                Ok(Self::Token(source.into()))
            }
            (None, Some(_), Some(_)) => both("p12_certificate", "pem_certificate"),
            (None, Some(file), None) => Ok(Self::Files(Source::Pkcs12(file.clone()))),
            (None, None, Some(file)) => {
                let (certificate, key) = (file.clone(), config.pem_key.clone());
                Ok(Self::Files(Source::Pem { certificate, key }))
            }
            (None, None, None) => Source::usual(surroundings).map(Self::Files),
        }
    }
}

impl Place {
    /// A certificate is not valid now, or is a proxy that cannot sign.
    pub(super) fn unusable(&self, error: &CredentialsError, credentials: &Credentials) -> Failure {
        let of = match self {
            Self::Files(source) => shown(source.certificate_file()).to_string(),
            Self::Token(token) => token.to_string(),
        };
        let failure = Failure::new(Status::Credentials, format_args!("{of}: {error}"));
        let end_entity = credentials.endorser().ok().map(Certificate::subject);
        let hint = match error {
            CredentialsError::Proxy(error) => proxy_hint(error),
            CredentialsError::Expired { subject, .. } if Some(subject) != end_entity => {
                Some("make a new proxy: nothing that an expired one signs is ever accepted")
            }
            _ => Some("--allow-expired-certificate signs all the same"),
        };
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(source) => source.fmt(f),
            Self::Token(source) => source.fmt(f),
        }
    }
}

impl Source {
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
                .with_hint("name yours with --p12-cert, with --pem-cert and --pem-key, or with --pkcs11-uri"))
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
        let of_certificate = matches!(error, E::NoCertificate | E::Certificate(_));
        let file = if of_certificate { self.certificate_file() } else { self.key_file() };
        let is_pem = |file: &[u8]| file.windows(11).any(|window| window == b"-----BEGIN ");
        let pem = matches!(self, Self::Pem { .. });
        let hint = match error {
            E::WrongPassword => password
                .and_then(|given| given.from.as_ref())
                .map(|from| format!("the password is from {from}")),
            E::NotPkcs12 if is_pem(&files.certificate) => {
                Some("it is a PEM file: give it with --pem-cert, and its key with --pem-key".to_owned())
            }
            E::NoCertificate if pem && !is_pem(&files.certificate) => Some(
                "it is not a PEM file: give a PKCS#12 file with --p12-cert; 'openssl x509 -inform DER' makes PEM \
                 of DER"
                    .to_owned(),
            ),
            E::NoPrivateKey if files.key.as_ref().is_some_and(|key| !is_pem(key)) => {
                Some("it is not a PEM file: 'openssl pkey -inform DER' makes one of a key in DER".to_owned())
            }
            E::NoPrivateKey if pem => Some("name the key's file with --pem-key".to_owned()),
            E::NoPrivateKey => Some("export the certificate together with its private key".to_owned()),
            E::KeyMismatch { .. } if pem => {
                Some(format!("name the key of {} with --pem-key", shown(self.certificate_file())))
            }
            E::SeveralKeys { .. } => Some("export only the one to sign with".to_owned()),
            E::UnsupportedEncryption => Some("export it again, with AES encryption".to_owned()),
            E::TooManyIterations => Some("export it again, with a million iterations or fewer".to_owned()),
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
    /// (C38), an empty variable is none. The URI of a key on a `token` may come with a PIN.
    pub(super) fn find(
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
        token: Option<&TokenSource>,
    ) -> Result<Option<Self>, Failure> {
        let from_file = |file: &Path| Self::from_file(session, file).map(Some);
        let variable = |name| (surroundings.variable)(name).filter(|value| !value.is_empty());
        let with_uri = |on_command_line| {
            let token = token.filter(|token| token.on_command_line == on_command_line);
            token.map_or(Ok(None), |token| token.pin(session))
        };
        if let Some(password) = &args.p12_password {
            return Ok(Some(Self { password: password.clone(), from: None }));
        }
        if let Some(file) = &args.p12_password_file {
            return from_file(file);
        }
        if let Some(pin) = with_uri(true)? {
            return Ok(Some(pin));
        }
        // A password beside another certificate is that one's: as a PIN it would count as a wrong one.
        let of_another = token.is_some() && variable(P12_CERTIFICATE).is_some();
        if let Some(value) = variable(P12_PASSWORD).filter(|_| !of_another) {
            let password = text_of_variable(P12_PASSWORD, value)?;
            return Ok(Some(Self { password, from: Some(format!("the variable {P12_PASSWORD}")) }));
        }
        if let Some(pin) = with_uri(false)? {
            return Ok(Some(pin));
        }
        let config = session.config()?;
        let certificate = config.p12_certificate.is_some() || config.pem_certificate.is_some();
        if token.is_some() && config.pkcs11_uri.is_none() && certificate {
            return Ok(None);
        }
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

    pub(super) fn from_file(session: &Session, file: &Path) -> Result<Self, Failure> {
        let password = password::from_file(session, file)?;
        Ok(Self { password, from: Some(input::name(file)) })
    }
}

/// The secret in an environment variable.
fn text_of_variable(name: &str, value: OsString) -> Result<Password, Failure> {
    let not_text = |_| Failure::new(Status::Usage, format_args!("{name} is not UTF-8 text"));
    Ok(Password::new(value.into_string().map_err(not_text)?))
}
