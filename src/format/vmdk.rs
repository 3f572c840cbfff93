//! VMDK (VMware, Virtual Disk Format 5.0): sparse extents with or without a descriptor in them,
//! and descriptors alone. All numbers are little-endian.

use super::{Damage, FormatError, Image, ImageFormat, printable};

/// `SparseExtentHeader`, "Hosted Sparse Extents": also stream-optimized ones.
pub(super) const SPARSE: &[u8] = b"KDMV";
/// `COWDisk_Header`, "ESX Server Sparse Extents".
pub(super) const ESX_SPARSE: &[u8] = b"COWD";
/// "The Disk Descriptor File".
pub(super) const DESCRIPTOR: &[u8] = b"# Disk DescriptorFile";

const SECTOR: u64 = 512;
/// Sizes of the headers.
const SPARSE_HEADER: usize = 512;
const ESX_SPARSE_HEADER: usize = 4 * 512;
/// In sectors; of 64 bits in a hosted extent, of 32 in ESX Server's.
const CAPACITY: usize = 12;
/// In sectors.
const DESCRIPTOR_OFFSET: usize = 28;
const DESCRIPTOR_SIZE: usize = 36;
/// QEMU (`block/vmdk.c`) looks for the parent here, whatever the header says.
const QEMU_DESCRIPTOR: usize = 512;

const FORMAT: ImageFormat = ImageFormat::Vmdk;

/// The size of the disk.
pub(super) fn inspect(image: &Image) -> Result<Option<u64>, FormatError> {
    if image.head.starts_with(DESCRIPTOR) {
        refuse_parent(text(image.head))?;
        let name = extents(text(image.head)).find_map(|extent| extent.name);
        return Err(FormatError::ExternalData { format: FORMAT, name: name.and_then(printable) });
    }
    let sectors = if image.head.starts_with(ESX_SPARSE) {
        image.header(FORMAT, ESX_SPARSE_HEADER)?.le32(CAPACITY)?.into()
    } else {
        sparse(image)?
    };
    let damage = FormatError::Damaged { format: FORMAT, what: Damage::Capacity { sectors } };
    sectors.checked_mul(SECTOR).map(Some).ok_or(damage)
}

/// The capacity of a hosted sparse extent.
fn sparse(image: &Image) -> Result<u64, FormatError> {
    let header = image.header(FORMAT, SPARSE_HEADER)?;
    let (capacity, offset) = (header.le64(CAPACITY)?, header.le64(DESCRIPTOR_OFFSET)?);
    refuse_parent(text(&image.head[QEMU_DESCRIPTOR..]))?;
    if offset == 0 {
        return Ok(capacity);
    }
    // Where it is cut off here, what is missing is the disk's database and the padding after it.
    let start = offset.checked_mul(SECTOR).and_then(|start| usize::try_from(start).ok());
    let Some(rest) = start.and_then(|start| image.head.get(start..)).filter(|rest| !rest.is_empty()) else {
        return Err(header.damaged(Damage::Descriptor));
    };
    let size = header.le64(DESCRIPTOR_SIZE)?.saturating_mul(SECTOR);
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
    let descriptor = text(&rest[..size]);
    refuse_parent(descriptor)?;
    // The one extent it names is this file, whatever its name is now. Without a capacity this is
    // only another way to store a descriptor.
    let elsewhere = |(number, extent): &(usize, Extent)| *number > 0 || capacity == 0 || !extent.sparse;
    match extents(descriptor).enumerate().find(elsewhere) {
        Some((_, Extent { name, .. })) => {
            Err(FormatError::ExternalData { format: FORMAT, name: name.and_then(printable) })
        }
        None => Ok(capacity),
    }
}

/// A descriptor up to its padding.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A disk with a parent says so twice: readers go by the content ID or by the name.
fn refuse_parent(descriptor: &[u8]) -> Result<(), FormatError> {
    let name = values(descriptor, b"parentFileNameHint").find(|name| !name.is_empty());
    let child = values(descriptor, b"parentCID").any(|id| !id.eq_ignore_ascii_case(b"ffffffff"));
    if child || name.is_some() {
        return Err(FormatError::BackingFile { format: FORMAT, name: name.and_then(printable) });
    }
    Ok(())
}

/// The values of a key. Some readers look for it anywhere in a line, even in a comment.
fn values<'a>(descriptor: &'a [u8], key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let starts = descriptor.windows(key.len()).enumerate();
    starts.filter(|(_, window)| window.eq_ignore_ascii_case(key)).filter_map(move |(start, _)| {
        let rest = descriptor[start + key.len()..].trim_ascii_start().strip_prefix(b"=")?;
        let value = rest.split(|byte| matches!(byte, b'\n' | b'\r')).next()?.trim_ascii();
        Some(
            value
                .strip_prefix(b"\"")
                .and_then(|value| value.split(|byte| *byte == b'"').next())
                .unwrap_or(value),
        )
    })
}

/// A part of the disk.
struct Extent<'a> {
    /// Whether it is of a type with a header of its own.
    sparse: bool,
    name: Option<&'a [u8]>,
}

/// The extents: access, size in sectors, type, and for most a file name in quotes.
fn extents(descriptor: &[u8]) -> impl Iterator<Item = Extent<'_>> {
    descriptor.split(|byte| matches!(byte, b'\n' | b'\r')).filter_map(|line| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let access = words.next()?;
        let known = [&b"RW"[..], b"RDONLY", b"NOACCESS"].iter().any(|word| access.eq_ignore_ascii_case(word));
        if !known || !words.next()?.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let kind = words.next()?.to_ascii_uppercase();
        Some(Extent { sparse: kind.ends_with(b"SPARSE"), name: line.split(|byte| *byte == b'"').nth(1) })
    })
}
