//! What an entry says of its image, in rows.

use crate::{Identifier, Metadata};

use super::super::{
    layout::Layout,
    text::{Said, When, encode, grouped, size},
};

/// A row.
pub(super) struct Detail {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(Said),
    /// Another image, with the address of what is here about it.
    Image(Said, String),
    /// A size in units, and in bytes.
    Size(String, String),
    When(When),
}

/// All that is said, in the order in which it is asked for.
pub(super) fn of(metadata: &Metadata, layout: &Layout) -> Vec<Detail> {
    let text = |name, value: Option<&String>| Some(Detail { name, value: Value::Text(Said::some(value)?) });
    let bytes = |name, bytes: u64| {
        Some(Detail { name, value: Value::Size(size(bytes), format!("{} bytes", grouped(bytes))) })
    };
    let image = |name, value: Option<&String>| {
        let said = Said::some(value)?;
        let identifier: Option<Identifier> = value.and_then(|value| value.trim().parse().ok());
        let value = match identifier {
            Some(identifier) => {
                let address = format!("/metadata?identifier={}&status=all", encode(&identifier.to_string()));
                Value::Image(said, layout.path(&address))
            }
            None => Value::Text(said),
        };
        Some(Detail { name, value })
    };
    let rows = [
        text("Kind", metadata.kind.as_ref()),
        text("Type", Some(&metadata.image_type)),
        text("System", metadata.os.as_ref()),
        text("System version", metadata.os_version.as_ref()),
        text("Architecture", metadata.os_arch.as_ref()),
        text("Image version", metadata.version.as_ref()),
        text("Format", metadata.format.as_ref()),
        bytes("Size", metadata.bytes),
        text("Compression", metadata.compression.as_ref()),
        metadata.compressed.as_ref().and_then(|file| bytes("Compressed size", file.bytes)),
        text("Hypervisor", metadata.hypervisor.as_ref()),
        text("Bus of disks", metadata.disks_bus.as_ref()),
        text("Creator", metadata.creator.as_ref()),
        text("Publisher", metadata.publisher.as_ref()),
        metadata
            .created
            .map(|created| Detail { name: "Image created", value: Value::When(When::at(created)) }),
        image("Replaces", metadata.replaces.as_ref()),
        image("Version of", metadata.is_version_of.as_ref()),
    ];
    rows.into_iter().flatten().collect()
}
