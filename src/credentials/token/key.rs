//! Signing with a key on a token.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use cryptoki::{
    error::{Error, RvError},
    mechanism::{Mechanism, MechanismType},
    object::ObjectHandle,
    session::{Session, UserType},
    types::AuthPin,
};

use super::{Module, Password, Token, TokenError, failed, objects::PrivateKey};
use crate::dsig::{DigestMethod, SignatureMethod};

/// A private key on a token, with a session that is logged in. Clones share the session.
#[derive(Clone)]
pub(crate) struct TokenKey(Arc<Shared>);

struct Shared {
    // Dropped in this order: a session ends before its module does.
    session: Mutex<Session>,
    _module: Module,
    handle: ObjectHandle,
    token: String,
    label: String,
    mechanisms: Vec<MechanismType>,
    reauthentication: Option<Reauthentication>,
}

/// What a key with `CKA_ALWAYS_AUTHENTICATE` wants for each signature (PKCS #11 §5.6).
struct Reauthentication {
    /// `None`: entered on the token's pad.
    pin: Option<Password>,
    /// It was refused; another try could lock the token.
    refused: AtomicBool,
}

/// What a mechanism is given.
#[derive(Clone, Copy)]
pub(crate) enum Input {
    /// DigestInfo (RFC 8017 §9.2) with the digest.
    DigestInfo,
    Digest,
    /// What is signed itself; the token digests it.
    Octets,
}

/// A way for a token to make a signature.
pub(crate) struct Way {
    pub(crate) mechanism: Mechanism<'static>,
    pub(crate) name: &'static str,
    pub(crate) input: Input,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("token", &self.0.token)
            .field("label", &self.0.label)
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    pub(super) fn new(token: Token, key: &PrivateKey) -> Result<Self, TokenError> {
        let Token { session, module, slot, label: token, pin, .. } = token;
        let mechanisms = module.get_mechanism_list(slot).map_err(|error| failed(error, &token, false))?;
        let reauthentication =
            key.always_authenticate.then(|| Reauthentication { pin, refused: AtomicBool::new(false) });
        Ok(Self(Arc::new(Shared {
            session: Mutex::new(session),
            _module: module,
            handle: key.handle,
            token,
            label: key.label.clone(),
            mechanisms,
            reauthentication,
        })))
    }

    /// The token's signature over `octets`, in the first of these ways that it knows.
    pub(crate) fn sign(
        &self,
        method: SignatureMethod,
        ways: &[Way],
        input: impl Fn(Input) -> Vec<u8>,
    ) -> Result<Vec<u8>, TokenError> {
        let shared = &*self.0;
        // A login between beginning and end, as the PIN of each signature is, needs a mechanism that
        // takes its input in parts.
        let possible = |way: &&Way| {
            let in_parts = matches!(way.input, Input::Octets);
            shared.mechanisms.contains(&way.mechanism.mechanism_type())
                && (in_parts || shared.reauthentication.is_none())
        };
        let Some(way) = ways.iter().find(possible) else {
            let mechanisms = ways.iter().map(|way| way.name).collect();
            return Err(TokenError::Mechanism { token: shared.token.clone(), method, mechanisms });
        };
        let session = shared.session.lock().unwrap_or_else(PoisonError::into_inner);
        let input = input(way.input);
        let signed = match &shared.reauthentication {
            None => session.sign(&way.mechanism, shared.handle, &input),
            Some(reauthentication) => {
                return shared.sign_reauthenticated(&session, &way.mechanism, &input, reauthentication);
            }
        };
        signed.map_err(|error| shared.failed(error))
    }

    /// The token's label.
    pub(crate) fn token(&self) -> &str {
        &self.0.token
    }
}

impl Shared {
    fn sign_reauthenticated(
        &self,
        session: &Session,
        mechanism: &Mechanism<'_>,
        input: &[u8],
        Reauthentication { pin, refused }: &Reauthentication,
    ) -> Result<Vec<u8>, TokenError> {
        if refused.load(Ordering::Relaxed) {
            return Err(TokenError::WrongPin { token: self.token.clone(), last_try: false });
        }
        let failed = |error| self.failed(error);
        session.sign_init(mechanism, self.handle).map_err(failed)?;
        let secret = pin.as_ref().map(|pin| AuthPin::new(pin.as_str().into()));
        if let Err(error) = session.login(UserType::ContextSpecific, secret.as_ref()) {
            refused.store(true, Ordering::Relaxed);
            return Err(self.failed(error));
        }
        session.sign_update(input).map_err(failed)?;
        session.sign_final().map_err(failed)
    }

    fn failed(&self, error: Error) -> TokenError {
        match error {
            Error::Pkcs11(RvError::KeyFunctionNotPermitted, _) => {
                TokenError::MayNotSign { token: self.token.clone(), key: self.label.clone() }
            }
            error => failed(error, &self.token, false),
        }
    }
}

/// The mechanism type of a digest, as a parameter of RSA-PSS.
pub(crate) const fn digest_mechanism(method: DigestMethod) -> MechanismType {
    match method {
        DigestMethod::Sha1 => MechanismType::SHA1,
        DigestMethod::Sha256 => MechanismType::SHA256,
        DigestMethod::Sha384 => MechanismType::SHA384,
        DigestMethod::Sha512 => MechanismType::SHA512,
    }
}
