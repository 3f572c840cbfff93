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
    let entry = signed_entry();
    let files: Vec<PathBuf> = (0..1000).map(|i| folder.path().join(format!("{i}.xml"))).collect();
    for file in &files {
        fs::write(file, &entry).unwrap();
    }
    println!("{:<44} {:>10} {:>10} {:>7}", "median of", "ours", "peer", "ratio");
    row("--version", 40, || vec![command(VALIDATE, ["--version"])], None);
    for (name, runs, count) in
        [("validate 1 file; xmlsec1", 40, 1), ("validate 1,000 files; xmlsec1", 10, files.len())]
    {
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

fn signed_entry() -> Vec<u8> {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "Jane Tester").unwrap();
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
    let key = key.private_key_to_pem_pkcs8().unwrap();

    let digests = ImageDigests::read(&b"image"[..], &ChecksumAlgorithm::ALL).unwrap();
    let now = Timestamp::now();
    let valid = now.checked_add_days(182).unwrap();
    let metadata = Metadata::builder(&digests).image_type("base").os("ttylinux").created(now).valid(valid);
    let request = SignRequest {
        credentials: &Credentials::from_pem(&certificate, &key, None).unwrap(),
        method: None,
        email: Some(&"jane.tester@example.org".parse().unwrap()),
        created: now,
        leniency: Leniency::Strict,
        include_chain: false,
    };
    let unsigned = metadata.build().to_rdf().unwrap();
    sign(unsigned.as_bytes(), &request).unwrap().document().to_vec()
}
