//! How a Marketplace is talked to: connection, time, identity.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openssl::{
    pkey::{PKeyRef, Private},
    x509::X509,
};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use super::Endpoint;
use crate::{
    credentials::Password,
    http::{self, ConnectionOptions, LONGEST, OptionsError, first_reason, innermost},
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

impl Login {
    /// As a header; not to be shown.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let pair = Zeroizing::new(format!("{}:{}", self.user, self.password.as_str()));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        // Base64 is always a value.
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
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
    pub(super) fn transport(&self, endpoint: &Endpoint) -> Result<http::Client, OptionsError> {
        self.client(None, endpoint)
    }

    /// The same for a transfer of any length: what may take [`ClientOptions::total_timeout`] is each
    /// operation, the head of an answer or one read of its body.
    pub(super) fn stream_transport(&self, endpoint: &Endpoint) -> Result<http::Client, OptionsError> {
        self.client(Some(self.total_timeout.min(LONGEST)), endpoint)
    }

    fn client(&self, timeout: Option<Duration>, endpoint: &Endpoint) -> Result<http::Client, OptionsError> {
        let identity = self.identity.as_ref().map(|ClientIdentity(identity)| identity.clone());
        http::Client::new(&self.connection, identity, timeout, Some(&endpoint.upload_url()))
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
