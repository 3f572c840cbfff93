//! What `/query` takes: `cargo bench --features marketplace --bench query -- FILE`, where FILE is an SQLite file with
//! entries, as `cargo run --release --features marketplace --example generate-entries -- --database FILE`
//! makes it.
//!
//! The index is built in this process and asked directly, then in a query process as the server does it, where
//! each query is a process of its own.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use stratuslab::server::{
    query::{
        Engine, Limits, Program,
        evaluate::{GraphFormat, Request, evaluate},
        index::Index,
        results::ResultFormat,
    },
    settings::Database,
    store::Store,
};

/// How often each query is asked.
const TIMES: u32 = 50;

const PREFIXES: &str = "PREFIX dcterms: <http://purl.org/dc/terms/> \
    PREFIX slreq: <http://mp.stratuslab.eu/slreq#> PREFIX slterms: <http://mp.stratuslab.eu/slterms#> ";

const QUERIES: [(&str, &str); 6] = [
    ("two patterns, first 20", "SELECT ?e ?t { ?e slterms:os \"ubuntu\" ; dcterms:title ?t } LIMIT 20"),
    ("two patterns of one entry", "SELECT ?e ?os { ?e dcterms:identifier \"IDENTIFIER\" ; slterms:os ?os }"),
    (
        "endorsers of an image",
        "SELECT ?email ?date { ?e dcterms:identifier \"IDENTIFIER\" ; slreq:endorsement ?n . \
         ?n dcterms:created ?date ; slreq:endorser [ slreq:email ?email ] }",
    ),
    ("all latest entries, counted", "SELECT (COUNT(*) AS ?n) { ?e slterms:tag \"latest\" }"),
    (
        "systems by number of latest entries",
        "SELECT ?os (COUNT(*) AS ?n) { ?e slterms:tag \"latest\" ; slterms:os ?os } GROUP BY ?os ORDER BY DESC(?n)",
    ),
    (
        "titles with a word",
        "SELECT ?e { ?e dcterms:title ?t FILTER CONTAINS(LCASE(?t), \"nothing like this\") }",
    ),
];

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let Some(file) = file else { return println!("needs an SQLite file with entries as its argument") };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(file.into()));
}

async fn run(file: PathBuf) {
    let store = Store::open(&Database::Sqlite(file)).await.unwrap();
    let (_, newest) = store.feed().await.unwrap();

    let limits = Limits { time: Duration::from_mins(1), memory: 1 << 30 };
    let engine = Engine::default();
    let start = Instant::now();
    let following = tokio::spawn(
        engine.clone().follow(store.clone(), Program(env!("CARGO_BIN_EXE_stratus-marketplace").into())),
    );
    engine.has(newest).await;
    println!(
        "{:<60} {:>9.1} s",
        format!("{newest} entries indexed in the background"),
        start.elapsed().as_secs_f64()
    );
    let process = engine.process().unwrap();
    println!("{:<60} {:>9} MiB", "resident memory of the query process", resident(process, "VmRSS"));
    println!("{:<60} {:>9} MiB", "  at most, while it was loaded", resident(process, "VmHWM"));
    println!("{:<60} {:>9} MiB", "resident memory of this process", resident(std::process::id(), "VmRSS"));

    let mut index = Index::new().unwrap();
    let (mut reading, mut adding) = (Duration::ZERO, Duration::ZERO);
    let (mut sequence, mut identifier) = (0, String::new());
    loop {
        let start = Instant::now();
        let changes = store.changes(sequence, 500).await.unwrap();
        reading += start.elapsed();
        let Some(last) = changes.last() else { break };
        sequence = last.sequence;
        identifier = last.key.identifier.to_string();
        let start = Instant::now();
        for change in &changes {
            index.add(&change.key, &change.document).unwrap();
        }
        adding += start.elapsed();
    }
    let start = Instant::now();
    index.settle();
    println!("{:<60} {:>9.1} s", "  of which reading the database", reading.as_secs_f64());
    println!("{:<60} {:>9.1} s", "  and parsing", adding.as_secs_f64());
    println!("{:<60} {:>9.1} s", "  and sorting", start.elapsed().as_secs_f64());
    println!("{:<60} {:>9}", "statements", index.len());
    let each = adding.as_secs_f64() * 1e3 / f64::from(u32::try_from(index.entries()).unwrap());
    println!("{:<60} {each:>9.3} ms", "an upload takes this much of the query process");

    println!("{:<60} {:>12} {:>12}", "each query, the middle of 50", "in place", "in process");
    for (name, query) in QUERIES {
        let request = Request {
            query: format!("{PREFIXES}{}", query.replace("IDENTIFIER", &identifier)),
            solutions: ResultFormat::Json,
            graph: GraphFormat::RdfXml,
            rows: 100_000,
            cut: false,
            bytes: 1 << 25,
        };
        let mut here: Vec<Duration> = (0..TIMES)
            .map(|_| {
                let start = Instant::now();
                evaluate(&index, &request).unwrap();
                start.elapsed()
            })
            .collect();
        let mut there = Vec::new();
        for _ in 0..TIMES {
            let start = Instant::now();
            engine.ask(&request, limits).await.unwrap();
            there.push(start.elapsed());
        }
        println!("  {name:<58} {:>9.2} ms {:>9.2} ms", middle(&mut here), middle(&mut there));
    }
    following.abort();
}

fn middle(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// A line of `/proc/PID/status`, in MiB.
fn resident(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).trim().parse::<u64>().unwrap() / 1024
}
