//! The server, and all that is asked of it.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{
    answer::{complaint, created, statuses},
    body::seeds,
    dice::Dice,
    draft::Draft,
    marketplace::{Marketplace, command},
    request::{Sent, sent},
};

/// How many are sent unless somebody asks for more.
const REQUESTS: usize = 4000;
const SEED: u64 = 2011;
/// How many are sent at a time.
const CLIENTS: usize = 4;
/// Longer than any answer may take: what the server waits for a client, and time to compute on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn variable<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    env::var(name).ok().map_or(otherwise, |value| value.parse().ok().expect("a number"))
}

/// Sends octets and reads until the server closes; `None` if it does not.
fn exchange(marketplace: &Marketplace, sent: &Sent) -> Option<Vec<u8>> {
    let mut stream: TcpStream = marketplace.connect();
    let mut reader = stream.try_clone().unwrap();
    reader.set_read_timeout(Some(PATIENCE)).unwrap();
    thread::scope(|scope| {
        // It may answer, and close, before it has read everything.
        scope.spawn(|| {
            let _ = stream.write_all(&sent.octets);
            if sent.ends {
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        let (mut answer, mut piece, start) = (Vec::new(), [0; 16 << 10], Instant::now());
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Some(answer),
                Ok(count) => answer.extend(&piece[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return None;
                }
                // A connection that is reset is one that has been closed.
                Err(_) => return Some(answer),
            }
            if start.elapsed() > PATIENCE {
                return None;
            }
        }
    })
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn nothing_that_is_sent_breaks_hangs_opens_or_changes_anything() {
    let (requests, seed) =
        (variable("STRATUSLAB_SURFACE_REQUESTS", REQUESTS), variable("STRATUSLAB_SURFACE_SEED", SEED));
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    for name in ["data", "tmp"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let mut serve = command(folder.path());
    serve.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--client-timeout",
        "2",
        "--query-timeout",
        "2",
        "--data",
    ]);
    serve.arg(&data).args(["--public-url", "https://market.example.org/marketplace"]);
    serve.env("TMPDIR", folder.path().join("tmp"));
    let marketplace = Marketplace::run(serve, &folder);
    let seeds = seeds();
    let first = Draft::new("the first");
    assert_eq!(marketplace.upload(&first.signed()).status, 201);

    let keys = Mutex::new(BTreeSet::from([first.path().replace("/metadata/", "")]));
    let (complaints, counts) =
        (Mutex::new(Vec::new()), Mutex::new(std::collections::BTreeMap::<u16, usize>::new()));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (marketplace, seeds, keys, complaints, counts, folder) =
                (&marketplace, &seeds, &keys, &complaints, &counts, &folder);
            scope.spawn(move || {
                for number in (client..requests).step_by(CLIENTS) {
                    let sent = sent(&mut Dice::new(seed, number), number, seeds);
                    let answer = exchange(marketplace, &sent);
                    let complaint = match &answer {
                        None => Some("it hangs".to_owned()),
                        Some(answer) => complaint(answer, folder.path().to_str().unwrap()),
                    };
                    let answer = answer.unwrap_or_default();
                    keys.lock().unwrap().extend(created(&answer));
                    for status in statuses(&answer) {
                        *counts.lock().unwrap().entry(status).or_default() += 1;
                    }
                    if let Some(complaint) = complaint {
                        let shown = |octets: &[u8]| {
                            octets.iter().take(3000).copied().collect::<Vec<u8>>().escape_ascii().to_string()
                        };
                        let text =
                            format!("{number}: {complaint}\n{}\n{}\n", shown(&sent.octets), shown(&answer));
                        complaints.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    println!("{requests} connections, answers by status: {:?}", counts.lock().unwrap());
    let complaints = complaints.into_inner().unwrap();
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints[..complaints.len().min(12)].join("\n")
    );

    // It is as good as new.
    let last = Draft::new("the last").email("last@example.org");
    assert_eq!(marketplace.get("/readyz").status, 200);
    assert_eq!(marketplace.upload(&last.signed()).status, 201);
    assert_eq!(marketplace.ask("GET", &last.path(), "Accept: application/xml\r\n", b"").status, 200);
    let ended = marketplace.stop();
    assert_eq!(ended.status, Some(0), "{}", ended.log);
    for sign in ["panicked", "ERROR"] {
        let lines: Vec<_> = ended.log.lines().filter(|line| line.contains(sign)).take(5).collect();
        assert!(lines.is_empty(), "{lines:#?}");
    }
    let left = files(folder.path());
    assert!(left.iter().all(|name| name.starts_with("data/marketplace.sqlite")), "{left:?}");

    // What is stored is what was answered with 201, and all of it verifies.
    let mut keys = keys.into_inner().unwrap();
    keys.insert(last.path().replace("/metadata/", ""));
    let out = folder.path().join("out");
    let data = data.to_str().unwrap();
    for arguments in [vec!["check", "--data", data], vec!["export", out.to_str().unwrap(), "--data", data]] {
        let done = command(folder.path()).args(&arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let stored: BTreeSet<String> =
        files(&out).into_iter().map(|name| name.trim_end_matches(".xml").to_owned()).collect();
    assert_eq!(stored, keys);
    println!("{} entries stored", stored.len());
}
