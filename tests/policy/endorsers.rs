//! Who may endorse: names on trusted paths, fingerprints, and those who only look like somebody.

use stratuslab::{
    Timestamp,
    dsig::{SignRequest, sign},
    metadata::rules::Leniency,
    policy::{Policy, PolicyError},
    trust::Pin,
};

use crate::{
    draft::Draft,
    grid::{EMAIL, credentials, grid},
    pki::{Identity, Kind, Request, new_key},
    site::{
        JANE, JOE, Signed as _, allow, anchors, anchors_of, by, certificate, decide, deny, fingerprint,
        foreign, impostor, issued, member, refusal, whose,
    },
};

fn pin(text: &str) -> Pin {
    text.parse().unwrap()
}

fn draft() -> Draft {
    by(JANE, "image")
}

/// The rule that refuses what this one signed, `None` if it is approved.
fn refused(policy: &Policy, signer: &Identity) -> Option<(&'static str, String)> {
    let document = draft().signed_by(signer);
    let passes = decide(policy, std::slice::from_ref(&document)).approved.is_some();
    (!passes).then(|| refusal(policy, document))
}

#[test]
fn with_anchors_every_entry_needs_a_path() {
    let policy = Policy { anchors: anchors(), ..Policy::default() };
    assert_eq!(refused(&policy, &member(JANE)), None);
    let other =
        Request::new("Jane").email(JANE).days(-10_000, 365).issued_by(&foreign(), &new_key(Kind::P256));
    for stranger in [impostor(JANE), other] {
        let (rule, message) = refused(&policy, &stranger).unwrap();
        assert_eq!(rule, "trusted");
        assert!(message.contains(" is not trusted (no path to a trust anchor: "), "{message}");
        assert!(message.ends_with("), rejecting entry"), "{message}");
    }
}

#[test]
fn a_name_counts_on_a_trusted_path_only() {
    let jane = certificate(&member(JANE));
    for name in [JANE, "jane@EXAMPLE.org", jane.subject().as_str()] {
        let policy = Policy { anchors: anchors(), endorsers: allow([pin(name)]), ..Policy::default() };
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(refused(&policy, &member(JANE)), None, "{name}");
        assert_eq!(refused(&policy, &impostor(JANE)).unwrap().0, "trusted", "{name}");
        // Without anchors it counts for nobody, and check says so.
        let policy = Policy { endorsers: allow([pin(name)]), ..Policy::default() };
        assert_eq!(policy.check(), Err(PolicyError::NameWithoutAnchors { pin: pin(name) }));
        let (rule, message) = refused(&policy, &impostor(JANE)).unwrap();
        assert_eq!(rule, "endorser-allowed");
        let start = format!("email endorser {JANE} is not whitelisted, rejecting entry: ");
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn a_trusted_certificate_without_an_address_is_not_its_owner() {
    let nameless = issued(&Request::new("Joe"));
    let policy = Policy { anchors: anchors(), endorsers: allow([pin(JANE)]), ..Policy::default() };
    let (rule, message) = refused(&policy, &nameless).unwrap();
    assert_eq!(rule, "endorser-allowed");
    assert!(
        message.contains("rejecting entry: the entry states the e-mail address jane@example.org"),
        "{message}"
    );
}

#[test]
fn the_originals_policy_matches_addresses_as_they_are_stated_where_there_are_no_anchors() {
    let policy = |anchors| Policy {
        anchors,
        endorsers: allow([pin("jane@Example.ORG")]),
        unproven_emails: true,
        ..Policy::default()
    };
    assert_eq!(policy(None).check(), Ok(()));
    assert_eq!(refused(&policy(None), &impostor(JANE)), None);
    assert_eq!(refused(&policy(None), &issued(&Request::new("Joe"))), None);
    // With anchors they have to be proven like everywhere.
    assert_eq!(refused(&policy(anchors()), &impostor(JANE)).unwrap().0, "trusted");
    assert_eq!(refused(&policy(anchors()), &issued(&Request::new("Joe"))).unwrap().0, "endorser-allowed");
}

#[test]
fn a_fingerprint_counts_by_itself() {
    let jane = impostor(JANE);
    for digits in
        [fingerprint(&jane), fingerprint(&jane).to_uppercase(), format!("sha256:{}", fingerprint(&jane))]
    {
        let listed = Policy { endorsers: allow([pin(&digits)]), ..Policy::default() };
        let pinned = Policy { certificates: vec![digits.parse().unwrap()], ..Policy::default() };
        for policy in [&listed, &pinned] {
            assert_eq!(policy.check(), Ok(()));
            assert_eq!(refused(policy, &jane), None);
        }
        assert_eq!(refused(&listed, &impostor(JANE)).unwrap().0, "endorser-allowed");
        assert_eq!(refused(&pinned, &impostor(JANE)).unwrap().0, "certificate");
    }
}

#[test]
fn pinned_certificates_narrow_the_rest() {
    let policy = Policy {
        anchors: anchors(),
        endorsers: allow([pin(JANE)]),
        certificates: vec![fingerprint(&member(JOE)).parse().unwrap()],
        ..Policy::default()
    };
    assert_eq!(refused(&policy, &member(JANE)).unwrap().0, "certificate");
    let joe = by(JOE, "image").by_member(JOE);
    assert_eq!(refusal(&policy, joe).0, "endorser-allowed");
    // As do those that the command line names.
    let policy = Policy { anchors: anchors(), endorsed_by: vec![pin(JOE)], ..Policy::default() };
    let (rule, message) = refused(&policy, &member(JANE)).unwrap();
    assert_eq!(rule, "endorsed-by");
    assert!(message.contains(": the entry is endorsed by 'CN=jane@example.org,"), "{message}");
    assert_eq!(whose(&decide(&policy, &[by(JOE, "image").by_member(JOE)])).as_deref(), Some(JOE));
}

#[test]
fn who_looks_like_one_that_is_denied_is_denied() {
    let nameless = Request::new("Nobody").days(-10_000, 365).self_signed(&new_key(Kind::P256));
    let jane = impostor(JANE);
    let subject = certificate(&jane).subject().as_str().to_owned();
    for (name, signer) in [
        (JANE.to_owned(), &jane),
        // Only stated.
        (JANE.to_owned(), &nameless),
        ("JANE@example.ORG".to_owned(), &nameless),
        (subject.clone(), &jane),
        (subject.to_lowercase().replacen("cn=", "CN=", 1), &jane),
        (fingerprint(&jane), &jane),
    ] {
        let policy = Policy { endorsers: deny([pin(&name)]), ..Policy::default() };
        let expected = format!("email endorser {JANE} is blacklisted, rejecting entry");
        assert_eq!(refused(&policy, signer), Some(("endorser-denied", expected)), "{name}");
    }
    // And the rest passes.
    let policy = Policy { endorsers: deny([pin(JOE)]), ..Policy::default() };
    assert_eq!(refused(&policy, &jane), None);
}

#[test]
fn a_proxy_stands_for_its_end_entity() {
    let (grid, now) = (grid(), Timestamp::now());
    let proxy = grid.proxy(Kind::P256);
    let request = SignRequest {
        credentials: &credentials(&proxy, &[&grid.end_entity, &grid.middle]),
        method: None,
        email: None,
        created: now,
        leniency: Leniency::Strict,
        include_chain: true,
    };
    let unsigned = draft().valid("2999-01-01T00:00:00Z").unsigned();
    let document = sign(unsigned.as_bytes(), &request).unwrap().document().to_vec();
    let rule = |policy: &Policy| {
        let decisions = policy.decide(None, [&document], now);
        decisions.decisions.last().filter(|_| decisions.approved.is_none()).map(|decision| decision.rule)
    };
    let trusting = || Policy { anchors: anchors_of(&grid.root), ..Policy::default() };
    let [own, owner] = [&proxy, &grid.end_entity].map(fingerprint);
    for endorsers in [allow([pin(EMAIL)]), allow([pin(&owner)]), deny([pin(JOE)])] {
        assert_eq!(rule(&Policy { endorsers, ..trusting() }), None);
    }
    for denied in [EMAIL, &own, &owner] {
        let policy = Policy { endorsers: deny([pin(denied)]), ..trusting() };
        assert_eq!(rule(&policy), Some("endorser-denied"), "{denied}");
    }
    let pinned = Policy { certificates: vec![owner.parse().unwrap()], ..trusting() };
    assert_eq!(rule(&pinned), None);
    // Nobody says whose it is where nobody is trusted.
    assert_eq!(rule(&Policy::default()), Some("valid"));
}

#[test]
fn who_is_denied_is_so_though_allowed() {
    let mut policy = Policy { anchors: anchors(), endorsers: allow([pin(JANE)]), ..Policy::default() };
    policy.endorsers.deny = vec![pin(&fingerprint(&member(JANE)))];
    assert_eq!(refused(&policy, &member(JANE)).unwrap().0, "endorser-denied");
}
