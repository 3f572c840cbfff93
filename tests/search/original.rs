//! Searches in an original Marketplace, as far as it matters here (behaviour 1.6), and in one that lies.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{
    SEARCH,
    draft::Draft,
    folder::{Done, Folder},
    found::{broken, list, run},
    liar::{self, Says},
};

/// What originals say of an entry by its column.
type Row = (Vec<u8>, [&'static str; 5]);

/// The query of a target.
fn query(target: &str) -> HashMap<String, String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded_pairs(query)
}

fn form_urlencoded_pairs(query: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://h/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// The match of a regular expression of literals and full stops. Others are not sent: for the originals they
/// would end a string of their query, or be a mistake.
fn matches(pattern: &str, text: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || "-_.@:/,= ".contains(c);
    assert!(pattern.chars().all(good), "{pattern}");
    let [pattern, text] = [pattern, text].map(|text| text.to_lowercase().chars().collect::<Vec<_>>());
    text.windows(pattern.len()).any(|part| part.iter().zip(&pattern).all(|(c, p)| *p == '.' || c == p))
}

fn original(rows: Vec<Row>) -> (String, Arc<Mutex<Vec<String>>>) {
    liar::start(move |target| {
        let query = query(target);
        let wanted = |(_, columns): &&Row| {
            let column = |at: usize| query.get(&format!("sSearch_{}", at + 1));
            let words = query.get("sSearch").map_or("", String::as_str);
            columns
                .iter()
                .enumerate()
                .all(|(at, text)| column(at).is_none_or(|pattern| matches(pattern, text)))
                && words.split_whitespace().all(|word| columns.iter().any(|text| matches(word, text)))
        };
        // Both are needed, as is the direction.
        assert!(
            ["iDisplayStart", "iDisplayLength", "iSortCol_0", "sSortDir_0"]
                .iter()
                .all(|n| query.contains_key(*n))
        );
        let found: Vec<_> = rows.iter().filter(wanted).map(|(document, _)| document.clone()).collect();
        if found.is_empty() {
            let error = r#"<?xml version="1.0"?><error>no metadata matching query found</error>"#;
            return Says { status: 404, ..Says::xml(error) };
        }
        Says::xml(list(&found))
    })
}

fn search(base: &str, arguments: &[&str]) -> Done {
    run(&Folder::new(), base, SEARCH, arguments)
}

#[test]
fn an_original_is_asked_so_that_its_regular_expressions_do_no_harm() {
    let cpp = Draft::new("cpp").text("os", "c++ (old)").text("kind", "machine");
    let tty = Draft::new("tty").text("os", "ttylinux").text("os-version", "9x7").text("kind", "machine");
    let row = |draft: &Draft, os, version| {
        (draft.signed(), [os, version, "", "jane.tester@example.org", "machine"])
    };
    let (base, targets) = original(vec![row(&cpp, "c++ (old)", ""), row(&tty, "ttylinux", "9x7")]);
    let ids = |arguments: &[&str]| search(&base, &[arguments, &["--ids"]].concat());
    for text in ["c++", "C++ (", "++ (OLD)", "(old)"] {
        assert_eq!(ids(&["--os", text]).succeeded(), format!("{}\n", cpp.identifier()), "{text}");
        assert_eq!(ids(&text.split(' ').collect::<Vec<_>>()).succeeded(), format!("{}\n", cpp.identifier()));
    }
    // The full stop is any character there; it is none here.
    let note = format!("note: {base} has nothing that matches\n");
    ids(&["--os-version", "9.7"]).failed(1, &note);
    ids(&["--os", "absent"]).failed(1, &note);
    ids(&["--os", "\"} UNION {\\"]).failed(1, &note);
    let told = ids(&["--os-version", "9.7", "-v"]).stderr;
    assert!(told.contains("1 of the entries listed are not what was looked for\n"), "{told}");
    assert!(targets.lock().unwrap().iter().all(|target| target.starts_with("/metadata?status=valid&")));
}

#[test]
fn what_is_listed_is_judged_and_looked_at_again() {
    let good = Draft::new("good").text("title", "good");
    let documents = vec![
        broken(&Draft::new("bad").signed()),
        Draft::new("expired").valid("2013-01-01T00:00:00Z").signed(),
        Draft::new("other").text("os", "other").signed(),
        b"<x/>".to_vec(),
        good.signed(),
    ];
    let (base, _) = liar::start(move |_| Says::xml(list(&documents)));
    let done = search(&base, &["--os", "tty"]);
    let verdicts: Vec<_> = done.stdout.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!(
        (verdicts.as_slice(), done.status),
        (&["invalid", "invalid", "valid"][..], Some(0)),
        "{}",
        done.stdout
    );
    assert_eq!(done.stderr, "warning: 2 entries are invalid; -v tells why\n");
    let done = search(&base, &["--os", "tty", "--ids"]);
    assert_eq!(done.stdout, format!("{}\n", good.identifier()));
    assert_eq!(done.stderr, "warning: 2 entries are invalid and left out; -v tells why\n");
    let json = search(&base, &["--os", "tty", "--json"]).json();
    assert_eq!((&json[0]["verdict"], &json[2]["verdict"]), (&"invalid".into(), &"valid".into()));
    assert!(json[0]["reason"].as_str().unwrap().contains("digest"), "{}", json[0]["reason"]);
    // Nothing that verifies is nothing found.
    assert_eq!(search(&base, &["--os", "tty", "--limit", "1"]).status, Some(1));
}

#[test]
fn no_more_is_read_than_is_wanted() {
    // It ends in the middle of an entry, which nobody gets to see.
    let document = Draft::new("x").signed();
    let documents = list(&vec![document.clone(); 200]);
    let cut = documents.len() - document.len() / 2;
    let (base, _) = liar::start(move |_| Says::xml(documents.clone()).cut(cut));
    let done = search(&base, &["--limit", "3"]);
    assert_eq!((done.status, done.stdout.lines().count()), (Some(0), 3));
    assert_eq!(done.stderr, "note: there are more than these 3 entries; --limit N lists more\n");
    // What came before it broke off is told all the same.
    let done = search(&base, &["--limit", "300"]);
    assert_eq!((done.status, done.stdout.lines().count()), (Some(5), 199));
    assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
}

#[test]
fn what_is_no_marketplace_is_an_error() {
    // 404 is what a web server says where there is no Marketplace, too.
    for says in [
        Says::status(200),
        Says::status(404),
        Says::status(500),
        Says::json(&serde_json::json!({ "aaData": [] })),
    ] {
        let (base, _) = liar::start(move |_| says.clone());
        let done = search(&base, &["-q", "--timeout", "5"]);
        assert_eq!((done.status, done.stdout.as_str()), (Some(5), ""), "{}", done.stderr);
        assert!(done.stderr.starts_with("error: http://127.0.0.1:"), "{}", done.stderr);
        let hint = "hint: check --marketplace-endpoint: some Marketplaces need a path prefix";
        assert_eq!(done.stderr.contains(hint), !done.stderr.contains(" 500 "), "{}", done.stderr);
    }
}
