//! `stratus-marketplace mirror`: follows another Marketplace.

use clap::Args;
use stratuslab::cli::{Failure, Session, Status, database::DatabaseArgs};

/// Take over the entries of another Marketplace
#[derive(Args)]
pub(crate) struct MirrorArgs {
    /// Base URL of the other Marketplace
    #[arg(value_name = "URL")]
    url: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &MirrorArgs, session: &Session) -> Result<(), Failure> {
    let _ = args.database.database(session)?;
    Err(Failure::new(Status::Usage, "'mirror' cannot be done yet"))
}
