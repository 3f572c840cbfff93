//! `stratus-marketplace check`: verifies again everything stored.

use clap::Args;
use serde_json::{Map, Value};
use stratuslab::{
    cli::{
        Failure, Session, Status,
        copies::{IntakeArgs, Opened, entries},
        database::DatabaseArgs,
        progress::Progress,
    },
    server::{
        intake::Intake,
        recheck::{Checked, Found, recheck},
    },
};

/// Verify again everything that is stored
///
/// Every entry: its bytes, signature, rules, key and what lists say of it. And the database: the order of
/// entries, what is listed, what mirrors get. Nothing is changed.
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    intake: IntakeArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &CheckArgs, session: &Session) -> Result<(), Failure> {
    let intake = Intake { allow_sha1: args.intake.allow_sha1(session)?, endorsers: None };
    let opened = Opened::open(args.database.existing(session)?)?;
    let progress = Progress::bar(session, None);
    let checked = recheck(&intake, opened.entries(), &mut |found| tell(&found, session, &progress));
    drop(progress);
    let Checked { entries: count, faults } = checked.map_err(|error| opened.failure(&error))?;
    session.result(format_args!("{} checked, {faults} faults", entries(count)));
    let fields = [("entries", count), ("faults", faults)];
    session.bare_object(
        fields.into_iter().map(|(name, count)| (name.to_owned(), Value::from(count))).collect::<Map<_, _>>(),
    );
    opened.close();
    Ok(())
}

fn tell(found: &Found<'_>, session: &Session, progress: &Progress) {
    let (entry, fault) = match *found {
        Found::Entry(key, bytes) => {
            progress.advance(bytes);
            session.detail(format_args!("{key}"));
            return;
        }
        Found::Fault(key, fault) => (Some(key), fault),
        Found::Misfit(fault) => (None, fault),
    };
    let fact = entry.map_or_else(|| fault.to_owned(), |entry| format!("{entry}: {fault}"));
    session.fail(&Failure::new(Status::No, fact));
    let fields = [("entry", entry), ("fault", Some(fault))];
    session.bare_object(fields.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect());
}
