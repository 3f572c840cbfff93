use serde_json::json;

use super::ask::{PREFIXES, ask, caught_up, form, path, solutions, start};
use crate::server::{Server, draft::Draft};

const OS: &str = "SELECT ?os WHERE { ?e slterms:os ?os }";

fn with_one_entry() -> Server {
    let server = start(|_| {});
    server.publish(Draft::new("one").text("os", "ttylinux").text("title", "<b>&amp;").signed());
    caught_up(&server);
    server
}

#[test]
fn an_entry_is_found_by_what_it_says_under_the_subject_of_its_endorsement() {
    let server = start(|_| {});
    let draft = Draft::new("one").created("2013-01-02T03:04:05Z");
    server.publish(draft.signed());
    caught_up(&server);
    let found = solutions(
        &server,
        "SELECT ?e ?created ?email ?value WHERE { \
           ?e slterms:os \"ttylinux\" ; slterms:tag \"latest\" ; slreq:endorsement ?n ; slreq:checksum ?c . \
           ?n dcterms:created ?created ; slreq:endorser [ slreq:email ?email ] . \
           ?c slreq:algorithm \"SHA-1\" ; slreq:value ?value }",
    );
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let key = draft.path().replace("/metadata/", "");
    assert!(
        found.starts_with(&format!("e=http://mp.stratuslab.eu/#{key} created=2013-01-02T03:04:05Z email="))
    );
    assert_eq!(
        ask(&server, &format!("ASK {{ <http://mp.stratuslab.eu/#{key}> ?p ?o }}")).json()["boolean"],
        true
    );
}

#[test]
fn results_and_graphs_come_as_the_client_likes_them() {
    let server = with_one_entry();
    let construct = "CONSTRUCT { ?e slterms:os ?os } WHERE { ?e slterms:os ?os }";
    let xml = "application/sparql-results+xml";
    let json = "application/sparql-results+json";
    for (accept, solutions, graph) in [
        ("*/*", xml, "application/rdf+xml"),
        ("application/xml", xml, "application/rdf+xml"),
        ("application/sparql-results+xml", xml, "application/rdf+xml"),
        ("application/rdf+xml", xml, "application/rdf+xml"),
        ("application/json", json, "application/json"),
        ("application/sparql-results+json", json, "application/json"),
        ("text/csv", "text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        (
            "text/tab-separated-values",
            "text/tab-separated-values; charset=utf-8",
            "text/tab-separated-values; charset=utf-8",
        ),
        ("text/turtle", xml, "text/turtle; charset=utf-8"),
        ("application/n-triples", xml, "application/n-triples"),
        ("image/png", xml, "application/rdf+xml"),
    ] {
        for (query, expected) in [(OS, solutions), (construct, graph), ("ASK {}", solutions)] {
            let answer = server.get(&path(query)).accept(accept).send();
            assert_eq!(
                (answer.status, answer.header("content-type").as_str()),
                (200, expected),
                "{accept} {query}"
            );
            assert!(answer.header("vary").contains("accept"));
            if expected.ends_with("+xml") {
                roxmltree::Document::parse(&answer.text()).unwrap();
            }
        }
    }
    let media = server.get(&format!("{}&media=json", path(OS))).accept("text/html").send();
    assert_eq!(
        media.json(),
        json!({"head": {"vars": ["os"]},
               "results": {"bindings": [{"os": {"type": "literal", "value": "ttylinux"}}]}})
    );
    let turtle = server.get(&path(construct)).accept("text/turtle").send().text();
    assert!(turtle.ends_with("<http://mp.stratuslab.eu/slterms#os> \"ttylinux\" .\n"), "{turtle}");
    assert_eq!(server.get(&path(OS)).accept("text/csv").send().text(), "os\r\nttylinux\r\n");
    assert_eq!(server.get(&path("ASK {}")).accept("application/json").send().json()["boolean"], true);
}

#[test]
fn a_described_entry_comes_with_all_it_says() {
    let server = with_one_entry();
    let answer =
        server.get(&path("DESCRIBE ?e WHERE { ?e slterms:os ?os }")).accept("application/json").send();
    let graph = answer.json();
    let (subject, said) =
        graph.as_object().unwrap().iter().find(|(name, _)| name.starts_with("http")).unwrap();
    assert!(subject.starts_with("http://mp.stratuslab.eu/#"));
    assert_eq!(said["http://purl.org/dc/terms/title"][0]["value"], "<b>&amp;");
    assert_eq!(said["http://mp.stratuslab.eu/slterms#tag"][0]["value"], "latest");
}

#[test]
fn people_get_a_page_with_a_table_or_the_mistake_and_nothing_of_it_is_html() {
    let server = with_one_entry();
    let page = |query: &str| server.get(&path(query)).accept("text/html").send();
    let answer = page("SELECT ?title WHERE { ?e dcterms:title ?title }");
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "text/html; charset=utf-8"));
    // S31: escaped, whatever it is.
    assert!(answer.text().contains("&#60;b&#62;") || answer.text().contains("&lt;b&gt;"));
    assert!(!answer.text().contains("<b>&amp;"));
    let wrong = page("SELECT <script>");
    assert_eq!(wrong.status, 400);
    assert!(!wrong.text().contains("SELECT <script>"), "{}", wrong.text());
    assert_eq!(page("ASK {}").status, 200);
    assert_eq!(page("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }").status, 200);
    // More than a page has room for is cut there, and only there.
    let many = "SELECT * { VALUES ?a { 1 2 3 4 5 6 7 8 9 10 } VALUES ?b { 1 2 3 4 5 6 7 8 9 10 } \
                VALUES ?c { 1 2 3 4 5 6 7 8 9 10 } }";
    assert_eq!(page(many).status, 200);
    assert_eq!(solutions(&server, many).len(), 1000);
}

#[test]
fn without_a_query_there_is_no_content_or_the_empty_page() {
    let server = start(|_| {});
    for path in ["/query", "/query?query=", "/query?query=%20", "/query/"] {
        let answer = server.get(path).send();
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
        assert_eq!(server.get(path).accept("application/json").send().status, 204);
        let page = server.get(path).accept("text/html").send();
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<textarea"));
    }
}

#[test]
fn queries_are_posted_as_a_form_or_as_they_are() {
    let server = with_one_entry();
    let query = format!("{PREFIXES}{OS}");
    let posted = |content_type: &str, body: &str| {
        server.post("/query", content_type, body).accept("application/json").send()
    };
    let expected = ask(&server, OS).body;
    assert_eq!(posted("application/x-www-form-urlencoded", &form(&[("query", &query)])).body, expected);
    assert_eq!(posted("application/sparql-query", &query).body, expected);
    assert_eq!(posted("application/sparql-query; charset=utf-8", &query).body, expected);
    assert_eq!(posted("text/plain", &query).status, 415);
    assert_eq!(posted("application/sparql-update", "CLEAR ALL").status, 400);
    assert_eq!(posted("application/x-www-form-urlencoded", "update=CLEAR+ALL").status, 400);
    assert_eq!(posted("application/sparql-query", "").status, 204);
    let latin = server.post("/query", "application/sparql-query", b"ASK { ?a ?b \"\xe9\" }".to_vec()).send();
    assert_eq!(latin.status, 400);
}

#[test]
fn s6_what_is_no_query_is_the_clients_mistake() {
    let server = start(|_| {});
    for query in
        ["SELECT", "nonsense", "SELECT * { ?s ?p ?o", "INSERT DATA { <a:> <b:> <c:> }", "DROP ALL", "\0"]
    {
        let answer = ask(&server, query);
        assert_eq!(answer.status, 400, "{query}");
        let message = answer.json()["400"].as_str().unwrap().to_owned();
        assert!(!message.contains('\n') && !message.is_empty() && message.len() < 2100, "{message}");
    }
    let unknown = ask(&server, "SELECT (<http://example.org/f>(1) AS ?x) {}");
    assert_eq!(unknown.status, 400, "{}", unknown.text());
    assert_eq!(server.get(&format!("{}&query=x", path("ASK {}"))).send().status, 400);
    let long = format!("ASK {{ }} #{}", "x".repeat(70_000));
    let answer = server.post("/query", "application/sparql-query", long.clone()).send();
    assert_eq!(answer.status, 400);
    let page = server.post("/query", "application/sparql-query", long).accept("text/html").send();
    assert_eq!((page.status, page.text().contains("at most 65536 bytes")), (400, true));
    let longer = "x".repeat(1_000_000);
    assert_eq!(server.post("/query", "application/sparql-query", longer).send().status, 413);
}

#[test]
fn s28_other_graphs_services_and_updates_are_not_allowed() {
    let server = start(|_| {});
    for query in [
        "SELECT * FROM <http://a/> { ?s ?p ?o }",
        "SELECT * { GRAPH ?g { ?s ?p ?o } }",
        "SELECT * { ?s ?p ?o FILTER EXISTS { { GRAPH ?g { ?s ?p ?o } } } }",
        "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }",
    ] {
        let answer = ask(&server, query);
        assert_eq!((answer.status, answer.json()), (400, json!({"400": "query not allowed."})), "{query}");
    }
    for name in ["default-graph-uri", "named-graph-uri"] {
        let answer = server.get(&format!("{}&{name}=http://a/", path("ASK {}"))).send();
        assert_eq!(answer.status, 400);
    }
}

#[test]
fn what_xml_cannot_carry_is_given_as_json_only() {
    let server = start(|_| {});
    let query = "SELECT (\"a\\u0001b\" AS ?x) {}";
    let answer = server.get(&path(query)).accept("application/xml").send();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("U+0001"), "{}", answer.text());
    assert_eq!(solutions(&server, query), ["x=a\u{1}b"]);
    let construct = "CONSTRUCT { <http://a/> <http://b/> ?x } { BIND(\"\\u0001\" AS ?x) }";
    assert_eq!(server.get(&path(construct)).accept("application/rdf+xml").send().status, 400);
    // Neither is a name in XML.
    for statement in ["<http://b/1> 1", "a <http://c/>"] {
        let construct = format!("CONSTRUCT {{ <http://a/> {statement} }} {{}}");
        let answer = server.get(&path(&construct)).accept("application/rdf+xml").send();
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(server.get(&path(&construct)).accept("text/turtle").send().status, 200);
    }
}

#[test]
fn without_an_index_other_pages_are_served_and_queries_are_told_to_come_back() {
    let server = crate::server::start(|_| {});
    assert_eq!(server.get("/metadata").accept("application/json").send().status, 200);
    let answer = ask(&server, "ASK {}");
    assert_eq!((answer.status, answer.header("retry-after").as_str()), (503, "5"));
    let page = server.get(&path("ASK {}")).accept("text/html").send();
    assert_eq!(page.status, 503);
}
