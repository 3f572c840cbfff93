//! `stratus-marketplace` itself, on a free port of loopback, for tests of what talks to it.
//!
//! ```ignore
//! let marketplace = Marketplace::start(&["--read-only"]);
//! let answer = marketplace.get("/metadata");
//! ```

#![allow(dead_code, reason = "every test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot have its server has failed")]

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; it ends when this is dropped.
pub(crate) struct Marketplace {
    /// `http://127.0.0.1:PORT`, with the prefix of the public URL if there is one.
    pub(crate) base: String,
    pub(crate) address: SocketAddr,
    /// All it said on standard output until it was ready.
    pub(crate) ready: String,
    /// Its home.
    pub(crate) folder: Arc<TempDir>,
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: Arc<Log>,
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) status: Option<i32>,
    /// What it said on standard output after it was ready.
    pub(crate) stdout: String,
    pub(crate) log: String,
}

/// `stratus-marketplace`, in an environment with nothing else in it.
pub(crate) fn command(home: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("stratus-marketplace"));
    command.current_dir(home).env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

impl Marketplace {
    /// Starts one with these arguments, and an empty home.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(&Arc::new(tempfile::tempdir().unwrap()), arguments)
    }

    /// Starts one with this home.
    pub(crate) fn start_in(folder: &Arc<TempDir>, arguments: &[&str]) -> Self {
        let mut command = command(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Self::run(command, folder)
    }

    /// Runs a command that ends in a server.
    pub(crate) fn run(mut command: Command, folder: &Arc<TempDir>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        let url = ready.split(' ').find_map(|word| word.trim_end().strip_prefix("http://"));
        let url = url.unwrap_or_else(|| unreachable!("no server: {ready}{}", log.text()));
        let address: SocketAddr = url.trim_end_matches('/').parse().unwrap();
        let prefix = ready.trim_end().rsplit_once(" for ").map_or("", |(_, public)| {
            let (_, rest) = public.split_once("://").unwrap();
            rest.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/')
        });
        let slash = if prefix.is_empty() { "" } else { "/" };
        let base = format!("http://{address}{slash}{prefix}");
        Self { base, address, ready, folder: Arc::clone(folder), child, stdout, log }
    }

    /// `GET` of a path, without a body; the whole answer.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    /// Uploads a document as curl does.
    pub(crate) fn upload(&self, document: &[u8]) -> Answer {
        self.ask(
            "POST",
            "/metadata",
            "Content-Type: application/xml\r\nAccept: application/xml\r\n",
            document,
        )
    }

    /// A request with these header fields, each ending with CRLF.
    pub(crate) fn ask(&self, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // It may answer without reading all of it.
        let _ = stream.write_all(body);
        Answer::read(stream)
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The value of a metric, by all that stands before it.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| unreachable!("no {name} in\n{text}")).parse().unwrap()
    }

    /// Waits until a metric has this value: what a connection does is counted a moment after it is seen.
    pub(crate) fn wait_for_metric(&self, name: &str, value: f64) {
        let start = std::time::Instant::now();
        loop {
            let found = self.metric(name);
            if (found - value).abs() < 0.5 {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{name} is {found}, not {value}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the log has a line with this in it.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.log.wait(text)
    }

    /// All it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Kills it, as a crash or the kernel would.
    pub(crate) fn kill(mut self) -> Arc<TempDir> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Arc::clone(&self.folder)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) -> Ended {
        self.signal("TERM");
        self.ended()
    }

    /// Waits until it ends.
    pub(crate) fn ended(mut self) -> Ended {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let status = self.child.wait().unwrap().code();
        Ended { status, stdout, log: self.log.all() }
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Marketplace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 if there was no answer.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Reads until the server closes.
    pub(crate) fn read(mut stream: impl std::io::Read) -> Self {
        let mut bytes = Vec::new();
        // A connection that is reset is one that has been closed.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The value of a header field; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    }
}

/// What is said on standard error, as it is said.
#[derive(Default)]
struct Log {
    lines: Mutex<(String, bool)>,
    more: Condvar,
}

impl Log {
    fn of(stderr: impl std::io::Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let ours = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n') {
                let line = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
                ours.lines.lock().unwrap().0 += &(line + "\n");
                ours.more.notify_all();
            }
            ours.lines.lock().unwrap().1 = true;
            ours.more.notify_all();
        });
        log
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap().0.clone()
    }

    /// The whole of it, when it has ended.
    fn all(&self) -> String {
        let lines = self.lines.lock().unwrap();
        self.more.wait_timeout_while(lines, PATIENCE, |(_, ended)| !*ended).unwrap().0.0.clone()
    }

    /// The first line with this in it.
    fn wait(&self, text: &str) -> String {
        let find = |log: &str| log.lines().find(|line| line.contains(text)).map(str::to_owned);
        let lines = self.lines.lock().unwrap();
        let (lines, _) = self
            .more
            .wait_timeout_while(lines, PATIENCE, |(log, ended)| !*ended && find(log).is_none())
            .unwrap();
        find(&lines.0).unwrap_or_else(|| unreachable!("'{text}' is not logged:\n{}", lines.0))
    }
}

/// Runs it to its end: status, standard output and error.
pub(crate) fn run_to_end<S: AsRef<OsStr>>(
    home: &Path,
    arguments: &[S],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let mut command = command(home);
    let output = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), stdout, stderr)
}
