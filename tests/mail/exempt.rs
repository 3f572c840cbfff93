//! Who need not confirm (S36), and whose entries are taken at all: by mail, by certificate, or by both.

use std::fs;

use stratuslab::{
    server::settings::Settings,
    trust::{Anchors, Pin},
};

use crate::{
    folder::texts,
    forge::Forgery,
    pki::{self, Identity, Kind, Request},
    server::{Answer, Server, draft::Draft},
    site::{JANE, JOE, accepted, start_with, upload},
    smtp::Smtp,
};

/// Somebody whose certificate is of the authority.
fn certified(name: &str, email: &str) -> Identity {
    Request::new(name).email(email).issued_by(&pki::authority(), &pki::key(Kind::Rsa2048))
}

/// Somebody who says so of themselves.
fn pretended(name: &str, email: &str) -> Identity {
    Request::new(name).email(email).self_signed(&pki::key(Kind::Rsa2048))
}

fn anchored(settings: &mut Settings) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, pki::authority().certificate_pem()).unwrap();
    let mut anchors = Anchors::new();
    anchors.add_pem_file(&file).unwrap();
    settings.anchors = Some(anchors);
}

fn pins(texts: &[&str]) -> Vec<Pin> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn fingerprint(identity: &Identity) -> String {
    let digest = identity.certificate.digest(openssl::hash::MessageDigest::sha256()).unwrap();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Uploads an entry of whoever holds the certificate, stating this address: the commands would state the
/// certificate's own.
fn send(server: &Server, email: &str, by: &Identity) -> Answer {
    let honest = Forgery::of(by);
    let own = texts(&honest.content, "email").remove(0);
    let content = honest.content.replace(&format!(">{own}<"), &format!(">{email}<"));
    upload(server, Forgery { content, ..honest }.document())
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
        let not_for = pins(&["CN=Jane,O=StratusLab,C=FR", &fingerprint(&robot)]);
        settings.confirmation.as_mut().unwrap().not_for = not_for;
    });
    assert_eq!(send(&server, "robot@example.org", &robot).status, 201);
    // Without anchors her name proves nothing, so she is asked.
    accepted(&send(&server, JANE, &jane));
    assert_eq!(smtp.mail().to, [JANE]);
    // The robot may not speak for her without her word.
    accepted(&send(&server, JANE, &robot));
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
    // Known, but with another's address.
    accepted(&send(&server, "boss@example.org", &certified("Jane", JANE)));
    assert_eq!(smtp.mail().to, ["boss@example.org"]);
    // Trusted, but not known.
    accepted(&send(&server, "mary@example.org", &certified("Mary", "mary@example.org")));
    assert_eq!(smtp.mail().to, ["mary@example.org"]);
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
    let message = "the entry states the e-mail address joe@example.org, but the certificate of";
    refused(&send(&server, JOE, &certified("Jane", JANE)), message);
    let nameless = Request::new("Jane").issued_by(&pki::authority(), &pki::key(Kind::Rsa2048));
    let entry = Draft::new("nameless").email(JANE).created_in(-60).signed_by(&nameless);
    refused(&upload(&server, entry), "has none to prove it");
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
