//! `/healthz`, `/readyz` and `/metrics`.

use std::{io::Write as _, sync::Arc};

use crate::{
    draft::Draft,
    marketplace::{Answer, Marketplace, command},
    postgres,
};

#[test]
fn it_is_alive_while_the_database_is_gone_and_ready_when_it_is_back() {
    let server = postgres::Server::start();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut command = command(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("STRATUSLAB_MARKETPLACE_DATABASE", server.url());
    let marketplace = Marketplace::run(command, &folder);
    let status = |path| marketplace.get(path).status;
    assert_eq!((status("/healthz"), status("/readyz")), (200, 200));
    server.stop();
    let answer = marketplace.get("/readyz");
    assert_eq!((status("/healthz"), answer.status), (200, 503), "{}", answer.body);
    assert!(answer.body.contains("the database does not answer"), "{}", answer.body);
    assert_eq!(marketplace.metric("stratuslab_marketplace_database_up"), 0.0);
    let draft = Draft::new("while it was gone").signed();
    let refused = marketplace.upload(&draft);
    assert_eq!(refused.status, 503, "{}", refused.body);
    server.start_again();
    // A connection that was good once is found to be dead when it is used.
    while status("/readyz") != 200 {
        std::thread::yield_now();
    }
    assert_eq!(marketplace.upload(&draft).status, 201);
    assert_eq!(marketplace.metric("stratuslab_marketplace_database_up"), 1.0);
    assert_eq!(marketplace.metric("stratuslab_marketplace_uploads_total{outcome=\"failed\"}"), 1.0);
}

#[test]
fn what_is_done_is_counted_by_route_and_not_by_path() {
    let marketplace = Marketplace::start(&[]);
    let entry = Draft::new("counted").signed();
    assert_eq!(marketplace.upload(&entry).status, 201);
    assert_eq!(marketplace.upload(&entry).status, 201, "the same again");
    assert_eq!(marketplace.upload(b"nonsense").status, 400);
    for n in 0..3 {
        assert_eq!(marketplace.get(&format!("/nowhere/at/all/{n}/x/y/z")).status, 404);
    }
    let mut made_up = marketplace.connect();
    made_up.write_all(b"XYZZY /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Answer::read(made_up).status, 405);
    let of = |name: &str| marketplace.metric(&format!("stratuslab_marketplace_{name}"));
    assert_eq!(of("uploads_total{outcome=\"created\"}"), 1.0);
    assert_eq!(of("uploads_total{outcome=\"same\"}"), 1.0);
    assert_eq!(of("uploads_total{outcome=\"refused\"}"), 1.0);
    assert_eq!(of("newest_entry"), 1.0);
    assert_eq!(of("database_up"), 1.0);
    let requests = |labels: &str| of(&format!("requests_total{{{labels}}}"));
    assert_eq!(requests("method=\"POST\",route=\"/metadata\",status=\"201\""), 2.0);
    assert_eq!(requests("method=\"GET\",route=\"none\",status=\"404\""), 3.0);
    assert_eq!(requests("method=\"other\",route=\"/healthz\",status=\"405\""), 1.0);
    let text = marketplace.get("/metrics");
    assert_eq!(text.header("content-type"), "text/plain; version=0.0.4");
    assert!(!text.body.contains("nowhere") && !text.body.contains("XYZZY"), "{}", text.body);
    assert!(of("connections") >= 1.0 && marketplace.metric("process_resident_memory_bytes") > 1e6);
    assert!(marketplace.metric("process_open_fds") > 3.0);
}

#[test]
fn metrics_may_have_an_address_of_their_own() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let free = std::net::TcpListener::bind("127.0.0.9:0").unwrap().local_addr().unwrap().to_string();
    let marketplace = Marketplace::start_in(&folder, &["--metrics-listen", &free]);
    assert_eq!(marketplace.get("/metrics").status, 404);
    let ask = |path: &str| {
        let mut stream = std::net::TcpStream::connect(&free).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        Answer::read(stream)
    };
    assert!(ask("/metrics").body.contains("stratuslab_marketplace_requests_total"));
    assert_eq!(ask("/metadata").status, 404, "and nothing else is there");
    assert_eq!(marketplace.stop().status, Some(0));
}
