//! Asking a server that answers queries.

use stratuslab::server::{
    query::{Program, State},
    settings::{Database, Settings},
};

use crate::server::{self, Answer, Server};

/// `stratus-marketplace`, which is the query process too.
pub(crate) fn program() -> Program {
    Program(env!("CARGO_BIN_EXE_stratus-marketplace").into())
}

/// A server that answers queries over a fresh database.
pub(crate) fn start(change: impl FnOnce(&mut Settings)) -> Server {
    start_on(None, change)
}

pub(crate) fn start_on(database: Option<Database>, change: impl FnOnce(&mut Settings)) -> Server {
    let server = server::start_on(database, change);
    follow(&server, program());
    caught_up(&server);
    server
}

/// Has the index built, by this program.
pub(crate) fn follow(server: &Server, program: Program) {
    let (engine, store) = (server.marketplace.queries().clone(), server.marketplace.store().clone());
    server.wait(async { drop(tokio::spawn(engine.follow(store, program))) });
}

/// Waits until the index has all entries of the database.
pub(crate) fn caught_up(server: &Server) {
    server.wait(async {
        let (_, newest) = server.marketplace.store().feed().await.unwrap();
        server.marketplace.queries().has(newest).await;
    });
}

pub(crate) fn entries(server: &Server) -> u64 {
    match server.marketplace.queries().state() {
        State::Ready { progress, .. } => progress.entries,
        other => panic!("{other:?}"),
    }
}

pub(crate) const PREFIXES: &str = "PREFIX dcterms: <http://purl.org/dc/terms/> \
    PREFIX slreq: <http://mp.stratuslab.eu/slreq#> PREFIX slterms: <http://mp.stratuslab.eu/slterms#> ";

/// The path of a query.
pub(crate) fn path(query: &str) -> String {
    let query = format!("{PREFIXES}{query}");
    format!("/query?{}", form(&[("query", &query)]))
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn ask(server: &Server, query: &str) -> Answer {
    server.get(&path(query)).accept("application/json").send()
}

/// The solutions, as `name=value` in the order of the variables, unbound ones left out.
pub(crate) fn solutions(server: &Server, query: &str) -> Vec<String> {
    let answer = ask(server, query);
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let json = answer.json();
    let variables: Vec<&str> =
        json["head"]["vars"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let bindings = json["results"]["bindings"].as_array().unwrap().iter();
    bindings
        .map(|binding| {
            let bound = variables.iter().filter_map(|name| {
                binding.get(*name).map(|term| format!("{name}={}", term["value"].as_str().unwrap()))
            });
            bound.collect::<Vec<_>>().join(" ")
        })
        .collect()
}
