//! PostgreSQL goes, and comes back.

use std::{thread, time::Instant};

use crate::{
    clients::{Sent, ask, upload},
    draft::Draft,
    marketplace::{Answer, Marketplace},
    postgres::Server,
    whole::{checked, exactly, there, xml},
};

/// 503 with a time to come back, and nothing of what is behind it.
#[track_caller]
pub(crate) fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}\n{}", answer.head, answer.body);
    assert!(!answer.header("retry-after").is_empty(), "{}", answer.head);
    for inside in
        ["postgres", "sqlite", "SQL", "SELECT", "INSERT", "pool", "127.0.0.1:", "/tmp", "stratuslab@"]
    {
        assert!(!answer.body.contains(inside), "{inside} is in {}", answer.body);
    }
}

#[test]
fn without_its_database_everything_is_503_at_once_and_with_it_again_everything_works() {
    let server = Server::start();
    let url = server.url();
    let marketplace = Marketplace::start(&["--database", &url]);
    let [before, meanwhile, after] = ["before", "meanwhile", "after"].map(|image| {
        let word = format!("{image}word");
        let draft = Draft::new(image).text("description", &word);
        let document = String::from_utf8(draft.signed()).unwrap();
        Sent { path: draft.path(), document, word, status: 201 }
    });
    assert_eq!(upload(marketplace.address, &before.document).status, 201);
    crate::whole::queried(&marketplace, 1, 1);
    server.stop();

    let start = Instant::now();
    let reads = [
        ("/metadata", "application/xml"),
        ("/metadata", "text/html"),
        ("/metadata", "application/json"),
        (before.path.as_str(), "application/xml"),
        (before.path.as_str(), "text/html"),
        ("/endorsers", "text/html"),
        ("/api/v1/entries", "application/json"),
        ("/api/v1/changes", "application/json"),
        ("/readyz", "*/*"),
    ];
    let address = marketplace.address;
    thread::scope(|scope| {
        for (path, accept) in reads {
            scope.spawn(move || {
                let answer = ask(address, "GET", path, &format!("Accept: {accept}\r\n"), "");
                if path == "/readyz" { assert_eq!(answer.status, 503) } else { unavailable(&answer) }
            });
        }
        // More than one transaction has.
        for _ in 0..100 {
            scope.spawn(|| unavailable(&upload(address, &meanwhile.document)));
        }
    });
    println!("{} reads and 100 uploads are refused in {:?}", reads.len(), start.elapsed());
    assert_eq!(marketplace.get("/healthz").status, 200);
    assert!(marketplace.metric("stratuslab_marketplace_database_up").abs() < 0.5);

    server.start_again();
    assert_eq!(marketplace.get("/readyz").status, 200);
    assert_eq!(xml(&marketplace, &before.path).body, before.document);
    assert_eq!(upload(marketplace.address, &after.document).status, 201);
    let sent = [before, Sent { status: 503, ..meanwhile }, after];
    // What was refused may be there only as a whole.
    let entries = there(&marketplace, &sent);
    exactly(&marketplace, &entries);
    checked(&marketplace, &["--database", &url], entries.len());
    assert_eq!(marketplace.stop().status, Some(0));
}

#[test]
fn a_database_that_hangs_is_503_too_and_goes_on_where_it_was() {
    let server = Server::start();
    let url = server.url();
    let marketplace = Marketplace::start(&["--database", &url]);
    let address = marketplace.address;
    let documents: Vec<_> = (0..8)
        .map(|n| (Draft::new(&format!("image {n}")), n))
        .map(|(draft, n)| {
            let word = format!("word{n}end");
            let document = String::from_utf8(draft.text("description", &word).signed()).unwrap();
            (Draft::new(&format!("image {n}")).path(), document, word)
        })
        .collect();
    assert_eq!(upload(address, &documents[0].1).status, 201);
    server.signal("STOP");
    let mut sent: Vec<Sent> = thread::scope(|scope| {
        scope.spawn(|| unavailable(&ask(address, "GET", "/metadata", "Accept: application/xml\r\n", "")));
        scope.spawn(|| assert_eq!(ask(address, "GET", "/readyz", "", "").status, 503));
        scope.spawn(|| assert_eq!(ask(address, "GET", "/healthz", "", "").status, 200));
        let one = |(path, document, word): &(String, String, String)| {
            let (path, document, word) = (path.clone(), document.clone(), word.clone());
            scope.spawn(move || {
                let answer = upload(address, &document);
                unavailable(&answer);
                Sent { path, document, word, status: answer.status }
            })
        };
        let threads: Vec<_> = documents.iter().skip(1).map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    server.signal("CONT");
    // The same again: whether or not it was taken meanwhile.
    for sent in &mut sent {
        sent.status = upload(address, &sent.document).status;
        assert_eq!(sent.status, 201);
    }
    let (path, document, word) = documents[0].clone();
    sent.push(Sent { path, document, word, status: 201 });
    let entries = there(&marketplace, &sent);
    exactly(&marketplace, &entries);
    checked(&marketplace, &["--database", &url], 8);
}

#[test]
fn one_that_starts_before_its_database_says_so_and_ends() {
    let server = Server::start();
    let url = server.url();
    server.stop();
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database", &url];
    let (status, stdout, told) = crate::marketplace::run_to_end(folder.path(), &serve, &[]);
    assert_eq!((status, stdout.as_str()), (Some(5), ""), "{told}");
    assert!(told.contains("error: the database failed: "), "{told}");
}
