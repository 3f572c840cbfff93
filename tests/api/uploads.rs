//! Uploads, and verdicts on what is not uploaded.

use serde_json::Value;

use crate::{
    answers::{path, problem, shown},
    server::{Answer, Server, draft::Draft},
    start,
};

fn upload(server: &Server, document: impl Into<Vec<u8>>) -> Answer {
    server.post("/api/v1/entries", "application/rdf+xml", document).send()
}

fn judge(server: &Server, document: impl Into<Vec<u8>>) -> Value {
    let answer = server.post("/api/v1/verdict", "application/xml", document).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn an_upload_is_an_entry_at_once_and_the_same_again_is_harmless() {
    let server = start(|_| {});
    let (draft, document) = (Draft::new("a"), Draft::new("a").signed());
    let answer = upload(&server, document.clone());
    assert_eq!((answer.status, &answer.json()["outcome"]), (201, &"created".into()));
    assert_eq!(answer.header("location"), format!("{}{}", server.base, path(&draft)));
    assert!(answer.json()["checks"].as_array().unwrap().len() > 5);
    assert_eq!(shown(&server, &path(&draft))["email"], "jane.tester@example.org");
    let again = upload(&server, document);
    assert_eq!((again.status, &again.json()["outcome"]), (200, &"same".into()));
}

#[test]
fn what_is_refused_is_refused_with_every_check() {
    let server = start(|_| {});
    let document = Draft::new("a").signed();
    let text = String::from_utf8(document.clone()).unwrap();
    let answer = upload(&server, text.replace("ttylinux", "windows"));
    let message = problem(&answer, 400);
    assert!(message.starts_with("invalid metadata: "), "{message}");
    let failed = |check: &&Value| check["outcome"] == "failed";
    let checks = answer.json()["checks"].clone();
    assert_eq!(checks.as_array().unwrap().iter().find(failed).unwrap()["name"], "signature");

    // S11: the same key with other bytes; and an older one.
    assert_eq!(upload(&server, document).status, 201);
    assert!(
        problem(&upload(&server, Draft::new("a").text("os", "other").signed()), 400)
            .contains("other content")
    );
    let older = Draft::new("a").created("2011-01-01T00:00:00Z").signed();
    assert_eq!(problem(&upload(&server, older), 400), "invalid metadata: older than latest entry");
}

#[test]
fn only_xml_of_bounded_size_is_taken() {
    let server = start(|settings| settings.max_entry_bytes = 10_000);
    for target in ["/api/v1/entries", "/api/v1/verdict"] {
        problem(&server.post(target, "application/json", "{}").send(), 415);
        problem(&server.post(target, "multipart/form-data; boundary=x", "--x--").send(), 415);
        problem(&server.post(target, "", "<a/>").send(), 415);
        problem(&server.post(target, "application/xml", "").send(), 400);
        problem(&server.post(target, "application/xml", vec![b'x'; 10_001]).send(), 413);
        let answer = server.post(target, "text/xml; charset=utf-8", "<a/>").send();
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    }
}

#[test]
fn where_nothing_is_taken_a_verdict_can_still_be_had() {
    let server = start(|settings| settings.read_only = true);
    let document = Draft::new("a").signed();
    problem(&upload(&server, document.clone()), 403);
    assert_eq!(judge(&server, document)["accepted"], true);
}

#[test]
fn a_verdict_stores_nothing_and_tells_what_is_wrong() {
    let server = start(|_| {});
    let good = judge(&server, Draft::new("a").signed());
    assert_eq!((&good["accepted"], &good["reason"]), (&true.into(), &Value::Null));
    assert_eq!(shown(&server, "/api/v1/entries")["entries"], serde_json::json!([]));
    let unsigned = judge(&server, Draft::new("a").unsigned());
    assert_eq!((&unsigned["accepted"], &unsigned["entry"]), (&false.into(), &Value::Null));
    assert!(unsigned["reason"].as_str().unwrap().starts_with("invalid metadata: "));
    for nonsense in
        ["no xml at all", "<a>", "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"]
    {
        let verdict = judge(&server, nonsense);
        assert_eq!(verdict["checks"][0]["name"], "well-formed", "{verdict}");
        assert_eq!(verdict["checks"][0]["outcome"], "failed");
    }
    // S12
    let future = judge(&server, Draft::new("a").created_in(86_400).signed());
    assert_eq!(future["accepted"], false);
}
