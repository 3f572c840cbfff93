//! A command on a terminal, as script(1) of util-linux gives it one.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use crate::place::Place;

/// What is run in the terminal, to see how a command leaves it.
const IN_TERMINAL: &str = r#"eval "$RUN"; echo "status=$?"; stty -a; echo end"#;

pub(crate) struct Terminal {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Terminal {
    /// Runs a shell command on a terminal of its own.
    pub(crate) fn start(place: &Place, line: &str) -> Self {
        let mut child = place
            .shell_command(&format!("exec script -qec '{IN_TERMINAL}' /dev/null"))
            .env("RUN", line)
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    /// Reads on until `text` is shown; gives what was shown since the last time.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let (mut shown, mut byte) = (Vec::new(), [0]);
        while !String::from_utf8_lossy(&shown).contains(text) {
            assert_eq!(self.stdout.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
            shown.extend(byte);
        }
        String::from_utf8_lossy(&shown).replace('\r', "")
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.stdin.write_all(keys.as_bytes()).unwrap();
        self.stdin.flush().unwrap();
    }

    /// What is shown until the command ends, and its status; the terminal must be usable then.
    pub(crate) fn end(mut self) -> (String, i32) {
        let shown = self.until("\nend\r\n");
        for mode in ["echo", "isig", "icanon"] {
            assert!(shown.split_whitespace().any(|word| word == mode), "{mode}: {shown}");
        }
        let (before, after) = shown.split_once("status=").unwrap();
        let status = after.lines().next().unwrap().parse().unwrap();
        drop(self.stdin);
        self.child.wait().unwrap();
        (before.to_owned(), status)
    }
}
