//! `stratus-marketplace serve`: runs a Marketplace until it is asked to stop.

use std::net::SocketAddr;

use clap::Args;
use stratuslab::{
    cli::{Failure, Session, Status, database::DatabaseArgs},
    server::{
        log::{self, LogFormat},
        run::{self, ServeError},
        settings::{Database, Settings},
    },
};

/// Run a Marketplace
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Listen here [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS:PORT", env = "STRATUSLAB_MARKETPLACE_LISTEN")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn adjusted(command: clap::Command) -> clap::Command {
    command
}

pub(crate) fn run(args: &ServeArgs, session: &Session) -> Result<(), Failure> {
    let default = Settings::default();
    let settings = Settings {
        listen: args.listen.unwrap_or(default.listen),
        database: args.database.database(session)?,
        ..default
    };
    log::start(LogFormat::Text, tracing::Level::INFO);
    let in_file = matches!(settings.database, Database::Sqlite(_));
    run::run(settings, |ready| session.result(format_args!("listening on http://{}/", ready.address)))
        .map_err(|error| failure(&error, in_file))
}

fn failure(error: &ServeError, in_file: bool) -> Failure {
    let status = match error {
        ServeError::Store(_) if in_file => Status::File,
        ServeError::Listen { .. } | ServeError::Store(_) => Status::Network,
        ServeError::Interrupted => Status::Interrupted,
        ServeError::Mail(_) => Status::Usage,
        _ => Status::File,
    };
    let failure = Failure::new(status, error);
    match error {
        ServeError::Listen { .. } => failure.with_hint("--listen ADDRESS:PORT names another one"),
        _ => failure,
    }
}
