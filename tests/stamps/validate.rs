//! `stratus-validate-metadata --require timestamped`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use stratuslab::Timestamp;

use crate::{
    authority::{Authority, Profile},
    crl::crl,
    desk::{Desk, unsigned},
    forge::{Forge, granted},
    pki::{self, Kind, key},
};

const VALID: &str = "Valid: a.xml\n";

/// What is told of an invalid `a.xml`, after the line that names it.
#[track_caller]
fn reason(desk: &Desk, arguments: &[&str]) -> String {
    let done = desk.timestamped(arguments);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    done.stderr.strip_prefix("Invalid: a.xml\n").unwrap().to_owned()
}

#[test]
fn a_time_stamp_that_holds() {
    for (kind, intermediate) in [(Kind::P256, false), (Kind::Rsa2048, true)] {
        let desk = Desk::new(&Profile { intermediate, ..Profile::new(kind) });
        desk.stamp();
        assert_eq!(desk.timestamped(&[]).succeeded(), VALID);
        let anchors = desk.ca_file();
        // Nobody requires it: it is told with the other checks, and in JSON.
        let done = desk.validate(&["-v", "--tsa-ca-file", &anchors, "a.xml"]);
        let told = done.stderr.lines().find(|line| line.starts_with("  timestamped passed: time stamp of "));
        assert!(told.is_some_and(|line| line.ends_with("Z by CN=TSA,O=StratusLab")), "{}", done.stderr);
        let object = desk.validate(&["--json", "--tsa-ca-file", &anchors, "a.xml"]).json()[0].clone();
        let stamp = &object["timestamp"];
        let mut names: Vec<_> = stamp.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["latest", "policy", "serial", "time", "tsa"]);
        assert_eq!(
            stamp["tsa"]["issuer"],
            format!("CN={},O=StratusLab", if intermediate { "Middle CA" } else { "Time CA" })
        );
        // Nobody is trusted to make any: it is not looked at.
        let object = desk.validate(&["--json", "a.xml"]).json()[0].clone();
        assert!(object["timestamp"].is_null());
        desk.folder.write("config.toml", format!("[trust]\ntsa_ca_file = '{anchors}'\n"));
        let configured = ["--config", "config.toml", "--require", "timestamped", "a.xml"];
        assert_eq!(desk.validate(&configured).succeeded(), VALID);
        // A token alone, which some keep.
        let reply = desk.bytes("a.xml.tsr");
        let content = pki::tlv(0x30, &[0x30, 0x03, 0x02, 0x01, 0x00]);
        assert!(reply.windows(5).any(|window| window == &content[2..]));
        let start = reply.windows(5).position(|window| window == &content[2..]).unwrap() + 5;
        desk.folder.write("a.xml.tsr", &reply[start..]);
        assert_eq!(desk.timestamped(&[]).succeeded(), VALID);
    }
}

#[test]
fn one_that_is_missing() {
    let desk = Desk::usual();
    desk.sign(&["a.xml"]).succeeded();
    let hint = "hint: --timestamp-file names a time stamp that lies elsewhere\n";
    assert_eq!(reason(&desk, &[]), format!("there is no time stamp a.xml.tsr\n{hint}"));
    let nowhere = format!("no time stamp comes with the entry\n{hint}");
    let anchors = desk.ca_file();
    let arguments = ["--tsa-ca-file", &anchors, "--require", "timestamped", "-"];
    let entry = desk.bytes("a.xml");
    let done = desk.folder.run_with(&entry, "validate-metadata", &arguments);
    done.failed(1, &format!("Invalid: -\n{nowhere}"));
    let text = String::from_utf8(entry).unwrap();
    let (_, root) = text.split_once("?>").unwrap();
    desk.folder.write("a.xml", format!("<metadata>{root}{root}</metadata>"));
    desk.folder.write("a.xml.tsr", b"not looked at");
    let done = desk.timestamped(&[]);
    assert_eq!(done.stderr.matches(&nowhere).count(), 2, "{}", done.stderr);
    // Nobody misses it who does not require it.
    fs::remove_file(desk.path("a.xml.tsr")).unwrap();
    desk.validate(&["--tsa-ca-file", &anchors, "a.xml"]).succeeded();
}

#[test]
fn one_that_lies_elsewhere() {
    let desk = Desk::usual();
    desk.stamp();
    fs::rename(desk.path("a.xml.tsr"), desk.path("stamp")).unwrap();
    assert_eq!(desk.timestamped(&["--timestamp-file", "stamp"]).succeeded(), VALID);
    let anchors = desk.ca_file();
    let arguments = ["--tsa-ca-file", &anchors, "--require", "timestamped", "--timestamp-file"];
    let piped = [&arguments[..], &["stamp", "-"]].concat();
    assert_eq!(
        desk.folder.run_with(&desk.bytes("a.xml"), "validate-metadata", &piped).succeeded(),
        "Valid: -\n"
    );
    let piped = [&arguments[..], &["-", "a.xml"]].concat();
    assert_eq!(desk.folder.run_with(&desk.bytes("stamp"), "validate-metadata", &piped).succeeded(), VALID);
    desk.timestamped(&["--timestamp-file", "absent"])
        .failed(3, "error: cannot read absent: No such file or directory\n");
    desk.timestamped(&["--timestamp-file", "stamp", "a.xml"]).failed(
        2,
        "error: one time stamp cannot be that of several files\n\
         hint: check the files one by one, or each with FILE.tsr beside it\n",
    );
    let nobody = "error: no time-stamp authority is trusted\n\
                  hint: name a file with the CA certificates of some with --tsa-ca-file, or in [trust] with tsa_ca_file\n";
    desk.validate(&["--timestamp-file", "stamp", "a.xml"]).failed(2, nobody);
    desk.validate(&["--require", "timestamped", "a.xml"]).failed(2, nobody);
    desk.validate(&["--tsa-ca-file", "a.xml", "a.xml"]).failed(
        3,
        "error: there is no certificate in a.xml\n\
         hint: certificates of authorities are wanted, in PEM or one in DER\n",
    );
    let unsigned = desk.timestamped(&["--unsigned"]);
    let said =
        "Invalid: a.xml\nthe entry's signature was not checked, so that there is no time stamp of it\n";
    unsigned.failed(1, said);
}

#[test]
fn one_that_proves_nothing_is_a_note_unless_it_is_required() {
    let desk = Desk::usual();
    desk.stamp();
    let mut stamp = desk.bytes("a.xml.tsr");
    *stamp.last_mut().unwrap() ^= 1;
    desk.folder.write("a.xml.tsr", &stamp);
    let said = "the token's signature does not verify with the key of CN=TSA,O=StratusLab\n";
    assert_eq!(reason(&desk, &[]), said);
    let anchors = desk.ca_file();
    let done = desk.validate(&["--tsa-ca-file", &anchors, "a.xml"]);
    done.ended(0, VALID, &format!("note: a.xml: {said}"));
    desk.validate(&["a.xml"]).succeeded();
    let object = desk.validate(&["--json", "--tsa-ca-file", &anchors, "a.xml"]).json()[0].clone();
    assert!(object["timestamp"].is_null());
    let checks = object["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "timestamped").unwrap();
    assert_eq!((&check["outcome"], &check["message"]), (&"noted".into(), &said.trim_end().into()));

    desk.folder.write("a.xml.tsr", vec![0x30; 300 << 10]);
    assert_eq!(reason(&desk, &[]), "a time stamp of 262145 bytes, more than the 262144 that are read\n");
    desk.folder.write("a.xml.tsr", b"");
    let said = reason(&desk, &[]);
    let hint = "\nhint: a time stamp is a TimeStampResp or TimeStampToken in DER, as stratus-sign-metadata keeps \
                it\n";
    assert!(said.starts_with("malformed time stamp: ") && said.ends_with(hint), "{said}");
    // What is not even a file is no verdict.
    fs::remove_file(desk.path("a.xml.tsr")).unwrap();
    fs::create_dir(desk.path("a.xml.tsr")).unwrap();
    desk.timestamped(&[]).failed(3, "error: cannot read a.xml.tsr: it is not a regular file\n");
}

#[test]
fn one_by_somebody_else() {
    let desk = Desk::usual();
    desk.stamp();
    let other = Authority::new(&Profile::new(Kind::P256));
    let done = desk.validate(&["--require", "timestamped", "--tsa-ca-file", &other.ca_file(), "a.xml"]);
    let said = "Invalid: a.xml\nthe time-stamp authority is not trusted: 'CN=TSA,O=StratusLab' names 'CN=Time \
                CA,O=StratusLab' as its issuer, but was not signed with the key that the trusted 'CN=Time \
                CA,O=StratusLab' has\n";
    done.failed(1, said);
    // Several files of authorities are as one.
    let both = ["--tsa-ca-file", &other.ca_file(), "--tsa-ca-file", &desk.ca_file(), "a.xml"];
    assert_eq!(desk.validate(&[&["--require", "timestamped"], &both[..]].concat()).succeeded(), VALID);
    let expired = Desk::new(&Profile { days: (-20, -10), ..Profile::new(Kind::P256) });
    expired.stamp();
    let said = "the time-stamp authority is not trusted: 'CN=TSA,O=StratusLab' had expired at ";
    assert!(reason(&expired, &[]).starts_with(said));
    let unfit = Desk::new(&Profile { usages: vec!["emailProtection"], ..Profile::new(Kind::P256) });
    unfit.sign(&["a.xml"]).succeeded();
    put(&unfit, Timestamp::now());
    assert_eq!(
        reason(&unfit, &[]),
        "the certificate of CN=TSA,O=StratusLab is not for time-stamping alone: \
         its extended key usage is 1.3.6.1.5.5.7.3.4\n"
    );
}

/// Puts a time stamp of this time beside `a.xml`.
fn put(desk: &Desk, time: Timestamp) {
    let time = time.to_string().replace(['-', ':', 'T'], "");
    let forge = Forge::new(&desk.authority.lock().unwrap().tsa, &desk.signature_value("a.xml"), &time);
    desk.folder.write("a.xml.tsr", granted(forge.token()));
}

fn from_now(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + seconds).unwrap()
}

#[test]
fn one_of_a_time_that_cannot_be() {
    let desk = Desk::usual();
    desk.sign(&["a.xml"]).succeeded();
    put(&desk, from_now(200));
    assert_eq!(desk.timestamped(&[]).succeeded(), VALID);
    put(&desk, from_now(3600));
    let future = reason(&desk, &[]);
    assert!(future.starts_with("the time stamp is of ") && future.contains("ahead of now"), "{future}");
    put(&desk, from_now(-200));
    assert_eq!(desk.timestamped(&[]).succeeded(), VALID);
    put(&desk, from_now(-3600));
    let past = reason(&desk, &[]);
    assert!(past.contains(", before the endorsement, which is of "), "{past}");
    // The endorsement can be dated before its certificate expired, the time stamp cannot.
    let expired = pki::Request::new("Jane Tester").email("jane.tester@example.org").days(-10, -1);
    let expired = expired.self_signed(&key(Kind::P384));
    desk.folder.write("jane.pem", [expired.certificate_pem(), expired.key_pem()].concat());
    let stamp = desk.sign(&["--allow-expired-certificate", "--timestamp", &desk.url, "a.xml"]);
    assert_eq!(stamp.status, Some(4));
    assert!(stamp.stderr.contains("error: a.xml: the time stamp is of "), "{}", stamp.stderr);
    fs::remove_file(desk.path("a.xml.tsr")).unwrap();
    desk.sign(&["--allow-expired-certificate", "a.xml"]);
    put(&desk, Timestamp::now());
    let late = reason(&desk, &[]);
    assert!(late.contains(" but the endorser's certificate is valid from "), "{late}");
}

#[test]
fn a_revocation_after_the_time_stamp_is_harmless() {
    let desk = Desk::usual();
    let ca = pki::Request::new("Grid CA").ca().self_signed(&key(Kind::P256));
    let jane = pki::Request::new("Jane Tester").email("jane.tester@example.org");
    let jane = jane.issued_by(&ca, &key(Kind::P384));
    desk.folder.write("grid.pem", ca.certificate_pem());
    desk.folder.write("jane.pem", [jane.certificate_pem(), jane.key_pem()].concat());
    fs::set_permissions(desk.path("jane.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    desk.stamp();
    let trusted = ["--ca-file", "grid.pem", "--crl", "grid.crl", "--require", "trusted", "a.xml"];
    let stamped = |desk: &Desk| {
        let anchors = desk.ca_file();
        desk.validate(&[&["--tsa-ca-file", &anchors], &trusted[..]].concat())
    };
    desk.folder.write("grid.crl", crl(&ca, &[]));
    assert_eq!(desk.validate(&trusted).succeeded(), VALID);
    // Revoked an hour from now, as far as the CRL goes: after the signature and the time stamp.
    desk.folder.write("grid.crl", crl(&ca, &[(&jane, from_now(3600))]));
    assert_eq!(stamped(&desk).succeeded(), VALID);
    let verbose = desk.validate(&[&["-v", "--tsa-ca-file", &desk.ca_file()], &trusted[..]].concat());
    let told = "; no CRL lists it as revoked before its time stamp\n";
    assert!(verbose.stderr.contains(told), "{}", verbose.stderr);
    let done = desk.validate(&trusted);
    assert_eq!(done.status, Some(1));
    assert!(
        done.stderr.contains(" revoked ") && done.stderr.contains("there is no time stamp"),
        "{}",
        done.stderr
    );
    // Revoked before: the time stamp does not help.
    desk.folder.write("grid.crl", crl(&ca, &[(&jane, from_now(-60))]));
    let done = stamped(&desk);
    assert_eq!(done.status, Some(1));
    assert!(
        done.stderr.contains(" revoked ") && done.stderr.contains("the time stamp is of "),
        "{}",
        done.stderr
    );
    // Nor does one that does not hold.
    desk.folder.write("grid.crl", crl(&ca, &[(&jane, from_now(3600))]));
    desk.folder.write("a.xml.tsr", b"");
    let done = stamped(&desk);
    assert_eq!(done.status, Some(1));
    assert!(done.stderr.contains("there is no time stamp"), "{}", done.stderr);
}

#[test]
fn a_revoked_authority_is_not_trusted() {
    let desk = Desk::usual();
    desk.stamp();
    let bundle = |revoked: bool| {
        let authority = desk.authority.lock().unwrap();
        let revoked: Vec<_> = revoked.then(|| (&authority.tsa, from_now(-60))).into_iter().collect();
        let der = crl(&authority.root, &revoked);
        let pem = format!(
            "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
            openssl::base64::encode_block(&der)
        );
        desk.folder.write("bundle.pem", [authority.root.certificate_pem(), pem.into_bytes()].concat());
    };
    let arguments = ["--tsa-ca-file", "bundle.pem", "--require", "timestamped", "a.xml"];
    bundle(false);
    assert_eq!(desk.validate(&arguments).succeeded(), VALID);
    bundle(true);
    let done = desk.validate(&arguments);
    assert_eq!(done.status, Some(1));
    assert!(
        done.stderr.contains("'CN=TSA,O=StratusLab'") && done.stderr.contains(" revoked "),
        "{}",
        done.stderr
    );
}

#[test]
fn many_files_have_each_its_own() {
    let desk = Desk::usual();
    let names: Vec<_> = (0..20).map(|number| format!("{number}.xml")).collect();
    for name in &names {
        desk.folder.write(name, unsigned());
    }
    let files: Vec<_> = names.iter().map(String::as_str).collect();
    desk.sign(&[&["--timestamp", &desk.url], &files[..]].concat()).succeeded();
    fs::rename(desk.path("3.xml.tsr"), desk.path("kept")).unwrap();
    fs::copy(desk.path("5.xml.tsr"), desk.path("4.xml.tsr")).unwrap();
    let anchors = desk.ca_file();
    let usual = ["--json", "--tsa-ca-file", &anchors, "--require", "timestamped"];
    let objects = desk.validate(&[&usual, &files[..]].concat()).json();
    for (name, object) in names.iter().zip(objects.as_array().unwrap()) {
        let expected = match name.as_str() {
            "3.xml" => "there is no time stamp 3.xml.tsr",
            "4.xml" => "the time stamp is of another signature: ",
            _ => "",
        };
        assert_eq!(object["file"], name.as_str());
        assert!(object["reason"].as_str().unwrap_or_default().starts_with(expected), "{object}");
        assert_eq!(object["reason"].is_null(), expected.is_empty(), "{object}");
    }
}
