//! The fuzzer's seeds: reading them, and making them from what the tests have.

use std::{fs, path::Path};

use openssl::asn1::Asn1Type;
use stratuslab::{
    Checksum, ChecksumAlgorithm, ImageDigests, Metadata, Timestamp,
    dsig::{KeyType, SignatureMethod},
    metadata::CompressedFile,
};

use crate::{
    entry::{ENDORSED, credentials, plain, shapes, sign},
    pkcs12::PASSWORD,
    pki::{self, CN, EMAIL_ADDRESS, Identity, Kind, OU, Request, new_key},
};

pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
pub(crate) const TARGETS: [&str; 6] = ["xml", "c14n", "verify", "rdf", "name", "pkcs12"];

/// The target's seeds and their names, in order.
pub(crate) fn read(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(FOLDER).join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    // The fuzzer leaves what it finds beside them.
    let mut names: Vec<String> = names.filter(|name| name.starts_with("seed-")).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// Documents without anything of an entry, and what is wrong with some.
const DOCUMENTS: [(&str, &str); 14] = [
    ("empty", "<a/>"),
    ("declaration", "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\r\n<a>\r</a>\n"),
    ("doctype", "<!DOCTYPE a [<!ENTITY b 'c'><!ATTLIST a d CDATA 'e'>]><a>&b;</a>"),
    ("undeclared", "<a:b/>"),
    ("outside", "<?p q?><!-- c --><a/><!-- d --><?r?>"),
    (
        "list",
        "<metadata>\n<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>\n<a/></metadata>",
    ),
    ("empty-list", "<metadata/>"),
    (
        "namespaces",
        "<a xmlns='urn:a' xmlns:b='urn:b'><b:c xmlns='' b:d='1' d='2'><e xmlns='urn:a'/></b:c><b:f xmlns:b='urn:a'/></a>",
    ),
    ("references", "<a b='&#10;&#x9;&#13; &lt;&quot;&apos;'>&#13;&gt;&amp;&#x1F600;&#x85;</a>"),
    ("cdata", "<a><![CDATA[<&>]]>]]&gt;<![CDATA[]]></a>"),
    (
        "xml-attributes",
        "<a xml:lang='de' xml:base='http://b.example/'><b xml:space='preserve' xml:id='c'><d xml:base='e'/></b></a>",
    ),
    ("order", "<z:a z:c='1' a:b='2' c='3' b='4' xmlns:z='urn:a' xmlns:a='urn:z'/>"),
    ("prefixes", "<a xmlns:b='urn:x' xmlns:c='urn:x'><c:d b:e='' c:f=''/></a>"),
    ("relative", "<a xmlns='relative'/>"),
];

/// Shapes that differ in what the parser and the canonicalizer do.
const SHAPES: [&str; 10] = [
    "crlf",
    "default-slterms",
    "redeclared-and-undeclared",
    "cdata",
    "character-references",
    "attributes",
    "names-beyond-ascii",
    "byte-order-mark",
    "comments-and-instructions",
    "odd-tags",
];

pub(crate) fn write() {
    for target in TARGETS {
        fs::create_dir_all(Path::new(FOLDER).join(target)).unwrap();
    }
    for (name, document) in DOCUMENTS {
        put("xml", &format!("{name}.xml"), document.as_bytes());
        put("c14n", &format!("{name}.xml"), document.as_bytes());
    }
    for shape in shapes() {
        let name = format!("{}.xml", shape.name);
        if SHAPES.contains(&shape.name) {
            put("xml", &name, &shape.document);
            put("c14n", &name, &shape.document);
        }
        put("rdf", &name, &shape.document);
    }
    put(
        "rdf",
        "deprecated.xml",
        plain()
            .replace("<slterms:os>", "<slterms:deprecated>old</slterms:deprecated><slterms:os>")
            .as_bytes(),
    );
    put("rdf", "complete.xml", complete().as_bytes());
    signed();
    names();
    stores();
}

/// An entry with everything that one can have.
fn complete() -> String {
    let digests = ImageDigests::read(&b"an image"[..], &ChecksumAlgorithm::ALL).unwrap();
    let sha512 = Checksum::from_hex(ChecksumAlgorithm::Sha512, &"0f".repeat(64)).unwrap();
    let created: Timestamp = ENDORSED.parse().unwrap();
    let metadata = Metadata::builder(&digests)
        .image_type("grid")
        .kind("disk")
        .os("ttylinux")
        .os_version("9.7")
        .os_arch("i486")
        .version("1.3")
        .compression("gz")
        .location("http://example.org/a.gz")
        .location("http://example.org/b.gz")
        .format("qcow2")
        .creator("Jane")
        .created(created)
        .valid(created.checked_add_days(182).unwrap())
        .title("a \"title\"")
        .tag("a tag")
        .description("one line\nand another")
        .hypervisor("kvm")
        .disks_bus("virtio")
        .publisher("a publisher")
        .replaces("CJZY2Oz3kCwb5gfuF2CMS6MDtUR".parse().unwrap())
        .is_version_of("LwcRbwCa1YSysY1wftQdAj6Bwoi".parse().unwrap())
        .compressed_file(CompressedFile { bytes: 5, sha512 })
        .build();
    metadata.to_rdf().unwrap()
}

fn put(target: &str, name: &str, content: &[u8]) {
    fs::write(Path::new(FOLDER).join(target).join(format!("seed-{name}")), content).unwrap();
}

fn identity(name: &str, kind: Kind) -> Identity {
    Request::new(name).email("joe@example.org").self_signed(&new_key(kind))
}

/// One for each method, of different shapes. The keys are gone afterwards.
fn signed() {
    let shapes = shapes();
    let kinds = [Kind::Rsa2048, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519, Kind::Dsa1024];
    for (number, method) in SignatureMethod::ALL.into_iter().enumerate() {
        let fitting = |kind: &&Kind| method.fits(KeyType::of(&pki::key(**kind)));
        let kinds: Vec<&Kind> = kinds.iter().filter(fitting).collect();
        let kind = *kinds[number % kinds.len()];
        let identity = identity(&format!("Joe {number}"), kind);
        let document = &shapes[number * 3 % shapes.len()].document;
        let entry = sign(document, &credentials(&identity), Some(method)).unwrap();
        put("verify", &format!("{}.xml", method.name()), entry.document());
    }
}

fn names() {
    let (printable, utf8, ia5) = (Asn1Type::PRINTABLESTRING, Asn1Type::UTF8STRING, Asn1Type::IA5STRING);
    let plain = Request::new("Jane Tester");
    let ca = pki::authority();
    for (name, request) in [
        ("plain", plain),
        ("special", Request::new(" #a,b+c=d;\"<e>\\\r ")),
        (
            "unknown",
            Request::new("x").subject(&[(EMAIL_ADDRESS, ia5, "a@example.org"), ("1.2.3.4", utf8, "é")]),
        ),
        (
            "several",
            Request::new("x").subject(&[
                (OU, printable, "a"),
                (OU, utf8, "b"),
                (CN, Asn1Type::BMPSTRING, "\0c"),
            ]),
        ),
        ("empty", Request::new("x").subject(&[])),
    ] {
        let identity = request.email("joe@example.org").issued_by(&ca, &new_key(Kind::P256));
        let subject = identity.certificate.subject_name().to_der().unwrap();
        put("name", &format!("{name}.name"), &subject);
        put("name", &format!("{name}.certificate"), &identity.certificate_der());
    }
    // Several values in one set (RFC 2253 §2.2).
    let one = |oid: &[u8], value: &[u8]| pki::tlv(0x30, &[pki::tlv(6, oid), pki::tlv(0x0c, value)].concat());
    let set = pki::tlv(0x31, &[one(&[0x55, 4, 3], b"a"), one(&[0x55, 4, 10], b"b+c")].concat());
    put("name", "set.name", &pki::tlv(0x30, &set));
}

/// Files with keys, which are of no use to anybody.
fn stores() {
    let ca = pki::authority();
    for (name, kind) in [("p256", Kind::P256), ("ed25519", Kind::Ed25519), ("rsa", Kind::Rsa2048)] {
        let identity = identity(name, kind);
        put("pkcs12", &format!("{name}.p12"), &identity.pkcs12(PASSWORD));
        put("pkcs12", &format!("{name}.pem"), &[identity.key_pem(), identity.certificate_pem()].concat());
    }
    let identity = Request::new("Joe").email("joe@example.org").issued_by(&ca, &new_key(Kind::P256));
    put("pkcs12", "chain.p12", &identity.pkcs12_with_chain(PASSWORD, &[&ca]));
    put("pkcs12", "empty-password.p12", &identity.pkcs12(""));
    put("pkcs12", "old.p12", &identity.old_pkcs12(PASSWORD));
    let encrypted = [identity.certificate_pem(), identity.encrypted_key_pem(PASSWORD), ca.certificate_pem()];
    put("pkcs12", "encrypted.pem", &encrypted.concat());
}
