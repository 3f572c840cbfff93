//! Several endorsers that say the same.

use stratuslab::{
    marketplace::Reference,
    policy::{Decisions, Policy, PolicyError},
};

use crate::{
    draft::{Draft, sign, time},
    pki::{Identity, Kind, Request, new_key},
    site::{
        ANN, JANE, JOE, Signed as _, allow, anchors, approved, by, ca, decide, fingerprint, impostor, issued,
        now, whose,
    },
};

fn wants(minimum_endorsers: usize) -> Policy {
    Policy { anchors: anchors(), minimum_endorsers, ..Policy::default() }
}

fn at(email: &str, created: &str) -> Draft {
    by(email, "image").created(created)
}

fn entries(emails: &[&str]) -> Vec<Vec<u8>> {
    emails.iter().map(|email| at(email, "2012-01-01T00:00:00Z").by_member(email)).collect()
}

fn others(decisions: &Decisions) -> Vec<String> {
    let approved = decisions.approved.as_ref().unwrap();
    approved
        .others
        .iter()
        .map(|entry| entry.endorsement.as_ref().unwrap().endorser.email.to_string())
        .collect()
}

#[test]
fn so_many_endorsers_have_to_agree() {
    let decisions = decide(&wants(2), &entries(&[JANE, JOE, ANN]));
    assert_eq!(whose(&decisions).as_deref(), Some(ANN));
    assert_eq!(others(&decisions), [JANE, JOE]);
    let decisions = decide(&wants(4), &entries(&[JANE, JOE, ANN]));
    assert_eq!(approved(&decisions), None);
    let last = decisions.decisions.last().unwrap();
    assert_eq!(last.rule, "minimum-endorsers");
    assert!(last.message.ends_with(" has 3 of the 4 endorsers wanted, rejecting entry"), "{}", last.message);
    // One is enough for one, and is alone then.
    assert!(others(&decide(&wants(1), &entries(&[JANE, JOE]))).is_empty());
    assert!(approved(&decide(&wants(0), &entries(&[JANE]))).is_some());
    // Entries for other images are none of theirs.
    let other = by(JOE, "other").by_member(JOE);
    let documents = [entries(&[JANE]), vec![other]].concat();
    assert_eq!(approved(&decide(&wants(2), &documents)), None);
}

#[test]
fn who_shares_a_name_an_address_or_a_key_is_one() {
    let key = new_key(Kind::P256);
    let with_key = |request: Request, key: &_| request.days(-10_000, 365).issued_by(&ca(), key);
    let same_key = |name, email| with_key(Request::new(name).email(email), &key);
    let signed = |email: &str, identity: &Identity| {
        let created = time("2012-01-01T00:00:00Z");
        sign(by(email, "image").unsigned().as_bytes(), identity, email, created)
    };
    let pairs = [
        // The key.
        [signed(JANE, &same_key("Jane", JANE)), signed(JOE, &same_key("Joe", JOE))],
        // The subject, case aside.
        [
            signed(JANE, &issued(&Request::new("Same").email(JANE))),
            signed(JOE, &issued(&Request::new("SAME").email(JOE))),
        ],
        // The address, case aside.
        [
            signed(JANE, &issued(&Request::new("One").email(JANE))),
            signed("Jane@example.org", &issued(&Request::new("Two").email("Jane@example.org"))),
        ],
    ];
    for pair in pairs {
        assert_eq!(approved(&decide(&wants(2), &pair)), None);
        // With somebody else beside them there are two.
        let documents = [pair.to_vec(), entries(&[ANN])].concat();
        assert!(approved(&decide(&wants(2), &documents)).is_some());
        assert_eq!(approved(&decide(&wants(3), &documents)), None);
    }
    // A chain of what is shared makes all of it one.
    let chain = [
        signed(JANE, &same_key("Jane", JANE)),
        signed(JOE, &same_key("Bridge", JOE)),
        signed(ANN, &issued(&Request::new("Bridge").email(ANN))),
    ];
    assert_eq!(approved(&decide(&wants(2), &chain)), None);
}

#[test]
fn who_is_not_trusted_does_not_count() {
    let spoofed = at(JOE, "2012-01-01T00:00:00Z").signed_by(&impostor(JOE));
    let documents = [entries(&[JANE]), vec![spoofed]].concat();
    assert_eq!(approved(&decide(&wants(2), &documents)), None);
}

#[test]
fn without_anchors_only_fingerprints_count() {
    let (jane, joe, ann) = (impostor(JANE), impostor(JOE), impostor(ANN));
    let documents =
        [(JANE, &jane), (JOE, &joe), (ANN, &ann)].map(|(email, who)| by(email, "image").signed_by(who));
    let policy = |policy: Policy| Policy { minimum_endorsers: 2, ..policy };
    let open = policy(Policy::default());
    assert_eq!(open.check(), Err(PolicyError::TooFewEndorsers { minimum: 2, possible: 1 }));
    assert_eq!(approved(&decide(&open, &documents)), None);
    let originals = Policy {
        endorsers: allow([JANE, JOE].map(|email| email.parse().unwrap())),
        unproven_emails: true,
        ..policy(Policy::default())
    };
    assert_eq!(originals.check(), Err(PolicyError::TooFewEndorsers { minimum: 2, possible: 1 }));
    assert_eq!(approved(&decide(&originals, &documents)), None);
    let prints = [&jane, &joe].map(fingerprint);
    let listed = Policy {
        endorsers: allow(prints.clone().map(|it| it.parse().unwrap())),
        ..policy(Policy::default())
    };
    let pinned =
        Policy { certificates: prints.map(|it| it.parse().unwrap()).to_vec(), ..policy(Policy::default()) };
    for policy in [listed, pinned] {
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(whose(&decide(&policy, &documents)).as_deref(), Some(JANE));
        assert_eq!(approved(&decide(&policy, &documents[1..])), None);
    }
}

#[test]
fn more_than_are_listed_can_never_agree() {
    let listed = |policy: Policy| Policy {
        endorsers: allow([JANE, JOE].map(|email| email.parse().unwrap())),
        minimum_endorsers: 3,
        ..policy
    };
    let policy = listed(Policy { anchors: anchors(), ..Policy::default() });
    assert_eq!(policy.check(), Err(PolicyError::TooFewEndorsers { minimum: 3, possible: 2 }));
    let certificates = vec![fingerprint(&impostor(JANE)).parse().unwrap()];
    let policy = Policy { certificates, minimum_endorsers: 2, anchors: anchors(), ..Policy::default() };
    assert_eq!(policy.check(), Err(PolicyError::TooFewEndorsers { minimum: 2, possible: 1 }));
    assert_eq!(wants(1000).check(), Ok(()));
}

#[test]
fn who_contradicts_does_not_count() {
    // The newest of all.
    let created = time("2012-02-01T00:00:00Z");
    let changed = |email: &str, from: &str, to: &str| {
        let document = by(email, "image").unsigned();
        assert!(document.contains(from), "{document}");
        sign(document.replacen(from, to, 1).as_bytes(), &crate::site::member(email), email, created)
    };
    let lies_of_size = changed(JOE, ">5</slreq:bytes>", ">6</slreq:bytes>");
    let sha256 =
        stratuslab::ImageDigests::read(&b"image"[..], &[stratuslab::ChecksumAlgorithm::Sha256]).unwrap();
    let sha256 = sha256.checksums().last().unwrap().value().to_owned();
    let lies_of_sum = changed(JOE, &sha256, &"0".repeat(64));
    for (lie, difference) in [
        (lies_of_size, "5 bytes, not 6".to_owned()),
        (lies_of_sum, format!("SHA-256 {sha256}, not {}", "0".repeat(64))),
    ] {
        let documents = [entries(&[JANE]), vec![lie.clone()]].concat();
        let decisions = decide(&wants(2), &documents);
        assert_eq!(approved(&decisions), None);
        let agreement = decisions.decisions.iter().find(|decision| decision.rule == "agreement").unwrap();
        let joe = by(JOE, "image").created("2012-02-01T00:00:00Z").path().replace("/metadata/", "");
        let jane = at(JANE, "2012-01-01T00:00:00Z").path().replace("/metadata/", "");
        let expected = format!("{jane} contradicts {joe} ({difference}), not counting entry");
        assert_eq!((agreement.message.as_str(), agreement.kept), (expected.as_str(), false));
        assert_eq!(agreement.entry, jane);
        // Nor does it hinder the others.
        let documents = [vec![lie], entries(&[JANE, ANN])].concat();
        let decisions = decide(&wants(2), &documents);
        assert_eq!((whose(&decisions).as_deref(), others(&decisions)), (Some(ANN), vec![JANE.to_owned()]));
    }
}

#[test]
fn who_was_not_asked_for_counts_but_is_not_approved() {
    let documents = entries(&[JANE, JOE, ANN]);
    let identifier = by(JANE, "image").identifier();
    for rest in ["/joe@example.org", "/joe@example.org/2012-01-01T00:00:00Z"] {
        let reference: Reference = format!("{identifier}{rest}").parse().unwrap();
        let decisions = wants(3).decide(Some(&reference), &documents, now());
        assert_eq!(whose(&decisions).as_deref(), Some(JOE));
        assert_eq!(others(&decisions), [ANN, JANE]);
        assert_eq!(approved(&wants(3).decide(Some(&reference), &documents[..2], now())), None);
        // Without the one asked for there is nothing to approve.
        let rest = [&documents[..1], &documents[2..]].concat();
        assert_eq!(approved(&wants(2).decide(Some(&reference), &rest, now())), None);
    }
}
