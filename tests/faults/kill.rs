//! The server is killed, or its PostgreSQL, while clients upload.

use std::{collections::BTreeSet, fs, sync::Arc};

use crate::{
    clients::Crowd,
    marketplace::Marketplace,
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
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
