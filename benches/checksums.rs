//! Checksums of an image beside their peers: `cargo bench --bench checksums`.
//!
//! All of them read the same file, which is in the page cache, and take turns; every figure is the
//! median of the runs. The limit is what no schedule on so many cores can exceed: each byte costs
//! each of the four checksums, and a decompressor if there is one, as much as it does alone, and
//! no checksum can be computed by two cores. Its terms are measured in the same run.
//!
//! Peers that are not installed are left out: `openssl`, `rhash`, `python3`, `gzip`, `zstd`, `xz-utils`,
//! `bzip2` on Debian. `/usr/bin/time` tells memory, `script` gives the progress bar its terminal.
//! The files take 9 GiB where temporary files lie.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot run has failed; its figures have three digits"
)]

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use md5::digest::DynDigest;
use openssl::hash::{Hasher, MessageDigest};
use stratuslab::{
    Compression,
    compression::{self},
};

mod common;

use common::{command, median, time};

const BUILD: &str = env!("CARGO_BIN_EXE_stratus-build-metadata");
/// The checksums of an entry, as `openssl dgst` and `rhash` name them.
const DIGESTS: [&str; 4] = ["md5", "sha1", "sha256", "sha512"];
const HASHLIB: &str = "
import hashlib, sys
digests = [hashlib.new(name) for name in ('md5', 'sha1', 'sha256', 'sha512')]
with open(sys.argv[1], 'rb') as image:
    while block := image.read(1 << 20):
        for digest in digests:
            digest.update(block)
print([digest.hexdigest() for digest in digests])
";
/// Runs of each command.
const RUNS: usize = 5;
const RAW_MIB: u64 = 1024;
/// Content of the compressed files.
const COMPRESSED_MIB: u64 = 512;
/// The same for bz2 and xz, which are slow.
const SLOW_MIB: u64 = 256;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let cores = thread::available_parallelism().unwrap().get();
    let hashes = hashes();
    println!("{cores} cores; each hash alone, MB/s:");
    for (name, speed) in DIGESTS.iter().zip(hashes) {
        println!("  {name:<8} {speed:>6.0}");
    }

    let raw = folder.path().join("image.raw");
    write_raw(&raw, RAW_MIB);
    table("raw", &raw, RAW_MIB, None, limit(cores, &hashes, None));
    resources(&raw);
    by_threads(&raw, &hashes, cores);
    progress(&raw);
    by_size(folder.path());
    fs::remove_file(&raw).unwrap();

    for (compression, mib, pack) in [
        (Compression::Gzip, COMPRESSED_MIB, "gzip -6 -c"),
        (Compression::Zstd, COMPRESSED_MIB, "zstd -3 -q -c"),
        (Compression::Xz, SLOW_MIB, "xz -3 -T2 --block-size=8MiB -c"),
        (Compression::Bzip2, SLOW_MIB, "bzip2 -9 -c"),
    ] {
        if !installed(pack.split(' ').next().unwrap()) {
            continue;
        }
        let content = folder.path().join("image.content");
        write_files(&content, mib);
        let packed = folder.path().join(format!("image.{compression}"));
        shell(&format!("{pack} {} > {}", content.display(), packed.display()));
        fs::remove_file(&content).unwrap();
        let alone = decompressor(&packed, mib);
        println!(
            "\n{compression}: {mib} MiB from {} MiB; our decompressor on one core {alone:.0} MB/s",
            packed.metadata().unwrap().len() >> 20
        );
        let several = match compression {
            Compression::Gzip | Compression::Zstd => Several::No,
            Compression::Bzip2 | Compression::Xz => Several::Yes,
        };
        let limit = limit(cores, &hashes, Some((alone, several)));
        table(compression.extension(), &packed, mib, Some(compression), limit);
    }
}

/// MB/s of each hash alone, by the faster of the two implementations.
fn hashes() -> [f64; 4] {
    let buffer = vec![0x5a_u8; 256 << 10];
    let rounds = 1024;
    let rate = |hash: &mut dyn FnMut(&[u8])| {
        let start = Instant::now();
        for _ in 0..rounds {
            hash(&buffer);
        }
        (rounds * buffer.len()) as f64 / 1e6 / start.elapsed().as_secs_f64()
    };
    let openssl =
        [MessageDigest::md5(), MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha512()];
    let crates: [fn() -> Box<dyn DynDigest>; 4] = [
        || Box::new(md5::Md5::default()),
        || Box::new(sha1::Sha1::default()),
        || Box::new(sha2::Sha256::default()),
        || Box::new(sha2::Sha512::default()),
    ];
    let mut best = [0.0_f64; 4];
    for _ in 0..3 {
        for (best, (method, other)) in best.iter_mut().zip(openssl.into_iter().zip(crates)) {
            let mut hasher = Hasher::new(method).unwrap();
            let mut other = other();
            *best = best
                .max(rate(&mut |bytes| hasher.update(bytes).unwrap()))
                .max(rate(&mut |bytes| other.update(bytes)));
        }
    }
    best
}

/// MB/s at most on so many cores, with a decompressor that has this speed on one of them and works
/// on several, or does not.
fn limit(cores: usize, hashes: &[f64], decompressor: Option<(f64, Several)>) -> f64 {
    let alone = decompressor.map(|(alone, _)| alone);
    let chain = decompressor.and_then(|(alone, several)| (several == Several::No).then_some(alone));
    let costs: f64 = hashes.iter().copied().chain(alone).map(|speed| 1.0 / speed).sum();
    let slowest = hashes.iter().copied().chain(chain).fold(f64::INFINITY, f64::min);
    (cores as f64 / costs).min(slowest)
}

/// Whether several cores decompress.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Several {
    Yes,
    No,
}

/// Times this command and its peers in turn, and prints their speeds and ratios.
fn table(name: &str, file: &Path, mib: u64, compression: Option<Compression>, limit: f64) {
    let path = file.to_str().unwrap();
    let mut rows: Vec<(String, Vec<Vec<String>>)> = vec![(
        "stratus-build-metadata".into(),
        vec![[BUILD, "--quiet", "--output", "-", path].map(String::from).to_vec()],
    )];
    let bash = |line: String| vec![vec!["bash".to_owned(), "-c".to_owned(), line]];
    match compression.map(unpacker) {
        None => {
            let openssl = DIGESTS
                .map(|digest| ["openssl", "dgst", &format!("-{digest}"), path].map(String::from).to_vec());
            rows.push(("4 openssl dgst at once".into(), openssl.into()));
            rows.push(("rhash".into(), bash(format!("rhash --md5 --sha1 --sha256 --sha512 {path}"))));
            rows.push((
                "python3 hashlib".into(),
                vec![["python3", "-c", HASHLIB, path].map(String::from).to_vec()],
            ));
        }
        Some(unpack) => {
            rows.push((
                "the same, --describe-compressed".into(),
                vec![
                    [BUILD, "--quiet", "--describe-compressed", "--output", "-", path]
                        .map(String::from)
                        .to_vec(),
                ],
            ));
            let tee = DIGESTS.map(|digest| format!(">(openssl dgst -{digest} >/dev/null)")).join(" ");
            rows.push((
                format!("{unpack} | 4 openssl dgst"),
                bash(format!("{unpack} {path} | tee {tee} >/dev/null")),
            ));
            let rhash = "rhash --md5 --sha1 --sha256 --sha512 -";
            rows.push((format!("{unpack} | rhash"), bash(format!("{unpack} {path} | {rhash}"))));
            let hashlib =
                HASHLIB.replace("with open(sys.argv[1], 'rb') as image:", "with sys.stdin.buffer as image:");
            rows.push((
                format!("{unpack} | python3 hashlib"),
                bash(format!("{unpack} {path} | python3 -c \"{hashlib}\"")),
            ));
            rows.push((format!("{unpack} alone"), bash(format!("{unpack} {path} >/dev/null"))));
        }
    }
    rows.retain(|(name, _)| {
        ["openssl", "rhash", "python3"].iter().all(|peer| !name.contains(peer) || installed(peer))
    });
    let mut times: BTreeMap<usize, Vec<Duration>> = BTreeMap::new();
    for _ in 0..RUNS {
        for (index, (_, commands)) in rows.iter().enumerate() {
            let commands = commands.iter().map(|words| command(&words[0], &words[1..])).collect();
            times.entry(index).or_default().push(time(commands));
        }
    }
    let rate = |seconds: f64| (mib << 20) as f64 / 1e6 / seconds;
    let rates: Vec<f64> = times.into_values().map(|times| rate(median(times))).collect();
    println!("\n{:<44} {:>8} {:>8}", format!("{name}, {mib} MiB"), "MB/s", "ours is");
    for ((name, _), speed) in rows.iter().zip(&rates) {
        println!("{name:<44} {speed:>8.0} {:>7.2}x", rates[0] / speed);
    }
    println!("{:<44} {limit:>8.0} {:>7.2}x", "limit", rates[0] / limit);
}

fn unpacker(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip -dc",
        Compression::Bzip2 => "bzip2 -dc",
        Compression::Xz => "xz -T1 -dc",
        Compression::Zstd => "zstd -qdc",
    }
}

/// MB/s of content that our decompressor yields alone, on one core.
fn decompressor(file: &Path, mib: u64) -> f64 {
    let times = (0..3).map(|_| {
        let start = Instant::now();
        let file = File::open(file).unwrap();
        let mut content = compression::Reader::with_threads(file, std::num::NonZeroUsize::MIN).unwrap();
        let mut buffer = vec![0; 256 << 10];
        while content.read(&mut buffer).unwrap() > 0 {}
        start.elapsed()
    });
    (mib << 20) as f64 / 1e6 / median(times.collect())
}

/// Wall clock, cores and memory of one run.
fn resources(image: &Path) {
    let mut command =
        command("/usr/bin/time", ["--format", "%e %U %S %M", BUILD, "--quiet", "--output", "-"]);
    let output = command.arg(image).stdout(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let figures = text.lines().last().unwrap_or_default().split(' ').map(|figure| figure.parse().unwrap());
    let [wall, user, system, kibibytes] = figures.collect::<Vec<f64>>()[..] else { panic!("{text}") };
    println!("one run: {:.2} cores at work, {:.1} MiB of memory", (user + system) / wall, kibibytes / 1024.0);
}

/// By `--threads`, beside the limit for so many cores.
fn by_threads(image: &Path, hashes: &[f64; 4], cores: usize) {
    println!("\n{:<44} {:>8} {:>8}", format!("raw, by --threads, on {cores} cores"), "MB/s", "of limit");
    for threads in 1..=4 {
        let run = || {
            let mut command = command(BUILD, ["--quiet", "--output", "-", "--threads", &threads.to_string()]);
            command.arg(image);
            time(vec![command])
        };
        let rate = (RAW_MIB << 20) as f64 / 1e6 / median((0..RUNS).map(|_| run()).collect());
        println!("{threads:<44} {rate:>8.0} {:>7.2}x", rate / limit(threads.min(cores), hashes, None));
    }
}

/// What the progress bar costs, drawn on a terminal.
fn progress(image: &Path) {
    if !installed("script") {
        return;
    }
    let run = |quiet: &str| {
        let line = format!("{BUILD} {quiet} --output /dev/null --force {}", image.display());
        time(vec![command("script", ["--quiet", "--return", "--command", &line, "/dev/null"])])
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..2 * RUNS {
        with.push(run("--location=http://h/i"));
        without.push(run("--quiet"));
    }
    println!("\nprogress bar: {:+.1} % of the time", 100.0 * (median(with) / median(without) - 1.0));
}

/// Twice the size takes twice the time.
fn by_size(folder: &Path) {
    println!("\n{:<44} {:>8} {:>8}", "raw, by size", "s", "s/GiB");
    let image = folder.join("image.large");
    let largest = 8;
    write_raw(&image, largest << 10);
    let mut gib = largest;
    let mut rows = Vec::new();
    while gib > 0 {
        File::options().write(true).open(&image).unwrap().set_len(gib << 30).unwrap();
        let run = |_| {
            let mut command = command(BUILD, ["--quiet", "--output", "-"]);
            command.arg(&image);
            time(vec![command])
        };
        rows.push((gib, median((0..3).map(run).collect())));
        gib /= 2;
    }
    for (gib, seconds) in rows.into_iter().rev() {
        println!("{:<44} {seconds:>8.2} {:>8.2}", format!("{gib} GiB"), seconds / gib as f64);
    }
    fs::remove_file(&image).unwrap();
}

/// Writes an image of data that do not repeat within a chunk, and reads it into the page cache.
fn write_raw(path: &Path, mib: u64) {
    let mut file = File::create(path).unwrap();
    let mebibyte: Vec<u8> =
        (0..1_u32 << 18).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for _ in 0..mib {
        file.write_all(&mebibyte).unwrap();
    }
    file.sync_all().unwrap();
    io::copy(&mut File::open(path).unwrap(), &mut io::sink()).unwrap();
}

/// Writes what an image of a system would hold: its libraries and programs, one after the other.
fn write_files(path: &Path, mib: u64) {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/share"), PathBuf::from("/usr/bin")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    let mut image = File::create(path).unwrap();
    let mut left = mib << 20;
    for file in files.iter().cycle() {
        let content = fs::read(file).unwrap_or_default();
        let count = content.len().min(usize::try_from(left).unwrap());
        image.write_all(&content[..count]).unwrap();
        left -= count as u64;
        if left == 0 {
            return;
        }
    }
}

fn shell(line: &str) {
    assert!(Command::new("sh").args(["-c", line]).status().unwrap().success(), "{line}");
}

fn installed(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}
