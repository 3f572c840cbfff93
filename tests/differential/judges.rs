//! Running the JDK on many documents, and xmlsec1 on those that matter.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Output},
};

const INSTALL: &str = "install xmlsec1 and a JDK (Debian: apt-get install xmlsec1 default-jdk-headless), \
                       or set STRATUSLAB_SKIP_PEERS to go without";

/// The JDK's verdict on each document: `valid`, or what is wrong.
pub(crate) fn jdk<'a>(folder: &Path, documents: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let packed = folder.join("packed");
    let mut out = BufWriter::new(File::create(&packed).unwrap());
    let mut count = 0;
    for document in documents {
        out.write_all(&u32::try_from(document.len()).unwrap().to_be_bytes()).unwrap();
        out.write_all(document).unwrap();
        count += 1;
    }
    out.into_inner().unwrap();
    let verdicts = java("Mutants.java", &packed);
    fs::remove_file(packed).unwrap();
    assert_eq!(verdicts.len(), count);
    verdicts
}

/// Has the JDK do these jobs (see `Dsig.java`); a line for each.
pub(crate) fn jdk_signs(folder: &Path, jobs: &[String]) -> Vec<String> {
    let list = folder.join("jobs");
    fs::write(&list, jobs.join("\n")).unwrap();
    java("Dsig.java", &list)
}

fn java(program: &str, argument: &Path) -> Vec<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java").join(program);
    let output = Command::new("java").arg(&program).arg(argument).output();
    let output = output.unwrap_or_else(|error| panic!("java does not run ({error}): {INSTALL}"));
    assert!(output.status.success(), "{}: {}{INSTALL}", program.display(), complaint(&output));
    String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

/// Whether xmlsec1 verifies this document with the key of a certificate in it.
pub(crate) fn xmlsec(folder: &Path, document: &[u8]) -> Result<(), String> {
    let file = folder.join("mutant.xml");
    fs::write(&file, document).unwrap();
    let output = Command::new("xmlsec1")
        .args(["--verify", "--insecure", "--enabled-key-data", "x509"])
        .args(["--enabled-reference-uris", "empty,same-doc"])
        .arg(&file)
        .output();
    let output = output.unwrap_or_else(|error| panic!("xmlsec1 does not run ({error}): {INSTALL}"));
    if output.status.success() { Ok(()) } else { Err(complaint(&output)) }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
