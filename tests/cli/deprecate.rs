//! `stratus-deprecate-metadata` against a Marketplace, and against the loopback one for what goes wrong.

#![allow(clippy::float_cmp, reason = "numbers that are counted")]

use std::{fs, path::Path};

use stratuslab::{
    ChecksumAlgorithm, Credentials, ImageDigests, Metadata,
    dsig::{
        SignRequest,
        SignatureMethod::{RsaSha1, RsaSha256},
        sign,
    },
    metadata::rules::Leniency,
};

use crate::{
    loopback::{EMAIL, IDENTIFIER, Marketplace, entry, server::Facts, signed, start},
    marketplace::Marketplace as Real,
    pki::{Identity, Kind, Request, jane, new_key},
    place::{Done, PASSWORD, Place, unsigned},
    transcript,
};

const CREATED: &str = "2011-09-13T09:58:54Z";
/// The endorser's credentials.
const GRID: [&str; 4] = ["--p12-cert", "grid.p12", "--p12-password", PASSWORD];

/// A Marketplace that has this document, valid or not, as what commands here ask for.
fn serving(document: &[u8], faults: &[&str]) -> (Marketplace, tempfile::TempDir) {
    let stored = tempfile::tempdir().unwrap();
    fs::write(stored.path().join("entry.xml"), document).unwrap();
    let marketplace = start(faults, |options| {
        options.folder = Some(stored.path().to_owned());
        options.judge = Box::new(|_| {
            Ok(Facts {
                identifier: IDENTIFIER.to_owned(),
                email: EMAIL.to_owned(),
                created: CREATED.to_owned(),
                valid: Some("2999-01-01T00:00:00Z".to_owned()),
                deprecated: false,
            })
        });
    });
    (marketplace, stored)
}

/// `stratus-marketplace` itself, with these entries.
fn having(documents: &[Vec<u8>]) -> Real {
    // Some are signed as the original tools did.
    let marketplace = Real::start(&["--allow-sha1"]);
    for document in documents {
        let answer = marketplace.upload(document);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    marketplace
}

/// A place whose configuration names the Marketplace there.
fn place(base: &str) -> Place {
    let place = Place::new();
    place.grid_p12().uses_at(base);
    place
}

fn deprecate(place: &Place, args: &[&str]) -> Done {
    place.run("deprecate", &[&GRID, args].concat())
}

/// What was uploaded, by the URL printed.
#[track_caller]
fn uploaded(marketplace: &Real, done: &Done) -> String {
    let path = done.succeeded().trim_end().strip_prefix(&marketplace.base).unwrap();
    let answer = marketplace.ask("GET", path, "Accept: application/xml\r\n", b"");
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.body
}

/// How many entries were uploaded.
fn entries(marketplace: &Real) -> f64 {
    marketplace.metric("stratuslab_marketplace_newest_entry")
}

/// The date in the URL printed.
fn created(done: &Done) -> &str {
    done.succeeded().trim_end().rsplit('/').next().unwrap()
}

fn signed_by(identity: &Identity) -> Vec<u8> {
    let credentials = Credentials::from_pem(&identity.certificate_pem(), &identity.key_pem(), None).unwrap();
    let request = SignRequest {
        credentials: &credentials,
        method: None,
        email: None,
        created: CREATED.parse().unwrap(),
        leniency: Leniency::Strict,
        include_chain: false,
    };
    sign(unsigned().as_bytes(), &request).unwrap().document().to_owned()
}

#[test]
fn the_newest_entry_is_deprecated_or_the_one_asked_for() {
    let older = entry(CREATED, RsaSha256);
    let newer = signed(&unsigned().replace("2999", "2998"), "2012-01-01T00:00:00Z", RsaSha256);
    for (args, of_newer) in [(&[IDENTIFIER][..], true), (&["--created", CREATED, IDENTIFIER], false)] {
        let marketplace = having(&[older.clone(), newer.clone()]);
        let place = place(&marketplace.base);
        let done = deprecate(&place, &[&["--reason", "a < b & c"], args].concat());
        assert_eq!(done.stderr, "");
        let prefix = format!("{}/metadata/{IDENTIFIER}/{EMAIL}/", marketplace.base);
        assert!(done.succeeded().starts_with(&prefix), "{}", done.stdout);
        let sent = uploaded(&marketplace, &done);
        assert_eq!(sent.contains("2998-01-01T00:00:00Z"), of_newer);
        assert!(sent.contains("<slterms:deprecated>a &lt; b &amp; c</slterms:deprecated>"), "{sent}");
        assert!(sent.contains(created(&done)));
        let judged = place.run_with("validate", &["--json", "-"], sent);
        let array: serde_json::Value = serde_json::from_str(judged.succeeded()).unwrap();
        assert_eq!(array[0]["deprecated"], "a < b & c");
        // Nothing of it is left here.
        assert_eq!(place.listing().len(), 2);
    }
}

#[test]
fn a_reason_is_the_one_of_the_originals_if_none_is_given() {
    let marketplace = having(&[entry(CREATED, RsaSha256)]);
    let done = deprecate(&place(&marketplace.base), &[IDENTIFIER]);
    assert!(uploaded(&marketplace, &done).contains(">This image has been deprecated</"));
}

#[test]
fn c26_deprecating_again_replaces_the_reason() {
    let marketplace = having(&[entry(CREATED, RsaSha256)]);
    let place = place(&marketplace.base);
    let first = deprecate(&place, &["--reason", "first", IDENTIFIER]);
    let second = deprecate(&place, &["--reason", "second", IDENTIFIER]);
    assert_eq!(second.stderr, "note: the entry fetched: the image is deprecated: first\n");
    // Within one second, and later all the same.
    assert!(created(&first) < created(&second));
    let sent = uploaded(&marketplace, &second);
    assert_eq!(sent.matches("<slterms:deprecated>").count(), 1);
    assert!(sent.contains(">second<") && !sent.contains("first"), "{sent}");
}

#[test]
fn right_after_the_upload_the_new_entry_is_later() {
    let marketplace = having(&[]);
    let place = place(&marketplace.base);
    place.write("a.xml", unsigned());
    place.run("sign", &[&GRID[..], &["a.xml"]].concat()).succeeded();
    let first = place.run("upload", &["a.xml"]);
    let deprecated = deprecate(&place, &[IDENTIFIER]);
    assert!(created(&first) < created(&deprecated));
}

#[test]
fn sha1_is_accepted_and_made_only_when_asked_for() {
    let marketplace = having(&[entry(CREATED, RsaSha1)]);
    let place = place(&marketplace.base);
    let told = deprecate(&place, &[IDENTIFIER]);
    assert_eq!(
        told.failed(1),
        "error: the entry fetched is invalid: rsa-sha1 is not accepted: SHA-1 no longer protects signatures\n\
         hint: --allow-sha1 accepts the signature of the entry fetched\n"
    );
    assert_eq!(entries(&marketplace), 1.0);
    let done = deprecate(&place, &["--allow-sha1", IDENTIFIER]);
    assert!(uploaded(&marketplace, &done).contains("#rsa-sha256\""));

    // What an old Marketplace needs: both from the configuration.
    let marketplace = having(&[entry(CREATED, RsaSha1)]);
    place.config(&format!(
        "marketplace_endpoint = '{}'\nallow_sha1 = true\nsignature_algorithm = 'rsa-sha1'\n",
        marketplace.base
    ));
    let done = deprecate(&place, &[IDENTIFIER]);
    let sent = uploaded(&marketplace, &done);
    assert!(sent.contains("http://www.w3.org/2000/09/xmldsig#rsa-sha1"), "{sent}");
    assert!(sent.contains("http://www.w3.org/2000/09/xmldsig#sha1"), "{sent}");
}

#[test]
fn c15_a_pending_confirmation_is_told() {
    let stored = tempfile::tempdir().unwrap();
    fs::write(stored.path().join("a.xml"), entry(CREATED, RsaSha256)).unwrap();
    let marketplace = start(&[], |options| {
        options.confirm = true;
        options.folder = Some(stored.path().to_owned());
    });
    let done = deprecate(&place(&marketplace.base), &[IDENTIFIER]);
    assert_eq!(
        done.stderr,
        format!("warning: confirmation e-mail sent to {EMAIL}; the entry appears once it is confirmed\n")
    );
    assert_eq!(done.succeeded().lines().count(), 1);
}

#[test]
fn the_address_is_the_certificates_else_the_one_given() {
    let two = Request::new("Joe").email("first@example.org").email("second@example.org");
    let none = Request::new("Joe").self_signed(&new_key(Kind::P256));
    let marketplace = having(&[]);
    let place = place(&marketplace.base);
    place.write("two.p12", two.self_signed(&new_key(Kind::P256)).pkcs12(PASSWORD));
    place.write("none.p12", none.pkcs12(PASSWORD));
    let config = format!("marketplace_endpoint = '{}'\nemail = 'jim@example.org'\n", marketplace.base);
    place.write("email.toml", config);
    for (file, args, email) in [
        ("two.p12", &[][..], "first@example.org"),
        ("none.p12", &["--email", "joe@example.org"], "joe@example.org"),
        // The configuration's is for certificates without one.
        ("two.p12", &["-c", "email.toml"], "first@example.org"),
        ("none.p12", &["-c", "email.toml"], "jim@example.org"),
        ("none.p12", &["-c", "email.toml", "--email", "joe@example.org"], "joe@example.org"),
    ] {
        place.write("a.xml", unsigned());
        let credentials = [&["--p12-cert", file, "--p12-password", PASSWORD], args].concat();
        place.run("sign", &[&credentials[..], &["--output", "b.xml", "a.xml"]].concat()).succeeded();
        place.run("upload", &["b.xml"]).succeeded();
        let done = place.run("deprecate", &[&credentials[..], &[IDENTIFIER]].concat());
        assert!(done.succeeded().contains(&format!("/{email}/")), "{}", done.stdout);
    }
}

#[test]
fn json_tells_of_the_new_entry_or_why_there_is_none() {
    let marketplace = having(&[entry(CREATED, RsaSha256)]);
    let place = place(&marketplace.base);
    let done = deprecate(&place, &["--json", "--reason", "why", IDENTIFIER]);
    let array: serde_json::Value = serde_json::from_str(done.succeeded()).unwrap();
    assert_eq!((&array[0]["deprecated"], &array[0]["state"]), (&"why".into(), &"created".into()));
    assert!(array[0]["url"].as_str().unwrap().starts_with(&marketplace.base));
    let done = deprecate(&place, &["--json", "--created", "2010-01-01T00:00:00Z", IDENTIFIER]);
    done.failed(5);
    let array: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert!(array[0]["error"]["fact"].as_str().unwrap().contains("404 Not Found"), "{array}");
}

#[test]
fn nothing_is_uploaded_if_the_entry_is_not_the_one_asked_for() {
    let digests = ImageDigests::read(&b"another image\n"[..], &ChecksumAlgorithm::ALL).unwrap();
    let mut other = Metadata::builder(&digests).created("2011-09-13T09:00:00Z".parse().unwrap()).build();
    other.valid = Some("2999-01-01T00:00:00Z".parse().unwrap());
    let good = String::from_utf8(entry(CREATED, RsaSha256)).unwrap();
    let mallory = Request::new("Mallory").email(EMAIL).self_signed(&new_key(Kind::P256));
    let served = [
        ("CHANGED", good.replace("2999", "2998").into_bytes()),
        ("UNSIGNED", unsigned().into_bytes()),
        ("OTHER_IMAGE", signed(&other.to_rdf().unwrap(), CREATED, RsaSha256)),
        ("OTHER_EMAIL", signed_by(&jane())),
        ("OTHER_ENDORSER", signed_by(&mallory)),
        ("OTHER_DATE", entry("2012-01-01T00:00:00Z", RsaSha256)),
        ("UNDATED", signed(&crate::loopback::unsigned(None), CREATED, RsaSha256)),
        ("FUTURE", entry("2998-01-01T00:00:00Z", RsaSha256)),
    ];
    let mut marketplaces: Vec<_> =
        served.iter().map(|(name, document)| (*name, serving(document, &[]))).collect();
    marketplaces.push(("TWICE", serving(good.as_bytes(), &["twice"])));
    let place = place(&marketplaces[0].1.0.base);
    place.write("none.p12", Request::new("Joe").self_signed(&new_key(Kind::P256)).pkcs12(PASSWORD));
    place.write(".globus/usercert.p12", place.bytes("grid.p12"));
    let mut variables = vec![("ID", IDENTIFIER), ("STRATUSLAB_P12_PASSWORD", PASSWORD)];
    let empty = having(&[]);
    variables.push(("EMPTY", &empty.base));
    variables.extend(marketplaces.iter().map(|(name, (marketplace, _))| (*name, marketplace.base.as_str())));
    let before = place.listing();
    transcript::play("deprecate", &place, &variables);
    assert!(place.listing() == before);
    for (name, (marketplace, _)) in &marketplaces {
        assert!(marketplace.requests.try_iter().all(|request| request.method == "GET"), "{name}");
    }
    assert_eq!(entries(&empty), 0.0);
}

/// The signature that xmlsec1 fills in, as the originals made them.
const TEMPLATE: &str = r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"/><SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/><Reference URI=""><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></Transforms><DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/><DigestValue/></Reference></SignedInfo><SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature>"#;

/// An entry as the original stratus-deprecate-metadata left it.
fn left_by_the_original(folder: &Path) -> Vec<u8> {
    let endorser = crate::place::endorser();
    fs::write(folder.join("key.pem"), endorser.key_pem()).unwrap();
    fs::write(folder.join("cert.pem"), endorser.certificate_pem()).unwrap();
    let name = "CN=Jane Tester";
    let last = format!(
        "<slreq:endorsement parseType=\"Resource\"><dcterms:created>{CREATED}</dcterms:created>\
         <slreq:endorser rdf:parseType=\"Resource\"><slreq:email>{EMAIL}</slreq:email>\
         <slreq:subject>{name}</slreq:subject><slreq:issuer>{name}</slreq:issuer></slreq:endorser>\
         </slreq:endorsement><slterms:deprecated>the old reason</slterms:deprecated></rdf:Description>"
    );
    let document = unsigned()
        .replace("<slreq:endorsement rdf:parseType=\"Resource\"/>", "")
        .replace("</rdf:Description>", &last)
        .replace("</rdf:RDF>", &format!("{TEMPLATE}</rdf:RDF>"))
        .replace("dcterms", "ns1")
        .replace("slreq:", "ns2:")
        .replace(":slreq", ":ns2")
        .replace("slterms:", "ns3:")
        .replace(":slterms", ":ns3");
    fs::write(folder.join("old.xml"), document).unwrap();
    let made = std::process::Command::new("xmlsec1")
        .args(["--sign", "--output", "signed.xml", "--privkey-pem", "key.pem,cert.pem", "old.xml"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::read(folder.join("signed.xml")).unwrap()
}

#[test]
fn c23_c24_c25_c26_entries_of_the_original_command_are_deprecated_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let old = left_by_the_original(folder.path());
    let marketplace = having(std::slice::from_ref(&old));
    let place = place(&marketplace.base);
    place.write("old.xml", &old);
    place.run("validate", &["--allow-sha1", "old.xml"]).failed(1);
    let done = deprecate(&place, &["--allow-sha1", "--reason", "a new reason", IDENTIFIER]);
    let sent = uploaded(&marketplace, &done);
    for noted in ["out of order", "parseType", "the image is deprecated: the old reason"] {
        assert_eq!(done.stderr.matches(noted).count(), 1, "{}", done.stderr);
    }
    assert!(done.stderr.lines().all(|line| line.starts_with("note: the entry fetched: ")), "{}", done.stderr);
    assert!(sent.contains("<ns2:endorsement rdf:parseType=\"Resource\">"), "{sent}");
    assert!(sent.contains("</ns2:endorsement><ns3:deprecated>a new reason</ns3:deprecated>"), "{sent}");
    assert!(!sent.contains("old reason") && !sent.contains("slterms:") && !sent.contains("slreq:"), "{sent}");
    // Nothing before the endorsement is touched; in a list an entry stands without its declaration.
    let old = String::from_utf8(old).unwrap();
    let head = old.split_once("<ns2:endorsement").unwrap().0;
    assert!(sent.starts_with(head.split_once("?>").unwrap().1.trim_start()), "{sent}");
    // And it can be deprecated once more.
    deprecate(&place, &["--reason", "a newer reason", IDENTIFIER]).succeeded();
}
