//! Images in S3 buckets: each request has a URL that is signed for it (AWS Signature Version 4, query
//! parameters); what is done with it is what is done with any other.
//!
//! Credentials come from the environment that the tools of AWS have (`AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, a web identity, a container's); so do `AWS_REGION` and, for
//! other stores than Amazon's, `AWS_ENDPOINT_URL`. Without credentials nothing is signed: a public bucket
//! needs none. The instance metadata service is asked only if `AWS_METADATA_ENDPOINT` names it, since
//! elsewhere nobody answers there.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use object_store::{
    Error as StoreError, Result as StoreResult,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key},
    client::{
        CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, Signer as Rs256, SigningAlgorithm,
    },
    path::Path,
    signer::Signer as _,
};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use reqwest::{Method, Url};
use tokio::runtime::{Builder, Runtime};

use super::{
    Held, RemoteError, RemoteImage, RemoteOptions,
    request::{Source, Target},
};
use crate::http::HttpUrl;

/// How long a signed URL is good: one request, the redirects of it included.
const GOOD_FOR: Duration = Duration::from_mins(15);

/// An object in a bucket: `s3://BUCKET/KEY`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct S3Url {
    bucket: String,
    key: String,
}

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid URL '{value}': an object in a bucket is s3://BUCKET/KEY")]
pub struct S3UrlError {
    /// The text as given.
    pub value: String,
}

impl FromStr for S3Url {
    type Err = S3UrlError;

    /// The key is taken as it is: `%` stands for itself, as in the tools of AWS.
    fn from_str(value: &str) -> Result<Self, S3UrlError> {
        let error = || S3UrlError { value: value.escape_debug().to_string() };
        let (scheme, rest) = value.split_once("://").ok_or_else(error)?;
        let (bucket, key) = rest.split_once('/').ok_or_else(error)?;
        // Amazon S3 User Guide, "Bucket naming rules"; older buckets have capitals and underscores.
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = scheme.eq_ignore_ascii_case("s3")
            && (1..=255).contains(&bucket.len())
            && bucket.chars().all(name)
            && bucket.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !bucket.contains("..")
            && !key.chars().any(char::is_control)
            && Path::parse(key).is_ok_and(|path| !path.as_ref().is_empty());
        if good { Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() }) } else { Err(error()) }
    }
}

impl fmt::Display for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl RemoteImage {
    /// Asks for an image in a bucket as [`RemoteImage::open`] does for one at a URL; as
    /// [`RemoteImage::resume`] does if something is held.
    ///
    /// # Errors
    /// [`RemoteError`] if it cannot be had.
    pub fn in_bucket(url: &S3Url, options: RemoteOptions, held: Option<&Held>) -> Result<Self, RemoteError> {
        let signing = Signing::new(url)?;
        let target = Target::Signed { name: url.to_string(), sign: Box::new(move || signing.url()) };
        let source = Source::new(target, options)?;
        match held {
            Some(held) => Self::from_held(source, held),
            None => Self::from_start(source),
        }
    }
}

/// What makes the URLs of an object.
struct Signing {
    shown: String,
    store: AmazonS3,
    path: Path,
    /// Whether there are credentials.
    signed: bool,
    runtime: Runtime,
}

impl Signing {
    fn new(url: &S3Url) -> Result<Self, RemoteError> {
        let shown = url.to_string();
        let failed = |cause: &dyn fmt::Display| RemoteError::S3 { url: shown.clone(), cause: told(cause) };
        let mut builder =
            AmazonS3Builder::from_env().with_bucket_name(&url.bucket).with_crypto_provider(Arc::new(OpenSsl));
        let set = |key: &Key| builder.get_config_value(key).is_some_and(|value| !value.is_empty());
        let signed = [
            Key::AccessKeyId,
            Key::SecretAccessKey,
            Key::WebIdentityTokenFile,
            Key::ContainerCredentialsRelativeUri,
            Key::ContainerCredentialsFullUri,
            Key::MetadataEndpoint,
        ]
        .iter()
        .any(set)
            && builder.get_config_value(&Key::SkipSignature).is_none_or(|value| value != "true");
        if !signed {
            // What comes of them is taken off again.
            builder = builder.with_access_key_id("nobody").with_secret_access_key("nothing");
        }
        // A password in it would be shown, and not sent.
        if let Some(endpoint) = builder.get_config_value(&Key::Endpoint) {
            endpoint.parse::<HttpUrl>().map_err(|error| failed(&error))?;
        }
        let store = builder.build().map_err(|error| failed(&error))?;
        let path = Path::parse(&url.key).map_err(|error| failed(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        Ok(Self { store, path, signed, runtime, shown: shown.clone() })
    }

    fn url(&self) -> Result<Url, RemoteError> {
        let signing = self.store.signed_url(Method::GET, &self.path, GOOD_FOR);
        let url = self.runtime.block_on(signing);
        let mut url =
            url.map_err(|error| RemoteError::S3 { url: self.shown.clone(), cause: told(&error) })?;
        if !self.signed {
            url.set_query(None);
        }
        Ok(url)
    }
}

fn told(error: &dyn fmt::Display) -> String {
    crate::http::printable(&error.to_string())
}

/// The cryptography that `object_store` leaves to its users.
#[derive(Debug)]
struct OpenSsl;

/// What is digested, or authenticated under a key, and in the end the result: these are short.
struct Gathered {
    key: Option<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Gathered {
    fn finished(&mut self) -> StoreResult<&[u8]> {
        let openssl = |error: openssl::error::ErrorStack| StoreError::Generic {
            store: "S3",
            source: crate::http::first_reason(&error).into(),
        };
        self.bytes = match &self.key {
            None => openssl::hash::hash(MessageDigest::sha256(), &self.bytes).map_err(openssl)?.to_vec(),
            Some(key) => {
                let key = PKey::hmac(key).map_err(openssl)?;
                let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(openssl)?;
                signer.sign_oneshot_to_vec(&self.bytes).map_err(openssl)?
            }
        };
        Ok(&self.bytes)
    }
}

impl DigestContext for Gathered {
    fn update(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    fn finish(&mut self) -> StoreResult<&[u8]> {
        self.finished()
    }
}

impl HmacContext for Gathered {
    fn update(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    fn finish(&mut self) -> StoreResult<&[u8]> {
        self.finished()
    }
}

impl CryptoProvider for OpenSsl {
    fn digest(&self, algorithm: DigestAlgorithm) -> StoreResult<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Gathered { key: None, bytes: Vec::new() })),
            _ => Err(unsupported()),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> StoreResult<Box<dyn HmacContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                Ok(Box::new(Gathered { key: Some(secret.to_vec()), bytes: Vec::new() }))
            }
            _ => Err(unsupported()),
        }
    }

    fn sign(&self, _: SigningAlgorithm, _: &[u8]) -> StoreResult<Box<dyn Rs256>> {
        Err(unsupported())
    }
}

/// No request to S3 is signed with anything else.
fn unsupported() -> StoreError {
    StoreError::NotSupported { source: "only SHA-256 is used for S3".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::hex;

    #[test]
    fn a_bucket_and_a_key_are_read() {
        for url in ["s3://images/ttylinux.img", "s3://old_Images.2/a b/c%20d/é.img.gz"] {
            assert_eq!(url.parse::<S3Url>().unwrap().to_string(), url);
        }
        for wrong in [
            "",
            "s3:",
            "s3://",
            "s3:///key",
            "s3://bucket",
            "s3://bucket/",
            "http://bucket/key",
            "s3://b@d/key",
            "s3://bucket/a//b",
            "s3://bucket/../key",
            "s3://bucket/a\nb",
            "s3://a..b/key",
            "s3://-a/key",
        ] {
            assert!(wrong.parse::<S3Url>().is_err(), "{wrong}");
        }
    }

    /// FIPS 180-4's "abc", and RFC 4231 §4.3.
    #[test]
    fn digests_and_authentication_codes_are_the_published_ones() {
        let mut digest = OpenSsl.digest(DigestAlgorithm::Sha256).unwrap();
        digest.update(b"a");
        digest.update(b"bc");
        assert_eq!(
            hex(digest.finish().unwrap()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let mut code = OpenSsl.hmac(DigestAlgorithm::Sha256, b"Jefe").unwrap();
        code.update(b"what do ya want ");
        code.update(b"for nothing?");
        assert_eq!(
            hex(code.finish().unwrap()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
