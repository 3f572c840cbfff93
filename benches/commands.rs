//! Whole commands beside their peers: `cargo bench`.
//!
//! Every figure is the median wall-clock time of several runs; ours and the peer's take turns, so
//! that a machine whose speed drifts is fair to both. `xmlsec1` must be installed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run has failed")]

use std::{fs, path::PathBuf, process::Command};

use openssl::{
    asn1::Asn1Time,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    x509::{X509, X509Name},
};
use rayon::prelude::*;
use stratuslab::{
    ChecksumAlgorithm, Credentials, ImageDigests, Metadata, Timestamp,
    dsig::{SignRequest, sign},
    metadata::rules::Leniency,
};

mod common;

use common::{command, median, time};

const VALIDATE: &str = env!("CARGO_BIN_EXE_stratus-validate-metadata");

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..10_000).map(|i| folder.path().join(format!("{i}.xml"))).collect();
    let endorsers: Vec<Credentials> = (0..16).map(endorser).collect();
    files.par_iter().enumerate().for_each(|(number, file)| {
        fs::write(file, signed_entry(number, &endorsers[number % endorsers.len()])).unwrap();
    });
    println!("{:<44} {:>10} {:>10} {:>7}", "median of", "ours", "peer", "ratio");
    row("--version", 40, || vec![command(VALIDATE, ["--version"])], None);
    for (name, runs, count) in [
        ("validate 1 file; xmlsec1", 40, 1),
        ("validate 1,000 files; xmlsec1", 10, 1000),
        ("validate 10,000 files; xmlsec1", 5, 10_000),
    ] {
        let files = &files[..count];
        row(name, runs, || vec![command(VALIDATE, files)], Some(&|| vec![xmlsec1(files)]));
    }
}

/// Prints the medians of `runs` runs of ours and the peer's in turn.
fn row(name: &str, runs: usize, ours: impl Fn() -> Vec<Command>, peer: Option<&dyn Fn() -> Vec<Command>>) {
    let (mut times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        times.push(time(ours()));
        peer_times.extend(peer.map(|peer| time(peer())));
    }
    let ours = median(times);
    if peer_times.is_empty() {
        println!("{name:<44} {:>10}", duration(ours));
    } else {
        let peer = median(peer_times);
        println!("{name:<44} {:>10} {:>10} {:>6.1}x", duration(ours), duration(peer), peer / ours);
    }
}

fn xmlsec1(files: &[PathBuf]) -> Command {
    let mut command = command("xmlsec1", ["--verify", "--insecure"]);
    command.args(files);
    command
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.2} ms", seconds * 1e3) } else { format!("{seconds:.2} s ") }
}

/// A self-signed certificate with a fresh RSA-2048 key.
fn endorser(number: usize) -> Credentials {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("O", "StratusLab").unwrap();
    name.append_entry_by_text("CN", &format!("Jane Tester {number}")).unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = certificate.build().to_pem().unwrap();
    Credentials::from_pem(&certificate, &key.private_key_to_pem_pkcs8().unwrap(), None).unwrap()
}

/// An entry about an image of its own.
fn signed_entry(number: usize, endorser: &Credentials) -> Vec<u8> {
    let digests = ImageDigests::read(format!("image {number}").as_bytes(), &ChecksumAlgorithm::ALL).unwrap();
    let now = Timestamp::now();
    let metadata = Metadata::builder(&digests)
        .image_type("base")
        .os("ttylinux")
        .os_version("9.7")
        .os_arch("x86_64")
        .version(format!("1.{number}"))
        .compression("gz")
        .format("qcow2")
        .location(format!("http://appliances.example.org/images/base/ttylinux-9.7-1.{number}.qcow2.gz"))
        .creator("Jane Tester")
        .created(now)
        .valid(now.checked_add_days(182).unwrap())
        .title(format!("ttylinux, build {number}"))
        .description("A small Linux, for tests: it starts in a second and has a shell, wget and ssh.");
    let request = SignRequest {
        credentials: endorser,
        method: None,
        email: Some(&"jane.tester@example.org".parse().unwrap()),
        created: now,
        leniency: Leniency::Strict,
        include_chain: false,
    };
    let unsigned = metadata.build().to_rdf().unwrap();
    sign(unsigned.as_bytes(), &request).unwrap().document().to_vec()
}
