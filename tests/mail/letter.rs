//! What the mails say, and what nobody can make them say (M11).

use crate::{
    forge::Forgery,
    server::draft::Draft,
    site::{ADMIN, JANE, PUBLIC, accepted, janes, look, start, upload},
    smtp::Smtp,
};

#[test]
fn a_mail_names_the_image_the_date_and_three_links() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("letter", 60);
    accepted(&upload(&server, entry.signed()));
    let mail = smtp.mail();
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), (ADMIN, &[JANE.to_owned()][..]));
    assert_eq!(mail.header("from"), format!("\"StratusLab Marketplace\" <{ADMIN}>"));
    assert_eq!(mail.header("to"), JANE);
    assert_eq!(mail.header("subject"), "StratusLab Marketplace Message");
    assert_eq!(mail.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(mail.header("content-transfer-encoding"), "7bit");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert!(mail.header("message-id").ends_with("@market.example.org>"), "{}", mail.header("message-id"));
    assert!(!mail.header("date").is_empty());
    let path = entry.path();
    let [identifier, email, created] =
        path.strip_prefix("/metadata/").unwrap().splitn(3, '/').collect::<Vec<_>>()[..]
    else {
        panic!("{path}")
    };
    for text in [identifier, email, created, "It is for the image"] {
        assert!(mail.body.contains(text), "no {text} in\n{}", mail.body);
    }
    // S37: no link but below the public URL, although the uploader said another host.
    let links: Vec<_> = mail.body.lines().filter(|line| line.contains("://")).map(str::trim).collect();
    assert_eq!(links.len(), 4, "{}", mail.body);
    assert!(links.iter().all(|link| link.starts_with(PUBLIC)), "{links:?}");
    assert!(!mail.body.contains("evil"), "{}", mail.body);
    let links = mail.links(PUBLIC);
    for link in [links.confirm, links.abort, links.abuse] {
        assert_eq!(look(&server, &link).status, 200);
    }
}

#[test]
fn s33_a_deprecating_entry_is_called_so_even_if_it_gives_no_reason() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    for (image, reason) in [("reason", "security"), ("no reason", "")] {
        accepted(&upload(&server, janes(image, 60).deprecated(reason).signed()));
        let mail = smtp.mail();
        assert!(mail.body.contains("It is deprecating the image"), "{}", mail.body);
        let page = look(&server, &mail.links(PUBLIC).confirm).text();
        assert!(page.to_lowercase().contains("deprecat"), "{page}");
    }
}

#[test]
fn nothing_that_an_uploader_writes_is_in_the_mail_but_identifier_address_and_date() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let bait = "BUY-NOW http://evil.example.net/\r\nBcc: all@example.net\r\n\r\nhello";
    let mut draft = janes("bait", 60).locations(&["http://evil.example.net/image"]).deprecated(bait);
    for name in ["title", "description", "tag", "os", "os-version", "os-arch", "kind", "version"] {
        draft = draft.text(name, bait);
    }
    let name = [(crate::pki::CN, openssl::asn1::Asn1Type::UTF8STRING, bait)];
    let request = crate::pki::Request::new("x").email(JANE).subject(&name);
    let identity = request.self_signed(&crate::pki::key(crate::pki::Kind::P256));
    accepted(&upload(&server, draft.signed_by(&identity)));
    let mail = smtp.mail();
    assert_eq!(mail.to, [JANE]);
    assert!(mail.headers.iter().all(|(name, _)| name != "bcc"), "{mail:?}");
    assert!(!mail.body.contains("evil") && !mail.body.contains("BUY"), "{}", mail.body);
}

#[test]
fn no_field_of_an_entry_becomes_a_header_or_another_recipient() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    // What a document says is endorsed by somebody else than its certificate's holder; the signature holds.
    for address in [
        "jane@example.org\r\nBcc: all@example.net",
        "jane@example.org\nBcc: all@example.net",
        "jane@example.org&#13;&#10;Bcc: all@example.net",
        "jane@example.org, all@example.net",
        "jane@example.org&gt;&#13;&#10;RCPT TO:&lt;all@example.net",
        "&lt;all@example.net&gt;",
        "\"Bcc: all@example.net\\n\"@example.org",
        "jane@example.org%0d%0aBcc:all@example.net",
        "jane@example.org\u{2028}Bcc: all@example.net",
        "all@example.net&#x20;jane@example.org",
        "jane(comment)@example.org",
        "jane@[127.0.0.1]",
        "jane@ex\u{e4}mple.org",
    ] {
        let refused = upload(&server, forged(address));
        assert_eq!(refused.status, 400, "{address}: {}", refused.text());
    }
    assert!(smtp.is_silent());
}

#[test]
fn an_address_that_is_none_of_mail_is_refused_and_not_tried() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    // What entries may carry is more than mail can be sent to.
    for address in ["a..b@example.org", ".a@example.org", "jane@-", "jane@example..org", "jane@.", "a@b-"] {
        let refused = upload(&server, Draft::new("odd").email(address).created_in(-60).signed());
        assert_eq!(refused.status, 400, "{address}: {}", refused.text());
        assert!(refused.text().contains("no mail can be sent to"), "{address}: {}", refused.text());
    }
    assert!(smtp.is_silent());
}

#[test]
fn odd_addresses_that_are_some_are_written_to() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    for address in ["a%b+c_d-e@example.org", "A.B@EXAMPLE.ORG", "x@1.example.org"] {
        accepted(&upload(&server, Draft::new("odd").email(address).created_in(-60).signed()));
        let mail = smtp.mail();
        assert_eq!(mail.to, [address]);
        let done = crate::site::press(&server, &mail.links(PUBLIC).confirm);
        assert_eq!(done.status, 201);
        // The address is encoded where it must be, and leads there.
        let location = done.header("location");
        let path = location.strip_prefix(PUBLIC).unwrap();
        assert_eq!(server.get(path).accept("application/xml").send().status, 200, "{path}");
    }
}

/// An entry that states this for an address, in a document whose signature is right.
fn forged(address: &str) -> Vec<u8> {
    let honest = Forgery::new();
    let content = honest.content.replace(">jane.tester@example.org<", &format!(">{address}<"));
    assert_ne!(content, honest.content);
    Forgery { content, ..honest }.document().into_bytes()
}

#[test]
fn a_forgery_is_taken_but_for_its_address() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    accepted(&upload(&server, Forgery::new().document()));
    assert_eq!(smtp.mail().to, ["jane.tester@example.org"]);
}
