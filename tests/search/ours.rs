//! Searches in a Marketplace of ours.

use crate::{
    SEARCH,
    draft::{Draft, EMAIL, identity},
    folder::Done,
    found::{Place, joe},
};

/// An image of each kind.
struct Images {
    tty: Draft,
    ubuntu: Draft,
    expired: Draft,
    deprecated: Draft,
}

fn images() -> (Images, Place) {
    let tty = Draft::new("tty").text("os", "ttylinux").text("os-version", "9.7").text("os-arch", "i486");
    let images = Images {
        tty: tty.text("title", "A small one"),
        ubuntu: Draft::new("ubuntu")
            .created("2013-01-01T00:00:00Z")
            .text("os", "Ubuntu")
            .text("os-version", "12.04")
            .text("kind", "disk")
            .text("description", "With C++ (and more)"),
        expired: Draft::new("expired").valid("2013-01-01T00:00:00Z"),
        deprecated: Draft::new("deprecated").deprecated("a hole"),
    };
    let place = Place::with(&[&images.tty, &images.ubuntu, &images.expired, &images.deprecated]);
    (images, place)
}

fn ids(drafts: &[&Draft]) -> String {
    drafts.iter().map(|draft| draft.identifier().to_string() + "\n").collect()
}

#[test]
fn each_order_has_its_reverse() {
    let (images, place) = images();
    let (tty, ubuntu) = (&images.tty, &images.ubuntu);
    let by_identifier = if tty.identifier().to_string() < ubuntu.identifier().to_string() {
        [tty, ubuntu]
    } else {
        [ubuntu, tty]
    };
    for (key, expected) in [
        ("created", [tty, ubuntu]),
        ("os", [tty, ubuntu]),
        ("os-version", [ubuntu, tty]),
        // The other states none.
        ("os-arch", [ubuntu, tty]),
        ("title", [ubuntu, tty]),
        // Of one endorser: the newest first.
        ("email", [ubuntu, tty]),
        ("kind", [ubuntu, tty]),
        ("identifier", by_identifier),
    ] {
        let [one, two] = expected;
        for (order, expected) in [(key.to_owned(), [one, two]), (format!("-{key}"), [two, one])] {
            let found = place.run(SEARCH, &["--ids", "--sort", &order]);
            assert_eq!(found.succeeded(), ids(&expected), "{order}");
        }
    }
}

#[test]
fn what_is_asked_for_is_found_in_the_order_asked_for() {
    let (images, place) = images();
    let (tty, ubuntu) = (&images.tty, &images.ubuntu);
    let found = |arguments: &[&str]| place.run(SEARCH, &[arguments, &["--ids"]].concat());
    for (arguments, expected) in [
        (&[][..], &[ubuntu, tty][..]),
        (&["--sort", "created"], &[tty, ubuntu]),
        (&["--sort=-os"], &[ubuntu, tty]),
        (&["--sort", "os"], &[tty, ubuntu]),
        (&["--os", "LINUX"], &[tty]),
        (&["--os-version", "9.7", "--os-arch", "I4"], &[tty]),
        (&["--endorser", "Jane.Tester@", "--kind", "disk"], &[ubuntu]),
        (&["small", "i486"], &[tty]),
        (&["small i486"], &[tty]),
        (&["c++", "(AND"], &[ubuntu]),
        (&[&tty.identifier().to_string()], &[tty]),
        (&["--status", "expired"], &[&images.expired]),
        (&["--status", "deprecated"], &[&images.deprecated]),
        (&["--status", "all", "--os", "ubuntu"], &[ubuntu]),
    ] {
        assert_eq!(found(arguments).succeeded(), ids(expected), "{arguments:?}");
    }
    let note = format!("note: {} has nothing that matches\n", place.marketplace.base);
    // As a regular expression it would be in both.
    for nothing in [&["--os", "t.y"][..], &["--os", "("], &["absent"], &["small", "Ubuntu"], &["\"", "."]] {
        found(nothing).failed(1, &note);
    }
    place.run(SEARCH, &["absent", "--json"]).ended(1, "[]\n", &note);
    place.run(SEARCH, &["absent", "-q"]).failed(1, "");
}

#[test]
fn lines_are_for_programs() {
    let (images, place) = images();
    let expected = |draft: &Draft, rest: &str| {
        let path = draft.path();
        let parts: Vec<_> = path.split('/').skip(2).collect();
        let &[id, email, created] = parts.as_slice() else { panic!("{path}") };
        format!("{id}\tvalid\tvalid\t{email}\t{created}\t{rest}\n")
    };
    assert_eq!(
        place.run(SEARCH, &[]).succeeded(),
        expected(&images.ubuntu, "Ubuntu\t12.04\t\tdisk\t\t")
            + &expected(&images.tty, "ttylinux\t9.7\ti486\tmachine\tA small one\t")
    );
}

#[test]
fn it_is_said_that_there_is_more() {
    let (images, place) = images();
    let done = place.run(SEARCH, &["--limit", "1", "--status", "all", "--sort", "created", "--os", "u"]);
    assert_eq!(done.stderr, "note: there are more than these 1 entries; --limit N lists more\n");
    assert_eq!((done.status, done.stdout.lines().count()), (Some(0), 1));
    place.run(SEARCH, &["--limit", "2"]).succeeded();
    place.run(SEARCH, &["--limit", "1", "--ids"]).ended(
        0,
        &ids(&[&images.ubuntu]),
        "note: there are more than these 1 identifiers; --limit N lists more\n",
    );
    for wrong in ["0", "100001", "many"] {
        let told = place.run(SEARCH, &["--limit", wrong]);
        assert_eq!(told.status, Some(2));
        assert!(told.stderr.contains("it is a number from 1 to 100000"), "{}", told.stderr);
    }
    let told = place.run(SEARCH, &["--sort", "-size"]);
    assert_eq!(told.status, Some(2));
    assert!(told.stderr.contains("'-size' is none of created, os, os-version,"), "{}", told.stderr);
}

#[test]
fn json_tells_all_of_each() {
    let (images, place) = images();
    let json = place.run(SEARCH, &["--json", "--status", "all"]).json();
    assert_eq!(json.as_array().unwrap().len(), 4);
    let tty = json.as_array().unwrap().iter().find(|entry| entry["title"] == "A small one").unwrap();
    assert_eq!(tty["url"], place.url(&images.tty).as_str());
    for (name, value) in [
        ("verdict", "valid"),
        ("state", "valid"),
        ("os", "ttylinux"),
        ("os_version", "9.7"),
        ("os_arch", "i486"),
        ("kind", "machine"),
        ("endorsed", "2012-03-04T05:06:07Z"),
    ] {
        assert_eq!(tty[name], value, "{name}");
    }
    assert_eq!(tty["identifier"], images.tty.identifier().to_string());
    assert_eq!((&tty["endorser"]["email"], &tty["reason"]), (&EMAIL.into(), &serde_json::Value::Null));
    assert_eq!(tty["locations"][0], "http://example.org/image.gz");
}

#[test]
fn whom_a_path_leads_to_is_trusted() {
    let joes = Draft::new("joe").email("joe@example.org").created_in(-60);
    let place = Place::with(&[&Draft::new("jane")]);
    place.publish(&joes.signed_by(&joe(&place.folder)));
    let verdicts = |done: &Done| -> Vec<_> {
        done.stdout.lines().map(|line| line.split('\t').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(verdicts(&place.run(SEARCH, &[])), ["valid", "valid"]);
    let trust = ["--ca-file", "ca.pem"];
    assert_eq!(verdicts(&place.run(SEARCH, &trust)), ["trusted", "valid"]);
    place.folder.write("c.toml", "[trust]\nca_file = 'ca.pem'\n");
    assert_eq!(verdicts(&place.run(SEARCH, &["-c", "c.toml"])), ["trusted", "valid"]);
    // Whom nobody asked for is not accepted.
    let done = place.run(SEARCH, &["--ca-file", "ca.pem", "--endorsed-by", "joe@example.org"]);
    assert_eq!(verdicts(&done), ["trusted", "invalid"]);
    assert_eq!(done.stderr, "warning: 1 entry is invalid; -v tells why\n");
    let done = place.run(SEARCH, &["--ids", "--endorsed-by", "joe@example.org", "-v"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
    assert!(
        done.stderr.contains("warning: 2 entries are invalid and left out; -v tells why\n"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains(" is invalid: "), "{}", done.stderr);
}

#[test]
fn an_identifier_that_several_endorse_is_printed_once() {
    let place = Place::with(&[&Draft::new("x"), &Draft::new("x").email("joe@example.org")]);
    assert_eq!(place.run(SEARCH, &["--ids"]).succeeded(), ids(&[&Draft::new("x")]));
    assert_eq!(place.run(SEARCH, &["--ids", "--limit", "1"]).succeeded(), ids(&[&Draft::new("x")]));
    assert_eq!(place.run(SEARCH, &[]).succeeded().lines().count(), 2);
}

#[test]
fn sha1_is_accepted_only_when_asked_for() {
    let place = Place::with(&[]);
    place.publish(&old_entry());
    let refused = place.run(SEARCH, &["--ids"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""));
    let expected = "warning: 1 entry is invalid and left out; -v tells why\n\
        note: --allow-sha1 accepts such signatures, for entries made with old tools\n";
    assert_eq!(refused.stderr, expected);
    assert_eq!(place.run(SEARCH, &["--ids", "--allow-sha1"]).succeeded(), ids(&[&Draft::new("old")]));
    place.folder.write("c.toml", "allow_sha1 = true\n");
    assert_eq!(place.run(SEARCH, &["--ids", "-c", "c.toml"]).succeeded(), ids(&[&Draft::new("old")]));
}

/// Signed with rsa-sha1.
fn old_entry() -> Vec<u8> {
    use stratuslab::{
        Credentials,
        dsig::{SignRequest, SignatureMethod, sign},
        metadata::rules::Leniency,
    };
    let jane = crate::pki::jane();
    let request = SignRequest {
        credentials: &Credentials::from_pem(&jane.certificate_pem(), &jane.key_pem(), None).unwrap(),
        method: Some(SignatureMethod::RsaSha1),
        email: None,
        created: stratuslab::Timestamp::now(),
        leniency: Leniency::Strict,
        include_chain: false,
    };
    sign(Draft::new("old").unsigned().as_bytes(), &request).unwrap().document().to_vec()
}

#[test]
fn values_cannot_drive_a_terminal_or_add_a_field() {
    let title = "a\u{9b}31m\tb\u{202e}c\nd \u{200b}e";
    let place = Place::with(&[]);
    place.publish(&crate::found::titled(&Draft::new("x"), &title.replace('\u{9b}', "&#x9b;")));
    assert!(identity(EMAIL).certificate.subject_name().entries().count() > 0);
    let lines = place.run(SEARCH, &[]).succeeded();
    let fields: Vec<_> = lines.trim_end_matches('\n').split('\t').collect();
    assert_eq!((fields.len(), fields[9]), (11, "a31m bc d e"));
    assert_eq!(lines.lines().count(), 1);
}
