//! `stratus-marketplace mirror`: follows another Marketplace.

use std::{thread, time::Duration};

use clap::Args;
use serde_json::{Map, Value};
use stratuslab::{
    cli::{
        Failure, Session, Status,
        copies::{IntakeArgs, Opened, entries},
        database::DatabaseArgs,
        network::{ConnectionArgs, NetworkArgs},
        serve,
        trust::TrustArgs,
    },
    config,
    server::{
        anchors::LiveAnchors,
        intake::{Endorsers, Intake},
        mirror::{Mirror, MirrorError, Mirrored, Round},
    },
};

/// The pause between two looks at the other Marketplace, if nobody says otherwise.
const INTERVAL: Duration = Duration::from_mins(1);

/// Follow another Marketplace
///
/// Takes everything that it ever took, if it has /api/v1/changes, and else the newest entries, which it
/// lists; then what is new, until it is ended. Nothing is taken that is not verified here.
#[derive(Args)]
pub(crate) struct MirrorArgs {
    /// Base URL of the other Marketplace; https if it names no scheme
    #[arg(value_name = "URL")]
    url: String,
    /// Take what there is now, and end
    #[arg(long)]
    once: bool,
    /// Look for new entries after this time [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = config::timeout)]
    interval: Option<Duration>,
    /// Give up on an answer after this time, retries included [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = config::timeout)]
    timeout: Option<Duration>,
    #[command(flatten)]
    intake: IntakeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Two kinds of authorities: here the endorsers' have the names that the servers' have elsewhere.
pub(crate) fn adjusted(command: clap::Command) -> clap::Command {
    serve::adjusted(command)
        .mut_arg("ca_file", |arg| arg.long("tls-ca-file"))
        .mut_arg("ca_path", |arg| arg.long("tls-ca-path"))
}

pub(crate) fn run(args: &MirrorArgs, session: &Session) -> Result<(), Failure> {
    let network = NetworkArgs {
        marketplace_endpoint: Some(args.url.clone()),
        timeout: args.timeout,
        connection: args.connection.clone(),
    };
    let client = network.client(session)?;
    let (anchors, pins) = serve::endorsers(&args.trust, session)?;
    if anchors.is_none() && pins.is_empty() {
        session.warn(format_args!(
            "entries of anyone are taken as {} has them; --ca-path, --ca-file or --endorsed-by says whose are good",
            client.endpoint()
        ));
    }
    let endorsers = Endorsers { anchors: anchors.clone(), pins };
    let intake = Intake { allow_sha1: args.intake.allow_sha1(session)?, endorsers: Some(endorsers) };
    let opened = Opened::open(args.database.database(session)?)?;
    let mut mirror = Mirror::new(client, intake, opened.entries());
    let mut begun = false;
    loop {
        match mirror.round(&mut |mirrored| tell(&mirrored, session)) {
            Ok(round) => {
                // Who looks on wants to know of the first, and of news.
                if !begun || round.added > 0 {
                    report(round, args, session);
                }
                begun = true;
            }
            Err(error) if args.once => return Err(failure(&error, &opened)),
            Err(error) => session.warn(format_args!("{error}; trying again")),
        }
        if args.once {
            break;
        }
        thread::sleep(args.interval.unwrap_or(INTERVAL));
        // A mirror runs for longer than a CRL is current.
        if let Some(Err(error)) = anchors.as_ref().map(LiveAnchors::reload) {
            session.warn(format_args!("the trust anchors stay as they were: {error}"));
        }
    }
    drop(mirror);
    opened.close();
    Ok(())
}

fn tell(mirrored: &Mirrored<'_>, session: &Session) {
    match mirrored {
        Mirrored::Begins { feed } => session.detail(format_args!("following the feed {feed}")),
        Mirrored::Added(key) => session.detail(format_args!("{key} is taken")),
        Mirrored::Same(_) => {}
        Mirrored::Refused(name, error) => {
            session.fail(&Failure::new(Status::No, format_args!("{name} is not taken: {error}")));
            let fields = [("entry", (*name).to_owned()), ("error", error.to_string())];
            session
                .bare_object(fields.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect());
        }
    }
}

fn report(round: Round, args: &MirrorArgs, session: &Session) {
    let Round { added, same, refused } = round;
    session.result(format_args!("{} taken, {same} there already, {refused} refused", entries(added)));
    let counts = [("added", added), ("same", same), ("refused", refused)];
    let url = [("url".to_owned(), Value::from(args.url.as_str()))];
    let counts = counts.into_iter().map(|(name, count)| (name.to_owned(), Value::from(count)));
    session.bare_object(url.into_iter().chain(counts).collect::<Map<_, _>>());
}

fn failure(error: &MirrorError, opened: &Opened) -> Failure {
    match error {
        MirrorError::Store(error) => opened.failure(error),
        error => Failure::new(Status::Network, error),
    }
}
