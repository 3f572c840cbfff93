//! Images of a Marketplace of ours, and of files.

use crate::{
    draft::{Draft, EMAIL},
    found::{Place, broken, joe, list},
    pki::{Kind, Request, new_key},
};

const SHOW: &str = "show-image";

fn draft() -> Draft {
    Draft::new("x")
        .text("title", "A title")
        .text("description", "One\nTwo")
        .locations(&["http://a.example.org/x", "http://b.example.org/x"])
        .extra(
            "<slterms:inbound-port>22</slterms:inbound-port><a:b xmlns:a='urn:a'>of another vocabulary</a:b>",
        )
}

#[test]
fn everything_is_shown() {
    let joes = Draft::new("x").email("joe@example.org").created("2011-01-01T00:00:00Z").deprecated("a hole");
    let before = draft().created("2010-01-01T00:00:00Z").deprecated("not yet");
    let place = Place::with(&[&before, &draft(), &joes]);
    let id = draft().identifier().to_string();
    let shown = place.run(SHOW, &[&id]).succeeded();
    for line in [
        "verdict: valid",
        "not trusted: no trust anchors are named",
        "state: valid",
        &format!("url: {}", place.url(&draft())),
        "title: A title",
        "description: One",
        "  Two",
        &format!("identifier: {id}"),
        "location: http://a.example.org/x",
        "location: http://b.example.org/x",
        "bytes: 1",
        "sha1: 11f6ad8ec52a2984abaafd7c3b516503785c2072",
        "inbound-port: 22",
        "{urn:a}b: of another vocabulary",
        "endorsed: 2012-03-04T05:06:07Z",
        "signature: ecdsa-sha256, sha256",
        "  signature passed",
        "endorsements:",
        "  2012-03-04T05:06:07Z jane.tester@example.org: valid",
        "  2011-01-01T00:00:00Z joe@example.org: valid, deprecated: a hole",
        "history, as this Marketplace tells it:",
        "  2010-01-01T00:00:00Z jane.tester@example.org superseded, deprecated: not yet",
    ] {
        assert_eq!(shown.lines().filter(|shown| *shown == line).count(), 1, "{line}\n{shown}");
    }
    let json = &place.run(SHOW, &["--json", &place.url(&draft())]).json()[0];
    assert_eq!(
        (&json["verdict"], &json["state"], &json["title"]),
        (&"valid".into(), &"valid".into(), &"A title".into())
    );
    assert_eq!(json["locations"][1], "http://b.example.org/x");
    assert_eq!(json["further"][1]["name"], "{urn:a}b");
    assert_eq!(json["checks"][1]["name"], "signature");
    assert_eq!(json["endorsements"][1]["deprecated"], "a hole");
    assert_eq!(json["endorsements"][1]["url"], place.url(&joes));
    assert_eq!(json["history"]["entries"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&json["history"]["complete"], &json["history"]["entries"][2]["endorsed"]),
        (&true.into(), &"2010-01-01T00:00:00Z".into())
    );
}

#[test]
fn the_entry_that_is_named_is_shown() {
    let joes = Draft::new("x").email("joe@example.org").created("2011-01-01T00:00:00Z").deprecated("a hole");
    let before = draft().created("2010-01-01T00:00:00Z").text("title", "Before");
    let place = Place::with(&[&before, &draft(), &joes]);
    let id = draft().identifier();
    for (reference, line) in [
        (format!("{id}/joe@example.org"), "state: deprecated"),
        (format!("{id}/{EMAIL}"), "title: A title"),
        (format!("{id}/{EMAIL}/2010-01-01T00:00:00Z"), "title: Before"),
        (place.url(&before), "title: Before"),
    ] {
        let shown = place.run(SHOW, &[&reference]).succeeded();
        assert!(shown.lines().any(|shown| shown == line), "{reference}\n{shown}");
        assert!(
            shown.contains("\n  2011-01-01T00:00:00Z joe@example.org: valid, deprecated: a hole\n"),
            "{shown}"
        );
    }
    for absent in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("{id}/nobody@example.org"),
        format!("{id}/{EMAIL}/2009-01-01T00:00:00Z"),
    ] {
        let done = place.run(SHOW, &[&absent]);
        let expected = format!("error: there is no entry of {absent} in {}\n", place.marketplace.base);
        assert!(done.stderr.starts_with(&expected), "{}", done.stderr);
        assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
    }
    assert_eq!(place.run(SHOW, &["x"]).status, Some(2));
    assert_eq!(place.run(SHOW, &[]).status, Some(2));
}

#[test]
fn the_trusted_count_more_than_the_newest() {
    let place = Place::with(&[&draft().created_in(-5)]);
    let joes = Draft::new("x").email("joe@example.org").created_in(-60);
    place.publish(&joes.signed_by(&joe(&place.folder)));
    let id = draft().identifier().to_string();
    let email = |arguments: &[&str]| place.run(SHOW, arguments).json()[0]["endorser"]["email"].clone();
    assert_eq!(email(&["--json", &id]), EMAIL);
    let trusted = &["--json", "--ca-file", "ca.pem", &id];
    assert_eq!(email(trusted), "joe@example.org");
    let json = &place.run(SHOW, trusted).json()[0];
    assert_eq!((&json["verdict"], &json["untrusted"]), (&"trusted".into(), &serde_json::Value::Null));
    assert_eq!(json["endorsements"][1]["verdict"], "valid");
    assert!(json["path"].is_array());
    let shown = place.run(SHOW, &["--ca-file", "ca.pem", &format!("{id}/{EMAIL}")]).succeeded();
    assert!(shown.starts_with("verdict: valid\nnot trusted: "), "{shown}");
}

#[test]
fn an_address_that_is_not_in_the_certificate_is_told() {
    let place = Place::with(&[]);
    let nameless = Request::new("Mallory").self_signed(&new_key(Kind::P256));
    place.folder.write("x.xml", draft().created_in(-60).signed_by(&nameless));
    let shown = place.run(SHOW, &["--metadata-file", "x.xml"]).succeeded();
    assert!(shown.contains("\nemail-certified: no: "), "{shown}");
    let json = &place.run(SHOW, &["--json", "--metadata-file", "x.xml"]).json()[0];
    assert_eq!((&json["endorser"]["email"], &json["email_certified"]), (&EMAIL.into(), &false.into()));
}

#[test]
fn files_are_shown_as_well() {
    let place = Place::with(&[]);
    place.folder.write("x.xml", draft().signed());
    place.folder.write("bad.xml", broken(&draft().signed()));
    place.folder.write("list.xml", list(&[draft().signed(), Draft::new("y").signed()]));
    let shown = place.run(SHOW, &["--metadata-file", "x.xml"]).succeeded();
    assert!(
        shown.contains("\ntitle: A title\n") && !shown.contains("url:") && !shown.contains("history"),
        "{shown}"
    );
    let bad = place.run(SHOW, &["--metadata-file", "bad.xml"]);
    assert_eq!(bad.status, Some(1));
    assert!(bad.stdout.starts_with("verdict: invalid\nreason: "), "{}", bad.stdout);
    // Of two documents of one entry, the one that verifies counts.
    let both = ["--metadata-file", "bad.xml", "--metadata-file", "x.xml"];
    assert!(place.run(SHOW, &both).succeeded().starts_with("verdict: valid\n"));
    let several = place.run(SHOW, &["--metadata-file", "list.xml"]);
    assert_eq!(several.status, Some(2));
    assert!(
        several.stderr.starts_with("error: there are entries of 2 images\nhint: name one of them, such as ")
    );
    let y = Draft::new("y").identifier().to_string();
    let shown = place.run(SHOW, &["--metadata-file", "list.xml", &y]).succeeded();
    assert!(shown.contains(&format!("\nidentifier: {y}\n")), "{shown}");
    place.folder.write("none.xml", b"<x/>");
    let done = place.run(SHOW, &["--metadata-file", "none.xml"]);
    assert_eq!((done.status, done.stdout.lines().next()), (Some(1), Some("verdict: invalid")));
    assert_eq!(place.run(SHOW, &["--metadata-file", "absent.xml"]).status, Some(3));
}
