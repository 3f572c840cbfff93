//! The index follows the database, whatever process an entry came through and whatever happens.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
    time::Duration,
};

use stratuslab::{
    Password,
    server::{query::Program, settings::Database},
};

use super::ask::{ask, caught_up, entries, follow, program, solutions, start, start_on};
use crate::{
    postgres,
    server::{Server, draft::Draft},
};

const LATEST: &str =
    "SELECT ?date WHERE { ?e slterms:tag \"latest\" ; slreq:endorsement [ dcterms:created ?date ] }";

fn latest(server: &Server) -> Vec<String> {
    let mut latest = solutions(server, &format!("{LATEST} ORDER BY ?date"));
    for date in &mut latest {
        *date = date.replace("date=", "");
    }
    latest
}

#[test]
fn an_upload_is_found_and_takes_the_tag_of_what_it_supersedes() {
    let server = start(|_| {});
    assert_eq!(latest(&server), [] as [&str; 0]);
    for date in ["2013-01-01T00:00:00Z", "2014-01-01T00:00:00Z"] {
        server.publish(Draft::new("one").created(date).signed());
        caught_up(&server);
        assert_eq!(latest(&server), [date]);
    }
    server.publish(Draft::new("one").email("other@example.org").created("2012-01-01T00:00:00Z").signed());
    server.publish(Draft::new("two").created("2011-01-01T00:00:00Z").signed());
    caught_up(&server);
    assert_eq!(latest(&server), ["2011-01-01T00:00:00Z", "2012-01-01T00:00:00Z", "2014-01-01T00:00:00Z"]);
    // Superseded entries are there too, without the tag.
    assert_eq!(solutions(&server, "SELECT (COUNT(*) AS ?n) { ?e slreq:endorsement ?x }"), ["n=4"]);
}

#[test]
fn what_comes_through_another_process_is_found() {
    let first = start(|_| {});
    through_two(&first);
}

#[test]
fn what_comes_through_another_process_is_found_on_postgresql() {
    let database = Database::Postgres(Password::new(postgres::url()));
    through_two(&start_on(Some(database), |_| {}));
}

fn through_two(first: &Server) {
    let database = first.marketplace.settings().database.clone();
    let second = start_on(Some(database), |_| {});
    first.publish(Draft::new("one").created("2013-01-01T00:00:00Z").signed());
    second.publish(Draft::new("two").created("2014-01-01T00:00:00Z").signed());
    for server in [first, &second] {
        caught_up(server);
        assert_eq!(latest(server), ["2013-01-01T00:00:00Z", "2014-01-01T00:00:00Z"]);
    }
}

#[test]
fn s30_a_document_speaks_of_itself_alone() {
    let server = start(|_| {});
    let victim = Draft::new("victim").created("2013-01-01T00:00:00Z");
    server.publish(victim.signed());
    let subject = format!("http://mp.stratuslab.eu/#{}", victim.path().replace("/metadata/", ""));
    let evil = "<x:note xmlns:x=\"http://example.org/x#\" rdf:parseType=\"Resource\"><slterms:tag>latest</slterms:tag>\
        <slreq:email>evil@example.org</slreq:email></x:note>";
    // Whether or not it is taken: it says nothing about others.
    for extra in [evil.to_owned(), format!("<slterms:tag>latest</slterms:tag>{evil}")] {
        let draft = Draft::new("evil").created("2012-01-01T00:00:00Z").extra(&extra);
        server.upload(draft.signed());
    }
    let newer = Draft::new("evil").created("2014-01-01T00:00:00Z");
    server.publish(newer.signed());
    caught_up(&server);
    assert_eq!(latest(&server), ["2013-01-01T00:00:00Z", "2014-01-01T00:00:00Z"]);
    let about = format!("SELECT (COUNT(*) AS ?n) {{ <{subject}> slterms:tag ?tag }}");
    assert_eq!(solutions(&server, &about), ["n=1"]);
    assert_eq!(ask(&server, "ASK { ?x slreq:email \"evil@example.org\" }").json()["boolean"], false);
}

#[test]
fn a_query_process_that_is_killed_is_replaced_and_has_all_entries_again() {
    let server = start(|_| {});
    server.publish(Draft::new("one").signed());
    caught_up(&server);
    let worker = server.marketplace.queries().process().unwrap();
    let killed = Command::new("kill").args(["-KILL", &worker.to_string()]).status().unwrap();
    assert!(killed.success());
    let engine = server.marketplace.queries();
    server.wait(async {
        while engine.process() == Some(worker) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    caught_up(&server);
    assert_eq!(entries(&server), 1);
    assert_eq!(solutions(&server, "SELECT (COUNT(*) AS ?n) { ?e slterms:tag ?tag }"), ["n=1"]);
}

#[test]
fn a_program_that_cannot_be_started_leaves_the_rest_working() {
    let server = crate::server::start(|_| {});
    follow(&server, Program("/nonexistent".into()));
    server.publish(Draft::new("one").signed());
    assert_eq!(ask(&server, "ASK {}").status, 503);
    assert_eq!(server.get("/metadata").send().status, 200);
}

#[test]
fn the_query_process_ends_with_the_server() {
    let (ours, its) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    let mut worker = Command::new(program().0)
        .arg("query-worker")
        .stdin(Stdio::from(OwnedFd::from(ours.1)))
        .stdout(Stdio::from(OwnedFd::from(its.1)))
        .spawn()
        .unwrap();
    assert_eq!(worker.try_wait().unwrap(), None);
    // As when the server is killed.
    drop((ours.0, its.0));
    assert!(worker.wait().unwrap().success());
}
