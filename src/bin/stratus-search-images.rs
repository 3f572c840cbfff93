//! `stratus-search-images`: which images does a Marketplace have?

use std::process::ExitCode;

use clap::Parser;
use stratuslab::cli::{
    self, Command, CommonArgs, Failure, Session,
    judge::JudgeArgs,
    network::NetworkArgs,
    search::SearchArgs,
    trust::{with_tls_hint_renamed, with_tls_options_renamed},
};

/// Find images in a Marketplace
///
/// Lists the newest entry of each endorser for each image that is looked for, with the verdict of our own
/// verification: trusted, valid or invalid. Upper and lower case are the same in all that is looked for.
#[derive(Parser)]
#[command(name = "stratus-search-images")]
struct Args {
    #[command(flatten)]
    search: SearchArgs,
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
        with_tls_options_renamed(command)
    }
}

fn main() -> ExitCode {
    cli::main(run)
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let judge = args.judge.judge(session)?;
    let client = args.network.client(session).map_err(with_tls_hint_renamed)?;
    args.search.run(&client, &judge, session).map_err(with_tls_hint_renamed)
}
