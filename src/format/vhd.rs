//! VHD (Microsoft, Virtual Hard Disk Image Format Specification 1.0). All numbers are big-endian.

use super::{Damage, FormatError, Header, Image, ImageFormat, TAIL, array, printable};

/// How a footer starts ("Hard Disk Footer Format"). A disk of fixed size has one at its end; all
/// others have a copy of it at their start as well.
pub(super) const COOKIE: &[u8; 8] = b"conectix";

const FOOTER: usize = TAIL;
const DATA_OFFSET: usize = 16;
const CURRENT_SIZE: usize = 48;
const DISK_TYPE: usize = 60;
const CHECKSUM: usize = 64;

const DIFFERENCING: u32 = 4;

/// The header of a disk that grows ("Dynamic Disk Header Format"), to which the footer points.
const DYNAMIC_COOKIE: &[u8; 8] = b"cxsparse";
const PARENT_NAME: usize = 64;
/// In bytes, UTF-16.
const PARENT_NAME_SIZE: usize = 512;

/// Whether `tail` is a footer. Every raw image may end with anything, so its checksum has to hold.
pub(super) fn is_footer(tail: &[u8]) -> bool {
    tail.len() == FOOTER && tail.starts_with(COOKIE) && checksum_holds(tail)
}

/// The size of the disk.
pub(super) fn inspect(image: &Image) -> Result<u64, FormatError> {
    let format = ImageFormat::Vhd;
    let copy = image.header(format, FOOTER)?;
    // Readers differ in which of the two they go by.
    let footer = Header { fields: image.tail, ..copy };
    for footer in [&footer, &copy].into_iter().filter(|footer| is_footer(footer.fields)) {
        if footer.be32(DISK_TYPE)? == DIFFERENCING {
            let name = parent_name(image.head, footer.be64(DATA_OFFSET)?);
            return Err(FormatError::BackingFile { format, name });
        }
    }
    // The one at the end is the original; without it, the image was cut short.
    if is_footer(footer.fields) {
        footer.be64(CURRENT_SIZE)
    } else {
        Err(FormatError::Damaged { format, what: Damage::Checksum })
    }
}

/// "Checksum": the ones' complement of the sum of all bytes but its own.
fn checksum_holds(footer: &[u8]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let Some(stated) = array(footer, CHECKSUM) else { return false };
    !(sum(footer) - sum(&stated)) == u32::from_be_bytes(stated)
}

fn parent_name(head: &[u8], dynamic_header: u64) -> Option<String> {
    let header = head.get(usize::try_from(dynamic_header).ok()?..)?;
    let name =
        header.starts_with(DYNAMIC_COOKIE).then(|| header.get(PARENT_NAME..)?.get(..PARENT_NAME_SIZE))??;
    let units = name.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    let name = String::from_utf16(&units.take_while(|unit| *unit != 0).collect::<Vec<_>>()).ok()?;
    printable(name.as_bytes())
}
