//! The JDK's canonicalization: one process that answers as long as it is asked.

use std::{
    io::{BufReader, Read, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use stratuslab::dsig::c14n::Canonicalization;

const INSTALL: &str =
    "install it (Debian: apt-get install default-jdk-headless), or set STRATUSLAB_SKIP_PEERS to go without";
const PACKAGE: &str = "java.xml.crypto/com.sun.org.apache.xml.internal.security";

/// An algorithm, and the element whose subtree is meant, counted in document order.
pub(crate) type Job<'a> = (&'a Canonicalization, Option<usize>);

pub(crate) struct Jdk {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Jdk {
    pub(crate) fn start() -> Self {
        let mut process = Command::new("java")
            .arg(format!("--add-exports={PACKAGE}=ALL-UNNAMED"))
            .arg(format!("--add-exports={PACKAGE}.c14n=ALL-UNNAMED"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/C14n.java"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("java does not run ({error}): {INSTALL}"));
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, questions, answers }
    }

    /// A canonical form, or a complaint, for each job.
    pub(crate) fn canonical(&mut self, document: &[u8], jobs: &[Job]) -> Vec<Result<Vec<u8>, String>> {
        let mut question = length(document.len()).to_vec();
        question.extend(document);
        question.extend(length(jobs.len()));
        for (algorithm, element) in jobs {
            let prefixes = algorithm.inclusive_prefixes.iter();
            let prefixes: Vec<&str> =
                prefixes.map(|prefix| if prefix.is_empty() { "#default" } else { prefix }).collect();
            for text in [algorithm.uri(), &prefixes.join(" ")] {
                question.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
                question.extend(text.as_bytes());
            }
            question.extend(element.map_or([0xFF; 4], length));
        }
        self.questions.write_all(&question).unwrap();
        jobs.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> Result<Vec<u8>, String> {
        let mut length = [0; 4];
        self.answers.read_exact(&mut length).unwrap();
        if length != [0xFF; 4] {
            return Ok(self.bytes(u32::from_be_bytes(length) as usize));
        }
        let mut length = [0; 2];
        self.answers.read_exact(&mut length).unwrap();
        let reason = self.bytes(u16::from_be_bytes(length).into());
        Err(String::from_utf8_lossy(&reason).into_owned())
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.answers.read_exact(&mut bytes).unwrap();
        bytes
    }
}

impl Drop for Jdk {
    fn drop(&mut self) {
        let ended = self.questions.write_all(&[0xFF; 4]).and_then(|()| self.questions.flush());
        if ended.is_err() || std::thread::panicking() {
            self.process.kill().ok();
        }
        self.process.wait().ok();
    }
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap().to_be_bytes()
}
