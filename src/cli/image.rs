//! Reading an image, with a progress bar.

use std::{num::NonZeroUsize, path::Path};

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Session, Status, is_dash, progress::Progress, reason, shown};
use crate::{
    Checksum, ChecksumAlgorithm,
    checksum::{DigestOptions, FileDigests, Image, ImageError, ImageFile},
    compression::CompressionError,
    format::FormatError,
};

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let hint = match error {
            ImageError::Changed { .. } => Some("stop whatever writes to the image, then try again"),
            ImageError::Compressed { cause: CompressionError::Memory { .. }, .. } => {
                Some("compress the image again with a smaller dictionary or window")
            }
            ImageError::Format { cause: FormatError::BackingFile { .. }, .. } => Some(
                "its checksum would not cover the disk; qemu-img convert makes an image that stands alone",
            ),
            ImageError::Format { cause: FormatError::ExternalData { .. }, .. } => Some(
                "its checksum would not cover the disk; qemu-img convert makes an image that holds all of it",
            ),
            ImageError::Compressed { .. } | ImageError::Format { .. } => {
                Some("fetch or make the image again")
            }
            ImageError::TooLarge { .. } => Some("--max-size allows more"),
            _ => None,
        };
        let failure = match error {
            ImageError::Unreadable { image, cause } => {
                Self::new(Status::File, format_args!("cannot read {}: {}", shown(&image), reason(&cause)))
            }
            error @ ImageError::TooLarge { .. } => Self::new(Status::No, error),
            error => Self::new(Status::File, error),
        };
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The options of commands that read images.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Image options")]
pub struct ImageArgs {
    /// Threads that compute checksums and decompress [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Refuse an image that has, or expands to, more bytes: 500M, 10G, 1T [default: 1T for a URL]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_size: Option<u64>,
}

impl ImageArgs {
    /// As many threads as asked for, or as there are cores.
    pub fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(|| DigestOptions::default().threads)
    }
}

/// An image that is ready to be read.
pub struct OpenImage {
    file: ImageFile,
    options: DigestOptions,
}

/// Opens an image, a file or standard input if `path` is `-`, to be read for these checksums of its
/// content and, if it is compressed, these of the file.
///
/// # Errors
/// [`Failure`] if it cannot be opened.
pub fn open(
    _session: &Session,
    args: &ImageArgs,
    path: &Path,
    algorithms: &[ChecksumAlgorithm],
    compressed: &[ChecksumAlgorithm],
) -> Result<OpenImage, Failure> {
    let options = DigestOptions {
        algorithms: algorithms.to_vec(),
        compressed: compressed.to_vec(),
        threads: args.threads(),
        max_bytes: args.max_size,
    };
    let file = if is_dash(path) { ImageFile::standard_input()? } else { ImageFile::open(path)? };
    Ok(OpenImage { file, options })
}

impl OpenImage {
    /// Bytes to be read of it, compressed as it is, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.file.length()
    }

    /// Reads it to its end; `progress` is told the number of bytes each time some have been read.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read, is damaged, or did not stay the same meanwhile.
    pub fn digest(self, progress: impl FnMut(u64)) -> Result<Image, Failure> {
        Ok(self.file.digest(&self.options, progress)?)
    }
}

/// Reads the image at `path` to its end, with a progress bar.
///
/// # Errors
/// [`Failure`] if it cannot be read or did not stay the same meanwhile.
pub fn digest(
    session: &Session,
    args: &ImageArgs,
    path: &Path,
    algorithms: &[ChecksumAlgorithm],
    compressed: &[ChecksumAlgorithm],
) -> Result<Image, Failure> {
    let image = open(session, args, path, algorithms, compressed)?;
    let progress = Progress::bar(session, image.length());
    image.digest(|bytes| progress.advance(bytes))
}

/// Checksums in JSON: values by algorithm.
pub fn checksums_value(checksums: &[Checksum]) -> Value {
    let field = |checksum: &Checksum| (checksum.algorithm().name().to_owned(), checksum.value().into());
    Value::Object(checksums.iter().map(field).collect())
}

/// The compressed file of an image in JSON; null if it is not compressed.
pub fn compressed_value(image: &Image) -> Value {
    image.compressed.as_ref().map_or(
        Value::Null,
        |FileDigests { bytes, checksums }| json!({ "bytes": bytes, "checksums": checksums_value(checksums) }),
    )
}

/// A number of bytes: digits and a unit, of 1024 (`K`, `KiB`, `M`, …) or 1000 (`KB`, `MB`, …) as
/// the GNU coreutils have them.
fn size(value: &str) -> Result<u64, String> {
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = value.split_at(digits);
    let (prefix, base) = match unit.strip_suffix("iB") {
        Some(prefix) => (prefix, 1024),
        None => match unit.strip_suffix('B') {
            Some(prefix) => (prefix, 1000),
            None => (unit, 1024),
        },
    };
    let power = match prefix {
        "" if unit.is_empty() => 0,
        "K" | "k" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        _ => return Err("not a number of bytes such as 500M, 10G or 1T".to_owned()),
    };
    let number: Option<u64> = number.parse().ok();
    match number.and_then(|number| number.checked_mul(u64::pow(base, power))) {
        Some(0) => Err("it is nothing at all".to_owned()),
        Some(size) => Ok(size),
        None if number.is_none() && digits == 0 => {
            Err("not a number of bytes such as 500M, 10G or 1T".to_owned())
        }
        None => Err("it is too large".to_owned()),
    }
}
