//! How a Marketplace is talked to: connection, time, identity.

use std::{fmt, time::Duration};

use openssl::{
    pkey::{PKeyRef, Private},
    x509::X509,
};
use reqwest::blocking::ClientBuilder;
use zeroize::Zeroizing;

use crate::{
    credentials::Password,
    http::{ConnectionOptions, LONGEST, OptionsError, first_reason, innermost},
};

/// How a [`Client`](super::Client) connects. The default shows no identity.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Trust, proxies, retries.
    pub connection: ConnectionOptions,
    /// Longest time for an operation, redirects, retries and the pauses between them included.
    pub total_timeout: Duration,
    /// The certificate shown to a server that asks for one.
    pub identity: Option<ClientIdentity>,
    /// User and password (RFC 7617), sent to the endpoint's origin only.
    pub login: Option<Login>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connection: ConnectionOptions::default(),
            total_timeout: Duration::from_mins(1),
            identity: None,
            login: None,
        }
    }
}

/// A user and a password; neither is printed.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Password,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// A certificate, its chain and its key, for TLS.
#[derive(Clone)]
pub struct ClientIdentity(pub(super) reqwest::Identity);

impl ClientIdentity {
    /// From certificates in DER, the key's own first.
    ///
    /// # Errors
    /// [`OptionsError::Identity`] if they cannot be used.
    pub fn new<'a>(
        certificates: impl IntoIterator<Item = &'a [u8]>,
        key: &PKeyRef<Private>,
    ) -> Result<Self, OptionsError> {
        let openssl =
            |cause: &openssl::error::ErrorStack| OptionsError::Identity { cause: first_reason(cause) };
        let mut pem = Vec::new();
        for certificate in certificates {
            let certificate = X509::from_der(certificate).map_err(|cause| openssl(&cause))?;
            pem.extend(certificate.to_pem().map_err(|cause| openssl(&cause))?);
        }
        // PKCS#8 is the only form native-tls takes on every system.
        let key = Zeroizing::new(key.private_key_to_pem_pkcs8().map_err(|cause| openssl(&cause))?);
        reqwest::Identity::from_pkcs8_pem(&pem, &key)
            .map(Self)
            .map_err(|cause| OptionsError::Identity { cause: innermost(&cause) })
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity")
    }
}

impl ClientOptions {
    pub(super) fn transport(&self) -> Result<reqwest::blocking::Client, OptionsError> {
        self.built(self.connection.transport()?)
    }

    /// The same for a transfer of any length: what may take [`ClientOptions::total_timeout`] is each
    /// operation, the head of an answer or one read of its body.
    pub(super) fn stream_transport(&self) -> Result<reqwest::blocking::Client, OptionsError> {
        self.built(self.connection.transport()?.timeout(self.total_timeout.min(LONGEST)))
    }

    fn built(&self, mut builder: ClientBuilder) -> Result<reqwest::blocking::Client, OptionsError> {
        if let Some(ClientIdentity(identity)) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        builder.build().map_err(|cause| OptionsError::Setup { cause: innermost(&cause) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_never_printed() {
        let login = Login { user: "jane".to_owned(), password: Password::new("secret".to_owned()) };
        let options = ClientOptions { login: Some(login), ..ClientOptions::default() };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
