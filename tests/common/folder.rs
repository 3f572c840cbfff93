//! Commands run in a folder of their own, and what they say there.

#![allow(dead_code, reason = "every test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// `hello world` and a line feed; its checksums are known (behaviour 8).
pub(crate) const IMAGE: &[u8] = b"hello world\n";
pub(crate) const IDENTIFIER: &str = "CJZY2Oz3kCwb5gfuF2CMS6MDtUR";

/// Longer than anyone would wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// A temporary folder with an [`IMAGE`] in it, and nothing of the user's.
pub(crate) struct Folder(TempDir);

/// How a command ended.
pub(crate) struct Done {
    /// `None` if a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("image", IMAGE);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn open(&self, name: &str) -> File {
        File::open(self.path(name)).unwrap()
    }

    /// A file of this many zeros, which takes no room on most file systems.
    pub(crate) fn sparse(&self, name: &str, length: u64) {
        File::create(self.path(name)).unwrap().set_len(length).unwrap();
    }

    /// The names of all files here.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `stratus-NAME`, in an environment with nothing else in it.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin(format!("stratus-{name}")));
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    /// `stratus-NAME` with these arguments.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Done {
        self.command(name).args(arguments).output().unwrap().into()
    }

    /// The same with this file or pipe as standard input.
    pub(crate) fn run_on(&self, stdin: impl Into<Stdio>, name: &str, arguments: &[&str]) -> Done {
        self.command(name).args(arguments).stdin(stdin).output().unwrap().into()
    }

    /// The same with these bytes from a pipe.
    pub(crate) fn run_with(&self, stdin: &[u8], name: &str, arguments: &[&str]) -> Done {
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::thread::scope(|scope| {
            // Whoever has seen enough closes it.
            scope.spawn(move || drop(writer.write_all(stdin)));
            self.run_on(reader, name, arguments)
        })
    }

    /// A line of the shell, in the same environment with the commands on its path.
    pub(crate) fn shell(&self, line: &str) -> Done {
        let commands = assert_cmd::cargo::cargo_bin("stratus-build-metadata");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", commands.parent().unwrap().display());
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.0.path()).env_clear();
        shell.env("PATH", path).env("HOME", self.0.path()).stdin(Stdio::null());
        shell.output().unwrap().into()
    }

    /// Starts a command and waits until it reads this image: it has looked for holes in it by then, and
    /// so moved its place in the file.
    pub(crate) fn start_reading(&self, command: &mut Command, image: &str) -> Child {
        let inode = fs::metadata(self.path(image)).unwrap().ino();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let process = Path::new("/proc").join(child.id().to_string());
        let reads = |fd: fs::DirEntry| {
            let place = fs::read_to_string(process.join("fdinfo").join(fd.file_name())).unwrap_or_default();
            let moved =
                place.lines().next().is_some_and(|line| line.trim_start_matches("pos:").trim() != "0");
            moved && fs::metadata(fd.path()).is_ok_and(|file| file.ino() == inode)
        };
        let start = Instant::now();
        while !fs::read_dir(process.join("fd")).is_ok_and(|fds| fds.flatten().any(reads)) {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it read anything");
            let late = start.elapsed() > PATIENCE;
            if late {
                child.kill().unwrap();
            }
            assert!(!late, "it does not read");
            std::thread::yield_now();
        }
        child
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Self { status: output.status.code(), stdout, stderr }
    }
}

impl Done {
    /// Standard output of a command that succeeded and had nothing to remark.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// Requires this exit status, this on standard error and nothing on standard output.
    #[track_caller]
    pub(crate) fn failed(self, status: i32, stderr: &str) {
        self.ended(status, "", stderr);
    }

    /// Requires this exit status and these outputs.
    #[track_caller]
    pub(crate) fn ended(self, status: i32, stdout: &str, stderr: &str) {
        assert_eq!((self.stderr.as_str(), self.stdout.as_str()), (stderr, stdout));
        assert_eq!(self.status, Some(status));
    }

    /// Requires that a policy refused, for whatever reason.
    #[track_caller]
    pub(crate) fn refused(self) {
        assert_eq!((self.status, self.stdout.as_str()), (Some(1), ""), "{}", self.stderr);
        assert!(self.stderr.ends_with("Image isn't valid according to site policy\n"), "{}", self.stderr);
    }

    /// Requires success, and this among what is on standard error.
    #[track_caller]
    pub(crate) fn stderr_has(self, line: &str) {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        assert!(self.stderr.contains(line), "{}", self.stderr);
    }

    /// The array that `--json` prints.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| unreachable!("{}\n{}", self.stdout, self.stderr))
    }
}

/// The texts of all elements of this local name.
pub(crate) fn texts(document: &str, name: &str) -> Vec<String> {
    let parsed = roxmltree::Document::parse(document).unwrap();
    let named = parsed.descendants().filter(|node| node.tag_name().name() == name);
    named.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// What a program makes of these bytes; `None`, with a remark, where it is not installed.
pub(crate) fn filtered(program: &str, arguments: &[&str], content: &[u8]) -> Option<Vec<u8>> {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(content).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let mut output = tempfile::tempfile().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdin(input).stdout(output.try_clone().unwrap());
    let Ok(status) = command.status() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    assert!(status.success(), "{program} {arguments:?}");
    std::io::Seek::rewind(&mut output).unwrap();
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// [`filtered`] by the usual program of a compression, of which all are given.
pub(crate) fn compressed(extension: &str, content: &[u8]) -> Option<Vec<u8>> {
    let program = match extension {
        "gz" => "gzip",
        "bz2" => "bzip2",
        "xz" => "xz",
        _ => "zstd",
    };
    filtered(program, &["-c"], content)
}
