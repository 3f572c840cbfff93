//! libxml2's canonical forms, those of many documents in one run.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use stratuslab::dsig::c14n::Mode;
use tempfile::TempDir;

const INSTALL: &str =
    "install it (Debian: apt-get install libxml2-utils), or set STRATUSLAB_SKIP_PEERS to go without";

/// What xmllint calls the algorithms.
pub(crate) const ALGORITHMS: [(Mode, &str); 3] =
    [(Mode::Inclusive, "--c14n"), (Mode::Inclusive11, "--c14n11"), (Mode::Exclusive, "--exc-c14n")];

/// A folder for the documents.
pub(crate) struct Xmllint(TempDir);

impl Xmllint {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write<'a>(&self, documents: impl IntoIterator<Item = &'a str>) -> Vec<PathBuf> {
        let written = documents.into_iter().enumerate().map(|(number, document)| {
            let file = self.0.path().join(number.to_string());
            fs::write(&file, document).unwrap();
            file
        });
        written.collect()
    }

    /// The canonical forms, comments kept, one behind the other.
    pub(crate) fn run(option: &str, files: &[PathBuf]) -> Output {
        let output = Command::new("xmllint").arg(option).args(files).output();
        output.unwrap_or_else(|error| panic!("xmllint does not run ({error}): {INSTALL}"))
    }
}
