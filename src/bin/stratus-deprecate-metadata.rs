//! `stratus-deprecate-metadata`: tells a Marketplace that an image must not be used any more.

use std::{process::ExitCode, thread, time::Duration};

use clap::Parser;
use stratuslab::{
    Certificate, Email, Identifier, Metadata, Timestamp,
    cli::{
        self, Command, CommonArgs, Failure, Session, Status, credentials::CredentialArgs,
        network::NetworkArgs, publish::publish, trust::PROXY,
    },
    dsig::{self, AlgorithmPolicy, SignError, SignRequest, Verified, VerifyError},
    identifier::IdentifierError,
    marketplace::ClientError,
    metadata::{rdf::unwritable, rules::Leniency},
    validate::{Options, Requirement, validate},
};

/// How far this machine's clock may lag behind an entry before it is no use waiting, in seconds.
const MAX_LAG: i64 = 3;

/// Mark an image as deprecated in a Marketplace
///
/// The entry is fetched and verified, endorsed and signed again with a reason, and uploaded. The
/// URL of the new entry is printed on standard output.
#[derive(Parser)]
#[command(name = "stratus-deprecate-metadata")]
struct Deprecate {
    /// The image's identifier
    #[arg(value_name = "ID", value_parser = identifier)]
    identifier: Identifier,
    /// Why the image must not be used any more
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "This image has been deprecated",
        value_parser = reason
    )]
    reason: String,
    /// Endorsement date of the entry to start from [default: the newest]
    #[arg(long, value_name = "DATE")]
    created: Option<Timestamp>,
    /// Accept SHA-1, and RSA keys down to 1024 bits, in the signature of the entry fetched
    #[arg(long)]
    allow_sha1: bool,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl Command for Deprecate {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

/// An identifier, and what is wrong with the URL of an entry instead of one.
fn identifier(value: &str) -> Result<Identifier, String> {
    let error = match value.parse() {
        Ok(identifier) => return Ok(identifier),
        Err(error) => IdentifierError::to_string(&error),
    };
    if !value.contains('/') {
        return Err(error);
    }
    let inside = value.split(['/', '?', '#']).find_map(|part| part.parse::<Identifier>().ok());
    let which = inside.map(|identifier| format!(", {identifier}")).unwrap_or_default();
    Err(format!("only the identifier is wanted{which}"))
}

fn reason(value: &str) -> Result<String, String> {
    if value.trim().is_empty() {
        return Err("the reason is empty".to_owned());
    }
    match unwritable(value) {
        Some(character) => Err(format!("no entry can carry the character U+{:04X}", u32::from(character))),
        None => Ok(value.to_owned()),
    }
}

fn run(args: &Deprecate, session: &Session) -> Result<(), Failure> {
    let client = args.network.client(session)?;
    let method = args.credentials.signature_method(session)?;
    let credentials = args.credentials.credentials(session)?;
    let endorser = credentials.endorser().map_err(SignError::from)?;
    let email = endorser_email(endorser, args, session)?;

    session.detail(format_args!("fetching {} by {email} from {}", args.identifier, client.endpoint()));
    let document = client.fetch(&args.identifier, &email, args.created).map_err(not_fetched)?;
    let allow_sha1 = args.allow_sha1 || session.config()?.allow_sha1.unwrap_or_default();
    let entry = verified(&document, allow_sha1, session)?;
    check_is_asked(&entry, args, &email)?;

    let request = SignRequest {
        credentials: &credentials,
        method,
        email: Some(&email),
        created: later_than(&entry)?,
        leniency: Leniency::OldEntries,
        include_chain: args.credentials.include_chain(&credentials, session)?,
    };
    let deprecated = dsig::deprecate(&entry, &args.reason, &request)?;
    session.bare_object(publish(&client, &deprecated, session)?);
    Ok(())
}

/// Whose entry it is: the certificate's address, if it has one, is where the new entry will be.
/// The configuration's, which serves every certificate, is looked at only if there is none.
fn endorser_email(certificate: &Certificate, args: &Deprecate, session: &Session) -> Result<Email, Failure> {
    match (certificate.email(), &args.credentials.email) {
        (Some(certified), Some(given)) if certified != given.as_str() => Err(Failure::new(
            Status::Credentials,
            format_args!("the certificate is of {certified}, not of {given}"),
        )
        .with_hint(
            "only the endorser of an entry can deprecate it; leave --email out or use the other certificate",
        )),
        (Some(certified), _) => certified.parse().map_err(|error| Failure::new(Status::Credentials, error)),
        (None, _) => args.credentials.email(session)?.ok_or_else(|| {
            Failure::new(Status::Usage, "the certificate has no e-mail address")
                .with_hint("give the endorser's with --email")
        }),
    }
}

fn not_fetched(error: ClientError) -> Failure {
    let missing = matches!(&error, ClientError::Refused { status, .. } if status.as_u16() == 404);
    let failure = Failure::from(error);
    match failure.hint() {
        None if missing => failure.with_hint("check the identifier, --email and --created"),
        _ => failure,
    }
}

/// The entry fetched, if it is valid. Old tools wrote elements out of order; that is worth a note.
fn verified(document: &[u8], allow_sha1: bool, session: &Session) -> Result<Verified<Metadata>, Failure> {
    let mut options = Options::new(Timestamp::now());
    options.policy = AlgorithmPolicy::new(allow_sha1);
    options.leniency = Leniency::OldEntries;
    // The new entry would be as undated as this one, and refused.
    options.require.push(Requirement::Dated);
    let report = validate(document, &options);
    for note in report.notes() {
        session.note(format_args!("the entry fetched: {note}"));
    }
    report.into_verified().map_err(|report| {
        let deciding = report.deciding();
        let reason = deciding.and_then(|check| check.message.as_deref()).unwrap_or("not signed");
        let problem = match deciding {
            Some(check) if check.name == "dated" => "cannot be deprecated",
            _ => "is invalid",
        };
        let failure = Failure::new(Status::No, format_args!("the entry fetched {problem}: {reason}"));
        match report.signature_error() {
            Some(VerifyError::EndorserMismatch { proxy: true, .. }) => failure.with_hint(PROXY),
            Some(VerifyError::ForbiddenAlgorithm { .. }) => {
                failure.with_hint("--allow-sha1 accepts the signature of the entry fetched")
            }
            _ => failure,
        }
    })
}

/// A Marketplace can answer with any entry that verifies; only the one asked for will do.
fn check_is_asked(entry: &Metadata, args: &Deprecate, email: &Email) -> Result<(), Failure> {
    let endorsement = entry.endorsement.as_ref();
    let created = endorsement.map(|endorsement| endorsement.created);
    let endorser = endorsement.map(|endorsement| endorsement.endorser.email.as_str()).unwrap_or_default();
    let differs = |what, asked: &str, got: &str| {
        let fact = format_args!("the Marketplace returned another entry: {what} is {got}, asked was {asked}")
            .to_string();
        Err(Failure::new(Status::No, fact))
    };
    if entry.identifier != args.identifier {
        return differs("the identifier", &args.identifier.to_string(), &entry.identifier.to_string());
    }
    if endorser != email.as_str() {
        return differs("the endorser", email.as_str(), endorser);
    }
    match (args.created, created) {
        (Some(asked), Some(got)) if asked != got => {
            differs("the endorsement date", &asked.to_string(), &got.to_string())
        }
        _ => Ok(()),
    }
}

/// The date of the new endorsement, which Marketplaces only take if it is later.
fn later_than(entry: &Metadata) -> Result<Timestamp, Failure> {
    let Some(endorsement) = &entry.endorsement else { return Ok(Timestamp::now()) };
    loop {
        let now = Timestamp::now();
        let lag = endorsement.created.unix_seconds() - now.unix_seconds();
        if lag < 0 {
            return Ok(now);
        }
        if lag > MAX_LAG {
            return Err(Failure::new(
                Status::No,
                format_args!("the entry was endorsed at {} but the clock says {now}", endorsement.created),
            )
            .with_hint("set this machine's clock"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}
