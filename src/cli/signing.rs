//! How failures to sign are told.

use super::{Failure, Status};
use crate::{
    dsig::SignError,
    metadata::rules::{RuleError, StructureError},
    trust::ProxyError,
};

/// What helps if a proxy certificate cannot sign.
pub(super) fn proxy_hint(error: &ProxyError) -> Option<&'static str> {
    Some(match error {
        ProxyError::NoIssuer { .. } => {
            "the file has to hold the certificates from the proxy's issuer to the end entity, as \
             grid-proxy-init and voms-proxy-init write it"
        }
        ProxyError::Legacy { .. } => "make one of RFC 3820: voms-proxy-init -rfc, or grid-proxy-init -rfc",
        ProxyError::Limited { .. } | ProxyError::Independent { .. } | ProxyError::Language { .. } => {
            "sign with a proxy that has all rights, or with the end entity's certificate"
        }
        _ => return None,
    })
}
const METHOD_KEY: &str = "leave out --signature-algorithm, or signature_algorithm in the configuration, or name one that fits the key";

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        let error = match error {
            SignError::Token(error) => return error.into(),
            error => error,
        };
        let (status, hint) = match &error {
            SignError::NoEmail => (Status::Credentials, Some("give the endorser's address with --email")),
            SignError::NotEndorser { .. } => {
                (Status::Credentials, Some("deprecate it with the certificate it was endorsed with"))
            }
            SignError::Proxy(error) => (Status::Credentials, proxy_hint(error)),
            SignError::CertificateEmail { .. }
            | SignError::CertificateName { .. }
            | SignError::UnsupportedKey
            | SignError::WeakKey { .. }
            | SignError::OpenSsl(_) => (Status::Credentials, None),
            SignError::MethodNotNamed { .. } => {
                (Status::Usage, Some("--signature-algorithm dsa-sha1 makes signatures for old Marketplaces"))
            }
            SignError::MethodKey { .. } => (Status::Usage, Some(METHOD_KEY)),
            SignError::Rule(RuleError::Structure(StructureError::Order { .. })) => (
                Status::No,
                Some("put the elements in the order in which stratus-build-metadata writes them"),
            ),
            SignError::Rule(RuleError::Structure(StructureError::UnqualifiedParseType { .. })) => {
                (Status::No, Some("write rdf:parseType instead"))
            }
            _ => (Status::No, None),
        };
        let failure = Self::new(status, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
