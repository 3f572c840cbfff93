//! RDF/XML to [`Metadata`].

use roxmltree::{Document, Node};

use super::{
    CompressedFile, Endorsement, Endorser, Metadata,
    namespace::{DCTERMS, RDF, SLC, SLREQ, SLTERMS},
    rules::{self, Finding, Stage},
};
use crate::{
    Checksum, ChecksumAlgorithm, DistinguishedName,
    xml::{children, text_of},
};

impl Metadata {
    /// Applies the rules to an entry without its signature: what they find, and what it says, as
    /// far as it can be read at all. Whoever uses that has to look at the findings.
    pub(crate) fn examine(entry: &Document, stage: Stage) -> (Vec<Finding>, Option<Self>) {
        (rules::check(entry, stage), Self::read(entry))
    }

    /// Reads an entry. One that follows the rules can be read.
    fn read(tree: &Document) -> Option<Self> {
        let root = tree.root_element();
        let description = children(root, RDF, "Description").next()?;
        let one = |namespace, name| text(description, namespace, name);
        Some(Self {
            identifier: one(DCTERMS, "identifier")?.parse().ok()?,
            bytes: one(SLREQ, "bytes")?.trim().trim_start_matches('-').parse().ok()?,
            checksums: children(description, SLREQ, "checksum").filter_map(checksum).collect(),
            endorsement: children(description, SLREQ, "endorsement").next().and_then(endorsement),
            image_type: one(DCTERMS, "type").unwrap_or_default(),
            kind: one(SLTERMS, "kind"),
            os: one(SLTERMS, "os"),
            os_version: one(SLTERMS, "os-version"),
            os_arch: one(SLTERMS, "os-arch"),
            version: one(SLTERMS, "version"),
            compression: one(DCTERMS, "compression"),
            locations: children(description, SLTERMS, "location").map(|l| text_of(l).into_owned()).collect(),
            format: one(DCTERMS, "format"),
            creator: one(DCTERMS, "creator"),
            created: one(DCTERMS, "created").and_then(|date| date.parse().ok()),
            valid: one(DCTERMS, "valid").and_then(|date| date.parse().ok()),
            title: one(DCTERMS, "title"),
            tag: one(DCTERMS, "alternative"),
            description: one(DCTERMS, "description"),
            hypervisor: one(SLTERMS, "hypervisor"),
            disks_bus: one(SLTERMS, "disks-bus"),
            publisher: one(DCTERMS, "publisher"),
            replaces: one(DCTERMS, "replaces"),
            is_version_of: one(DCTERMS, "isVersionOf"),
            compressed: compressed(description),
            deprecated: one(SLTERMS, "deprecated"),
        })
    }
}

/// A checksum as a document states it. One leading zero too many is let pass, for old entries.
pub(crate) fn checksum_from_document(algorithm: ChecksumAlgorithm, value: &str) -> Option<Checksum> {
    let digits = match value.strip_prefix('0') {
        Some(rest) if rest.len() == algorithm.hex_length() => rest,
        _ => value,
    };
    Checksum::from_hex(algorithm, digits).ok()
}

fn compressed(description: Node) -> Option<CompressedFile> {
    let (bytes, sha512) = (text(description, SLC, "bytes")?, text(description, SLC, "sha512")?);
    // Minus zero is a number of bytes too.
    let bytes = match bytes.trim().strip_prefix('-') {
        Some(digits) => digits.parse().ok().filter(|bytes| *bytes == 0),
        None => bytes.trim().parse().ok(),
    };
    Some(CompressedFile {
        bytes: bytes?,
        sha512: Checksum::from_hex(ChecksumAlgorithm::Sha512, &sha512).ok()?,
    })
}

fn checksum(element: Node) -> Option<Checksum> {
    let algorithm = ChecksumAlgorithm::from_name(&text(element, SLREQ, "algorithm")?)?;
    checksum_from_document(algorithm, &text(element, SLREQ, "value")?)
}

fn endorsement(element: Node) -> Option<Endorsement> {
    let endorser = children(element, SLREQ, "endorser").next()?;
    let name = |part| text(endorser, SLREQ, part).map(DistinguishedName::from_text);
    Some(Endorsement {
        created: text(element, DCTERMS, "created")?.parse().ok()?,
        endorser: Endorser {
            email: text(endorser, SLREQ, "email")?.parse().ok()?,
            subject: name("subject")?,
            issuer: name("issuer")?,
        },
    })
}

fn text(parent: Node, namespace: &'static str, name: &'static str) -> Option<String> {
    children(parent, namespace, name).next().map(|element| text_of(element).into_owned())
}
