//! Whole commands beside their peers: `cargo bench`.
//!
//! Every figure is the median wall-clock time of several runs; ours and the peer's take turns, so
//! that a machine whose speed drifts is fair to both. `xmlsec1` and `openssl` must be installed,
//! and `/usr/bin/time` for memory; without `python3` its row is left out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run has failed")]

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

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

const VALIDATE: &str = env!("CARGO_BIN_EXE_stratus-validate-metadata");
const BUILD: &str = env!("CARGO_BIN_EXE_stratus-build-metadata");
/// The checksums of an entry, as `openssl dgst` names them.
const DIGESTS: [&str; 4] = ["-md5", "-sha1", "-sha256", "-sha512"];
const HASHLIB: &str = "
import hashlib, sys
digests = [hashlib.new(name) for name in ('md5', 'sha1', 'sha256', 'sha512')]
with open(sys.argv[1], 'rb') as image:
    while block := image.read(1 << 20):
        for digest in digests:
            digest.update(block)
print([digest.hexdigest() for digest in digests])
";

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
    build_of_1_gib(folder.path());
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

/// Describing a raw image of 1 GiB that is in the page cache: beside what else makes its four
/// checksums, and its speed, cores and memory.
fn build_of_1_gib(folder: &Path) {
    let image = folder.join("image.raw");
    let mut file = File::create(&image).unwrap();
    let mebibyte: Vec<u8> =
        (0..1_u32 << 18).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for _ in 0..1024 {
        file.write_all(&mebibyte).unwrap();
    }
    let image = image.to_str().unwrap();
    let build = || vec![command(BUILD, ["--quiet", "--output", "-", image])];
    let digests = || DIGESTS.map(|digest| command("openssl", ["dgst", digest, image])).into();
    row("build, 1 GiB raw; 4 openssl dgst at once", 5, build, Some(&digests));
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success()) {
        let hashlib = || vec![command("python3", ["-c", HASHLIB, image])];
        row("build, 1 GiB raw; python3 hashlib, one pass", 5, build, Some(&hashlib));
    }

    let mut measured =
        command("/usr/bin/time", ["--format", "%e %U %S %M", BUILD, "--quiet", "--output", "-", image]);
    let output = measured.stdout(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let figures = text.lines().last().unwrap_or_default().split(' ').map(|figure| figure.parse().unwrap());
    let [wall, user, system, kibibytes] = figures.collect::<Vec<f64>>()[..] else { panic!("{text}") };
    let cores = std::thread::available_parallelism().unwrap();
    println!(
        "build, 1 GiB raw, one run: {:.0} MB/s, {:.1} of {cores} cores, {:.1} MiB of memory",
        f64::from(1 << 30) / wall / 1e6,
        (user + system) / wall,
        kibibytes / 1024.0
    );
}

fn command<I: IntoIterator<Item: AsRef<OsStr>>>(program: &str, arguments: I) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn xmlsec1(files: &[PathBuf]) -> Command {
    let mut command = command("xmlsec1", ["--verify", "--insecure"]);
    command.args(files);
    command
}

/// How long the commands take, all at once.
fn time(mut commands: Vec<Command>) -> Duration {
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
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
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
    };
    let unsigned = metadata.build().to_rdf().unwrap();
    sign(unsigned.as_bytes(), &request).unwrap().document().to_vec()
}
