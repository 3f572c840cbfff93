//! VDI, the format of VirtualBox. There is no specification: what is here is the header that
//! VirtualBox (`VDICore.h`) and QEMU (`block/vdi.c`) agree on. All numbers are little-endian.

use super::{Damage, FormatError, Image, ImageFormat};

/// Behind a line of text that anyone may choose.
pub(super) const MAGIC_OFFSET: usize = 0x40;
pub(super) const MAGIC: [u8; 4] = [0x7f, 0x10, 0xda, 0xbe];

/// Up to the end of the last field that is read.
const HEADER: usize = DISK_SIZE + 8;
const VERSION: usize = 0x44;
const IMAGE_TYPE: usize = 0x4c;
const DISK_SIZE: usize = 0x170;

/// Image types: what was overwritten since, and what differs from a parent.
const UNDO: u32 = 3;
const DIFFERENCING: u32 = 4;

/// The size of the disk.
pub(super) fn inspect(image: &Image) -> Result<u64, FormatError> {
    let format = ImageFormat::Vdi;
    let header = image.header(format, HEADER)?;
    let version = header.le32(VERSION)?;
    let [major, minor] =
        [version >> 16, version & 0xffff].map(|part| u16::try_from(part).unwrap_or_default());
    // Before version 1 the fields lie elsewhere.
    if major != 1 {
        return Err(header.damaged(Damage::Version { major, minor }));
    }
    if matches!(header.le32(IMAGE_TYPE)?, UNDO | DIFFERENCING) {
        // The parent is known by its UUID only.
        return Err(FormatError::BackingFile { format, name: None });
    }
    header.le64(DISK_SIZE)
}
