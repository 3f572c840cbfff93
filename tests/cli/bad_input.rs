//! Documents and Marketplaces at their worst: one clear message, the right exit status, nothing
//! changed and nothing left.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use stratuslab::dsig::SignatureMethod::RsaSha256;

use crate::{
    loopback::{EMAIL, IDENTIFIER, Marketplace, entry, server::Facts, start},
    place::{PASSWORD, Place, unprivileged},
    transcript,
};

/// A name, and what is in it.
type Document = (&'static str, Vec<u8>);

/// Every kind of document that is none.
fn documents() -> Vec<Document> {
    let good = String::from_utf8(entry("2011-09-13T09:58:54Z", RsaSha256)).unwrap();
    let wide = || good.encode_utf16().flat_map(u16::to_le_bytes);
    let mut huge = good.clone().into_bytes();
    huge.resize(10 * 1024 * 1024 + 1, b' ');
    let half = good.len() / 2;
    let in_a_tag = good.find("<slreq:bytes").unwrap() + "<slr".len();
    let doctype = good.replacen("?>", "?><!DOCTYPE rdf:RDF [<!ENTITY a \"b\">]>", 1);
    vec![
        ("empty.xml", Vec::new()),
        ("blank.xml", b" \n\t\n".to_vec()),
        ("huge.xml", huge),
        ("deep.xml", [b"<a>".repeat(100_000), b"</a>".repeat(100_000)].concat()),
        ("latin1.xml", [good.as_bytes(), b"<!-- caf\xe9 -->"].concat()),
        ("utf16.xml", [0xFF, 0xFE].into_iter().chain(wide()).collect()),
        ("utf16-bare.xml", wide().collect()),
        ("doctype.xml", doctype.into_bytes()),
        ("truncated.xml", good.as_bytes()[..half].to_vec()),
        ("in-a-tag.xml", good.as_bytes()[..in_a_tag].to_vec()),
        ("text.xml", b"I am not XML\n".to_vec()),
        ("binary.xml", b"\x7fELF\x02\x01\x01\x03\x80\x81\x82".to_vec()),
        ("page.xml", b"<!-- a page --><html><body>Hello</body></html>\n".to_vec()),
        ("other.xml", b"<project xmlns=\"http://maven.apache.org/POM/4.0.0\"/>\n".to_vec()),
    ]
}

#[test]
fn documents_that_are_none_are_refused_and_stay_as_they_are() {
    let place = Place::new();
    place.grid_p12();
    for (name, content) in documents() {
        place.write(name, content);
    }
    let unreadable = place.write("unreadable.xml", "");
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o000)).unwrap();
    fs::create_dir(place.path().join("folder.xml")).unwrap();
    let before = place.listing();
    transcript::play("bad-input", &place, &[("AS_USER", unprivileged())]);
    assert!(place.listing() == before);
}

#[test]
fn documents_that_are_none_are_refused_from_a_marketplace() {
    let (place, stored) = (Place::new(), tempfile::tempdir().unwrap());
    place.grid_p12();
    let documents = documents();
    for (name, content) in &documents {
        fs::write(stored.path().join(name), content).unwrap();
    }
    let marketplace = start(&[], |options| {
        options.folder = Some(stored.path().to_owned());
        // Takes everything, and tells documents apart by their dates.
        options.judge = Box::new(move |document| {
            let place = documents.iter().position(|(_, content)| content == document);
            let day = place.ok_or("unknown")? + 1;
            Ok(Facts {
                identifier: IDENTIFIER.to_owned(),
                email: EMAIL.to_owned(),
                created: format!("2011-01-{day:02}T00:00:00Z"),
                valid: None,
                deprecated: false,
            })
        });
    });
    place.config(&format!(
        "marketplace_endpoint = '{}'\np12_certificate = '{}/grid.p12'\np12_password = '{PASSWORD}'\n",
        marketplace.base,
        place.path().display()
    ));
    fs::set_permissions(
        place.path().join(".config/stratuslab/config.toml"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let before = place.listing();
    transcript::play("bad-input-served", &place, &[("ID", IDENTIFIER), ("MARKETPLACE", &marketplace.base)]);
    assert!(marketplace.requests.try_iter().all(|request| request.method == "GET"));
    assert!(place.listing() == before);
}

/// Marketplaces that have `entry` but answer with faults, and the variables that name them.
fn faulty(entry: &Path) -> Vec<(&'static str, Marketplace)> {
    let always = |fault: &str| {
        start(&[fault; 20], |options| {
            options.prefix = String::new();
            options.folder = Some(entry.to_owned());
        })
    };
    let mut marketplaces: Vec<_> = [
        ("SLOW", "slow"),
        ("SILENT", "silent"),
        ("PAGE", "page"),
        ("GARBAGE", "garbage"),
        ("HANG_UP", "hang-up"),
        ("HALF_WAY", "half-way"),
        ("HUGE", "huge"),
        ("STATUS_500", "500"),
        ("STATUS_503", "503"),
        ("STATUS_404", "404"),
        ("JSON", "body:{}"),
        ("AWAY", "302:https://elsewhere.example.org/"),
    ]
    .map(|(name, fault)| (name, always(fault)))
    .into();
    // tcpmux: nobody listens there.
    let nowhere =
        Marketplace { base: "http://127.0.0.1:1".to_owned(), requests: std::sync::mpsc::channel().1 };
    marketplaces.push(("NOWHERE", nowhere));
    marketplaces
}

fn marketplaces_that_are_none(transcript: &str) {
    let place = Place::new();
    place.grid_p12().write("entry.xml", entry("2011-09-13T09:58:54Z", RsaSha256));
    let stored = tempfile::tempdir().unwrap();
    fs::copy(place.path().join("entry.xml"), stored.path().join("entry.xml")).unwrap();
    let p12 = place.path().join("grid.p12").display().to_string();
    let marketplaces = faulty(stored.path());
    let mut variables = vec![
        ("ID", IDENTIFIER),
        ("STRATUSLAB_P12_CERTIFICATE", p12.as_str()),
        ("STRATUSLAB_P12_PASSWORD", PASSWORD),
    ];
    variables.extend(marketplaces.iter().map(|(name, marketplace)| (*name, marketplace.base.as_str())));
    let before = place.listing();
    transcript::play(transcript, &place, &variables);
    assert!(place.listing() == before);
}

#[test]
fn marketplaces_that_are_none_take_no_entry() {
    marketplaces_that_are_none("bad-marketplace-upload");
}

#[test]
fn marketplaces_that_are_none_give_no_entry() {
    marketplaces_that_are_none("bad-marketplace-deprecate");
}
