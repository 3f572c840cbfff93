//! Signed documents changed in every way, judged by us and by the JDK: we never accept what it
//! refuses, and refuse what it accepts for the reasons in `differential/reason.rs` alone. Where
//! the JDK is known to be wrong (`differential/mutant.rs`), xmlsec1 has to side with us.
//!
//! What we accept says what was signed, and is endorsed by who signed it: nothing is forged.
//!
//! `STRATUSLAB_CASES` says how many mutants there are, times 200; `STRATUSLAB_SEED` which.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "differential/bytes.rs"]
mod bytes;
#[path = "common/canonicalizations.rs"]
mod canonicalizations;
#[path = "differential/dice.rs"]
mod dice;
#[path = "common/entry.rs"]
mod entry;
#[path = "differential/judges.rs"]
mod judges;
#[path = "differential/mutant.rs"]
mod mutant;
#[path = "differential/nodes.rs"]
mod nodes;
#[path = "common/pki.rs"]
mod pki;
#[path = "differential/reason.rs"]
mod reason;
#[path = "differential/seal.rs"]
mod seal;
#[path = "differential/signature.rs"]
mod signature;
#[path = "differential/start.rs"]
mod start;
#[path = "differential/tree.rs"]
mod tree;

use std::{collections::BTreeMap, env, fmt::Debug, path::Path, str::FromStr, thread};

use dice::Dice;
use mutant::Mutant;
use start::{Start, ours, starts};

const CASES: usize = 100;
/// Mutants of a case.
const TIMES: usize = 200;

/// How often each thing was said.
type Counts = BTreeMap<&'static str, usize>;

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

    let (mut accepted, mut refused) = (0, 0);
    let (mut reasons, mut bares, mut odd) = (Counts::new(), Vec::new(), Vec::new());
    for (mutant, verdict) in mutants.iter().zip(&verdicts) {
        mutant.assert_not_forged();
        match (&mutant.ours, verdict == "valid") {
            (Ok(_), true) => accepted += 1,
            (Err(_), false) => refused += 1,
            (Err(error), true) => match reason::listed(error, mutant.sealed) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => odd.push((mutant, verdict)),
            },
            (Ok(_), false) => match mutant.bare() {
                Some(bare) => bares.push((mutant, bare)),
                None => odd.push((mutant, verdict)),
            },
        }
    }
    let verdicts = judges::jdk(folder, bares.iter().map(|(_, (_, bare))| bare.as_slice()));
    let mut ignored = Counts::new();
    for ((mutant, (why, _)), verdict) in bares.iter().zip(&verdicts) {
        if verdict == "valid" {
            *ignored.entry(why).or_default() += 1;
        } else {
            odd.push((mutant, verdict));
        }
    }
    let (mut mistakes, mut unexplained) = (Counts::new(), Vec::new());
    for (mutant, verdict) in odd {
        match mistake(folder, mutant, verdict) {
            Ok(mistake) => *mistakes.entry(mistake).or_default() += 1,
            Err(told) => unexplained.push(told),
        }
    }

    println!("{count} mutants of {} documents, seed {seed}", starts.len());
    println!("{accepted:>6} accepted by both\n{refused:>6} refused by both");
    tell("refused by us only:", &reasons);
    tell("accepted by us only, and by the JDK without what it cannot read in KeyInfo:", &ignored);
    tell("otherwise than the JDK, as xmlsec1:", &mistakes);
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n\n"));
    assert!(accepted > count / 20 && refused > 0 && !reasons.is_empty());
}

/// Why the JDK is wrong, which xmlsec1 has to confirm; all there is to know if not.
fn mistake(folder: &Path, mutant: &Mutant, verdict: &str) -> Result<&'static str, String> {
    let xmlsec = judges::xmlsec(folder, &mutant.document);
    match mutant.jdks_mistake() {
        Some(mistake) if xmlsec.is_ok() == mutant.ours.is_ok() => Ok(mistake),
        _ => Err(mutant.told(format_args!("the JDK: {verdict}\nxmlsec1: {xmlsec:?}"))),
    }
}

fn tell(what: &str, counts: &Counts) {
    println!("{:>6} {what}", counts.values().sum::<usize>());
    for (reason, count) in counts {
        println!("        {count:>6} {reason}");
    }
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

fn setting<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Every change can be made, and all come again with their numbers.
#[test]
fn mutants_are_of_every_kind_and_come_again() {
    let texts: Vec<String> = ours().into_iter().map(|(_, text)| text).collect();
    for (kind, change) in nodes::CHANGES.into_iter().chain(signature::CHANGES).enumerate() {
        let changed = (0..40).filter(|&number| {
            let text = &texts[number % texts.len()];
            let made = || change(&mut Dice::new(7, number), text);
            assert_eq!(made(), made());
            made().is_some_and(|(_, changed)| &changed != text)
        });
        assert!(changed.count() > 10, "change {kind}");
    }
    for (number, text) in texts.iter().enumerate() {
        let made = || bytes::damage(&mut Dice::new(7, number), text.as_bytes());
        assert_eq!(made(), made());
    }
}
