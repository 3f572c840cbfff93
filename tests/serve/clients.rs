//! Clients that are slow, send too much, or no HTTP at all.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use crate::{
    draft::Draft,
    marketplace::{Answer, Marketplace},
};

/// What a client gets for these bytes.
fn answered(marketplace: &Marketplace, bytes: &[u8]) -> Answer {
    let mut stream = marketplace.connect();
    // It may have been enough before all was sent.
    let _ = stream.write_all(bytes);
    Answer::read(stream)
}

#[test]
fn who_does_not_finish_a_head_is_not_waited_for() {
    let marketplace = Marketplace::start(&["--client-timeout", "0.3"]);
    for begun in ["", "GET", "GET / HTTP/1.1\r\nHost: h\r\n"] {
        let answer = answered(&marketplace, begun.as_bytes());
        assert!(matches!(answer.status, 0 | 408), "{begun}: {}", answer.head);
    }
    // Nor who is idle after an answer.
    let mut idle = marketplace.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(Answer::read(idle).status, 200);
    marketplace.wait_for_metric("stratuslab_marketplace_connections", 1.0);
}

#[test]
fn a_body_that_stalls_or_drips_is_not_waited_for() {
    let marketplace = Marketplace::start(&["--client-timeout", "0.5"]);
    let head =
        b"POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Type: application/xml\r\nAccept: application/xml\r\n\
                 Content-Length: 1000000\r\n\r\n";
    let mut stalls = marketplace.connect();
    stalls.write_all(head).unwrap();
    stalls.write_all(&vec![b'x'; 100_000]).unwrap();
    let answer = Answer::read(stalls);
    assert_eq!(answer.status, 408, "{}", answer.head);
    assert!(answer.body.contains("the request did not arrive in time"), "{}", answer.body);
    // Whatever it is to become.
    for (path, content_type) in [
        ("/metadata", "application/x-www-form-urlencoded"),
        ("/query", "application/x-www-form-urlencoded"),
        ("/query", "application/sparql-query"),
    ] {
        let mut stalls = marketplace.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {content_type}\r\nContent-Length: 100\r\n\r\nq"
        );
        stalls.write_all(head.as_bytes()).unwrap();
        let answer = Answer::read(stalls);
        assert_eq!(answer.status, 408, "{path} {content_type}: {}", answer.head);
    }
    // A byte now and then is no progress.
    let mut drips = marketplace.connect();
    drips.write_all(head).unwrap();
    let mut answer = drips.try_clone().unwrap();
    let dripping = thread::spawn(move || {
        while drips.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let mut bytes = Vec::new();
    let _ = answer.read_to_end(&mut bytes);
    assert!(bytes.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&bytes));
    drop(answer);
    dripping.join().unwrap();
    // One who is slow, but not that slow, gets there.
    let entry = Draft::new("slow").signed();
    let mut slow = marketplace.connect();
    let head = format!(
        "POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        entry.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    for piece in entry.chunks(entry.len().div_ceil(8)) {
        slow.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(Answer::read(slow).status, 201);
}

#[test]
fn who_takes_nothing_of_an_answer_is_not_waited_for() {
    let marketplace = Marketplace::start(&["--client-timeout", "0.5"]);
    let draft = Draft::new("large").text("description", &"word ".repeat(1_500_000));
    assert_eq!(marketplace.upload(&draft.signed()).status, 201);
    let mut takes_nothing = marketplace.connect();
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\nAccept: application/xml\r\n\r\n", draft.path());
    takes_nothing.write_all(request.as_bytes()).unwrap();
    marketplace.wait_for_metric("stratuslab_marketplace_connections", 2.0);
    marketplace.wait_for_metric("stratuslab_marketplace_connections", 1.0);
    let mut some = Vec::new();
    let _ = takes_nothing.read_to_end(&mut some);
    assert!(some.len() < 7_000_000, "{}", some.len());
    // Who takes it, however slowly, gets all of it.
    let mut slow = marketplace.connect();
    let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    slow.write_all(request.as_bytes()).unwrap();
    let (mut length, mut piece) = (0, vec![0; 1 << 20]);
    loop {
        match slow.read(&mut piece).unwrap() {
            0 => break,
            more => length += more,
        }
        thread::sleep(Duration::from_millis(2));
    }
    assert!(length > 7_500_000, "{length}");
}

#[test]
fn an_oversize_head_is_refused() {
    let marketplace = Marketplace::start(&[]);
    let long = "x".repeat(40_000);
    let many = "A: b\r\n".repeat(101);
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", long.repeat(100)), 431),
        (
            format!(
                "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: {}\r\n\r\n",
                &long[..20_000]
            ),
            200,
        ),
    ] {
        let answer = answered(&marketplace, request.as_bytes());
        assert_eq!(answer.status, status, "{}: {}", &request[..40], answer.head);
    }
}

#[test]
fn what_is_no_http_is_refused_and_harms_nobody() {
    let marketplace = Marketplace::start(&[]);
    let tls = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    let cases: [&[u8]; 12] = [
        &tls,
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n GET",
        b"POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"POST /metadata HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    ];
    for bytes in cases {
        let mut stream = marketplace.connect();
        let _ = stream.write_all(bytes);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = Answer::read(stream);
        let shown = bytes.escape_ascii();
        assert!(answer.status == 0 || (200..500).contains(&answer.status), "{shown}: {}", answer.head);
    }
    assert_eq!(marketplace.get("/healthz").status, 200);
    let log = marketplace.stop().log;
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[test]
fn who_sends_too_much_gets_to_read_that() {
    let marketplace = Marketplace::start(&["--max-entry-bytes", "10K"]);
    let draft = Draft::new("too large").text("description", &"x".repeat(3_000_000)).signed();
    for _ in 0..20 {
        // The body is still on its way when the answer is.
        let answer = marketplace.upload(&draft);
        assert_eq!(answer.status, 413, "{}", answer.head);
        assert!(answer.body.contains("10240 bytes"), "{}", answer.body);
    }
    assert_eq!(marketplace.upload(&Draft::new("small").signed()).status, 201);
}
