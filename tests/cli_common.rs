//! What every command does alike, on the real commands.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot run a command has failed")]

#[path = "cli_common/options.rs"]
mod options;
#[path = "cli_common/terminal.rs"]
mod terminal;

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const VALIDATE: &str = "stratus-validate-metadata";
const UPLOAD: &str = "stratus-upload-metadata";
const SIGN: &str = "stratus-sign-metadata";
const BUILD: &str = "stratus-build-metadata";
/// What describes the file `image` in `x-1-x-base-1.xml`.
const BUILD_ARGS: [&str; 5] = ["--os=x", "--os-version=1", "--os-arch=x", "--image-version=1", "image"];

/// The commands there are.
fn commands() -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let mut names: Vec<_> = fs::read_dir(sources)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    // Which is built only with the feature of its name.
    names.retain(|name| cfg!(feature = "marketplace") || name != "stratus-marketplace");
    names.sort();
    assert!(names.contains(&VALIDATE.to_owned()) && names.contains(&UPLOAD.to_owned()));
    names
}

/// A command in a folder that is also its home, with nothing of ours in the environment.
fn command(name: &str, folder: &Path) -> Command {
    isolated(&program(name), folder)
}

/// Where a command is: they are built into the folder above that of the tests.
fn program(name: &str) -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().parent().unwrap().join(name)
}

fn isolated(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in env::vars_os() {
        if variable.as_bytes().starts_with(b"STRATUSLAB_") || variable.as_bytes().starts_with(b"XDG_") {
            command.env_remove(variable);
        }
    }
    command.current_dir(folder).env("HOME", folder).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Exit status, stdout, stderr.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), text(&stdout), text(&stderr))
}

fn run(name: &str, folder: &Path, args: &[&str]) -> (i32, String, String) {
    outcome(command(name, folder).args(args))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn c29_versions_and_help_go_to_stdout_and_usage_errors_to_stderr() {
    let folder = folder();
    for name in commands() {
        let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        for option in ["-V", "--version", "--vers"] {
            assert_eq!(run(&name, folder.path(), &[option]), (0, version.clone(), String::new()));
        }
        let (status, help, stderr) = run(&name, folder.path(), &["--help"]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        assert!(help.contains(&format!("Usage: {name} [OPTIONS]")), "C32: {help}");
        for option in
            ["--verbose", "--quiet", "--config", "--user-config-section", "--json", "--generate-completion"]
        {
            assert!(help.contains(option), "{name} {option}");
        }
        for wrong in [&["--no-such-option"][..], &["--config"], &["--json=x"], &[]] {
            // It finds everything.
            if wrong.is_empty() && name == "stratus-search-images" {
                continue;
            }
            let (status, stdout, stderr) = run(&name, folder.path(), wrong);
            assert_eq!((status, stdout.as_str()), (2, ""), "{name} {wrong:?}");
            assert!(stderr.starts_with("error: "), "{name} {wrong:?}: {stderr}");
        }
    }
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let folder = folder();
    for name in commands() {
        let mut command = command(&name, folder.path());
        command.arg("--help");
        for variable in ["P12_PASSWORD", "P12_CERTIFICATE", "MARKETPLACE_ENDPOINT", "USER_CONFIG_SECTION"] {
            command.env(format!("STRATUSLAB_{variable}"), "xyzzy");
        }
        let (_, help, _) = outcome(&mut command);
        assert!(help.contains("STRATUSLAB_USER_CONFIG_SECTION") && !help.contains("xyzzy"), "{help}");
        // One that is empty is documented all the same.
        command.env("STRATUSLAB_USER_CONFIG_SECTION", "");
        assert!(outcome(&mut command).1.contains("STRATUSLAB_USER_CONFIG_SECTION"));
    }
}

#[test]
fn every_shell_gets_the_completions_of_every_command() {
    let folder = folder();
    for name in commands() {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let (status, script, stderr) =
                run(&name, folder.path(), &[&format!("--generate-completion={shell}")]);
            assert_eq!((status, stderr.as_str()), (0, ""), "{name} {shell}");
            assert!(script.contains(&name) && script.contains("generate-completion"), "{name} {shell}");
            assert!(script.contains("user-config-section"), "{name} {shell}");
            // The same, abbreviated, in two words, with variables that are arguments otherwise.
            let mut command = command(&name, folder.path());
            command.args(["--generate", shell]).env("STRATUSLAB_USER_CONFIG_SECTION", "x");
            assert_eq!(outcome(&mut command), (0, script.clone(), String::new()));
            if shell == "bash" {
                let file = folder.path().join("completion");
                fs::write(&file, script).unwrap();
                assert!(Command::new("bash").arg("-n").arg(&file).status().unwrap().success());
            }
        }
        let (status, stdout, _) = run(&name, folder.path(), &["--generate-completion", "tcsh"]);
        assert_eq!((status, stdout.as_str()), (2, ""));
        let (status, stdout, _) = run(&name, folder.path(), &["--generate-completion", "zsh", "x"]);
        assert_eq!((status, stdout.as_str()), (2, ""));
    }
}

#[test]
fn a_full_stdout_is_an_error_and_a_closed_pipe_is_not() {
    let folder = folder();
    for name in commands() {
        for option in ["--help", "--version", "--generate-completion=bash"] {
            let full = File::options().write(true).open("/dev/full").unwrap();
            let mut to_full = command(&name, folder.path());
            let output = to_full.arg(option).stdout(full).output().unwrap();
            assert_eq!(output.status.code(), Some(3), "{name} {option}");
            let expected = "error: cannot write to standard output: No space left on device\n";
            assert_eq!(text(&output.stderr), expected);

            let mut to_closed = command(&name, folder.path());
            let mut child =
                to_closed.arg(option).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            assert_eq!(
                (output.status.code(), text(&output.stderr).as_str()),
                (Some(0), ""),
                "{name} {option}"
            );
        }
    }
    let mut validate = command(VALIDATE, folder.path());
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = validate.args(["--json", "none.xml"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn c21_c22_every_input_is_read_whatever_its_name() {
    let folder = folder();
    fs::write(folder.path().join("-x.xml"), "<a/>").unwrap();
    let strange = [&b"a b.xml"[..], b"line\nfeed.xml", b"\x1b[31m.xml", b"latin\xe9.xml"];
    let mut validate = command(VALIDATE, folder.path());
    validate.args(strange.map(OsStr::from_bytes)).args([".", "/etc/none/x", "-"]);
    let (status, stdout, stderr) = outcome(&mut validate);
    assert_eq!((status, stdout.as_str()), (3, ""));
    for expected in [
        "error: cannot read a b.xml: No such file or directory",
        "error: cannot read line\\nfeed.xml: No such file or directory",
        "error: cannot read \\u{1b}[31m.xml: No such file or directory",
        "error: cannot read latin\\xe9.xml: No such file or directory",
        "error: cannot read .: is a directory",
        "error: cannot read /etc/none/x: No such file or directory",
    ] {
        assert_eq!(stderr.lines().filter(|line| *line == expected).count(), 1, "{expected}: {stderr}");
    }
    // A name that begins with a hyphen is one after `--`.
    let (status, _, stderr) = run(VALIDATE, folder.path(), &["--", "-x.xml"]);
    assert_eq!(status, 1, "{stderr}");
    assert!(stderr.starts_with("Invalid: -x.xml\n"), "{stderr}");
}

#[test]
fn json_is_one_array_whatever_happens() {
    let folder = folder();
    let parsed = |args: &[&str]| {
        let (status, stdout, stderr) = run(VALIDATE, folder.path(), args);
        (status, serde_json::from_str::<Value>(&stdout).unwrap(), stderr)
    };
    let (status, array, stderr) = parsed(&["--json", "none.xml", "."]);
    assert_eq!(status, 3);
    assert_eq!(array.as_array().unwrap().len(), 2);
    assert_eq!(array[0]["file"], "none.xml");
    assert_eq!(array[0]["error"]["fact"], "cannot read none.xml: No such file or directory");
    assert_eq!(array[1]["file"], ".");
    assert_eq!(stderr.lines().count(), 2, "stderr says it as well: {stderr}");
    let (status, array, _) = parsed(&["--json", "--config=none.toml", "x.xml"]);
    assert_eq!(status, 3);
    assert!(array[0]["error"]["fact"].as_str().unwrap().contains("none.toml"));
}

#[test]
fn json_has_an_object_for_each_input_when_all_fail_for_the_same_reason() {
    let folder = folder();
    for (name, args, status, expected) in [
        (VALIDATE, &["--json", "--image=none", "a.xml", "b.xml"][..], 3, "image does not exist: none"),
        (
            VALIDATE,
            &["--json", "--config=none", "a.xml", "b.xml"],
            3,
            "cannot read the configuration file none",
        ),
        (SIGN, &["--json", "a.xml", "b.xml"], 4, "no certificate to sign with"),
        (UPLOAD, &["--json", "--ca-file=none", "a.xml", "b.xml"], 3, "cannot read CA certificates from none"),
    ] {
        let (found, stdout, stderr) = run(name, folder.path(), args);
        assert_eq!(found, status, "{stderr}");
        let array: Value = serde_json::from_str(&stdout).unwrap();
        let array = array.as_array().unwrap();
        let files: Vec<_> = array.iter().map(|object| object["file"].as_str().unwrap()).collect();
        assert_eq!(files, ["a.xml", "b.xml"], "{name}");
        for object in array {
            let fact = object["error"]["fact"].as_str().unwrap();
            assert!(fact.starts_with(expected), "{name}: {fact}");
        }
        assert_eq!(stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{stderr}");
    }
    // An identifier is no file.
    let id = "M8Y2dNrpJVd5cjqyXCEr9sqDPA1";
    let (_, stdout, _) = run("stratus-deprecate-metadata", folder.path(), &["--json", id]);
    let array: Value = serde_json::from_str(&stdout).unwrap();
    assert!(array[0].get("file").is_none() && array[0].get("error").is_some(), "{stdout}");
}

#[test]
fn configuration_errors_are_told_in_one_line() {
    let folder = folder();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    write("typo.toml", "alow_sha1 = true");
    write("syntax.toml", "allow_sha1 =");
    write("profiles.toml", "[one]\n[two]");
    for (args, status, expected) in [
        (
            &["-c", "none.toml"][..],
            3,
            "error: cannot read the configuration file none.toml: No such file or directory\n",
        ),
        (
            &["--conf=typo.toml"],
            2,
            "error: typo.toml, line 1: unknown key 'alow_sha1'\nhint: did you mean 'allow_sha1'?\n",
        ),
        (
            &["-c", "profiles.toml", "-S", "three"],
            2,
            "error: there is no profile 'three' in profiles.toml, which has 'one', 'two'\n",
        ),
    ] {
        let (found, stdout, stderr) = run(UPLOAD, folder.path(), &[args, &["x.xml"]].concat());
        assert_eq!((found, stdout.as_str(), stderr.as_str()), (status, "", expected));
    }
    let (status, _, stderr) = run(UPLOAD, folder.path(), &["-c", "syntax.toml", "x.xml"]);
    assert_eq!(status, 2);
    assert!(stderr.starts_with("error: syntax.toml, line 1: ") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn who_asked_for_a_profile_that_is_not_there_is_told() {
    const SECTION: &str = "STRATUSLAB_USER_CONFIG_SECTION";
    let folder = folder();
    let home = folder.path().display();
    let none = |profile: &str| {
        format!(
            "error: there is no configuration file that could have a profile '{profile}': \
             neither {home}/.config/stratuslab/config.toml nor {home}/.stratuslab/stratuslab-user.cfg exists\n"
        )
    };
    let told = |args: &[&str]| {
        let mut upload = command(UPLOAD, folder.path());
        let (status, _, stderr) = outcome(upload.args(args).arg("x.xml").env(SECTION, "variable"));
        assert_eq!(status, 2, "{stderr}");
        stderr
    };
    let variable = format!("hint: the variable {SECTION} asks for it\n");
    assert_eq!(told(&[]), format!("{}{variable}", none("variable")));
    let option = "hint: --user-config-section asks for it; --config FILE names a file that has it\n";
    assert_eq!(told(&["-S", "x"]), format!("{}{option}", none("x")));
    assert_eq!(told(&["-S", "variable"]), format!("{}{option}", none("variable")));
    fs::write(folder.path().join("c.toml"), "[one]").unwrap();
    let missing = "error: there is no profile 'variable' in c.toml, which has 'one'\n";
    assert_eq!(told(&["-c", "c.toml"]), format!("{missing}{variable}"));
}

/// What `stratus-upload-metadata` takes for its endpoint: one that cannot be, so that it is told.
fn endpoint(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> String {
    let mut upload = command(UPLOAD, folder);
    upload.args(args).arg("x.xml").envs(environment.iter().copied());
    let (_, _, stderr) = outcome(&mut upload);
    let start = stderr.find("ftp://").map_or("none", |at| &stderr[at..]);
    start.split(['\'', ' ', ':', '\n']).nth(1).map_or("none".to_owned(), |rest| rest.replace('/', ""))
}

#[test]
fn c11_command_line_environment_profile_defaults_in_this_order() {
    const ENDPOINT: &str = "STRATUSLAB_MARKETPLACE_ENDPOINT";
    const SECTION: &str = "STRATUSLAB_USER_CONFIG_SECTION";
    let folder = folder();
    let place = folder.path().join(".config/stratuslab");
    fs::create_dir_all(&place).unwrap();
    let text = "marketplace_endpoint = 'ftp://defaults'\nselected_section = 'selected'\n\
                [selected]\nmarketplace = 'ftp://selected'\n[other]\nmarketplace = 'ftp://other'\n[none]\n";
    fs::write(place.join("config.toml"), text).unwrap();
    let given = "--marketplace-endpoint=ftp://argument";
    for (args, environment, expected) in [
        (&[][..], &[][..], "selected"),
        (&["-S", "other"], &[], "other"),
        (&["-Snone"], &[], "defaults"),
        (&[], &[(SECTION, "other")], "other"),
        (&["-S", "none"], &[(SECTION, "other")], "defaults"),
        (&[], &[(ENDPOINT, "ftp://environment")], "environment"),
        (&["-S", "other"], &[(ENDPOINT, "ftp://environment")], "environment"),
        (&[given], &[(ENDPOINT, "ftp://environment")], "argument"),
        (&[given, "-S", "other"], &[], "argument"),
        // An empty variable is none (and no profile is called "").
        (&[], &[(ENDPOINT, ""), (SECTION, "")], "selected"),
    ] {
        assert_eq!(endpoint(folder.path(), args, environment), expected, "{args:?} {environment:?}");
    }
    // C11: the built-in default counts when it is given; with it, the file is what is missing.
    let default = "--marketplace-endpoint=https://marketplace.stratuslab.eu";
    let (status, _, stderr) = run(UPLOAD, folder.path(), &[default, "x.xml"]);
    assert_eq!((status, stderr.as_str()), (3, "error: cannot read x.xml: No such file or directory\n"));
    // C12: so does an empty value.
    let (status, _, stderr) = run(UPLOAD, folder.path(), &["--marketplace-endpoint=", "x.xml"]);
    assert_eq!(status, 2, "{stderr}");
}

#[test]
fn the_originals_configuration_is_read_where_it_was() {
    let folder = folder();
    fs::create_dir(folder.path().join(".stratuslab")).unwrap();
    let text = "[default]\nselected_section = lal\n[lal]\nname = x\nmarketplace_endpoint = ftp://lal\n";
    fs::write(folder.path().join(".stratuslab/stratuslab-user.cfg"), text).unwrap();
    assert_eq!(endpoint(folder.path(), &[], &[]), "lal");
}

#[test]
fn verbosity_drops_notes_then_warnings_and_never_errors() {
    let folder = folder();
    fs::write(folder.path().join("c.toml"), "p12_password = 'xyzzy'").unwrap();
    let warning = "warning: c.toml holds a password and others may read it\n";
    let error = "error: cannot read x.xml: No such file or directory\n";
    // The warning must not hang on the umask of whoever runs the test.
    fs::set_permissions(folder.path().join("c.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let told = |options: &str| {
        let options = (!options.is_empty()).then_some(options);
        let args: Vec<_> = options.into_iter().chain(["-cc.toml", "x.xml"]).collect();
        run(UPLOAD, folder.path(), &args).2
    };
    assert_eq!(told(""), format!("{warning}{error}"));
    assert_eq!(told("-q"), format!("{warning}{error}"));
    assert_eq!(told("-qq"), error);
    assert_eq!(told("-qqv"), format!("{warning}{error}"));
    assert_eq!(told("-qqq"), error);
}

/// Sends SIGINT to a command once it handles it.
fn interrupt(child: &Child) {
    let process = PathBuf::from(format!("/proc/{}/status", child.id()));
    // SIGINT is bit 1 of the mask of signals caught.
    let caught = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0
    };
    while !caught(&fs::read_to_string(&process).unwrap()) {
        std::thread::yield_now();
    }
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[test]
fn c30_an_interrupt_while_reading_ends_with_130() {
    let folder = folder();
    let mut validate = command(VALIDATE, folder.path());
    let mut child = validate.arg("-").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    interrupt(&child);
    let mut stdin = child.stdin.take().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Whoever writes on finds no one.
    assert!(stdin.write_all(b"<a/>").is_err());
}

#[test]
fn c30_an_interrupt_while_an_image_is_read_ends_with_130_and_leaves_nothing() {
    let folder = folder();
    // Hours of work, and no space on the disk.
    File::create(folder.path().join("image")).unwrap().set_len(1 << 40).unwrap();
    let mut child = command(BUILD, folder.path()).args(BUILD_ARGS).stderr(Stdio::piped()).spawn().unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn c27_a_disk_that_is_full_leaves_no_part_of_a_file() {
    let folder = folder();
    fs::write(folder.path().join("image"), "content").unwrap();
    // A limit of one block on the size of files stands in for the disk.
    let mut limited = isolated(Path::new("sh"), folder.path());
    limited.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]).arg(program(BUILD)).args(BUILD_ARGS);
    let (status, stdout, stderr) = outcome(&mut limited);
    assert_eq!((status, stdout.as_str()), (3, ""), "{stderr}");
    assert!(stderr.contains("error: cannot write x-1-x-base-1.xml: File too large\n"), "{stderr}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
