//! What this Marketplace demands of an upload: that it is valid; SHA-1 and old tools' ways are.

use stratuslab::{
    Timestamp,
    dsig::AlgorithmPolicy,
    metadata::rules::Leniency,
    validate::{Options, validate},
};

use super::server::Facts;

/// The facts about a valid entry, or why it is refused.
pub(crate) fn judge(document: &[u8]) -> Result<Facts, String> {
    let mut options = Options::new(Timestamp::now());
    options.policy = AlgorithmPolicy::new(true);
    options.leniency = Leniency::OldEntries;
    let entry = validate(document, &options)
        .into_verified()
        .map_err(|report| report.deciding().and_then(|check| check.message.clone()).unwrap_or_default())?;
    let endorsement = entry.endorsement.as_ref().ok_or("no endorsement")?;
    Ok(Facts {
        identifier: entry.identifier.to_string(),
        email: endorsement.endorser.email.to_string(),
        created: endorsement.created.to_string(),
        valid: entry.valid.map(|valid| valid.to_string()),
        deprecated: entry.deprecated.is_some(),
    })
}
