//! `stratus-marketplace`: runs a Marketplace, and fills, copies and checks its entries.

mod check;
mod export;
mod import;
mod mirror;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stratuslab::cli::{
    self, Command, CommonArgs, Failure, Session,
    serve::{ServeArgs, adjusted as serve_adjusted},
};
use tikv_jemallocator::Jemalloc;

/// For SQLite too, since it takes the place of the C library's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// A Marketplace: a registry of signed image metadata
#[derive(Parser)]
#[command(name = "stratus-marketplace")]
struct Args {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Subcommand)]
enum Task {
    /// Run a Marketplace
    Serve(Box<ServeArgs>),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Mirror(mirror::MirrorArgs),
    Check(check::CheckArgs),
}

impl Command for Args {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn adjusted(command: clap::Command) -> clap::Command {
        let command = cli::with_options_anywhere(command);
        command.mut_subcommand("serve", serve_adjusted).mut_subcommand("mirror", mirror::adjusted)
    }

    fn minds_signals(&self) -> bool {
        matches!(self.task, Task::Serve(_))
    }
}

fn main() -> ExitCode {
    // Before anything else: that process must have no second thread.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "query-worker") {
        return stratuslab::server::query::worker::main();
    }
    cli::main(run)
}

fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    match &args.task {
        Task::Serve(args) => serve::run(args, session),
        Task::Import(args) => import::run(args, session),
        Task::Export(args) => export::run(args, session),
        Task::Mirror(args) => mirror::run(args, session),
        Task::Check(args) => check::run(args, session),
    }
}
