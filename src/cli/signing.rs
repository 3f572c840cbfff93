//! How failures to sign are told.

use super::{Failure, Status};
use crate::dsig::SignError;

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        let (status, hint) = match &error {
            SignError::NoEmail => (Status::Credentials, Some("give the endorser's address with --email")),
            SignError::CertificateEmail { .. }
            | SignError::CertificateName { .. }
            | SignError::UnsupportedKey
            | SignError::WeakKey { .. }
            | SignError::OpenSsl(_) => (Status::Credentials, None),
            SignError::MethodKey { .. } => {
                (Status::Usage, Some("leave --signature-algorithm out, or name one that fits the key"))
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
