//! `stratus-marketplace check`: verifies again everything stored.

use clap::Args;
use stratuslab::cli::{Failure, Session, Status, database::DatabaseArgs};

/// Verify again everything that is stored
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &CheckArgs, session: &Session) -> Result<(), Failure> {
    let _ = args.database.existing(session)?;
    Err(Failure::new(Status::Usage, "'check' cannot be done yet"))
}
