//! Lists of entries.

use serde_json::Value;

use crate::{
    answers::{problem, shown},
    server::{Server, draft::Draft},
    start,
};

/// Seven images, endorsed one second after the other.
fn seven() -> Server {
    let server = start(|_| {});
    for number in 0..7 {
        let draft = Draft::new(&format!("image {number}"))
            .created(&format!("2012-03-04T05:06:0{number}Z"))
            .text("os", ["centos", "debian"][number % 2])
            .text("title", &format!("number {number}"));
        server.publish(draft.signed());
    }
    server
}

/// The titles of a list.
fn titles(list: &Value) -> Vec<String> {
    let entries = list["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_is_paged_through_by_its_links_forth_and_back() {
    let server = seven();
    let first = shown(&server, "/api/v1/entries?limit=3");
    assert_eq!(titles(&first), ["number 6", "number 5", "number 4"]);
    assert_eq!(first["previous"], Value::Null);
    let second = shown(&server, first["next"].as_str().unwrap());
    assert_eq!(titles(&second), ["number 3", "number 2", "number 1"]);
    let third = shown(&server, second["next"].as_str().unwrap());
    assert_eq!((titles(&third), &third["next"]), (vec!["number 0".to_owned()], &Value::Null));
    let back = shown(&server, third["previous"].as_str().unwrap());
    assert_eq!(titles(&back), titles(&second));
    assert_eq!(titles(&shown(&server, back["previous"].as_str().unwrap())), titles(&first));
}

#[test]
fn what_is_uploaded_meanwhile_does_not_move_the_next_page() {
    let server = seven();
    let first = shown(&server, "/api/v1/entries?limit=3");
    server.publish(Draft::new("new").created("2013-01-01T00:00:00Z").signed());
    let second = shown(&server, first["next"].as_str().unwrap());
    assert_eq!(titles(&second), ["number 3", "number 2", "number 1"]);
}

#[test]
fn filters_and_order_stay_in_the_links() {
    let server = seven();
    let first = shown(&server, "/api/v1/entries?os=DEB&sort=created&limit=2&q=number%20image");
    assert_eq!(titles(&first), ["number 1", "number 3"]);
    let next = first["next"].as_str().unwrap();
    assert!(next.contains("os=DEB") && next.contains("sort=created") && next.contains("limit=2"), "{next}");
    assert_eq!(titles(&shown(&server, next)), ["number 5"]);
}

#[test]
fn filters_go_by_name() {
    let server = start(|_| {});
    let jane = Draft::new("a").text("os-version", "7").text("title", "Jane's");
    let joe = Draft::new("b").email("joe@example.org").text("title", "Joe's").locations(&["pdisk:x"]);
    let old = Draft::new("c").valid("2012-12-12T12:12:12Z").text("title", "old");
    let bad = Draft::new("d").deprecated("a hole").text("title", "bad");
    for draft in [&jane, &joe, &old, &bad] {
        server.publish(draft.signed());
    }
    for (query, expected) in [
        ("sort=title", vec!["Jane's", "Joe's"]),
        ("email=joe@example.org", vec!["Joe's"]),
        ("email=jo@example.org", vec![]),
        ("endorser=jane", vec!["Jane's"]),
        ("os-version=7", vec!["Jane's"]),
        ("location=pdisk", vec!["Joe's"]),
        ("status=expired", vec!["old"]),
        ("status=deprecated", vec!["bad"]),
        ("status=all&sort=-title", vec!["old", "Joe's", "Jane's", "bad"]),
        ("q=joe", vec!["Joe's"]),
        ("q=%25", vec![]),
    ] {
        assert_eq!(titles(&shown(&server, &format!("/api/v1/entries?{query}"))), expected, "{query}");
    }
    let by_image = format!("/api/v1/entries?identifier={}", jane.identifier());
    assert_eq!(titles(&shown(&server, &by_image)), ["Jane's"]);
}

#[test]
fn an_entry_in_a_list_says_what_it_has_and_null_for_the_rest() {
    let server = start(|_| {});
    let draft = Draft::new("a").text("os", "ttylinux").locations(&["http://a.example/", "http://b.example/"]);
    let document = draft.signed();
    server.publish(document.clone());
    let entry = &shown(&server, "/api/v1/entries")["entries"][0];
    assert_eq!(entry["identifier"], draft.identifier().to_string());
    assert_eq!(
        (&entry["email"], &entry["created"]),
        (&"jane.tester@example.org".into(), &"2012-03-04T05:06:07Z".into())
    );
    assert_eq!((&entry["state"], &entry["os"]), (&"valid".into(), &"ttylinux".into()));
    assert_eq!((&entry["os_version"], &entry["deprecated"]), (&Value::Null, &Value::Null));
    assert_eq!(entry["locations"], serde_json::json!(["http://a.example/", "http://b.example/"]));
    assert_eq!(entry["bytes"], 1);
    let links = &entry["links"];
    assert_eq!(shown(&server, links["self"].as_str().unwrap())["os"], "ttylinux");
    assert_eq!(server.get(links["document"].as_str().unwrap()).send().body, document);
}

#[test]
fn what_is_not_understood_is_refused() {
    let server = start(|_| {});
    for query in [
        "colour=blue",
        "statsu=all",
        "status=ALL",
        "status=",
        "location=moon",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=-1",
        "limit=99999999999999999999",
        "sort=size",
        "sort=",
        "identifier=x",
        "email=jane",
        "created=yesterday",
        "created=2011-02-30T00:00:00Z",
        "cursor=x",
        "cursor=n!",
        "cursor=",
        "after=AAAAAAAAAAE",
        "limit=1&limit=2",
        "os=%00",
        "iDisplayStart=1",
        "length=1",
    ] {
        problem(&server.get(&format!("/api/v1/entries?{query}")).send(), 400);
    }
    let long = "x".repeat(129);
    problem(&server.get(&format!("/api/v1/entries?q={long}")).send(), 400);
    let words = "a%20".repeat(17);
    problem(&server.get(&format!("/api/v1/entries?q={words}")).send(), 400);
}

#[test]
fn an_empty_marketplace_has_an_empty_list() {
    let server = start(|_| {});
    let list = shown(&server, "/api/v1/entries");
    assert_eq!(list, serde_json::json!({ "entries": [], "next": null, "previous": null }));
}

#[test]
fn what_there_is_not_is_a_problem_in_json() {
    let server = start(|_| {});
    problem(&server.get("/api/v1/nothing").accept("text/html").send(), 404);
    let answer = server.post("/api/v1/endorsers", "application/xml", "x").send();
    problem(&answer, 405);
    assert!(answer.header("allow").contains("GET"), "{answer:?}");
}

#[test]
fn links_begin_with_the_prefix_of_the_public_url() {
    let server = start(|settings| {
        settings.public_url = Some(stratuslab::server::settings::PublicUrl {
            origin: "https://market.example".to_owned(),
            prefix: "/market/place".to_owned(),
        });
    });
    for number in 0..2 {
        let answer = server.upload(Draft::new(&format!("image {number}")).signed());
        assert_eq!(answer.status, 201);
    }
    for path in ["/market/place/api/v1/entries?limit=1", "/api/v1/entries?limit=1"] {
        let list = shown(&server, path);
        assert!(
            list["next"].as_str().unwrap().starts_with("/market/place/api/v1/entries?limit=1&cursor=n"),
            "{list}"
        );
        assert!(
            list["entries"][0]["links"]["self"]
                .as_str()
                .unwrap()
                .starts_with("/market/place/api/v1/entries/")
        );
    }
    let description = shown(&server, "/api/openapi.json");
    assert_eq!(description["servers"][0]["url"], "/market/place");
}
