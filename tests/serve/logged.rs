//! What is logged, and what never is.

use std::io::Write as _;

use crate::marketplace::{Answer, Marketplace};

#[test]
fn each_request_is_a_line_with_its_id() {
    let marketplace = Marketplace::start(&["--log-format", "json"]);
    let named = marketplace.ask(
        "GET",
        "/metadata?q=ttylinux",
        "X-Request-Id: abc-1\r\nX-Forwarded-For: 192.0.2.7\r\n",
        b"",
    );
    assert_eq!(named.header("x-request-id"), "abc-1");
    let line: serde_json::Value = serde_json::from_str(&marketplace.wait_for_log("abc-1")).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/metadata");
    assert_eq!(line["route"], "/metadata");
    assert_eq!(line["status"], named.status);
    assert_eq!(line["peer"], "127.0.0.1");
    assert_eq!(line["client"], "192.0.2.7");
    assert_eq!(line["span"]["id"], "abc-1");
    assert!(line["ms"].as_str().unwrap().parse::<f64>().is_ok(), "{line}");
    // Another has one made, and a different one each time.
    let ids = [(); 2].map(|()| marketplace.get("/metadata").header("x-request-id").to_owned());
    assert!(ids.iter().all(|id| id.len() == 16) && ids[0] != ids[1], "{ids:?}");
    let ended = marketplace.stop();
    for line in ended.log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn s34_no_secret_and_no_line_of_a_clients_own_is_in_the_log() {
    let marketplace = Marketplace::start(&["-v"]);
    let token = "0f8fad5b-d9cb-469f-a165-70867728950e";
    for path in [
        format!("/action/{token}/confirm"),
        format!("/action/{}/abort/", token.to_uppercase()),
        format!("//action//%30{}/abuse", &token[1..]),
        format!("/metadata?token={token}&q=sesame"),
    ] {
        marketplace.get(&path);
    }
    marketplace.ask("POST", "/metadata", "Authorization: Basic c2VzYW1l\r\nCookie: sesame\r\n", b"<sesame/>");
    // No field of a request can end the line it is on, whatever is in it.
    let mut odd = marketplace.connect();
    odd.write_all(b"GET /a\xc3\xa9%0d%0aforged HTTP/1.1\r\nHost: h\r\nX-Request-Id: x\x1b[31m forged\r\nConnection: close\r\n\r\n")
        .unwrap();
    Answer::read(odd);
    marketplace.get("/last");
    marketplace.wait_for_log("/last");
    let log = marketplace.stop().log;
    assert!(log.contains("/action/…/confirm"), "{log}");
    for secret in [token, &token.to_uppercase(), &token[1..], "sesame", "c2VzYW1l", "\u{1b}"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    assert!(log.lines().all(|line| line.starts_with("20")), "each line begins with its time: {log}");
}

#[test]
fn it_can_be_quiet() {
    let marketplace = Marketplace::start(&["-q"]);
    marketplace.get("/metadata");
    let ended = marketplace.stop();
    assert_eq!((ended.status, ended.log.as_str()), (Some(0), ""));
}
