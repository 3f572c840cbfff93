//! The feed for mirrors.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    answers::{problem, shown},
    server::draft::Draft,
    start,
};

#[test]
fn everything_taken_is_in_the_feed_in_that_order() {
    let server = start(|_| {});
    let empty = shown(&server, "/api/v1/changes");
    assert_eq!((&empty["newest"], &empty["changes"]), (&0.into(), &serde_json::json!([])));
    let documents: Vec<_> = [
        Draft::new("b").created("2013-01-01T00:00:00Z"),
        Draft::new("a").created("2012-01-01T00:00:00Z"),
        Draft::new("b").created("2014-01-01T00:00:00Z").deprecated("old"),
    ]
    .iter()
    .map(Draft::signed)
    .collect();
    for document in &documents {
        server.publish(document.clone());
    }
    // It is there already: nothing changes.
    server.publish(documents[2].clone());
    let all = shown(&server, "/api/v1/changes");
    assert_eq!((&all["newest"], &all["feed"]), (&3.into(), &empty["feed"]));
    let changes = all["changes"].as_array().unwrap();
    let read = |change: &Value| STANDARD.decode(change["document"].as_str().unwrap()).unwrap();
    assert_eq!(changes.iter().map(read).collect::<Vec<_>>(), documents);
    let numbers = |list: &Value| -> Vec<i64> {
        list["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["sequence"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&all), [1, 2, 3]);
    assert_eq!(changes[1]["created"], "2012-01-01T00:00:00Z");
    assert_eq!(numbers(&shown(&server, "/api/v1/changes?after=1&limit=1")), [2]);
    assert_eq!(numbers(&shown(&server, "/api/v1/changes?after=3")), [0; 0]);
    assert_eq!(numbers(&shown(&server, "/api/v1/changes?after=9223372036854775807")), [0; 0]);
}

#[test]
fn a_page_of_the_feed_is_of_moderate_size() {
    let server = start(|_| {});
    let large = "x".repeat(4_000_000);
    for number in 0..6 {
        server.publish(Draft::new(&number.to_string()).text("description", &large).signed());
    }
    let (mut after, mut pages, mut entries) = (0, 0, 0);
    loop {
        let answer = server.get(&format!("/api/v1/changes?after={after}")).send();
        assert!(answer.body.len() < 40_000_000, "{}", answer.body.len());
        let page = answer.json();
        let changes = page["changes"].as_array().unwrap();
        let Some(last) = changes.last() else { break };
        after = last["sequence"].as_i64().unwrap();
        pages += 1;
        entries += changes.len();
    }
    assert_eq!(entries, 6);
    assert!(pages > 1, "24 MB in one answer");
}

#[test]
fn places_in_the_feed_are_numbers() {
    let server = start(|_| {});
    for query in ["after=-1", "after=x", "after=9223372036854775808", "limit=0", "limit=1001", "since=1"] {
        problem(&server.get(&format!("/api/v1/changes?{query}")).send(), 400);
    }
}
