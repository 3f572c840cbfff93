//! `stratus-manifest`: one element of an entry, for scripts.

use std::process::ExitCode;

use clap::Parser;
use stratuslab::{
    cli::{
        self, Command, CommonArgs, Failure, Session,
        entries::EntryArgs,
        judge::JudgeArgs,
        manifest,
        network::NetworkArgs,
        trust::{with_tls_hint_renamed, with_tls_options_renamed},
    },
    metadata::property::Property,
};

/// Print an element of an image's metadata
///
/// The entry has to verify. Of several endorsers' entries it is the newest that is valid, a trusted one before
/// others.
#[derive(Parser)]
#[command(name = "stratus-manifest")]
struct Args {
    /// Print this element, such as locations, location, sha512, bytes or os-version; several with the option again
    #[arg(short, long = "element", value_name = "ELEMENT", required = true, value_parser = manifest::element)]
    element: Vec<Property>,
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
    let found = args.entries.gather(&args.network, session).map_err(with_tls_hint_renamed)?;
    manifest::print(&args.element, &found, &judge, session)
}
