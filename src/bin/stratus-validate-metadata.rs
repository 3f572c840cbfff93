//! `stratus-validate-metadata`: is an entry well made, signed and unchanged?

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use stratuslab::{
    ChecksumAlgorithm, Timestamp,
    cli::{
        self, Command, CommonArgs, Failure, Session,
        image::{self, ImageArgs},
        input,
        stamp::StampArgs,
        trust::{self, TrustArgs},
    },
    dsig::AlgorithmPolicy,
    validate::{Options, Requirement},
};

/// Check signature, structure and constraints of metadata entries
#[derive(Parser)]
#[command(name = "stratus-validate-metadata")]
struct Args {
    /// Metadata files, or lists of entries as a Marketplace returns them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Check everything but the signature
    #[arg(long)]
    unsigned: bool,
    /// Check size and checksums of this image against the metadata: a file, a block device, `-` for
    /// standard input, or an http or https URL
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    /// Accept signatures with SHA-1 and RSA keys down to 1024 bits, which can be forged with effort
    #[arg(long)]
    allow_sha1: bool,
    /// Refuse what is not current (expired), active (deprecated), trusted or timestamped
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    require: Vec<Required>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    stamps: StampArgs,
    #[command(flatten)]
    reading: ImageArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Required {
    /// Not past `dcterms:valid`, and endorsed while the certificate was valid
    Current,
    /// Not deprecated
    Active,
    /// Endorsed with a certificate of an authority that is trusted; if there are CRLs, not revoked
    Trusted,
    /// With a time stamp by an authority below --tsa-ca-file
    Timestamped,
}

impl From<Required> for Requirement {
    fn from(required: Required) -> Self {
        match required {
            Required::Current => Self::Current,
            Required::Active => Self::Active,
            Required::Trusted => Self::Trusted,
            Required::Timestamped => Self::Timestamped,
        }
    }
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn adjusted(command: clap::Command) -> clap::Command {
        trust::with_tls_options_renamed(command)
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut options = Options::new(Timestamp::now());
    options.policy = AlgorithmPolicy::new(args.allow_sha1 || session.config()?.allow_sha1.unwrap_or(false));
    options.signed = !args.unsigned;
    options.require = args.require.iter().map(|&requirement| requirement.into()).collect();
    let stamps = args.stamps.stamps(&args.files, args.require.contains(&Required::Timestamped), session)?;
    options.stamp_anchors = stamps.anchors();
    let anchors = args.trust.anchors(session)?;
    let endorsers = args.trust.endorsers(session)?;
    if args.require.contains(&Required::Trusted) {
        trust::required(anchors.as_ref())?;
    }
    (options.anchors, options.endorsers) = (anchors.as_ref(), &endorsers);
    let image = match &args.image {
        Some(path) => {
            input::check_once(args.files.iter().chain([path]))?;
            let image = image::digest(session, &args.reading, path, &ChecksumAlgorithm::ALL, &[]);
            Some(image.map_err(trust::with_tls_hint_renamed)?.digests)
        }
        None => None,
    };
    options.image = image.as_ref();
    cli::verdict::judge_files(&args.files, &options, &stamps, session);
    Ok(())
}
