//! A folder to run commands in, and what they leave there.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use openssl::x509::X509;

use crate::{
    loopback::{self, Marketplace},
    pki::Identity,
};

/// The password of [`Place::grid_p12`].
pub(crate) const PASSWORD: &str = "xxxxxx";

/// The same credentials as the loopback Marketplace's entries have.
pub(crate) fn endorser() -> Identity {
    let credentials = loopback::credentials();
    let certificate = X509::from_der(credentials.certificate().der()).unwrap();
    Identity { key: credentials.key().unwrap().clone(), certificate }
}

/// An entry that is ready to be signed.
pub(crate) fn unsigned() -> String {
    loopback::unsigned(Some("2999-01-01T00:00:00Z"))
}

/// A temporary folder that is working folder and home of the commands run in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// How a command ended.
pub(crate) struct Done {
    /// `None` if a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    /// `grid.p12` with [`PASSWORD`], the endorser's.
    pub(crate) fn grid_p12(&self) -> &Self {
        self.write("grid.p12", endorser().pkcs12(PASSWORD));
        self
    }

    /// The configuration file where commands look for it.
    pub(crate) fn config(&self, text: &str) {
        self.write(".config/stratuslab/config.toml", text);
    }

    /// Has the commands use this Marketplace.
    pub(crate) fn uses(&self, marketplace: &Marketplace) {
        self.uses_at(&marketplace.base);
    }

    /// The same for one at this URL.
    pub(crate) fn uses_at(&self, base: &str) {
        self.config(&format!("marketplace_endpoint = '{base}'\n"));
    }

    /// `stratus-NAME-metadata`, in an environment with nothing else in it.
    pub(crate) fn command(&self, name: &str) -> assert_cmd::Command {
        loopback::command(&program(name), self.path())
    }

    /// Runs `stratus-NAME-metadata` with these arguments.
    pub(crate) fn run(&self, name: &str, args: &[&str]) -> Done {
        done(self.command(name).args(args))
    }

    /// The same with this on standard input.
    pub(crate) fn run_with(&self, name: &str, args: &[&str], stdin: impl Into<Vec<u8>>) -> Done {
        done(self.command(name).args(args).write_stdin(stdin))
    }

    /// Runs a shell command with the project's commands on its path, and these variables.
    pub(crate) fn shell(&self, line: &str, variables: &[(&str, &str)]) -> Done {
        let mut command = self.shell_command(line);
        command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap().into()
    }

    pub(crate) fn shell_command(&self, line: &str) -> Command {
        let bin = assert_cmd::cargo::cargo_bin(program("sign"));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.parent().unwrap().display());
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(self.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path())
            .env("XDG_CONFIG_HOME", self.path().join(".config"));
        command
    }

    /// Starts `stratus-NAME-metadata` with pipes to and from it.
    pub(crate) fn start(&self, name: &str, args: &[&str]) -> Child {
        Command::new(assert_cmd::cargo::cargo_bin(program(name)))
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Every file here, with its content: equal listings mean that nothing was changed or left.
    pub(crate) fn listing(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap_or_default();
                    files.insert(path.strip_prefix(self.path()).unwrap().to_owned(), content);
                }
            }
        }
        files
    }
}

impl Done {
    /// Standard output of a command that succeeded.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> &str {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        &self.stdout
    }

    /// Standard error of a command that failed with this status.
    #[track_caller]
    pub(crate) fn failed(&self, status: i32) -> &str {
        assert_eq!(self.status, Some(status), "{}\n{}", self.stdout, self.stderr);
        &self.stderr
    }
}

impl From<std::process::Output> for Done {
    fn from(output: std::process::Output) -> Self {
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self { status: output.status.code(), stdout, stderr }
    }
}

fn done(command: &mut assert_cmd::Command) -> Done {
    command.output().unwrap().into()
}

fn program(name: &str) -> String {
    format!("stratus-{name}-metadata")
}

/// What to put before a command so that it is not above permissions, as root is.
pub(crate) fn unprivileged() -> &'static str {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if root { "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all" } else { "" }
}

/// Waits until `condition` holds, for as long as anyone would.
pub(crate) fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("nothing happened for half a minute");
}

/// Sends SIGINT as Ctrl-C does, once the process handles it.
pub(crate) fn interrupt(process: u32) {
    // SIGINT is signal 2.
    let handled = || {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 2 != 0)
    };
    eventually(handled);
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}

/// Gives `child` more than a pipe holds: when this returns it is reading, and waits for more.
pub(crate) fn feed(child: &mut Child) {
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(&vec![b' '; 256 << 10]).unwrap();
    stdin.flush().unwrap();
}
