//! `stratus-marketplace import`: loads an old data directory.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use stratuslab::{
    cli::{
        Failure, Session, Status,
        copies::{IntakeArgs, OLD_SIGNATURES, Opened, entries},
        database::DatabaseArgs,
        progress::Progress,
        reason, shown,
    },
    server::{
        import::{FileError, ImportError, Imported, Outcome, import},
        intake::Intake,
        key::EntryKey,
    },
};

/// Load a data directory as the original Marketplace has it: ID/EMAIL/DATE.xml
///
/// Signature and rules must hold; who may endorse is not asked. What is there already stays, so that an
/// import can be done again.
#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    intake: IntakeArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &ImportArgs, session: &Session) -> Result<(), Failure> {
    if !args.folder.is_dir() {
        let fact = format!("{} is no directory", shown(&args.folder));
        return Err(Failure::new(Status::File, fact));
    }
    let intake = Intake { allow_sha1: args.intake.allow_sha1(session)?, endorsers: None };
    let opened = Opened::open(args.database.database(session)?)?;
    let mut told = Told { session, progress: Progress::bar(session, None), added: 0, same: 0, refused: 0 };
    let imported = import(&args.folder, &intake, opened.entries(), &mut |imported| told.tell(&imported));
    imported.map_err(|error| match error {
        ImportError::Folder { path, cause } => {
            let fact = format!("cannot read {}: {}", shown(&path), reason(&cause));
            Failure::new(Status::File, fact)
        }
        ImportError::Store(error) => opened.failure(&error),
        error => Failure::new(Status::File, error),
    })?;
    let Told { added, same, refused, .. } = told;
    if added + same + refused == 0 {
        session.note(format_args!("there is no entry in {}", shown(&args.folder)));
    }
    session.result(format_args!("{} imported, {same} there already, {refused} refused", entries(added)));
    opened.close();
    Ok(())
}

/// What was told of the files so far.
struct Told<'a> {
    session: &'a Session,
    progress: Progress,
    added: u64,
    same: u64,
    refused: u64,
}

impl Told<'_> {
    fn tell(&mut self, imported: &Imported<'_>) {
        let Imported { path, bytes, outcome } = imported;
        self.progress.advance(*bytes);
        match outcome {
            Outcome::Added(key) => {
                self.added += 1;
                self.session.object(path, fields("added", key));
            }
            Outcome::Same(key) => {
                self.same += 1;
                self.session.object(path, fields("same", key));
            }
            Outcome::Hidden => self.session.note(format_args!("{} is passed over", shown(path))),
            Outcome::Refused(error) => {
                self.refused += 1;
                self.session.fail_input(path, &refused(path, error));
            }
        }
    }
}

fn refused(path: &Path, error: &FileError) -> Failure {
    let fact = match error {
        FileError::Read(error) => format!("{} is not imported: {}", shown(path), reason(error)),
        error => format!("{} is not imported: {error}", shown(path)),
    };
    let failure = Failure::new(Status::No, fact);
    match error {
        FileError::Refused(error) if error.is_of_algorithms() => failure.with_hint(OLD_SIGNATURES),
        _ => failure,
    }
}

fn fields(outcome: &str, key: &EntryKey) -> Map<String, Value> {
    Map::from_iter([
        ("outcome".to_owned(), outcome.into()),
        ("identifier".to_owned(), key.identifier.to_string().into()),
        ("email".to_owned(), key.email.as_str().into()),
        ("endorsed".to_owned(), key.created.to_string().into()),
    ])
}
