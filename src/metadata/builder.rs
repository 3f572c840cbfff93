//! Describing an image step by step.

use super::{CompressedFile, Metadata};
use crate::{Identifier, ImageDigests, Timestamp};

/// Collects what is to be said of an image; made by [`Metadata::builder`].
///
/// An empty text says nothing: it is the same as not calling the method.
#[derive(Clone, Debug)]
#[must_use]
pub struct MetadataBuilder(Metadata);

impl Metadata {
    /// Starts the description of an image by what reading it told.
    ///
    /// ```
    /// use stratuslab::{ChecksumAlgorithm, ImageDigests, Metadata};
    ///
    /// let digests = ImageDigests::read(&b"hello world\n"[..], &ChecksumAlgorithm::ALL)?;
    /// let created: stratuslab::Timestamp = "2011-01-24T09:59:42Z".parse()?;
    /// let metadata = Metadata::builder(&digests).os("ttylinux").created(created).build();
    /// assert!(metadata.to_rdf()?.contains("<slterms:os>ttylinux</slterms:os>"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(digests: &ImageDigests) -> MetadataBuilder {
        MetadataBuilder(Self {
            identifier: digests.identifier(),
            bytes: digests.bytes(),
            checksums: digests.checksums().to_vec(),
            endorsement: None,
            image_type: "base".to_owned(),
            kind: None,
            os: None,
            os_version: None,
            os_arch: None,
            version: None,
            compression: None,
            locations: Vec::new(),
            format: None,
            creator: None,
            created: None,
            valid: None,
            title: None,
            tag: None,
            description: None,
            hypervisor: None,
            disks_bus: None,
            publisher: None,
            replaces: None,
            is_version_of: None,
            compressed: None,
            deprecated: None,
        })
    }
}

/// Setters for texts that may be absent.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.0.$name = Some(text.into()).filter(|text| !text.is_empty());
            self
        }
    )*};
}

impl MetadataBuilder {
    texts! {
        /// `slterms:kind`: by custom `machine` or `disk`.
        kind
        /// `slterms:os`.
        os
        /// `slterms:os-version`.
        os_version
        /// `slterms:os-arch`.
        os_arch
        /// `slterms:version`: of the image.
        version
        /// `dcterms:format`: `raw`, `qcow2`, …
        format
        /// `dcterms:creator`.
        creator
        /// `dcterms:title`.
        title
        /// `dcterms:alternative`.
        tag
        /// `dcterms:description`.
        description
        /// `slterms:hypervisor`.
        hypervisor
        /// `slterms:disks-bus`: by custom `ide`, `scsi` or `virtio`.
        disks_bus
        /// `dcterms:publisher`.
        publisher
        /// `dcterms:compression` of the file at the locations: an
        /// [`extension`](crate::Compression::extension), or another.
        compression
    }

    /// `dcterms:type`, `base` until set; by custom `base` or `grid`.
    pub fn image_type(mut self, text: impl Into<String>) -> Self {
        self.0.image_type = Some(text.into()).filter(|text| !text.is_empty()).unwrap_or(self.0.image_type);
        self
    }

    /// Adds a `slterms:location` (C3: as many as there are).
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.0.locations.extend(Some(location.into()).filter(|location| !location.is_empty()));
        self
    }

    /// `dcterms:created`: of the image or its record.
    pub fn created(mut self, created: Timestamp) -> Self {
        self.0.created = Some(created);
        self
    }

    /// `dcterms:valid`: when the entry expires.
    pub fn valid(mut self, valid: Timestamp) -> Self {
        self.0.valid = Some(valid);
        self
    }

    /// `dcterms:replaces`: the image this one replaces.
    pub fn replaces(mut self, identifier: Identifier) -> Self {
        self.0.replaces = Some(identifier.to_string());
        self
    }

    /// `dcterms:isVersionOf`: the image this one is a version of.
    pub fn is_version_of(mut self, identifier: Identifier) -> Self {
        self.0.is_version_of = Some(identifier.to_string());
        self
    }

    /// `slc:bytes` and `slc:sha512`: the compressed file at the locations.
    pub fn compressed_file(mut self, file: CompressedFile) -> Self {
        self.0.compressed = Some(file);
        self
    }

    /// The description.
    pub fn build(self) -> Metadata {
        self.0
    }
}
