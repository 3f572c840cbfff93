//! The servers that are measured: `stratus-marketplace`, and nginx with a file.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::common::command;

/// A server, ended when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    /// From its start until it was ready.
    pub(crate) start: Duration,
}

impl Server {
    /// `stratus-marketplace serve` with these arguments.
    pub(crate) fn marketplace(arguments: &[&str]) -> Self {
        let started = Instant::now();
        let mut serve =
            command(env!("CARGO_BIN_EXE_stratus-marketplace"), ["serve", "--listen", "127.0.0.1:0"]);
        let mut child = serve.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}"));
        Self { child, base: base.trim_end_matches('/').to_owned(), start: started.elapsed() }
    }

    /// nginx that serves `folder`, as it would behind a busy site: no log, no limits.
    pub(crate) fn nginx(folder: &Path) -> Self {
        let started = Instant::now();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let (configuration, place) = (folder.join("nginx.conf"), folder.display());
        let text = format!(
            "daemon off; pid {place}/nginx.pid; error_log {place}/error.log; worker_processes auto;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;\n\
             keepalive_requests 1000000000;\n\
             server {{ listen 127.0.0.1:{port} backlog=1024; root {place}; default_type application/rdf+xml; }} }}\n"
        );
        fs::write(&configuration, text).unwrap();
        let mut nginx = Command::new("nginx");
        let child = nginx.arg("-c").arg(&configuration).stderr(Stdio::null()).spawn().expect("nginx");
        let base = format!("http://127.0.0.1:{port}");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "nginx does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Self { child, base, start: started.elapsed() }
    }

    /// Its resident memory and that of its children, in MiB.
    pub(crate) fn resident(&self) -> [f64; 2] {
        let pid = self.child.id();
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let children =
            threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
        let of_children =
            children.flat_map(|children| children.split_whitespace().map(resident).collect::<Vec<_>>());
        [resident(&pid.to_string()), of_children.sum()]
    }
}

fn resident(pid: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes / 1024.0
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // Gently: nginx ends its workers.
        drop(Command::new("kill").arg(pid).status());
        drop(self.child.wait());
    }
}
