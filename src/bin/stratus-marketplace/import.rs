//! `stratus-marketplace import`: loads an old data directory.

use clap::Args;
use stratuslab::cli::{Failure, Session, Status, database::DatabaseArgs};

/// Load a data directory as the original Marketplace has it: ID/EMAIL/DATE.xml
#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    folder: std::path::PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &ImportArgs, session: &Session) -> Result<(), Failure> {
    let _ = args.database.database(session)?;
    Err(Failure::new(Status::Usage, "'import' cannot be done yet"))
}
