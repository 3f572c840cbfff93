//! Reading an image, with a progress bar.

use std::{num::NonZeroUsize, path::Path};

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Session, Status, is_dash, network::RemoteArgs, progress::Progress, reason, shown};
use crate::{
    Checksum, ChecksumAlgorithm,
    checksum::{DigestOptions, FileDigests, Image, ImageError, ImageFile},
    compression::CompressionError,
    format::FormatError,
    location::is_scheme,
    remote::{ImageUrl, RemoteImage},
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
            ImageError::Remote { cause } => return cause.into(),
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
    /// Threads that read, decompress and compute checksums [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Refuse an image that has, or expands to, more bytes: 500M, 10G, 1T [default: 1T for a URL]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_size: Option<u64>,
    /// How an image at a URL is fetched.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// Most bytes of an image at a URL unless another bound is given.
const REMOTE_MAX_SIZE: u64 = 1 << 40;

impl ImageArgs {
    /// As many threads as asked for, or as there are cores.
    pub fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(|| DigestOptions::default().threads)
    }

    /// Most bytes an image may have: what was asked for, and not without end from somewhere else.
    fn max_bytes(&self, url: Option<&ImageUrl>) -> Option<u64> {
        self.max_size.or(url.map(|_| REMOTE_MAX_SIZE))
    }
}

/// An image that is ready to be read.
pub struct OpenImage {
    source: Source,
    options: DigestOptions,
}

enum Source {
    File(ImageFile),
    Url(ImageUrl, Box<RemoteImage>),
}

/// The URL that an argument is; anything else that has no `://` before its first slash is a path.
///
/// # Errors
/// [`Failure`] if it is a URL by which no image can be fetched.
pub fn url(path: &Path) -> Result<Option<ImageUrl>, Failure> {
    let Some(text) = path.to_str().filter(|_| is_url(path)) else { return Ok(None) };
    Ok(Some(text.parse::<ImageUrl>()?))
}

/// Whether a path starts like a URL: a scheme, then `://`.
pub(super) fn is_url(path: &Path) -> bool {
    path.to_str().and_then(|text| text.split_once("://")).is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Opens an image, a file, standard input if `path` is `-`, or a URL, to be read for these
/// checksums of its content and, if it is compressed, these of the file.
///
/// # Errors
/// [`Failure`] if it cannot be opened.
pub fn open(
    session: &Session,
    args: &ImageArgs,
    path: &Path,
    algorithms: &[ChecksumAlgorithm],
    compressed: &[ChecksumAlgorithm],
) -> Result<OpenImage, Failure> {
    let url = url(path)?;
    let options = DigestOptions {
        algorithms: algorithms.to_vec(),
        compressed: compressed.to_vec(),
        threads: args.threads(),
        max_bytes: args.max_bytes(url.as_ref()),
        expand: true,
    };
    let source = match url {
        Some(url) => {
            let remote = RemoteImage::open(&url, args.remote.options(session)?)?;
            Source::Url(url, Box::new(remote))
        }
        None if is_dash(path) => Source::File(ImageFile::standard_input()?),
        None => Source::File(ImageFile::open(path)?),
    };
    Ok(OpenImage { source, options })
}

impl OpenImage {
    /// Bytes to be read of it, compressed as it is, where that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.source {
            Source::File(file) => file.length(),
            Source::Url(_, remote) => remote.length(),
        }
    }

    /// Reads it to its end; `progress` is told the number of bytes each time some have been read.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read, is damaged, or did not stay the same meanwhile.
    pub fn digest(self, progress: impl FnMut(u64)) -> Result<Image, Failure> {
        Ok(match self.source {
            Source::File(file) => file.digest(&self.options, progress)?,
            Source::Url(url, remote) => Image::read(url.as_str(), *remote, &self.options, progress)?,
        })
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
pub(crate) fn size(value: &str) -> Result<u64, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_at_a_url_has_an_end() {
        let url: ImageUrl = "https://example.org/image".parse().unwrap();
        let args = ImageArgs::default();
        assert_eq!(args.max_bytes(None), None);
        assert_eq!(args.max_bytes(Some(&url)), Some(1 << 40));
        let args = ImageArgs { max_size: Some(5), ..ImageArgs::default() };
        assert_eq!((args.max_bytes(None), args.max_bytes(Some(&url))), (Some(5), Some(5)));
    }

    #[test]
    fn sizes_are_those_of_coreutils() {
        for (text, bytes) in [
            ("1", 1),
            ("500M", 500 << 20),
            ("2k", 2048),
            ("2KiB", 2048),
            ("2kB", 2000),
            ("10G", 10 << 30),
            ("10GB", 10_000_000_000),
            ("1T", 1 << 40),
            ("16383P", 16383 << 50),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, why) in [
            ("", "not a number of bytes such as 500M, 10G or 1T"),
            ("M", "not a number of bytes such as 500M, 10G or 1T"),
            ("-1", "not a number of bytes such as 500M, 10G or 1T"),
            ("1.5G", "not a number of bytes such as 500M, 10G or 1T"),
            ("1B", "not a number of bytes such as 500M, 10G or 1T"),
            ("1iB", "not a number of bytes such as 500M, 10G or 1T"),
            ("1GiBs", "not a number of bytes such as 500M, 10G or 1T"),
            ("0", "it is nothing at all"),
            ("16384P", "it is too large"),
            ("99999999999999999999", "it is too large"),
        ] {
            assert_eq!(size(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_url_is_told_by_its_scheme() {
        for (text, is) in [
            ("http://h/i", true),
            ("ftp://h", true),
            ("./http://h/i", false),
            ("a/b://c", false),
            ("://h", false),
            ("1a://h", false),
            ("-", false),
        ] {
            assert_eq!(is_url(Path::new(text)), is, "{text}");
        }
        assert_eq!(url(Path::new("image.img")), Ok(None));
        assert_eq!(url(Path::new("ftp://h/i")).unwrap_err().status(), Status::Usage);
    }
}
