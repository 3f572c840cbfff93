//! What commands sign with: options, environment and configuration to [`Credentials`].

mod source;
mod token;

use std::{ffi::OsString, fs, path::PathBuf};

use clap::{
    Args,
    builder::{PossibleValuesParser, StringValueParser, TypedValueParser},
};
use zeroize::Zeroizing;

use self::{
    source::{GivenPassword, Place, Source},
    token::{PKCS11_MODULE, PKCS11_URI},
};
use super::{
    Failure, Session, input, is_dash,
    password::{self, PasswordError},
    shown,
};
use crate::{Credentials, CredentialsError, Email, Password, Timestamp, dsig::SignatureMethod};

/// Names the PKCS#12 file to sign with.
const P12_CERTIFICATE: &str = "STRATUSLAB_P12_CERTIFICATE";
/// Its password.
const P12_PASSWORD: &str = "STRATUSLAB_P12_PASSWORD";
/// Where grid tools keep it, for `--help`.
const USUAL_P12: &str = "~/.globus/usercert.p12";

/// The options of commands that sign.
// Environment variables are read here: `clap` would let them conflict with options, over which
// the command line has precedence.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Signing options")]
pub struct CredentialArgs {
    /// The PKCS#12 file to sign with.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["pem_cert", "pem_key", "pkcs11_uri"],
        help = format!("Sign with the key in this PKCS#12 file [env: {P12_CERTIFICATE}] [default: {USUAL_P12}]")
    )]
    pub p12_cert: Option<PathBuf>,
    /// The password of the PKCS#12 file or PEM key.
    #[arg(
        long,
        value_name = "PASSWORD",
        value_parser = StringValueParser::new().map(Password::new),
        conflicts_with = "p12_password_file",
        help = format!(
            "Password of the PKCS#12 file or PEM key, PIN of the token; here, others on this machine can see it [env: {P12_PASSWORD}]"
        )
    )]
    pub p12_password: Option<Password>,
    /// Read that password from this file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub p12_password_file: Option<PathBuf>,
    /// Sign with the certificate in this PEM file, which may hold its issuers as well [default:
    /// ~/.globus/usercert.pem]
    #[arg(long, value_name = "FILE")]
    pub pem_cert: Option<PathBuf>,
    /// Read its key from this PEM file [default: the file of the certificate]
    #[arg(long, value_name = "FILE", requires = "pem_cert", conflicts_with = "pkcs11_uri")]
    pub pem_key: Option<PathBuf>,
    /// The PKCS #11 URI (RFC 7512) of the key to sign with.
    // A secret, because a PIN may be in it by mistake, which clap would repeat.
    #[arg(
        long,
        value_name = "URI",
        value_parser = StringValueParser::new().map(Password::new),
        help = format!(
            "Sign with the key on a token or in an HSM that this PKCS #11 URI names; --pem-cert may name its \
             certificate [env: {PKCS11_URI}]"
        )
    )]
    pub pkcs11_uri: Option<Password>,
    /// The module that knows the token.
    #[arg(
        long,
        value_name = "FILE",
        help = format!("Reach the token by this PKCS #11 module [env: {PKCS11_MODULE}] [default: p11-kit's]")
    )]
    pub pkcs11_module: Option<PathBuf>,
    /// Sign though the certificate has expired or is not valid yet
    #[arg(long)]
    pub allow_expired_certificate: bool,
    /// Endorser's e-mail address, if the certificate has none
    #[arg(long, value_name = "ADDR")]
    pub email: Option<Email>,
    /// Algorithm of the signature [default: rsa-sha256, ecdsa-sha256 or eddsa-ed25519, by the key]
    #[arg(long, value_name = "NAME", value_parser = signature_methods())]
    pub signature_algorithm: Option<SignatureMethod>,
    /// Put the issuers' certificates into the entry as well, but for self-signed ones
    #[arg(long)]
    pub include_chain: bool,
}

impl CredentialArgs {
    /// The credentials to sign with, in their validity period unless that is not wanted. Asks for
    /// a password if one is needed and none was given, and notes what a proxy certificate is good for.
    ///
    /// # Errors
    /// A [`Failure`] if there are no credentials, or they cannot be used.
    pub fn credentials(&self, session: &Session) -> Result<Credentials, Failure> {
        let surroundings = Surroundings {
            variable: &|name| std::env::var_os(name),
            home: dirs::home_dir(),
            ask: &password::prompt,
            now: Timestamp::now(),
        };
        self.credentials_in(session, &surroundings)
    }

    /// `--email`, or the configuration's address.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be used.
    pub fn email(&self, session: &Session) -> Result<Option<Email>, Failure> {
        Ok(self.email.clone().or(session.config()?.email.clone()))
    }

    /// `--signature-algorithm`, or the configuration's.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be used.
    pub fn signature_method(&self, session: &Session) -> Result<Option<SignatureMethod>, Failure> {
        Ok(self.signature_algorithm.or(session.config()?.signature_algorithm))
    }

    /// Whether `--include-chain` or the configuration asks for the certificates above the endorser's;
    /// notes it if there are none.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be used.
    pub fn include_chain(&self, credentials: &Credentials, session: &Session) -> Result<bool, Failure> {
        let wanted = self.include_chain || session.config()?.include_chain.unwrap_or_default();
        if wanted && credentials.intermediates().next().is_none() {
            session.note("there is no issuer's certificate to include beside the endorser's");
        }
        Ok(wanted)
    }

    /// Whether the password, if one is asked of these options and the configuration, comes from
    /// standard input.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be used.
    pub fn password_from_stdin(&self, session: &Session) -> Result<bool, Failure> {
        let nearer = self.p12_password.is_some()
            || std::env::var_os(P12_PASSWORD).is_some_and(|password| !password.is_empty());
        let file = match &self.p12_password_file {
            None if !nearer => session.config()?.p12_password_file.as_deref(),
            file => file.as_deref(),
        };
        Ok(file.is_some_and(is_dash))
    }

    fn credentials_in(
        &self,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Credentials, Failure> {
        let place = Place::find(self, session, surroundings)?;
        session.detail(format_args!("signing with {place}"));
        let credentials = match &place {
            Place::Files(source) => self.credentials_in_files(source, session, surroundings)?,
            Place::Token(token) => token.credentials(self, session, surroundings)?,
        };
        match credentials.check_validity(surroundings.now) {
            Err(error @ (CredentialsError::NotYetValid { .. } | CredentialsError::Expired { .. }))
                if self.allow_expired_certificate =>
            {
                session.warn(error);
            }
            checked => checked.map_err(|error| place.unusable(&error, &credentials))?,
        }
        if let Ok([.., end_entity]) = credentials.proxy_issuers().as_deref() {
            session.note(format_args!(
                "signing with a proxy certificate of '{}': validators accept that with trust anchors only \
                 (--require trusted), older ones and Marketplaces not at all",
                end_entity.subject()
            ));
        }
        Ok(credentials)
    }

    fn credentials_in_files(
        &self,
        source: &Source,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Credentials, Failure> {
        let given = GivenPassword::find(self, session, surroundings, None)?;
        let files = Files::read(source)?;
        let credentials = match &given {
            Some(given) => {
                let opened = files.open(Some(&given.password));
                opened.map_err(|error| source.failure(&error, Some(given), &files))?
            }
            None => files.open_or_ask(surroundings)?,
        };
        let key = source.key_file();
        let exposed = || fs::metadata(key).is_ok_and(|found| password::readable_by_others(&found));
        if !credentials.key_was_encrypted() && exposed() {
            session.warn(format_args!("{} holds a private key and others may read it", shown(key)));
        }
        Ok(credentials)
    }
}

/// What is around a command, apart from its arguments and its configuration.
struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
    ask: &'a dyn Fn(&str) -> Result<Password, PasswordError>,
    now: Timestamp,
}

/// The contents of a [`Source`].
struct Files<'a> {
    source: &'a Source,
    certificate: Zeroizing<Vec<u8>>,
    /// Only if it is in a file of its own.
    key: Option<Zeroizing<Vec<u8>>>,
}

impl<'a> Files<'a> {
    fn read(source: &'a Source) -> Result<Self, Failure> {
        let key = match source {
            Source::Pem { key: Some(key), .. } => Some(input::read_credentials(key)?),
            _ => None,
        };
        Ok(Self { source, certificate: input::read_credentials(source.certificate_file())?, key })
    }

    fn open(&self, password: Option<&Password>) -> Result<Credentials, CredentialsError> {
        match (self.source, password) {
            (Source::Pem { .. }, _) => {
                let key = self.key.as_ref().unwrap_or(&self.certificate);
                Credentials::from_pem(&self.certificate, key, password)
            }
            (Source::Pkcs12(_), Some(password)) => Credentials::from_pkcs12(&self.certificate, password),
            (Source::Pkcs12(_), None) => {
                Credentials::from_pkcs12(&self.certificate, &Password::new(String::new())).map_err(|error| {
                    match error {
                        CredentialsError::WrongPassword => CredentialsError::PasswordRequired,
                        other => other,
                    }
                })
            }
        }
    }

    /// Without a password if that does.
    fn open_or_ask(&self, surroundings: &Surroundings<'_>) -> Result<Credentials, Failure> {
        let failure = |error: CredentialsError| self.source.failure(&error, None, self);
        match self.open(None) {
            Err(CredentialsError::PasswordRequired) => {}
            opened => return opened.map_err(failure),
        }
        let answer = match (surroundings.ask)(&self.source.question()) {
            Err(PasswordError::NoTerminal) => return Err(self.source.no_terminal()),
            answer => answer?,
        };
        self.open(Some(&answer)).map_err(failure)
    }
}

/// The known names, for `--help`, completions and errors.
fn signature_methods() -> impl TypedValueParser<Value = SignatureMethod> {
    let names = PossibleValuesParser::new(SignatureMethod::ALL.map(SignatureMethod::name));
    names.try_map(|name| name.parse::<SignatureMethod>())
}

#[cfg(test)]
mod tests;
