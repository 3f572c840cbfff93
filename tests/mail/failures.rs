//! Mail servers that are gone, hang, or refuse: nothing is parked then, and the uploader is told (S18).

use std::time::Duration;

use crate::{
    server::{Answer, Server, draft::Draft},
    site::{JANE, accepted, janes, park, press, start, start_with, upload},
    smtp::{self, Smtp},
};

/// Whether nothing waits to be confirmed: there is room for as many as there may be, in the same database.
fn nothing_waits(server: &Server, email: &str) -> bool {
    let key = stratuslab::server::key::EntryKey {
        identifier: Draft::new("probe").identifier(),
        email: email.parse().unwrap(),
        created: stratuslab::Timestamp::now(),
    };
    let expires = key.created.checked_add_days(1).unwrap();
    let parked = stratuslab::server::store::Parked { key, document: Vec::new(), expires };
    let (store, token) = (server.marketplace.store(), [7; 32]);
    server.wait(async {
        let free = store.park(&token, &parked, 1, stratuslab::Timestamp::now()).await.unwrap();
        assert_eq!(store.forget(&token).await.unwrap(), free);
        free
    })
}

/// 503 that says nothing of the inside; tried again later if that may help.
#[track_caller]
fn unavailable(server: &Server, answer: &Answer, again: bool) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(!answer.header("retry-after").is_empty(), again);
    for inside in ["127.0.0.1", "refused (", "os error", "tls", "certificate", "/var", "aiosmtpd"] {
        assert!(!answer.text().to_lowercase().contains(inside), "{inside}: {}", answer.text());
    }
    assert!(nothing_waits(server, JANE));
}

#[test]
fn s18_a_mail_server_that_is_gone_is_503_and_nothing_is_parked() {
    let server = start(smtp::gone());
    let answer = upload(&server, janes("gone", 60).signed());
    unavailable(&server, &answer, true);
    assert!(
        answer.text().contains("<error>no mail can be sent now; try again later</error>"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_mail_server_that_hangs_is_given_up() {
    for greeting in [&b""[..], b"220 localhost\r\n", b"220-localhost\r\n220-", b"\xff\xff\0"] {
        let server = start_with(smtp::stalled(greeting), |settings| {
            settings.mail.as_mut().unwrap().timeout = Duration::from_millis(500);
        });
        unavailable(&server, &upload(&server, janes("hangs", 60).signed()), true);
    }
}

#[test]
fn a_mail_server_that_speaks_something_else_is_503() {
    for greeting in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"554 no service\r\n", b"421 too busy\r\n"] {
        let server = start_with(smtp::stalled(greeting), |settings| {
            settings.mail.as_mut().unwrap().timeout = Duration::from_secs(5);
        });
        let answer = upload(&server, janes("other", 60).signed());
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(nothing_waits(&server, JANE));
    }
}

#[test]
fn recipients_whom_the_mail_server_refuses_are_told_apart_from_those_to_be_tried_again() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let at = |host: &str| Draft::new("refused").email(&format!("jane@{host}")).created_in(-60).signed();
    let refused = upload(&server, at("refused.example"));
    unavailable(&server, &refused, false);
    assert!(
        refused.text().contains("the mail server refuses mail to jane@refused.example"),
        "{}",
        refused.text()
    );
    let later = upload(&server, at("later.example"));
    unavailable(&server, &later, true);
    assert!(nothing_waits(&server, "jane@refused.example") && nothing_waits(&server, "jane@later.example"));
    assert!(smtp.is_silent());
}

#[test]
fn an_upload_that_failed_for_want_of_mail_succeeds_later() {
    let smtp = Smtp::start();
    let server = start(smtp::gone());
    let entry = janes("again", 60);
    // However often: mails that were not sent are not counted (S38).
    for _ in 0..=stratuslab::server::confirm::MAX_MAILS_PER_HOUR {
        unavailable(&server, &upload(&server, entry.signed()), true);
    }
    // The same database, by a process that reaches the mail server.
    let repaired = crate::site::beside(&server, |settings| crate::site::asking(settings, smtp.port));
    let links = park(&repaired, &smtp, &entry);
    assert_eq!(press(&repaired, &links.confirm).status, 201);
}

#[test]
fn abuse_that_cannot_be_told_withdraws_the_entry_all_the_same() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("untold", 60);
    let links = park(&server, &smtp, &entry);
    drop(smtp);
    let told = press(&server, &links.abuse);
    assert_eq!(told.status, 503);
    assert!(told.text().contains("the entry is withdrawn, but the administrators could not be notified"));
    assert_eq!(press(&server, &links.confirm).status, 404);
}

#[test]
fn confirming_needs_no_mail() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let links = park(&server, &smtp, &janes("no mail", 60));
    drop(smtp);
    assert_eq!(press(&server, &links.confirm).status, 201);
}

#[test]
fn a_marketplace_that_lacks_what_it_needs_takes_nothing() {
    let smtp = Smtp::start();
    for change in [0, 1] {
        let server = crate::site::start_only(|settings| {
            crate::site::asking(settings, smtp.port);
            match change {
                0 => settings.mail = None,
                _ => settings.public_url = None,
            }
        });
        let answer = server.upload(janes("lacks", 60).signed());
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(nothing_waits(&server, JANE));
    }
    assert!(smtp.is_silent());
}

#[test]
fn uploaders_who_hang_up_are_asked_by_mail_all_the_same() {
    use std::io::Write as _;
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let document = janes("hangs up", 60).signed();
    let mut stream = crate::server::raw::connect(server.address);
    let head = format!(
        "POST /metadata HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n",
        document.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&document).unwrap();
    drop(stream);
    // Either it was noticed before anything was done, or the mail was sent and its links work.
    accepted(&upload(&server, janes("stays", 60).signed()));
    let mut links = vec![smtp.mail().links(crate::site::PUBLIC)];
    let identifier = Draft::new("stays").identifier().to_string();
    while !crate::site::look(&server, &links.last().unwrap().confirm).text().contains(&identifier) {
        links.push(smtp.mail().links(crate::site::PUBLIC));
    }
    for links in links {
        assert_eq!(press(&server, &links.confirm).status, 201);
    }
}
