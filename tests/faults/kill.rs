//! The server is killed, or its PostgreSQL, while clients upload.

use std::{collections::BTreeSet, fs, process::Stdio, sync::Arc, thread, time::Duration};

use crate::{
    clients::{Crowd, upload},
    draft::Draft,
    marketplace::{Marketplace, command},
    postgres::Server,
    whole::{checked, exactly, there},
};

/// Clients that upload at once.
const CLIENTS: usize = 4;

/// Kills a server in each of so many rounds; `instead` may do something else to it.
fn kill_again_and_again(place: &[&str], rounds: usize, mut instead: impl FnMut(usize, &Marketplace) -> bool) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let crowd = Crowd::default();
    let mut marketplace = Marketplace::start_in(&folder, place);
    for round in 0..rounds {
        let address = marketplace.address;
        let mut killed = false;
        crowd.upload(CLIENTS, &[address], 2 + round * 7 % 13, || {
            if !instead(round, &marketplace) {
                marketplace.signal("KILL");
                killed = true;
            }
        });
        if killed {
            drop(marketplace);
            marketplace = Marketplace::start_in(&folder, place);
        }
        // What was answered last is what would be lost.
        let sent = crowd.sent();
        there(&marketplace, &sent[sent.len().saturating_sub(30)..]);
    }
    let sent = crowd.sent();
    let entries = there(&marketplace, &sent);
    exactly(&marketplace, &entries);
    checked(&marketplace, place, entries.len());
    let count = |status| sent.iter().filter(|sent| sent.status == status).count();
    let kept = entries.iter().filter(|sent| sent.status != 201).count();
    println!(
        "{rounds} rounds, {} uploads: {} answered with 201 and all there, {} without an answer, {} with 503, \
         of which {kept} there",
        sent.len(),
        count(201),
        count(0),
        count(503)
    );
    assert!(count(201) >= 2 * rounds);
    let log = marketplace.stop().log;
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_server_that_is_killed_has_all_it_answered_with_201_and_nothing_by_half() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    kill_again_and_again(&["--data", data.to_str().unwrap()], 25, |_, _| false);
    // The last one stopped: all is in one file, and there is no other.
    let files: BTreeSet<_> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, BTreeSet::from(["marketplace.sqlite".into()]));
}

#[test]
fn nor_is_anything_lost_over_postgresql_whichever_of_the_two_is_killed() {
    let server = Server::start();
    kill_again_and_again(&["--database", &server.url()], 10, |round, _| {
        let crash = round % 3 == 1;
        if crash {
            server.stop();
            server.start_again();
        }
        crash
    });
}

/// Starts a server over a new database, kills it after a while that is different each time, and starts it again.
fn kill_at_the_start(rounds: u64, place: impl Fn(u64) -> Vec<String>) {
    for round in 0..rounds {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let place = place(round);
        let mut serve = command(folder.path());
        serve.args(["serve", "--listen", "127.0.0.1:0"]).args(&place);
        let mut first = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // There is nothing to see of what it does meanwhile.
        thread::sleep(Duration::from_millis(4 * round));
        first.kill().unwrap();
        first.wait().unwrap();
        let place: Vec<_> = place.iter().map(String::as_str).collect();
        let marketplace = Marketplace::start_in(&folder, &place);
        let document = String::from_utf8(Draft::new("image").signed()).unwrap();
        assert_eq!(upload(marketplace.address, &document).status, 201, "killed after {} ms", 4 * round);
        checked(&marketplace, &place, 1);
    }
}

#[test]
fn one_that_is_killed_while_it_makes_its_database_makes_it_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_the_start(25, |round| {
        vec!["--data".to_owned(), folder.path().join(round.to_string()).to_str().unwrap().to_owned()]
    });
}

#[test]
fn nor_does_it_have_to_be_the_same_process_that_goes_on_making_a_postgresql_database() {
    let server = Server::start();
    kill_at_the_start(12, |_| vec!["--database".to_owned(), server.url()]);
}

#[test]
fn the_query_process_of_a_server_that_was_killed_ends() {
    let marketplace = Marketplace::start(&[]);
    crate::whole::queried(&marketplace, 0, 0);
    // Each thread has its own.
    let threads = fs::read_dir(format!("/proc/{}/task", marketplace.pid())).unwrap();
    let children = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    let pids: Vec<_> =
        children.flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(!pids.is_empty());
    marketplace.kill();
    let runs = |pid: &String| {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A zombie has ended.
        !state.is_empty() && !state.rsplit(')').next().unwrap().starts_with(" Z")
    };
    let start = std::time::Instant::now();
    while pids.iter().any(runs) {
        assert!(start.elapsed() < crate::marketplace::PATIENCE, "{pids:?} run on");
        thread::sleep(Duration::from_millis(5));
    }
}
