//! How it ends.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::marketplace::{Answer, Marketplace};

/// Begins an upload, and waits until the server is at it.
fn begin(marketplace: &Marketplace) -> TcpStream {
    let mut upload = marketplace.connect();
    let head = "POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Type: application/xml\r\nContent-Length: 4\r\n\
                Expect: 100-continue\r\n\r\n";
    upload.write_all(head.as_bytes()).unwrap();
    let mut line = [0; 25];
    upload.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 100 Continue\r\n\r\n");
    upload
}

#[test]
fn each_signal_lets_requests_in_progress_end_and_nothing_new_begin() {
    for signal in ["TERM", "INT", "HUP"] {
        let marketplace = Marketplace::start(&[]);
        let mut upload = begin(&marketplace);
        let mut idle = marketplace.connect();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let mut some = [0; 15];
        idle.read_exact(&mut some).unwrap();
        marketplace.signal(signal);
        // Idle connections are closed at once.
        idle.read_to_end(&mut Vec::new()).unwrap();
        marketplace.wait_for_log("stopping");
        while TcpStream::connect(marketplace.address).is_ok() {
            std::thread::yield_now();
        }
        upload.write_all(b"<x/>").unwrap();
        let answer = Answer::read(upload);
        assert_eq!((answer.status, answer.header("connection")), (400, "close"), "{}", answer.head);
        let ended = marketplace.ended();
        assert_eq!(ended.status, Some(0), "{signal}: {}", ended.log);
        assert!(ended.log.contains(" stopped\n"), "{}", ended.log);
    }
}

#[test]
fn it_does_not_wait_for_ever() {
    let marketplace = Marketplace::start(&["--shutdown-timeout", "0.2"]);
    let mut upload = begin(&marketplace);
    marketplace.signal("TERM");
    let ended = marketplace.ended();
    assert_eq!(ended.status, Some(0));
    assert!(ended.log.contains("requests in progress that took too long"), "{}", ended.log);
    assert!(upload.read_to_end(&mut Vec::new()).is_ok_and(|length| length == 0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let marketplace = Marketplace::start(&["--shutdown-timeout", "3600"]);
    let _upload = begin(&marketplace);
    marketplace.signal("TERM");
    marketplace.wait_for_log("stopping");
    marketplace.signal("TERM");
    assert_eq!(marketplace.ended().status, Some(130));
}

#[test]
fn half_a_request_does_not_keep_it_from_ending() {
    let marketplace = Marketplace::start(&["--shutdown-timeout", "3600"]);
    let mut half = marketplace.connect();
    half.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    marketplace.wait_for_metric("stratuslab_marketplace_connections", 2.0);
    assert_eq!(marketplace.stop().status, Some(0));
}
