//! What the benches share: commands run in turn, and the medians of their times.

#![allow(dead_code, reason = "every bench uses some of it")]

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A command with arguments.
pub(crate) fn command<I: IntoIterator<Item: AsRef<OsStr>>>(program: &str, arguments: I) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// How long the commands take, all at once.
pub(crate) fn time(mut commands: Vec<Command>) -> Duration {
    let start = Instant::now();
    let children: Vec<_> = commands
        .iter_mut()
        .map(|command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    for mut child in children {
        let status = child.wait().unwrap();
        assert!(status.success(), "{commands:?}: {status}");
    }
    start.elapsed()
}

/// In seconds.
pub(crate) fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
