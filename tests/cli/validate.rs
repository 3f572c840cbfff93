//! What `stratus-validate-metadata` says of entries.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _};

use flate2::{Compression, write::GzEncoder};
use openssl::{bn::BigNum, hash::MessageDigest};
use serde_json::{Value, json};
use stratuslab::dsig::{
    AlgorithmPolicy,
    SignatureMethod::{RsaSha1, RsaSha256},
    verify,
};

use crate::{
    loopback::{EMAIL, IDENTIFIER, entry, signed, start},
    place::{Done, Place, endorser, unprivileged, unsigned},
    transcript,
};

const CREATED: &str = "2011-09-13T09:58:54Z";

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Entries of every kind.
fn place() -> Place {
    let place = Place::new();
    let good = text(entry(CREATED, RsaSha256));
    place.write("unsigned.xml", unsigned());
    place.write("old.xml", entry(CREATED, RsaSha1));
    place.write("changed.xml", good.replace("2999", "2998"));
    place.write("expired.xml", signed(&unsigned().replace("2999", "2012"), CREATED, RsaSha256));
    let reason = "<slterms:deprecated>JUST FOR FUN</slterms:deprecated></rdf:Description>";
    let deprecated = |document: String| document.replace("</rdf:Description>", reason);
    place.write("deprecated.xml", signed(&deprecated(unsigned()), CREATED, RsaSha256));
    place.write("both.xml", signed(&deprecated(unsigned().replace("2999", "2012")), CREATED, RsaSha256));
    // Before there was the certificate.
    place.write("early.xml", entry("1999-12-31T23:59:59Z", RsaSha256));
    let line = unsigned().lines().find(|line| line.contains("dcterms:valid")).unwrap().to_owned();
    place.write("undated.xml", signed(&unsigned().replace(&line, ""), CREATED, RsaSha256));
    place.write("good.xml", good);
    place
}

/// The array that `--json` gives.
#[track_caller]
fn array(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn verdicts_are_told_as_they_always_were() {
    let place = place();
    place.write("unreadable.xml", "");
    let path = place.path().join("unreadable.xml");
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    let before = place.listing();
    transcript::play("validate", &place, &[("AS_USER", unprivileged()), ("ID", IDENTIFIER)]);
    assert!(place.listing() == before);
}

#[test]
fn an_image_is_compared_in_size_and_in_every_checksum() {
    let place = place();
    place.write("image.img", "an image\n");
    place.write("longer.img", "an image\n\n");
    place.write("other.img", "an imagf\n");
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(b"an image\n").unwrap();
    let gz = gz.finish().unwrap();
    place.write("image.gz", &gz);
    place.write("cut.gz", &gz[..gz.len() - 4]);
    place.write("one-md5.xml", signed(&unsigned().replace("460ff", "460fe"), CREATED, RsaSha256));
    transcript::play("validate-image", &place, &[]);
}

#[test]
fn sha1_is_accepted_from_the_configuration_too() {
    let place = place();
    place.config("[old]\nallow_sha1 = true\n");
    place.run("validate", &["old.xml"]).failed(1);
    assert_eq!(place.run("validate", &["-S", "old", "old.xml"]).succeeded(), "Valid: old.xml\n");
}

#[test]
fn c21_a_list_is_validated_entry_by_entry() {
    let (place, marketplace) = (place(), start(&[], |_| ()));
    place.uses(&marketplace);
    place.run("upload", &["good.xml"]).succeeded();
    let curl =
        place.shell(&format!("curl --silent --noproxy '*' '{}/metadata?status=all'", marketplace.base), &[]);
    let list = curl.succeeded();
    let done = place.run_with("validate", &["-"], list);
    assert_eq!(done.succeeded(), format!("Valid: -: entry 1, {IDENTIFIER}/{EMAIL}/{CREATED}\n"));

    let cut = |name: &str| {
        let document = text(place.bytes(name));
        document.split_once("?>").unwrap().1.to_owned()
    };
    let (good, changed) = (cut("good.xml"), cut("changed.xml"));
    place.write("list.xml", format!("<metadata>{good}{changed}{good}</metadata>"));
    place.write("truncated.xml", format!("<metadata>{good}{}", &good[..good.len() / 2]));
    place.write("none.xml", "<metadata></metadata>");
    place.write("error.xml", "<?xml version=\"1.0\"?><error>no metadata matching query found</error>");
    transcript::play("validate-list", &place, &[("ID", IDENTIFIER)]);

    let array = array(&place.run("validate", &["--json", "list.xml", "good.xml"]));
    let summary: Vec<_> = array
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["file"].clone(), o["entry"].clone(), o["verdict"].clone()))
        .collect();
    assert_eq!(
        json!(summary),
        json!([
            ["list.xml", 1, "valid"],
            ["list.xml", 2, "invalid"],
            ["list.xml", 3, "valid"],
            ["good.xml", null, "valid"]
        ])
    );
}

#[test]
fn json_tells_of_the_compressed_file_if_the_entry_does() {
    let place = place();
    let hex = "0f".repeat(64);
    let elements = format!("<slc:bytes>5</slc:bytes><slc:sha512>{hex}</slc:sha512></rdf:Description>");
    let entry = unsigned()
        .replace("xml:base=", "xmlns:slc=\"http://mp.stratuslab.eu/slcompressed#\" xml:base=")
        .replace("</rdf:Description>", &elements);
    place.write("compressed.xml", signed(&entry, CREATED, RsaSha256));
    let done = place.run("validate", &["--json", "compressed.xml"]);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(array(&done)[0]["compressed"], json!({ "bytes": 5, "sha512": hex }));
    let done = place.run("validate", &["--json", "good.xml"]);
    assert_eq!(array(&done)[0].get("compressed"), None);
}

#[test]
fn json_tells_everything_of_an_entry() {
    let place = place();
    let done = place.run("validate", &["--json", "good.xml"]);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""));
    let array = array(&done);
    let object = &array[0];
    let members: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        [
            "file",
            "verdict",
            "reason",
            "checks",
            "identifier",
            "bytes",
            "created",
            "valid",
            "deprecated",
            "endorsed",
            "endorser",
            "certificate",
            "algorithm"
        ]
    );
    assert_eq!(object["verdict"], "valid");
    assert_eq!(object["reason"], Value::Null);
    let checks = object["checks"].as_array().unwrap();
    for check in checks {
        assert_eq!(check.as_object().unwrap().keys().collect::<Vec<_>>(), ["name", "outcome", "message"]);
        // There is no image, and nobody is said to be trusted.
        let not_made = ["image", "image-checksums", "trusted", "endorsed-by", "timestamped"];
        let made = !not_made.map(Value::from).contains(&check["name"]);
        let expected = if made { "passed" } else { "skipped" };
        assert_eq!((&check["outcome"], &check["message"]), (&expected.into(), &Value::Null), "{check}");
    }
    assert_eq!((&checks[0]["name"], &checks[1]["name"]), (&"well-formed".into(), &"signature".into()));
    assert_eq!(object["identifier"], IDENTIFIER);
    assert_eq!(object["bytes"], 9);
    assert_eq!(object["created"], "2011-09-13T09:00:00Z");
    assert_eq!(object["valid"], "2999-01-01T00:00:00Z");
    assert_eq!(object["deprecated"], Value::Null);
    assert_eq!(object["endorsed"], CREATED);
    let name = "CN=Jane Tester";
    assert_eq!(object["endorser"], json!({ "email": EMAIL, "subject": name, "issuer": name }));
    let verified = place.bytes("good.xml");
    let verified = verify(&verified, &AlgorithmPolicy::default()).unwrap();
    let digest = endorser().certificate.digest(MessageDigest::sha256()).unwrap();
    let fingerprint = BigNum::from_slice(&digest).unwrap().to_hex_str().unwrap().to_lowercase();
    assert_eq!(
        object["certificate"],
        json!({
            "subject": name,
            "issuer": name,
            "serial": verified.certificate().serial(),
            "not_before": "2000-01-01T00:00:00Z",
            "not_after": "2999-01-01T00:00:00Z",
            "sha256_fingerprint": format!("{fingerprint:0>64}"),
        })
    );
    assert_eq!(
        object["algorithm"],
        json!({
            "signature": "rsa-sha256",
            "digest": "sha256",
            "canonicalization": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        })
    );
}

#[test]
fn json_tells_of_what_is_invalid_or_unreadable_too() {
    let place = place();
    let done = place.run(
        "validate",
        &["--json", "good.xml", "changed.xml", "absent.xml", "unsigned.xml", "deprecated.xml"],
    );
    assert!(done.failed(3).contains("error: cannot read absent.xml"));
    let array = array(&done);
    let verdicts: Vec<_> = array.as_array().unwrap().iter().map(|object| object["verdict"].clone()).collect();
    assert_eq!(json!(verdicts), json!(["valid", "invalid", null, "invalid", "valid"]));
    let failed = |object: &Value| {
        let checks = object["checks"].as_array().unwrap();
        checks.iter().find(|check| check["outcome"] == "failed").cloned().unwrap()
    };
    assert_eq!(failed(&array[1])["name"], "signature");
    assert_eq!(failed(&array[1])["message"], array[1]["reason"]);
    assert_eq!(array[2]["error"], json!({ "fact": "cannot read absent.xml: No such file or directory" }));
    assert_eq!(array[3]["reason"], "no signature");
    assert_eq!(array[1]["identifier"], IDENTIFIER);
    assert_eq!(array[4]["deprecated"], "JUST FOR FUN");
    let noted = array[4]["checks"].as_array().unwrap().iter().find(|check| check["outcome"] == "noted");
    assert_eq!(noted.unwrap()["name"], "active");
}
