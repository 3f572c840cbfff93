//! What `stratus-sign-metadata` does with files.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    thread,
};

use serde_json::Value;

use crate::{
    loopback::EMAIL,
    pki::{Kind, Request, jane, key, new_key},
    place::{Done, PASSWORD, Place, unprivileged, unsigned},
    transcript,
};

/// The options that name the endorser's credentials.
const GRID: [&str; 4] = ["--p12-cert", "grid.p12", "--p12-password", PASSWORD];

/// A folder with something to sign, `a.xml`.
fn place() -> Place {
    let place = Place::new();
    place.grid_p12().write("a.xml", unsigned());
    place
}

fn sign(place: &Place, args: &[&str]) -> Done {
    place.run("sign", &[&GRID, args].concat())
}

/// The one object that validating with `--json` gives.
#[track_caller]
fn judged(place: &Place, args: &[&str]) -> Value {
    let done = place.run("validate", &[&["--json"], args].concat());
    let mut array: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 1);
    array[0].take()
}

#[test]
fn c20_files_are_signed_in_place_and_the_first_original_is_kept() {
    let place = place();
    let done = sign(&place, &["a.xml"]);
    assert_eq!(done.succeeded(), "Manifest file successfully signed: a.xml\n");
    assert_eq!(done.stderr, "");
    assert_eq!(place.bytes("a.xml.orig"), unsigned().as_bytes());
    let first = place.bytes("a.xml");
    // Everything but endorsement and signature is as the author wrote it.
    let (text, original) = (String::from_utf8(first.clone()).unwrap(), unsigned());
    let (head, tail) = original.split_once("<slreq:endorsement").unwrap();
    assert!(text.starts_with(head));
    let rest = tail.split_once("/>").unwrap().1;
    assert!(text.contains(rest.strip_suffix("</rdf:RDF>\n").unwrap_or(rest.trim_end())));

    // What is kept may be signed.
    fs::rename(place.path().join("a.xml.orig"), place.path().join("first.orig")).unwrap();
    let done = sign(&place, &["-v", "a.xml"]);
    assert!(done.stderr.ends_with("a.xml.orig\n"), "{}", done.stderr);
    assert!(done.stderr.contains("the entry as it was is kept as /"), "{}", done.stderr);
    assert_eq!(place.bytes("a.xml.orig"), first);
    fs::rename(place.path().join("first.orig"), place.path().join("a.xml.orig")).unwrap();

    // Again, and by another person: no trace of the first remains.
    place.write("jane.p12", jane().pkcs12(PASSWORD));
    place.run("sign", &["--p12-cert", "jane.p12", "--p12-password", PASSWORD, "a.xml"]).succeeded();
    assert_eq!(place.bytes("a.xml.orig"), unsigned().as_bytes());
    let object = judged(&place, &["a.xml"]);
    assert_eq!(
        (&object["verdict"], &object["endorser"]["email"]),
        (&"valid".into(), &"jane.tester@example.org".into())
    );
    let text = String::from_utf8(place.bytes("a.xml")).unwrap();
    assert_eq!((text.matches("<Signature ").count(), text.contains(EMAIL)), (1, false));
}

#[test]
fn several_at_once_lose_nothing() {
    let place = place();
    for _ in 0..3 {
        place.write("a.xml", unsigned());
        let done: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = (0..4).map(|_| scope.spawn(|| sign(&place, &["a.xml"]))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let changed = "error: cannot replace a.xml: it changed while it was signed\n\
                       hint: sign it again, as it is now\n";
        for done in done {
            match done.status {
                Some(0) => assert_eq!(done.stderr, ""),
                _ => assert_eq!(done.failed(3), changed),
            }
        }
        assert_eq!(judged(&place, &["a.xml"])["verdict"], "valid");
        assert_eq!(place.bytes("a.xml.orig"), unsigned().as_bytes());
        fs::remove_file(place.path().join("a.xml.orig")).unwrap();
    }
    // Nor is anything left.
    assert!(!place.listing().iter().any(|(name, _)| name.to_string_lossy().contains(".stratus-")));
}

#[test]
fn with_an_output_the_input_stays_as_it_is() {
    let place = place();
    let done = sign(&place, &["--output", "b.xml", "a.xml"]);
    assert_eq!(done.succeeded(), "Manifest file successfully signed: b.xml\n");
    assert_eq!(place.bytes("a.xml"), unsigned().as_bytes());
    assert!(!place.path().join("a.xml.orig").exists());
    assert_eq!(judged(&place, &["b.xml"])["verdict"], "valid");
    // Standard input and output; no other word on either.
    let done = place.run_with("sign", &[&GRID[..], &["--output", "-", "-"]].concat(), unsigned());
    assert_eq!(done.stderr, "");
    place.write("c.xml", done.succeeded());
    assert_eq!(judged(&place, &["c.xml"])["verdict"], "valid");
    // From the configuration, where it is called as it always was.
    place.config("output_manifest_file = 'd.xml'\n");
    assert_eq!(sign(&place, &["a.xml"]).succeeded(), "Manifest file successfully signed: d.xml\n");
    assert_eq!(
        sign(&place, &["--output", "a.xml", "a.xml"]).succeeded(),
        "Manifest file successfully signed: a.xml\n"
    );
    assert_eq!(place.bytes("a.xml.orig"), unsigned().as_bytes());
}

#[test]
fn c21_every_file_is_signed_and_the_worst_status_wins() {
    let place = place();
    place.write("b.xml", "<a/>");
    place.write("c.xml", unsigned());
    let done = sign(&place, &["a.xml", "b.xml", "absent.xml", "c.xml"]);
    assert_eq!(done.failed(3).matches("error: ").count(), 2);
    let line = "Manifest file successfully signed:";
    assert_eq!(done.stdout, format!("{line} a.xml\n{line} c.xml\n"));
    assert_eq!(place.bytes("b.xml"), b"<a/>");
    assert!(!place.path().join("b.xml.orig").exists());

    let done = sign(&place, &["--json", "a.xml", "b.xml"]);
    done.failed(1);
    let array: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&array[0]["file"], &array[0]["output"]), (&"a.xml".into(), &"a.xml".into()));
    assert_eq!(array[0]["endorser"]["email"], EMAIL);
    assert_eq!(array[0]["algorithm"]["signature"], "rsa-sha256");
    assert_eq!(array[1]["file"], "b.xml");
    assert!(
        array[1]["error"]["fact"].as_str().unwrap().ends_with("the root element is a, not rdf:RDF"),
        "{array}"
    );
}

#[test]
fn c22_any_file_name_is_signed() {
    let place = place();
    let names = [&b"a b.xml"[..], b"a\nb.xml", b"\xff.xml", b"$(id);'\".xml"];
    for name in names {
        fs::write(place.path().join(OsStr::from_bytes(name)), unsigned()).unwrap();
    }
    let mut command = place.command("sign");
    let done = command.args(GRID).arg("--").args(names.map(OsStr::from_bytes)).output().unwrap();
    let line = "Manifest file successfully signed:";
    assert_eq!(
        String::from_utf8(done.stdout).unwrap(),
        format!("{line} a b.xml\n{line} a\\nb.xml\n{line} \\xff.xml\n{line} $(id);'\".xml\n")
    );
    for name in names {
        let name = [name, b".orig"].concat();
        assert_eq!(fs::read(place.path().join(OsStr::from_bytes(&name))).unwrap(), unsigned().as_bytes());
    }
}

#[test]
fn permissions_and_links_stay() {
    let place = place();
    fs::create_dir(place.path().join("entries")).unwrap();
    let file = place.write("entries/a.xml", unsigned());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = place.path().join("link.xml");
    std::os::unix::fs::symlink("entries/a.xml", &link).unwrap();
    sign(&place, &["link.xml"]).succeeded();
    assert!(link.is_symlink());
    for name in ["entries/a.xml", "entries/a.xml.orig"] {
        let mode = fs::metadata(place.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "{name}");
    }
    assert_eq!(judged(&place, &["entries/a.xml"])["verdict"], "valid");
}

#[test]
fn what_cannot_be_written_leaves_everything_as_it_was() {
    let place = place();
    place.write("frozen/a.xml", unsigned());
    place.write("b.xml", unsigned());
    fs::create_dir(place.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path().join("dangling.xml")).unwrap();
    let frozen = place.path().join("frozen");
    fs::set_permissions(&frozen, fs::Permissions::from_mode(0o555)).unwrap();
    let before = place.listing();
    transcript::play("sign-output", &place, &[("AS_USER", unprivileged())]);
    assert!(place.listing() == before);
    fs::set_permissions(&frozen, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_invalid_is_not_signed() {
    let place = place();
    for (name, from, to) in [
        ("checksum.xml", "<slreq:value>89", "<slreq:value>00"),
        ("about.xml", "rdf:about=\"#I", "rdf:about=\"#J"),
        ("order.xml", "<dcterms:identifier>", "<dcterms:type>base</dcterms:type><dcterms:identifier>"),
        ("parse-type.xml", "<slreq:checksum rdf:parseType", "<slreq:checksum parseType"),
        ("no-endorsement.xml", "<slreq:endorsement rdf:parseType=\"Resource\"/>", ""),
        ("date.xml", "2999-01-01", "2999-02-30"),
    ] {
        assert!(unsigned().contains(from), "{from}");
        place.write(name, unsigned().replacen(from, to, 1));
    }
    let before = place.listing();
    transcript::play("sign-refused", &place, &[]);
    assert!(place.listing() == before);
}

#[test]
fn the_algorithm_is_the_keys_unless_another_is_asked_for() {
    let place = place();
    let joe = |kind| Request::new("Joe").email("joe@example.org").self_signed(&key(kind)).pkcs12(PASSWORD);
    for (kind, args, algorithm) in [
        (Kind::Rsa2048, &[][..], "rsa-sha256"),
        (Kind::P256, &[], "ecdsa-sha256"),
        (Kind::P384, &["--signature-algorithm", "ecdsa-sha384"], "ecdsa-sha384"),
        (Kind::Rsa2048, &["--signature-algorithm", "rsa-sha384"], "rsa-sha384"),
        (Kind::Rsa2048, &["--signature-algorithm", "rsa-sha512"], "rsa-sha512"),
        (Kind::Rsa2048, &["--signature-algorithm", "sha256-rsa-MGF1"], "sha256-rsa-MGF1"),
        (Kind::RsaPss2048, &[], "sha256-rsa-MGF1"),
        (Kind::Ed25519, &[], "eddsa-ed25519"),
        (Kind::Dsa1024, &["--signature-algorithm", "dsa-sha1"], "dsa-sha1"),
        (Kind::Rsa2048, &["--signature-algorithm", "rsa-sha1"], "rsa-sha1"),
    ] {
        place.write("joe.p12", joe(kind));
        let options = ["--p12-cert", "joe.p12", "--p12-password", PASSWORD, "--output", "b.xml", "a.xml"];
        place.run("sign", &[args, &options].concat()).succeeded();
        let object = judged(&place, &["--allow-sha1", "b.xml"]);
        assert_eq!(
            (&object["verdict"], &object["algorithm"]["signature"]),
            (&"valid".into(), &algorithm.into())
        );
    }
}

#[test]
fn the_address_is_the_certificates_else_the_one_given() {
    let place = place();
    let two = Request::new("Joe").email("first@example.org").email("second@example.org");
    place.write("two.p12", two.self_signed(&new_key(Kind::P256)).pkcs12(PASSWORD));
    place.write("none.p12", Request::new("Joe").self_signed(&new_key(Kind::P256)).pkcs12(PASSWORD));
    let unused =
        "note: --email second@example.org is not used: the certificate's address is first@example.org\n";
    for (file, args, email, note) in [
        ("two.p12", &[][..], "first@example.org", ""),
        ("two.p12", &["--email", "first@example.org"], "first@example.org", ""),
        ("two.p12", &["--email", "second@example.org"], "first@example.org", unused),
        ("none.p12", &["--email", "joe@example.org"], "joe@example.org", ""),
    ] {
        let options = ["--p12-cert", file, "--p12-password", PASSWORD, "--output", "b.xml", "a.xml"];
        let done = place.run("sign", &[args, &options].concat());
        done.succeeded();
        assert_eq!(done.stderr, note);
        assert_eq!(judged(&place, &["b.xml"])["endorser"]["email"], email);
    }
    place.config("email = 'config@example.org'\n");
    // An address for certificates without one need not be said to go unused.
    let options = ["--p12-cert", "two.p12", "--p12-password", PASSWORD, "--output", "b.xml", "a.xml"];
    assert_eq!(place.run("sign", &options).stderr, "");
    let options = ["--p12-cert", "none.p12", "--p12-password", PASSWORD, "--output", "b.xml", "a.xml"];
    place.run("sign", &options).succeeded();
    assert_eq!(judged(&place, &["b.xml"])["endorser"]["email"], "config@example.org");
}
