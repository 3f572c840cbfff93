//! nginx over a folder, on a free port of loopback.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Longer than it takes to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running web server; it ends when this is dropped.
pub(crate) struct Nginx {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    folder: TempDir,
    child: Child,
}

impl Nginx {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        fs::create_dir(folder.path().join("www")).unwrap();
        let mut tries = 0..20;
        loop {
            tries.next().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let user = if rustix_is_root() { "user root;" } else { "" };
            let configuration = format!(
                "daemon off; pid {place}/pid; error_log {place}/error.log; worker_processes 1; {user}\n\
                 events {{}}\n\
                 http {{\n\
                 log_format asked '$request_method $uri $http_range $status';\n\
                 access_log {place}/access.log asked;\n\
                 client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;\n\
                 fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;\n\
                 server {{ listen 127.0.0.1:{port}; root {place}/www;\n\
                 location /slow/ {{ alias {place}/www/; limit_rate 2m; }}\n\
                 location /single/ {{ alias {place}/www/; max_ranges 0; }}\n\
                 }} }}\n"
            );
            fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-c").arg(folder.path().join("nginx.conf")).arg("-p").arg(folder.path());
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let start = Instant::now();
            while start.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { base: format!("http://127.0.0.1:{port}"), folder, child };
                }
                thread::sleep(Duration::from_millis(20));
            }
            // Somebody else has taken the port.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Serves a file with this content; its URL.
    pub(crate) fn serve(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.file(name), content).unwrap();
        format!("{}/{name}", self.base)
    }

    /// The file behind a URL.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("www").join(name)
    }

    /// What was asked for: method, path, range, status.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

/// Its workers must be able to read what a test has made for itself.
fn rustix_is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends with it, but for a kill.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
