//! The properties of an entry by their names, one at a time.

use std::{borrow::Cow, str::FromStr};

use super::{
    Metadata,
    namespace::{DCTERMS, RDF, SLC, SLREQ, SLTERMS},
};
use crate::{
    ChecksumAlgorithm, Endorsement, Timestamp,
    xml::{Source, XmlError, text_of},
};

/// A property that entries have a name for.
#[derive(Clone, Copy, Debug)]
pub struct Property(&'static Row);

/// A text is the name of no [`Property`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is the name of no property", .name.escape_debug())]
pub struct UnknownProperty {
    /// The text as given.
    pub name: String,
}

/// An element of an entry that [`Metadata`] has no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    /// `slterms:inbound-port`; of a foreign vocabulary `{NAMESPACE}name`.
    pub name: String,
    /// Its text, and that of the elements in it.
    pub value: String,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    /// What else it is called.
    also: &'static [&'static str],
    origin: Origin,
}

type Values = Vec<String>;

#[derive(Debug)]
enum Origin {
    Known(fn(&Metadata) -> Values),
    /// The element of this name, which [`Metadata`] has no place for.
    Further(&'static str),
}

use Origin::{Further as Other, Known};

impl Property {
    /// The name: `os-version`, `sha512`, `locations`.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Every property, in the order in which people read them.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(Self)
    }

    /// Every name that is understood.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().flat_map(|row| [row.name].into_iter().chain(row.also.iter().copied()))
    }

    /// What an entry with this content says of it: nothing, one value, or several in document order.
    pub fn values(self, metadata: &Metadata, further: &[Further]) -> Vec<String> {
        match self.0.origin {
            Known(values) => values(metadata),
            Other(name) => {
                further.iter().filter(|other| other.name == name).map(|o| o.value.clone()).collect()
            }
        }
    }

    /// Whether it is the property of this further element.
    pub fn is_of(self, further: &Further) -> bool {
        matches!(self.0.origin, Other(name) if name == further.name)
    }
}

impl FromStr for Property {
    type Err = UnknownProperty;

    /// Whatever the case, with or without dashes and underscores.
    fn from_str(name: &str) -> Result<Self, UnknownProperty> {
        let wanted = folded(name);
        let is_meant =
            |row: &&Row| folded(row.name) == wanted || row.also.iter().any(|also| folded(also) == wanted);
        ROWS.iter().find(is_meant).map(Self).ok_or_else(|| UnknownProperty { name: name.to_owned() })
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The elements of an entry that [`Metadata`] has no place for, in document order.
///
/// # Errors
/// [`XmlError`] if it is not well-formed; a verified one is.
pub fn further(document: &[u8]) -> Result<Vec<Further>, XmlError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let descriptions = tree.root_element().children().filter(|node| node.has_tag_name((RDF, "Description")));
    let elements = descriptions.take(1).flat_map(|description| description.children());
    let further = elements.filter(roxmltree::Node::is_element).filter_map(|element| {
        let (namespace, name) =
            (element.tag_name().namespace().unwrap_or_default(), element.tag_name().name());
        let prefix = PREFIXES.iter().find(|(known, _)| *known == namespace).map(|(_, prefix)| *prefix);
        let name = match prefix {
            Some(prefix) => Cow::from(format!("{prefix}:{name}")),
            None => Cow::from(format!("{{{namespace}}}{name}")),
        };
        let value = if element.children().any(|child| child.is_element()) {
            let texts = element.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text());
            texts.map(str::trim).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        } else {
            text_of(element).into_owned()
        };
        (!IN_METADATA.contains(&&*name)).then(|| Further { name: name.into_owned(), value })
    });
    Ok(further.collect())
}

const PREFIXES: [(&str, &str); 5] =
    [(RDF, "rdf"), (DCTERMS, "dcterms"), (SLREQ, "slreq"), (SLTERMS, "slterms"), (SLC, "slc")];

/// What [`Metadata`] has a place for.
const IN_METADATA: [&str; 27] = [
    "dcterms:identifier",
    "slreq:bytes",
    "slreq:checksum",
    "slreq:endorsement",
    "dcterms:type",
    "slterms:kind",
    "slterms:os",
    "slterms:os-version",
    "slterms:os-arch",
    "slterms:version",
    "dcterms:compression",
    "slterms:location",
    "dcterms:format",
    "dcterms:creator",
    "dcterms:created",
    "dcterms:valid",
    "dcterms:title",
    "dcterms:alternative",
    "dcterms:description",
    "slterms:hypervisor",
    "slterms:disks-bus",
    "dcterms:publisher",
    "dcterms:replaces",
    "dcterms:isVersionOf",
    "slc:bytes",
    "slc:sha512",
    "slterms:deprecated",
];

static ROWS: [Row; 39] = [
    row("title", &[], Known(|m| one(m.title.as_ref()))),
    row("tag", &["alternative"], Known(|m| one(m.tag.as_ref()))),
    row("description", &[], Known(|m| one(m.description.as_ref()))),
    row("identifier", &["id"], Known(|m| vec![m.identifier.to_string()])),
    row("type", &[], Known(|m| one(Some(&m.image_type)))),
    row("kind", &[], Known(|m| one(m.kind.as_ref()))),
    row("os", &[], Known(|m| one(m.os.as_ref()))),
    row("os-version", &[], Known(|m| one(m.os_version.as_ref()))),
    row("os-arch", &["arch"], Known(|m| one(m.os_arch.as_ref()))),
    row("version", &[], Known(|m| one(m.version.as_ref()))),
    row("serial-number", &[], Other("slterms:serial-number")),
    row("format", &[], Known(|m| one(m.format.as_ref()))),
    row("compression", &[], Known(|m| one(m.compression.as_ref()))),
    row("location", &[], Known(|m| one(m.locations.first()))),
    row("locations", &[], Known(|m| m.locations.clone())),
    row("bytes", &["size"], Known(|m| vec![m.bytes.to_string()])),
    row("md5", &[], Known(|m| checksum(m, ChecksumAlgorithm::Md5))),
    row("sha1", &[], Known(|m| checksum(m, ChecksumAlgorithm::Sha1))),
    row("sha256", &[], Known(|m| checksum(m, ChecksumAlgorithm::Sha256))),
    row("sha512", &[], Known(|m| checksum(m, ChecksumAlgorithm::Sha512))),
    row("compressed-bytes", &[], Known(|m| m.compressed.iter().map(|file| file.bytes.to_string()).collect())),
    row(
        "compressed-sha512",
        &[],
        Known(|m| m.compressed.iter().map(|file| file.sha512.value().to_owned()).collect()),
    ),
    row("hypervisor", &[], Known(|m| one(m.hypervisor.as_ref()))),
    row("disks-bus", &[], Known(|m| one(m.disks_bus.as_ref()))),
    row("inbound-port", &["inbound-ports"], Other("slterms:inbound-port")),
    row("outbound-port", &["outbound-ports"], Other("slterms:outbound-port")),
    row("icmp", &[], Other("slterms:icmp")),
    row("creator", &["author"], Known(|m| one(m.creator.as_ref()))),
    row("publisher", &[], Known(|m| one(m.publisher.as_ref()))),
    row("created", &[], Known(|m| date(m.created))),
    row("valid", &[], Known(|m| date(m.valid))),
    row("replaces", &[], Known(|m| one(m.replaces.as_ref()))),
    row("is-replaced-by", &[], Other("dcterms:isReplacedBy")),
    row("is-version-of", &[], Known(|m| one(m.is_version_of.as_ref()))),
    row("deprecated", &[], Known(|m| one(m.deprecated.as_ref()))),
    row("endorsed", &[], Known(|m| endorsement(m, |e| e.created.to_string()))),
    row("email", &["endorser"], Known(|m| endorsement(m, |e| e.endorser.email.to_string()))),
    row("subject", &[], Known(|m| endorsement(m, |e| e.endorser.subject.to_string()))),
    row("issuer", &[], Known(|m| endorsement(m, |e| e.endorser.issuer.to_string()))),
];

const fn row(name: &'static str, also: &'static [&'static str], origin: Origin) -> Row {
    Row { name, also, origin }
}

fn one(text: Option<&String>) -> Values {
    text.into_iter().cloned().collect()
}

fn date(date: Option<Timestamp>) -> Values {
    date.iter().map(Timestamp::to_string).collect()
}

fn checksum(metadata: &Metadata, algorithm: ChecksumAlgorithm) -> Values {
    let checksums = metadata.checksums.iter().filter(|checksum| checksum.algorithm() == algorithm);
    checksums.map(|checksum| checksum.value().to_owned()).collect()
}

fn endorsement(metadata: &Metadata, part: fn(&Endorsement) -> String) -> Values {
    metadata.endorsement.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ImageDigests;

    #[test]
    fn names_are_understood_however_they_are_spelled_and_mean_one_thing() {
        for spelled in ["os-version", "osversion", "OS_Version", "OSVERSION"] {
            assert_eq!(spelled.parse::<Property>().unwrap().name(), "os-version");
        }
        assert_eq!("size".parse::<Property>().unwrap().name(), "bytes");
        assert!("sha-3".parse::<Property>().is_err());
        let names: Vec<_> = Property::names().map(folded).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn what_metadata_has_no_place_for_is_found_all_the_same() {
        let digests = ImageDigests::read(&b"x"[..], &ChecksumAlgorithm::ALL).unwrap();
        let metadata =
            Metadata::builder(&digests).os("a").location("http://a/").location("http://b/").build();
        let extra = "<slterms:inbound-port>22</slterms:inbound-port><slterms:inbound-port>80</slterms:inbound-port>\
             <x:y xmlns:x='urn:x' rdf:parseType='Resource'><x:a> 1 </x:a><x:b>2</x:b></x:y></rdf:Description>";
        let document = metadata.to_rdf().unwrap().replace("</rdf:Description>", extra);
        let further = further(document.as_bytes()).unwrap();
        let found: Vec<_> =
            further.iter().map(|further| (further.name.as_str(), further.value.as_str())).collect();
        let port = "slterms:inbound-port";
        assert_eq!(found, [(port, "22"), (port, "80"), ("{urn:x}y", "1 2")]);
        let values = |name: &str| name.parse::<Property>().unwrap().values(&metadata, &further);
        assert_eq!(values("inbound-port"), ["22", "80"]);
        assert_eq!(values("locations"), ["http://a/", "http://b/"]);
        assert_eq!(values("location"), ["http://a/"]);
        assert_eq!(values("bytes"), ["1"]);
        assert_eq!(values("sha1"), [digests.identifier().sha1_hex()]);
        assert!(values("email").is_empty() && values("icmp").is_empty());
    }
}
