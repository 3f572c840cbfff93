//! From the upload to the list, by the links of the mail.

use std::thread;

use crate::{
    server::draft::Draft,
    site::{JANE, PUBLIC, accepted, is_there, janes, listed, look, park, press, start, upload},
    smtp::Smtp,
};

const NONE: &str = "no entry waits for this link: it was used already, or is too old";

#[test]
fn an_entry_is_published_when_its_endorser_confirms_it_and_not_before() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("one", 60);
    let links = park(&server, &smtp, &entry);
    assert!(!is_there(&server, &entry));
    assert!(listed(&server, "").is_empty());

    // S26: looking does nothing, however often, and whichever link.
    for link in [&links.confirm, &links.abort, &links.abuse, &links.confirm] {
        let page = look(&server, link);
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.header("content-type").starts_with("text/html"));
        assert_eq!(page.header("cache-control"), "no-store");
        // Where one came from is told to no other server.
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(page.text().contains(&format!("/marketplace{link}")), "{}", page.text());
        let head = server.head(&format!("/marketplace{link}")).send();
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
    assert!(!is_there(&server, &entry));

    // S2: the locations are right, below the public URL whatever Host says.
    let done = press(&server, &links.confirm);
    assert_eq!((done.status, done.text().as_str()), (201, "metadata entry created"));
    let location = format!("{PUBLIC}{}", entry.path());
    assert_eq!((done.header("location"), done.header("content-location")), (location.clone(), location));
    assert!(is_there(&server, &entry));
    assert_eq!(listed(&server, "").len(), 1);

    // S27: the same for all links of the entry, whether they were used or not.
    for link in [&links.confirm, &links.abort, &links.abuse] {
        for answer in [press(&server, link), look(&server, link)] {
            assert_eq!(answer.status, 404);
            assert!(answer.text().contains(NONE), "{}", answer.text());
        }
    }
    assert!(smtp.is_silent());
}

#[test]
fn the_very_bytes_that_were_uploaded_are_published() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("bytes", 60).extra("<x:t xmlns:x='urn:x'>\u{85}\u{2028}é</x:t>");
    let document = entry.signed();
    accepted(&upload(&server, document.clone()));
    assert_eq!(press(&server, &smtp.mail().links(PUBLIC).confirm).status, 201);
    assert_eq!(server.get(&entry.path()).accept("application/xml").send().body, document);
    // Once more is no second mail, and no error (S11).
    let again = upload(&server, document);
    assert_eq!((again.status, again.text().as_str()), (201, "metadata entry created"));
    assert!(smtp.is_silent());
}

#[test]
fn an_aborted_entry_is_forgotten() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("abort", 60);
    let links = park(&server, &smtp, &entry);
    let done = press(&server, &links.abort);
    assert_eq!(done.status, 200);
    assert!(done.text().starts_with("aborted addition of metadata entry "), "{}", done.text());
    assert_eq!(press(&server, &links.confirm).status, 404);
    assert!(!is_there(&server, &entry));
    // It may be uploaded again.
    let links = park(&server, &smtp, &entry);
    assert_eq!(press(&server, &links.confirm).status, 201);
}

#[test]
fn abuse_is_told_to_the_administrator_and_the_entry_cannot_be_confirmed_any_more() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("abuse", 60);
    let links = park(&server, &smtp, &entry);
    let done = press(&server, &links.abuse);
    assert_eq!(done.status, 200);
    assert!(done.text().starts_with("administrators were notified"), "{}", done.text());
    let told = smtp.mail();
    assert_eq!(told.to, [crate::site::ADMIN]);
    assert!(told.body.contains("Abuse has been reported for the following entry"), "{}", told.body);
    let key = entry.path().replace("/metadata/", "");
    assert!(told.body.contains(&key), "{}", told.body);
    let fingerprint = crate::site::fingerprint(&crate::server::draft::identity(JANE));
    assert!(told.body.contains(&format!("sha256:{fingerprint}")), "{}", told.body);
    // Neither once more told, nor confirmed.
    assert_eq!(press(&server, &links.abuse).status, 404);
    assert_eq!(press(&server, &links.confirm).status, 404);
    assert!(!is_there(&server, &entry));
    assert!(smtp.is_silent());
}

#[test]
fn s13_what_has_become_older_meanwhile_is_not_published() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let (older, newer) = (janes("order", 120), janes("order", 60));
    let (first, second) = (park(&server, &smtp, &older), park(&server, &smtp, &newer));
    assert_eq!(press(&server, &second.confirm).status, 201);
    let refused = press(&server, &first.confirm);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("invalid metadata: older than latest entry"), "{}", refused.text());
    assert!(!is_there(&server, &older));
    assert_eq!(listed(&server, "status=all").len(), 1);
    // It never can be: the link is used up.
    assert_eq!(press(&server, &first.confirm).status, 404);
}

#[test]
fn what_can_never_be_published_is_refused_before_anybody_is_asked() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let newer = janes("refused", 60);
    let links = park(&server, &smtp, &newer);
    assert_eq!(press(&server, &links.confirm).status, 201);
    for (draft, message) in [
        (janes("refused", 120), "invalid metadata: older than latest entry"),
        (newer.text("title", "other"), "invalid metadata: an entry with this identifier, email and date"),
        // S12.
        (janes("refused", -3600), "invalid metadata: it is endorsed at"),
    ] {
        let refused = upload(&server, draft.signed());
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(message), "{}", refused.text());
    }
    assert!(smtp.is_silent());
}

#[test]
fn two_who_confirm_at_once_publish_one_entry_and_are_both_told_so() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    for round in 0..10 {
        let entry = janes(&format!("twice {round}"), 60);
        let links = park(&server, &smtp, &entry);
        let answers: Vec<_> = thread::scope(|scope| {
            let pressing: Vec<_> = (0..4).map(|_| scope.spawn(|| press(&server, &links.confirm))).collect();
            pressing.into_iter().map(|pressed| pressed.join().unwrap()).collect()
        });
        // Who comes when all is done is told that the link is used.
        assert!(answers.iter().any(|answer| answer.status == 201));
        for answer in &answers {
            assert!(matches!(answer.status, 201 | 404), "{}: {}", answer.status, answer.text());
        }
        let identifier = entry.identifier();
        assert_eq!(listed(&server, &format!("identifier={identifier}")).len(), 1);
    }
}

#[test]
fn one_who_confirms_while_another_aborts_leaves_it_published_or_not() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    for round in 0..5 {
        let entry = janes(&format!("both {round}"), 60);
        let links = park(&server, &smtp, &entry);
        let (confirmed, aborted) = thread::scope(|scope| {
            let confirming = scope.spawn(|| press(&server, &links.confirm));
            (press(&server, &links.abort), confirming.join().unwrap())
        });
        for answer in [&confirmed, &aborted] {
            assert!(matches!(answer.status, 200 | 201 | 404), "{}", answer.text());
        }
        let published = [&confirmed, &aborted].iter().any(|answer| answer.status == 201);
        assert_eq!(is_there(&server, &entry), published);
        assert_eq!(press(&server, &links.confirm).status, 404);
    }
}

#[test]
fn s27_links_that_never_were_are_told_apart_from_nothing() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let links = park(&server, &smtp, &janes("odd", 60));
    let token = links.confirm.trim_start_matches("/action/").trim_end_matches("/confirm/").to_owned();
    let missing = "00000000-0000-0000-0000-000000000000";
    for (path, text) in [
        (format!("/action/{missing}/confirm/"), NONE),
        (format!("/action/{missing}/abort"), NONE),
        (format!("/action/{}/confirm/", &token[1..]), NONE),
        (format!("/action/{token}0/confirm/"), NONE),
        ("/action/..%2f..%2fetc%2fpasswd/confirm/".to_owned(), "invalid action"),
        ("/action/%00/confirm/".to_owned(), NONE),
        (format!("/action/{token}/destroy/"), "invalid action"),
        (format!("/action/{token}/confirm/more"), "invalid action"),
        (format!("/action/{token}"), "invalid action"),
        (format!("/action/{token}/confirm%00"), "invalid action"),
    ] {
        for answer in [look(&server, &path), press(&server, &path)] {
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            assert!(answer.text().contains(text), "{path}: {}", answer.text());
            assert!(!answer.text().contains("marketplace.sqlite") && !answer.text().contains("/tmp"));
        }
    }
    for path in ["/action", "/action/", "/action/%ff/confirm/"] {
        assert!(matches!(look(&server, path).status, 400 | 404), "{path}");
    }
    // Nothing of this did anything; slashes and the case of letters are forgiven.
    assert_eq!(look(&server, &format!("//action//{}//confirm", token.to_uppercase())).status, 200);
    assert_eq!(press(&server, &format!("/action/{token}/confirm")).status, 201);
}

#[test]
fn only_post_acts() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("method", 60);
    let links = park(&server, &smtp, &entry);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let url = format!("{}/marketplace{}", server.base, links.confirm);
        let answer = server.client.request(method.parse().unwrap(), url).send().unwrap();
        assert_eq!(answer.status(), 405, "{method}");
    }
    for path in [format!("{}?method=POST", links.confirm), format!("{}?method=post", links.abort)] {
        assert_eq!(look(&server, &path).status, 200);
        let url = format!("/marketplace{path}");
        let answer = server.get(&url).header("x-http-method-override", "POST").send();
        assert_eq!(answer.status, 200);
    }
    assert!(!is_there(&server, &entry));
    assert_eq!(press(&server, &links.confirm).status, 201);
}

#[test]
fn people_are_answered_with_pages() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    for (image, command) in [("page 1", 0), ("page 2", 1)] {
        let links = park(&server, &smtp, &janes(image, 60));
        let link = [&links.confirm, &links.abort][command];
        let form = "application/x-www-form-urlencoded";
        let request = server.post(&format!("/marketplace{link}"), form, "").accept("text/html,*/*;q=0.1");
        let page = request.send();
        assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
        assert_eq!(page.status, [201, 200][command]);
        let again = server.post(&format!("/marketplace{link}"), form, "").accept("text/html").send();
        assert!(again.header("content-type").starts_with("text/html"), "{again:?}");
        assert_eq!(again.status, 404);
    }
}

#[test]
fn a_page_shows_what_an_uploader_wrote_as_text_and_no_more() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let draft = janes("html", 60).deprecated("&lt;script>alert(1)&lt;/script>").text("title", "<b>x</b>");
    let links = park(&server, &smtp, &draft);
    let page = look(&server, &links.confirm).text();
    assert!(!page.contains("<script>alert") && !page.contains("<b>x</b>"), "{page}");
}

#[test]
fn a_read_only_marketplace_confirms_nothing() {
    let smtp = Smtp::start();
    let server = crate::site::start_with(smtp.port, |settings| settings.read_only = true);
    assert_eq!(upload(&server, Draft::new("x").signed()).status, 403);
    let link = "/action/00000000-0000-0000-0000-000000000000/confirm/";
    assert_eq!(press(&server, link).status, 403);
}
