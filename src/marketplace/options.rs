//! How a Marketplace is talked to: timeouts, retries, trust, identity.

use std::{
    collections::HashSet,
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use openssl::{
    pkey::{PKeyRef, Private},
    x509::X509,
};
use zeroize::Zeroizing;

use crate::credentials::Password;

/// The longest time that is ever waited: longer ones cannot be reckoned with on every system.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// Largest file read for CA certificates, in bytes.
const CA_FILE_LIMIT: u64 = 16 << 20;
/// Most files looked at in a folder of CA certificates.
const CA_FOLDER_LIMIT: usize = 10_000;

/// How a [`Client`](super::Client) connects. The default trusts the system's CA certificates,
/// goes through the proxies named in the environment, and shows no identity.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Longest wait for one connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest time for an operation, redirects, retries and the pauses between them included.
    pub total_timeout: Duration,
    /// What happens after a transient failure.
    pub retry: RetryPolicy,
    /// CA certificates, PEM or one in DER; they replace those of the system.
    pub ca_file: Option<PathBuf>,
    /// A folder of PEM files, hashed names or not; they replace those of the system.
    pub ca_folder: Option<PathBuf>,
    /// The certificate shown to a server that asks for one.
    pub identity: Option<ClientIdentity>,
    /// User and password (RFC 7617), sent to the endpoint's origin only.
    pub login: Option<Login>,
    /// Accepts any server certificate, for any name: whoever is on the way can read and change
    /// everything, the login included.
    pub insecure_no_tls_verify: bool,
    /// Heeds `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
    pub proxy_from_environment: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            ca_file: None,
            ca_folder: None,
            identity: None,
            login: None,
            insecure_no_tls_verify: false,
            proxy_from_environment: true,
        }
    }
}

/// Exponential backoff after failures that [are transient](super::ClientError::is_transient).
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with every further one.
    pub first_pause: Duration,
    /// The longest pause, unless the server's `Retry-After` asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 4, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(8) }
    }
}

impl RetryPolicy {
    /// The pause after failure number `failures`, from half to all of the doubled one as
    /// `random` has it, so that many clients do not come back at once.
    pub(super) fn pause(&self, failures: u32, random: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let share = 0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX);
        doubled.min(self.longest_pause).min(LONGEST).mul_f64(share)
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

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A file or folder of CA certificates cannot be read.
    #[error("cannot read CA certificates from {}: {cause}", .path.display())]
    CaUnreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file or folder without any certificate.
    #[error("no CA certificate in {}", .path.display())]
    CaMissing {
        /// The file or folder.
        path: PathBuf,
    },
    /// The client certificate and its key cannot be used.
    #[error("cannot use the client certificate: {cause}")]
    Identity {
        /// Why.
        cause: String,
    },
    /// The TLS library does not start with these options.
    #[error("cannot set up TLS: {cause}")]
    Setup {
        /// Why.
        cause: String,
    },
}

impl ClientOptions {
    /// The transport these options describe. Redirects and retries are ours, not reqwest's.
    pub(super) fn transport(&self) -> Result<reqwest::blocking::Client, OptionsError> {
        let setup = |cause: &reqwest::Error| OptionsError::Setup { cause: innermost(cause) };
        let mut builder = reqwest::blocking::Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            .timeout(None)
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .tls_danger_accept_invalid_certs(self.insecure_no_tls_verify)
            .tls_danger_accept_invalid_hostnames(self.insecure_no_tls_verify);
        if !self.proxy_from_environment {
            builder = builder.no_proxy();
        }
        if let Some(ClientIdentity(identity)) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        if let Some(anchors) = self.anchors()? {
            let anchors: Result<Vec<_>, _> =
                anchors.iter().map(|der| reqwest::Certificate::from_der(der)).collect();
            builder = builder.tls_certs_only(anchors.map_err(|cause| setup(&cause))?);
        }
        builder.build().map_err(|cause| setup(&cause))
    }

    /// The CA certificates that replace the system's, in DER, each once.
    fn anchors(&self) -> Result<Option<HashSet<Vec<u8>>>, OptionsError> {
        let mut found = HashSet::new();
        if let Some(path) = &self.ca_file {
            let bytes = read_bounded(path)
                .map_err(|cause| OptionsError::CaUnreadable { path: path.clone(), cause })?;
            let certificates = certificates(&bytes);
            if certificates.is_empty() {
                return Err(OptionsError::CaMissing { path: path.clone() });
            }
            found.extend(certificates);
        }
        if let Some(path) = &self.ca_folder {
            let certificates =
                folder(path).map_err(|cause| OptionsError::CaUnreadable { path: path.clone(), cause })?;
            if certificates.is_empty() {
                return Err(OptionsError::CaMissing { path: path.clone() });
            }
            found.extend(certificates);
        }
        Ok((self.ca_file.is_some() || self.ca_folder.is_some()).then_some(found))
    }
}

/// Every certificate in the files of a folder. Grid folders hold CRLs, policies and links
/// beside them, so what is no certificate or cannot be read is passed over.
fn folder(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for file in fs::read_dir(path)?.take(CA_FOLDER_LIMIT) {
        let file = file?.path();
        // Opening a FIFO would block.
        if fs::metadata(&file).is_ok_and(|metadata| metadata.is_file())
            && let Ok(bytes) = read_bounded(&file)
        {
            found.extend(certificates(&bytes));
        }
    }
    Ok(found)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(CA_FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CA_FILE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {CA_FILE_LIMIT} bytes")));
    }
    Ok(bytes)
}

fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = X509::stack_from_pem(bytes).unwrap_or_default();
    if found.is_empty() {
        found.extend(X509::from_der(bytes));
    }
    found.iter().filter_map(|certificate| certificate.to_der().ok()).collect()
}

fn first_reason(stack: &openssl::error::ErrorStack) -> String {
    stack.errors().first().and_then(openssl::error::Error::reason).unwrap_or("unknown reason").to_owned()
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    super::reason::printable(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_jittered() {
        let policy = RetryPolicy::default();
        let milliseconds = |failures, random| policy.pause(failures, random).as_millis();
        assert_eq!(
            [1, 2, 3, 5, 6, 40].map(|n| milliseconds(n, u32::MAX)),
            [500, 1000, 2000, 8000, 8000, 8000]
        );
        assert_eq!([1, 2, 40].map(|n| milliseconds(n, 0)), [250, 500, 4000]);
        let endless = RetryPolicy { attempts: 0, first_pause: Duration::MAX, longest_pause: Duration::MAX };
        assert_eq!(endless.pause(u32::MAX, u32::MAX), LONGEST);
    }

    #[test]
    fn a_folder_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("12345678.r0"), "-----BEGIN X509 CRL-----\n").unwrap();
        let options = ClientOptions { ca_folder: Some(folder.path().to_owned()), ..ClientOptions::default() };
        assert!(matches!(options.transport(), Err(OptionsError::CaMissing { .. })));
        let absent = folder.path().join("absent");
        for options in [
            ClientOptions { ca_file: Some(absent.clone()), ..ClientOptions::default() },
            ClientOptions { ca_folder: Some(absent), ..ClientOptions::default() },
        ] {
            let error = options.transport().unwrap_err();
            assert!(
                matches!(&error, OptionsError::CaUnreadable { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
            );
        }
    }

    #[test]
    fn a_login_is_never_printed() {
        let login = Login { user: "jane".to_owned(), password: Password::new("secret".to_owned()) };
        let options = ClientOptions { login: Some(login), ..ClientOptions::default() };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
