//! Ctrl-C at any point: status 130, no file left, a usable terminal (C30).

use std::{fs, process::Child};

use stratuslab::dsig::SignatureMethod::RsaSha256;

use crate::{
    loopback::{IDENTIFIER, entry, start},
    place::{PASSWORD, Place, endorser, eventually, feed, interrupt, unsigned},
    terminal::Terminal,
};

fn place() -> Place {
    let place = Place::new();
    place.grid_p12().write("a.xml", unsigned());
    place.write("signed.xml", entry("2011-09-13T09:58:54Z", RsaSha256));
    place
}

/// Interrupts the command, and sees that nothing is printed or left.
#[track_caller]
fn ends(mut child: Child, place: &Place) {
    let before = place.listing();
    // Left open: at its end, the command would be done before it hears of the interrupt.
    let input = child.stdin.take();
    interrupt(child.id());
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(place.listing() == before);
}

#[test]
fn c30_while_standard_input_is_read() {
    let place = place();
    let sign = ["--p12-cert", "grid.p12", "--p12-password", PASSWORD, "--output", "out.xml", "-"];
    for (name, args) in [
        ("validate", &["-"][..]),
        ("sign", &sign),
        ("upload", &["--marketplace-endpoint", "http://127.0.0.1:1", "-"]),
    ] {
        let mut child = place.start(name, args);
        feed(&mut child);
        ends(child, &place);
    }
}

#[test]
fn c30_while_an_image_is_read() {
    let place = place();
    // Sparse: it takes no room, but longer to read than any test.
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(1 << 40).unwrap();
    let path = image.path().to_str().unwrap();
    let build = ["--output", "out.xml", path];
    for (name, args) in [("validate", &["--image", path, "signed.xml"][..]), ("build", &build)] {
        let child = place.start(name, args);
        let open = format!("/proc/{}/fd", child.id());
        let reads = |fd: fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|target| target == image.path());
        eventually(|| fs::read_dir(&open).is_ok_and(|fds| fds.flatten().any(reads)));
        ends(child, &place);
    }
}

#[test]
fn c30_while_a_marketplace_is_silent() {
    let (place, marketplace) = (place(), start(&["silent"; 4], |_| ()));
    let endpoint = ["--marketplace-endpoint", marketplace.base.as_str()];
    let credentials = ["--p12-cert", "grid.p12", "--p12-password", PASSWORD, IDENTIFIER];
    for (name, args) in [
        ("upload", [&endpoint[..], &["signed.xml"]].concat()),
        ("deprecate", [&endpoint[..], &credentials].concat()),
    ] {
        let child = place.start(name, &args);
        marketplace.requests.recv().unwrap();
        ends(child, &place);
    }
}

#[test]
fn c30_while_a_password_is_asked_for() {
    let place = place();
    place.write("key.pem", endorser().encrypted_key_pem(PASSWORD));
    place.write("cert.pem", endorser().certificate_pem());
    let before = place.listing();
    for (credentials, question) in [
        ("--p12-cert grid.p12", "PKCS12 (P12) cert 'grid.p12' password: "),
        ("--pem-cert cert.pem --pem-key key.pem", "Private key 'key.pem' password: "),
    ] {
        let mut terminal = Terminal::start(&place, &format!("stratus-sign-metadata {credentials} a.xml"));
        assert_eq!(terminal.until(question), question);
        terminal.type_keys("half a pass\x03");
        let (shown, status) = terminal.end();
        assert_eq!((shown.trim(), status), ("", 130));
        assert!(place.listing() == before);
    }
}
