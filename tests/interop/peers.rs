//! Running the other implementations.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use stratuslab::dsig::SignatureMethod;

const INSTALL: &str = "run `tests/setup.sh tests`, or set STRATUSLAB_SKIP_PEERS to go without";

/// The interpreter of the environment that `tests/setup.sh` makes.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin/python");

/// Another implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// On libxml2 and OpenSSL
    Xmlsec1,
    /// `javax.xml.crypto.dsig`
    Jdk,
    /// On lxml (libxml2) and `cryptography`
    Signxml,
}

impl Peer {
    pub(crate) const ALL: [Self; 3] = [Self::Xmlsec1, Self::Jdk, Self::Signxml];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Xmlsec1 => "xmlsec1",
            Self::Jdk => "JDK",
            Self::Signxml => "signxml",
        }
    }
}

/// Whether the tests that need the other implementations are to be left out; says so if they are.
pub(crate) fn skipped(test: &str) -> bool {
    let skipped = std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some();
    if skipped {
        eprintln!(
            "SKIPPED: {test}: STRATUSLAB_SKIP_PEERS is set, xmlsec1, the JDK and signxml judge nothing"
        );
    }
    skipped
}

/// What a program said.
struct Said {
    success: bool,
    out: String,
    err: String,
}

fn run(program: &str, arguments: &[&str], files: &[PathBuf]) -> Said {
    let output = Command::new(program).args(arguments).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not run ({error}): {INSTALL}"));
    Said {
        success: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Whether a peer knows a signature algorithm: it was asked.
pub(crate) fn knows(peer: Peer, method: SignatureMethod) -> bool {
    static KNOWN: OnceLock<HashSet<(Peer, SignatureMethod)>> = OnceLock::new();
    KNOWN.get_or_init(ask_all).contains(&(peer, method))
}

fn ask_all() -> HashSet<(Peer, SignatureMethod)> {
    let folder = tempfile::tempdir().unwrap();
    let mut known = HashSet::new();
    for method in SignatureMethod::ALL {
        if xmlsec_knows(folder.path(), method) {
            known.insert((Peer::Xmlsec1, method));
        }
    }
    let jobs = SignatureMethod::ALL.map(|method| format!("knows\t{}", method.uri()));
    for peer in [Peer::Jdk, Peer::Signxml] {
        for (method, verdict) in SignatureMethod::ALL.into_iter().zip(in_one_run(peer, folder.path(), &jobs))
        {
            assert!(matches!(verdict.as_str(), "known" | "unknown"), "{}: {verdict}", peer.name());
            if verdict == "known" {
                known.insert((peer, method));
            }
        }
    }
    known
}

/// xmlsec1 reads the template first, and says which algorithm of it it does not find; or it goes on
/// to look for the key, which there is none of.
fn xmlsec_knows(folder: &Path, method: SignatureMethod) -> bool {
    let file = folder.join("asked.xml");
    let way = crate::theirs::Way::with(method);
    fs::write(&file, crate::theirs::template("<rdf:RDF xmlns:rdf=\"urn:r\"></rdf:RDF>", &way, "")).unwrap();
    let Said { success, err, .. } = run("xmlsec1", &["--sign"], &[file]);
    let unknown =
        err.contains("xmlSecTransformIdListFindByHref") && err.contains(&format!("href={}", method.uri()));
    assert!(!success && unknown != err.contains("key is not found"), "{method}: {err}");
    !unknown
}

/// Asserts that xmlsec1 verifies every file.
pub(crate) fn xmlsec_verifies(files: &[PathBuf]) {
    // xmlsec1 ends at the first file that it refuses, and never comes to those behind it.
    for batch in files.chunks(100) {
        if !run("xmlsec1", &["--verify", "--insecure"], batch).success {
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
        for part in files.chunks(files.len().div_ceil(workers).max(1)) {
            scope.spawn(move || refuse(part));
        }
    });
}

pub(crate) fn xmlsec_accepts(file: &Path) -> bool {
    run("xmlsec1", &["--verify", "--insecure"], &[file.to_owned()]).success
}

/// Has xmlsec1 fill in the `template` with these key options.
pub(crate) fn xmlsec_signs(template: &Path, out: &Path, key: &[&str]) {
    let arguments = [&["--sign", "--output", out.to_str().unwrap()], key].concat();
    let said = run("xmlsec1", &arguments, &[template.to_owned()]);
    assert!(said.success, "xmlsec1 does not sign {}: {}", template.display(), said.err);
}

/// Gives the JDK or signxml all `jobs` (see `Dsig.java` and `signxml_jobs.py`) in one run; a verdict
/// for each.
pub(crate) fn in_one_run(peer: Peer, folder: &Path, jobs: &[String]) -> Vec<String> {
    let list = folder.join(format!("{}.jobs", peer.name()));
    fs::write(&list, jobs.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let Said { success, out, err } = if peer == Peer::Signxml {
        run(PYTHON, &[concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/signxml_jobs.py"), list], &[])
    } else {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/Dsig.java");
        // A run this short is over before a better compiler or collector pays.
        run("java", &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", program, list], &[])
    };
    assert!(success, "{} failed: {INSTALL}\n{err}", peer.name());
    let verdicts: Vec<String> = out.lines().map(ToOwned::to_owned).collect();
    assert_eq!(verdicts.len(), jobs.len(), "{err}");
    verdicts
}
