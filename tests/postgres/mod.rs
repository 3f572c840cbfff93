//! A PostgreSQL of the tests' own: initialised into a temporary folder, on a port of loopback, without root's
//! rights. It ends, and its folder goes, when the test does, however that ends.

#![allow(dead_code, reason = "every test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// The URL of a new, empty database, in a server that all tests of a process share.
pub(crate) fn url() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start).url()
}

/// A server.
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    /// Whom it runs as, if that is not who the tests run as.
    user: Option<(u32, u32)>,
    port: u16,
    databases: AtomicU32,
    /// Ends the server when its standard input ends: with this process at the latest.
    watch: Child,
}

impl Server {
    /// Starts one, and returns when it answers.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("postgres").tempdir().unwrap().keep();
        let programs = programs();
        let user = user(&folder);
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let line = "trap '' INT; cat; \"$1/pg_ctl\" -D \"$2/data\" stop -m immediate; rm -rf \"$2\"";
        let mut watch = as_user(user, Path::new("sh"), &folder);
        watch.args(["-c", line, "sh"]).arg(&programs).arg(&folder);
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watch = watch.spawn().unwrap();
        let mut server = Self { folder, programs, user, port: 0, databases: AtomicU32::new(0), watch };
        // Nothing is lost when a process is killed, so the tests need not wait for the disk.
        let options = "--auth=trust --encoding=UTF8 --locale=C --no-sync --username=stratuslab";
        server.run("initdb", options.split(' ').chain(["-D", "data"]));
        // Somebody may take the port between the look and the start.
        for _ in 0..5 {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if server.try_run("pg_ctl", server.starting().iter().map(String::as_str)) {
                return server;
            }
        }
        unreachable!("{}", fs::read_to_string(server.folder.join("log")).unwrap_or_default())
    }

    /// The URL of a new, empty database.
    pub(crate) fn url(&self) -> String {
        let name = format!("db{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://stratuslab@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a statement in a database.
    pub(crate) fn psql(&self, database: &str, statement: &str) {
        let port = self.port.to_string();
        let place = ["-q", "-X", "-h", "127.0.0.1", "-U", "stratuslab", "-p", &port, "-d", database];
        self.run("psql", place.into_iter().chain(["-c", statement]));
    }

    /// Stops it as a crash would.
    pub(crate) fn stop(&self) {
        self.run("pg_ctl", ["-D", "data", "stop", "-m", "immediate"]);
    }

    /// Starts it again on the same port.
    pub(crate) fn start_again(&self) {
        self.run("pg_ctl", self.starting().iter().map(String::as_str));
    }

    /// Sends all its processes a signal; each is the leader of a session of its own (setsid(2)).
    pub(crate) fn signal(&self, name: &str) {
        let first = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let first = first.lines().next().unwrap();
        // Some end by themselves.
        let kill = |pid| {
            let _ = Command::new("kill").args(["-s", name, pid]).status().unwrap();
        };
        // First the one that would take others' silence for a crash, and starts others.
        kill(first);
        let others = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        others.split_whitespace().for_each(kill);
    }

    fn starting(&self) -> Vec<String> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -k {}",
            self.port,
            self.folder.display()
        );
        ["-D", "data", "-l", "log", "-w", "-o", &options, "start"].map(str::to_owned).into()
    }

    fn run<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) {
        assert!(self.try_run(program, arguments), "{program} failed");
    }

    fn try_run<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> bool {
        let mut command = as_user(self.user, &self.programs.join(program), &self.folder);
        let output = self.folder.join(format!("{program}.out"));
        // A server that pg_ctl starts would keep a pipe open.
        let output = fs::File::create(output).unwrap();
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        command.status().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// Where Debian keeps the newest version, or the folder of the search path that has it.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.max_by_key(|version| version.file_name().to_string_lossy().parse().unwrap_or(0_u32));
    if let Some(newest) = newest {
        return newest.path().join("bin");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found.unwrap_or_else(|| unreachable!("PostgreSQL is not installed: tests/setup.sh tests"))
}

/// PostgreSQL does not run as root: its own user, then, or nobody.
fn user(folder: &Path) -> Option<(u32, u32)> {
    if fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap());
        Some((fields.next()?, fields.next()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

fn as_user(user: Option<(u32, u32)>, program: &Path, folder: &Path) -> Command {
    let mut command = match user {
        None => Command::new(program),
        Some((uid, gid)) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
            command.arg(program);
            command
        }
    };
    command.current_dir(folder).env("LC_ALL", "C").env_remove("PGHOST").env_remove("PGPORT");
    command
}
