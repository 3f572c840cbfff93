//! Endorsers, their history and their tags (behaviour 1.13).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    server::{
        Server,
        draft::{Draft, EMAIL},
    },
    start,
};

type Row = BTreeMap<String, String>;

/// The variables and rows of a SPARQL result document in XML.
fn results(server: &Server, path: &str) -> (Vec<String>, Vec<Row>) {
    let answer = server.get(path).accept("application/xml").send();
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/xml"), "{path}");
    let text = answer.text();
    let tree = roxmltree::Document::parse(&text).unwrap();
    let root = tree.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2005/sparql-results#"));
    let named = |node: roxmltree::Node| node.attribute("name").map(str::to_owned);
    let variables = root.descendants().filter(|node| node.tag_name().name() == "variable").filter_map(named);
    let row = |node: roxmltree::Node| {
        let bindings = node.children().filter(roxmltree::Node::is_element);
        let binding = |node: roxmltree::Node| {
            let literal = node.first_element_child().unwrap();
            assert_eq!(literal.tag_name().name(), "literal");
            (named(node).unwrap(), literal.text().unwrap_or_default().to_owned())
        };
        bindings.map(binding).collect()
    };
    let rows = root.descendants().filter(|node| node.tag_name().name() == "result").map(row);
    (variables.collect(), rows.collect())
}

#[test]
fn endorsers_are_distinct_over_all_entries() {
    let server = start(|_| ());
    assert_eq!(results(&server, "/endorsers").1, []);
    for draft in [
        Draft::new("one").created("2012-01-01T00:00:00Z"),
        Draft::new("one").created("2012-01-02T00:00:00Z").deprecated(""),
        Draft::new("two").email("john@example.org").valid("2013-01-01T00:00:00Z"),
    ] {
        server.publish(draft.signed());
    }
    let (variables, rows) = results(&server, "/endorsers");
    assert_eq!(variables, ["email", "subject", "issuer"]);
    let emails: BTreeSet<&str> = rows.iter().map(|row| row["email"].as_str()).collect();
    assert_eq!((rows.len(), emails), (2, BTreeSet::from([EMAIL, "john@example.org"])));
    let name = "CN=john@example.org,O=StratusLab,C=FR";
    assert!(rows.iter().any(|row| row["subject"] == name && row["issuer"] == name), "{rows:?}");
}

#[test]
fn the_history_of_an_endorser_is_of_the_last_days() {
    let server = start(|_| ());
    let day = 86_400;
    let drafts = [
        Draft::new("one").created_in(-400 * day),
        Draft::new("one").created_in(-80 * day).locations(&[]),
        Draft::new("two").created_in(-40 * day).deprecated("bad"),
        Draft::new("two")
            .created_in(-10 * day)
            .text("description", "d")
            .locations(&["http://a/", "http://b/"]),
    ];
    for draft in &drafts {
        server.publish(draft.signed());
    }
    server.publish(Draft::new("two").email("john@example.org").created_in(-day).signed());
    let rows = |range: &str| results(&server, &format!("/endorsers/{EMAIL}{range}")).1;
    assert_eq!(rows("").len(), 2);
    assert_eq!(rows("?range=30").len(), 2);
    for nonsense in ["?range=x", "?range=", "?range=1.5", "?range=99999999999999999999"] {
        assert_eq!(rows(nonsense).len(), 2, "{nonsense}");
    }
    assert_eq!(rows("?range=60").len(), 3);
    assert_eq!(rows("?range=90").len(), 4);
    assert_eq!(rows("?range=100000000").len(), 5);
    assert_eq!(rows("?range=0").len(), 0);
    assert_eq!(rows("?range=-5").len(), 0);
    let (variables, rows) = results(&server, &format!("/endorsers/{EMAIL}?range=90"));
    assert_eq!(variables, ["identifier", "created", "description", "location", "deprecated", "email"]);
    assert_eq!((rows[0]["location"].as_str(), rows[1]["location"].as_str()), ("http://a/", "http://b/"));
    assert_eq!((rows[0]["description"].as_str(), rows[0]["email"].as_str()), ("d", EMAIL));
    assert_eq!(rows[2]["deprecated"], "bad");
    // What has no value is left out.
    assert!(!rows[3].contains_key("location") && !rows[3].contains_key("deprecated"));
    for unknown in ["nobody@example.org", "nonsense", "%3Cx%3E"] {
        assert_eq!(results(&server, &format!("/endorsers/{unknown}")).1, [], "{unknown}");
    }
}

#[test]
fn s41_tags_are_listed_without_the_empty_one() {
    let server = start(|_| ());
    for (image, tag) in [("one", "b"), ("two", ""), ("three", "a <&> \"b\""), ("four", "b")] {
        server.publish(Draft::new(image).extra(&alternative(tag)).signed());
    }
    let (variables, rows) = results(&server, &format!("/endorsers/{EMAIL}/tags"));
    let tags: Vec<&str> = rows.iter().map(|row| row["tag"].as_str()).collect();
    assert_eq!((variables, tags), (vec!["tag".to_owned()], vec!["a <&> \"b\"", "b"]));
    assert_eq!(results(&server, "/endorsers/nobody@example.org/tags").1, []);
}

/// Where the originals' tools put it.
fn alternative(tag: &str) -> String {
    let tag = tag.replace('&', "&amp;").replace('<', "&lt;");
    format!("<dcterms:alternative>{tag}</dcterms:alternative>")
}

#[test]
fn results_in_json_are_those_of_sparql() {
    let server = start(|_| ());
    server.publish(Draft::new("one").signed());
    let answer = server.get("/endorsers").accept("application/sparql-results+json").send();
    assert_eq!(answer.header("content-type"), "application/sparql-results+json");
    let document = answer.json();
    assert_eq!(document["head"]["vars"][0], "email");
    let email = &document["results"]["bindings"][0]["email"];
    assert_eq!((&email["type"], &email["value"]), (&"literal".into(), &EMAIL.into()));
}

#[test]
fn endorsers_have_pages() {
    let server = start(|_| ());
    server.publish(Draft::new("one").text("tag", "t").signed());
    for path in ["/endorsers", &format!("/endorsers/{EMAIL}"), &format!("/endorsers/{EMAIL}/tags"), "/upload"]
    {
        let answer = server.get(path).accept("text/html").send();
        assert_eq!(
            (answer.status, answer.header("content-type").as_str()),
            (200, "text/html; charset=utf-8")
        );
    }
}
