//! Keys on tokens: which one is meant, its PIN, and what failures lead to.

use std::{fmt, path::PathBuf};

use super::{CredentialArgs, P12_PASSWORD, Surroundings, source::GivenPassword};
use crate::{
    Credentials, CredentialsError, Password,
    cli::{Failure, Session, Status, input, password::PasswordError, shown},
    credentials::token::{Login, Pkcs11Uri, Token, TokenError, TokenPin, UriError},
};

/// Names the key on a token to sign with.
pub(super) const PKCS11_URI: &str = "STRATUSLAB_PKCS11_URI";
/// Names the module that knows the token.
pub(super) const PKCS11_MODULE: &str = "STRATUSLAB_PKCS11_MODULE";

/// A key on a token, and where its certificate is.
#[derive(Debug)]
pub(super) struct TokenSource {
    pub(super) uri: Pkcs11Uri,
    pub(super) module: Option<PathBuf>,
    /// A PEM file; `None`: on the token.
    pub(super) certificate: Option<PathBuf>,
    /// The URI is from the command line, whose word counts for more than the environment's.
    pub(super) on_command_line: bool,
}

impl TokenSource {
    /// The key that the command line names.
    pub(super) fn of_arguments(
        uri: &Password,
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        let uri = parse("--pkcs11-uri", uri.as_str())?;
        if let Some(TokenPin::Value(_)) = uri.pin() {
            let fact = "the pin-value in --pkcs11-uri can be seen by others on this machine";
            return Err(Failure::new(Status::Usage, fact).with_hint(format_args!(
                "give the PIN with pin-source=file:FILE, with --p12-password-file, in the variable \
                 {P12_PASSWORD}, or with the URI in the configuration"
            )));
        }
        let mut source = Self::new(uri, args, session, surroundings)?;
        (source.certificate, source.on_command_line) = (args.pem_cert.clone(), true);
        Ok(source)
    }

    /// The key that the environment names.
    pub(super) fn of_environment(
        uri: &Password,
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        Self::new(parse(&format!("the variable {PKCS11_URI}"), uri.as_str())?, args, session, surroundings)
    }

    pub(super) fn new(
        uri: Pkcs11Uri,
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        let variable = || (surroundings.variable)(PKCS11_MODULE).filter(|file| !file.is_empty());
        let module = match args.pkcs11_module.clone().or_else(|| variable().map(PathBuf::from)) {
            None => session.config()?.pkcs11_module.clone(),
            module => module,
        };
        Ok(Self { uri, module, certificate: None, on_command_line: false })
    }

    /// The PIN that comes with the URI.
    pub(super) fn pin(&self, session: &Session) -> Result<Option<GivenPassword>, Failure> {
        match self.uri.pin() {
            None => Ok(None),
            Some(TokenPin::File(file)) => GivenPassword::from_file(session, file).map(Some),
            Some(TokenPin::Value(pin)) => {
                let from = "the URI's pin-value".to_owned();
                Ok(Some(GivenPassword { password: pin.clone(), from: Some(from) }))
            }
        }
    }

    /// Opens the token, logs in once if it wants that, and finds the key.
    pub(super) fn credentials(
        &self,
        args: &CredentialArgs,
        session: &Session,
        surroundings: &Surroundings<'_>,
    ) -> Result<Credentials, Failure> {
        let certificates = self.certificate.as_deref().map(input::read_credentials).transpose()?;
        // Before the token is opened: a file of a password that cannot be read is told whether or not
        // the token is there.
        let given = GivenPassword::find(args, session, surroundings, Some(self))?;
        let mut token = Token::open(&self.uri, self.module.as_deref())?;
        match token.asks_for()? {
            Login::Pin => {
                log_in(&mut token, given, session, surroundings)?;
            }
            Login::PinPad => {
                session.say(format_args!("enter the PIN of the token '{}' on its pad", token.label()));
                token.login(None)?;
            }
            _ => {}
        }
        token.credentials(certificates.as_ref().map(|certificates| certificates.as_slice())).map_err(
            |error| {
                match (error, &self.certificate) {
                    // About the file, not about the token.
                    (TokenError::Credentials { source, .. }, Some(file)) => self.failure(&source, file),
                    (error, _) => error.into(),
                }
            },
        )
    }

    fn failure(&self, error: &CredentialsError, file: &PathBuf) -> Failure {
        let failure = Failure::new(Status::Credentials, format_args!("{}: {error}", shown(file)));
        match error {
            CredentialsError::KeyMismatch { .. } => failure
                .with_hint(format_args!("--pem-cert has to hold the certificate of the key {}", self.uri)),
            CredentialsError::SeveralKeys { .. } => failure.with_hint(NAME_KEY),
            _ => failure,
        }
    }
}

const NAME_KEY: &str = "name one with object= or id= in the URI";

/// A PIN is tried once: tokens count wrong ones and lock.
fn log_in(
    token: &mut Token,
    given: Option<GivenPassword>,
    session: &Session,
    surroundings: &Surroundings<'_>,
) -> Result<(), Failure> {
    let last_try = token.is_at_last_try()?;
    if let Some(given) = given {
        let from = given.from.map(|from| format!("the PIN is from {from}"));
        if last_try {
            let fact = format!("one more wrong PIN locks the token '{}'", token.label());
            return Err(Failure::new(Status::Credentials, fact)
                .with_hint("only a PIN typed when it is asked for is tried: give none"));
        }
        return token.login(Some(&given.password)).map_err(|error| {
            let from = from.filter(|_| matches!(error, TokenError::WrongPin { .. }));
            let failure = Failure::from(error);
            let hints: Vec<String> = from.into_iter().chain(failure.hint().map(str::to_owned)).collect();
            if hints.is_empty() { failure } else { failure.with_hint(hints.join("; ")) }
        });
    }
    if last_try {
        session.warn(format_args!("one more wrong PIN locks the token '{}'", token.label()));
    }
    let answer = match (surroundings.ask)(&format!("Token '{}' PIN: ", token.label())) {
        Err(PasswordError::NoTerminal) => {
            let fact =
                format!("the token '{}' needs a PIN and there is no terminal to ask for it", token.label());
            return Err(Failure::new(Status::Credentials, fact).with_hint(format_args!(
                "give it with --p12-password-file, with pin-source=file:FILE in the URI, in the variable \
                 {P12_PASSWORD}, or as p12_password or p12_password_file in the configuration"
            )));
        }
        answer => answer?,
    };
    if answer.as_str().is_empty() {
        // Who changed their mind should not come nearer to a locked token.
        return Err(Failure::new(
            Status::Credentials,
            format_args!("no PIN was entered for the token '{}'", token.label()),
        ));
    }
    Ok(token.login(Some(&answer))?)
}

fn parse(place: &str, text: &str) -> Result<Pkcs11Uri, Failure> {
    text.parse().map_err(|error: UriError| {
        let failure = Failure::new(Status::Usage, format_args!("{place}: {error}"));
        match error {
            UriError::NotPrivate { .. } => failure.with_hint("write type=private, or leave type out"),
            UriError::PinCommand => {
                failure.with_hint("let it write the PIN into --p12-password-file /dev/fd/3")
            }
            _ => failure,
        }
    })
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri)?;
        match &self.certificate {
            Some(file) => write!(f, " and {}", shown(file)),
            None => Ok(()),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        use TokenError as E;
        let hint = match &error {
            E::NoModule { tried } if tried.len() > 1 => {
                "name the token's module with --pkcs11-module, or install p11-kit's (Debian: p11-kit-modules)"
            }
            E::NoToken { tokens, .. } if tokens.is_empty() => {
                "is it plugged in, and is --pkcs11-module the module that knows it?"
            }
            E::NoToken { .. } => "name one of these with token= in the URI",
            E::SeveralTokens { .. } => "name one with token= and serial= in the URI",
            E::WrongPin { last_try: true, .. } => "one more wrong PIN locks it",
            E::PinLocked { .. } => "unlock it with its PUK or its security officer's PIN",
            E::PinNotSet { .. } => "its security officer has to set one",
            E::PinExpired { .. } => "set another one first",
            E::NoKey { keys, .. } if !keys.is_empty() => NAME_KEY,
            E::NoKey { .. } => "was the key made on another token?",
            E::MayNotSign { .. } => "name another key with object= or id= in the URI",
            E::NoCertificate { .. } => "give it with --pem-cert FILE",
            E::Credentials { source: CredentialsError::KeyMismatch { .. }, .. } => {
                "give the certificate of the key with --pem-cert FILE"
            }
            E::Credentials { source: CredentialsError::SeveralKeys { .. }, .. } => NAME_KEY,
            E::Mechanism { .. } => "name an algorithm that it knows with --signature-algorithm",
            E::Removed { .. } => "plug it in again",
            _ => "",
        };
        let failure = Self::new(Status::Credentials, error);
        if hint.is_empty() { failure } else { failure.with_hint(hint) }
    }
}
