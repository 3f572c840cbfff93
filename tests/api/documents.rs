//! One entry: what it says, its document, its verdict.

use serde_json::Value;

use crate::{
    answers::{path, problem, shown},
    server::draft::Draft,
    start,
};

#[test]
fn an_entry_is_shown_with_all_it_says_and_how_it_was_signed() {
    let server = start(|_| {});
    let draft = Draft::new("an image\n").text("title", "A title").text("tag", "latest");
    let document = draft.signed();
    server.publish(document.clone());
    let entry = shown(&server, &path(&draft));
    assert_eq!(entry["identifier"], draft.identifier().to_string());
    assert_eq!(
        (&entry["title"], &entry["tag"], &entry["type"]),
        (&"A title".into(), &"latest".into(), &"base".into())
    );
    assert_eq!((&entry["state"], &entry["bytes"]), (&"valid".into(), &9.into()));
    assert_eq!(
        (&entry["image_created"], &entry["hypervisor"]),
        (&"2012-01-01T00:00:00Z".into(), &Value::Null)
    );
    assert_eq!(entry["document"]["bytes"], document.len());
    let digest = u64::from_str_radix(&entry["document"]["sha256"].as_str().unwrap()[..16], 16).unwrap();
    assert_eq!(digest.to_be_bytes(), openssl::sha::sha256(&document)[..8]);
    let algorithms: Vec<_> =
        entry["checksums"].as_array().unwrap().iter().map(|c| c["algorithm"].as_str().unwrap()).collect();
    assert_eq!(algorithms, ["SHA-1", "SHA-256"]);
    assert_eq!(entry["checksums"][0]["value"], draft.identifier().sha1_hex());
    let signature = &entry["signature"];
    assert_eq!((&signature["method"], &signature["digest"]), (&"ecdsa-sha256".into(), &"sha256".into()));
    assert_eq!(signature["certificate"]["email"], "jane.tester@example.org");
    assert_eq!(signature["certificate"]["subject"], entry["subject"]);
    assert_eq!(signature["certificate"]["sha256_fingerprint"].as_str().unwrap().len(), 64);
}

#[test]
fn the_state_of_an_entry_is_told() {
    let server = start(|_| {});
    let first = Draft::new("a");
    let second = first.clone().created("2013-01-01T00:00:00Z").deprecated("");
    let expired = Draft::new("b").valid("2012-12-12T12:12:12Z");
    for draft in [&first, &second, &expired] {
        server.publish(draft.signed());
    }
    for (draft, state) in [(&first, "superseded"), (&second, "deprecated"), (&expired, "expired")] {
        assert_eq!(shown(&server, &path(draft))["state"], state);
    }
    // S33: an empty reason counts.
    assert_eq!(shown(&server, &path(&second))["deprecated"], "");
}

#[test]
fn the_document_is_the_very_bytes_for_ever() {
    let server = start(|_| {});
    let draft = Draft::new("a").text("title", "é\u{2028}\u{85}");
    let document = draft.signed();
    server.publish(document.clone());
    let path = format!("{}/document", path(&draft));
    let answer = server.get(&path).send();
    assert_eq!((answer.status, &answer.body), (200, &document));
    assert_eq!(answer.header("content-type"), "application/rdf+xml");
    assert!(answer.header("cache-control").contains("immutable"), "{answer:?}");
    let tag = answer.header("etag");
    let again = server.get(&path).header("if-none-match", &tag).send();
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag));
    let head = server.head(&path).send();
    assert_eq!((head.status, head.header("content-length")), (200, document.len().to_string()));
}

#[test]
fn what_is_not_there_is_not_found_and_what_cannot_be_is_a_mistake() {
    let server = start(|_| {});
    for rest in ["", "/document", "/verdict"] {
        let answer = server.get(&format!("{}{rest}", path(&Draft::new("a")))).send();
        assert_eq!(problem(&answer, 404), "there is no such entry");
    }
    for key in [
        "x/jane@example.org/2012-03-04T05:06:07Z",
        "IndydRp_W-qiut7CJbYsRxJODTB/jane/2012-03-04T05:06:07Z",
        "IndydRp_W-qiut7CJbYsRxJODTB/jane@example.org/today",
        "IndydRp_W-qiut7CJbYsRxJODTB/jane@example.org/2012-03-04T05:06:07Z%2F",
        "IndydRp_W-qiut7CJbYsRxJODTB/%FF@example.org/2012-03-04T05:06:07Z",
        "IndydRp_W-qiut7CJbYsRxJODTB/..%2F..%2Fjane@example.org/2012-03-04T05:06:07Z",
    ] {
        problem(&server.get(&format!("/api/v1/entries/{key}")).send(), 400);
    }
}

#[test]
fn percent_encoded_keys_are_the_same_keys() {
    let server = start(|_| {});
    let draft = Draft::new("a");
    server.publish(draft.signed());
    let encoded = path(&draft).replace('@', "%40").replace(':', "%3A");
    assert_eq!(shown(&server, &encoded)["email"], "jane.tester@example.org");
}

#[test]
fn a_stored_entry_is_judged_again_check_by_check() {
    let server = start(|_| {});
    let draft = Draft::new("a");
    server.publish(draft.signed());
    let verdict = shown(&server, &format!("{}/verdict", path(&draft)));
    assert_eq!((&verdict["accepted"], &verdict["reason"]), (&true.into(), &Value::Null));
    assert_eq!(
        (&verdict["confirmation"], &verdict["entry"]["email"]),
        (&false.into(), &"jane.tester@example.org".into())
    );
    let checks = verdict["checks"].as_array().unwrap();
    let signature = checks.iter().find(|check| check["name"] == "signature").unwrap();
    assert_eq!(signature, &serde_json::json!({ "name": "signature", "outcome": "passed", "message": null }));
}
