//! `stratus-identify-image`: what an image is, and whether a list of checksums says so.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use stratuslab::cli::{
    self, Command, CommonArgs, Failure, Session,
    identify::{self, Sums},
    image::ImageArgs,
    input,
};

/// Print identifier, size and checksums of images, or check them against lists of checksums
#[derive(Debug, Parser)]
#[command(name = "stratus-identify-image")]
struct Args {
    /// Images, compressed (gz, bz2, xz, zst) or not: files, block devices, `-` for standard input,
    /// or http or https URLs [default with --check: those listed]
    #[arg(value_name = "IMAGE", required_unless_present = "check")]
    images: Vec<PathBuf>,
    /// Check the files, as they lie there, against this list, such as sha512sum writes; may be given
    /// several times
    #[arg(long, value_name = "FILE")]
    check: Vec<PathBuf>,
    #[command(flatten)]
    reading: ImageArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    input::check_once(args.check.iter().chain(&args.images))?;
    if args.check.is_empty() {
        identify::identify(session, &args.reading, &args.images, None);
        return Ok(());
    }
    let sums = Sums::read(&args.check)?;
    let images = if args.images.is_empty() { sums.names() } else { args.images.clone() };
    // What is listed may be standard input as well.
    input::check_once(args.check.iter().chain(&images))?;
    identify::identify(session, &args.reading, &images, Some(&sums));
    Ok(())
}
