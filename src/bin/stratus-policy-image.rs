//! `stratus-policy-image`: may this image be used here?

use std::process::ExitCode;

use clap::Parser;
use serde_json::Map;
use stratuslab::{
    Timestamp,
    cli::{
        self, Command, CommonArgs, Failure, Session, Status,
        entries::{EntryArgs, Gathered},
        judge::JudgeArgs,
        network::NetworkArgs,
        policy::{self, PolicyArgs},
        trust,
    },
    marketplace::Reference,
    policy::Decisions,
};

/// Decide by the site's policy whether an image may be used
#[derive(Parser)]
#[command(name = "stratus-policy-image")]
struct Args {
    #[command(flatten)]
    entries: EntryArgs,
    /// Say what each rule found also if the image may be used
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    judge: JudgeArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn adjusted(command: clap::Command) -> clap::Command {
        trust::with_tls_options_renamed(command)
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    // A wrong argument is told before anything is read.
    args.entries.reference()?;
    let site = args.policy.policy(&args.judge, session)?;
    site.warn(session);
    let gathered = args.entries.gather(&args.network, session).map_err(trust::with_tls_hint_renamed)?;
    if let (Some(client), Some(reference)) = (&gathered.client, &gathered.reference)
        && gathered.documents.is_empty()
    {
        let fact = format!("there is no entry for {reference} at {}", client.endpoint());
        return Err(Failure::new(Status::No, fact));
    }
    let decisions = site.policy.decide(gathered.reference.as_ref(), &gathered.documents, Timestamp::now());
    report(args, &gathered, &decisions, session);
    Ok(())
}

fn report(args: &Args, gathered: &Gathered, decisions: &Decisions, session: &Session) {
    let approved = decisions.approved.as_ref().and_then(|approved| Reference::of(&approved.entry));
    // P5: of the Marketplace that was asked.
    let url = gathered.client.as_ref().zip(approved.as_ref());
    let url = url.map(|(client, entry)| client.endpoint().url_of(entry));
    match &approved {
        Some(entry) => {
            if args.explain {
                policy::explain(decisions, session);
            }
            session.result(url.as_deref().unwrap_or(&entry.to_string()));
        }
        None => policy::refuse(decisions, session),
    }
    let identifier = gathered.reference.as_ref().or(approved.as_ref());
    session.bare_object(Map::from_iter([
        ("identifier".to_owned(), identifier.map(|reference| reference.identifier.to_string()).into()),
        ("verdict".to_owned(), if approved.is_some() { "approved" } else { "refused" }.into()),
        ("url".to_owned(), url.into()),
        ("entry".to_owned(), approved.map(|entry| entry.to_string()).into()),
        ("decisions".to_owned(), policy::decisions_value(decisions)),
    ]));
}
