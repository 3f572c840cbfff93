//! The table of [`super`], row by row.

use super::*;
use crate::certificate::fresh;

const OWN: &str = "jane@example.org";
const OTHER: &str = "joe@example.org";
const SUBJECT: &str = "CN=Jane Tester";

fn certificate(email: Option<&str>) -> Certificate {
    let certificate = fresh::self_signed("Jane Tester", email);
    Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
}

/// A place in the table.
struct Case<'a> {
    anchors: bool,
    endorsers: &'a [Pin],
    not_for: Option<&'a [Pin]>,
    endorser: &'a Certificate,
    stated: &'a str,
    /// Whether a path to an anchor is there; without anchors nobody looked.
    trusted: bool,
}

impl Case<'_> {
    fn decided(&self) -> Result<Admission, PolicyError> {
        let path = if self.trusted { Ok(()) } else { Err("no path leads to an anchor".to_owned()) };
        let (endorsers, not_for) = (self.endorsers, self.not_for);
        let stated = self.stated.parse().unwrap();
        let who = Who { endorser: self.endorser, stated: &stated, path: self.anchors.then_some(path) };
        decide(&Rules { anchors: self.anchors, endorsers, not_for }, &who)
    }
}

/// Somebody with an address of their own, as the tests below change it.
fn case(endorser: &Certificate) -> Case<'_> {
    Case { anchors: false, endorsers: &[], not_for: None, endorser, stated: OWN, trusted: false }
}

fn pins(texts: &[&str]) -> Vec<Pin> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn without_anchors_and_confirmation_everyone_is_welcome() {
    let (jane, nameless) = (certificate(Some(OWN)), certificate(None));
    for endorser in [&jane, &nameless] {
        for stated in [OWN, OTHER] {
            assert_eq!(Case { stated, ..case(endorser) }.decided(), Ok(Admission::AtOnce));
        }
    }
}

#[test]
fn with_anchors_a_path_and_the_certificates_own_address_are_needed() {
    let (jane, nameless) = (certificate(Some(OWN)), certificate(None));
    let anchored = |endorser| Case { anchors: true, trusted: true, ..case(endorser) };
    assert_eq!(anchored(&jane).decided(), Ok(Admission::AtOnce));
    let untrusted = Case { trusted: false, ..anchored(&jane) }.decided().unwrap_err();
    assert!(
        matches!(&untrusted, PolicyError::Untrusted { reason } if reason == "no path leads to an anchor")
    );
    let foreign = Case { stated: OTHER, ..anchored(&jane) }.decided().unwrap_err();
    assert_eq!(
        foreign.to_string(),
        "the entry states the e-mail address joe@example.org, but the certificate of 'CN=Jane Tester' has jane@example.org"
    );
    // Case is significant, as in the documents: somebody else may read that mail.
    assert!(Case { stated: "Jane@example.org", ..anchored(&jane) }.decided().is_err());
    let unproven = anchored(&nameless).decided().unwrap_err();
    assert!(matches!(unproven, PolicyError::UnprovenEmail { .. }), "{unproven}");
}

#[test]
fn confirmation_proves_any_address_but_replaces_no_path() {
    let (jane, nameless) = (certificate(Some(OWN)), certificate(None));
    for endorser in [&jane, &nameless] {
        for stated in [OWN, OTHER] {
            for anchors in [false, true] {
                let asked = Case { anchors, not_for: Some(&[]), stated, ..case(endorser) };
                assert_eq!(Case { trusted: true, ..asked }.decided(), Ok(Admission::Confirm));
                let asked = Case { anchors, not_for: Some(&[]), stated, ..case(endorser) };
                assert_eq!(asked.decided().is_err(), anchors, "{stated}");
            }
        }
    }
}

#[test]
fn names_and_addresses_count_on_trusted_paths_only_and_fingerprints_always() {
    let jane = certificate(Some(OWN));
    let fingerprint = jane.sha256_fingerprint();
    for (pin, anchors, counts) in [
        (OWN, false, false),
        (SUBJECT, false, false),
        (&fingerprint, false, true),
        (OWN, true, true),
        (SUBJECT, true, true),
        (&fingerprint, true, true),
        (OTHER, true, false),
        ("CN=Joe Tester", true, false),
        (&certificate(Some(OWN)).sha256_fingerprint(), true, false),
    ] {
        let pins = pins(&[pin]);
        let exempt = Case { anchors, trusted: anchors, not_for: Some(&pins), ..case(&jane) };
        let expected = if counts { Admission::AtOnce } else { Admission::Confirm };
        assert_eq!(exempt.decided(), Ok(expected), "not for {pin}, anchors {anchors}");
        let listed = Case { anchors, trusted: anchors, endorsers: &pins, ..case(&jane) };
        assert_eq!(listed.decided().is_ok(), counts, "only {pin}, anchors {anchors}");
    }
}

#[test]
fn whoever_is_known_may_not_speak_for_another_without_a_confirmation() {
    let jane = certificate(Some(OWN));
    let pins = pins(&[SUBJECT, OWN, &jane.sha256_fingerprint()]);
    for anchors in [false, true] {
        let known = Case { anchors, trusted: anchors, not_for: Some(&pins), stated: OTHER, ..case(&jane) };
        assert_eq!(known.decided(), Ok(Admission::Confirm), "{anchors}");
    }
}

#[test]
fn a_known_certificate_without_an_address_is_trusted_with_what_it_states() {
    let robot = certificate(None);
    let pins = pins(&[&robot.sha256_fingerprint()]);
    let known = Case { not_for: Some(&pins), ..case(&robot) };
    assert_eq!(known.decided(), Ok(Admission::AtOnce));
}

#[test]
fn the_list_of_endorsers_is_not_told_to_those_who_are_not_on_it() {
    let jane = certificate(Some(OWN));
    let pins = pins(&["CN=The Boss", "boss@example.org"]);
    let refused = Case { anchors: true, trusted: true, endorsers: &pins, ..case(&jane) }.decided();
    let message = refused.unwrap_err().to_string();
    assert!(message.contains(SUBJECT) && !message.to_lowercase().contains("boss"), "{message}");
    let pins = [Pin::Subject(jane.subject().clone())];
    let refused = Case { endorsers: &pins, ..case(&jane) }.decided().unwrap_err();
    assert!(matches!(&refused, PolicyError::NameOnly { reason, .. } if reason.contains("no trust anchors")));
}
