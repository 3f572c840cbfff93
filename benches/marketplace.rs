//! A Marketplace with 10,000 and with 100,000 entries under load:
//! `cargo bench --features marketplace --bench marketplace`; with `-- --postgres`, over a PostgreSQL of its own.
//!
//! `wrk` asks over 50 connections on the loopback interface, on the same cores as the server; nginx serves
//! one of the entries as a static file in the same run. Every kind of page is asked for with several filters
//! in turn, so that no cache of one answer helps. The server keeps documents in memory that were asked for, so
//! one row asks for what it does not keep.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run has failed"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rayon::prelude::*;
use reqwest::blocking::{Client, Response};
use stratuslab::{
    Password, Timestamp,
    dsig::AlgorithmPolicy,
    server::{key::EntryKey, settings::Database},
    validate::{Options, validate},
};

mod common;
#[path = "../examples/generate-entries/drafts.rs"]
mod drafts;
#[path = "../examples/generate-entries/fill.rs"]
mod fill;
#[path = "../tests/postgres/mod.rs"]
mod postgres;
#[path = "marketplace/server.rs"]
mod server;
#[path = "marketplace/uploads.rs"]
mod uploads;
#[path = "marketplace/wrk.rs"]
mod wrk;

use server::Server;
use wrk::{Load, load};

/// How many entries are asked for in turn.
const SAMPLE: usize = 500;

/// How many entries are uploaded for the rates.
const UPLOADS: u32 = 4000;

fn main() {
    let over_postgres = std::env::args().any(|argument| argument == "--postgres");
    let postgres = over_postgres.then(postgres::Server::start);
    for count in [10_000, 100_000] {
        let folder = tempfile::tempdir().unwrap();
        let database = match &postgres {
            Some(server) => Database::Postgres(Password::new(server.url())),
            None => Database::Sqlite(folder.path().join("marketplace.sqlite")),
        };
        println!("\n{count} entries, {}", if over_postgres { "PostgreSQL" } else { "SQLite" });
        let started = Instant::now();
        let (mut sample, mut number) = (Vec::new(), 0);
        fill::fill(&database, count, 1, Timestamp::now(), |entry| {
            if number % (count / SAMPLE) == 0 {
                sample.push((EntryKey::of(entry).unwrap(), entry.document().to_vec()));
            }
            number += 1;
        });
        println!("{:<44} {:>9.1} s", "signed and stored, without a server", started.elapsed().as_secs_f64());
        let arguments = match &database {
            Database::Postgres(url) => ["--database", url.as_str()],
            Database::Sqlite(_) => ["--data", folder.path().to_str().unwrap()],
        };
        measure(&arguments, &sample, folder.path());
    }
}

/// Everything about a server with these arguments.
fn measure(arguments: &[&str], sample: &[(EntryKey, Vec<u8>)], folder: &Path) {
    let document_root = folder.join("nginx");
    fs::create_dir(&document_root).unwrap();
    fs::write(document_root.join("entry.xml"), &sample[0].1).unwrap();
    let (nginx, server) = (Server::nginx(&document_root), Server::marketplace(arguments));
    println!("{:<44} {:>9.2} s", "from start to ready", server.start.as_secs_f64());
    indexed(&server);

    println!("{:<44} {:>9} {:>11} {:>11}", "50 connections", "answers/s", "median", "p99");
    row("one entry, nginx, a static file", load(&nginx.base, &["/entry.xml".to_owned()], folder));
    let entries: Vec<_> = sample.iter().map(|(key, _)| format!("/metadata/{key}?media=xml")).collect();
    row("one entry, the same", load(&server.base, &entries[..1], folder));
    row(&format!("one entry of {} in turn", entries.len()), load(&server.base, &entries, folder));
    let fresh: Vec<_> = sample.iter().map(|(key, _)| format!("/api/v1/entries/{key}")).collect();
    row("the same as JSON, read and verified each time", load(&server.base, &fresh, folder));
    let html: Vec<_> = sample.iter().map(|(key, _)| format!("/metadata/{key}?media=html")).collect();
    row("page of an entry, with its verdict", load(&server.base, &html, folder));
    for (name, queries) in PAGES {
        let paths: Vec<_> = queries.iter().map(|query| format!("/metadata?media=html{query}")).collect();
        row(name, load(&server.base, &paths, folder));
    }
    let api: Vec<_> = PAGES[1].1.iter().map(|query| format!("/api/v1/entries?{}", &query[1..])).collect();
    row("filtered, from the API", load(&server.base, &api, folder));
    queries(&server);
    rates(&server);
    let [own, index] = server.resident();
    println!("{:<44} {own:>7.0} MiB", "resident memory after all this");
    println!("{:<44} {index:>7.0} MiB", "resident memory of the index of /query");
}

/// Kinds of list pages, each with the queries that are asked in turn.
const PAGES: [(&str, &[&str]); 6] = [
    ("first page of the list", &["", "&length=10", "&length=25"]),
    (
        "filtered",
        &[
            "&os=ubuntu",
            "&os=debian&os-arch=x86_64",
            "&kind=machine",
            "&os-version=1&os=cent",
            "&status=expired",
        ],
    ),
    (
        "full text, a frequent, a rare and an absent word",
        &["&q=image", "&q=ubuntu+server", "&q=x86_64", "&q=nothinglikethis", "&q=grid+worker"],
    ),
    ("sorted otherwise", &["&sort=os", "&sort=-os-version", "&sort=email&os=ubuntu", "&sort=kind"]),
    ("deprecated and all", &["&status=deprecated", "&status=all", "&status=all&q=linux"]),
    ("short words, which no index has", &["&q=64", "&q=zq", "&os=zq"]),
];

fn row(name: &str, load: Load) {
    println!("{name:<44} {:>9.0} {:>8.2} ms {:>8.2} ms", load.rate, load.median, load.p99);
}

/// Waits for the index of `/query`: pages answer meanwhile, but what is measured is not that.
fn indexed(server: &Server) {
    let (client, started) = (Client::new(), Instant::now());
    while !ask(&client, server, "SELECT ?s WHERE { ?s ?p ?o } LIMIT 1").status().is_success() {
        assert!(started.elapsed().as_secs() < 300, "the index is not built");
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{:<44} {:>9.1} s", "from then on until /query answers", started.elapsed().as_secs_f64());
}

fn ask(client: &Client, server: &Server, query: &str) -> Response {
    let request = client.post(format!("{}/query", server.base)).body(query.to_owned());
    let request = request.header("Content-Type", "application/sparql-query");
    request.header("Accept", "application/sparql-results+json").send().unwrap()
}

/// A query with two patterns.
fn queries(server: &Server) {
    let two = "PREFIX slterms: <http://mp.stratuslab.eu/slterms#> PREFIX dcterms: <http://purl.org/dc/terms/>
        SELECT ?image ?title WHERE { ?image slterms:os \"ubuntu\" . ?image dcterms:title ?title } LIMIT 10";
    let client = Client::new();
    let times: Vec<_> = (0..50)
        .map(|_| {
            let started = Instant::now();
            assert!(ask(&client, server, two).bytes().unwrap().len() > 100);
            started.elapsed()
        })
        .collect();
    println!("{:<44} {:>8.2} ms", "/query with two patterns, 10 results", common::median(times) * 1e3);
}

/// Uploads a second, beside what the library verifies on the same cores.
fn rates(server: &Server) {
    let entries = uploads::fresh(UPLOADS as usize);
    let started = Instant::now();
    entries.par_iter().for_each(|entry| {
        let mut options = Options::new(Timestamp::now());
        options.policy = AlgorithmPolicy::default();
        assert!(validate(entry, &options).into_verified().is_ok());
    });
    let verified = f64::from(UPLOADS) / started.elapsed().as_secs_f64();
    println!("{:<44} {verified:>9.0} /s", "verified by the library, all cores");
    for connections in [1, 16, 64] {
        let entries = uploads::fresh(UPLOADS as usize / 2);
        let started = Instant::now();
        uploads::upload(&server.base, &entries, connections);
        let rate = f64::from(UPLOADS / 2) / started.elapsed().as_secs_f64();
        println!("{:<44} {rate:>9.0} /s", format!("uploaded and stored, {connections} connections"));
    }
}
