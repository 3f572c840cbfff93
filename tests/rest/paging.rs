//! Long lists: in pages, in stretches, and broken off.

use crate::{
    lists::{datatables, keys, listed},
    server::{Server, draft::Draft},
    start,
};

/// As many entries as that, endorsed an hour apart, with alternating kinds.
fn many(server: &Server, count: usize) -> Vec<Draft> {
    let draft = |number: usize| {
        Draft::new(&format!("image {number}"))
            .created(&format!("2012-02-{:02}T{:02}:00:00Z", number / 24 + 1, number % 24))
            .text("title", &format!("number {number:03}"))
            .text("kind", if number.is_multiple_of(2) { "machine" } else { "disk" })
    };
    let drafts: Vec<Draft> = (0..count).map(draft).collect();
    for draft in &drafts {
        server.publish(draft.signed());
    }
    drafts
}

#[test]
fn s45_xml_lists_may_be_paged() {
    let server = start(|_| ());
    let drafts = many(&server, 7);
    let newest_first: Vec<String> = drafts.iter().rev().flat_map(|draft| keys(&[draft])).collect();
    assert_eq!(listed(&server, "/metadata"), newest_first);
    assert_eq!(listed(&server, "/metadata?iDisplayStart=2&iDisplayLength=3"), newest_first[2..5]);
    assert_eq!(listed(&server, "/metadata?length=2"), newest_first[..2]);
    // One alone does not page.
    assert_eq!(listed(&server, "/metadata?iDisplayLength=3"), newest_first);
    assert_eq!(listed(&server, "/metadata?iDisplayStart=3"), newest_first);
    assert_eq!(listed(&server, "/metadata?iDisplayStart=100&iDisplayLength=3"), [""; 0]);
    assert_eq!(listed(&server, "/metadata?iDisplayStart=0&iDisplayLength=0"), [""; 0]);
    let oldest_first: Vec<String> = newest_first.iter().rev().cloned().collect();
    assert_eq!(listed(&server, "/metadata?sort=created"), oldest_first);
    assert_eq!(listed(&server, "/metadata?sort=-created&length=2"), newest_first[..2]);
    assert_eq!(listed(&server, "/metadata?iSortCol_0=6&sSortDir_0=asc"), oldest_first);
}

#[test]
fn datatables_pages_and_sorts_with_exact_counts() {
    let server = start(|_| ());
    let drafts = many(&server, 9);
    let titles = |query: &str| -> Vec<String> {
        let rows = datatables(&server, query)["aaData"].clone();
        rows.as_array().unwrap().iter().map(|row| row[10].as_str().unwrap()[7..].to_owned()).collect()
    };
    assert_eq!(titles("iDisplayStart=0&iDisplayLength=3"), ["008", "007", "006"]);
    assert_eq!(titles("iDisplayStart=6&iDisplayLength=5"), ["002", "001", "000"]);
    assert_eq!(titles("iDisplayStart=0&iDisplayLength=0"), [""; 0]);
    let by_kind = titles("iDisplayStart=0&iDisplayLength=20&iSortCol_0=5&sSortDir_0=asc");
    assert_eq!(by_kind, ["007", "005", "003", "001", "008", "006", "004", "002", "000"]);
    assert_eq!(titles("iSortCol_0=10&sSortDir_0=desc&iDisplayStart=0&iDisplayLength=2"), ["008", "007"]);
    let page = datatables(&server, "iDisplayStart=0&iDisplayLength=2&sSearch_5=disk");
    assert_eq!((&page["iTotalRecords"], &page["iTotalDisplayRecords"]), (&9.into(), &4.into()));
    // Counted anew when there is one more.
    server.publish(Draft::new("another").text("kind", "disk").signed());
    let page = datatables(&server, "iDisplayStart=0&iDisplayLength=2&sSearch_5=disk");
    assert_eq!((&page["iTotalRecords"], &page["iTotalDisplayRecords"]), (&10.into(), &5.into()));
    assert_eq!(drafts.len(), 9);
}

#[test]
fn lists_longer_than_a_stretch_are_whole() {
    let server = start(|_| ());
    let drafts = many(&server, 250);
    let newest_first: Vec<String> = drafts.iter().rev().flat_map(|draft| keys(&[draft])).collect();
    assert_eq!(listed(&server, "/metadata"), newest_first);
    assert_eq!(listed(&server, "/metadata?iDisplayStart=1&iDisplayLength=220"), newest_first[1..221]);
    assert_eq!(listed(&server, "/metadata?kind=disk").len(), 125);
    let answer = datatables(&server, "");
    assert_eq!(answer["aaData"].as_array().unwrap().len(), 250);
}

#[test]
fn a_list_whose_database_goes_away_is_broken_off() {
    use std::io::{Read as _, Write as _};
    let server = start(|_| ());
    // More than one stretch, and more than the buffers between server and client hold.
    let large = "x".repeat(400_000);
    for number in 0..60 {
        server.publish(Draft::new(&format!("image {number}")).text("description", &large).signed());
    }
    let mut stream = crate::server::raw::connect(server.address);
    stream.write_all(b"GET /metadata HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    server.wait(server.marketplace.store().close());
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() > 100_000, "{}", rest.len());
    let end = &rest[rest.len() - 200..];
    let end = String::from_utf8_lossy(end);
    // Neither the list's end nor the body's: whoever reads it knows that it is not all.
    assert!(!end.contains("</metadata>") && !end.ends_with("0\r\n\r\n"), "{end}");
    // From now on it is said with the status.
    let answer = server.get("/metadata").accept("application/xml").send();
    assert_eq!((answer.status, answer.header("retry-after").as_str()), (503, "5"));
    assert!(answer.text().contains("the database does not answer"), "{}", answer.text());
    for path in ["/endorsers", "/metadata?media=json", &Draft::new("image 0").path()] {
        assert_eq!(server.get(path).send().status, 503, "{path}");
    }
    assert_eq!(server.upload(Draft::new("image 0").text("os", "x").created_in(-10).signed()).status, 503);
}

#[test]
fn large_answers_that_nobody_reads_leave_room_for_small_ones() {
    let server = start(|_| ());
    let small = server.publish(Draft::new("small").signed());
    let large = server.publish(Draft::new("large").text("description", &"x".repeat(100_000)).signed());
    // As if so many were being sent.
    let taken = server.marketplace.answers().room(u64::MAX).unwrap();
    let paths =
        ["/metadata", "/metadata?media=json", &large, &format!("{large}?media=html"), "/api/v1/changes"];
    for path in paths {
        let answer = server.get(path).accept("application/xml").send();
        assert_eq!((answer.status, answer.header("retry-after").as_str()), (503, "5"), "{path}");
    }
    for path in [small.as_str(), "/metadata?media=html", "/healthz", "/api/v1/entries", "/upload"] {
        assert_eq!(server.get(path).accept("application/xml").send().status, 200, "{path}");
    }
    assert_eq!(server.upload(Draft::new("another").signed()).status, 201);
    drop(taken);
    for path in paths {
        assert_eq!(server.get(path).accept("application/xml").send().status, 200, "{path}");
    }
    // It is free again when answers have been read.
    assert!(server.marketplace.answers().room(u64::MAX).is_ok());
}
