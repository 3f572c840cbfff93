//! Disk image formats that can be told by content, and what their headers say.

use std::fmt;

mod iso9660;
mod qcow2;
mod vdi;
mod vhd;
mod vmdk;

/// Bytes from the start of an image that [`inspect`] looks at.
pub const HEAD: usize = 64 << 10;
/// Bytes from the end of an image that [`inspect`] looks at: the footer of a VHD.
pub const TAIL: usize = 512;
/// The longest name of another file that is told, in bytes: the longest qcow2 allows.
const MAX_NAME: usize = 1023;

/// A disk image format with a magic number. A raw image has none, so it is never recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ImageFormat {
    /// QEMU copy on write, version 2 or 3.
    Qcow2,
    /// Virtual machine disk: sparse extent, ESX sparse extent, or a descriptor file.
    Vmdk,
    /// Virtual disk image, by Oracle.
    Vdi,
    /// Virtual hard disk, by Connectix and Microsoft: Virtual PC, Azure.
    Vhd,
    /// Hyper-V.
    Vhdx,
    /// A CD or DVD (ECMA-119), also one that starts like a disk, with a partition table.
    Iso9660,
}

/// What the header of an image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// What it is a header of.
    pub format: ImageFormat,
    /// Size in bytes of the disk that a machine sees, where the header states it plainly.
    pub virtual_size: Option<u64>,
}

/// Why an image should not be described: its checksum would not cover the disk a machine sees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// It holds only what differs from another image.
    #[error("the {format} image builds on another one{}", named(name.as_deref()))]
    BackingFile {
        /// Its format.
        format: ImageFormat,
        /// The other image as the header names it, if that can be told and is printable.
        name: Option<String>,
    },
    /// It describes a disk whose content is in other files.
    #[error("the content of the {format} image is in another file{}", named(name.as_deref()))]
    ExternalData {
        /// Its format.
        format: ImageFormat,
        /// The first other file as the header names it, if that can be told and is printable.
        name: Option<String>,
    },
    /// Its header contradicts its format.
    #[error("the {format} image is damaged: {what}")]
    Damaged {
        /// The format by its magic number.
        format: ImageFormat,
        /// What is wrong with the header.
        what: Damage,
    },
}

/// What is wrong with the header of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The image ends before its header does.
    #[error("its header takes {needed} bytes, the image has {bytes}")]
    Truncated {
        /// Size of the header in bytes, as far as it is known.
        needed: u64,
        /// Size of the image in bytes.
        bytes: u64,
    },
    /// A length of the header that the format does not allow.
    #[error("its header says that it takes {length} bytes")]
    HeaderLength {
        /// In bytes.
        length: u32,
    },
    /// A version whose header is unknown.
    #[error("its version {major}.{minor} is unknown")]
    Version {
        /// The major number.
        major: u16,
        /// The minor number.
        minor: u16,
    },
    /// The header does not have the checksum it states.
    #[error("its footer is missing or has a wrong checksum")]
    Checksum,
    /// A descriptor where it is not read: one must follow the header at once.
    #[error("its descriptor is not among its first {HEAD} bytes")]
    Descriptor,
    /// A size that is larger than any disk.
    #[error("its disk has {sectors} sectors")]
    Capacity {
        /// Of 512 bytes.
        sectors: u64,
    },
}

/// Says what an image of `bytes` bytes is that starts with `head` ([`HEAD`] bytes or the whole
/// image) and ends with `tail` ([`TAIL`] bytes or the whole image); `None` if it has no magic
/// number, so that it is raw.
///
/// That a VHDX is a differencing one is not seen: the region that says so lies further inside.
///
/// # Errors
/// [`FormatError`] if the checksum of the image would not cover the disk, or if it is damaged.
pub fn inspect(head: &[u8], tail: &[u8], bytes: u64) -> Result<Option<Inspection>, FormatError> {
    let image = Image { head, tail, bytes };
    let Some(format) = image.format() else { return Ok(None) };
    let virtual_size = match format {
        ImageFormat::Qcow2 => qcow2::inspect(&image).map(Some)?,
        ImageFormat::Vmdk => vmdk::inspect(&image)?,
        ImageFormat::Vdi => vdi::inspect(&image).map(Some)?,
        ImageFormat::Vhd => vhd::inspect(&image).map(Some)?,
        ImageFormat::Vhdx | ImageFormat::Iso9660 => None,
    };
    Ok(Some(Inspection { format, virtual_size }))
}

impl ImageFormat {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Qcow2, Self::Vmdk, Self::Vdi, Self::Vhd, Self::Vhdx, Self::Iso9660];

    /// The text of `dcterms:format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Iso9660 => "iso9660",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// As much of an image as is looked at.
struct Image<'a> {
    head: &'a [u8],
    tail: &'a [u8],
    bytes: u64,
}

impl Image<'_> {
    /// What its magic number says. A CD comes last: it leaves its first 32 KiB to others, and may
    /// well be the content of a VHD, which adds nothing but a footer.
    fn format(&self) -> Option<ImageFormat> {
        let head = self.head;
        let vmdk = [vmdk::SPARSE, vmdk::ESX_SPARSE, vmdk::DESCRIPTOR];
        if head.starts_with(qcow2::MAGIC) {
            Some(ImageFormat::Qcow2)
        } else if vmdk.into_iter().any(|magic| head.starts_with(magic)) {
            Some(ImageFormat::Vmdk)
        } else if array(head, vdi::MAGIC_OFFSET) == Some(vdi::MAGIC) {
            Some(ImageFormat::Vdi)
        } else if head.starts_with(b"vhdxfile") {
            Some(ImageFormat::Vhdx)
        } else if head.starts_with(vhd::COOKIE) || vhd::is_footer(self.tail) {
            Some(ImageFormat::Vhd)
        } else if iso9660::is_one(head) {
            Some(ImageFormat::Iso9660)
        } else {
            None
        }
    }

    /// A header of `needed` bytes, whose fields can be read.
    fn header(&self, format: ImageFormat, needed: usize) -> Result<Header<'_>, FormatError> {
        let cut = Header { format, bytes: self.bytes, fields: self.head, needed };
        match self.head.get(..needed) {
            Some(fields) => Ok(Header { fields, ..cut }),
            None => Err(cut.truncated()),
        }
    }
}

/// The fields of a header, by their offsets in it.
struct Header<'a> {
    format: ImageFormat,
    /// Size of the image.
    bytes: u64,
    fields: &'a [u8],
    /// Size of the header in bytes.
    needed: usize,
}

impl Header<'_> {
    fn be32(&self, offset: usize) -> Result<u32, FormatError> {
        self.field(offset).map(u32::from_be_bytes)
    }

    fn be64(&self, offset: usize) -> Result<u64, FormatError> {
        self.field(offset).map(u64::from_be_bytes)
    }

    fn le32(&self, offset: usize) -> Result<u32, FormatError> {
        self.field(offset).map(u32::from_le_bytes)
    }

    fn le64(&self, offset: usize) -> Result<u64, FormatError> {
        self.field(offset).map(u64::from_le_bytes)
    }

    fn field<const N: usize>(&self, offset: usize) -> Result<[u8; N], FormatError> {
        array(self.fields, offset).ok_or_else(|| self.truncated())
    }

    fn truncated(&self) -> FormatError {
        self.damaged(Damage::Truncated { needed: self.needed as u64, bytes: self.bytes })
    }

    fn damaged(&self, what: Damage) -> FormatError {
        FormatError::Damaged { format: self.format, what }
    }
}

fn named(name: Option<&str>) -> String {
    name.map(|name| format!(": {name}")).unwrap_or_default()
}

/// The name of a file as a header has it, if it can be shown.
fn printable(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let shown = !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    shown.then(|| name.to_owned())
}

/// The `N` bytes at `offset`, if there are as many.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
