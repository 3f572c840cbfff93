//! Signed documents changed in every way, judged by us and by the JDK: we never accept what it
//! refuses, and refuse what it accepts for the reasons in `differential/reason.rs` alone. Where
//! the two differ for any other reason, xmlsec1 has to side with us.
//!
//! What we accept says what was signed, and is endorsed by who signed it: nothing is forged.
//!
//! `STRATUSLAB_CASES` says how many mutants there are, in hundreds of 200; `STRATUSLAB_SEED` which.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "differential/bytes.rs"]
mod bytes;
#[path = "differential/dice.rs"]
mod dice;
#[path = "common/entry.rs"]
mod entry;
#[path = "differential/judges.rs"]
mod judges;
#[path = "differential/nodes.rs"]
mod nodes;
#[path = "common/pki.rs"]
mod pki;
#[path = "differential/reason.rs"]
mod reason;
#[path = "differential/signature.rs"]
mod signature;
#[path = "differential/start.rs"]
mod start;
#[path = "differential/tree.rs"]
mod tree;

use std::{collections::BTreeMap, env, fmt::Display, str::FromStr, thread};

use stratuslab::{
    Certificate, Metadata,
    dsig::{AlgorithmPolicy, VerifyError, verify},
};

use dice::Dice;
use start::{Start, starts};

const CASES: usize = 100;
/// Mutants of a case.
const TIMES: usize = 200;

/// A changed document, and what we say to it.
struct Mutant<'s> {
    number: usize,
    start: &'s Start,
    /// What was done to it.
    recipe: Vec<String>,
    document: Vec<u8>,
    ours: Result<(Metadata, Certificate), VerifyError>,
}

impl<'s> Mutant<'s> {
    fn new(seed: u64, number: usize, starts: &'s [Start]) -> Self {
        let mut dice = Dice::new(seed, number);
        let start = dice.one(starts).unwrap();
        let (mut recipe, mut document) = (Vec::new(), start.text.clone().into_bytes());
        let changes = if dice.once_in(3) { 1 + dice.below(3) } else { 1 };
        while recipe.len() < changes || document == start.text.as_bytes() {
            // What is no text any more can only be damaged further.
            let text = std::str::from_utf8(&document);
            let change = match (dice.below(10), text) {
                (0..=4, Ok(text)) => dice.one(&nodes::CHANGES).unwrap()(&mut dice, text),
                (5..=7, Ok(text)) => dice.one(&signature::CHANGES).unwrap()(&mut dice, text),
                _ => None,
            };
            let change = change.map(|(what, text)| (what, text.into_bytes()));
            if let Some((what, changed)) = change.or_else(|| bytes::damage(&mut dice, &document)) {
                recipe.push(what);
                document = changed;
            }
        }
        let ours = verify(&document, &AlgorithmPolicy::new(true));
        let ours = ours.map(|entry| ((*entry).clone(), entry.certificate().clone()));
        Self { number, start, recipe, document, ours }
    }

    /// All there is to know, to make it again and to see what is wrong.
    fn told(&self, what: impl Display) -> String {
        let Self { number, start, recipe, document, ours } = self;
        let ours = match ours {
            Ok(_) => "accepted".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        let document = String::from_utf8_lossy(document);
        format!("mutant {number} of '{}'\n{recipe:#?}\nours: {ours}\n{what}\n{document}", start.name)
    }

    /// What was accepted says what was signed, and by whom.
    fn assert_not_forged(&self) {
        let Ok((metadata, certificate)) = &self.ours else { return };
        let told = || self.told("is not what was signed");
        assert_eq!(metadata, &self.start.metadata, "{}", told());
        let signer = &self.start.certificate;
        let key = |certificate: &Certificate| certificate.public_key().unwrap().public_key_to_der().unwrap();
        assert_eq!(key(certificate), key(signer), "{}", told());
        let endorser = &metadata.endorsement.as_ref().unwrap().endorser;
        assert_eq!(certificate.subject(), &endorser.subject, "{}", told());
        assert_eq!(certificate.issuer(), &endorser.issuer, "{}", told());
        if let Some(email) = certificate.email() {
            assert_eq!(email, endorser.email.as_str(), "{}", told());
        }
    }
}

#[test]
fn we_accept_nothing_that_others_refuse_and_nothing_forged() {
    if env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        return eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, the JDK and xmlsec1 judge nothing");
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let starts = starts(folder);
    for (start, verdict) in starts.iter().zip(judges::jdk(folder, starts.iter().map(|s| s.text.as_bytes()))) {
        assert_eq!(verdict, "valid", "{}: {}", start.name, start.text);
    }
    let (count, seed) = (TIMES * setting("STRATUSLAB_CASES", CASES), setting("STRATUSLAB_SEED", 1));
    let mutants = mutants(seed, count, &starts);
    let verdicts = judges::jdk(folder, mutants.iter().map(|mutant| mutant.document.as_slice()));

    let (mut both_accept, mut both_refuse, mut forged) = (0, 0, Vec::new());
    let mut reasons = BTreeMap::<&str, usize>::new();
    for (mutant, verdict) in mutants.iter().zip(&verdicts) {
        mutant.assert_not_forged();
        match (&mutant.ours, verdict.as_str()) {
            (Ok(_), "valid") => both_accept += 1,
            (Err(_), other) if other != "valid" => both_refuse += 1,
            (Err(error), _) => match reason::listed(error) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => forged.push(mutant.told(format_args!("the JDK: {verdict}"))),
            },
            (Ok(_), _) => forged.push(mutant.told(format_args!(
                "the JDK: {verdict}\nxmlsec1: {:?}",
                judges::xmlsec(folder, &mutant.document)
            ))),
        }
    }
    let refused: usize = reasons.values().sum();
    println!("{count} mutants of {} documents, seed {seed}", starts.len());
    println!("{both_accept:>6} accepted by both");
    println!("{both_refuse:>6} refused by both");
    println!("{refused:>6} refused by us only:");
    for (reason, count) in reasons {
        println!("       {count:>6} {reason}");
    }
    println!("{:>6} suspicious", forged.len());
    for (n, told) in forged.iter().enumerate() {
        std::fs::write(format!("/tmp/mutants-bad/{n}.txt"), told).unwrap();
    }
    assert!(forged.is_empty());
}

/// Made and judged by us, on all cores.
fn mutants(seed: u64, count: usize, starts: &[Start]) -> Vec<Mutant<'_>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<usize> = (0..count).collect();
    thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(count.div_ceil(workers))
            .map(|part| {
                scope.spawn(|| part.iter().map(|n| Mutant::new(seed, *n, starts)).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |value| value.parse().ok().unwrap_or_else(|| panic!("{name}={value}")))
}
