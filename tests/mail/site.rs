//! A Marketplace that asks by mail, and entries for it.

use std::time::Duration;

use stratuslab::{
    Email, Timestamp,
    server::{
        key::EntryKey,
        mail,
        settings::{Confirmation, Mail, PublicUrl, Settings},
    },
};

use crate::{
    pki::Identity,
    server::{self, Answer, Server, draft::Draft},
    smtp::{Links, Smtp},
};

/// What links in mails begin with.
pub(crate) const PUBLIC: &str = "https://market.example.org/marketplace";
pub(crate) const ADMIN: &str = "admin@market.example.org";
pub(crate) const JANE: &str = "jane@example.org";
pub(crate) const JOE: &str = "joe@example.org";

/// A Marketplace that asks everyone, through the mail server at this port of loopback.
pub(crate) fn start(smtp: u16) -> Server {
    start_with(smtp, |_| ())
}

/// The same with other settings.
pub(crate) fn start_with(smtp: u16, change: impl FnOnce(&mut Settings)) -> Server {
    let server = start_only(|settings| {
        asking(settings, smtp);
        change(settings);
    });
    assert!(server.marketplace.mailer().is_ok());
    server
}

/// One that asks nobody, unless its settings are changed, over a fresh database of the kind this suite is about.
pub(crate) fn start_only(change: impl FnOnce(&mut Settings)) -> Server {
    server::start_on(crate::database(), change)
}

/// Another process, as it were, over the same database.
pub(crate) fn beside(server: &Server, change: impl FnOnce(&mut Settings)) -> Server {
    server::start_on(Some(server.marketplace.settings().database.clone()), change)
}

/// Settings of a Marketplace that asks everyone.
pub(crate) fn asking(settings: &mut Settings, smtp: u16) {
    let (origin, prefix) = PUBLIC.rsplit_once('/').unwrap();
    settings.public_url = Some(PublicUrl { origin: origin.to_owned(), prefix: format!("/{prefix}") });
    settings.confirmation = Some(Confirmation { not_for: Vec::new(), expires: Duration::from_hours(24) });
    settings.mail = Some(mail(&format!("smtp://127.0.0.1:{smtp}")));
}

/// Mail through this server.
pub(crate) fn mail(server: &str) -> Mail {
    Mail {
        server: server.parse().unwrap(),
        admin: ADMIN.parse().unwrap(),
        user: None,
        password: None,
        ca_file: None,
        timeout: mail::TIMEOUT,
    }
}

/// Uploads as somebody who lies about where this is (S37).
pub(crate) fn upload(server: &Server, document: impl Into<Vec<u8>>) -> Answer {
    let request = server.post("/marketplace/metadata", "application/xml", document);
    request.accept("application/xml").header("host", "evil.example.net").send()
}

/// Uploads an entry, which is to be confirmed, and gives the links of the mail.
#[track_caller]
pub(crate) fn park(server: &Server, smtp: &Smtp, draft: &Draft) -> Links {
    accepted(&upload(server, draft.signed()));
    smtp.mail().links(PUBLIC)
}

/// 202, in the words of the original (behaviour 1.9).
#[track_caller]
pub(crate) fn accepted(answer: &Answer) {
    let said = (answer.status, answer.text());
    assert_eq!(said, (202, "confirmation email sent for new metadata entry\n".to_owned()));
    assert_eq!((answer.header("location"), answer.header("content-location")), Default::default());
}

/// What a click on a link does.
pub(crate) fn look(server: &Server, path: &str) -> Answer {
    server.get(&format!("/marketplace{path}")).accept("text/html").send()
}

/// What the button on its page does.
pub(crate) fn press(server: &Server, path: &str) -> Answer {
    let request = server.post(&format!("/marketplace{path}"), "application/x-www-form-urlencoded", "");
    request.accept("text/plain").header("host", "evil.example.net").send()
}

/// Whether an entry is there.
pub(crate) fn is_there(server: &Server, draft: &Draft) -> bool {
    let answer = server.get(&draft.path()).accept("application/xml").send();
    assert!(matches!(answer.status, 200 | 404), "{}: {}", answer.status, answer.text());
    answer.status == 200
}

/// The keys in a list, newest first.
pub(crate) fn listed(server: &Server, query: &str) -> Vec<EntryKey> {
    let answer = server.get(&format!("/metadata?{query}")).accept("application/xml").send();
    if answer.status == 404 {
        return Vec::new();
    }
    let (status, text) = (answer.status, answer.text());
    assert_eq!(status, 200, "{text}");
    let document = roxmltree::Document::parse(&text).unwrap();
    let entries = document.root_element().children().filter(roxmltree::Node::is_element);
    let text = |entry: roxmltree::Node<'_, '_>, parent: &str, name: &str| {
        let mut named = entry.descendants().filter(|node| {
            node.tag_name().name() == name
                && node.parent().is_some_and(|node| node.tag_name().name() == parent)
        });
        named.next().and_then(|node| node.text()).unwrap_or_default().to_owned()
    };
    let key = |entry| {
        let email: Email = text(entry, "endorser", "email").parse().unwrap();
        let created: Timestamp = text(entry, "endorsement", "created").parse().unwrap();
        EntryKey { identifier: text(entry, "Description", "identifier").parse().unwrap(), email, created }
    };
    entries.map(key).collect()
}

/// Jane's description of an image, endorsed so many seconds ago.
pub(crate) fn janes(image: &str, seconds: i64) -> Draft {
    Draft::new(image).email(JANE).created_in(-seconds)
}

/// So many seconds ago.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() - seconds).unwrap()
}

/// The SHA-256 of a certificate, as pins have it.
pub(crate) fn fingerprint(identity: &Identity) -> String {
    stratuslab::Certificate::from_der(&identity.certificate_der()).unwrap().sha256_fingerprint()
}
