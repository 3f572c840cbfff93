//! `stratus-marketplace export`: writes a data directory.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};
use stratuslab::{
    cli::{
        Failure, Session, Status,
        copies::{Opened, entries},
        database::DatabaseArgs,
        progress::Progress,
        reason, shown,
    },
    server::export::{ExportError, Exported, export},
};

/// Write all entries into a data directory: ID/EMAIL/DATE.xml
///
/// Files that are there already stay as they are; one that is not the entry it is named for ends it.
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The data directory, made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &ExportArgs, session: &Session) -> Result<(), Failure> {
    let opened = Opened::open(args.database.existing(session)?)?;
    let progress = Progress::bar(session, None);
    let exported = export(&args.folder, opened.entries(), &mut |bytes| progress.advance(bytes));
    drop(progress);
    let Exported { written, same } = exported.map_err(|error| failure(error, &opened))?;
    session.result(format_args!("{} exported, {same} there already", entries(written)));
    let counts = [("written", written), ("same", same)];
    let fields = counts.into_iter().map(|(name, count)| (name.to_owned(), Value::from(count)));
    session.object(&args.folder, fields.collect::<Map<_, _>>());
    opened.close();
    Ok(())
}

fn failure(error: ExportError, opened: &Opened) -> Failure {
    let fact = match error {
        ExportError::Store(error) => return opened.failure(&error),
        ExportError::Folder { path, cause } => format!("cannot use {}: {}", shown(&path), reason(&cause)),
        ExportError::Write { path, cause } => format!("cannot write {}: {}", shown(&path), reason(&cause)),
        error => error.to_string(),
    };
    Failure::new(Status::File, fact)
}
