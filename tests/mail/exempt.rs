//! Who need not confirm (S36), and whose entries are taken at all: by mail, by certificate, or by both.

use std::fs;

use stratuslab::{
    server::settings::Settings,
    trust::{Anchors, Pin},
};

use crate::{
    pki::{self, Identity, Kind, Request, new_key},
    server::{Answer, Server, draft::Draft},
    site::{JANE, JOE, accepted, fingerprint, start_with, upload},
    smtp::Smtp,
};

/// Somebody whose certificate is of the authority.
fn certified(name: &str, email: &str) -> Identity {
    Request::new(name).email(email).issued_by(&pki::authority(), &new_key(Kind::P256))
}

/// Somebody who says so of themselves.
fn pretended(name: &str, email: &str) -> Identity {
    Request::new(name).email(email).self_signed(&new_key(Kind::P256))
}

/// Somebody whose certificate is of the authority and has no address.
fn nameless(name: &str) -> Identity {
    Request::new(name).issued_by(&pki::authority(), &new_key(Kind::P256))
}

fn anchored(settings: &mut Settings) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, pki::authority().certificate_pem()).unwrap();
    let mut anchors = Anchors::new();
    anchors.add_pem_file(&file).unwrap();
    settings.anchors = Some(anchors.into());
}

fn pins(texts: &[&str]) -> Vec<Pin> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Uploads an entry of whoever holds the certificate. If that has an address, the entry must state the same one
/// (the library's rule); if not, any.
fn send(server: &Server, email: &str, by: &Identity) -> Answer {
    let image = format!("of {email} by {:?}", by.certificate.subject_name());
    upload(server, Draft::new(&image).email(email).created_in(-60).signed_by(by))
}

#[track_caller]
fn refused(answer: &Answer, message: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("invalid metadata: "), "{}", answer.text());
    assert!(answer.text().contains(message), "{}", answer.text());
}

#[test]
fn s36_those_for_whom_confirmation_is_not_are_published_at_once() {
    let smtp = Smtp::start();
    let (jane, robot) = (certified("Jane", JANE), pretended("Robot", "robot@example.org"));
    let server = start_with(smtp.port, |settings| {
        let not_for = pins(&["CN=Jane,O=StratusLab,C=FR", JANE, &fingerprint(&robot)]);
        settings.confirmation.as_mut().unwrap().not_for = not_for;
    });
    assert_eq!(send(&server, "robot@example.org", &robot).status, 201);
    // Without anchors names prove nothing, so she is asked.
    accepted(&send(&server, JANE, &jane));
    assert_eq!(smtp.mail().to, [JANE]);
    assert!(smtp.is_silent());
}

#[test]
fn names_count_on_trusted_paths_alone() {
    let smtp = Smtp::start();
    let server = start_with(smtp.port, |settings| {
        anchored(settings);
        settings.confirmation.as_mut().unwrap().not_for = pins(&["CN=Jane,O=StratusLab,C=FR", JOE]);
    });
    assert_eq!(send(&server, JANE, &certified("Jane", JANE)).status, 201);
    assert_eq!(send(&server, JOE, &certified("Joe", JOE)).status, 201);
    // Trusted, but not known: whoever has no address in the certificate states any, and proves it by mail.
    accepted(&send(&server, "mary@example.org", &certified("Mary", "mary@example.org")));
    assert_eq!(smtp.mail().to, ["mary@example.org"]);
    accepted(&send(&server, JANE, &nameless("Mary")));
    assert_eq!(smtp.mail().to, [JANE]);
    // Anybody can call themselves Jane; no mail is sent for what could not be taken anyway.
    refused(&send(&server, JANE, &pretended("Jane", JANE)), "");
    assert!(smtp.is_silent());
}

#[test]
fn with_anchors_and_without_mail_an_address_must_be_the_certificates_own() {
    let server = start_with(1, |settings| {
        anchored(settings);
        settings.confirmation = None;
    });
    assert_eq!(send(&server, JANE, &certified("Jane", JANE)).status, 201);
    let message = "has none to prove it, and this Marketplace does not ask by mail";
    refused(&send(&server, JANE, &nameless("Joe")), message);
    refused(&send(&server, JANE, &pretended("Jane", JANE)), "");
}

#[test]
fn a_marketplace_of_some_endorsers_takes_no_others_and_does_not_name_them() {
    let smtp = Smtp::start();
    let robot = pretended("Robot", "robot@example.org");
    let server = start_with(smtp.port, |settings| {
        settings.endorsers = pins(&["boss@example.org", &fingerprint(&robot)]);
    });
    accepted(&send(&server, "robot@example.org", &robot));
    assert_eq!(smtp.mail().to, ["robot@example.org"]);
    let answer = send(&server, JANE, &pretended("Jane", JANE));
    refused(&answer, "this Marketplace takes entries of certain endorsers only");
    assert!(!answer.text().contains("boss"), "{}", answer.text());
    refused(&send(&server, "boss@example.org", &pretended("Boss", "boss@example.org")), "no trust anchors");
    assert!(smtp.is_silent());
}

#[test]
fn a_known_certificate_without_an_address_takes_over_nobody_elses() {
    let smtp = Smtp::start();
    let robot = Request::new("Robot").self_signed(&new_key(Kind::P256));
    let jane = pretended("Jane", JANE);
    let server = start_with(smtp.port, |settings| {
        settings.confirmation.as_mut().unwrap().not_for = pins(&[&fingerprint(&robot), &fingerprint(&jane)]);
    });
    assert_eq!(send(&server, "robot@example.org", &robot).status, 201);
    assert_eq!(send(&server, JANE, &jane).status, 201);
    // Jane's address is in use by another subject: she is asked.
    accepted(&send(&server, JANE, &robot));
    assert_eq!(smtp.mail().to, [JANE]);
    // The robot's own goes on.
    let again = Draft::new("another").email("robot@example.org").created_in(-60).signed_by(&robot);
    assert_eq!(upload(&server, again).status, 201);
    assert!(smtp.is_silent());
}
