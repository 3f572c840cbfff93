//! `stratus-marketplace serve`: runs a Marketplace until it is asked to stop.

use stratuslab::{
    cli::{Failure, Session, Status, database, serve::ServeArgs},
    server::{
        log,
        run::{self, Ready, ServeError},
        settings::{Database, PublicUrl},
    },
};
use tracing::Level;

pub(crate) fn run(args: &ServeArgs, session: &Session) -> Result<(), Failure> {
    let settings = args.settings(session)?;
    let level = match (session.quiet(), session.verbose()) {
        (true, _) => Level::WARN,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    log::start(args.log_format(session)?, level);
    let database = settings.database.clone();
    let public_url = settings.public_url.clone();
    run::run(settings, |ready| announce(ready, public_url.as_ref(), session))
        .map_err(|error| failure(&error, &database))
}

/// Says where the server is.
fn announce(ready: &Ready, public_url: Option<&PublicUrl>, session: &Session) {
    let url = format!("http://{}/", ready.address);
    match public_url {
        Some(public) => session.result(format_args!("listening on {url} for {public}")),
        None => session.result(format_args!("listening on {url}")),
    }
    let fields = [
        ("url", Some(url)),
        ("public_url", public_url.map(ToString::to_string)),
        ("metrics_url", ready.metrics.map(|address| format!("http://{address}/metrics"))),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    session.bare_object(fields.collect());
    if session.json() {
        // Whoever waits for the line should not wait until the array ends, with the server.
        session.write(b"\n");
    }
}

fn failure(error: &ServeError, database: &Database) -> Failure {
    let status = match error {
        ServeError::Store(error) => return database::failure(database, error),
        ServeError::Listen { .. } => Status::Network,
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
