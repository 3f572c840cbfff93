//! Keys on tokens and in HSMs, by PKCS #11 (OASIS PKCS #11 Base Specification 2.40 and 3.0).
//!
//! [`Token::open`] finds the token a [`Pkcs11Uri`] names, [`Token::asks_for`] says whether it wants
//! a PIN, [`Token::login`] gives it, once: tokens count wrong PINs and lock. [`Token::credentials`]
//! finds the key and its certificate. The session, and the login with it, lasts as long as the
//! [`Credentials`] do.

mod error;
mod key;
mod module;
mod objects;
mod uri;

use std::path::Path;

use cryptoki::{
    error::{Error, RvError},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};

pub(crate) use self::key::{Input, TokenKey, Way, digest_mechanism};
pub use self::{
    error::TokenError,
    uri::{MAX_URI_BYTES, Pkcs11Uri, TokenPin, UriError},
};
use self::{module::Module, objects::PrivateKey};
use super::{Credentials, CredentialsError, Password, SigningKey, choice};
use crate::Certificate;

/// A token with a session open.
#[derive(Debug)]
pub struct Token {
    // Dropped in this order: a session ends before its module does.
    session: Session,
    module: Module,
    slot: Slot,
    label: String,
    uri: Pkcs11Uri,
    pin: Option<Password>,
}

/// What a token wants before its keys can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// Nothing.
    None,
    /// The user's PIN.
    Pin,
    /// The user's PIN, entered on its own pad (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    PinPad,
}

impl Token {
    /// The one token that `uri` names, by the module it names, else by `module`, else by p11-kit's.
    /// Loading a module runs its code.
    ///
    /// # Errors
    /// [`TokenError`] if there is no module, or not exactly one such token.
    pub fn open(uri: &Pkcs11Uri, module: Option<&Path>) -> Result<Self, TokenError> {
        let module = Module::find(uri, module)?;
        let by_library = uri.matches_library(&module);
        let (mut there, mut matching) = (Vec::new(), Vec::new());
        for slot in module.get_slots_with_token().map_err(|error| TokenError::Failed { error })? {
            // One that was just removed, or that its module does not know.
            let Ok(info) = module.get_token_info(slot) else { continue };
            if info.token_initialized() {
                if by_library && uri.matches_slot(&module, slot) && uri.matches_token(&info) {
                    matching.push((slot, info));
                } else {
                    there.push(info.label().to_owned());
                }
            }
        }
        let (slot, info) = match (matching.pop(), matching.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                matching.push(last);
                let name = |info: &TokenInfo| format!("{} (serial {})", info.label(), info.serial_number());
                let tokens = sorted(matching.iter().map(|(_, info)| name(info)));
                return Err(TokenError::SeveralTokens { uri: uri.to_string(), tokens });
            }
            (None, _) => return Err(TokenError::NoToken { uri: uri.to_string(), tokens: sorted(there) }),
        };
        let session = module.open_ro_session(slot).map_err(|error| TokenError::Failed { error })?;
        Ok(Self { session, module, slot, label: info.label().to_owned(), uri: uri.clone(), pin: None })
    }

    /// The name its owner gave it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it wants before the key can be used.
    ///
    /// # Errors
    /// [`TokenError`] if it cannot be logged in to at all: its PIN is locked, or not set yet.
    pub fn asks_for(&self) -> Result<Login, TokenError> {
        let info = self.info()?;
        let token = || self.label.clone();
        // A key that is no secret (CKA_PRIVATE is false) signs for everyone.
        if !info.login_required() || self.keys()?.iter().any(|key| key.signs && !key.always_authenticate) {
            Ok(Login::None)
        } else if info.user_pin_locked() {
            Err(TokenError::PinLocked { token: token() })
        } else if !info.user_pin_initialized() {
            Err(TokenError::PinNotSet { token: token() })
        } else if info.protected_authentication_path() {
            Ok(Login::PinPad)
        } else {
            Ok(Login::Pin)
        }
    }

    /// Whether a wrong PIN would lock it.
    ///
    /// # Errors
    /// [`TokenError`] if it does not say.
    pub fn is_at_last_try(&self) -> Result<bool, TokenError> {
        Ok(self.info()?.user_pin_final_try())
    }

    /// Logs the user in; without a `pin`, the token has it entered on its pad. Never tries twice.
    ///
    /// # Errors
    /// [`TokenError`] if it refuses.
    pub fn login(&mut self, pin: Option<&Password>) -> Result<(), TokenError> {
        let secret = pin.map(|pin| AuthPin::new(pin.as_str().into()));
        match self.session.login(UserType::User, secret.as_ref()) {
            // By another session of this process.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                self.pin = pin.cloned();
                Ok(())
            }
            Err(error) => {
                let last_try = self.is_at_last_try().unwrap_or(false);
                Err(failed(error, &self.label, last_try))
            }
        }
    }

    /// The key that the URI names and its certificate: from `certificates`, in PEM, else from the
    /// token. The token's certificates, or the file's, also make up the chain.
    ///
    /// Of several keys the one that may sign and has a certificate counts. A certificate is the
    /// key's if it has the same `CKA_ID`, unless the public key shows that it is not, or else if it
    /// holds the same public key; of several the one that ends last.
    ///
    /// # Errors
    /// [`TokenError`] if there is not exactly one such key, or it has no certificate.
    pub fn credentials(self, certificates: Option<&[u8]>) -> Result<Credentials, TokenError> {
        let token = || self.label.clone();
        let of_credentials = |source| TokenError::Credentials { token: token(), source };
        let mut keys = self.keys()?;
        if keys.is_empty() {
            let (uri, keys) = (self.uri.to_string(), sorted(self.key_labels()?));
            return Err(TokenError::NoKey { token: token(), uri, keys });
        }
        if let (Some(key), false) = (keys.first(), keys.iter().any(|key| key.signs)) {
            return Err(TokenError::MayNotSign { token: token(), key: key.label.clone() });
        }
        keys.retain(|key| key.signs);
        let found = match certificates {
            Some(pem) => objects::from_pem(pem).map_err(of_credentials)?,
            None => self.certificates()?,
        };
        let mut pairs: Vec<(PrivateKey, Certificate)> = keys
            .into_iter()
            .filter_map(|key| key.own(&found).map(|certificate| (key, certificate)))
            .collect();
        let (key, certificate) = match (pairs.pop(), pairs.is_empty(), found.first()) {
            (Some(only), true, _) => only,
            (Some(last), false, _) => {
                pairs.push(last);
                pairs.sort_by(|(_, a), (_, b)| a.subject().as_str().cmp(b.subject().as_str()));
                let subjects = pairs.iter().map(|(_, certificate)| certificate.subject().clone()).collect();
                return Err(of_credentials(CredentialsError::SeveralKeys { subjects }));
            }
            (None, _, Some(first)) => {
                let subject = first.certificate.subject().clone();
                return Err(of_credentials(CredentialsError::KeyMismatch { subject }));
            }
            (None, _, None) => return Err(TokenError::NoCertificate { token: token() }),
        };
        let others = found.into_iter().map(|found| found.certificate).collect();
        let chain = choice::chain(&certificate, others);
        let key = SigningKey::Token(TokenKey::new(self, &key)?);
        Ok(Credentials { certificate, key, chain, key_was_encrypted: true })
    }

    fn info(&self) -> Result<TokenInfo, TokenError> {
        self.module.get_token_info(self.slot).map_err(|error| failed(error, &self.label, false))
    }
}

/// What a failure of the module means.
fn failed(error: Error, token: &str, last_try: bool) -> TokenError {
    use RvError as Rv;
    let token = token.to_owned();
    let Error::Pkcs11(value, _) = error else { return TokenError::Failed { error } };
    match value {
        Rv::PinIncorrect | Rv::PinInvalid | Rv::PinLenRange => TokenError::WrongPin { token, last_try },
        Rv::PinLocked => TokenError::PinLocked { token },
        Rv::PinExpired => TokenError::PinExpired { token },
        Rv::UserPinNotInitialized => TokenError::PinNotSet { token },
        Rv::FunctionCanceled | Rv::Cancel => TokenError::LoginCancelled { token },
        Rv::UserNotLoggedIn => TokenError::PinRequired { token },
        Rv::DeviceRemoved | Rv::TokenNotPresent => TokenError::Removed { token },
        _ => TokenError::Failed { error },
    }
}

impl Pkcs11Uri {
    fn matches_library(&self, module: &Module) -> bool {
        if self.library_manufacturer.is_none()
            && self.library_description.is_none()
            && self.library_version.is_none()
        {
            return true;
        }
        module.get_library_info().is_ok_and(|info| {
            let version = info.library_version();
            is(self.library_manufacturer.as_ref(), info.manufacturer_id())
                && is(self.library_description.as_ref(), info.library_description())
                && self.library_version.is_none_or(|asked| asked == (version.major(), version.minor()))
        })
    }

    fn matches_slot(&self, module: &Module, slot: Slot) -> bool {
        if self.slot_id.is_some_and(|id| id != slot.id()) {
            return false;
        }
        if self.slot_description.is_none() && self.slot_manufacturer.is_none() {
            return true;
        }
        module.get_slot_info(slot).is_ok_and(|info| {
            is(self.slot_description.as_ref(), info.slot_description())
                && is(self.slot_manufacturer.as_ref(), info.manufacturer_id())
        })
    }

    fn matches_token(&self, info: &TokenInfo) -> bool {
        is(self.token.as_ref(), info.label())
            && is(self.manufacturer.as_ref(), info.manufacturer_id())
            && is(self.serial.as_ref(), info.serial_number())
            && is(self.model.as_ref(), info.model())
    }
}

/// Modules have no order.
fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names
}

/// Whether a name is the one asked for, if one is.
fn is(asked: Option<&String>, name: &str) -> bool {
    asked.is_none_or(|asked| asked == name)
}
