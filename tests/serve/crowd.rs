//! More connections than there is room for, and very many of them.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::marketplace::{Marketplace, command};

/// Connections that do nothing, in the order in which they were opened.
fn idle(marketplace: &Marketplace, many: usize) -> Vec<TcpStream> {
    (0..many).map(|_| marketplace.connect()).collect()
}

/// Uses a connection that is kept.
fn use_it(stream: &mut TcpStream) -> std::io::Result<String> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"ok\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.push(byte[0]);
    }
    Ok(String::from_utf8(answer).unwrap())
}

#[test]
fn those_who_are_idle_give_way_to_those_who_are_not() {
    let marketplace = Marketplace::start(&["--max-connections", "10"]);
    // Some have asked before, some never have, some are in the middle of a head.
    let mut kept = idle(&marketplace, 4);
    for stream in &mut kept {
        use_it(stream).unwrap();
    }
    let fresh = idle(&marketplace, 3);
    let mut half = idle(&marketplace, 3);
    for stream in &mut half {
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    // That is read before the others come: who said something is idle since then.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mut newer = idle(&marketplace, 9);
    assert_eq!(marketplace.get("/healthz").status, 200);
    // The oldest nine are closed, or the ten of them; a read ends.
    for mut stream in kept.into_iter().chain(fresh).chain(half).take(9) {
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(use_it(&mut stream).is_err());
    }
    for stream in &mut newer {
        use_it(stream).unwrap();
    }
}

#[test]
fn a_request_in_progress_does_not_give_way() {
    let marketplace = Marketplace::start(&["--max-connections", "2"]);
    let mut upload = marketplace.connect();
    upload
        .write_all(b"POST /metadata HTTP/1.1\r\nHost: h\r\nContent-Type: application/xml\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    upload.read_exact(&mut [0; 25]).unwrap();
    for _ in 0..20 {
        assert_eq!(marketplace.get("/healthz").status, 200);
    }
    upload.write_all(b"<x/>").unwrap();
    let mut answer = [0; 12];
    upload.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}

#[test]
fn a_process_that_may_have_few_files_serves_all_the_same() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let program = command(folder.path()).get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 160 && exec \"$0\" serve --listen 127.0.0.1:0"]).arg(program);
    limited.current_dir(folder.path()).env_clear().env("HOME", folder.path()).env("PATH", "/usr/bin:/bin");
    let marketplace = Marketplace::run(limited, &folder);
    assert!(marketplace.wait_for_log("fewer connections").contains("160"));
    let _crowd = idle(&marketplace, 200);
    for _ in 0..20 {
        assert_eq!(marketplace.get("/readyz").status, 200);
    }
}

/// Issue 5: "10,000 idle connections". Each is a file on both sides, so that the two processes are
/// allowed as many files as the system gives them.
#[test]
fn ten_thousand_idle_connections_are_held_and_keep_nobody_waiting() {
    const CROWD: u32 = 10_000;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    assert!(
        maximum.is_none_or(|most| most > u64::from(CROWD) + 500),
        "this test needs a hard limit of 10,500 open files (ulimit -Hn), not {maximum:?}"
    );
    let marketplace = Marketplace::start(&["--client-timeout", "600"]);
    let before = marketplace.resident();
    let crowd = idle(&marketplace, CROWD as usize);
    marketplace.wait_for_metric("stratuslab_marketplace_connections", f64::from(CROWD) + 1.0);
    let per_connection = marketplace.resident().saturating_sub(before) / u64::from(CROWD);
    // Far from what a buffer or a thread for each would take.
    assert!(per_connection < 32 << 10, "{per_connection} bytes for each idle connection");
    eprintln!("{per_connection} bytes for each idle connection");
    for _ in 0..50 {
        assert_eq!(marketplace.get("/healthz").status, 200);
        assert_eq!(marketplace.get("/readyz").status, 200);
    }
    // They are still there.
    for mut stream in crowd.into_iter().step_by(997) {
        use_it(&mut stream).unwrap();
    }
    assert_eq!(marketplace.stop().status, Some(0));
}
