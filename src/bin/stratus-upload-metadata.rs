//! Publishes signed metadata in a Marketplace.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use serde_json::{Map, Value};
use stratuslab::{
    Timestamp,
    cli::{
        self, Command, CommonArgs, Failure, Session, Status, input, network::NetworkArgs, publish::publish,
        trust::PROXY,
    },
    dsig::{AlgorithmPolicy, VerifyError},
    marketplace::Client,
    metadata::rules::Leniency,
    validate::{self, Report, Requirement, validate},
};

/// Publish signed metadata in a Marketplace
///
/// Each FILE is verified first, and nothing is sent that the Marketplace would refuse. The
/// URL of each entry is printed on standard output.
#[derive(Parser)]
#[command(name = "stratus-upload-metadata")]
struct Upload {
    /// Signed metadata; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Accept signatures and digests with SHA-1, and RSA keys down to 1024 bits
    #[arg(long)]
    allow_sha1: bool,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl Command for Upload {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Upload, session: &Session) -> Result<(), Failure> {
    let client = args.network.client(session)?;
    let mut wanted = validate::Options::new(Timestamp::now());
    wanted.policy = AlgorithmPolicy::new(args.allow_sha1 || session.config()?.allow_sha1.unwrap_or_default());
    // What Marketplaces take: entries as old tools ordered them, but only those they will list (S10).
    wanted.leniency = Leniency::OldEntries;
    wanted.require.push(Requirement::Dated);
    for file in &args.files {
        match upload(file, &client, &wanted, session) {
            Ok(fields) => session.object(file, fields),
            Err(failure) => session.fail_input(file, &failure),
        }
    }
    Ok(())
}

fn upload(
    file: &Path,
    client: &Client,
    wanted: &validate::Options<'_>,
    session: &Session,
) -> Result<Map<String, Value>, Failure> {
    let name = input::name(file);
    let document = input::read(file)?;
    let report = validate(&document, wanted);
    for note in report.notes() {
        session.note(format_args!("{name}: {note}"));
    }
    let entry = report.into_verified().map_err(|report| refused(&name, &report))?;
    publish(client, &entry, session)
}

fn refused(name: &str, report: &Report) -> Failure {
    let message = report.deciding().and_then(|check| check.message.as_deref()).unwrap_or("not signed");
    let failure = Failure::new(Status::No, format_args!("{name} is not uploaded: {message}"));
    match report.signature_error() {
        Some(VerifyError::EndorserMismatch { proxy: true, .. }) => failure.with_hint(PROXY),
        Some(VerifyError::NoSignature) => failure.with_hint("sign it with stratus-sign-metadata"),
        Some(VerifyError::ForbiddenAlgorithm { .. }) => {
            failure.with_hint("--allow-sha1 uploads it all the same; signing it again is safer")
        }
        _ => failure,
    }
}
