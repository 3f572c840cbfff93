//! qcow2 (QEMU, docs/interop/qcow2). All numbers are big-endian.

use super::{Damage, FormatError, HEAD, Header, Image, ImageFormat, MAX_NAME, array, printable};

/// The magic number, before the version.
pub(super) const MAGIC: &[u8; 4] = b"QFI\xfb";

/// Sizes of the header: of version 2, and the least of version 3, which states its own.
const HEADER_2: usize = 72;
const HEADER_3: usize = 104;

const VERSION: usize = 4;
const BACKING_FILE_OFFSET: usize = 8;
const BACKING_FILE_SIZE: usize = 16;
const SIZE: usize = 24;
/// From here on version 3 only.
const INCOMPATIBLE_FEATURES: usize = 72;
const HEADER_LENGTH: usize = 100;

/// The incompatible feature "external data file".
const EXTERNAL_DATA: u64 = 1 << 2;

/// Types of header extensions: the last, and the name of the external data file.
const END: u32 = 0;
const EXTERNAL_DATA_NAME: u32 = 0x4441_5441;
/// The most header extensions looked at; QEMU knows six.
const MAX_EXTENSIONS: usize = 64;

/// The size of the disk.
pub(super) fn inspect(image: &Image) -> Result<u64, FormatError> {
    let format = ImageFormat::Qcow2;
    let mut header = image.header(format, HEADER_2)?;
    let mut features = 0;
    let version = header.be32(VERSION)?;
    // Version 1 is the older qcow, of which the same is to be said.
    if !(2..=3).contains(&version) {
        let major = u16::try_from(version).unwrap_or(u16::MAX);
        return Err(header.damaged(Damage::Version { major, minor: 0 }));
    }
    if version == 3 {
        header = image.header(format, HEADER_3)?;
        let length = header.be32(HEADER_LENGTH)?;
        let fitting = usize::try_from(length)
            .ok()
            .filter(|length| (HEADER_3..=HEAD).contains(length) && length.is_multiple_of(8));
        let Some(needed) = fitting else { return Err(header.damaged(Damage::HeaderLength { length })) };
        header = image.header(format, needed)?;
        features = header.be64(INCOMPATIBLE_FEATURES)?;
    }
    if header.be64(BACKING_FILE_OFFSET)? != 0 {
        return Err(FormatError::BackingFile { format, name: backing_name(&header, image.head)? });
    }
    if features & EXTERNAL_DATA != 0 {
        let name = extension(&image.head[header.fields.len()..], EXTERNAL_DATA_NAME);
        return Err(FormatError::ExternalData { format, name: name.and_then(printable) });
    }
    header.be64(SIZE)
}

fn backing_name(header: &Header, head: &[u8]) -> Result<Option<String>, FormatError> {
    let (offset, size) = (header.be64(BACKING_FILE_OFFSET)?, header.be32(BACKING_FILE_SIZE)?);
    let range = usize::try_from(offset).ok().zip(usize::try_from(size).ok().filter(|size| *size <= MAX_NAME));
    let name = range.and_then(|(offset, size)| head.get(offset..)?.get(..size));
    Ok(name.and_then(printable))
}

/// The data of the first header extension of this type: type and length of each stand before its
/// data, which is padded to a multiple of 8 bytes.
fn extension(mut area: &[u8], wanted: u32) -> Option<&[u8]> {
    for _ in 0..MAX_EXTENSIONS {
        let [kind, length] = [array(area, 0)?, array(area, 4)?].map(u32::from_be_bytes);
        if kind == END {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        let rest = area.get(8..)?;
        if kind == wanted {
            return rest.get(..length);
        }
        area = rest.get(length.checked_next_multiple_of(8)?..)?;
    }
    None
}
