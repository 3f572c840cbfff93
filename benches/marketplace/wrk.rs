//! Load by `wrk`: 50 connections that ask for one URL again and again, or for several in turn.

use std::{fs, process::Command};

use crate::common::command;

/// Connections at a time.
const CONNECTIONS: &str = "50";
/// How long each measurement takes, and how long the same is asked for before it.
const DURATION: &str = "5s";
const BEFORE: &str = "2s";

/// What `wrk` saw of one kind of request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Half of the answers came within this, in milliseconds.
    pub(crate) median: f64,
    /// 99 of 100 answers came within this, in milliseconds.
    pub(crate) p99: f64,
}

/// Asks for `paths` below `base`, each connection for one after the other.
pub(crate) fn load(base: &str, paths: &[String], folder: &std::path::Path) -> Load {
    let list: Vec<String> = paths.iter().map(|path| format!("{path:?}")).collect();
    let script = format!(
        "local paths = {{ {} }}\nlocal at = 0\nfunction request()\n  at = at % #paths + 1\n  \
         return wrk.format('GET', paths[at], {{ Accept = '*/*' }})\nend\n",
        list.join(", ")
    );
    let file = folder.join("paths.lua");
    fs::write(&file, script).unwrap();
    let wrk = |duration| {
        let mut wrk =
            command("wrk", ["--threads", "1", "--connections", CONNECTIONS, "--duration", duration]);
        report(wrk.args(["--latency", "--timeout", "30s", "--script"]).arg(&file).arg(base))
    };
    wrk(BEFORE);
    wrk(DURATION)
}

fn report(wrk: &mut Command) -> Load {
    let output = wrk.output().expect("wrk, which Debian has, must be installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !text.contains("Non-2xx"), "{text}");
    let value = |name: &str| {
        let line =
            text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_else(|| panic!("{text}"));
        line.trim().to_owned()
    };
    Load {
        rate: value("Requests/sec:").parse().unwrap(),
        median: milliseconds(&value("50%")),
        p99: milliseconds(&value("99%")),
    }
}

/// `12.34ms`, `340.00us`, `1.20s` in milliseconds.
fn milliseconds(text: &str) -> f64 {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 1e-3)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0)
    } else {
        (text.trim_end_matches('s'), 1e3)
    };
    number.parse::<f64>().unwrap() * factor
}
