//! Writing a description as RDF/XML.

use quick_xml::escape::partial_escape;

use super::{BASE, CompressedFile, Endorsement, Metadata, namespace};
use crate::ChecksumAlgorithm;

/// Why a description has no RDF/XML form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RdfError {
    /// XML 1.0 §2.2 has no way to write this character, not even as a reference.
    #[error("{element} contains the character U+{:04X}, which XML cannot carry", u32::from(*character))]
    Character {
        /// The element whose text it is in.
        element: &'static str,
        /// The first such character.
        character: char,
    },
    /// An element that holds a checksum of one algorithm only.
    #[error("{element} cannot hold a checksum made with {algorithm}")]
    Checksum {
        /// The element.
        element: &'static str,
        /// What the checksum was made with.
        algorithm: ChecksumAlgorithm,
    },
}

/// The first character of `text` that XML 1.0 §2.2 cannot carry.
pub fn unwritable(text: &str) -> Option<char> {
    let writable = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().find(|&c| !writable(c))
}

impl Metadata {
    /// The RDF/XML document, unsigned, that says this.
    ///
    /// Elements are in the order the originals write and old readers expect; the prefix is
    /// literally `rdf` and `rdf:about` the only attribute of `rdf:Description`, because original
    /// Marketplaces look for them by text (S8). Elements without content are left out, except
    /// the endorsement, for which there must be a place, and a reason for deprecation, which
    /// counts even if empty.
    ///
    /// # Errors
    /// [`RdfError::Character`] if a text cannot be written, [`RdfError::Checksum`] if the compressed
    /// file's checksum is no SHA-512.
    pub fn to_rdf(&self) -> Result<String, RdfError> {
        let mut out = Writer::default();
        out.line(r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>"#);
        // Declared where it is used only: any other entry is as the originals write it.
        let slc = match &self.compressed {
            Some(_) => format!("\n         xmlns:slc=\"{}\"", namespace::SLC),
            None => String::new(),
        };
        out.line(&format!(
            "<rdf:RDF xmlns:rdf=\"{}\"\n         xmlns:dcterms=\"{}\"\n         xmlns:slreq=\"{}\"\n         \
             xmlns:slterms=\"{}\"{slc}\n         xml:base=\"{BASE}\">",
            namespace::RDF,
            namespace::DCTERMS,
            namespace::SLREQ,
            namespace::SLTERMS,
        ));
        out.depth += 1;
        out.line(&format!("<rdf:Description rdf:about=\"#{}\">", self.identifier));
        out.depth += 1;
        self.write_required(&mut out)?;
        self.write_optional(&mut out)?;
        out.end("rdf:Description");
        out.end("rdf:RDF");
        Ok(out.text)
    }

    /// What every entry must say, in the order the schema requires.
    fn write_required(&self, out: &mut Writer) -> Result<(), RdfError> {
        out.element("dcterms:identifier", &self.identifier.to_string())?;
        out.element("slreq:bytes", &self.bytes.to_string())?;
        for checksum in &self.checksums {
            out.resource("slreq:checksum", |out| {
                out.element("slreq:algorithm", checksum.algorithm().name())?;
                out.element("slreq:value", checksum.value())
            })?;
        }
        match &self.endorsement {
            None => out.line(r#"<slreq:endorsement rdf:parseType="Resource"/>"#),
            Some(Endorsement { created, endorser }) => out.resource("slreq:endorsement", |out| {
                out.element("dcterms:created", &created.to_string())?;
                out.resource("slreq:endorser", |out| {
                    out.element("slreq:email", endorser.email.as_str())?;
                    out.element("slreq:subject", endorser.subject.as_str())?;
                    out.element("slreq:issuer", endorser.issuer.as_str())
                })
            })?,
        }
        // Exactly one type is required (constraint 2), so an empty one is not hidden.
        out.element("dcterms:type", &self.image_type)
    }

    fn write_optional(&self, out: &mut Writer) -> Result<(), RdfError> {
        out.optional("slterms:kind", self.kind.as_deref())?;
        out.optional("slterms:os", self.os.as_deref())?;
        out.optional("slterms:os-version", self.os_version.as_deref())?;
        out.optional("slterms:os-arch", self.os_arch.as_deref())?;
        out.optional("slterms:version", self.version.as_deref())?;
        out.optional("dcterms:compression", self.compression.as_deref())?;
        for location in &self.locations {
            out.optional("slterms:location", Some(location))?;
        }
        out.optional("dcterms:format", self.format.as_deref())?;
        out.optional("dcterms:creator", self.creator.as_deref())?;
        out.optional("dcterms:created", self.created.map(|t| t.to_string()).as_deref())?;
        out.optional("dcterms:valid", self.valid.map(|t| t.to_string()).as_deref())?;
        out.optional("dcterms:title", self.title.as_deref())?;
        out.optional("dcterms:alternative", self.tag.as_deref())?;
        out.optional("dcterms:description", self.description.as_deref())?;
        out.optional("slterms:hypervisor", self.hypervisor.as_deref())?;
        out.optional("slterms:disks-bus", self.disks_bus.as_deref())?;
        out.optional("dcterms:publisher", self.publisher.as_deref())?;
        out.optional("dcterms:replaces", self.replaces.as_deref())?;
        out.optional("dcterms:isVersionOf", self.is_version_of.as_deref())?;
        if let Some(CompressedFile { bytes, sha512 }) = &self.compressed {
            if sha512.algorithm() != ChecksumAlgorithm::Sha512 {
                let (element, algorithm) = ("slc:sha512", sha512.algorithm());
                return Err(RdfError::Checksum { element, algorithm });
            }
            out.element("slc:bytes", &bytes.to_string())?;
            out.element("slc:sha512", sha512.value())?;
        }
        self.deprecated.as_deref().map_or(Ok(()), |reason| out.element("slterms:deprecated", reason))
    }
}

/// The document as it grows, four blanks to a level.
#[derive(Default)]
struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n("    ", self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(&format!("</{name}>"));
    }

    fn element(&mut self, name: &'static str, text: &str) -> Result<(), RdfError> {
        if let Some(character) = unwritable(text) {
            return Err(RdfError::Character { element: name, character });
        }
        // Also makes CR a reference: as it stands it would be read back as LF (XML 1.0 §2.11).
        self.line(&format!("<{name}>{}</{name}>", partial_escape(text)));
        Ok(())
    }

    fn optional(&mut self, name: &'static str, text: Option<&str>) -> Result<(), RdfError> {
        text.filter(|text| !text.is_empty()).map_or(Ok(()), |text| self.element(name, text))
    }

    /// A property whose value is described by the elements in it (RDF/XML §7.2.18).
    fn resource(
        &mut self,
        name: &'static str,
        content: impl FnOnce(&mut Self) -> Result<(), RdfError>,
    ) -> Result<(), RdfError> {
        self.line(&format!("<{name} rdf:parseType=\"Resource\">"));
        self.depth += 1;
        content(self)?;
        self.end(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
