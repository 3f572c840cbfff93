//! Only the newest entry of an endorser counts, but for one that is asked for by its date.

use stratuslab::{
    marketplace::Reference,
    policy::{Decisions, Policy},
};

use crate::{
    draft::Draft,
    pki::Request,
    site::{JANE, JOE, Signed as _, anchors, approved, by, decide, impostor, issued, now, whose},
};

const OLD: &str = "2012-01-01T00:00:00Z";
const NEW: &str = "2012-02-01T00:00:00Z";
const NEWER: &str = "2012-03-01T00:00:00Z";

fn at(created: &str) -> Draft {
    by(JANE, "image").created(created)
}

fn name(created: &str) -> String {
    at(created).path().trim_start_matches("/metadata/").to_owned()
}

fn reference(rest: &str) -> Reference {
    format!("{}{rest}", by(JANE, "image").identifier()).parse().unwrap()
}

fn ask(policy: &Policy, rest: &str, documents: &[Vec<u8>]) -> Decisions {
    policy.decide(Some(&reference(rest)), documents, now())
}

fn said(decisions: &Decisions, rule: &str) -> Vec<String> {
    let of_rule = decisions.decisions.iter().filter(|decision| decision.rule == rule);
    of_rule.map(|decision| decision.message.clone()).collect()
}

#[test]
fn the_newest_entry_counts_whatever_the_order_and_whatever_becomes_of_it() {
    let old = || at(OLD).by_member(JANE);
    for (newer, result) in [
        (at(NEW), Some(name(NEW))),
        (at(NEW).deprecated("bad"), None),
        (at(NEW).valid("2012-02-02T00:00:00Z"), None),
    ] {
        let newer = newer.by_member(JANE);
        for documents in [[old(), newer.clone()], [newer, old()]] {
            let decisions = decide(&Policy::default(), &documents);
            assert_eq!(approved(&decisions), result);
            let message = format!("{} is superseded by the entry of {NEW}, rejecting entry", name(OLD));
            assert_eq!(said(&decisions, "newest"), [message]);
        }
    }
    // A deprecation of the same second is the later.
    let decisions = decide(&Policy::default(), &[at(OLD).deprecated("bad").by_member(JANE), old()]);
    assert_eq!(approved(&decisions), None);
    // Another's entry, or one for another image, replaces nothing.
    let joe = by(JOE, "image").created(NEW).deprecated("bad").by_member(JOE);
    let other = by(JANE, "other").created(NEW).deprecated("bad").by_member(JANE);
    assert_eq!(approved(&decide(&Policy::default(), &[old(), joe, other])), Some(name(OLD)));
}

#[test]
fn only_what_holds_replaces_anything() {
    let old = at(OLD).by_member(JANE);
    let forged = String::from_utf8(at(NEW).deprecated("bad").by_member(JANE)).unwrap();
    let forged = forged.replace("bad", "worse").into_bytes();
    assert_eq!(approved(&decide(&Policy::default(), &[old.clone(), forged])), Some(name(OLD)));
    // A certificate of one's own making replaces what somebody trusted endorsed as little as it counts.
    let spoofed = at(NEW).deprecated("bad").signed_by(&impostor(JANE));
    let policy = Policy { anchors: anchors(), ..Policy::default() };
    assert_eq!(approved(&decide(&policy, &[old.clone(), spoofed.clone()])), Some(name(OLD)));
    // Where nobody says who is who, it may be the same.
    assert_eq!(approved(&decide(&Policy::default(), &[old, spoofed])), None);
}

#[test]
fn what_is_dated_ahead_replaces_though_it_is_refused() {
    let ahead = at("2012-04-01T01:00:00Z").deprecated("bad");
    for policy in [Policy::default(), Policy { anchors: anchors(), ..Policy::default() }] {
        let decisions = decide(&policy, &[at(OLD).by_member(JANE), ahead.by_member(JANE)]);
        assert_eq!(approved(&decisions), None);
        assert_eq!((said(&decisions, "not-ahead").len(), said(&decisions, "newest").len()), (1, 1));
    }
    // But not by somebody who is not trusted.
    let policy = Policy { anchors: anchors(), ..Policy::default() };
    let spoofed = ahead.signed_by(&impostor(JANE));
    assert_eq!(approved(&decide(&policy, &[at(OLD).by_member(JANE), spoofed])), Some(name(OLD)));
}

#[test]
fn case_of_the_host_makes_no_other_endorser() {
    let other = by("jane@EXAMPLE.org", "image").created(NEW).deprecated("bad");
    let other = other.signed_by(&issued(&Request::new("Jane").email("jane@EXAMPLE.org")));
    assert_eq!(approved(&decide(&Policy::default(), &[at(OLD).by_member(JANE), other])), None);
}

#[test]
fn what_was_not_asked_for_is_never_approved() {
    let own = at(OLD).by_member(JANE);
    let other = by(JANE, "other").created(NEW).by_member(JANE);
    let joe = by(JOE, "image").created(NEW).by_member(JOE);
    let documents = [other.clone(), joe.clone(), own.clone()];
    let policy = Policy::default();
    assert_eq!(whose(&ask(&policy, "", &documents)).as_deref(), Some(JOE));
    let decisions = ask(&policy, &format!("/{JANE}"), &documents);
    assert_eq!(approved(&decisions), Some(name(OLD)));
    let asked = reference(&format!("/{JANE}"));
    let other_name = by(JANE, "other").created(NEW).path().replace("/metadata/", "");
    let joes_name = by(JOE, "image").created(NEW).path().replace("/metadata/", "");
    assert_eq!(
        said(&decisions, "asked-for"),
        [
            format!("{other_name} is about another image than {asked}, rejecting entry"),
            format!("{joes_name} is of another endorser than {asked}, rejecting entry"),
        ]
    );
    assert_eq!(approved(&ask(&policy, "/jane@Example.org", &documents)), Some(name(OLD)));
    assert_eq!(approved(&ask(&policy, "/ann@example.org", &documents)), None);
    assert_eq!(approved(&ask(&policy, &format!("/{JANE}/{NEW}"), &documents)), None);
    assert_eq!(approved(&ask(&policy, "", &[other])), None);
}

#[test]
fn an_entry_asked_for_by_its_date_may_be_superseded_but_not_deprecated_since() {
    let policy = Policy::default();
    let dated = format!("/{JANE}/{OLD}");
    let old = at(OLD).by_member(JANE);
    let decisions = ask(&policy, &dated, &[at(NEW).by_member(JANE), old.clone()]);
    assert_eq!(approved(&decisions), Some(name(OLD)));
    assert_eq!(
        said(&decisions, "newest"),
        [format!(
            "{} is superseded by the entry of {NEW}, but was asked for by its date, keeping entry",
            name(OLD)
        )]
    );
    // Deprecated, be it taken back or not.
    let deprecated = at(NEW).deprecated("bad").by_member(JANE);
    for documents in [
        vec![old.clone(), deprecated.clone()],
        vec![at(NEWER).by_member(JANE), deprecated.clone(), old.clone()],
    ] {
        let decisions = ask(&policy, &dated, &documents);
        assert_eq!(approved(&decisions), None);
        assert_eq!(
            said(&decisions, "newest"),
            [format!(
                "{} is superseded by the entry of {NEW}, which deprecates the image, rejecting entry",
                name(OLD)
            )]
        );
    }
    let lenient = Policy { allow_deprecated: true, ..Policy::default() };
    assert_eq!(approved(&ask(&lenient, &dated, &[deprecated.clone(), old.clone()])), Some(name(OLD)));
    // What was deprecated before does not matter, nor what somebody else did.
    let dated = format!("/{JANE}/{NEWER}");
    let newer = at(NEWER).by_member(JANE);
    assert_eq!(approved(&ask(&policy, &dated, &[deprecated, newer])), Some(name(NEWER)));
}

#[test]
fn the_newest_endorsement_wins_then_the_address() {
    let documents = [
        by(JOE, "image").created(OLD).by_member(JOE),
        by(JANE, "image").created(OLD).by_member(JANE),
        by("ann@example.org", "image").created(NEW).by_member("ann@example.org"),
    ];
    assert_eq!(whose(&decide(&Policy::default(), &documents)).as_deref(), Some("ann@example.org"));
    assert_eq!(whose(&decide(&Policy::default(), &documents[..2])).as_deref(), Some(JANE));
}

#[test]
fn the_same_document_twice_says_nothing_new() {
    let document = at(OLD).by_member(JANE);
    let decisions = decide(&Policy::default(), &[document.clone(), document]);
    assert_eq!(decisions.decisions.len(), 2, "{decisions:?}");
}
