//! What is written down of an image that is kept.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use serde_json::{Map, Value, json};

use super::{CacheError, CachedImage};
use crate::{
    Checksum, ChecksumAlgorithm, ImageDigests, ImageFormat, Timestamp,
    checksum::{Image, hex},
};

/// What is known of an image that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its size and all its checksums, computed when it came.
    pub digests: ImageDigests,
    /// The name of its format, if it has one that is known.
    pub format: Option<String>,
    /// Bytes of the disk that it stands for, where its format tells.
    pub virtual_size: Option<u64>,
    /// When it came.
    pub added: Timestamp,
    /// Where it came from.
    pub from: String,
    /// The state of its file when its checksums held.
    pub(super) stamp: Stamp,
    /// Since when the system runs (its boot id) that may not have written the content to the disk yet; `None`
    /// once it has. Under another one, a power cut may have come first.
    pub(super) unwritten: Option<String>,
}

/// How long the system may take to write what is new to the disk by itself: some times the half minute of
/// Linux (proc(5), `dirty_expire_centisecs`).
const WRITTEN_AFTER_SECONDS: i64 = 120;

/// What changes when a file is written to, or is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Likewise: of this nobody has a say (stat(2)).
    changed: (i64, i64),
}

impl Stamp {
    /// Of a file that is no link to one.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&fs::symlink_metadata(path)?))
    }

    /// Whether it is the other, but for what taking its name away changes.
    pub(super) fn is_but_removed(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }

    pub(super) const fn is_of_same_file(&self, other: &Self) -> bool {
        self.inode == other.inode
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(found: &fs::Metadata) -> Self {
        Self {
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl Record {
    /// Of an image that was just read.
    pub(super) fn new(image: &Image, from: String, stamp: Stamp) -> Self {
        Self {
            digests: image.digests.clone(),
            format: image.format.map(|format: ImageFormat| format.to_string()),
            virtual_size: image.virtual_size,
            added: Timestamp::now(),
            from,
            stamp,
            // To wait for the disk would take longer than the transfer, on many.
            unwritten: Some(boot()),
        }
    }

    /// Whether the system still runs that has the content, or it is on the disk.
    pub(super) fn has_survived(&self) -> bool {
        self.unwritten.as_ref().is_none_or(|since| !since.is_empty() && *since == boot())
    }

    /// Whether the content should be on the disk by now, and this is not known yet.
    pub(super) fn is_to_be_settled(&self) -> bool {
        let age = Timestamp::now().unix_seconds() - self.added.unix_seconds();
        self.unwritten.is_some() && age > WRITTEN_AFTER_SECONDS
    }

    fn write(&self) -> Vec<u8> {
        let Self { digests, format, virtual_size, added, from, stamp, unwritten } = self;
        let checksums: Map<String, Value> = digests
            .checksums()
            .iter()
            .map(|checksum| (checksum.algorithm().name().to_owned(), checksum.value().into()))
            .collect();
        let text = json!({
            "bytes": digests.bytes(),
            "checksums": checksums,
            "format": format,
            "virtual_size": virtual_size,
            "added": added.to_string(),
            "from": from,
            "inode": stamp.inode,
            "length": stamp.length,
            "modified": [stamp.modified.0, stamp.modified.1],
            "changed": [stamp.changed.0, stamp.changed.1],
            "unwritten": unwritten,
        });
        format!("{text:#}\n").into_bytes()
    }

    /// What was written; `None` if it is anything else.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let checksum = |algorithm: ChecksumAlgorithm| {
            let value = value.get("checksums")?.get(algorithm.name())?.as_str()?;
            Checksum::from_hex(algorithm, value).ok()
        };
        // All of them: an entry may state any.
        let checksums = ChecksumAlgorithm::ALL.into_iter().map(checksum).collect::<Option<Vec<_>>>()?;
        let time = |name: &str| {
            let [seconds, nanoseconds] = value.get(name)?.as_array()?.as_slice() else { return None };
            Some((seconds.as_i64()?, nanoseconds.as_i64()?))
        };
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        Some(Self {
            digests: ImageDigests::of(number("bytes")?, checksums)?,
            format: value.get("format")?.as_str().map(str::to_owned),
            virtual_size: number("virtual_size"),
            added: value.get("added")?.as_str()?.parse().ok()?,
            from: value.get("from")?.as_str()?.to_owned(),
            stamp: Stamp {
                inode: number("inode")?,
                length: number("length")?,
                modified: time("modified")?,
                changed: time("changed")?,
            },
            unwritten: value.get("unwritten")?.as_str().map(str::to_owned),
        })
    }
}

impl CachedImage {
    /// Writes down what is known of an image that lies where it belongs.
    pub(super) fn write_record(&self) -> Result<(), CacheError> {
        write(&self.record_path(), &self.record.write())
    }
}

/// What tells one run of the system from another; empty where nothing does.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Writes a small file beside its name and renames it: it is there as a whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    let failed = || CacheError::io("write", path);
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut staged = tempfile::Builder::new();
    // As any file, so that other users can read what root keeps for them; the umask takes its share.
    let staged = staged.prefix(".").permissions(Permissions::from_mode(0o644));
    let mut staged = staged.tempfile_in(folder).map_err(failed())?;
    io::Write::write_all(&mut staged, bytes).map_err(failed())?;
    staged.persist(path).map_err(|error| failed()(error.error))?;
    Ok(())
}

/// The name of what has this content.
pub(crate) fn name_of(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}
