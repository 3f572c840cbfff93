//! `stratus-sign-metadata`: endorses and signs metadata entries.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use serde_json::{Map, Value};
use stratuslab::{
    Metadata, Timestamp,
    cli::{
        self, Command, CommonArgs, Failure, Session, Status,
        credentials::CredentialArgs,
        input, is_dash, output,
        stamp::{self, TimestampArgs},
        verdict::entry_fields,
    },
    dsig::{SignError, SignRequest, Verified, sign},
    metadata::rules::Leniency,
    tsp,
};

/// Endorse and sign metadata entries
#[derive(Parser)]
#[command(name = "stratus-sign-metadata")]
struct Sign {
    /// Metadata files; `-` is standard input and needs --output
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the signed entry here, over what is there, and leave FILE as it is; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    timestamp: TimestampArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl Command for Sign {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Sign, session: &Session) -> Result<(), Failure> {
    let output = args.output.as_deref().or(session.config()?.output_manifest_file.as_deref());
    check_streams(args, output, session)?;
    let authority = args.timestamp.client(session)?;
    stamp::check_places(authority.as_ref(), output)?;
    let email = args.credentials.email(session)?;
    let credentials = args.credentials.credentials(session)?;
    let endorser = credentials.endorser().map_err(SignError::from)?;
    if let (Some(given), Some(certified)) = (&args.credentials.email, endorser.email())
        && given.as_str() != certified
    {
        session.note(format_args!("--email {given} is not used: the certificate's address is {certified}"));
    }
    let request = SignRequest {
        credentials: &credentials,
        method: args.credentials.signature_method(session)?,
        email: email.as_ref(),
        created: Timestamp::now(),
        leniency: Leniency::Strict,
        include_chain: args.credentials.include_chain(&credentials, session)?,
    };
    // A key that cannot sign is no input's fault.
    request.signature_method()?;
    for file in &args.files {
        match sign_file(file, output, &request, authority.as_ref(), session) {
            Ok(fields) => session.object(file, fields),
            Err(failure) => session.fail_input(file, &failure),
        }
    }
    Ok(())
}

/// Whether every input and output has a place of its own.
fn check_streams(args: &Sign, output: Option<&Path>, session: &Session) -> Result<(), Failure> {
    if output.is_some() && args.files.len() > 1 {
        return Err(Failure::new(Status::Usage, "one output file cannot hold several entries")
            .with_hint("sign the files one by one, or in place without --output"));
    }
    if session.json() && output.is_some_and(is_dash) {
        return Err(Failure::new(Status::Usage, "the entry and --json cannot both go to standard output")
            .with_hint("write the entry to a file with --output FILE"));
    }
    if args.files.iter().any(|file| is_dash(file)) && args.credentials.password_from_stdin(session)? {
        return Err(Failure::new(
            Status::Usage,
            "the password and the entry cannot both come from standard input",
        )
        .with_hint("give the password on another descriptor: --p12-password-file /dev/fd/3 3<FILE"));
    }
    if output.is_none() && args.files.iter().any(|file| is_dash(file)) {
        return Err(Failure::new(Status::Usage, "standard input cannot be signed in place")
            .with_hint("say where to write the signed entry with --output FILE, or --output -"));
    }
    Ok(())
}

fn sign_file(
    file: &Path,
    output: Option<&Path>,
    request: &SignRequest,
    authority: Option<&tsp::Client>,
    session: &Session,
) -> Result<Map<String, Value>, Failure> {
    let name = input::name(file);
    let document = input::read(file)?;
    let entry = sign(&document, request).map_err(|error| Failure::from(error).about(&name))?;
    let (subject, method) = (entry.evidence().endorser.subject(), entry.evidence().signature_method);
    session.detail(format_args!("endorsed by {subject} with {method}"));
    let elsewhere = output.filter(|path| is_dash(path) || !same_file(path, file));
    let place = elsewhere.unwrap_or(file);
    // Before anything is replaced, so that without a time stamp all stays as it was.
    let stamp = stamp::ask(authority, &entry, place, session).map_err(|failure| failure.about(&name))?;
    match elsewhere {
        Some(path) if is_dash(path) => {
            session.write(entry.document());
            return Ok(fields(&entry, path));
        }
        Some(path) => output::write_new(path, entry.document(), true)?,
        None => {
            if let Some(kept) = output::replace_keeping_original(file, &document, entry.document())? {
                session.detail(format_args!("the entry as it was is kept as {}", cli::shown(&kept)));
            }
        }
    }
    let mut fields = fields(&entry, place);
    fields.extend(stamp.keep(session)?);
    session.result(format_args!("Manifest file successfully signed: {}", cli::shown(place)));
    Ok(fields)
}

fn fields(entry: &Verified<Metadata>, written: &Path) -> Map<String, Value> {
    let mut fields = entry_fields(entry);
    fields.insert("output".to_owned(), written.to_string_lossy().into());
    fields
}

/// Whether an output names the input, perhaps in other words: then it is signed in place.
fn same_file(output: &Path, input: &Path) -> bool {
    matches!((output.canonicalize(), input.canonicalize()), (Ok(output), Ok(input)) if output == input)
}
