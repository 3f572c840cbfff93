//! `stratus-marketplace export`: writes a data directory.

use clap::Args;
use stratuslab::cli::{Failure, Session, Status, database::DatabaseArgs};

/// Write all entries into a data directory: ID/EMAIL/DATE.xml
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    folder: std::path::PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &ExportArgs, session: &Session) -> Result<(), Failure> {
    let _ = args.database.existing(session)?;
    Err(Failure::new(Status::Usage, "'export' cannot be done yet"))
}
