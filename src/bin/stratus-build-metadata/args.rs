//! The arguments of `stratus-build-metadata`.

use std::{path::PathBuf, str::FromStr};

use clap::Parser;
use stratuslab::{
    Checksum, ChecksumAlgorithm, Identifier, Timestamp,
    cli::{Command, CommonArgs, Failure, Status, image::ImageArgs},
    metadata::rdf,
};

/// Describe a machine or disk image: size, checksums and what else there is to say, as an
/// unsigned metadata file
#[derive(Debug, Parser)]
#[command(name = "stratus-build-metadata")]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Args {
    /// The image, compressed (gz, bz2, xz, zst) or not: a file, a block device, `-` for standard
    /// input, or an http or https URL, which is read as it arrives and never stored
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// Who made the image
    #[arg(long, value_name = "NAME", value_parser = text)]
    pub(crate) author: Option<String>,
    /// What kind of content: base or grid
    #[arg(long = "type", value_name = "NAME", default_value = "base", value_parser = some_text)]
    pub(crate) image_type: String,
    /// What kind of image: machine or disk
    #[arg(long, value_name = "NAME", default_value = "machine", value_parser = text)]
    pub(crate) kind: String,
    /// Operating system
    #[arg(long, value_name = "NAME", value_parser = text, required_unless_present = "output")]
    pub(crate) os: Option<String>,
    /// Version of the operating system
    #[arg(long, value_name = "VERSION", value_parser = text, required_unless_present = "output")]
    pub(crate) os_version: Option<String>,
    /// Architecture of the operating system
    #[arg(long, value_name = "ARCH", value_parser = text, required_unless_present = "output")]
    pub(crate) os_arch: Option<String>,
    /// Version of the image
    #[arg(long, value_name = "VERSION", value_parser = text, required_unless_present = "output")]
    pub(crate) image_version: Option<String>,
    /// Format of the uncompressed image: raw, qcow2, vmdk, vdi, vhd, vhdx, iso9660, or auto for what
    /// the image itself tells
    #[arg(long, value_name = "FORMAT", default_value = "raw", value_parser = some_text)]
    pub(crate) format: String,
    /// Hypervisor the image is made for
    #[arg(long, value_name = "NAME", default_value = "kvm", value_parser = text)]
    pub(crate) hypervisor: String,
    /// Bus the disks are attached to
    #[arg(long, value_name = "TYPE", default_value = "ide", value_parser = ["ide", "scsi", "virtio"])]
    pub(crate) disks_bus: String,
    /// Where the image can be fetched; may be given several times [default: IMAGE, if it is a URL]
    #[arg(long, value_name = "URI", value_parser = text)]
    pub(crate) location: Vec<String>,
    /// Compression of the file at the location: gz, bz2, xz, zst or none [default: IMAGE's own]
    #[arg(long, value_name = "EXT", value_parser = text)]
    pub(crate) compression: Option<String>,
    /// Describe the compressed file too: its size and SHA-512
    #[arg(long)]
    pub(crate) describe_compressed: bool,
    /// Title of the image
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(crate) title: Option<String>,
    /// Tag of the image, a short alternative title
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(crate) tag: Option<String>,
    /// Description of the image
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(crate) comment: Option<String>,
    /// Who publishes the image [default: StratusLab]
    #[arg(long, value_name = "NAME", value_parser = text)]
    pub(crate) publisher: Option<String>,
    /// Identifier of the image this one replaces
    #[arg(long, value_name = "ID")]
    pub(crate) replaces: Option<Identifier>,
    /// Identifier of the image this one is a version of
    #[arg(long, value_name = "ID")]
    pub(crate) is_version_of: Option<Identifier>,

    /// How long the description is valid: 30d, 12w, 1y (365 days) [default: 182d]
    #[arg(long, value_name = "DURATION", conflicts_with = "valid_until")]
    valid_for: Option<ValidFor>,
    /// Until when the description is valid: a date, to its end in UTC, or YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "DATE", value_parser = until)]
    valid_until: Option<Timestamp>,

    #[command(flatten)]
    pub(crate) checksums: ChecksumArgs,

    /// Write to this file, `-` for standard output [default: OS-OSVERSION-ARCH-TYPE-VERSION.xml]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print what would be written instead of writing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Overwrite the output if it exists
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) reading: ImageArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Which checksums to compute, and what they must be.
#[derive(Debug, clap::Args)]
pub(crate) struct ChecksumArgs {
    /// MD5 the image must have
    #[arg(long, value_name = "HEX", value_parser = |hex: &str| Checksum::from_hex(ChecksumAlgorithm::Md5, hex))]
    md5: Option<Checksum>,
    /// SHA-1 the image must have
    #[arg(long, value_name = "HEX", value_parser = |hex: &str| Checksum::from_hex(ChecksumAlgorithm::Sha1, hex))]
    sha1: Option<Checksum>,
    /// SHA-256 the image must have
    #[arg(long, value_name = "HEX", value_parser = |hex: &str| Checksum::from_hex(ChecksumAlgorithm::Sha256, hex))]
    sha256: Option<Checksum>,
    /// SHA-512 the image must have
    #[arg(long, value_name = "HEX", value_parser = |hex: &str| Checksum::from_hex(ChecksumAlgorithm::Sha512, hex))]
    sha512: Option<Checksum>,
    /// Leave out the MD5
    #[arg(long, conflicts_with = "md5")]
    no_md5: bool,
    /// Leave out the SHA-256
    #[arg(long, conflicts_with = "sha256")]
    no_sha256: bool,
    /// Leave out the SHA-512
    #[arg(long, conflicts_with = "sha512")]
    no_sha512: bool,
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

impl Args {
    /// Where the description goes: the file named, or one named after the image (C5).
    pub(crate) fn output(&self) -> Result<PathBuf, Failure> {
        if let Some(output) = &self.output {
            return Ok(output.clone());
        }
        let parts = [
            ("--os", self.os.as_deref()),
            ("--os-version", self.os_version.as_deref()),
            ("--os-arch", self.os_arch.as_deref()),
            ("--type", Some(&*self.image_type)),
            ("--image-version", self.image_version.as_deref()),
        ];
        let mut name = String::new();
        for (option, part) in parts {
            let part = part.unwrap_or_default();
            let refused = |why: &str| {
                Failure::new(
                    Status::Usage,
                    format_args!("{option} '{part}' cannot be part of a file name: {why}"),
                )
                .with_hint("name the file with --output")
            };
            if part.is_empty() {
                return Err(refused("it is empty"));
            }
            if part.contains('/') {
                return Err(refused("it contains '/'"));
            }
            if part.contains(char::is_control) {
                return Err(refused("it contains a control character"));
            }
            if name.is_empty() && part.starts_with('-') {
                return Err(refused("the name would look like an option"));
            }
            name.push_str(if name.is_empty() { "" } else { "-" });
            name.push_str(part);
        }
        Ok(PathBuf::from(name + ".xml"))
    }

    /// When the description expires: by default after half a year (C1).
    pub(crate) fn valid(&self, created: Timestamp) -> Result<Timestamp, Failure> {
        if let Some(until) = self.valid_until {
            return if until > created {
                Ok(until)
            } else {
                let fact = format!("--valid-until {until} is not after the creation at {created}");
                Err(Failure::new(Status::Usage, fact))
            };
        }
        let days = self.valid_for.map_or(182, |ValidFor { days }| days);
        let late = || format!("{days} days after {created} is later than the year 9999");
        created.checked_add_days(days).ok_or_else(|| Failure::new(Status::Usage, late()))
    }
}

impl ChecksumArgs {
    /// The checksums to compute. SHA-1 cannot be left out: it is the identifier.
    pub(crate) fn wanted(&self) -> Vec<ChecksumAlgorithm> {
        let unwanted = |algorithm: &ChecksumAlgorithm| match algorithm {
            ChecksumAlgorithm::Md5 => self.no_md5,
            ChecksumAlgorithm::Sha1 => false,
            ChecksumAlgorithm::Sha256 => self.no_sha256,
            ChecksumAlgorithm::Sha512 => self.no_sha512,
        };
        ChecksumAlgorithm::ALL.into_iter().filter(|algorithm| !unwanted(algorithm)).collect()
    }

    /// The checksums the image must have.
    pub(crate) fn stated(&self) -> impl Iterator<Item = &Checksum> {
        [&self.md5, &self.sha1, &self.sha256, &self.sha512].into_iter().flatten()
    }
}

/// A text an element can hold.
fn text(value: &str) -> Result<String, String> {
    match rdf::unwritable(value) {
        Some(character) => {
            Err(format!("XML cannot carry the character U+{:04X} in it", u32::from(character)))
        }
        None => Ok(value.to_owned()),
    }
}

fn some_text(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("it is empty".to_owned()) } else { text(value) }
}

/// A number of days, given as `30d`, `12w` or `1y`.
#[derive(Clone, Copy, Debug)]
struct ValidFor {
    days: i64,
}

impl FromStr for ValidFor {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let form = || "not a number followed by d, w or y, such as 30d".to_owned();
        let unit = value.chars().next_back().ok_or_else(form)?;
        let (number, factor) = match unit {
            'd' => (value.strip_suffix('d'), 1),
            'w' => (value.strip_suffix('w'), 7),
            'y' => (value.strip_suffix('y'), 365),
            _ => (None, 0),
        };
        let digits =
            number.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())).ok_or_else(form)?;
        let days = digits.parse().ok().and_then(|number: i64| number.checked_mul(factor));
        match days {
            Some(0) => Err("it is no time at all".to_owned()),
            Some(days) => Ok(Self { days }),
            None => Err("it is too long".to_owned()),
        }
    }
}

/// The end of a day, or an instant.
fn until(value: &str) -> Result<Timestamp, String> {
    let instant = if value.len() == 10 { format!("{value}T23:59:59Z") } else { value.to_owned() };
    instant.parse().map_err(|_| "not a date, neither YYYY-MM-DD nor YYYY-MM-DDThh:mm:ssZ".to_owned())
}
