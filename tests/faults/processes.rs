//! Two processes over one PostgreSQL: whatever comes through one holds in the other.

use std::{collections::BTreeSet, net::SocketAddr, sync::Barrier, thread};

use crate::{
    clients::{Crowd, Sent, upload},
    draft::Draft,
    marketplace::Marketplace,
    postgres,
    smtp::Smtp,
    whole::{api_key, checked, exactly, feed, json, key, plain, queried, there, xml},
};

/// Two processes over a new database, and its URL.
fn two() -> ([Marketplace; 2], String) {
    let database = postgres::url();
    let start = || Marketplace::start(&["--database", &database]);
    ([start(), start()], database)
}

fn text(document: Vec<u8>) -> String {
    String::from_utf8(document).unwrap()
}

/// Uploads all at once, and gives the statuses.
fn at_once(uploads: &[(SocketAddr, &str)]) -> Vec<u16> {
    let barrier = Barrier::new(uploads.len());
    thread::scope(|scope| {
        let start = |&(to, document)| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                upload(to, document).status
            })
        };
        let threads: Vec<_> = uploads.iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_two_documents_with_one_key_that_come_through_both_at_once_one_is_taken_everywhere() {
    let ([one, other], database) = two();
    let rounds = 20;
    for round in 0..rounds {
        let draft = Draft::new(&format!("image {round}"));
        // ECDSA draws its numbers: the same entry has other bytes each time it is signed.
        let [a, b] = [(); 2].map(|()| text(draft.signed()));
        assert_ne!(a, b);
        let statuses = at_once(&[
            (one.address, &a),
            (other.address, &b),
            (other.address, &a),
            (one.address, &b),
            (one.address, &a),
            (other.address, &b),
        ]);
        let (taken, expected) = if statuses[0] == 201 {
            (&a, [201, 400, 201, 400, 201, 400])
        } else {
            (&b, [400, 201, 400, 201, 400, 201])
        };
        assert_eq!(statuses, expected);
        for marketplace in [&one, &other] {
            assert!(xml(marketplace, &draft.path()).body == *taken, "the other document is served");
        }
    }
    assert_eq!(feed(&one).len(), rounds);
    assert_eq!(feed(&one), feed(&other));
    checked(&one, &["--database", &database], rounds);
}

#[test]
fn whatever_the_order_in_which_entries_of_one_image_come_each_taken_is_newer_than_those_before() {
    let ([one, other], database) = two();
    let (rounds, dates) = (6, 18);
    let mut accepted = 0;
    for round in 0..rounds {
        let draft =
            |n: usize| Draft::new(&format!("image {round}")).created(&format!("2013-01-01T00:00:{n:02}Z"));
        let documents: Vec<_> = (0..dates).map(|n| text(draft(n).signed())).collect();
        // All at once and in disorder, each once since the step has no divisor in common with their number; or a
        // few at a time, so that more are taken.
        let (step, together) = if round % 2 == 0 { (5, dates) } else { (1, 6) };
        let uploads: Vec<_> = (0..dates)
            .map(|n| ([one.address, other.address][n % 2], documents[n * step % dates].as_str()))
            .collect();
        let statuses: Vec<_> = uploads.chunks(together).flat_map(at_once).collect();
        assert!(statuses.iter().all(|status| [201, 400].contains(status)), "{statuses:?}");
        let taken: BTreeSet<_> = uploads
            .iter()
            .zip(&statuses)
            .filter(|(_, status)| **status == 201)
            .map(|((_, sent), _)| *sent)
            .collect();
        let fed: Vec<_> = feed(&other).into_iter().skip(accepted).collect();
        accepted += fed.len();
        assert_eq!(fed.iter().map(|(_, document)| document.as_str()).collect::<BTreeSet<_>>(), taken);
        assert!(
            fed.is_sorted_by(|(a, _), (b, _)| a < b),
            "an older one was taken after a newer one: {fed:?}"
        );
        // The newest of all could not be refused, whenever it came.
        let newest = key(&draft(dates - 1).path()).to_owned();
        assert_eq!(fed.last().unwrap().0, newest);
        for marketplace in [&one, &other] {
            let list = json(
                marketplace,
                &format!("/api/v1/entries?status=all&identifier={}", draft(0).identifier()),
            );
            let listed: Vec<_> = list["entries"].as_array().unwrap().iter().map(api_key).collect();
            assert_eq!(listed, [newest.as_str()]);
        }
    }
    println!("{rounds} rounds with {dates} dates each through two processes: {accepted} taken");
    assert_eq!(feed(&one), feed(&other));
    for marketplace in [&one, &other] {
        queried(marketplace, accepted, rounds);
    }
    checked(&other, &["--database", &database], accepted);
}

/// The links to entries on a page, in their order.
fn links(marketplace: &Marketplace, path: &str) -> Vec<String> {
    let page = plain(&marketplace.ask("GET", path, "Accept: text/html\r\n", b""));
    let entry = |link: &&str| link.starts_with("/metadata/") && link.matches('/').count() == 4;
    let mut links: Vec<_> = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(entry)
        .map(str::to_owned)
        .collect();
    links.dedup();
    links
}

#[test]
fn what_came_through_one_is_at_once_in_every_list_count_and_page_of_the_other() {
    let ([one, other], _) = two();
    let both = [&one, &other];
    let mut sent = Vec::new();
    for n in 0..6 {
        // Asked for before, so that what is kept of the answer would show.
        for marketplace in both {
            let counted = json(marketplace, "/metadata?status=all");
            assert_eq!(counted["iTotalDisplayRecords"], n);
            assert_eq!(links(marketplace, "/metadata").len(), n);
        }
        let word = format!("word{n}end");
        let draft = Draft::new(&format!("image {n}"))
            .created(&format!("2013-01-01T00:00:{n:02}Z"))
            .text("description", &word);
        let document = text(draft.signed());
        assert_eq!(upload(both[n % 2].address, &document).status, 201);
        let reader = both[(n + 1) % 2];
        let list = json(reader, "/metadata?status=all");
        assert_eq!(
            (&list["iTotalRecords"], &list["iTotalDisplayRecords"]),
            (&(n + 1).into(), &(n + 1).into())
        );
        assert_eq!(links(reader, "/metadata").first(), Some(&draft.path()));
        assert_eq!(links(reader, "/metadata"), links(both[n % 2], "/metadata"));
        assert_eq!(json(reader, "/api/v1/changes")["newest"], n + 1);
        sent.push(Sent { path: draft.path(), document, word, status: 201 });
    }
    let entries: Vec<_> = sent.iter().collect();
    for marketplace in both {
        exactly(marketplace, &entries);
    }
    // Deprecated through one, gone from the valid ones of the other.
    let deprecated = Draft::new("image 0").deprecated("broken").created("2014-01-01T00:00:00Z");
    assert_eq!(upload(one.address, &text(deprecated.signed())).status, 201);
    assert_eq!(links(&other, "/metadata").len(), 5);
    assert_eq!(links(&other, "/metadata?status=deprecated"), [deprecated.path()]);
    let page = other.ask("GET", &sent[0].path, "Accept: text/html\r\n", b"");
    assert!(plain(&page).contains(&deprecated.path()), "the page of the older one names the newer one");
}

#[test]
fn tags_of_entities_and_places_in_lists_of_one_are_good_at_the_other() {
    let ([one, other], _) = two();
    let drafts: Vec<_> = (0..9)
        .map(|n| {
            Draft::new(&format!("image {n}"))
                .text("os", ["a", "b"][n % 2])
                .created(&format!("2013-01-01T00:00:0{n}Z"))
        })
        .collect();
    for draft in &drafts {
        assert_eq!(upload(one.address, &text(draft.signed())).status, 201);
    }
    for accept in ["application/xml", "application/json"] {
        let fields = format!("Accept: {accept}\r\n");
        let answers =
            [&one, &other].map(|marketplace| marketplace.ask("GET", &drafts[0].path(), &fields, b""));
        let tag = answers[0].header("etag");
        assert!(!tag.is_empty() && tag == answers[1].header("etag") && answers[0].body == answers[1].body);
        let held = other.ask("GET", &drafts[0].path(), &format!("{fields}If-None-Match: {tag}\r\n"), b"");
        assert_eq!((held.status, held.body.as_str()), (304, ""));
    }
    for sort in ["-created", "os", "-title"] {
        let mut turns = [&one, &other].into_iter().cycle();
        let mut path = format!("/api/v1/entries?limit=2&sort={sort}");
        let (mut walked, mut back) = (Vec::new(), None);
        loop {
            let page = json(turns.next().unwrap(), &path);
            walked.extend(page["entries"].as_array().unwrap().iter().map(api_key));
            let Some(next) = page["next"].as_str() else { break };
            path = next.to_owned();
            back = Some(path.clone());
        }
        assert!(back.is_some());
        let whole = json(&one, &format!("/api/v1/entries?sort={sort}"));
        assert_eq!(walked, whole["entries"].as_array().unwrap().iter().map(api_key).collect::<Vec<_>>());
    }
    // And the page's own links.
    let first = plain(&one.ask("GET", "/metadata?length=4", "Accept: text/html\r\n", b""));
    let next =
        first.split("href=\"").find(|rest| rest.contains("after=")).unwrap().split('"').next().unwrap();
    let next = next.replace("&amp;", "&").replace("&#38;", "&");
    let expected: Vec<_> = drafts.iter().rev().skip(4).take(4).map(Draft::path).collect();
    assert_eq!(links(&other, &next), expected);
}

#[test]
fn one_that_is_killed_takes_nothing_with_it_and_the_other_goes_on() {
    let ([one, other], database) = two();
    let crowd = Crowd::default();
    let survivor = other.address;
    let mut one = Some(one);
    let rounds = 5;
    for round in 0..rounds {
        let victim = one.take().unwrap_or_else(|| Marketplace::start(&["--database", &database]));
        crowd.upload(6, &[victim.address, survivor], 10 + 3 * round, || {
            victim.kill();
            // Nobody who uploads through the other one notices.
            crowd.wait_for(10);
        });
    }
    let sent = crowd.sent();
    let through_other =
        |sent: &&Sent| ["client1@", "client3@", "client5@"].iter().any(|name| sent.path.contains(name));
    assert!(sent.iter().filter(through_other).all(|sent| sent.status == 201));
    let one = Marketplace::start(&["--database", &database]);
    let entries = there(&other, &sent);
    for marketplace in [&one, &other] {
        exactly(marketplace, &entries);
    }
    assert_eq!(feed(&one), feed(&other));
    checked(&one, &["--database", &database], entries.len());
    let taken = sent.iter().filter(|sent| sent.status == 201).count();
    println!("{rounds} kills, {} uploads, {taken} answered with 201 and all there", sent.len());
}

#[test]
fn what_waits_for_confirmation_at_one_is_confirmed_at_the_other() {
    const PUBLIC: &str = "https://market.example.org";
    let (smtp, database) = (Smtp::start(), postgres::url());
    let server = format!("smtp://127.0.0.1:{}", smtp.port);
    let mail = ["--public-url", PUBLIC, "--mail-server", &server, "--mail-admin", "admin@example.org"];
    let start = || Marketplace::start(&[&mail[..], &["--confirm-email", "--database", &database]].concat());
    let (one, other) = (start(), start());
    let draft = Draft::new("waits").created_in(-60);
    let document = text(draft.signed());
    assert_eq!(upload(one.address, &document).status, 202);
    let link = smtp.mail().links(PUBLIC).confirm;
    assert_eq!(other.ask("GET", &link, "Accept: text/html\r\n", b"").status, 200);
    for marketplace in [&one, &other] {
        assert_eq!(xml(marketplace, &draft.path()).status, 404);
    }
    // Not even with the process that sent the mail gone.
    let folder = one.kill();
    assert_eq!(other.ask("POST", &link, "Accept: text/plain\r\n", b"").status, 201);
    let one = Marketplace::start_in(&folder, &["--database", &database]);
    for marketplace in [&one, &other] {
        assert!(xml(marketplace, &draft.path()).body == document);
        assert_eq!(marketplace.ask("POST", &link, "Accept: text/plain\r\n", b"").status, 404, "it was used");
    }
}

#[test]
fn several_that_start_at_once_over_a_new_database_make_it_once() {
    let database = postgres::url();
    let started: Vec<_> = thread::scope(|scope| {
        let start = |_| scope.spawn(|| Marketplace::start(&["--database", &database]));
        let threads: Vec<_> = (0..4).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let document = text(Draft::new("image").signed());
    let statuses: Vec<_> =
        started.iter().map(|marketplace| upload(marketplace.address, &document).status).collect();
    assert_eq!(statuses, [201; 4]);
    let feeds: BTreeSet<_> =
        started.iter().map(|marketplace| json(marketplace, "/api/v1/changes")["feed"].to_string()).collect();
    assert_eq!(feeds.len(), 1);
    assert_eq!(feed(&started[3]).len(), 1);
}
