//! `mirror URL`: of ours, of an original, of one that lies, of one that breaks off.

use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    folder::{Done, Folder, eight},
    liar::{self, Says},
    original,
    server::{self, Server, draft::Draft},
};

/// What `mirror URL --once` tells, into `data`.
fn mirror(folder: &Folder, url: &str) -> Done {
    folder.run(&["mirror", url, "--once", "--data", "data", "--timeout", "5"])
}

/// The source, and a copy of it: the same entries, in the same states.
fn assert_copy(source: &Server, folder: &Folder) {
    let copy = server::start_on(
        Some(stratuslab::server::settings::Database::Sqlite(folder.path("data/marketplace.sqlite"))),
        |_| {},
    );
    for list in ["/api/v1/entries?status=all&limit=1000", "/api/v1/entries?status=deprecated"] {
        assert_eq!(source.get(list).send().json(), copy.get(list).send().json());
    }
    let documents = |server: &Server| {
        let mut documents: Vec<_> = server.get("/api/v1/changes").send().json()["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["document"].as_str().unwrap().to_owned())
            .collect();
        documents.sort();
        documents
    };
    assert_eq!(documents(source), documents(&copy));
}

fn filled() -> Server {
    let source = server::start(|_| {});
    let mut drafts = eight();
    drafts.sort_by_key(Draft::path);
    for draft in drafts {
        source.publish(draft.signed());
    }
    source
}

#[test]
fn of_ours_everything_is_copied_and_then_what_is_new() {
    let (source, folder) = (filled(), Folder::new());
    mirror(&folder, &source.base)
        .ended(0, "8 entries taken, 0 there already, 0 refused\n")
        .said(&["warning: entries of anyone are taken as http://127.0.0.1"]);
    assert_copy(&source, &folder);
    mirror(&folder, &source.base).ended(0, "0 entries taken, 0 there already, 0 refused\n");
    source.publish(Draft::new("one").created("2015-01-01T00:00:00Z").signed());
    mirror(&folder, &source.base).ended(0, "1 entry taken, 0 there already, 0 refused\n");
    assert_copy(&source, &folder);
    folder.run(&["check", "--data", "data"]).ended(0, "9 entries checked, 0 faults\n");
}

#[test]
fn below_the_prefix_of_a_proxy_it_is_the_same() {
    let source = server::start(|settings| {
        settings.public_url = Some(stratuslab::server::settings::PublicUrl {
            origin: "https://market.example".to_owned(),
            prefix: "/marketplace".to_owned(),
        });
    });
    assert_eq!(source.upload(Draft::new("a").signed()).status, 201);
    let folder = Folder::new();
    let url = format!("{}/marketplace/", source.base);
    mirror(&folder, &url).ended(0, "1 entry taken, 0 there already, 0 refused\n");
}

#[test]
fn a_source_that_was_made_anew_is_copied_anew() {
    let (source, folder) = (filled(), Folder::new());
    let feeds = [
        feed("one", &[Draft::new("a").signed()]),
        feed("two", &[Draft::new("b").signed(), Draft::new("c").signed()]),
    ];
    let turn = std::sync::Arc::new(AtomicUsize::new(0));
    let now = std::sync::Arc::clone(&turn);
    let (base, targets) = liar::start(move |target| page(&feeds[now.load(Ordering::SeqCst)], target));
    mirror(&folder, &base).ended(0, "1 entry taken, 0 there already, 0 refused\n");
    turn.store(1, Ordering::SeqCst);
    mirror(&folder, &base).ended(0, "2 entries taken, 0 there already, 0 refused\n");
    let asked = targets.lock().unwrap().clone();
    assert!(asked[2].contains("after=1&") && asked[3].contains("after=0&"), "{asked:?}");
    // Several sources may be followed into one database.
    mirror(&folder, &source.base).ended(0, "8 entries taken, 0 there already, 0 refused\n");
}

/// A feed of these documents, numbered from 1.
fn feed(name: &str, documents: &[Vec<u8>]) -> Value {
    let changes: Vec<_> =
        documents.iter().enumerate().map(|(place, document)| change(place + 1, document)).collect();
    json!({ "feed": name, "newest": changes.len(), "changes": changes })
}

fn change(sequence: usize, document: &[u8]) -> Value {
    let text = String::from_utf8_lossy(document);
    let value = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or(("", "?<"));
        rest.split('<').next().unwrap().to_owned()
    };
    let created = text.rsplit_once("<dcterms:created>").map(|(before, after)| {
        // The endorsement's, which comes first.
        let first = before.split_once("<dcterms:created>").map_or(after, |(_, first)| first);
        first[..20].to_owned()
    });
    json!({
        "sequence": sequence,
        "identifier": value("dcterms:identifier"),
        "email": value("slreq:email"),
        "created": created.unwrap_or_default(),
        "document": STANDARD.encode(document),
    })
}

/// The part of a feed that a request asks for.
fn page(feed: &Value, target: &str) -> Says {
    let after = target.split("after=").nth(1).and_then(|rest| rest.split('&').next()?.parse().ok());
    let Some(after) = after.filter(|_| target.starts_with("/api/v1/changes?")) else {
        return Says::status(404);
    };
    let mut page = feed.clone();
    page["changes"].as_array_mut().unwrap().retain(|change| change["sequence"].as_i64() > Some(after));
    Says::json(&page)
}

#[test]
fn a_liar_is_not_believed_and_what_it_says_is_refused_once() {
    let (good, other) = (Draft::new("good").signed(), Draft::new("other").signed());
    let tampered = String::from_utf8(Draft::new("tampered").signed()).unwrap().replace("ttylinux", "windows");
    let future = Draft::new("future").created_in(3 * 86_400).signed();
    let mut changes =
        vec![change(1, tampered.as_bytes()), change(2, &good), change(3, &other), change(4, &future)];
    changes.push(change(5, b"<html/>"));
    changes.push(change(6, &Draft::new("path").signed()));
    changes[2]["email"] = "joe@example.org".into();
    changes[5]["created"] = "../../../etc/passwd".into();
    let feed = json!({ "feed": "f", "newest": 6, "changes": changes });
    let (base, _) = liar::start(move |target| page(&feed, target));
    let folder = Folder::new();
    mirror(&folder, &base).ended(1, "1 entry taken, 0 there already, 5 refused\n").said(&[
        "number 1, ",
        "number 3, ",
        "it is the entry ",
        "number 4, ",
        "more than a day after",
        "number 5, ",
        "number 6, ",
        "is not IDENTIFIER/EMAIL/DATE",
    ]);
    // It is not asked for them again.
    mirror(&folder, &base).ended(0, "0 entries taken, 0 there already, 0 refused\n");
}

#[test]
fn answers_that_make_no_sense_end_the_round() {
    let document = Draft::new("a").signed();
    let with = |changes: Value| Says::json(&json!({ "feed": "f", "newest": 9, "changes": changes }));
    let mut garbled = change(1, &document);
    garbled["document"] = "%%%".into();
    for (answer, words) in [
        (with(json!([change(2, &document), change(2, &document)])), "number 2 after 2"),
        (with(json!([change(2, &document), change(1, &document)])), "number 1 after 2"),
        (with(json!([garbled])), "the document of number 1"),
        (with(json!({})), "invalid type"),
        (Says::json(&json!([1, 2])), "instead of a Marketplace"),
        (Says { content_type: "application/json", ..Says::xml("x") }, "instead of a Marketplace"),
        (Says::json(&Value::from("x".repeat(60 << 20))), "more than"),
    ] {
        let (base, _) = liar::start(move |_| answer.clone());
        let done = mirror(&Folder::new(), &base);
        assert_eq!((done.status, done.stdout.as_str()), (Some(5), ""), "{words}: {done:?}");
        assert!(
            done.stderr.contains(words) || done.stderr.contains("does not answer like a Marketplace"),
            "{words}: {}",
            done.stderr
        );
    }
    // Another feed in each answer: nothing is copied for ever.
    let count = AtomicUsize::new(0);
    let (base, _) = liar::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        Says::json(
            &json!({ "feed": number.to_string(), "newest": 9, "changes": [change(number + 1, &document)] }),
        )
    });
    let done = mirror(&Folder::new(), &base);
    done.ended(5, "").said(&["answers with another feed each time"]);
}

#[test]
fn a_connection_that_breaks_is_tried_again_where_it_was() {
    let documents: Vec<_> = ["a", "b", "c"].map(|image| Draft::new(image).signed()).into();
    let whole = feed("f", &documents);
    let count = AtomicUsize::new(0);
    let (base, _) = liar::start(move |target| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let mut part = whole.clone();
        part["changes"].as_array_mut().unwrap().truncate(number + 1);
        let says = page(&part, target);
        match number {
            1 => says.cut(0),
            2 => Says::status(503),
            _ => says,
        }
    });
    let folder = Folder::new();
    let first = mirror(&folder, &base);
    // Half an answer is none; whoever asks again goes on behind what was taken.
    assert!(matches!(first.status, Some(0 | 5)), "{first:?}");
    let second = mirror(&folder, &base);
    assert_eq!(second.status, Some(0), "{second:?}");
    folder.run(&["check", "--data", "data"]).ended(0, "3 entries checked, 0 faults\n");
}

#[test]
fn of_an_original_the_newest_entries_are_taken() {
    let source = original::start();
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let upload = |draft: &Draft| {
        let posted = client.post(format!("{source}/metadata")).header("content-type", "application/xml");
        assert_eq!(posted.body(draft.signed()).send().unwrap().status(), 201);
    };
    let folder = Folder::new();
    // An empty one answers 404.
    mirror(&folder, &source).ended(0, "0 entries taken, 0 there already, 0 refused\n");
    for draft in eight() {
        upload(&draft);
    }
    // Two of the eight are superseded.
    mirror(&folder, &source).ended(0, "6 entries taken, 0 there already, 0 refused\n");
    mirror(&folder, &source).ended(0, "0 entries taken, 6 there already, 0 refused\n");
    upload(&Draft::new("four").created("2019-01-01T00:00:00Z"));
    mirror(&folder, &source).ended(0, "1 entry taken, 5 there already, 0 refused\n");
    folder.run(&["check", "--data", "data"]).ended(0, "7 entries checked, 0 faults\n");
}

#[test]
fn a_list_that_breaks_off_or_lies_gives_what_is_good_in_it() {
    let good = String::from_utf8(Draft::new("a").signed()).unwrap();
    let entry = |text: &str| text[text.find("?>").unwrap() + 2..].to_owned();
    let tampered = good.replace("ttylinux", "windows");
    let list = format!("<metadata>{}{}</metadata>", entry(&good), entry(&tampered));
    for (says, status, stdout) in [
        (Says::xml(list.clone()), 1, "1 entry taken, 0 there already, 1 refused\n"),
        (Says::xml(list.clone()).cut(list.len() - 20), 5, ""),
        (Says::xml(list[..list.len() - 11].to_owned()), 5, ""),
        (Says::xml("<metadata/>"), 0, "0 entries taken, 0 there already, 0 refused\n"),
        (Says { content_type: "text/html", ..Says::xml("<html/>") }, 5, ""),
    ] {
        let (base, _) =
            liar::start(
                move |target| {
                    if target.starts_with("/metadata?") { says.clone() } else { Says::status(404) }
                },
            );
        mirror(&Folder::new(), &base).ended(status, stdout);
    }
}

#[test]
fn who_may_endorse_here_is_asked_of_a_mirror_too() {
    let (source, folder) = (filled(), Folder::new());
    let jane = crate::server::draft::identity("jane.tester@example.org");
    let certificate = stratuslab::Certificate::from_der(&jane.certificate_der()).unwrap();
    let fingerprint = certificate.sha256_fingerprint();
    let done =
        folder.run(&["mirror", &source.base, "--once", "--data", "data", "--endorsed-by", &fingerprint]);
    done.ended(1, "6 entries taken, 0 there already, 2 refused\n")
        .said(&["this Marketplace takes entries of certain endorsers only"]);
    let named =
        folder.run(&["mirror", &source.base, "--once", "--data", "data", "--endorsed-by", "joe@example.org"]);
    named.ended(2, "").said(&["is a name, which counts only if there are trust anchors"]);
}

#[test]
fn a_mirror_follows_until_it_is_ended() {
    let (source, folder) = (filled(), Folder::new());
    let mut command = folder.command();
    command.args(["mirror", &source.base, "--interval", "1", "--data", "data"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let taken = |count: usize| {
        let start = Instant::now();
        loop {
            let done = folder.run(&["check", "--data", "data"]);
            if done.stdout.starts_with(&format!("{count} entries checked, 0 faults")) {
                return;
            }
            assert!(start.elapsed() < Duration::from_mins(1), "{done:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    taken(8);
    source.publish(Draft::new("new").signed());
    taken(9);
    // Whoever is gone is waited for.
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn where_there_is_nobody_that_is_said() {
    let folder = Folder::new();
    let done = mirror(&folder, "http://127.0.0.1:1");
    done.ended(5, "").said(&["error: cannot connect to http://127.0.0.1:1"]);
    folder.run(&["mirror", "ftp://example.org", "--once"]).ended(2, "");
}
