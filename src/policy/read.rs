//! Documents to entries whose signatures hold, and which of them were asked for.

use std::{collections::HashSet, num::NonZero, panic::resume_unwind, thread};

use sha2::{Digest as _, Sha256};

use super::{Candidate, Found, Log, Policy, newest::Endorsements};
use crate::{
    Timestamp,
    marketplace::{Reference, Relation},
    metadata::rules::Leniency,
    trust::{PathError, PathRequest, Purpose, check_ahead, verify_path},
    validate::{Options, Report, Requirement, validate},
};

/// How many documents are worth a thread of their own.
const DOCUMENTS_A_THREAD: usize = 16;

/// The entries that hold, and all endorsements that replace older ones.
pub(super) fn candidates<D: AsRef<[u8]> + Sync>(
    policy: &Policy,
    documents: impl IntoIterator<Item = D>,
    now: Timestamp,
    log: &mut Log,
) -> (Vec<Candidate>, Endorsements) {
    let mut options = Options::new(now);
    options.policy = policy.signatures;
    options.leniency = Leniency::OldEntries;
    options.anchors = policy.anchors.as_ref();
    if policy.anchors.is_some() {
        options.require.push(Requirement::Trusted);
    }
    let (mut candidates, mut endorsements) = (Vec::new(), Endorsements::default());
    let mut seen = HashSet::new();
    // The same one twice says nothing new.
    let mut is_new = |document: &D| seen.insert(<[u8; 32]>::from(Sha256::digest(document.as_ref())));
    let documents: Vec<_> = (1..).zip(documents).filter(|(_, document)| is_new(document)).collect();
    for ((number, _), report) in documents.iter().zip(reports(&documents, &options)) {
        let number = *number;
        if let Some(candidate) = candidate(number, report, &options, &mut endorsements, log) {
            candidates.push(candidate);
        }
    }
    (candidates, endorsements)
}

/// The verdicts on documents, in their order, on all cores if there are many: with anchors each takes half a
/// millisecond.
fn reports<D: AsRef<[u8]> + Sync>(documents: &[(usize, D)], options: &Options) -> Vec<Report> {
    let judge = |documents: &[(usize, D)]| -> Vec<Report> {
        documents.iter().map(|(_, document)| validate(document.as_ref(), options)).collect()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = documents.len().div_ceil(cores).max(DOCUMENTS_A_THREAD);
    if documents.len() <= share {
        return judge(documents);
    }
    thread::scope(|scope| {
        let judge = &judge;
        let threads: Vec<_> =
            documents.chunks(share).map(|documents| scope.spawn(move || judge(documents))).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|reports| reports.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// The entry, if its signature holds and is trusted; P8: what cannot be read stops nobody.
fn candidate(
    number: usize,
    report: Report,
    options: &Options,
    endorsements: &mut Endorsements,
    log: &mut Log,
) -> Option<Candidate> {
    let name = report.metadata().and_then(Reference::of).map(|reference| reference.to_string());
    let name = name.unwrap_or_else(|| format!("document {number}"));
    let refused = |report: &Report| {
        let check = report.deciding()?;
        Some((check.name, check.message.clone().unwrap_or_default()))
    };
    if let Some((check, reason)) = refused(&report) {
        if check == "trusted" {
            log.add_named(name.clone(), "valid", signed(&name, &report));
            if let Some(Err(error @ PathError::Ahead { .. })) = report.path() {
                log.add_named(name.clone(), "not-ahead", Found::new(false, format_args!("{name}: {error}")));
                if let Some(entry) = report.metadata().filter(|_| trusted_now(&report, options)) {
                    endorsements.add(entry);
                }
            } else {
                let message = format_args!("{name} is not trusted ({reason})");
                log.add_named(name.clone(), "trusted", Found::new(false, message));
            }
        } else {
            let message = format!("{name} is invalid ({reason}), skipping entry");
            log.add_named(name, "valid", Found { kept: false, message });
        }
        return None;
    }
    log.add_named(name.clone(), "valid", signed(&name, &report));
    let path = report.checks().iter().find(|check| check.name == "trusted");
    let path = path.and_then(|check| check.message.clone()).filter(|_| options.anchors.is_some());
    let entry = report.into_verified().ok()?;
    let endorsement = entry.endorsement.clone()?;
    endorsements.add(&entry);
    let (created, email) = (endorsement.created, endorsement.endorser.email);
    let candidate = Candidate { name, entry, created, email, wanted: true };
    if let Err(error) = check_ahead(Purpose::Endorsing, created, options.now) {
        let found = Found::new(false, format_args!("{}: {error}", candidate.name));
        log.add(&candidate, "not-ahead", found);
        return None;
    }
    if let Some(path) = path {
        log.add(
            &candidate,
            "trusted",
            Found::new(true, format_args!("{} is trusted ({path})", candidate.name)),
        );
    }
    Some(candidate)
}

fn signed(name: &str, report: &Report) -> Found {
    let signer = report.evidence().map(|evidence| evidence.certificate.subject().to_string());
    Found::new(true, format_args!("{name} is signed by '{}'", signer.unwrap_or_default()))
}

/// Whether only the date stands between the certificate and an anchor. The endorser's clock or ours is wrong
/// then, and what the entry replaces stays replaced.
fn trusted_now(report: &Report, options: &Options) -> bool {
    let (Some(evidence), Some(anchors)) = (report.evidence(), options.anchors) else { return false };
    let request = PathRequest {
        policy: options.policy,
        ..PathRequest::new(&evidence.certificate, &evidence.chain, options.now, options.now)
    };
    verify_path(anchors, &request).is_ok()
}

/// The entries that are about the image asked for: they may be approved if they are of the endorser and
/// date that were asked for as well, and otherwise only count as others' endorsements, if those are wanted.
pub(super) fn asked_for(
    policy: &Policy,
    candidates: Vec<Candidate>,
    reference: Option<&Reference>,
    log: &mut Log,
) -> Vec<Candidate> {
    let Some(reference) = reference else { return candidates };
    let mut asked = Vec::new();
    for mut candidate in candidates {
        let name = &candidate.name;
        let found = match reference.relation(&candidate.entry) {
            Relation::Wanted => None,
            Relation::OtherEndorser if policy.minimum_endorsers > 1 => {
                candidate.wanted = false;
                Some(Found::new(true, format_args!("{name} is of another endorser than {reference}")))
            }
            Relation::OtherEndorser => {
                Some(Found::new(false, format_args!("{name} is of another endorser than {reference}")))
            }
            Relation::OtherDate => {
                Some(Found::new(false, format_args!("{name} is of another date than {reference}")))
            }
            Relation::OtherImage => {
                Some(Found::new(false, format_args!("{name} is about another image than {reference}")))
            }
        };
        if found.is_none_or(|found| log.add(&candidate, "asked-for", found)) {
            asked.push(candidate);
        }
    }
    asked
}
