//! Fetching images beside its parts: `cargo bench --bench download`.
//!
//! A GiB on nginx, on loopback. `curl`, the checksum pass and the download take turns; the limit of a run is
//! the longest of what curl takes alone, what the checksums take alone, and the CPU time of both divided by
//! the cores. Then how long it takes to hand out what is cached, and to judge a thousand entries.
//! `nginx`, `curl` and `time` must be installed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run has failed")]

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{X509, X509Name, extension::BasicConstraints},
};
use rayon::prelude::*;
use stratuslab::{
    ChecksumAlgorithm, Credentials, ImageDigests, Metadata, Timestamp,
    dsig::{SignRequest, sign},
    metadata::rules::Leniency,
};

mod common;

use common::{command, median, time};

const DOWNLOAD: &str = env!("CARGO_BIN_EXE_stratus-download-image");
const IDENTIFY: &str = env!("CARGO_BIN_EXE_stratus-identify-image");
const POLICY: &str = env!("CARGO_BIN_EXE_stratus-policy-image");

/// Bytes of the image.
const LENGTH: usize = 1 << 30;
/// Endorsers of one image.
const ENDORSERS: usize = 1000;
/// Runs of each transfer, and of what takes less than a second.
const RUNS: usize = 7;
const MANY_RUNS: usize = 40;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("www")).unwrap();
    let image = folder.join("www/image.img");
    fill(&image);
    let web = Nginx::start(folder);
    let url = format!("http://127.0.0.1:{}/image.img", web.port);
    let authority = Authority::new();
    fs::write(folder.join("ca.pem"), authority.certificate.to_pem().unwrap()).unwrap();
    let digests = ImageDigests::read(File::open(&image).unwrap(), &ChecksumAlgorithm::ALL).unwrap();
    let entry = signed(&digests, &url, &authority.endorser(0));
    fs::write(folder.join("entry.xml"), &entry).unwrap();

    transfers(folder, &url);
    kept(folder, &digests, &entry);
    judged(folder, &digests, &url, &authority);
}

/// The image fetched and verified, beside what that consists of.
fn transfers(folder: &Path, url: &str) {
    let ours = |arguments: &[&str]| {
        let mut command = command(DOWNLOAD, ["--metadata-file", "entry.xml", "--ca-file", "ca.pem"]);
        command.args(arguments);
        command
    };
    let modes: [(&str, &[&str]); 4] = [
        ("into the cache", &["--cache", "cache"]),
        ("into the cache, one connection", &["--cache", "cache", "--connections", "1"]),
        ("to a file alone", &["--no-cache", "-o", "out.img"]),
        ("into the cache and to a file", &["--cache", "cache", "-o", "out.img"]),
    ];
    let mut curl = Vec::new();
    let mut pass = Vec::new();
    let mut times: Vec<Vec<Taken>> = modes.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        curl.push(taken(folder, &command("curl", ["-s", "-o", "curl.img", url])));
        pass.push(taken(folder, &command(IDENTIFY, ["www/image.img"])));
        for ((_, arguments), times) in modes.iter().zip(&mut times) {
            for old in ["cache", "out.img"] {
                let _ = fs::remove_dir_all(folder.join(old)).or_else(|_| fs::remove_file(folder.join(old)));
            }
            times.push(taken(folder, &ours(arguments)));
        }
    }
    let cores = f64::from(u32::try_from(thread::available_parallelism().unwrap().get()).unwrap());
    let (curl, pass) = (middle(curl), middle(pass));
    let limit = curl.wall.max(pass.wall).max((curl.cpu + pass.cpu) / cores);
    println!("{:<46} {:>8} {:>8} {:>9}", "1 GiB, medians", "s", "CPU s", "of limit");
    println!("{:<46} {:>8.2} {:>8.2}", "curl alone", curl.wall, curl.cpu);
    println!("{:<46} {:>8.2} {:>8.2}", "the checksum pass alone", pass.wall, pass.cpu);
    println!("{:<46} {limit:>8.2}", "limit");
    for ((name, _), times) in modes.iter().zip(times) {
        let ours = middle(times);
        println!("{name:<46} {:>8.2} {:>8.2} {:>8.2}x", ours.wall, ours.cpu, ours.wall / limit);
    }
}

/// What is cached, handed out again.
fn kept(folder: &Path, digests: &ImageDigests, entry: &[u8]) {
    let identifier = digests.identifier().to_string();
    let marketplace = marketplace(entry);
    let run = |arguments: &[&str]| {
        let mut command = command(DOWNLOAD, ["--cache", "cache", "--ca-file", "ca.pem"]);
        command.current_dir(folder).args(arguments);
        time(vec![command])
    };
    run(&["--metadata-file", "entry.xml"]);
    let pass = |_| {
        let mut command = command(IDENTIFY, ["www/image.img"]);
        command.current_dir(folder);
        time(vec![command])
    };
    println!("\n{:<46} {:>10}", "handing out what is cached, medians", "ms");
    for (name, arguments, runs) in [
        ("--offline", vec!["--offline", &identifier], MANY_RUNS),
        ("asking a Marketplace", vec!["--marketplace-endpoint", &marketplace, &identifier], MANY_RUNS),
        ("--verify-cache=always", vec!["--offline", "--verify-cache=always", &identifier], 5),
    ] {
        let times: Vec<_> = (0..runs).map(|_| run(&arguments)).collect();
        println!("{name:<46} {:>10.2}", median(times) * 1e3);
    }
    println!("{:<46} {:>10.2}", "the checksum pass alone", median((0..5).map(pass).collect()) * 1e3);
}

/// A thousand endorsers of one image.
fn judged(folder: &Path, digests: &ImageDigests, url: &str, authority: &Authority) {
    let entries: Vec<_> =
        (0..ENDORSERS).into_par_iter().map(|n| signed(digests, url, &authority.endorser(n))).collect();
    let bare = entries.iter().flat_map(|entry| {
        let text = std::str::from_utf8(entry).unwrap();
        text[text.find("<rdf:RDF").unwrap()..].bytes()
    });
    let list: Vec<u8> = b"<metadata>".iter().copied().chain(bare).chain(*b"</metadata>").collect();
    fs::write(folder.join("list.xml"), list).unwrap();
    fs::write(folder.join("policy.toml"), "[policy]\nca_file = \"ca.pem\"\nminimum_endorsers = 1000\n")
        .unwrap();
    println!("\n{:<46} {:>10}", "a policy over 1,000 entries, medians", "ms");
    for (name, arguments) in [
        ("signatures alone", vec![]),
        ("with trust anchors", vec!["--ca-file", "ca.pem"]),
        ("of whom all 1,000 are wanted", vec!["--policy", "policy.toml"]),
    ] {
        let run = |_| {
            let mut command = command(POLICY, ["--metadata-file", "list.xml"]);
            command.current_dir(folder).args(&arguments);
            time(vec![command])
        };
        println!("{name:<46} {:>10.0}", median((0..RUNS).map(run).collect()) * 1e3);
    }
}

/// What a run took, in seconds.
#[derive(Clone, Copy)]
struct Taken {
    wall: f64,
    /// In the process and in the system for it.
    cpu: f64,
}

/// The run of medium length.
fn middle(mut runs: Vec<Taken>) -> Taken {
    runs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    runs[runs.len() / 2]
}

fn taken(folder: &Path, inner: &Command) -> Taken {
    let mut command = Command::new("time");
    command.args(["-f", "%e %U %S"]).arg(inner.get_program()).args(inner.get_args());
    let output = command.current_dir(folder).stdout(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{inner:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stderr).unwrap();
    let numbers: Vec<f64> =
        text.lines().last().unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
    Taken { wall: numbers[0], cpu: numbers[1] + numbers[2] }
}

/// Content that no compression makes anything of.
fn fill(path: &Path) {
    let mut state = 1_u64;
    let mut file = File::create(path).unwrap();
    let mut piece = vec![0; 1 << 20];
    for _ in 0..LENGTH / piece.len() {
        for word in piece.chunks_exact_mut(8) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            word.copy_from_slice(&(state ^ (state >> 29)).to_ne_bytes());
        }
        file.write_all(&piece).unwrap();
    }
    file.sync_all().unwrap();
}

struct Nginx {
    port: u16,
    child: Child,
}

impl Nginx {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {place}/{name};"))
            .concat();
        let configuration = format!(
            "daemon off; pid {place}/pid; error_log {place}/error.log; worker_processes 1;\nevents {{}}\n\
             http {{ access_log off; sendfile on; {temporary}\n\
             server {{ listen 127.0.0.1:{port}; root {place}/www; }} }}\n"
        );
        let file: PathBuf = folder.join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        // As root its workers would be somebody else, who cannot look into the folder.
        let options = ["-g", "user root;"];
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(folder).args(if is_root { &options[..] } else { &[] });
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "nginx does not start");
            thread::sleep(Duration::from_millis(10));
        }
        Self { port, child }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Answers every request with a list of this entry; its base URL.
fn marketplace(entry: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let text = std::str::from_utf8(entry).unwrap();
    let body = format!("<metadata>{}</metadata>", &text[text.find("<rdf:RDF").unwrap()..]);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.extend(byte);
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    base
}

struct Authority {
    key: PKey<Private>,
    certificate: X509,
}

impl Authority {
    fn new() -> Self {
        let key = new_key();
        let certificate = certificate("CA", &key, None);
        Self { key, certificate }
    }

    /// Somebody with a certificate of this authority.
    fn endorser(&self, number: usize) -> (Credentials, String) {
        let key = new_key();
        let certificate = certificate(&format!("Jane Tester {number}"), &key, Some(self));
        let (certificate, key) = (certificate.to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap());
        let credentials = Credentials::from_pem(&certificate, &key, None).unwrap();
        (credentials, format!("jane.{number}@example.org"))
    }
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn certificate(common_name: &str, key: &PKey<Private>, issuer: Option<&Authority>) -> X509 {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("O", "StratusLab").unwrap();
    name.append_entry_by_text("CN", common_name).unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    if issuer.is_none() {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    builder.build()
}

fn signed(digests: &ImageDigests, url: &str, (credentials, email): &(Credentials, String)) -> Vec<u8> {
    let now = Timestamp::now();
    let metadata = Metadata::builder(digests)
        .image_type("base")
        .os("ttylinux")
        .location(url)
        .created(now)
        .valid(now.checked_add_days(182).unwrap())
        .build();
    let request = SignRequest {
        credentials,
        method: None,
        email: Some(&email.parse().unwrap()),
        created: now,
        leniency: Leniency::Strict,
        include_chain: false,
    };
    sign(metadata.to_rdf().unwrap().as_bytes(), &request).unwrap().document().to_vec()
}
