//! Prints the canonical form of an XML document, and nothing after it:
//! `cargo run --example c14n -- [--mode c14n|c14n11|exc] [--comments] FILE`.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use stratuslab::{
    cli::{Failure, Status, input},
    dsig::c14n::{self, Canonicalization, Mode, WriteError},
    xml::{Limits, Source},
};

/// Print the canonical form of an XML document
#[derive(Parser)]
#[command(name = "c14n")]
struct C14n {
    /// The algorithm
    #[arg(long, value_enum, default_value = "c14n")]
    mode: Algorithm,
    /// Keep comments
    #[arg(long)]
    comments: bool,
    /// Prefixes treated as in the other modes, divided by blanks; `#default` for none. With exc alone
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    prefixes: String,
    /// A document without DOCTYPE; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Algorithm {
    /// Canonical XML 1.0
    C14n,
    /// Canonical XML 1.1
    C14n11,
    /// Exclusive XML Canonicalization 1.0
    Exc,
}

fn main() -> ExitCode {
    match run(&C14n::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.fact());
            ExitCode::from(failure.status() as u8)
        }
    }
}

fn run(args: &C14n) -> Result<(), Failure> {
    let mut algorithm = Canonicalization::new(match args.mode {
        Algorithm::C14n => Mode::Inclusive,
        Algorithm::C14n11 => Mode::Inclusive11,
        Algorithm::Exc => Mode::Exclusive,
    });
    algorithm.comments = args.comments;
    let prefixes = args.prefixes.split_ascii_whitespace();
    algorithm.inclusive_prefixes =
        prefixes.map(|prefix| if prefix == "#default" { String::new() } else { prefix.to_owned() }).collect();
    if !algorithm.inclusive_prefixes.is_empty() && algorithm.mode != Mode::Exclusive {
        return Err(Failure::new(Status::Usage, "--prefixes goes with --mode exc alone"));
    }
    let bytes = input::read_up_to(&args.file, Limits::LARGE.bytes as u64)?;
    let ill_formed = |error| Failure::new(Status::No, error).about(input::name(&args.file));
    let source = Source::read_within(&bytes, &Limits::LARGE).map_err(ill_formed)?;
    let tree = source.parse().map_err(ill_formed)?;
    let mut out = io::stdout().lock();
    match c14n::write_document(tree.root(), &algorithm, None, &mut out) {
        Err(WriteError::Xml(error)) => return Err(ill_formed(error)),
        Err(WriteError::Io(error)) => Err(error),
        _ => out.flush(),
    }
    .map_err(|error| Failure::new(Status::File, format_args!("cannot write to standard output: {error}")))
}
