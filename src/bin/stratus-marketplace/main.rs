//! Runs a Marketplace.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: that process must have no second thread.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "query-worker") {
        return stratuslab::server::query::worker::main();
    }
    ExitCode::SUCCESS
}
