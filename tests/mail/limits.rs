//! How much waits, how much is sent, and for how long (S17, S38).

use std::{
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use stratuslab::{
    Timestamp,
    server::confirm::{self, MAX_MAILS_PER_HOUR, MAX_WAITING},
};

use crate::{
    server::draft::Draft,
    site::{self, JANE, JOE, PUBLIC, accepted, janes, look, park, press, start, start_with, upload},
    smtp::{Links, Smtp},
};

/// The secret in the links.
fn token(links: &Links) -> Vec<u8> {
    let digits: Vec<char> =
        links.confirm.chars().skip("/action/".len()).filter(|c| *c != '-').take(32).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The hour of the clock, in which mails are counted.
fn hour() -> i64 {
    Timestamp::now().unix_seconds() / 3600
}

#[test]
fn s38_one_address_is_sent_so_many_mails_an_hour_whichever_process_sends_them() {
    // Unless the hour ends meanwhile, which does not happen twice.
    assert!(mails_in_one_hour() || mails_in_one_hour());
}

/// False if the hour of the clock ended meanwhile.
fn mails_in_one_hour() -> bool {
    let smtp = Smtp::start();
    let one = start(smtp.port);
    let other = site::beside(&one, |settings| site::asking(settings, smtp.port));
    let before = hour();
    // Whoever confirms makes room for what waits, but mails were sent all the same; and capital letters are
    // another address for nobody but us.
    for mail in 0..MAX_MAILS_PER_HOUR {
        let server = [&one, &other][usize::from(mail % 2 == 1)];
        let email = if mail % 3 == 0 { JANE.to_owned() } else { JANE.to_uppercase() };
        let links = park(server, &smtp, &Draft::new(&mail.to_string()).email(&email).created_in(-60));
        assert_eq!(press(server, &links.abort).status, 200);
    }
    for server in [&one, &other] {
        let refused = upload(server, janes("too many", 60).signed());
        if hour() != before {
            return false;
        }
        assert_eq!(refused.status, 429, "{}", refused.text());
        let again: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=3600).contains(&again), "{again}");
        assert!(
            refused.text().contains("was asked to confirm too many entries already"),
            "{}",
            refused.text()
        );
    }
    assert!(smtp.is_silent());
    // Nobody else is concerned.
    accepted(&upload(&one, Draft::new("too many").email(JOE).created_in(-60).signed()));
    true
}

#[test]
fn s38_so_much_waits_for_one_address_and_no_more_even_if_it_comes_at_once() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let documents: Vec<_> = (0..MAX_WAITING + 10).map(|n| janes(&n.to_string(), 60).signed()).collect();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let uploading: Vec<_> = documents
            .chunks(8)
            .map(|some| {
                scope.spawn(|| some.iter().map(|document| upload(&server, document.clone()).status).collect())
            })
            .collect::<Vec<thread::ScopedJoinHandle<'_, Vec<u16>>>>();
        uploading.into_iter().flat_map(|uploaded| uploaded.join().unwrap()).collect()
    });
    let (asked, refused) = (MAX_WAITING as usize, 10);
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), asked, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), refused, "{statuses:?}");
    // Each mail that was sent works.
    for _ in 0..asked {
        assert_eq!(look(&server, &smtp.mail().links(PUBLIC).abort).status, 200);
    }
    assert!(smtp.is_silent());
}

#[test]
fn s17_what_is_not_confirmed_in_time_is_forgotten() {
    let smtp = Smtp::start();
    let server = start_with(smtp.port, |settings| {
        settings.confirmation.as_mut().unwrap().expires = Duration::from_secs(2);
    });
    let entry = janes("expires", 60);
    let links = park(&server, &smtp, &entry);
    let start = Instant::now();
    while look(&server, &links.confirm).status == 200 {
        assert!(start.elapsed() < Duration::from_mins(1), "it does not expire");
        thread::sleep(Duration::from_millis(50));
    }
    for link in [&links.confirm, &links.abort, &links.abuse] {
        assert_eq!(press(&server, link).status, 404);
    }
    assert!(!site::is_there(&server, &entry));
    // Whatever is left of it in the database goes with the next sweep, which any process may make.
    let sweeping = confirm::expire(server.marketplace.clone());
    let store = server.marketplace.store();
    let hash = Sha256::digest(token(&links)).into();
    server.wait(async {
        let parked = || async { store.parked(&hash, site::ago(3600)).await.unwrap() };
        assert!(parked().await.is_some(), "it is kept for as long as nobody sweeps");
        tokio::select! {
            () = sweeping => panic!("it never ends"),
            () = async { while parked().await.is_some() { tokio::task::yield_now().await } } => {}
        }
    });
    // It may be uploaded again.
    let links = park(&server, &smtp, &entry);
    assert_eq!(look(&server, &links.confirm).status, 200);
}

#[test]
fn a_link_is_known_to_the_mail_alone() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let links = park(&server, &smtp, &janes("secret", 60));
    let bytes = token(&links);
    let text = links.confirm.trim_start_matches("/action/").split('/').next().unwrap();
    let digits = text.replace('-', "");
    for file in std::fs::read_dir(server.folder.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [text.as_bytes(), digits.as_bytes(), &bytes] {
            assert!(!content.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[test]
fn s38_mails_that_are_refused_are_counted() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    // So many in this hour, and as many in the next if it begins meanwhile.
    let statuses = (0..=2 * MAX_MAILS_PER_HOUR + 1).map(|image| {
        let draft = Draft::new(&image.to_string()).email("jane@refused.example").created_in(-60);
        upload(&server, draft.signed()).status
    });
    let statuses: Vec<_> = statuses.take_while(|status| *status == 503).collect();
    assert!(statuses.len() as u64 >= MAX_MAILS_PER_HOUR);
    assert!(statuses.len() as u64 <= 2 * MAX_MAILS_PER_HOUR, "they are not counted");
    assert!(smtp.is_silent());
}
