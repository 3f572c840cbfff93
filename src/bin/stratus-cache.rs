//! `stratus-cache`: the images that are kept.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use stratuslab::cli::{self, Command, CommonArgs, Failure, Session, cache::CacheArgs, kept};

/// Show, check, fill and empty the cache of images
#[derive(Parser)]
#[command(name = "stratus-cache")]
struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Subcommand)]
enum What {
    /// Show the images: identifier, size, when it was used last, path
    List,
    /// Read the images and move those that are not what they were out of the way
    Verify,
    /// Remove what was used longest ago
    Prune {
        /// Until no more than this is taken on the disk: 500M, 10G, 1T; 0 for nothing
        #[arg(long, value_name = "SIZE", value_parser = kept::room)]
        max_size: u64,
    },
    /// Copy images into the cache: files, or the files of directories that entries describe
    ///
    /// Entries found there, as files or lists, are kept as well, for use without a Marketplace.
    Add {
        /// A file or block device with an image, an entry, or a directory of such
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
    },
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn adjusted(command: clap::Command) -> clap::Command {
        cli::with_options_anywhere(command).mut_arg("cache", |arg| arg.global(true))
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let cache = args.cache.open(session)?;
    match &args.what {
        What::List => kept::list(&cache, session),
        What::Verify => kept::verify(&cache, session),
        What::Prune { max_size } => kept::prune(&cache, *max_size, session),
        What::Add { paths } => kept::add(&cache, paths, session),
    }
}
