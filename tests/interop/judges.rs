//! We, xmlsec1 and the JDK, on the same documents.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use stratuslab::dsig::{AlgorithmPolicy, SignatureMethod, verify};

use crate::peers::{self, Peer, knows};

/// A signed document.
pub(crate) struct Signed {
    pub(crate) file: PathBuf,
    /// The shape of what was signed.
    pub(crate) shape: &'static str,
    pub(crate) method: SignatureMethod,
    /// The size of the key, which tells whose it is.
    pub(crate) bits: u32,
}

/// What can be changed, each time in another part of the signature or of what it covers.
const ALTERATIONS: [(&str, &str); 9] = [
    ("ttylinux<", "ttylinuy<"),
    (">machine</", "> machine</"),
    (">9.7<", ">9&#46;8<"),
    ("kind>", "kinds>"),
    ("http://example.org/tty", "http://example.org/Tty"),
    ("</rdf:Description>", " </rdf:Description>"),
    ("<DigestValue>", "<DigestValue>+"),
    ("<SignatureValue>", "<SignatureValue>AAAA"),
    ("<Reference URI=\"\">", "<Reference Type=\"urn:t\" URI=\"\">"),
];

/// Asserts that all who know its algorithm verify each document, and refuse it altered. Says how many there were.
pub(crate) fn agree(folder: &Path, who: &str, signed: &[Signed]) {
    let policy = AlgorithmPolicy::new(true);
    let mut altered = Vec::new();
    // xmlsec1 ends at a file it refuses, so that each takes a run of its own: it gets every
    // alteration of what each key signed, and every shape.
    let (mut for_xmlsec, mut kinds, mut shapes) = (Vec::new(), HashSet::new(), HashSet::new());
    for (number, Signed { file, shape, method, bits }) in signed.iter().enumerate() {
        let document = fs::read(file).unwrap();
        if let Err(error) = verify(&document, &policy) {
            panic!("{error}: {shape}, {method}, {bits} bits\n{}", String::from_utf8_lossy(&document));
        }
        let (kind, other) = alter(std::str::from_utf8(&document).unwrap(), number);
        let (from, to) = ALTERATIONS[kind];
        assert!(verify(other.as_bytes(), &policy).is_err(), "{from} is {to}: {shape}, {method}, {bits} bits");
        let other_file = file.with_extension("altered");
        fs::write(&other_file, other).unwrap();
        if knows(Peer::Xmlsec, *method) && kinds.insert((bits, kind)) | shapes.insert(shape) {
            for_xmlsec.push(other_file.clone());
        }
        altered.push(other_file);
    }
    let files: Vec<PathBuf> = signed.iter().map(|signed| signed.file.clone()).collect();
    let known = signed.iter().filter(|signed| knows(Peer::Xmlsec, signed.method));
    peers::xmlsec_verifies(&known.map(|signed| signed.file.clone()).collect::<Vec<_>>());
    peers::xmlsec_refuses(&for_xmlsec);
    let jobs = files.iter().chain(&altered).map(|file| format!("verify\t{}", file.display()));
    let verdicts = peers::jdk(folder, &jobs.collect::<Vec<_>>());
    let (valid, refused) = verdicts.split_at(files.len());
    for (Signed { shape, method, bits, file }, verdict) in signed.iter().zip(valid) {
        assert_eq!(verdict, "valid", "the JDK on {}: {shape}, {method}, {bits} bits", file.display());
    }
    for (file, verdict) in altered.iter().zip(refused) {
        assert_ne!(verdict, "valid", "the JDK on {}", file.display());
    }
    println!(
        "signed by {who}: {} documents; altered: {} (xmlsec1: {})",
        files.len(),
        altered.len(),
        for_xmlsec.len()
    );
}

/// The document changed in one place, in the first way from the `number`th on that its shape has
/// the place for; which that is.
fn alter(document: &str, number: usize) -> (usize, String) {
    (number..number + ALTERATIONS.len())
        .map(|number| {
            let kind = number % ALTERATIONS.len();
            let (from, to) = ALTERATIONS[kind];
            (kind, document.replace(from, to))
        })
        .find(|(_, other)| other != document)
        .unwrap()
}
