//! A folder in which the commands run, with old entries in it.

#![allow(dead_code, reason = "each test needs some of it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::server::draft::Draft;

/// A folder with nothing of the user's, in which the commands run.
pub(crate) struct Folder(pub(crate) TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `stratus-marketplace`, in an environment with nothing else in it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("stratus-marketplace"));
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.command().args(arguments).output().unwrap().into()
    }

    /// Writes an entry where the original server keeps it, below this folder.
    pub(crate) fn keep(&self, folder: &str, draft: &Draft) -> PathBuf {
        let path = self.path(folder).join(format!("{}.xml", &draft.path()["/metadata/".len()..]));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, draft.signed()).unwrap();
        path
    }

    /// Every file below this folder.
    pub(crate) fn tree(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path(folder)];
        while let Some(path) = folders.pop() {
            for child in fs::read_dir(path).unwrap() {
                let child = child.unwrap().path();
                if child.is_dir() {
                    folders.push(child);
                } else {
                    let bytes = fs::read(&child).unwrap();
                    files.insert(child.strip_prefix(self.path(folder)).unwrap().to_owned(), bytes);
                }
            }
        }
        files
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Self { status: output.status.code(), stdout, stderr }
    }
}

impl Done {
    /// Requires this exit status and this on standard output.
    #[track_caller]
    pub(crate) fn ended(&self, status: i32, stdout: &str) -> &Self {
        assert_eq!((self.status, self.stdout.as_str()), (Some(status), stdout), "{}", self.stderr);
        self
    }

    /// Requires that standard error has these texts.
    #[track_caller]
    pub(crate) fn said(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr.contains(text), "no '{text}' in:\n{}", self.stderr);
        }
    }
}

/// Images, endorsers, history: eight entries.
pub(crate) fn eight() -> Vec<Draft> {
    let one = Draft::new("one");
    vec![
        one.clone(),
        one.clone().created("2013-01-01T00:00:00Z").text("title", "é\u{2028}"),
        one.clone().created("2014-01-01T00:00:00Z").deprecated("a hole"),
        one.email("joe@example.org"),
        Draft::new("two").valid("2012-12-12T12:12:12Z"),
        Draft::new("three").email("joe@example.org").created("2011-11-11T11:11:11Z"),
        Draft::new("four").text("tag", "latest"),
        Draft::new("five").locations(&[]),
    ]
}

/// The names of what is below a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
