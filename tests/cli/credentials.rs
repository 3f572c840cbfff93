//! What `stratus-sign-metadata` signs with.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Command};

use crate::{
    pki::{Identity, Kind, Request, authority, jane, key, new_key},
    place::{Done, PASSWORD, Place, feed, unsigned},
    terminal::Terminal,
    transcript,
};

/// A folder with something to sign, `a.xml`.
fn place() -> Place {
    let place = Place::new();
    place.grid_p12().write("a.xml", unsigned());
    place
}

/// A file only its owner may read, as keys and passwords are kept.
fn secret(place: &Place, name: &str, content: impl AsRef<[u8]>) {
    let path = place.write(name, content);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Signs `a.xml` to standard output and validates that.
#[track_caller]
fn signs(place: &Place, done: &Done) {
    assert_eq!(done.stderr, "");
    let signed = done.succeeded().to_owned();
    assert_eq!(place.run_with("validate", &["-"], signed).succeeded(), "Valid: -\n");
}

fn sign(place: &Place, args: &[&str]) -> Done {
    place.run("sign", &[args, &["--output", "-", "a.xml"]].concat())
}

/// PKCS#12 as `openssl pkcs12` writes it with these options.
fn openssl_pkcs12(place: &Place, identity: &Identity, options: &[&str]) {
    place.write("all.pem", [identity.key_pem(), identity.certificate_pem()].concat());
    let made = Command::new("openssl")
        .args(["pkcs12", "-export", "-in", "all.pem", "-out", "made.p12", "-passout", "pass:xxxxxx"])
        .args(options)
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn pkcs12_of_every_age_signs() {
    let place = place();
    let chain = Request::new("Joe").email("joe@example.org").issued_by(&authority(), &key(Kind::Rsa2048));
    secret(&place, "old.p12", jane().old_pkcs12(PASSWORD));
    secret(&place, "new.p12", jane().pkcs12(PASSWORD));
    secret(&place, "chain.p12", chain.pkcs12_with_chain(PASSWORD, &[&authority()]));
    for file in ["old.p12", "new.p12", "chain.p12"] {
        signs(&place, &sign(&place, &["--p12-cert", file, "--p12-password", PASSWORD]));
    }
    for options in [
        &["-legacy"][..],
        &["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
        &["-nomac"],
        &["-name", "my key"],
    ] {
        openssl_pkcs12(&place, &jane(), options);
        signs(&place, &sign(&place, &["--p12-cert", "made.p12", "--p12-password", PASSWORD]));
    }
}

#[test]
fn pem_files_sign() {
    let place = place();
    let joe = Request::new("Joe").email("joe@example.org").issued_by(&authority(), &key(Kind::P256));
    place.write("cert.pem", [joe.certificate_pem(), authority().certificate_pem()].concat());
    secret(&place, "key.pem", joe.key_pem());
    secret(&place, "encrypted.pem", joe.encrypted_key_pem(PASSWORD));
    secret(&place, "both.pem", [joe.key_pem(), joe.certificate_pem()].concat());
    for args in [
        &["--pem-cert", "cert.pem", "--pem-key", "key.pem"][..],
        &["--pem-cert", "cert.pem", "--pem-key", "encrypted.pem", "--p12-password", PASSWORD],
        &["--pem-cert", "both.pem"],
    ] {
        signs(&place, &sign(&place, args));
    }
}

#[test]
fn without_options_the_files_of_grid_tools_sign() {
    let place = place();
    secret(&place, ".globus/userkey.pem", jane().key_pem());
    place.write(".globus/usercert.pem", jane().certificate_pem());
    signs(&place, &sign(&place, &[]));
    // The PKCS#12 file comes first.
    secret(&place, ".globus/usercert.p12", jane().pkcs12(""));
    fs::remove_file(place.path().join(".globus/userkey.pem")).unwrap();
    signs(&place, &sign(&place, &[]));
}

#[test]
fn the_password_comes_from_anywhere() {
    let place = place();
    secret(&place, "password", "xxxxxx\n");
    let cert = ["--p12-cert", "grid.p12"];
    let file = [&cert[..], &["--p12-password-file", "password"]].concat();
    signs(&place, &sign(&place, &file));
    let stdin = [&cert[..], &["--p12-password-file", "-", "--output", "-", "a.xml"]].concat();
    signs(&place, &place.run_with("sign", &stdin, "xxxxxx\n"));
    let descriptor =
        "stratus-sign-metadata --p12-cert grid.p12 --p12-password-file /dev/fd/3 --output - a.xml 3<password";
    signs(&place, &place.shell(descriptor, &[]));
    let environment = [("STRATUSLAB_P12_CERTIFICATE", "grid.p12"), ("STRATUSLAB_P12_PASSWORD", PASSWORD)];
    signs(&place, &place.shell("stratus-sign-metadata --output - a.xml", &environment));
    let path = place.path().display();
    for config in [
        format!("p12_certificate = '{path}/grid.p12'\np12_password = 'xxxxxx'\n"),
        format!("p12_certificate = '{path}/grid.p12'\np12_password_file = '{path}/password'\n"),
        format!(
            "selected_section = 'me'\n[me]\np12_certificate = '{path}/grid.p12'\np12_password = 'xxxxxx'\n"
        ),
    ] {
        secret(&place, ".config/stratuslab/config.toml", config);
        signs(&place, &sign(&place, &[]));
    }
    // The command line wins, also over what is in the environment.
    secret(&place, "jane.p12", jane().pkcs12("a b'\"$"));
    let line = "stratus-sign-metadata --p12-cert jane.p12 --p12-password 'a b'\\''\"$' --output - a.xml";
    signs(&place, &place.shell(line, &environment));
}

#[test]
fn c38_a_password_that_is_empty_is_never_asked_for() {
    let place = place();
    secret(&place, "empty.p12", jane().pkcs12(""));
    signs(&place, &sign(&place, &["--p12-cert", "empty.p12"]));
    signs(&place, &sign(&place, &["--p12-cert", "empty.p12", "--p12-password", ""]));
    // Given and wrong: no prompt either.
    let told = sign(&place, &["--p12-cert", "grid.p12", "--p12-password="]);
    assert_eq!(told.failed(4), "error: grid.p12: wrong password\n");
}

#[test]
fn c38_a_prompt_asks_without_echo() {
    let place = place();
    place.write("b.xml", unsigned());
    let question = "PKCS12 (P12) cert 'grid.p12' password: ";
    let line = "stratus-sign-metadata --p12-cert grid.p12 a.xml b.xml";
    let mut terminal = Terminal::start(&place, line);
    assert_eq!(terminal.until(question), question);
    terminal.type_keys("xxxxxx\n");
    let (shown, status) = terminal.end();
    // Asked once, for all files.
    let signed = "Manifest file successfully signed: ";
    assert_eq!((shown, status), (format!("\n{signed}a.xml\n{signed}b.xml\n"), 0));
    let mut terminal = Terminal::start(&place, line);
    terminal.until(question);
    terminal.type_keys("not this\n");
    assert_eq!(terminal.end(), ("\nerror: grid.p12: wrong password\n".to_owned(), 4));
    // The documents may come from standard input all the same.
    let mut terminal =
        Terminal::start(&place, "stratus-sign-metadata --p12-cert grid.p12 --output c.xml - <a.xml");
    terminal.until(question);
    terminal.type_keys("xxxxxx\n");
    assert_eq!(terminal.end(), (format!("\n{signed}c.xml\n"), 0));
}

#[test]
fn c13_no_process_list_shows_the_password() {
    let place = place();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("stratus-sign-metadata"))
        .args(["-v", "--p12-cert", "grid.p12", "--output", "out.xml", "-"])
        .current_dir(place.path())
        .env_clear()
        .envs([("HOME", place.path().as_os_str()), ("STRATUSLAB_P12_PASSWORD", PASSWORD.as_ref())])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It has opened the key when it reads.
    feed(&mut child);
    let id = child.id();
    let read =
        |name: &str| String::from_utf8_lossy(&fs::read(format!("/proc/{id}/{name}")).unwrap()).into_owned();
    assert!(!read("cmdline").contains(PASSWORD));
    assert_eq!(read(&format!("task/{id}/children")), "", "nobody else was asked to sign");
    child.stdin.as_mut().unwrap().write_all(b"<a/>").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("signing with") && !told.contains(PASSWORD), "{told}");
}

#[test]
fn what_cannot_sign_says_why() {
    let place = place();
    let (joe, expired) = (new_key(Kind::P256), Request::new("Joe").email("joe@example.org").days(-30, -2));
    let (expired, future) =
        (expired.self_signed(&joe), Request::new("Joe").email("joe@example.org").days(2, 9));
    place.write("expired.p12", expired.pkcs12(PASSWORD));
    place.write("future.p12", future.self_signed(&joe).pkcs12(PASSWORD));
    place.write("anonymous.p12", Request::new("Joe").self_signed(&joe).pkcs12(PASSWORD));
    place.write("cert.pem", jane().certificate_pem());
    place.write("other-key.pem", expired.key_pem());
    place.write("encrypted.pem", jane().encrypted_key_pem(PASSWORD));
    openssl_pkcs12(&place, &jane(), &["-nokeys"]);
    place.write("jane.p12", jane().pkcs12(PASSWORD));
    let rsa_pss = "text";
    place.write("text.p12", rsa_pss);
    let before = place.listing();
    transcript::play("sign-credentials", &place, &[("HOME", place.path().to_str().unwrap())]);
    assert!(place.listing() == before);
}
