//! Queries made to use up the server (S28): each ends with a clear message and 400, in bounded time, and
//! the server and its index go on as if nothing had happened.

use std::{fmt::Write, time::Duration};

use super::ask::{ask, caught_up, entries, start};
use crate::server::{Answer, Server, draft::Draft};

/// Short, so that the tests are; no test depends on how long it takes.
const TIME: Duration = Duration::from_secs(2);
const MEMORY: usize = 64 * 1024 * 1024;

fn attacked(rows: usize) -> Server {
    attacked_for(TIME, rows)
}

fn attacked_for(time: Duration, rows: usize) -> Server {
    let server = start(|settings| {
        settings.query_timeout = time;
        settings.query_memory = MEMORY;
        settings.query_rows = rows;
    });
    server.publish(Draft::new("one").signed());
    caught_up(&server);
    server
}

/// The message of a refusal.
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.status, 400, "{}", answer.text());
    answer.json()["400"].as_str().unwrap().to_owned()
}

fn post(server: &Server, query: &str) -> Answer {
    server.post("/query", "application/sparql-query", query).accept("application/json").send()
}

fn still_answers(server: &Server) {
    assert_eq!(ask(server, "ASK { ?e slterms:os \"ttylinux\" }").json()["boolean"], true);
    assert_eq!(entries(server), 1);
}

const LONGER: &str = "the query takes longer than 2 s";
const MORE: &str = "the query needs more than 67108864 bytes of memory, or is nested too deeply";

/// `VALUES ?NAME { 0 1 2 … }`.
fn values(name: &str, count: usize) -> String {
    let mut values = format!("VALUES ?{name} {{");
    for i in 0..count {
        write!(values, " {i}").unwrap();
    }
    values + " } "
}

#[test]
fn what_takes_for_ever_is_stopped() {
    let server = attacked(1000);
    let cross: String = ["a", "b", "c", "d", "e", "f"].map(|name| values(name, 100)).concat();
    // Of all of them, or it would be looked at before they are multiplied.
    let sum = "?a + ?b + ?c + ?d + ?e + ?f";
    let unions = "{ {} UNION {} } ".repeat(60);
    let repeated = ["(a|a)*"; 30].join("/");
    for query in [
        // Without a term of the index, nor any at all.
        format!("SELECT (COUNT(*) AS ?n) {{ {cross} }}"),
        format!("SELECT (COUNT(*) AS ?n) {{ {cross} FILTER({sum} < 0) }}"),
        format!("SELECT (COUNT(*) AS ?n) {{ {unions} }}"),
        format!("ASK {{ {cross} FILTER({sum} = -1) }}"),
        // Over the index.
        "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n2 ?o . ?p ?q ?r }"
            .to_owned(),
        "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER NOT EXISTS { ?a ?x ?y . ?z ?v ?w } }"
            .to_owned(),
        // Distinct results are few.
        format!("SELECT DISTINCT ?x {{ {cross} BIND(1 AS ?x) }}"),
        format!("CONSTRUCT {{ <a:a> <a:b> 1 }} {{ {cross} }}"),
        // Each of a million is looked at by a pattern that is long to run.
        format!(
            "SELECT (COUNT(*) AS ?n) {{ {cross} FILTER(REGEX(CONCAT(\"{}\", STR({sum})), \"(x+x+)+y\")) }}",
            "x".repeat(20_000)
        ),
        format!("SELECT * {{ ?s {repeated} ?o . ?o {repeated} ?s . {cross} FILTER({sum} > 1000) }}"),
    ] {
        let answer = post(&server, &query);
        assert_eq!(refusal(&answer), LONGER, "{query:.200}");
    }
    still_answers(&server);
}

#[test]
fn what_takes_all_memory_is_stopped() {
    let server = attacked_for(Duration::from_mins(1), 100_000_000);
    let mut doubling = "BIND(\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" AS ?x0) ".to_owned();
    for i in 0..60 {
        write!(doubling, "BIND(CONCAT(?x{i}, ?x{i}) AS ?x{}) ", i + 1).unwrap();
    }
    let long = "x".repeat(20_000);
    let cross: String = ["a", "b", "c", "d"].map(|name| values(name, 100)).concat();
    for query in [
        format!("SELECT (STRLEN(?x60) AS ?n) {{ {doubling} }}"),
        // One step, and gigabytes.
        format!(
            "SELECT (STRLEN(?z) AS ?n) {{ BIND(\"{long}\" AS ?x) BIND(REPLACE(?x, \"x\", ?x) AS ?y) \
             BIND(REPLACE(?y, \"x\", ?x) AS ?z) }}"
        ),
        format!(
            "SELECT (STRLEN(GROUP_CONCAT(?x; separator=\"{long}\")) AS ?n) {{ {cross} BIND(\"{long}\" AS ?x) }}"
        ),
        format!("SELECT (COUNT(DISTINCT ?x) AS ?n) {{ {cross} BIND(CONCAT(\"{long}\", STR(?a), STR(?b), STR(?c), \"-\", STR(?d)) AS ?x) }}"),
        "SELECT ?a { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o } ORDER BY ?a OFFSET 900000000000"
            .to_owned(),
        format!("SELECT ?a ?b ?c ?d {{ {cross} }} ORDER BY (?a + ?b + ?c + ?d) LIMIT 1"),
        // Names of groups that grow the compiled pattern.
        "SELECT * { FILTER(REGEX(\"x\", \"((((((x{1,100}){1,100}){1,100}){1,100}){1,100}){1,100})\")) VALUES ?x { 1 } }"
            .to_owned(),
    ] {
        let answer = post(&server, &query);
        // The pattern is refused, and so matches nothing.
        if query.contains("REGEX") {
            assert_eq!(answer.status, 200, "{}", answer.text());
            continue;
        }
        assert_eq!(refusal(&answer), MORE, "{query:.200}");
    }
    still_answers(&server);
}

#[test]
fn what_is_nested_without_end_is_stopped() {
    let server = attacked(1000);
    let many = 60_000;
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    for query in [
        format!("SELECT * {{ FILTER{} }}", nested("(", "1", ")", many / 2)),
        format!("SELECT * {{ FILTER({}1) }}", "!".repeat(many)),
        format!("SELECT * {{ FILTER({}1) }}", "- ".repeat(many / 2)),
        format!("ASK {}", nested("{", "", "}", many / 2)),
        format!("ASK {{ ?s {}<a:a> ?o }}", "^".repeat(many)),
        format!("ASK {{ ?s {} ?o }}", nested("(", "<a:a>", ")", many / 2)),
        format!("ASK {{ ?s {} ?o }}", nested("(", "<a:a>", ")*", many / 3)),
        format!("ASK {{ ?s <a:a> {} }}", nested("[<a:a>", " 1 ", "]", many / 8)),
        format!("ASK {{ ?s <a:a> {} }}", nested("(", " 1 ", ")", many / 2)),
        format!("ASK {}", nested("{OPTIONAL", "{}", "}", many / 10)),
        format!("ASK {{ FILTER {} }}", nested("EXISTS{ FILTER ", "(1)", "}", many / 20)),
        format!("ASK {}", nested("{SELECT*", "{}", "}", many / 9)),
        format!("ASK {{ {} }}", "{} UNION ".repeat(many / 10) + "{}"),
        format!("SELECT ({} AS ?x) {{}}", nested("IF(true,1,", "1", ")", many / 12)),
        format!("SELECT ({}1 AS ?x) {{}}", "1+".repeat(many / 2)),
        format!("SELECT (1{} AS ?x) {{}}", "&&1".repeat(many / 3)),
        "(".repeat(many),
        format!("SELECT * {{ {}", "{ ?a ?b ?c . ".repeat(many / 13)),
        format!("SELECT * {{ FILTER(?a = {}", "(".repeat(many)),
    ] {
        assert!(query.len() <= 65_536, "{} {query:.50}", query.len());
        let answer = post(&server, &query);
        // Some that are no more than long are answered: in time, and with all that memory.
        assert!([200, 400].contains(&answer.status), "{query:.100}: {}", answer.text());
    }
    still_answers(&server);
}

#[test]
fn more_results_than_allowed_are_refused_not_cut() {
    let server = attacked(99);
    let query = |count| format!("SELECT * {{ {} }}", values("a", count));
    assert_eq!(post(&server, &query(99)).status, 200);
    let message = "the query has more than 99 results; add a LIMIT to it";
    assert_eq!(refusal(&post(&server, &query(100))), message);
    let construct = format!("CONSTRUCT {{ <a:a> <a:b> ?a }} {{ {} }}", values("a", 100));
    assert_eq!(refusal(&post(&server, &construct)), message);
    assert_eq!(post(&server, &format!("{} LIMIT 99", query(100))).status, 200);
}

#[test]
fn results_longer_than_allowed_are_refused() {
    let server = attacked_for(Duration::from_mins(1), 100_000);
    let long = "x".repeat(40_000);
    let query = format!("SELECT ?a ?x {{ {} BIND(\"{long}\" AS ?x) }}", values("a", 2_000));
    assert_eq!(
        refusal(&post(&server, &query)),
        "the results of the query are longer than 16777216 bytes; add a LIMIT to it"
    );
}

#[test]
fn many_that_take_for_ever_do_not_keep_lists_from_being_served() {
    let server = attacked(1000);
    let unions = "{ {} UNION {} } ".repeat(60);
    let query = format!("SELECT (COUNT(*) AS ?n) {{ {unions} }}");
    std::thread::scope(|scope| {
        let attacks: Vec<_> = (0..40).map(|_| scope.spawn(|| post(&server, &query))).collect();
        for _ in 0..20 {
            assert_eq!(server.get("/metadata").send().status, 200);
        }
        for attack in attacks {
            let answer = attack.join().unwrap();
            match answer.status {
                400 => assert_eq!(refusal(&answer), LONGER),
                503 => assert_eq!(answer.header("retry-after"), "2"),
                other => panic!("{other}: {}", answer.text()),
            }
        }
    });
    still_answers(&server);
}

#[test]
fn a_client_that_goes_away_takes_its_query_with_it() {
    let server = start(|settings| settings.query_timeout = Duration::from_mins(10));
    let unions = "{ {} UNION {} } ".repeat(60);
    let query = format!("SELECT (COUNT(*) AS ?n) {{ {unions} }}");
    // More than run at a time: the last ones are answered only if the first ones have ended.
    for _ in 0..12 {
        let request = server.client.post(format!("{}/query", server.base)).body(query.clone());
        let request = request.header("content-type", "application/sparql-query");
        let gone = request.timeout(Duration::from_millis(200)).send().unwrap_err();
        assert!(gone.is_timeout());
    }
    assert_eq!(ask(&server, "ASK {}").status, 200);
}
