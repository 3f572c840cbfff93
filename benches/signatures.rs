//! What signatures need beside its peers: `cargo bench --bench signatures`.
//!
//! Every figure is the median wall-clock time of several runs of whole processes; ours and the
//! peer's take turns, so that a machine whose speed drifts is fair to both. `xmllint` must be
//! installed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

mod common;
#[path = "signatures/documents.rs"]
mod documents;

use common::{command, median, time};

const MIB: usize = 1024 * 1024;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    canonicalization(folder.path());
}

/// Canonical XML of 5 MiB, and how its time grows.
fn canonicalization(folder: &Path) {
    let c14n = example("c14n");
    println!("{:<44} {:>10} {:>10} {:>7}", "C14N of 5 MiB, median of 21", "ours", "xmllint", "ratio");
    for (shape, document) in documents::SHAPES {
        let file = folder.join("document.xml");
        fs::write(&file, document(5 * MIB)).unwrap();
        for (mode, option) in [("c14n", "--c14n"), ("c14n11", "--c14n11"), ("exc", "--exc-c14n")] {
            let ours = || {
                let mut ours = command(c14n.to_str().unwrap(), ["--comments", "--mode", mode]);
                ours.arg(&file);
                ours
            };
            let peer = || {
                let mut peer = command("xmllint", [option]);
                peer.arg(&file);
                peer
            };
            assert!(
                ours().output().unwrap().stdout == peer().output().unwrap().stdout,
                "{shape}: {option} differs"
            );
            let (mut times, mut peer_times) = (Vec::new(), Vec::new());
            for _ in 0..21 {
                times.push(time(vec![ours()]));
                peer_times.push(time(vec![peer()]));
            }
            let (ours, peer) = (median(times) * 1e3, median(peer_times) * 1e3);
            let name = format!("{shape}; {option}");
            println!("{name:<44} {ours:>7.2} ms {peer:>7.2} ms {:>6.2}x", peer / ours);
        }
    }
    println!("{:<44} {:>10} {:>8} {:>8} {:>8}", "C14N, milliseconds a MiB, of", "1 MiB", "2", "4", "8");
    for (shape, document) in documents::SHAPES {
        print!("{shape:<44}");
        for size in [1_u32, 2, 4, 8] {
            let file = folder.join("document.xml");
            fs::write(&file, document(size as usize * MIB)).unwrap();
            let times = (0..21).map(|_| time(vec![command(c14n.to_str().unwrap(), [&file])])).collect();
            print!(" {:>8.2}", median(times) * 1e3 / f64::from(size));
        }
        println!();
    }
}

/// Builds an example as optimised as this is.
fn example(name: &str) -> PathBuf {
    let built =
        Command::new(env!("CARGO")).args(["build", "--release", "--quiet", "--example", name]).status();
    assert!(built.unwrap().success(), "{name} does not build");
    let this = std::env::current_exe().unwrap();
    this.parent().unwrap().with_file_name("examples").join(name)
}
