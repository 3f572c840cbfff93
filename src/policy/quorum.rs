//! Which of the entries that are left is used: the newest with enough others that say the same.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use super::{Approved, Candidate, Found, Log, Policy, lists};
use crate::{Checksum, ChecksumAlgorithm, Identifier, Metadata, trust::Pin};

/// How many endorsers can count at most.
pub(super) fn possible(policy: &Policy) -> usize {
    let (allow, certificates) = (&policy.endorsers.allow, policy.certificates.len());
    let fingerprints = allow.iter().filter(|pin| matches!(pin, Pin::Fingerprint(_))).count();
    let listed = if policy.anchors.is_some() { allow.len() } else { fingerprints };
    match (allow.is_empty(), certificates) {
        (true, 0) if policy.anchors.is_some() => usize::MAX,
        // One needs nobody to be told from.
        (_, 0) => listed.max(1),
        (true, certificates) => certificates,
        // Whoever counts is on both lists.
        (false, certificates) => allow.len().min(certificates),
    }
}

/// The newest of the candidates that enough endorsers agree with.
pub(super) fn choose(policy: &Policy, mut candidates: Vec<Candidate>, log: &mut Log) -> Option<Approved> {
    candidates.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.email.cmp(&b.email)));
    if policy.minimum_endorsers <= 1 {
        let first = candidates.into_iter().find(|candidate| candidate.wanted)?;
        return Some(Approved { entry: first.entry, others: Vec::new() });
    }
    let identities = Identities::of(&candidates);
    let known: Vec<_> = candidates.iter().map(|candidate| is_known(policy, candidate)).collect();
    // Where nobody contradicts, all have the same endorsers, and none has enough if one has not.
    let mut settled: HashMap<Identifier, usize> = HashMap::new();
    let mut told = HashSet::new();
    for (chosen, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.wanted) {
        let identifier = candidate.entry.identifier;
        let (counted, found) = if let Some(found) = settled.get(&identifier) {
            (Vec::new(), *found)
        } else {
            let (counted, contradicting) = agreeing(chosen, candidate, &candidates, &known);
            let countable = counted.iter().copied().filter(|index| known.get(*index) == Some(&true));
            let found = identities.distinct(countable);
            if contradicting.is_empty() {
                settled.insert(identifier, found);
            }
            for (index, other, difference) in contradicting {
                if told.insert(index) {
                    let (name, chosen) = (&other.name, &candidate.name);
                    let message = format!("{name} contradicts {chosen} ({difference}), not counting entry");
                    log.add(other, "agreement", Found { kept: false, message });
                }
            }
            (counted, found)
        };
        let kept = found >= policy.minimum_endorsers;
        let message =
            format!("{} has {found} of the {} endorsers wanted", candidate.name, policy.minimum_endorsers);
        if log.add(candidate, "minimum-endorsers", Found::new(kept, message)) {
            let mut entries: Vec<_> = candidates.into_iter().map(|candidate| Some(candidate.entry)).collect();
            let mut taken = counted.into_iter().filter_map(|index| entries.get_mut(index)?.take());
            return taken.next().map(|entry| Approved { entry, others: taken.collect() });
        }
    }
    None
}

/// The candidates that agree with the one chosen, and with each other, by their indices, that one first;
/// and those that contradict them, with what they contradict in.
fn agreeing<'a>(
    chosen: usize,
    candidate: &'a Candidate,
    candidates: &'a [Candidate],
    known: &[bool],
) -> (Vec<usize>, Vec<(usize, &'a Candidate, Difference<'a>)>) {
    let mut facts = Facts::of(&candidate.entry);
    let (mut counted, mut contradicting) = (vec![chosen], Vec::new());
    // Whoever does not count does not contradict either.
    let others =
        candidates.iter().enumerate().zip(known).filter(|(_, known)| **known).map(|(other, _)| other);
    let others = others
        .filter(|(index, other)| *index != chosen && other.entry.identifier == candidate.entry.identifier);
    for (index, other) in others {
        match facts.add(&other.entry) {
            Ok(()) => counted.push(index),
            Err(difference) => contradicting.push((index, other, difference)),
        }
    }
    (counted, contradicting)
}

/// Whether it is known who somebody is: by a trusted path, or by a certificate that the policy names.
fn is_known(policy: &Policy, candidate: &Candidate) -> bool {
    let named = |certificate: &crate::Certificate| {
        let digits = certificate.sha256_fingerprint();
        policy.certificates.iter().any(|pinned| pinned.is_of(certificate))
            || policy.endorsers.allow.iter().any(|pin| matches!(pin, Pin::Fingerprint(own) if *own == digits))
    };
    policy.anchors.is_some() || lists::certificates(candidate).into_iter().any(named)
}

/// What entries say of the content of one image, together.
struct Facts<'a> {
    bytes: u64,
    checksums: HashMap<ChecksumAlgorithm, &'a str>,
}

impl<'a> Facts<'a> {
    fn of(entry: &'a Metadata) -> Self {
        let mut facts = Self { bytes: entry.bytes, checksums: HashMap::new() };
        facts.take(entry);
        facts
    }

    fn take(&mut self, entry: &'a Metadata) {
        self.checksums.extend(entry.checksums.iter().map(|it| (it.algorithm(), it.value())));
    }

    /// Adds what another entry says, unless one of both must be wrong.
    fn add(&mut self, entry: &'a Metadata) -> Result<(), Difference<'a>> {
        if entry.bytes != self.bytes {
            return Err(Difference::Bytes { stated: entry.bytes, known: self.bytes });
        }
        for stated in &entry.checksums {
            let known = self.checksums.get(&stated.algorithm());
            if let Some(&known) = known.filter(|known| **known != stated.value()) {
                return Err(Difference::Checksum { stated, known });
            }
        }
        self.take(entry);
        Ok(())
    }
}

/// What two entries do not agree in; a sentence is made of it only if somebody is told.
enum Difference<'a> {
    Bytes { stated: u64, known: u64 },
    Checksum { stated: &'a Checksum, known: &'a str },
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { stated, known } => write!(f, "{stated} bytes, not {known}"),
            Self::Checksum { stated, known } => {
                write!(f, "{} {}, not {known}", stated.algorithm(), stated.value())
            }
        }
    }
}

/// What tells endorsers apart, as numbers below `count`: those who share any are one.
struct Identities {
    of: Vec<Vec<usize>>,
    count: usize,
}

impl Identities {
    fn of(candidates: &[Candidate]) -> Self {
        let mut known = HashMap::new();
        let mut number = |text: String| {
            let next = known.len();
            *known.entry(text).or_insert(next)
        };
        let of = candidates.iter().map(|candidate| texts(candidate).into_iter().map(&mut number).collect());
        let of = of.collect();
        Self { of, count: known.len() }
    }

    /// How many of these candidates are surely of different endorsers.
    fn distinct(&self, candidates: impl Iterator<Item = usize>) -> usize {
        // What belongs to one endorser leads to one number: a candidate joins all that it has.
        let mut parents: Vec<usize> = (0..self.count).collect();
        let mut firsts = Vec::new();
        for identity in candidates.filter_map(|index| self.of.get(index)) {
            let Some((&first, rest)) = identity.split_first() else { continue };
            let top = root(&mut parents, first);
            for &other in rest {
                let other = root(&mut parents, other);
                if let Some(parent) = parents.get_mut(other) {
                    *parent = top;
                }
            }
            firsts.push(first);
        }
        let roots: HashSet<usize> = firsts.into_iter().map(|first| root(&mut parents, first)).collect();
        roots.len()
    }
}

/// Where a number leads in the end; those on the way lead there at once afterwards.
fn root(parents: &mut [usize], from: usize) -> usize {
    let up = |parents: &[usize], at: usize| parents.get(at).copied().unwrap_or(at);
    let mut top = from;
    while up(parents, top) != top {
        top = up(parents, top);
    }
    let mut at = from;
    while at != top {
        let next = up(parents, at);
        if let Some(parent) = parents.get_mut(at) {
            *parent = top;
        }
        at = next;
    }
    top
}

/// Subjects, addresses and keys of an endorser, case aside: two who have the same may be one.
fn texts(candidate: &Candidate) -> Vec<String> {
    let mut texts = vec![format!("email {}", candidate.email.as_str().to_lowercase())];
    for certificate in lists::certificates(candidate) {
        texts.push(format!("subject {}", certificate.subject().as_str().to_lowercase()));
        texts.push(format!("key {}", certificate.key_identity()));
        texts.extend(certificate.email().map(|email| format!("email {}", email.to_lowercase())));
    }
    texts
}
