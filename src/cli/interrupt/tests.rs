//! Interrupts end the process, so each test starts this test program again as its [`child`].

use std::env;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::*;
use crate::cli::{Failure, output, password};

/// What the child does; unset in a usual run of the tests.
const ROLE: &str = "STRATUSLAB_TEST_INTERRUPT";
const FILE: &str = "STRATUSLAB_TEST_FILE";
const READY: &str = "ready for the signal";

#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    handle();
    let file = env::var(FILE).map(PathBuf::from).unwrap_or_default();
    match role.as_str() {
        "writing" => {
            let temporary = file.with_extension("tmp");
            fs::write(&temporary, "half").unwrap();
            pending().add(&temporary);
            await_signal();
        }
        "renaming" => {
            // What `replace_keeping_original` does while it holds the lock.
            let pending = pending();
            ready();
            io::stdin().read_line(&mut String::new()).unwrap();
            fs::rename(&file, file.with_extension("orig")).unwrap();
            fs::write(&file, "new").unwrap();
            drop(pending);
            block();
        }
        "asking" => {
            fs::write(&file, std::process::id().to_string()).unwrap();
            match password::prompt("Password: ").map_err(Failure::from) {
                Ok(password) => println!("{} characters", password.as_str().len()),
                Err(failure) if failure.status() == Status::Interrupted => exit(),
                Err(failure) => println!("{}", failure.fact()),
            }
        }
        "replacing" => {
            output::replace_keeping_original(&file, &fs::read(&file).unwrap(), b"new").unwrap();
            await_signal();
        }
        role => panic!("{role}"),
    }
}

fn ready() {
    writeln!(io::stderr(), "{READY}").unwrap();
}

fn await_signal() {
    ready();
    block();
}

/// Until the process ends.
fn block() -> ! {
    loop {
        thread::park();
    }
}

/// This program in one role, in a shell command `$TEST` of `shell`.
fn start(role: &str, file: &Path, shell: &str) -> (Child, ChildStdin) {
    let test = "--exact cli::interrupt::tests::child --nocapture --test-threads=1";
    let program = env::current_exe().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", shell])
        .env("TEST", format!("'{}' {test}", program.display()))
        .env(ROLE, role)
        .env(FILE, file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

fn until_ready(child: &mut Child) {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    assert!(stderr.lines().any(|line| line.unwrap() == READY));
}

fn signal(process: &str, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(status.unwrap().success());
}

#[test]
fn c30_an_interrupt_ends_with_130_and_removes_what_is_half_written() {
    for name in ["INT", "TERM", "HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, _stdin) = start("writing", &folder.path().join("a.xml"), "eval exec $TEST");
        until_ready(&mut child);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        signal(&child.id().to_string(), name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn c30_an_interrupt_waits_until_all_files_have_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.xml");
    fs::write(&file, "old").unwrap();
    let (mut child, mut stdin) = start("renaming", &file, "eval exec $TEST");
    until_ready(&mut child);
    signal(&child.id().to_string(), "INT");
    stdin.write_all(b"go on\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::read_to_string(file.with_extension("orig")).unwrap(), "old");
}

#[test]
fn an_interrupt_after_the_work_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.xml");
    fs::write(&file, "old").unwrap();
    let (mut child, _stdin) = start("replacing", &file, "eval exec $TEST");
    until_ready(&mut child);
    signal(&child.id().to_string(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::read_to_string(folder.path().join("a.xml.orig")).unwrap(), "old");
}

#[test]
fn a_signal_ignored_from_the_start_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let shell = "trap '' HUP; eval exec $TEST";
    let (mut child, _stdin) = start("writing", &folder.path().join("a.xml"), shell);
    until_ready(&mut child);
    signal(&child.id().to_string(), "HUP");
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    signal(&child.id().to_string(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// Reads what a terminal shows until `end` is on it.
fn read_until(stdout: &mut ChildStdout, end: &str) -> String {
    let mut shown = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&shown).contains(end) {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
        shown.extend(byte);
    }
    String::from_utf8_lossy(&shown).into_owned()
}

/// What is run in a terminal, to see how a command leaves it.
const IN_TERMINAL: &str = r#"eval "$TEST"; echo "status=$?"; stty -a; echo end"#;

#[test]
fn c30_an_interrupted_prompt_leaves_a_usable_terminal() {
    for interrupt in ["typed", "TERM", "HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let (script, process) = (folder.path().join("script"), folder.path().join("process"));
        fs::write(&script, IN_TERMINAL).unwrap();
        // util-linux's script(1) gives a terminal to the command and passes on what is typed.
        let shell = format!("exec script -qec 'sh {}' /dev/null", script.display());
        let (mut child, mut stdin) = start("asking", &process, &shell);
        let mut stdout = child.stdout.take().unwrap();
        read_until(&mut stdout, "Password: ");
        if interrupt == "typed" {
            stdin.write_all(b"secret\x03").unwrap();
        } else {
            signal(&fs::read_to_string(&process).unwrap(), interrupt);
        }
        let rest = read_until(&mut stdout, "end\r\n");
        assert!(rest.contains("status=130"), "{rest}");
        assert!(!rest.contains("secret"), "{rest}");
        for mode in ["echo", "isig", "icanon"] {
            assert!(rest.split_whitespace().any(|word| word == mode), "{mode}: {rest}");
        }
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_password_is_asked_for_without_echo() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, IN_TERMINAL).unwrap();
    let shell = format!("exec script -qec 'sh {}' /dev/null", script.display());
    for (typed, told) in
        [("secret\n", "6 characters"), ("\n", "0 characters"), ("\x04", "no password was entered")]
    {
        let (mut child, mut stdin) = start("asking", &folder.path().join("process"), &shell);
        let mut stdout = child.stdout.take().unwrap();
        read_until(&mut stdout, "Password: ");
        stdin.write_all(typed.as_bytes()).unwrap();
        let rest = read_until(&mut stdout, "end\r\n");
        assert!(rest.starts_with(&format!("\r\n{told}")), "{rest}");
        assert!(!rest.contains("secret"), "{rest}");
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn c38_without_a_terminal_no_one_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (child, _stdin) = start("asking", &folder.path().join("process"), "eval exec setsid -w $TEST");
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("a password is needed and there is no terminal to ask for it"), "{shown}");
}
