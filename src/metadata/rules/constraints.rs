//! Constraints: what the parts of an entry have to do with each other.

use openssl::bn::BigNum;

use super::{DCTERMS, Entry, Errors, RDF, RuleError, SLREQ, SLTERMS, Stage, children, is_algorithm, text_of};
use crate::{
    ChecksumAlgorithm, Timestamp,
    metadata::{BASE, checksum_from_document, namespace::XML},
    timestamp::TimestampError,
};

/// `xml:base` of the root is the one of all entries.
pub(super) fn base(entry: &Entry, errors: &mut Errors) {
    if entry.root.attribute((XML, "base")) != Some(BASE) {
        errors.push(RuleError::Base);
    }
}

/// One `dcterms:type`, without children.
pub(super) fn image_type(entry: &Entry, errors: &mut Errors) {
    if entry.all(DCTERMS, "type").count() != 1 {
        errors.push(RuleError::ExactlyOne { element: "dcterms:type" });
    }
    if entry.all(DCTERMS, "type").any(|element| element.first_element_child().is_some()) {
        errors.push(RuleError::TypeChildren);
    }
}

/// One SHA-1 checksum.
pub(super) fn one_sha1(entry: &Entry, errors: &mut Errors) {
    let sha1 =
        entry.all(SLREQ, "checksum").filter(|checksum| is_algorithm(*checksum, ChecksumAlgorithm::Sha1));
    if sha1.count() != 1 {
        errors.push(RuleError::OneSha1);
    }
}

/// Elements that would contradict each other if there were two.
pub(super) fn single_elements(entry: &Entry, errors: &mut Errors) {
    for (namespace, name, element) in [
        (SLTERMS, "serial-number", "slterms:serial-number"),
        (SLTERMS, "version", "slterms:version"),
        (SLTERMS, "deprecated", "slterms:deprecated"),
        (SLTERMS, "os", "slterms:os"),
        (SLTERMS, "os-arch", "slterms:os-arch"),
        (SLTERMS, "os-version", "slterms:os-version"),
        (DCTERMS, "valid", "dcterms:valid"),
    ] {
        if entry.all(namespace, name).count() > 1 {
            errors.push(RuleError::AtMostOne { element });
        }
    }
}

/// `rdf:about` is `#` and the identifier.
pub(super) fn about(entry: &Entry, errors: &mut Errors) {
    let about = entry.description.and_then(|description| description.attribute((RDF, "about")));
    if let (Some(about), Some(identifier)) = (about, entry.text(DCTERMS, "identifier"))
        && about.strip_prefix('#') != Some(&identifier)
    {
        errors.push(RuleError::About { about: about.to_owned(), identifier });
    }
}

/// The identifier is one.
pub(super) fn identifier(entry: &Entry, errors: &mut Errors) {
    if let Some(Err(error)) = entry.identifier() {
        errors.push(error.into());
    }
}

/// Every checksum of a known algorithm has a value that the algorithm produces.
pub(super) fn checksums(entry: &Entry, errors: &mut Errors) {
    for checksum in entry.all(SLREQ, "checksum") {
        for algorithm in
            ChecksumAlgorithm::ALL.into_iter().filter(|algorithm| is_algorithm(checksum, *algorithm))
        {
            for value in children(checksum, SLREQ, "value") {
                let value = text_of(value);
                if checksum_from_document(algorithm, &value).is_none() {
                    errors.push(RuleError::Checksum { algorithm, value: value.into_owned() });
                }
            }
        }
    }
}

/// The identifier and the SHA-1 are the same number.
pub(super) fn identifier_is_sha1(entry: &Entry, errors: &mut Errors) {
    let (Some(Ok(identifier)), Some(stated)) = (entry.identifier(), entry.sha1()) else { return };
    let Some(sha1) = checksum_from_document(ChecksumAlgorithm::Sha1, &stated) else { return };
    if identifier.sha1_hex() != sha1.value() {
        errors.push(RuleError::Inconsistent {
            identifier: decimal(&identifier.sha1_hex()),
            checksum: decimal(sha1.value()),
        });
    }
}

/// `dcterms:valid` is a date, if there is one.
pub(super) fn valid_date(entry: &Entry, errors: &mut Errors) {
    for valid in entry.all(DCTERMS, "valid") {
        let value = text_of(valid);
        if !value.is_empty() {
            date("dcterms:valid", &value, errors);
        }
    }
}

/// `dcterms:created` of the endorsement is a date.
pub(super) fn endorsement_date(entry: &Entry, errors: &mut Errors) {
    for endorsement in entry.all(SLREQ, "endorsement") {
        if entry.stage == Stage::Unsigned && endorsement.first_element_child().is_none() {
            continue;
        }
        for created in children(endorsement, DCTERMS, "created") {
            date("dcterms:created", &text_of(created), errors);
        }
    }
}

fn date(element: &'static str, value: &str, errors: &mut Errors) {
    match value.parse::<Timestamp>() {
        Ok(_) => {}
        Err(TimestampError::Calendar { value }) => errors.push(RuleError::NoSuchDate { value }),
        Err(TimestampError::Form { value }) => errors.push(RuleError::NotADate { element, value }),
    }
}

/// The originals print both sides as decimal numbers.
fn decimal(hexadecimal: &str) -> String {
    let number = BigNum::from_hex_str(hexadecimal).and_then(|number| number.to_dec_str());
    number.map_or_else(|_| hexadecimal.to_owned(), |decimal| decimal.to_string())
}
