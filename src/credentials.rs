//! What an endorser signs with: a private key, its certificate and the path above it.

mod choice;
mod cost;
pub(crate) mod pem;
mod pkcs12;
#[cfg(feature = "pkcs11")]
pub mod token;

use std::{fmt, sync::OnceLock};

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    provider::Provider,
};
use zeroize::Zeroizing;

use crate::{
    Certificate, CertificateError, DistinguishedName, Timestamp,
    trust::{self, ProxyError},
};

/// A password: wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A private key and the certificate that names its holder.
#[derive(Clone)]
pub struct Credentials {
    certificate: Certificate,
    key: SigningKey,
    chain: Vec<Certificate>,
    key_was_encrypted: bool,
}

/// Where a private key is.
#[derive(Clone)]
pub(crate) enum SigningKey {
    /// In memory.
    Local(PKey<Private>),
    /// On a token, which never gives it away.
    #[cfg(feature = "pkcs11")]
    Token(token::TokenKey),
}

/// Why there is nothing to sign with.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Not PKCS#12 (RFC 7292), or cut off.
    #[error("not a PKCS#12 file, or only a part of one")]
    NotPkcs12,
    /// The form is right and so is the password, but the content is not.
    #[error("the private key is damaged, or of a kind that is not known here")]
    Damaged,
    /// The password opens neither the file nor the key in it.
    #[error("wrong password")]
    WrongPassword,
    /// The key is encrypted and there is no password.
    #[error("the private key is encrypted and there is no password for it")]
    PasswordRequired,
    /// An algorithm that neither OpenSSL as it is installed nor `p12-keystore` has, or one with
    /// parameters that `p12-keystore` refuses.
    #[error("encrypted in a way that is not supported here")]
    UnsupportedEncryption,
    /// Deriving the keys from the password would take minutes: more than a million iterations for
    /// one of them, or four million for all.
    #[error("opening it takes more iterations of a hash than are gone through here")]
    TooManyIterations,
    /// There is no private key.
    #[error("no private key")]
    NoPrivateKey,
    /// There is no certificate.
    #[error("no certificate")]
    NoCertificate,
    /// No certificate holds the public half of the key.
    #[error("the private key does not belong to the certificate of '{subject}'")]
    KeyMismatch {
        /// The subject of the first certificate.
        subject: DistinguishedName,
    },
    /// More than one key has a certificate, and nothing says which is meant.
    #[error("several private keys with a certificate each: {}", quoted(.subjects))]
    SeveralKeys {
        /// The subjects of the certificates.
        subjects: Vec<DistinguishedName>,
    },
    /// A key that no signature method of XML-DSig takes.
    #[error("a key of type {kind} cannot sign entries; RSA, EC, Ed25519 and DSA keys can")]
    UnsupportedKey {
        /// The name of the key's algorithm.
        kind: &'static str,
    },
    /// The certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The validity period has not begun.
    #[error("the certificate of '{subject}' is valid from {not_before}, and it is {at}")]
    NotYetValid {
        /// The certificate's subject.
        subject: DistinguishedName,
        /// When the validity period begins.
        not_before: Timestamp,
        /// When it was needed.
        at: Timestamp,
    },
    /// The validity period is over.
    #[error("the certificate of '{subject}' expired at {not_after}, and it is {at}")]
    Expired {
        /// The certificate's subject.
        subject: DistinguishedName,
        /// When the validity period ended.
        not_after: Timestamp,
        /// When it was needed.
        at: Timestamp,
    },
    /// The certificate is a proxy that stands for nobody who could endorse.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl Password {
    /// The password as the user wrote it.
    pub fn new(password: String) -> Self {
        Self(Zeroizing::new(password))
    }

    /// The password as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl Credentials {
    /// The credentials in a PKCS#12 file of any age. Of several certificates the one that holds
    /// the key's public half is the endorser's; if more than one does, the one that ends last.
    ///
    /// # Errors
    /// [`CredentialsError`] if the file cannot be opened with `password` or does not hold exactly
    /// one private key that has a certificate.
    pub fn from_pkcs12(pfx: &[u8], password: &Password) -> Result<Self, CredentialsError> {
        choice::credentials(pkcs12::contents(pfx, password.as_str())?)
    }

    /// The credentials in two PEM files: `certificates` may also hold the path above the
    /// endorser's certificate, and anything else; `keys` may be the same file. A `password` that
    /// no key needs is ignored.
    ///
    /// # Errors
    /// [`CredentialsError`] if there is not exactly one private key that has a certificate, or
    /// `password` does not decrypt it.
    pub fn from_pem(
        certificates: &[u8],
        keys: &[u8],
        password: Option<&Password>,
    ) -> Result<Self, CredentialsError> {
        let certificates = pem::certificates(certificates)?;
        let (keys, encrypted) = pem::keys(keys, password)?;
        choice::credentials(choice::Contents { keys, encrypted, certificates })
    }

    /// The certificate of the key: the endorser's, or a proxy (RFC 3820) of theirs.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key of that certificate: RSA, EC, Ed25519 or DSA; `None` if it is on a token.
    pub fn key(&self) -> Option<&PKey<Private>> {
        match &self.key {
            SigningKey::Local(key) => Some(key),
            #[cfg(feature = "pkcs11")]
            SigningKey::Token(_) => None,
        }
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// The certificates found beside it that lead to its issuers, nearest first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// If the certificate is a proxy (RFC 3820), those of [`Credentials::chain`] that say for whom it
    /// stands: of its issuer, of that one's if it is a proxy too, and so on to the end entity's, the
    /// last. Otherwise none.
    ///
    /// # Errors
    /// [`ProxyError`] if it stands for nobody, or one of these certificates is not there.
    pub fn proxy_issuers(&self) -> Result<Vec<&Certificate>, ProxyError> {
        trust::proxy_issuers(&self.certificate, &self.chain)
    }

    /// The certificate of whoever endorses with them: the end entity's if there are
    /// [`Credentials::proxy_issuers`], otherwise [`Credentials::certificate`].
    ///
    /// # Errors
    /// [`ProxyError`] if it is a proxy that stands for nobody.
    pub fn endorser(&self) -> Result<&Certificate, ProxyError> {
        Ok(self.proxy_issuers()?.pop().unwrap_or(&self.certificate))
    }

    /// The certificates of [`Credentials::chain`] that a verifier may need to find its way from the
    /// endorser to an authority it trusts. Self-signed ones are none of them: a verifier has its own,
    /// or does not trust them (as in TLS, RFC 8446 §4.4.2).
    pub fn intermediates(&self) -> impl Iterator<Item = &Certificate> {
        let below = self.proxy_issuers().unwrap_or_default();
        // By name: an end entity's renewed certificate is no more above it than its own.
        let is_below = move |other: &Certificate| below.iter().any(|it| it.subject() == other.subject());
        self.chain.iter().filter(move |certificate| !is_below(certificate) && !is_self_signed(certificate))
    }

    /// Whether the file kept its private keys from everyone without the password: none of them
    /// was in clear, and the password is not empty. A token always does.
    pub fn key_was_encrypted(&self) -> bool {
        self.key_was_encrypted
    }

    /// Checks that `at` is in the validity period (RFC 5280 §4.1.2.5) of the certificate, and of
    /// [`Credentials::proxy_issuers`].
    ///
    /// # Errors
    /// [`CredentialsError::NotYetValid`] or [`CredentialsError::Expired`], of the first certificate
    /// that is; [`CredentialsError::Proxy`] before that.
    pub fn check_validity(&self, at: Timestamp) -> Result<(), CredentialsError> {
        for certificate in [&self.certificate].into_iter().chain(self.proxy_issuers()?) {
            let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
            let subject = certificate.subject().clone();
            if at < not_before {
                return Err(CredentialsError::NotYetValid { subject, not_before, at });
            }
            if at > not_after {
                return Err(CredentialsError::Expired { subject, not_after, at });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Whether a certificate is signed with its own key; one that is only self-issued (RFC 5280 §3.2)
/// certifies an authority's new key.
fn is_self_signed(certificate: &Certificate) -> bool {
    certificate.subject() == certificate.issuer() && certificate.is_signed_by(certificate)
}

fn quoted(subjects: &[DistinguishedName]) -> String {
    subjects.iter().map(|subject| format!("'{subject}'")).collect::<Vec<_>>().join(", ")
}

/// Runs `read`, and once more with OpenSSL's legacy provider (RC2, RC4, DES) if an algorithm was
/// missing. The provider stays loaded, and the default one stays usable beside it.
fn with_legacy_provider<T>(read: impl Fn() -> Result<T, ErrorStack>) -> Result<T, ErrorStack> {
    static LEGACY: OnceLock<Option<Provider>> = OnceLock::new();
    let result = read();
    match &result {
        Err(errors) if lacks_algorithm(errors) => {
            match LEGACY.get_or_init(|| Provider::try_load(None, "legacy", true).ok()) {
                Some(_) => read(),
                None => result,
            }
        }
        _ => result,
    }
}

/// Whether OpenSSL failed because it has no implementation of an algorithm.
fn lacks_algorithm(errors: &ErrorStack) -> bool {
    /// The envelope library, which fetches algorithms.
    const ERR_LIB_EVP: i32 = 6;
    /// `ERR_R_UNSUPPORTED`, with the flag of reasons common to all libraries.
    const ERR_R_UNSUPPORTED: i32 = 0x8_010c;
    const EVP_R_UNKNOWN_PBE_ALGORITHM: i32 = 121;
    errors.errors().iter().any(|error| {
        error.library_code() == ERR_LIB_EVP
            && matches!(error.reason_code(), ERR_R_UNSUPPORTED | EVP_R_UNKNOWN_PBE_ALGORITHM)
    })
}
