//! What is asked of an entry by itself.

use std::time::Duration;

use stratuslab::{
    Checksum, ChecksumAlgorithm,
    dsig::AlgorithmPolicy,
    policy::{Lists, Policy},
};

use crate::{
    draft::{Draft, sign, time},
    pki::{Kind, Request, new_key},
    site::{JANE, allow, approved, by, decide, deny, member, refusal, said},
    site::{Signed as _, certificate},
};

fn draft() -> Draft {
    by(JANE, "image")
}

fn name() -> String {
    draft().path().trim_start_matches("/metadata/").to_owned()
}

fn sha1() -> String {
    let hex = stratuslab::ImageDigests::read(&b"image"[..], &[]).unwrap();
    hex.checksums().first().unwrap().value().to_owned()
}

fn checksum(algorithm: ChecksumAlgorithm, value: &str) -> Checksum {
    Checksum::from_hex(algorithm, value).unwrap()
}

/// Changes a policy, and an entry.
type Change = fn(&mut Policy);
type Edit = fn(Draft) -> Draft;

fn policy(change: Change) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

#[test]
fn the_default_asks_for_a_signature_that_holds_and_nothing_else() {
    let document = draft().by_member(JANE);
    assert_eq!(approved(&decide(&Policy::default(), std::slice::from_ref(&document))), Some(name()));
    let decisions = decide(&Policy::default(), &[document]).decisions;
    let rules: Vec<_> = decisions.iter().map(|decision| (decision.rule, decision.kept)).collect();
    assert_eq!(rules, [("valid", true), ("current", true)]);
    assert_eq!(
        decisions[0].message,
        format!("{} is signed by '{}', keeping entry", name(), certificate(&member(JANE)).subject())
    );
    assert_eq!(
        decisions[1].message,
        format!("{} is valid until 2013-01-01T00:00:00Z, keeping entry", name())
    );
}

#[test]
fn p8_what_cannot_be_read_is_passed_over_with_a_message() {
    let good = draft().by_member(JANE);
    let changed = String::from_utf8(good.clone()).unwrap().replace("ttylinux", "other").into_bytes();
    let unsigned = draft().unsigned().into_bytes();
    let documents = [b"<nothing/>".to_vec(), Vec::new(), changed, unsigned, good];
    let decisions = decide(&Policy::default(), &documents);
    assert_eq!(approved(&decisions), Some(name()));
    let skipped: Vec<_> = decisions.decisions.iter().filter(|decision| !decision.kept).collect();
    let names: Vec<_> = skipped.iter().map(|decision| decision.entry.as_str()).collect();
    assert_eq!(names, ["document 1", "document 2", &name(), "document 4"]);
    for decision in skipped {
        assert_eq!(decision.rule, "valid");
        let start = format!("{} is invalid (", decision.entry);
        assert!(decision.message.starts_with(&start) && decision.message.ends_with("), skipping entry"));
    }
}

#[test]
fn sha1_is_accepted_only_if_the_policy_says_so() {
    let jane = Request::new("Jane").days(-10_000, 365).self_signed(&new_key(Kind::Rsa2048));
    let credentials =
        stratuslab::Credentials::from_pem(&jane.certificate_pem(), &jane.key_pem(), None).unwrap();
    let request = stratuslab::dsig::SignRequest {
        credentials: &credentials,
        method: Some(stratuslab::dsig::SignatureMethod::RsaSha1),
        email: Some(&JANE.parse().unwrap()),
        created: time("2012-03-04T05:06:07Z"),
        leniency: stratuslab::metadata::rules::Leniency::Strict,
        include_chain: false,
    };
    let document =
        stratuslab::dsig::sign(draft().unsigned().as_bytes(), &request).unwrap().document().to_vec();
    assert_eq!(refusal(&Policy::default(), document.clone()).0, "valid");
    let lenient = policy(|policy| policy.signatures = AlgorithmPolicy::new(true));
    assert_eq!(approved(&decide(&lenient, &[document])), Some(name()));
}

#[test]
fn the_rules_of_the_originals_have_their_words() {
    let document = || draft().by_member(JANE);
    let identifier = draft().identifier();
    let other = Draft::new("other").identifier();
    let own = checksum(ChecksumAlgorithm::Sha1, &sha1().to_uppercase());
    let others = checksum(ChecksumAlgorithm::Sha1, &"0".repeat(40));
    let unproven = |endorsers| Policy { endorsers, unproven_emails: true, ..Policy::default() };
    let images = |images| Policy { images, ..Policy::default() };
    let checksums = |checksums| Policy { checksums, ..Policy::default() };
    let email = |email: &str| email.parse().unwrap();
    let [endorser, sum, image] = [
        format!("email endorser {JANE}"),
        format!("SHA-1 checksum image {}", sha1()),
        format!("image identifier {identifier}"),
    ];
    for (policy, rule, subject, listed, kept) in [
        (unproven(allow([email(JANE)])), "endorser-allowed", &endorser, "whitelisted", true),
        (unproven(allow([email("x@y")])), "endorser-allowed", &endorser, "not whitelisted", false),
        (unproven(deny([email("x@y")])), "endorser-denied", &endorser, "not blacklisted", true),
        (unproven(deny([email(JANE)])), "endorser-denied", &endorser, "blacklisted", false),
        (checksums(allow([own.clone()])), "checksum-allowed", &sum, "whitelisted", true),
        (checksums(allow([others.clone()])), "checksum-allowed", &sum, "not whitelisted", false),
        (checksums(deny([others])), "checksum-denied", &sum, "not blacklisted", true),
        (checksums(deny([own])), "checksum-denied", &sum, "blacklisted", false),
        (images(allow([identifier])), "image-allowed", &image, "whitelisted", true),
        (images(allow([other])), "image-allowed", &image, "not whitelisted", false),
        (images(deny([other])), "image-denied", &image, "not blacklisted", true),
        (images(deny([identifier])), "image-denied", &image, "blacklisted", false),
    ] {
        let word = if kept { "keeping" } else { "rejecting" };
        let message = format!("{subject} is {listed}, {word} entry");
        assert_eq!(said(&policy, document(), rule), Some(message));
        assert_eq!(approved(&decide(&policy, &[document()])).is_some(), kept, "{rule} {listed}");
    }
}

#[test]
fn what_is_denied_is_refused_though_it_is_allowed() {
    let identifier = draft().identifier();
    let images = Lists { allow: vec![identifier], deny: vec![identifier] };
    let policy = Policy { images, ..Policy::default() };
    assert_eq!(refusal(&policy, draft().by_member(JANE)).0, "image-denied");
}

#[test]
fn checksums_of_every_algorithm_are_looked_up() {
    let digests =
        stratuslab::ImageDigests::read(&b"image"[..], &[ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Md5])
            .unwrap();
    let of = |algorithm| digests.checksums().iter().find(|it| it.algorithm() == algorithm).unwrap().clone();
    let sha256 = of(ChecksumAlgorithm::Sha256);
    let policy = Policy { checksums: allow([sha256.clone()]), ..Policy::default() };
    let message = format!("SHA-256 checksum image {} is whitelisted, keeping entry", sha256.value());
    assert_eq!(said(&policy, draft().by_member(JANE), "checksum-allowed"), Some(message));
    let policy = Policy { checksums: deny([sha256]), ..Policy::default() };
    assert_eq!(refusal(&policy, draft().by_member(JANE)).0, "checksum-denied");
    // What the entry does not state is not on it.
    let policy = Policy { checksums: allow([of(ChecksumAlgorithm::Md5)]), ..Policy::default() };
    assert_eq!(refusal(&policy, draft().by_member(JANE)).0, "checksum-allowed");
}

#[test]
fn every_other_rule_refuses_what_breaks_it_and_nothing_else() {
    let table: [(&str, Change, Edit, Edit, &str); 11] = [
        (
            "current",
            |_| (),
            |draft| draft.valid("2012-04-01T00:00:01Z"),
            |draft| draft.valid("2012-04-01T00:00:00Z"),
            "NAME expired at 2012-04-01T00:00:00Z",
        ),
        (
            "current",
            |policy| policy.allow_expired = true,
            |draft| draft.valid("2011-01-01T00:00:00Z"),
            |draft| draft.deprecated("old"),
            "NAME is deprecated (old)",
        ),
        ("active", |_| (), |draft| draft, |draft| draft.deprecated(""), "NAME is deprecated ()"),
        (
            "active",
            |policy| policy.allow_deprecated = true,
            |draft| draft.deprecated("old"),
            |draft| draft.valid("2011-01-01T00:00:00Z"),
            "NAME expired at 2011-01-01T00:00:00Z",
        ),
        (
            "age",
            |policy| policy.max_age = Some(Duration::from_hours(24)),
            |draft| draft.created("2012-03-31T00:00:00Z"),
            |draft| draft.created("2012-03-30T23:59:59Z"),
            "NAME was endorsed more than 1 day ago",
        ),
        (
            "checksums",
            |policy| {
                policy.required_checksums = vec![ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Sha512];
            },
            |draft| {
                draft.extra(&format!(
                    "<slreq:checksum rdf:parseType=\"Resource\"><slreq:algorithm>SHA-512</slreq:algorithm>\
                     <slreq:value>{}</slreq:value></slreq:checksum>",
                    "0".repeat(128)
                ))
            },
            |draft| draft,
            "NAME states no SHA-512 checksum",
        ),
        (
            "location",
            |policy| policy.locations = vec!["https://a.example".parse().unwrap()],
            |draft| draft.locations(&["http://b.example/x", "https://a.example/x"]),
            |draft| draft.locations(&["https://a.example.evil/x", "https://a.example@evil/x"]),
            "NAME has no location that is allowed",
        ),
        (
            "os",
            |policy| policy.os = vec!["CentOS".to_owned(), "TTYlinux".to_owned()],
            |draft| draft,
            |draft| draft.text("os", "ubuntu"),
            "NAME: os ubuntu is not one of those allowed",
        ),
        (
            "os-version",
            |policy| policy.os_version = vec!["9.7".to_owned()],
            |draft| draft.text("os-version", "9.7"),
            |draft| draft,
            "NAME states no os-version",
        ),
        (
            "os-arch",
            |policy| policy.os_arch = vec!["X86_64".to_owned()],
            |draft| draft.text("os-arch", "x86_64"),
            |draft| draft.text("os-arch", "i486"),
            "NAME: os-arch i486 is not one of those allowed",
        ),
        (
            "kind",
            |policy| policy.kind = vec!["machine".to_owned()],
            |draft| draft.text("kind", "Machine"),
            |draft| draft.text("kind", "disk"),
            "NAME: kind disk is not one of those allowed",
        ),
    ];
    for (rule, change, good, bad, fact) in table {
        let policy = policy(change);
        let good = good(draft()).by_member(JANE);
        assert!(approved(&decide(&policy, &[good])).is_some(), "{rule}: {fact}");
        let bad = bad(draft());
        let name = bad.path().trim_start_matches("/metadata/").to_owned();
        let expected = format!("{}, rejecting entry", fact.replace("NAME", &name));
        assert_eq!(refusal(&policy, bad.by_member(JANE)).1, expected);
    }
}

#[test]
fn an_entry_without_a_date_of_expiry_never_expires() {
    assert!(approved(&decide(&Policy::default(), &[draft().undated().by_member(JANE)])).is_some());
}

#[test]
fn an_endorsement_outside_the_certificate_s_validity_is_an_expired_one() {
    let late = Request::new("Late").email(JANE).self_signed(&new_key(Kind::P256));
    let document = sign(draft().unsigned().as_bytes(), &late, JANE, time("2012-03-04T05:06:07Z"));
    let (rule, message) = refusal(&Policy::default(), document.clone());
    assert_eq!(rule, "certificate-current");
    let start = format!("{} was endorsed outside the certificate's validity, from ", name());
    assert!(message.starts_with(&start), "{message}");
    let policy = policy(|policy| policy.allow_expired = true);
    assert!(approved(&decide(&policy, &[document])).is_some());
}

#[test]
fn what_is_dated_ahead_is_refused_whatever_the_policy_allows() {
    let all = || Policy {
        allow_expired: true,
        allow_deprecated: true,
        max_age: Some(Duration::from_hours(1)),
        ..Policy::default()
    };
    let ahead = draft().created("2012-04-01T00:05:01Z").by_member(JANE);
    let trusting = Policy { anchors: crate::site::anchors(), ..all() };
    for policy in [all(), trusting] {
        let (rule, message) = refusal(&policy, ahead.clone());
        assert_eq!(rule, "not-ahead");
        assert!(message.contains("more than 5 minutes ahead of now"), "{message}");
        let close = draft().created("2012-04-01T00:05:00Z").by_member(JANE);
        assert!(approved(&decide(&policy, &[close])).is_some());
    }
}

#[test]
fn locations_are_ordered_by_the_policy_then_by_the_document() {
    let document = draft()
        .locations(&[
            "https://c.example/1",
            "https://b.example/2",
            "https://a.example/3",
            "https://b.example/4",
        ])
        .by_member(JANE);
    let locations = |prefixes: &[&str]| {
        let locations = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
        let policy = Policy { locations, ..Policy::default() };
        let approved = decide(&policy, std::slice::from_ref(&document)).approved.unwrap();
        let found: Vec<_> = policy.locations(&approved.entry).into_iter().map(str::to_owned).collect();
        found.join(" ").replace("https://", "").replace(".example/", "")
    };
    assert_eq!(locations(&[]), "c1 b2 a3 b4");
    assert_eq!(locations(&["https://b.example"]), "b2 b4");
    assert_eq!(locations(&["https://a.example", "https://b.example/", "https://b.example/2"]), "a3 b2 b4");
}
