//! Sending an entry to a Marketplace and telling what became of it.

use serde_json::{Map, Value};

use super::{Failure, Session, verdict::entry_fields};
use crate::{
    Metadata,
    dsig::{SignatureMethod, Verified},
    marketplace::{Client, ClientError, UploadState},
};

/// Uploads the entry and prints its URL; a confirmation that is still to come is told apart on
/// stderr. The JSON object of the entry.
///
/// # Errors
/// [`Failure`] if the Marketplace cannot be reached or refuses the entry.
pub fn publish(
    client: &Client,
    entry: &Verified<Metadata>,
    session: &Session,
) -> Result<Map<String, Value>, Failure> {
    session.detail(format_args!("uploading {} to {}", entry.identifier, client.endpoint()));
    let uploaded = client.upload(entry).map_err(|error| refused(error, entry))?;
    session.result(&uploaded.url);
    session.detail(format_args!("the Marketplace says: {}", uploaded.message));
    let state = match (uploaded.state, &entry.endorsement) {
        (UploadState::Pending, Some(endorsement)) => {
            // Nothing is published yet: a script that wants no notes must learn that too.
            session.warn(format_args!(
                "confirmation e-mail sent to {}; the entry appears once it is confirmed",
                endorsement.endorser.email
            ));
            "pending"
        }
        (UploadState::Pending, None) => "pending",
        _ => "created",
    };
    let mut fields = entry_fields(entry);
    fields.insert("url".to_owned(), uploaded.url.into());
    fields.insert("state".to_owned(), state.into());
    fields.insert("message".to_owned(), uploaded.message.into());
    Ok(fields)
}

/// The original Marketplaces find no key for any signature but rsa-sha1 (M4), and say so in the
/// words of their library.
fn refused(error: ClientError, entry: &Verified<Metadata>) -> Failure {
    const WORDS: [&str; 5] =
        ["signature validation: false", "keyselector", "no key", "validation key", "unsupported algorithm"];
    let of_signature = match &error {
        ClientError::Refused { status, reason, .. } if status.as_u16() == 400 => {
            let reason = reason.to_lowercase();
            WORDS.iter().any(|words| reason.contains(words))
                || (reason.contains("algorithm") && reason.contains("support"))
        }
        _ => false,
    };
    let refused = matches!(&error, ClientError::Refused { status, .. } if status.as_u16() == 400);
    let failure = Failure::from(error);
    if refused && entry.evidence().endorser != entry.evidence().certificate {
        return failure.with_hint("it was signed with a proxy certificate, which Marketplaces do not accept");
    }
    if of_signature && entry.evidence().signature_method != SignatureMethod::RsaSha1 {
        return failure
            .with_hint("old Marketplaces accept only what is signed with --signature-algorithm rsa-sha1");
    }
    failure
}
