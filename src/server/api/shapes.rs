//! The JSON of entries: every member is always there, and `null` where an entry says nothing.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    signature::Signature,
    text::{EmailText, IdentifierText, Link, Sha256Text, TimestampText},
};
use crate::{
    Metadata,
    dsig::Evidence,
    metadata::CompressedFile,
    server::{
        key::EntryKey,
        marketplace::Marketplace,
        store::{Listed, State},
    },
};

/// The state of an entry.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = State)]
pub(super) enum StateName {
    /// The newest of its endorser for the image, neither expired nor deprecated.
    Valid,
    /// The newest of its endorser for the image, expired and not deprecated.
    Expired,
    /// The newest of its endorser for the image, deprecated.
    Deprecated,
    /// There is a newer entry of its endorser for the image.
    Superseded,
}

impl From<State> for StateName {
    fn from(state: State) -> Self {
        match state {
            State::Valid => Self::Valid,
            State::Expired => Self::Expired,
            State::Deprecated => Self::Deprecated,
            State::Superseded => Self::Superseded,
        }
    }
}

/// Where there is more about an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryLinks {
    /// All that it says, as JSON.
    #[serde(rename = "self")]
    pub(super) this: Link,
    /// The signed document.
    pub(super) document: Link,
    /// What the server finds of it now.
    pub(super) verdict: Link,
    /// The newest entries of all endorsers of the image.
    pub(super) image: Link,
    /// The page for people; with `Accept: application/xml` the document.
    pub(super) page: Link,
}

impl EntryLinks {
    pub(super) fn new(marketplace: &Marketplace, key: &EntryKey) -> Self {
        let link = |path: String| Link(marketplace.path(&path));
        Self {
            this: link(format!("/api/v1/entries/{key}")),
            document: link(format!("/api/v1/entries/{key}/document")),
            verdict: link(format!("/api/v1/entries/{key}/verdict")),
            image: link(format!("/api/v1/images/{}", key.identifier)),
            page: link(format!("/metadata/{key}")),
        }
    }
}

/// An entry as lists have it. `null` is what it does not say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntrySummary {
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// Of the endorser.
    pub(super) email: EmailText,
    /// When it was endorsed.
    pub(super) created: TimestampText,
    /// Its state now.
    pub(super) state: StateName,
    /// The endorser's name, as in the certificate (RFC 2253).
    pub(super) subject: String,
    /// `dcterms:title`
    #[schema(required)]
    pub(super) title: Option<String>,
    /// `dcterms:alternative`: a name for this and later entries of the endorser.
    #[schema(required)]
    pub(super) tag: Option<String>,
    /// `dcterms:description`
    #[schema(required)]
    pub(super) description: Option<String>,
    /// `slterms:kind`: by custom `machine` or `disk`.
    #[schema(required)]
    pub(super) kind: Option<String>,
    /// `slterms:os`
    #[schema(required)]
    pub(super) os: Option<String>,
    /// `slterms:os-version`
    #[schema(required)]
    pub(super) os_version: Option<String>,
    /// `slterms:os-arch`
    #[schema(required)]
    pub(super) os_arch: Option<String>,
    /// `slterms:version`: of the image.
    #[schema(required)]
    pub(super) version: Option<String>,
    /// `dcterms:format`: `raw`, `qcow2`, …
    #[schema(required)]
    pub(super) format: Option<String>,
    /// `dcterms:compression`: of the file at the locations.
    #[schema(required)]
    pub(super) compression: Option<String>,
    /// Size of the uncompressed image, in bytes.
    pub(super) bytes: u64,
    /// Where the image lies.
    pub(super) locations: Vec<String>,
    /// When the entry expires.
    pub(super) valid: TimestampText,
    /// Why the image must not be used any more. An empty reason counts as well.
    #[schema(required)]
    pub(super) deprecated: Option<String>,
    /// Where there is more about it.
    pub(super) links: EntryLinks,
}

impl EntrySummary {
    pub(super) fn new(marketplace: &Marketplace, listed: Listed) -> Self {
        Self {
            links: EntryLinks::new(marketplace, &listed.key),
            identifier: listed.key.identifier.into(),
            email: (&listed.key.email).into(),
            created: listed.key.created.into(),
            state: listed.state.into(),
            subject: listed.subject.as_str().to_owned(),
            title: listed.title,
            tag: listed.tag,
            description: listed.description,
            kind: listed.kind,
            os: listed.os,
            os_version: listed.os_version,
            os_arch: listed.os_arch,
            version: listed.version,
            format: listed.format,
            compression: listed.compression,
            bytes: listed.bytes,
            locations: listed.locations,
            valid: listed.valid.into(),
            deprecated: listed.deprecated,
        }
    }
}

/// All that an entry says, and how it was signed. `null` is what it does not say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entry {
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// Of the endorser.
    pub(super) email: EmailText,
    /// When it was endorsed.
    pub(super) created: TimestampText,
    /// Its state now.
    pub(super) state: StateName,
    /// The endorser's name, as in the certificate (RFC 2253).
    pub(super) subject: String,
    /// The name of the authority that issued the certificate.
    pub(super) issuer: String,
    /// `dcterms:title`
    #[schema(required)]
    pub(super) title: Option<String>,
    /// `dcterms:alternative`: a name for this and later entries of the endorser.
    #[schema(required)]
    pub(super) tag: Option<String>,
    /// `dcterms:description`
    #[schema(required)]
    pub(super) description: Option<String>,
    /// `dcterms:type`: by custom `base` or `grid`.
    #[serde(rename = "type")]
    pub(super) image_type: String,
    /// `slterms:kind`: by custom `machine` or `disk`.
    #[schema(required)]
    pub(super) kind: Option<String>,
    /// `slterms:os`
    #[schema(required)]
    pub(super) os: Option<String>,
    /// `slterms:os-version`
    #[schema(required)]
    pub(super) os_version: Option<String>,
    /// `slterms:os-arch`
    #[schema(required)]
    pub(super) os_arch: Option<String>,
    /// `slterms:version`: of the image.
    #[schema(required)]
    pub(super) version: Option<String>,
    /// `dcterms:format`: `raw`, `qcow2`, …
    #[schema(required)]
    pub(super) format: Option<String>,
    /// `dcterms:compression`: of the file at the locations.
    #[schema(required)]
    pub(super) compression: Option<String>,
    /// `slterms:hypervisor`
    #[schema(required)]
    pub(super) hypervisor: Option<String>,
    /// `slterms:disks-bus`
    #[schema(required)]
    pub(super) disks_bus: Option<String>,
    /// `dcterms:creator`
    #[schema(required)]
    pub(super) creator: Option<String>,
    /// `dcterms:publisher`
    #[schema(required)]
    pub(super) publisher: Option<String>,
    /// `dcterms:replaces`: the image that this one replaces.
    #[schema(required)]
    pub(super) replaces: Option<String>,
    /// `dcterms:isVersionOf`: the image that this one is a version of.
    #[schema(required)]
    pub(super) is_version_of: Option<String>,
    /// `dcterms:created`: when the image, or its description, was made.
    #[schema(required)]
    pub(super) image_created: Option<TimestampText>,
    /// Size of the uncompressed image, in bytes.
    pub(super) bytes: u64,
    /// Checksums of the uncompressed image.
    pub(super) checksums: Vec<ImageChecksum>,
    /// The compressed file at the locations.
    #[schema(required)]
    pub(super) compressed: Option<Compressed>,
    /// Where the image lies.
    pub(super) locations: Vec<String>,
    /// When the entry expires.
    pub(super) valid: TimestampText,
    /// Why the image must not be used any more. An empty reason counts as well.
    #[schema(required)]
    pub(super) deprecated: Option<String>,
    /// The document as it was uploaded.
    pub(super) document: DocumentFacts,
    /// How it was signed; `null` if the signature does not hold by what the server accepts now, for which see the
    /// verdict.
    #[schema(required)]
    pub(super) signature: Option<Signature>,
    /// Where there is more about it.
    pub(super) links: EntryLinks,
}

impl Entry {
    /// `None` for what is no entry: without an endorsement, or without an end.
    pub(super) fn new(
        marketplace: &Marketplace,
        metadata: Metadata,
        state: State,
        document: DocumentFacts,
        evidence: Option<&Evidence>,
    ) -> Option<Self> {
        let key = EntryKey::of(&metadata)?;
        let endorser = metadata.endorsement?.endorser;
        Some(Self {
            links: EntryLinks::new(marketplace, &key),
            identifier: key.identifier.into(),
            email: (&key.email).into(),
            created: key.created.into(),
            state: state.into(),
            subject: endorser.subject.as_str().to_owned(),
            issuer: endorser.issuer.as_str().to_owned(),
            title: metadata.title,
            tag: metadata.tag,
            description: metadata.description,
            image_type: metadata.image_type,
            kind: metadata.kind,
            os: metadata.os,
            os_version: metadata.os_version,
            os_arch: metadata.os_arch,
            version: metadata.version,
            format: metadata.format,
            compression: metadata.compression,
            hypervisor: metadata.hypervisor,
            disks_bus: metadata.disks_bus,
            creator: metadata.creator,
            publisher: metadata.publisher,
            replaces: metadata.replaces,
            is_version_of: metadata.is_version_of,
            image_created: metadata.created.map(Into::into),
            bytes: metadata.bytes,
            checksums: metadata.checksums.iter().map(Into::into).collect(),
            compressed: metadata.compressed.as_ref().map(Into::into),
            locations: metadata.locations,
            valid: metadata.valid?.into(),
            deprecated: metadata.deprecated,
            document,
            signature: evidence.map(Into::into),
        })
    }
}

/// A checksum of the uncompressed image.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImageChecksum {
    /// `MD5`, `SHA-1`, `SHA-256` or `SHA-512`.
    #[schema(example = "SHA-1")]
    pub(super) algorithm: String,
    /// In lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]+$", example = "22596363b3de40b06f981fb85d82312e8c0ed511")]
    pub(super) value: String,
}

impl From<&crate::Checksum> for ImageChecksum {
    fn from(checksum: &crate::Checksum) -> Self {
        Self { algorithm: checksum.algorithm().to_string(), value: checksum.value().to_owned() }
    }
}

/// The compressed file at the locations, as it is before it is expanded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Compressed {
    /// Its size, in bytes.
    pub(super) bytes: u64,
    /// Its SHA-512, in lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    pub sha512: String,
}

impl From<&CompressedFile> for Compressed {
    fn from(file: &CompressedFile) -> Self {
        Self { bytes: file.bytes, sha512: file.sha512.value().to_owned() }
    }
}

/// The document of an entry, as it was uploaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentFacts)]
pub(super) struct DocumentFacts {
    /// Its size, in bytes.
    pub(super) bytes: u64,
    /// Its SHA-256, which is also its entity tag.
    pub sha256: Sha256Text,
}
