//! We and the three others, on the same documents.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use stratuslab::dsig::{AlgorithmPolicy, SignatureMethod, verify};

use crate::{
    departures,
    peers::{self, Peer, knows},
};

/// A signed document.
pub(crate) struct Signed {
    pub(crate) file: PathBuf,
    /// The shape of what was signed.
    pub(crate) shape: &'static str,
    pub(crate) method: SignatureMethod,
    /// Which digest and canonicalizations.
    pub(crate) way: String,
    /// What kind of key, which tells whose it is.
    pub(crate) key: String,
}

impl Signed {
    fn what(&self) -> String {
        let Self { file, shape, method, way, key } = self;
        format!("{}: {shape}, {method}, {way}, {key}", file.display())
    }
}

/// What was found about what one implementation signed, by algorithm.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How many documents were signed; we verified all of them.
    pub(crate) signed: BTreeMap<&'static str, usize>,
    /// The combinations of digest and canonicalizations among them.
    pub(crate) ways: BTreeMap<&'static str, BTreeSet<String>>,
    /// How many of them each other implementation verified.
    pub(crate) verified: BTreeMap<(Peer, &'static str), usize>,
}

/// What can be changed, each time in another part of the signature or of what it covers.
const ALTERATIONS: [(&str, &str); 12] = [
    ("ttylinux<", "ttylinuy<"),
    (">machine</", "> machine</"),
    (">9.7<", ">9&#46;8<"),
    ("kind>", "kinds>"),
    ("http://example.org/tty", "http://example.org/Tty"),
    ("</rdf:Description>", " </rdf:Description>"),
    ("<DigestValue>", "<DigestValue>+"),
    ("<SignatureValue>", "<SignatureValue>AAAA"),
    ("<Reference URI=\"\">", "<Reference Type=\"urn:t\" URI=\"\">"),
    ("<ds:DigestValue>", "<ds:DigestValue>+"),
    ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
    ("<ds:Reference URI=\"\">", "<ds:Reference Type=\"urn:t\" URI=\"\">"),
];

/// Asserts that all who know its algorithm verify each document, and refuse it altered.
pub(crate) fn agree(folder: &Path, who: &str, signed: &[Signed]) -> Outcome {
    let policy = AlgorithmPolicy::new(true);
    let mut outcome = Outcome::default();
    let mut altered = Vec::new();
    // xmlsec1 ends at a file it refuses, so that each takes a run of its own: it gets every
    // alteration of what each key signed, and every shape.
    let (mut for_xmlsec, mut kinds, mut shapes) = (Vec::new(), HashSet::new(), HashSet::new());
    let mut departing = HashSet::new();
    for (number, what) in signed.iter().enumerate() {
        let Signed { file, shape, method, way, key } = what;
        let document = fs::read(file).unwrap();
        if let Err(error) = verify(&document, &policy) {
            panic!("{error}: {}\n{}", what.what(), String::from_utf8_lossy(&document));
        }
        *outcome.signed.entry(method.name()).or_default() += 1;
        outcome.ways.entry(method.name()).or_default().insert(way.clone());
        if departures::expected(&document) {
            departing.insert(number);
        }
        let (kind, other) = alter(std::str::from_utf8(&document).unwrap(), number);
        let (from, to) = ALTERATIONS[kind];
        assert!(verify(other.as_bytes(), &policy).is_err(), "{from} is {to}: {}", what.what());
        let other_file = file.with_extension("altered");
        fs::write(&other_file, other).unwrap();
        if knows(Peer::Xmlsec1, *method) && kinds.insert((key, kind)) | shapes.insert(shape) {
            for_xmlsec.push(other_file.clone());
        }
        altered.push(other_file);
    }
    peers::xmlsec_refuses(&for_xmlsec);
    for peer in Peer::ALL {
        let known: Vec<usize> = (0..signed.len()).filter(|&i| knows(peer, signed[i].method)).collect();
        let files: Vec<&PathBuf> = known.iter().map(|&i| &signed[i].file).collect();
        let (mut verdicts, mut refusals) = (vec!["valid".to_owned(); known.len()], Vec::new());
        if peer == Peer::Xmlsec1 {
            peers::xmlsec_verifies(&files.into_iter().cloned().collect::<Vec<_>>());
        } else {
            let files = files.into_iter().chain(known.iter().map(|&i| &altered[i]));
            let jobs: Vec<String> = files.map(|file| format!("verify\t{}", file.display())).collect();
            verdicts = peers::in_one_run(peer, folder, &jobs);
            refusals = verdicts.split_off(known.len());
        }
        for (&number, verdict) in known.iter().zip(&verdicts) {
            let what = &signed[number];
            if peer == Peer::Signxml && departing.contains(&number) {
                departures::assert_departs(verdict, &what.what());
            } else {
                assert_eq!(verdict, "valid", "{} on {}", peer.name(), what.what());
                *outcome.verified.entry((peer, what.method.name())).or_default() += 1;
            }
        }
        for (&number, verdict) in known.iter().zip(&refusals) {
            assert_ne!(verdict, "valid", "{} on {}, altered", peer.name(), signed[number].what());
        }
    }
    println!(
        "signed by {who}: {} documents; altered: {} (xmlsec1: {})",
        signed.len(),
        altered.len(),
        for_xmlsec.len()
    );
    outcome
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
