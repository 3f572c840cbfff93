//! The description of an image: what an entry says.

pub mod builder;
mod edit;
pub mod property;
pub mod rdf;
mod read;
pub mod rules;
mod state;

use crate::{Checksum, DistinguishedName, Email, Identifier, Timestamp};

pub(crate) use self::{
    edit::{deprecate, endorse, insert_last},
    read::checksum_from_document,
};

pub use self::state::State;

/// The value `xml:base` of an entry must have.
pub const BASE: &str = "http://mp.stratuslab.eu/";

/// Namespace names of the vocabulary.
pub mod namespace {
    /// RDF syntax: `rdf:RDF`, `rdf:Description`, `rdf:about`, `rdf:parseType`.
    pub const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
    /// Dublin Core terms.
    pub const DCTERMS: &str = "http://purl.org/dc/terms/";
    /// What every entry must say.
    pub const SLREQ: &str = "http://mp.stratuslab.eu/slreq#";
    /// What an entry may say.
    pub const SLTERMS: &str = "http://mp.stratuslab.eu/slterms#";
    /// What an entry may say of the compressed file at the locations: `slc:bytes`, `slc:sha512`.
    /// The original tools know nothing of it, and ignore it.
    pub const SLC: &str = "http://mp.stratuslab.eu/slcompressed#";
    /// The prefix `xml`: `xml:base`, `xml:lang` (Namespaces in XML §3).
    pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
}

/// The description of one image: the content of `rdf:Description`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// `dcterms:identifier`, also in `rdf:about`.
    pub identifier: Identifier,
    /// `slreq:bytes`: size of the uncompressed image in bytes.
    pub bytes: u64,
    /// `slreq:checksum`, those whose algorithm is known.
    pub checksums: Vec<Checksum>,
    /// `slreq:endorsement`; `None` while unsigned.
    pub endorsement: Option<Endorsement>,
    /// `dcterms:type`: by custom `base` or `grid`.
    pub image_type: String,
    /// `slterms:kind`: by custom `machine` or `disk`.
    pub kind: Option<String>,
    /// `slterms:os`.
    pub os: Option<String>,
    /// `slterms:os-version`.
    pub os_version: Option<String>,
    /// `slterms:os-arch`.
    pub os_arch: Option<String>,
    /// `slterms:version`: of the image.
    pub version: Option<String>,
    /// `dcterms:compression`: of the file at the locations (`gz`, `bz2`, `xz`, `zst`).
    pub compression: Option<String>,
    /// `slterms:location`: where the image lies, in document order.
    pub locations: Vec<String>,
    /// `dcterms:format`: `raw`, `qcow2`, …
    pub format: Option<String>,
    /// `dcterms:creator`.
    pub creator: Option<String>,
    /// `dcterms:created`: of the image or its record, not of the endorsement.
    pub created: Option<Timestamp>,
    /// `dcterms:valid`: when the entry expires.
    pub valid: Option<Timestamp>,
    /// `dcterms:title`.
    pub title: Option<String>,
    /// `dcterms:alternative`.
    pub tag: Option<String>,
    /// `dcterms:description`.
    pub description: Option<String>,
    /// `slterms:hypervisor`.
    pub hypervisor: Option<String>,
    /// `slterms:disks-bus`.
    pub disks_bus: Option<String>,
    /// `dcterms:publisher`.
    pub publisher: Option<String>,
    /// `dcterms:replaces`: the image this one replaces.
    pub replaces: Option<String>,
    /// `dcterms:isVersionOf`: the image this one is a version of.
    pub is_version_of: Option<String>,
    /// `slc:bytes` and `slc:sha512`: the file at the locations.
    pub compressed: Option<CompressedFile>,
    /// `slterms:deprecated`: why the image must not be used any more; present counts, even if empty.
    pub deprecated: Option<String>,
}

/// The compressed file at the locations, as it is before it is expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressedFile {
    /// `slc:bytes`: its size in bytes.
    pub bytes: u64,
    /// `slc:sha512`: its SHA-512.
    pub sha512: Checksum,
}

/// Who vouches for an entry, and since when: `slreq:endorsement`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// `dcterms:created` of the endorsement.
    pub created: Timestamp,
    /// `slreq:endorser`.
    pub endorser: Endorser,
}

/// The identity of an endorser, as in the certificate: `slreq:endorser`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorser {
    /// `slreq:email`.
    pub email: Email,
    /// `slreq:subject`.
    pub subject: DistinguishedName,
    /// `slreq:issuer`.
    pub issuer: DistinguishedName,
}
