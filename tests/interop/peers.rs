//! Running the other implementations.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use stratuslab::dsig::SignatureMethod;

const INSTALL: &str = "install xmlsec1 and a JDK (Debian: apt-get install xmlsec1 default-jdk-headless), \
                       or set STRATUSLAB_SKIP_PEERS to go without";

/// Another implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// 1.2.37, Debian 12's
    Xmlsec,
    /// 17, Debian 12's
    Jdk,
}

/// Whether a peer knows a signature algorithm.
pub(crate) fn knows(peer: Peer, method: SignatureMethod) -> bool {
    use SignatureMethod::{Ed25519, RsaPssSha256, RsaPssSha384, RsaPssSha512};
    match method {
        Ed25519 => false,
        RsaPssSha256 | RsaPssSha384 | RsaPssSha512 => peer == Peer::Jdk,
        _ => true,
    }
}

/// Whether the tests that need the other implementations are to be left out; says so if they are.
pub(crate) fn skipped(test: &str) -> bool {
    let skipped = std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some();
    if skipped {
        eprintln!("SKIPPED: {test}: STRATUSLAB_SKIP_PEERS is set, xmlsec1 and the JDK judge nothing");
    }
    skipped
}

/// Runs `program`; its success and standard output.
fn run(program: &str, arguments: &[&str], files: &[PathBuf]) -> (bool, String) {
    let output = Command::new(program).args(arguments).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not run ({error}): {INSTALL}"));
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asserts that xmlsec1 verifies every file.
pub(crate) fn xmlsec_verifies(files: &[PathBuf]) {
    // xmlsec1 ends at the first file that it refuses, and never comes to those behind it.
    for batch in files.chunks(100) {
        if !run("xmlsec1", &["--verify", "--insecure"], batch).0 {
            let refused = batch.iter().find(|file| !xmlsec_accepts(file));
            panic!("xmlsec1 refuses {}", refused.unwrap_or(&batch[0]).display());
        }
    }
}

/// Asserts that xmlsec1 refuses every file.
pub(crate) fn xmlsec_refuses(files: &[PathBuf]) {
    let refuse = |files: &[PathBuf]| {
        for file in files {
            assert!(!xmlsec_accepts(file), "xmlsec1 accepts {}", file.display());
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(workers)) {
            scope.spawn(move || refuse(part));
        }
    });
}

fn xmlsec_accepts(file: &Path) -> bool {
    run("xmlsec1", &["--verify", "--insecure"], &[file.to_owned()]).0
}

/// Has xmlsec1 fill in the `template` with these key options.
pub(crate) fn xmlsec_signs(template: &Path, out: &Path, key: &[&str]) {
    let arguments = [&["--sign", "--output", out.to_str().unwrap()], key].concat();
    let (success, _) = run("xmlsec1", &arguments, &[template.to_owned()]);
    assert!(success, "xmlsec1 does not sign {}", template.display());
}

/// Gives the JDK all `jobs` (see `Dsig.java`) in one run; a verdict for each.
pub(crate) fn jdk(folder: &Path, jobs: &[String]) -> Vec<String> {
    let list = folder.join("jobs");
    fs::write(&list, jobs.join("\n")).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/Dsig.java");
    // A run this short is over before a better compiler or collector pays.
    let arguments = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", program, list.to_str().unwrap()];
    let (success, verdicts) = run("java", &arguments, &[]);
    assert!(success, "{program} failed; is this a JDK of version 11 or later? {INSTALL}");
    let verdicts: Vec<String> = verdicts.lines().map(ToOwned::to_owned).collect();
    assert_eq!(verdicts.len(), jobs.len());
    verdicts
}
