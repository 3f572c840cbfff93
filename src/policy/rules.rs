//! What is asked of one entry by itself.

use super::{Candidate, Found, Policy, lists};
use crate::{ChecksumAlgorithm, Timestamp};

/// A rule: what it finds of an entry; `None` if the policy does not ask.
pub(super) type Rule = fn(&Policy, &Candidate, Timestamp) -> Option<Found>;

/// Every rule by its name, in the order in which they decide: those of the originals in theirs.
pub(super) const RULES: [(&str, Rule); 18] = [
    ("endorser-allowed", |policy, candidate, _| lists::endorser_allowed(policy, candidate)),
    ("endorser-denied", |policy, candidate, _| lists::endorser_denied(policy, candidate)),
    ("checksum-allowed", |policy, candidate, _| lists::checksum_allowed(policy, candidate)),
    ("checksum-denied", |policy, candidate, _| lists::checksum_denied(policy, candidate)),
    ("image-allowed", |policy, candidate, _| lists::image_allowed(policy, candidate)),
    ("image-denied", |policy, candidate, _| lists::image_denied(policy, candidate)),
    ("endorsed-by", |policy, candidate, _| lists::endorsed_by(policy, candidate)),
    ("certificate", certificate),
    ("current", current),
    ("certificate-current", certificate_current),
    ("active", active),
    ("age", age),
    ("checksums", checksums),
    ("location", location),
    ("os", |policy, candidate, _| one_of("os", &policy.os, candidate, candidate.entry.os.as_deref())),
    ("os-version", |policy, candidate, _| {
        one_of("os-version", &policy.os_version, candidate, candidate.entry.os_version.as_deref())
    }),
    ("os-arch", |policy, candidate, _| {
        one_of("os-arch", &policy.os_arch, candidate, candidate.entry.os_arch.as_deref())
    }),
    ("kind", |policy, candidate, _| one_of("kind", &policy.kind, candidate, candidate.entry.kind.as_deref())),
];

fn certificate(policy: &Policy, candidate: &Candidate, _: Timestamp) -> Option<Found> {
    if policy.certificates.is_empty() {
        return None;
    }
    let name = &candidate.name;
    let certificates = lists::certificates(candidate);
    let pinned = certificates.iter().any(|own| policy.certificates.iter().any(|pinned| pinned.is_of(own)));
    let own = candidate.entry.evidence().endorser.sha256_fingerprint();
    let word = if pinned { "is" } else { "is not" };
    Some(Found::new(pinned, format_args!("{name}: the certificate {own} {word} one of those pinned")))
}

fn current(policy: &Policy, candidate: &Candidate, now: Timestamp) -> Option<Found> {
    let (name, valid) = (&candidate.name, candidate.entry.valid?);
    match valid <= now {
        true if policy.allow_expired => {
            Some(Found::new(true, format_args!("{name} expired at {valid}, which is allowed")))
        }
        true => Some(Found::new(false, format_args!("{name} expired at {valid}"))),
        false => Some(Found::new(true, format_args!("{name} is valid until {valid}"))),
    }
}

fn certificate_current(policy: &Policy, candidate: &Candidate, _: Timestamp) -> Option<Found> {
    let certificate = candidate.entry.certificate();
    let (from, to, at) = (certificate.not_before(), certificate.not_after(), candidate.created);
    (at < from || at > to).then(|| {
        let name = &candidate.name;
        let fact = format!("{name} was endorsed outside the certificate's validity, from {from} to {to}");
        if policy.allow_expired {
            Found::new(true, format_args!("{fact}, which is allowed"))
        } else {
            Found::new(false, fact)
        }
    })
}

fn active(policy: &Policy, candidate: &Candidate, _: Timestamp) -> Option<Found> {
    let (name, reason) = (&candidate.name, candidate.entry.deprecated.as_ref()?);
    Some(if policy.allow_deprecated {
        Found::new(true, format_args!("{name} is deprecated ({reason}), which is allowed"))
    } else {
        Found::new(false, format_args!("{name} is deprecated ({reason})"))
    })
}

fn age(policy: &Policy, candidate: &Candidate, now: Timestamp) -> Option<Found> {
    let limit = policy.max_age?;
    let seconds = now.unix_seconds().saturating_sub(candidate.created.unix_seconds());
    // What is dated a little ahead is new.
    let age = u64::try_from(seconds).unwrap_or_default();
    let kept = age <= limit.as_secs();
    let word = if kept { "not more" } else { "more" };
    let name = &candidate.name;
    Some(Found::new(kept, format_args!("{name} was endorsed {word} than {} ago", told(limit.as_secs()))))
}

/// A time in the largest unit in which it is whole.
fn told(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0 => (0, "second"),
        days if days % 86_400 == 0 => (days / 86_400, "day"),
        hours if hours % 3600 == 0 => (hours / 3600, "hour"),
        seconds => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn checksums(policy: &Policy, candidate: &Candidate, _: Timestamp) -> Option<Found> {
    if policy.required_checksums.is_empty() {
        return None;
    }
    let stated = |wanted: &&ChecksumAlgorithm| {
        candidate.entry.checksums.iter().any(|checksum| checksum.algorithm() == **wanted)
    };
    let missing = policy.required_checksums.iter().find(|wanted| !stated(wanted));
    let name = &candidate.name;
    Some(match missing {
        Some(algorithm) => Found::new(false, format_args!("{name} states no {algorithm} checksum")),
        None => Found::new(true, format_args!("{name} states every checksum wanted")),
    })
}

fn location(policy: &Policy, candidate: &Candidate, _: Timestamp) -> Option<Found> {
    if policy.locations.is_empty() {
        return None;
    }
    let name = &candidate.name;
    Some(match policy.locations(&candidate.entry).first() {
        Some(location) => Found::new(true, format_args!("{name} has an allowed location, {location}")),
        None => Found::new(false, format_args!("{name} has no location that is allowed")),
    })
}

fn one_of(what: &str, wanted: &[String], candidate: &Candidate, stated: Option<&str>) -> Option<Found> {
    if wanted.is_empty() {
        return None;
    }
    let name = &candidate.name;
    let folded = |text: &str| text.trim().to_lowercase();
    Some(match stated {
        Some(stated) => {
            let listed = wanted.iter().any(|wanted| folded(wanted) == folded(stated));
            let word = if listed { "is" } else { "is not" };
            Found::new(listed, format_args!("{name}: {what} {stated} {word} one of those allowed"))
        }
        None => Found::new(false, format_args!("{name} states no {what}")),
    })
}
