//! Options that are given twice, and abbreviations.

use std::fs;

use crate::{BUILD, BUILD_ARGS, SIGN, UPLOAD, VALIDATE, folder, run};

#[test]
fn of_a_repeated_option_the_last_counts_and_lists_add_up() {
    let folder = folder();
    fs::write(folder.path().join("image"), "content").unwrap();
    let repeated =
        ["--os", "a", "--force", "--force", "--location=https://l.org/1", "--location=https://l.org/2"];
    let args = [&repeated[..], &BUILD_ARGS, &["--os", "b"]].concat();
    let (status, stdout, stderr) = run(BUILD, folder.path(), &args);
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (0, "", ""));
    let written = fs::read_to_string(folder.path().join("b-1-x-base-1.xml")).unwrap();
    assert!(written.contains("https://l.org/1") && written.contains("https://l.org/2"), "{written}");
    // A wrapper's profile gives way to its user's.
    let (_, _, stderr) = run(UPLOAD, folder.path(), &["-S", "wrapper", "-S", "user", "x.xml"]);
    assert!(stderr.contains("profile 'user'"), "{stderr}");
}

#[test]
fn an_abbreviation_of_several_options_is_told_with_them() {
    let folder = folder();
    for (name, given, meant) in [
        (BUILD, "--o", "--os, --os-arch, --os-version, --output"),
        (BUILD, "--sha=1", "--sha1, --sha256, --sha512"),
        (VALIDATE, "--ver", "--verbose, --version"),
        (SIGN, "--p12", "--p12-cert, --p12-password, --p12-password-file"),
    ] {
        let (status, stdout, stderr) = run(name, folder.path(), &[given, "x"]);
        assert_eq!((status, stdout.as_str()), (2, ""));
        let option = given.split('=').next().unwrap();
        assert!(stderr.starts_with(&format!("error: ambiguous option '{option}': {meant}\n")), "{stderr}");
        assert!(stderr.contains(&format!("Usage: {name} [OPTIONS]")), "{stderr}");
    }
    // One that is exact is not an abbreviation, and one of nothing is not ambiguous.
    let (_, _, stderr) = run(BUILD, folder.path(), &[&["--os=y"], &BUILD_ARGS[..]].concat());
    assert_eq!(stderr, "error: image does not exist: image\n");
    let (_, _, stderr) = run(BUILD, folder.path(), &["--oz=y"]);
    assert!(stderr.starts_with("error: unexpected argument '--oz' found\n"), "{stderr}");
}

#[test]
fn a_timeout_is_on_the_command_line_what_it_is_in_the_configuration() {
    let folder = folder();
    let config = folder.path().join("c.toml");
    for (seconds, accepted) in [
        ("2.5", true),
        ("86400", true),
        ("86400.5", false),
        ("0", false),
        ("-1", false),
        ("nan", false),
        ("1e300", false),
    ] {
        fs::write(&config, format!("timeout = {seconds}")).unwrap();
        for args in [[&format!("--timeout={seconds}")[..], "x.xml"], ["--config=c.toml", "x.xml"]] {
            let (status, _, stderr) = run(UPLOAD, folder.path(), &args);
            assert_eq!(status, if accepted { 3 } else { 2 }, "{args:?} {seconds}: {stderr}");
            let limits = "a number of seconds above 0, at most 86400";
            assert_eq!(stderr.contains(limits), !accepted, "{args:?}: {stderr}");
        }
    }
}
