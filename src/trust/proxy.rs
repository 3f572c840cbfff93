//! Proxy certificates (RFC 3820), which a holder of a certificate issues to a process of theirs: what
//! OpenSSL does not look at.

mod issuers;

use der::{Decode as _, Reader as _, SliceReader, Tag, asn1::ObjectIdentifier};

use self::issuers::MAX_PROXIES;
pub(crate) use self::issuers::issuers;
use super::extension::{Extension, Extensions, ISSUER_ALT_NAME, SUBJECT_ALT_NAME};
use crate::{Certificate, DistinguishedName, certificate::element};

/// id-pe-proxyCertInfo (RFC 3820 §3.8)
const PROXY_CERT_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.14");
/// The same in the drafts before it, in use by Globus 3 and 4.
const DRAFT_PROXY_CERT_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3536.1.222");
/// id-ppl-inheritAll: the proxy may do what its issuer may.
const INHERIT_ALL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.21.1");
/// id-ppl-independent: the proxy has no rights of its issuer.
const INDEPENDENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.21.2");
/// Globus's limited proxy, which may not start processes: nobody said that it may endorse.
const LIMITED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3536.1.1.1.9");

/// What is wrong with a proxy certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Of Globus 2, told by its name, or of Globus 3, by the extension of a draft.
    #[error("the proxy certificate '{proxy}' is of the kind before RFC 3820 ({kind}), which is not accepted")]
    Legacy {
        /// Its subject.
        proxy: DistinguishedName,
        /// `Globus 2` or `Globus 3`.
        kind: &'static str,
    },
    /// RFC 3820 §3.8: the extension must be critical.
    #[error("the proxy certificate '{proxy}' does not mark ProxyCertInfo as critical")]
    NotCritical {
        /// Its subject.
        proxy: DistinguishedName,
    },
    /// `ProxyCertInfo` that is none, or a policy where there may be none.
    #[error("the proxy certificate '{proxy}' has a malformed ProxyCertInfo")]
    Malformed {
        /// Its subject.
        proxy: DistinguishedName,
    },
    /// RFC 3820 §3.8.2: id-ppl-independent.
    #[error("the proxy certificate '{proxy}' is independent: it does not stand for its issuer '{issuer}'")]
    Independent {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// A limited proxy of Globus.
    #[error("the proxy certificate '{proxy}' is limited: '{issuer}' did not give it all rights")]
    Limited {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// A policy in a language that is not understood.
    #[error(
        "the proxy certificate '{proxy}' has a policy in the language {language}; only id-ppl-inheritAll is accepted"
    )]
    Language {
        /// Its subject.
        proxy: DistinguishedName,
        /// The language's object identifier.
        language: String,
    },
    /// RFC 3820 §3.8.1: an issuer allows fewer proxies below it.
    #[error("the proxy certificate '{proxy}' is one more than the {limit} that those above it allow")]
    PathLength {
        /// The subject of the first that is too many.
        proxy: DistinguishedName,
        /// How many are allowed below the one that says so.
        limit: u32,
    },
    /// RFC 3820 §3.4: the issuer's subject and one more commonName.
    #[error("the proxy certificate '{proxy}' is not named after its issuer '{issuer}'")]
    Name {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// RFC 3820 §3.1: who has a keyUsage needs digitalSignature in it.
    #[error("'{issuer}' issued the proxy certificate '{proxy}' without the key usage digitalSignature")]
    KeyUsage {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// RFC 3820 §3.1: an end entity or another proxy issues proxies.
    #[error(
        "the proxy certificate '{proxy}' was issued by the authority '{issuer}'; only end entities issue proxies"
    )]
    Authority {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// The issuer's certificate does not come with a proxy that was to sign.
    #[error("the certificate of '{issuer}', who issued the proxy certificate '{proxy}', is missing")]
    NoIssuer {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// The issuer that comes with a proxy has another key.
    #[error("the proxy certificate '{proxy}' was not signed with the key of '{issuer}'")]
    IssuerKey {
        /// Its subject.
        proxy: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// More proxies than a signature could carry.
    #[error("the proxy certificate '{proxy}' has more than {} proxies above it", MAX_PROXIES - 1)]
    TooMany {
        /// The subject of the lowest.
        proxy: DistinguishedName,
    },
    /// RFC 3820 §3.5, §3.7, §3.8: no alternative names, and no authority.
    #[error("the proxy certificate '{proxy}' has {what}, which a proxy may not have")]
    Forbidden {
        /// Its subject.
        proxy: DistinguishedName,
        /// What it has.
        what: &'static str,
    },
}

/// Whether a certificate says that it is a proxy of RFC 3820. What is malformed is none.
pub(crate) fn is_proxy(certificate: &Certificate) -> bool {
    Extensions::of(certificate.der()).is_ok_and(|extensions| extensions.get(PROXY_CERT_INFO).is_some())
}

/// What makes a proxy stand for its issuer, beyond what OpenSSL checks.
pub(super) fn check(proxy: &Certificate) -> Result<(), ProxyError> {
    let (subject, issuer) = (proxy.subject().clone(), proxy.issuer().clone());
    let malformed = || ProxyError::Malformed { proxy: subject.clone() };
    let extensions = Extensions::of(proxy.der()).map_err(|_| malformed())?;
    let info = extensions.get(PROXY_CERT_INFO).ok_or_else(malformed)?;
    if !info.critical {
        return Err(ProxyError::NotCritical { proxy: subject });
    }
    let Info { language, policy, .. } = Info::of(info).map_err(|_| malformed())?;
    match language {
        // RFC 3820 §3.8.2: these two carry no policy.
        INHERIT_ALL | INDEPENDENT if policy => Err(malformed()),
        INHERIT_ALL => Ok(()),
        INDEPENDENT => Err(ProxyError::Independent { proxy: subject, issuer }),
        LIMITED => Err(ProxyError::Limited { proxy: subject, issuer }),
        language => Err(ProxyError::Language { proxy: subject, language: language.to_string() }),
    }
}

/// The first of the certificates that is a proxy from before RFC 3820: no path leads through it.
pub(super) fn legacy<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Option<ProxyError> {
    certificates.into_iter().find_map(|certificate| {
        let extensions = Extensions::of(certificate.der()).ok()?;
        let proxy = certificate.subject().clone();
        if extensions.get(DRAFT_PROXY_CERT_INFO).is_some() {
            return Some(ProxyError::Legacy { proxy, kind: "Globus 3" });
        }
        let issuer = certificate.issuer().as_str();
        let named = ["CN=proxy,", "CN=limited proxy,"];
        let after = named.iter().find_map(|name| proxy.as_str().strip_prefix(name));
        let legacy = after == Some(issuer) && extensions.get(PROXY_CERT_INFO).is_none();
        legacy.then_some(ProxyError::Legacy { proxy, kind: "Globus 2" })
    })
}

/// The proxy, of these from the nearest to the end entity down, that is one too many, and what the
/// certificate that says so allows.
pub(super) fn too_many(proxies: &[Certificate]) -> Option<ProxyError> {
    let limit = |proxy: &Certificate| {
        let extensions = Extensions::of(proxy.der()).ok()?;
        Info::of(extensions.get(PROXY_CERT_INFO)?).ok()?.path_length
    };
    proxies.iter().enumerate().find_map(|(index, proxy)| {
        let limit = limit(proxy)?;
        let below = proxies.get(index + 1 + usize::try_from(limit).ok()?)?;
        Some(ProxyError::PathLength { proxy: below.subject().clone(), limit })
    })
}

/// What a proxy has that none may have, if anything.
pub(super) fn forbidden(proxy: &Certificate) -> Option<ProxyError> {
    let extensions = Extensions::of(proxy.der()).ok()?;
    let what = if extensions.get(SUBJECT_ALT_NAME).is_some() {
        "a subjectAltName"
    } else if extensions.get(ISSUER_ALT_NAME).is_some() {
        "an issuerAltName"
    } else if extensions.is_authority() {
        "the basicConstraints of an authority"
    } else {
        return None;
    };
    Some(ProxyError::Forbidden { proxy: proxy.subject().clone(), what })
}

/// `ProxyCertInfo` (RFC 3820 §3.8).
struct Info {
    path_length: Option<u32>,
    language: ObjectIdentifier,
    policy: bool,
}

impl Info {
    fn of(extension: &Extension) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(&extension.value)?;
        let info = reader.sequence(|info| {
            let is_integer = Tag::peek(info).is_ok_and(|next| next == Tag::Integer);
            let path_length = if is_integer { Some(u32::decode(info)?) } else { None };
            let (language, policy) = info.sequence(|policy| {
                let language = ObjectIdentifier::decode(policy)?;
                let has_policy = !policy.is_finished();
                if has_policy {
                    element(policy, Tag::OctetString)?;
                }
                Ok::<_, der::Error>((language, has_policy))
            })?;
            Ok::<_, der::Error>(Self { path_length, language, policy })
        })?;
        reader.finish()?;
        Ok(info)
    }
}
