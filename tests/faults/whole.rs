//! Whether a Marketplace has exactly what it must have, wherever one looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    clients::Sent,
    marketplace::{Answer, Marketplace, PATIENCE, run_to_end},
};

const XML: &str = "Accept: application/xml\r\n";
const JSON: &str = "Accept: application/json\r\n";

pub(crate) fn xml(marketplace: &Marketplace, path: &str) -> Answer {
    marketplace.ask("GET", path, XML, b"")
}

pub(crate) fn json(marketplace: &Marketplace, path: &str) -> Value {
    let answer = marketplace.ask("GET", path, JSON, b"");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&plain(&answer)).unwrap()
}

/// A body without the sizes of its chunks (RFC 9112 §7.1).
pub(crate) fn plain(answer: &Answer) -> String {
    if answer.header("transfer-encoding") != "chunked" {
        return answer.body.clone();
    }
    let (mut rest, mut whole) = (answer.body.as_str(), String::new());
    loop {
        let (size, chunk) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole += &chunk[..size];
        rest = &chunk[size + 2..];
    }
}

/// What of `sent` is there: all that was answered with 201, byte for byte; of what got no answer each as a whole
/// or not at all.
pub(crate) fn there<'s>(marketplace: &Marketplace, sent: &'s [Sent]) -> Vec<&'s Sent> {
    let is_there = |sent: &&Sent| {
        let answer = xml(marketplace, &sent.path);
        match answer.status {
            200 => assert!(answer.body == sent.document, "{} has other bytes", sent.path),
            404 => assert_ne!(sent.status, 201, "{} is lost", sent.path),
            other => panic!("{other}: {}", answer.body),
        }
        answer.status == 200
    };
    sent.iter().filter(is_there).collect()
}

/// Requires that a Marketplace has these entries and no others: in the feed, in its lists, in its index of words
/// and that of queries.
pub(crate) fn exactly(marketplace: &Marketplace, entries: &[&Sent]) {
    let by_key: BTreeMap<&str, &Sent> = entries.iter().map(|sent| (key(&sent.path), *sent)).collect();
    assert_eq!(by_key.len(), entries.len());
    let fed = feed(marketplace);
    assert_eq!(fed.len(), entries.len(), "entries of the feed");
    for (key, document) in &fed {
        assert!(by_key[key.as_str()].document == *document, "{key} has other bytes in the feed");
    }
    let latest = latest(entries);
    listed(marketplace, &latest);
    for sent in &latest {
        let found = json(marketplace, &format!("/api/v1/entries?status=all&q={}", sent.word));
        let found: Vec<_> = found["entries"].as_array().unwrap().iter().map(api_key).collect();
        assert_eq!(found, [key(&sent.path)], "by the word {}", sent.word);
    }
    queried(marketplace, entries.len(), latest.len());
}

/// The feed, in its order, without gaps: keys and documents.
pub(crate) fn feed(marketplace: &Marketplace) -> Vec<(String, String)> {
    let mut all = Vec::new();
    loop {
        let page = json(marketplace, &format!("/api/v1/changes?after={}", all.len()));
        let changes = page["changes"].as_array().unwrap();
        if changes.is_empty() {
            assert_eq!(page["newest"], all.len(), "the number of the newest");
            return all;
        }
        for change in changes {
            assert_eq!(change["sequence"], all.len() + 1, "numbers without gaps");
            let document = STANDARD.decode(change["document"].as_str().unwrap()).unwrap();
            all.push((api_key(change), String::from_utf8(document).unwrap()));
        }
    }
}

/// The newest of each image and endorser.
fn latest<'s>(entries: &[&'s Sent]) -> Vec<&'s Sent> {
    let mut latest = BTreeMap::<&str, &Sent>::new();
    for sent in entries {
        let (series, _) = sent.path.rsplit_once('/').unwrap();
        let newest = latest.entry(series).or_insert(sent);
        if newest.path < sent.path {
            *newest = sent;
        }
    }
    latest.into_values().collect()
}

/// The lists in XML, JSON and of the API have these.
fn listed(marketplace: &Marketplace, latest: &[&Sent]) {
    let expected: BTreeSet<&str> = latest.iter().map(|sent| root(&sent.document)).collect();
    let answer = xml(marketplace, "/metadata?status=all");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = plain(&answer);
    let entries = stratuslab::xml::entries(list.as_bytes());
    let found: Vec<String> = entries.map(|entry| String::from_utf8(entry.unwrap()).unwrap()).collect();
    assert_eq!(found.len(), expected.len(), "entries of the list");
    assert!(found.iter().all(|entry| expected.contains(entry.as_str())), "other entries are listed");
    let counts = json(marketplace, "/metadata?status=all&iDisplayStart=0&iDisplayLength=1&sSortDir_0=asc");
    assert_eq!(counts["iTotalDisplayRecords"], latest.len());
    let mut page = json(marketplace, "/api/v1/entries?status=all&limit=7");
    let mut keys = BTreeSet::new();
    loop {
        keys.extend(page["entries"].as_array().unwrap().iter().map(api_key));
        let Some(next) = page["next"].as_str().map(str::to_owned) else { break };
        page = json(marketplace, &next);
    }
    assert_eq!(keys, latest.iter().map(|sent| key(&sent.path).to_owned()).collect());
}

/// The index of queries has so many entries, once it has caught up.
pub(crate) fn queried(marketplace: &Marketplace, entries: usize, latest: usize) {
    let start = Instant::now();
    for (pattern, expected) in [
        ("?e <http://mp.stratuslab.eu/slreq#endorsement> ?x", entries),
        ("?e <http://mp.stratuslab.eu/slterms#tag> 'latest'", latest),
    ] {
        let query = format!("SELECT (COUNT(*) AS ?n) {{ {pattern} }}");
        let query = form_urlencoded::byte_serialize(query.as_bytes()).collect::<String>();
        let query = format!("/query?query={query}");
        loop {
            let answer = marketplace.ask("GET", &query, JSON, b"");
            let counted = (answer.status == 200).then(|| {
                let found: Value = serde_json::from_str(&plain(&answer)).unwrap();
                found["results"]["bindings"][0]["n"]["value"].as_str().unwrap().parse::<usize>().unwrap()
            });
            match counted {
                Some(count) if count == expected => break,
                // It is being built.
                None => assert_eq!(answer.status, 503, "{}", answer.body),
                Some(_) => {}
            }
            assert!(start.elapsed() < PATIENCE, "{counted:?}, not {expected}, of {pattern}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// `stratus-marketplace check` finds so many entries and no fault.
pub(crate) fn checked(marketplace: &Marketplace, place: &[&str], entries: usize) {
    let done = run_to_end(marketplace.folder.path(), &[&["check"], place].concat(), &[]);
    assert_eq!(done.0, Some(0), "{done:?}");
    assert!(done.1.ends_with(&format!("{entries} entries checked, 0 faults\n")), "{done:?}");
}

/// `IDENTIFIER/EMAIL/CREATED` of a path.
pub(crate) fn key(path: &str) -> &str {
    path.strip_prefix("/metadata/").unwrap()
}

/// The same of an object of the API.
pub(crate) fn api_key(entry: &Value) -> String {
    ["identifier", "email", "created"].map(|name| entry[name].as_str().unwrap()).join("/")
}

/// What lists have of a document.
fn root(document: &str) -> &str {
    document.get(document.find("<rdf:RDF").unwrap()..).unwrap().trim_end()
}
