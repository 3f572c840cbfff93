//! Images, their endorsers, and tags.

use serde_json::Value;

use crate::{
    answers::{problem, shown},
    server::draft::Draft,
    start,
};

/// A field of each entry.
fn each<'a>(entries: &'a Value, name: &str) -> Vec<&'a str> {
    entries.as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap()).collect()
}

#[test]
fn an_image_has_the_newest_entry_of_each_endorser_whatever_its_state() {
    let server = start(|_| {});
    let jane = Draft::new("a");
    let newer = jane.clone().created("2013-01-01T00:00:00Z").deprecated("a hole");
    let joe = jane.clone().email("joe@example.org").created("2012-06-01T00:00:00Z");
    for draft in [&jane, &newer, &joe, &Draft::new("another")] {
        server.publish(draft.signed());
    }
    let path = format!("/api/v1/images/{}", jane.identifier());
    let image = shown(&server, &path);
    assert_eq!(image["sha1"], jane.identifier().sha1_hex());
    let endorsements = &image["endorsements"];
    assert_eq!(each(endorsements, "state"), ["deprecated", "valid"]);
    assert_eq!(each(endorsements, "email"), ["jane.tester@example.org", "joe@example.org"]);

    let history = shown(&server, image["history"].as_str().unwrap());
    assert_eq!(each(&history["entries"], "state"), ["deprecated", "valid", "superseded"]);
    assert_eq!(history["complete"], true);
    let part = shown(&server, &format!("{path}/history?limit=2"));
    assert_eq!(
        (each(&part["entries"], "state"), &part["complete"]),
        (vec!["deprecated", "valid"], &false.into())
    );
    let of_jane = shown(&server, &format!("{path}/history?email=jane.tester@example.org"));
    assert_eq!(each(&of_jane["entries"], "state"), ["deprecated", "superseded"]);
    let last_of_jane = shown(&server, &format!("{path}/history?email=jane.tester@example.org&limit=1"));
    assert_eq!(
        (each(&last_of_jane["entries"], "state"), &last_of_jane["complete"]),
        (vec!["deprecated"], &false.into())
    );

    let first = shown(&server, &format!("{path}?limit=1"));
    let second = shown(&server, first["next"].as_str().unwrap());
    assert_eq!(each(&second["endorsements"], "email"), ["joe@example.org"]);
    assert_eq!(second["next"], Value::Null);
}

#[test]
fn an_image_that_nobody_endorses_is_not_found() {
    let server = start(|_| {});
    let identifier = Draft::new("a").identifier();
    problem(&server.get(&format!("/api/v1/images/{identifier}")).send(), 404);
    problem(&server.get(&format!("/api/v1/images/{identifier}/history")).send(), 404);
    problem(&server.get("/api/v1/images/nonsense").send(), 400);
    problem(&server.get(&format!("/api/v1/images/{identifier}?status=all")).send(), 400);
    problem(&server.get(&format!("/api/v1/images/{identifier}/history?limit=0")).send(), 400);
}

#[test]
fn endorsers_and_their_tags_are_listed() {
    let server = start(|_| {});
    for draft in [
        Draft::new("a").text("tag", "stable"),
        Draft::new("b").text("tag", "stable").created("2013-01-01T00:00:00Z"),
        Draft::new("c").text("tag", "latest"),
        // S41
        Draft::new("d").text("tag", ""),
        Draft::new("e").email("joe@example.org"),
    ] {
        server.publish(draft.signed());
    }
    let endorsers = shown(&server, "/api/v1/endorsers");
    assert_eq!(each(&endorsers["endorsers"], "email"), ["jane.tester@example.org", "joe@example.org"]);
    let tags = shown(&server, "/api/v1/endorsers/jane.tester@example.org/tags");
    assert_eq!(tags["tags"], serde_json::json!(["latest", "stable"]));
    let nobody = shown(&server, "/api/v1/endorsers/nobody@example.org/tags");
    assert_eq!(nobody, serde_json::json!({ "email": "nobody@example.org", "tags": [] }));
    let tagged = shown(&server, "/api/v1/endorsers/jane.tester@example.org/tagged?tag=stable");
    assert_eq!(tagged["identifier"], Draft::new("b").identifier().to_string());
    for (query, status) in [("tag=none", 404), ("tag=", 400), ("", 400), ("tag=stable&x=1", 400)] {
        problem(
            &server.get(&format!("/api/v1/endorsers/jane.tester@example.org/tagged?{query}")).send(),
            status,
        );
    }
    problem(&server.get("/api/v1/endorsers/nobody/tags").send(), 400);
}
