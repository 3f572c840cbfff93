//! Reminders (behaviour 1.15, S39): one mail for each address, sent once, whoever sends it.

use std::thread;

use stratuslab::{
    Timestamp,
    server::remind::{RemindError, Sent, remind},
};

use crate::{
    pki::{CN, Kind, O, Request, new_key},
    server::{Server, draft::Draft},
    site::{self, ADMIN, JANE, JOE, PUBLIC},
    smtp::{self, Smtp},
};

const DAY: i64 = 86_400;

/// A Marketplace that asks nobody, but reminds.
fn start(smtp: u16) -> Server {
    site::start_only(|settings| reminding(settings, smtp))
}

fn reminding(settings: &mut stratuslab::server::settings::Settings, smtp: u16) {
    site::asking(settings, smtp);
    settings.confirmation = None;
    settings.reminders = true;
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::now().checked_add_days(days).unwrap()
}

/// An entry that expires so many days from now.
fn expiring(image: &str, email: &str, days: i64) -> Draft {
    let valid = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + days * DAY - 600).unwrap();
    Draft::new(image).email(email).created_in(-60).valid(&valid.to_string())
}

fn publish(server: &Server, draft: &Draft) -> String {
    assert_eq!(site::upload(server, draft.signed()).status, 201);
    format!("{PUBLIC}{}", draft.path())
}

fn round(server: &Server, now: Timestamp) -> Sent {
    server.wait(remind(&server.marketplace, now)).unwrap()
}

/// What was sent besides lists, whose days depend on the address.
fn expiring_mails(server: &Server, now: Timestamp) -> usize {
    round(server, now).expiring
}

/// The mails of a round that are about entries that expire.
fn mails(smtp: &Smtp, sent: Sent) -> Vec<smtp::Mail> {
    let mails: Vec<_> = (0..sent.expiring + sent.lists).map(|_| smtp.mail()).collect();
    mails.into_iter().filter(|mail| mail.header("subject").ends_with("entries about to expire")).collect()
}

#[test]
fn endorsers_are_told_of_entries_that_expire_within_three_days_in_one_mail_a_day() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let soon = publish(&server, &expiring("soon", JANE, 1));
    let later = publish(&server, &expiring("later", JANE, 3));
    let much_later = publish(&server, &expiring("much later", JANE, 5));
    let joes = publish(&server, &expiring("joe's", JOE, 2));
    // Neither deprecated nor superseded ones, nor those that have expired.
    publish(&server, &expiring("deprecated", JANE, 1).deprecated("old"));
    publish(&server, &expiring("superseded", JANE, 1).created_in(-120));
    publish(&server, &expiring("superseded", JANE, 40));
    publish(&server, &Draft::new("expired").email(JANE).created_in(-60).valid("2012-04-01T00:00:00Z"));

    let now = Timestamp::now();
    let sent = round(&server, now);
    assert_eq!((sent.expiring, sent.failed), (2, 0));
    let mut mails = mails(&smtp, sent);
    mails.sort_by(|a, b| a.to.cmp(&b.to));
    let [jane, joe] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!((jane.from.as_str(), jane.to.as_slice()), (ADMIN, &[JANE.to_owned()][..]));
    assert_eq!(joe.to, [JOE]);
    let links = |mail: &smtp::Mail| -> Vec<String> {
        let links = mail.body.lines().filter(|line| line.contains("/metadata/"));
        links.map(|line| line.trim().to_owned()).collect()
    };
    assert_eq!(links(jane), [soon, later]);
    assert_eq!(links(joe), [joes]);
    assert!(!jane.body.contains(&much_later));

    // Not again today, but tomorrow.
    assert_eq!(expiring_mails(&server, now), 0);
    let tomorrow = Timestamp::from_unix_seconds(now.unix_seconds() + DAY).unwrap();
    let sent = round(&server, tomorrow);
    assert_eq!(sent.expiring, 2);
    for mail in self::mails(&smtp, sent) {
        let count = links(&mail).len();
        assert_eq!(count, 1, "{mail:?}");
    }
}

#[test]
fn one_process_of_many_sends_each_mail() {
    let smtp = Smtp::start();
    let first = start(smtp.port);
    let others: Vec<_> =
        (0..3).map(|_| site::beside(&first, |settings| reminding(settings, smtp.port))).collect();
    for endorser in 0..6 {
        publish(&first, &expiring("shared", &format!("endorser{endorser}@example.org"), 1));
    }
    let now = Timestamp::now();
    let servers: Vec<_> = others.iter().chain([&first]).collect();
    let sent: Vec<Sent> = thread::scope(|scope| {
        let rounds: Vec<_> = servers.iter().map(|server| scope.spawn(move || round(server, now))).collect();
        rounds.into_iter().map(|round| round.join().unwrap()).collect()
    });
    assert_eq!(sent.iter().map(|sent| sent.expiring).sum::<usize>(), 6, "{sent:?}");
    let total: usize = sent.iter().map(|sent| sent.expiring + sent.lists).sum();
    for _ in 0..total {
        smtp.mail();
    }
    assert!(smtp.is_silent());
}

#[test]
fn every_thirty_days_endorsers_get_the_list_of_their_valid_entries() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let valid = publish(&server, &expiring("valid", JANE, 200));
    let other = publish(&server, &expiring("other", JANE, 300));
    publish(&server, &expiring("deprecated", JANE, 200).deprecated(""));
    publish(&server, &expiring("joe's", JOE, 200).deprecated("nothing valid: no list"));
    let mut days = Vec::new();
    for day in 0..90 {
        let sent = round(&server, in_days(day));
        assert_eq!((sent.expiring, sent.failed), (0, 0));
        for _ in 0..sent.lists {
            let mail = smtp.mail();
            assert_eq!(mail.header("subject"), "StratusLab Marketplace: your entries");
            assert_eq!(mail.to, [JANE]);
            let links = mail.body.lines().filter(|line| line.contains("/metadata/")).count();
            assert_eq!(links, 2, "{}", mail.body);
            assert!(mail.body.contains(&valid) && mail.body.contains(&other));
            days.push(day);
        }
    }
    // The first may have been on one of the later days it can be on.
    assert!((3..=4).contains(&days.len()), "{days:?}");
    assert!(days.windows(2).skip(1).all(|two| two[1] - two[0] == 30), "{days:?}");
}

#[test]
fn s39_no_name_of_an_endorser_stops_the_others_and_names_do_not_multiply_mails() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let utf8 = openssl::asn1::Asn1Type::UTF8STRING;
    let names: [&[crate::pki::Attribute<'_>]; 4] = [
        &[(O, utf8, "x"), (CN, utf8, "Last")],
        &[(CN, utf8, "First"), (O, utf8, "x")],
        &[(O, utf8, "no CN")],
        &[],
    ];
    for (number, name) in names.iter().enumerate() {
        let identity = Request::new("x").email(JANE).subject(name).self_signed(&new_key(Kind::P256));
        let draft = expiring(&format!("name {number}"), JANE, 1);
        if !name.is_empty() {
            assert_eq!(site::upload(&server, draft.signed_by(&identity)).status, 201);
        }
    }
    publish(&server, &expiring("joe's", JOE, 1));
    // Whom no mail reaches is passed over.
    publish(&server, &expiring("odd", "a..b@-", 1));
    publish(&server, &expiring("refused", "jane@refused.example", 1));
    let sent = round(&server, Timestamp::now());
    assert_eq!(sent.expiring, 2);
    assert!(sent.failed >= 2, "{sent:?}");
    let mut to: Vec<_> = mails(&smtp, sent).into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, [JANE, JOE]);
}

#[test]
fn what_could_not_be_sent_is_sent_when_the_mail_server_is_back() {
    let smtp = Smtp::start();
    let broken = start(smtp::gone());
    publish(&broken, &expiring("back", JANE, 1));
    let now = Timestamp::now();
    let sent = round(&broken, now);
    assert_eq!(sent.expiring, 0);
    assert!(sent.failed > 0);
    let repaired = site::beside(&broken, |settings| reminding(settings, smtp.port));
    let sent = round(&repaired, now);
    assert_eq!((sent.expiring, sent.failed), (1, 0));
    assert_eq!(mails(&smtp, sent).len(), 1);
}

#[test]
fn a_mail_names_so_many_entries_and_says_how_many_there_are_besides() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    for image in 0..205 {
        publish(&server, &expiring(&image.to_string(), JANE, 2));
    }
    let sent = round(&server, Timestamp::now());
    let mails = mails(&smtp, sent);
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(mail.body.lines().filter(|line| line.contains("/metadata/")).count(), 200);
    assert!(mail.body.contains("There are 5 more:"), "{}", mail.body);
    assert!(mail.body.contains(&format!("{PUBLIC}/metadata?email=jane%40example.org")), "{}", mail.body);
}

#[test]
fn reminders_need_mail_and_a_public_url_and_are_off_unless_asked_for() {
    let smtp = Smtp::start();
    for change in [0, 1] {
        let server = site::start_only(|settings| {
            reminding(settings, smtp.port);
            match change {
                0 => settings.mail = None,
                _ => settings.public_url = None,
            }
        });
        let result = server.wait(remind(&server.marketplace, Timestamp::now()));
        assert!(matches!(result, Err(RemindError::NotSetUp)), "{result:?}");
    }
    let server = site::start_only(|settings| {
        reminding(settings, smtp.port);
        settings.reminders = false;
    });
    publish(&server, &expiring("off", JANE, 1));
    let running = stratuslab::server::remind::run(server.marketplace.clone());
    let waited =
        server.wait(async { tokio::time::timeout(std::time::Duration::from_millis(200), running).await });
    assert!(waited.is_err());
    assert!(smtp.is_silent());
}
