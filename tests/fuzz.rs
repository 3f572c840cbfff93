//! What the fuzzer runs (`fuzz/`), without it: every seed, and some thousands of mutants of them.
//!
//! `STRATUSLAB_CASES` says how many mutants each target gets. The seeds are written anew, with new
//! keys, by `cargo test --test fuzz -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its material has failed, and so has a property that does not hold"
)]

#[path = "../fuzz/properties/c14n.rs"]
mod c14n;
#[path = "common/entry.rs"]
mod entry;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "../fuzz/properties/name.rs"]
mod name;
#[path = "../fuzz/properties/pkcs12.rs"]
mod pkcs12;
#[path = "common/pki.rs"]
mod pki;
#[path = "../fuzz/properties/rdf.rs"]
mod rdf;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "../fuzz/properties/verify.rs"]
mod verify;
#[path = "../fuzz/properties/xml.rs"]
mod xml;

use std::{collections::HashSet, panic, path::Path, process::Command};

use stratuslab::{
    dsig::{self, AlgorithmPolicy, SignatureMethod, c14n::Mode},
    xml::Source,
};

/// Mutants of each target's seeds.
const CASES: usize = 2000;

const INSTALL: &str = "run `tests/setup.sh tests`, or set STRATUSLAB_SKIP_PEERS to go without";

/// Runs all seeds of the target, and mutants of them, through its property.
fn run(target: &str, cases: usize, check: impl Fn(&[u8]) + panic::RefUnwindSafe) {
    let seeds = seeds::read(target);
    assert!(seeds.len() >= 5, "the seeds of {target} are missing");
    let checked = |input: &[u8], what: &dyn Fn() -> String| {
        if let Err(cause) = panic::catch_unwind(|| check(input)) {
            eprintln!("{target}: {}:\n{}", what(), String::from_utf8_lossy(input));
            panic::resume_unwind(cause);
        }
    };
    for (name, seed) in &seeds {
        checked(seed, &|| name.clone());
    }
    let cases = std::env::var("STRATUSLAB_CASES").map_or(cases, |cases| cases.parse().unwrap());
    let contents: Vec<&[u8]> = seeds.iter().map(|(_, seed)| &seed[..]).collect();
    for number in 0..cases {
        checked(&mutate::mutant(&contents, number), &|| format!("mutant {number}"));
    }
}

#[test]
fn xml_holds() {
    run("xml", CASES, |data| xml::check(data, |_| true));
}

#[test]
fn c14n_holds() {
    run("c14n", CASES, |data| c14n::check(data, |_, _| None));
}

#[test]
fn verify_holds() {
    run("verify", CASES, verify::check);
}

#[test]
fn rdf_holds() {
    run("rdf", CASES, rdf::check);
}

#[test]
fn name_holds() {
    run("name", 10 * CASES, name::check);
}

#[test]
fn pkcs12_holds() {
    // One may cost a million iterations.
    run("pkcs12", CASES / 10, pkcs12::check);
}

/// What libxml2 says of the seeds, since it does not say anything inside this process.
#[test]
fn xmllint_reads_the_seeds_as_we_do() {
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        eprintln!("SKIPPED: xmllint on the seeds: STRATUSLAB_SKIP_PEERS is set");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for target in ["xml", "c14n"] {
        for (name, seed) in seeds::read(target) {
            if Source::read(&seed).is_err() {
                continue;
            }
            let file = folder.path().join("seed");
            std::fs::write(&file, &seed).unwrap();
            let xmllint = |option: &str| {
                let output = Command::new("xmllint").args(["--nonet", option]).arg(&file).output();
                let output =
                    output.unwrap_or_else(|error| panic!("xmllint does not run ({error}): {INSTALL}"));
                output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
            };
            xml::check(&seed, |_| xmllint("--noout").is_some());
            c14n::check(&seed, |_, algorithm| {
                // It always keeps the comments.
                let option = match algorithm.mode {
                    Mode::Inclusive => "--c14n",
                    Mode::Inclusive11 => "--c14n11",
                    Mode::Exclusive => "--exc-c14n",
                };
                let canonical = algorithm.comments.then(|| xmllint(option))?;
                assert!(canonical.is_some(), "xmllint {option} on {name}");
                canonical
            });
        }
    }
}

/// Every committed seed is one that the fuzzer reads, and small.
#[test]
fn seeds_are_small_and_named_as_such() {
    for target in seeds::TARGETS {
        let folder = Path::new(seeds::FOLDER).join(target);
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            if file.file_name().to_str().unwrap().starts_with("seed-") {
                assert!(file.metadata().unwrap().len() < 10_000, "{}", file.path().display());
            }
        }
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{target}.rs")).exists()
        );
    }
}

#[test]
fn a_seed_is_signed_with_every_method() {
    let verified = verify::SIGNED.map(|seed| dsig::verify(seed, &AlgorithmPolicy::new(true)).unwrap());
    let methods: HashSet<_> = verified.iter().map(|verified| verified.evidence().signature_method).collect();
    assert_eq!(methods, HashSet::from(SignatureMethod::ALL));
}

#[test]
#[ignore = "writes the seeds anew, with new keys"]
fn write_the_seeds() {
    seeds::write();
}
