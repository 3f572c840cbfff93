//! Passwords reach the signing commands in every documented way, and leave them in none (C13, C38).

#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

#[path = "common/pki.rs"]
mod pki;

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use assert_cmd::Command;
use pki::jane;
use stratuslab::{ChecksumAlgorithm, ImageDigests, Metadata, Timestamp};

const PASSWORD: &str = "very-sécret";

/// A folder with `p12`, `pem`, `key` and an entry to sign, which is also the home folder.
fn scene() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let digests = ImageDigests::read(&b"hello world\n"[..], &ChecksumAlgorithm::ALL).unwrap();
    let entry = Metadata::builder(&digests)
        .os("ttylinux")
        .os_version("9.7")
        .os_arch("i486")
        .version("1.3")
        .creator("Jane Tester")
        .created(Timestamp::now())
        .valid(Timestamp::now().checked_add_days(30).unwrap())
        .location("http://example.org/ttylinux.gz")
        .build();
    fs::write(folder.path().join("entry.xml"), entry.to_rdf().unwrap()).unwrap();
    fs::write(folder.path().join("p12"), jane().pkcs12(PASSWORD)).unwrap();
    fs::write(folder.path().join("pem"), jane().certificate_pem()).unwrap();
    fs::write(folder.path().join("key"), jane().encrypted_key_pem(PASSWORD)).unwrap();
    fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    folder
}

/// `stratus-sign-metadata -vvv` with these arguments, in a session of its own: no terminal.
fn sign(folder: &tempfile::TempDir, arguments: &[&str], variables: &[(&str, &str)], stdin: &str) -> Output {
    let output = Command::new("setsid")
        .arg("--wait")
        .arg(assert_cmd::cargo::cargo_bin!("stratus-sign-metadata"))
        .args(["-v", "-v", "-v", "entry.xml"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder.path())
        .envs(variables.iter().copied())
        .write_stdin(stdin)
        .output()
        .unwrap();
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains("cret"), "{text}");
    }
    output
}

/// Arguments, environment, standard input.
type Way<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn c13_a_password_is_taken_in_every_way_and_never_printed() {
    let folder = scene();
    let configuration = format!("p12_certificate = 'p12'\np12_password = '{PASSWORD}'\n");
    fs::write(folder.path().join("config.toml"), configuration).unwrap();
    let (p12, pem) = (["--p12-cert", "p12"], ["--pem-cert", "pem", "--pem-key", "key"]);
    let (certificate, password) =
        (("STRATUSLAB_P12_CERTIFICATE", "p12"), ("STRATUSLAB_P12_PASSWORD", PASSWORD));
    let ways: [Way<'_>; 8] = [
        (&[&p12[..], &["--p12-password", PASSWORD]].concat(), &[], ""),
        (&[&p12[..], &["--p12-password-file", "password"]].concat(), &[], ""),
        (&[&p12[..], &["--p12-password-file", "-"]].concat(), &[], "very-sécret\n"),
        (&p12, &[password], ""),
        (&[], &[certificate, password], ""),
        (&["-c", "config.toml"], &[], ""),
        (&[&pem[..], &["--p12-password-file", "password"]].concat(), &[], ""),
        // The command line has precedence over the environment, and is not in conflict with it.
        (&pem, &[certificate, password], ""),
    ];
    for (arguments, variables, stdin) in ways {
        let output = sign(&folder, arguments, variables, stdin);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} {variables:?}: {stderr}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout, "Manifest file successfully signed: entry.xml\n");
    }
}

#[test]
fn c38_without_a_terminal_the_ways_to_give_a_password_are_named() {
    let folder = scene();
    let output = sign(&folder, &["--p12-cert", "p12"], &[("STRATUSLAB_P12_PASSWORD", "")], "");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).lines().skip(1).collect::<Vec<_>>(),
        [
            "error: p12 needs a password and there is no terminal to ask for it",
            "hint: give it with --p12-password-file, in the variable STRATUSLAB_P12_PASSWORD, \
             or as p12_password or p12_password_file in the configuration",
        ]
    );
    let wrong = sign(&folder, &["--p12-cert", "p12", "--p12-password", "also secret"], &[], "");
    assert_eq!(wrong.status.code(), Some(4));
    let empty = sign(&folder, &["--p12-cert", "p12", "--p12-password", ""], &[], "");
    assert_eq!(empty.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&empty.stderr).contains("error: p12: wrong password\n"));
}

#[test]
fn a_key_that_others_may_read_is_told_unless_it_is_encrypted() {
    let folder = scene();
    fs::write(folder.path().join("plain"), jane().key_pem()).unwrap();
    let warned = |key: &str, mode, more: &[&str]| {
        fs::set_permissions(folder.path().join(key), fs::Permissions::from_mode(mode)).unwrap();
        let files = ["--pem-cert", "pem", "--pem-key", key, "--output", "signed.xml"];
        let output = sign(&folder, &[&files, more].concat(), &[], "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        stderr.contains(&format!("warning: {key} holds a private key and others may read it\n"))
    };
    // Whether there is a password says nothing about the key.
    for more in [&[][..], &["--p12-password", PASSWORD]] {
        assert!(warned("plain", 0o644, more));
        assert!(!warned("plain", 0o600, more));
    }
    assert!(!warned("key", 0o644, &["--p12-password", PASSWORD]));
}
