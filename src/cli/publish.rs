//! Sending an entry to a Marketplace and telling what became of it.

use serde_json::{Map, Value};

use super::{Failure, Session, verdict::entry_fields};
use crate::{
    Metadata,
    dsig::Verified,
    marketplace::{Client, UploadState},
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
    let uploaded = client.upload(entry)?;
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
