//! The program itself, set up by its options.

use crate::{
    marketplace::Marketplace,
    server::draft::Draft,
    site::{ADMIN, JANE, PUBLIC},
    smtp::Smtp,
};

fn start(smtp: &Smtp, more: &[&str]) -> Marketplace {
    let server = format!("smtp://127.0.0.1:{}", smtp.port);
    let mail = ["--public-url", PUBLIC, "--mail-server", &server, "--mail-admin", ADMIN];
    Marketplace::start(&[&mail[..], more].concat())
}

#[test]
fn s34_nothing_of_a_confirmation_is_in_the_log_that_would_confirm_it() {
    let smtp = Smtp::start();
    let marketplace = start(&smtp, &["--confirm-email", "--verbose"]);
    let entry = Draft::new("program").email(JANE).created_in(-60);
    assert_eq!(marketplace.upload(&entry.signed()).status, 202);
    let mail = smtp.mail();
    let links = mail.links(PUBLIC);
    let path = format!("/marketplace{}", links.confirm);
    assert_eq!(marketplace.ask("GET", &path, "Accept: text/html\r\n", b"").status, 200);
    assert_eq!(marketplace.ask("GET", &entry.path(), "", b"").status, 404);
    let done = marketplace.ask("POST", &path, "Content-Type: application/x-www-form-urlencoded\r\n", b"");
    assert_eq!((done.status, done.header("location")), (201, format!("{PUBLIC}{}", entry.path()).as_str()));
    assert_eq!(marketplace.ask("GET", &entry.path(), "Accept: application/xml\r\n", b"").status, 200);
    assert_eq!(marketplace.ask("POST", &path, "", b"").status, 404);
    let ended = marketplace.stop();
    assert_eq!(ended.status, Some(0));
    let token = links.confirm.trim_start_matches("/action/").split('/').next().unwrap();
    assert!(
        ended.log.contains("/action/…/confirm") || ended.log.contains("/action/{*rest}"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("was asked to confirm"), "{}", ended.log);
    for secret in [token, &token.replace('-', ""), "To publish it", "you as its endorser"] {
        assert!(!ended.log.contains(secret), "'{secret}' is in\n{}", ended.log);
    }
}

#[test]
fn reminders_are_sent_by_the_program_when_it_starts() {
    let smtp = Smtp::start();
    let marketplace = start(&smtp, &[]);
    let tomorrow = stratuslab::Timestamp::now().checked_add_days(1).unwrap();
    let entry = Draft::new("reminded").email(JANE).created_in(-60).valid(&tomorrow.to_string());
    assert_eq!(marketplace.upload(&entry.signed()).status, 201);
    let folder = std::sync::Arc::clone(&marketplace.folder);
    marketplace.stop();
    assert!(smtp.is_silent());
    let server = format!("smtp://127.0.0.1:{}", smtp.port);
    let reminding = ["--public-url", PUBLIC, "--mail-server", &server, "--mail-admin", ADMIN, "--reminders"];
    let marketplace = Marketplace::start_in(&folder, &reminding);
    // On some days a list comes as well.
    let mail = loop {
        let mail = smtp.mail();
        if mail.header("subject").ends_with("entries about to expire") {
            break mail;
        }
    };
    assert_eq!(mail.to, [JANE]);
    assert!(mail.body.contains(&entry.path()), "{}", mail.body);
    marketplace.stop();
}
