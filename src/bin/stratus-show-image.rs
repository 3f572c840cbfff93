//! `stratus-show-image`: what is known of an image, and may it be believed?

use std::process::ExitCode;

use clap::Parser;
use stratuslab::cli::{
    self, Command, CommonArgs, Failure, Session,
    entries::EntryArgs,
    judge::JudgeArgs,
    network::NetworkArgs,
    show::show,
    trust::{with_tls_hint_renamed, with_tls_options_renamed},
};

/// Show everything about an image
///
/// What its entry says, every check of our own verification, who else endorses it, and its history. Of several
/// endorsers' entries it is the newest that is valid, a trusted one before others.
#[derive(Parser)]
#[command(name = "stratus-show-image")]
struct Args {
    #[command(flatten)]
    entries: EntryArgs,
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
    show(&args.entries, &args.network, &judge, session).map_err(with_tls_hint_renamed)
}
