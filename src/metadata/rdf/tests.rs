use proptest::prelude::*;

use super::*;
use crate::metadata::rules::Stage;
use crate::{
    Checksum, ChecksumAlgorithm, Compression, DistinguishedName, Endorser, ImageDigests,
    checksum::ImageMismatch, xml,
};

fn digests(image: &[u8]) -> ImageDigests {
    ImageDigests::read(image, &ChecksumAlgorithm::ALL).unwrap()
}

fn full() -> Metadata {
    Metadata::builder(&digests(b"hello world\n"))
        .image_type("grid")
        .kind("machine")
        .os("ttylinux")
        .os_version("9.7")
        .os_arch("i486")
        .version("1.3")
        .compression(Compression::Gzip.extension())
        .location("http://example.org/a?x=1&y=2")
        .location("ftp://example.org/a")
        .format("raw")
        .creator("Jérôme <j@example.org>")
        .created("2011-01-24T09:59:42Z".parse().unwrap())
        .valid("2011-07-25T09:59:42Z".parse().unwrap())
        .title("t")
        .tag("a")
        .description("two\nlines")
        .hypervisor("kvm")
        .disks_bus("virtio")
        .publisher("StratusLab")
        .replaces("MMZu9WvwKIro-rtBQfDk4PsKO7_".parse().unwrap())
        .is_version_of("BN1EEkPiBx87_uLj2-sdybSI-Xb".parse().unwrap())
        .build()
}

fn endorsed() -> Metadata {
    let mut metadata = full();
    metadata.deprecated = Some(String::new());
    metadata.endorsement = Some(Endorsement {
        created: "2011-02-01T00:00:00Z".parse().unwrap(),
        endorser: Endorser {
            email: "jane@example.org".parse().unwrap(),
            subject: DistinguishedName::from_text(r#"CN=Doe\, "J" & Co,C=FR"#),
            issuer: DistinguishedName::from_text("CN=CA"),
        },
    });
    metadata
}

/// The text of every element at `path` below the root.
fn texts(document: &str, path: &[&str]) -> Vec<String> {
    let parsed = roxmltree::Document::parse(document).unwrap();
    let mut nodes = vec![parsed.root_element()];
    for name in path {
        nodes = nodes.iter().flat_map(|n| n.children().filter(|c| c.tag_name().name() == *name)).collect();
    }
    nodes.iter().map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_whole_document_is_as_the_originals_order_it() {
    let expected = r##"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns:dcterms="http://purl.org/dc/terms/"
         xmlns:slreq="http://mp.stratuslab.eu/slreq#"
         xmlns:slterms="http://mp.stratuslab.eu/slterms#"
         xml:base="http://mp.stratuslab.eu/">
    <rdf:Description rdf:about="#CJZY2Oz3kCwb5gfuF2CMS6MDtUR">
        <dcterms:identifier>CJZY2Oz3kCwb5gfuF2CMS6MDtUR</dcterms:identifier>
        <slreq:bytes>12</slreq:bytes>
        <slreq:checksum rdf:parseType="Resource">
            <slreq:algorithm>MD5</slreq:algorithm>
            <slreq:value>6f5902ac237024bdd0c176cb93063dc4</slreq:value>
        </slreq:checksum>
        <slreq:checksum rdf:parseType="Resource">
            <slreq:algorithm>SHA-1</slreq:algorithm>
            <slreq:value>22596363b3de40b06f981fb85d82312e8c0ed511</slreq:value>
        </slreq:checksum>
        <slreq:checksum rdf:parseType="Resource">
            <slreq:algorithm>SHA-256</slreq:algorithm>
            <slreq:value>a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447</slreq:value>
        </slreq:checksum>
        <slreq:checksum rdf:parseType="Resource">
            <slreq:algorithm>SHA-512</slreq:algorithm>
            <slreq:value>db3974a97f2407b7cae1ae637c0030687a11913274d578492558e39c16c017de84eacdc8c62fe34ee4e12b4b1428817f09b6a2760c3f8a664ceae94d2434a593</slreq:value>
        </slreq:checksum>
        <slreq:endorsement rdf:parseType="Resource"/>
        <dcterms:type>grid</dcterms:type>
        <slterms:kind>machine</slterms:kind>
        <slterms:os>ttylinux</slterms:os>
        <slterms:os-version>9.7</slterms:os-version>
        <slterms:os-arch>i486</slterms:os-arch>
        <slterms:version>1.3</slterms:version>
        <dcterms:compression>gz</dcterms:compression>
        <slterms:location>http://example.org/a?x=1&amp;y=2</slterms:location>
        <slterms:location>ftp://example.org/a</slterms:location>
        <dcterms:format>raw</dcterms:format>
        <dcterms:creator>Jérôme &lt;j@example.org&gt;</dcterms:creator>
        <dcterms:created>2011-01-24T09:59:42Z</dcterms:created>
        <dcterms:valid>2011-07-25T09:59:42Z</dcterms:valid>
        <dcterms:title>t</dcterms:title>
        <dcterms:alternative>a</dcterms:alternative>
        <dcterms:description>two
lines</dcterms:description>
        <slterms:hypervisor>kvm</slterms:hypervisor>
        <slterms:disks-bus>virtio</slterms:disks-bus>
        <dcterms:publisher>StratusLab</dcterms:publisher>
        <dcterms:replaces>MMZu9WvwKIro-rtBQfDk4PsKO7_</dcterms:replaces>
        <dcterms:isVersionOf>BN1EEkPiBx87_uLj2-sdybSI-Xb</dcterms:isVersionOf>
    </rdf:Description>
</rdf:RDF>
"##;
    assert_eq!(full().to_rdf().unwrap(), expected);
}

fn compressed_file() -> CompressedFile {
    let sha512 = Checksum::from_hex(ChecksumAlgorithm::Sha512, &"0f".repeat(64)).unwrap();
    CompressedFile { bytes: 7, sha512 }
}

/// Behind everything the originals know but the reason for deprecation.
#[test]
fn the_compressed_file_is_described_in_a_namespace_of_its_own() {
    let mut metadata = endorsed();
    let without = metadata.to_rdf().unwrap();
    metadata.compressed = Some(compressed_file());
    let hex = "0f".repeat(64);
    let expected = without
        .replace("slterms#\"\n", "slterms#\"\n         xmlns:slc=\"http://mp.stratuslab.eu/slcompressed#\"\n")
        .replace(
            "        <slterms:deprecated>",
            &format!(
                "        <slc:bytes>7</slc:bytes>\n        <slc:sha512>{hex}</slc:sha512>\n        \
                 <slterms:deprecated>"
            ),
        );
    assert_eq!(metadata.to_rdf().unwrap(), expected);
    assert_round_trip(&metadata);
    assert_round_trip(&Metadata::builder(&digests(b"")).compressed_file(compressed_file()).build());
}

#[test]
fn another_checksum_is_not_written_as_sha512() {
    let mut metadata = full();
    let algorithm = ChecksumAlgorithm::Sha256;
    let sha512 = Checksum::from_hex(algorithm, &"0f".repeat(32)).unwrap();
    metadata.compressed = Some(CompressedFile { bytes: 7, sha512 });
    assert_eq!(metadata.to_rdf(), Err(RdfError::Checksum { element: "slc:sha512", algorithm }));
}

/// What the rules find, and what is read of the compressed file all the same.
#[test]
fn the_compressed_file_is_described_once_and_whole() {
    let metadata = Metadata::builder(&digests(b"")).compressed_file(compressed_file()).build();
    let document = metadata.to_rdf().unwrap();
    let examined = |from: &str, to: &str| {
        let changed = document.replace(from, to);
        let (findings, read) = Metadata::examine(&xml::parse(&changed).unwrap(), Stage::Unsigned);
        let errors: Vec<_> = findings
            .iter()
            .flat_map(|finding| finding.errors.iter().map(|error| format!("{}: {error}", finding.rule)))
            .collect();
        (errors.join("; "), read.unwrap().compressed)
    };
    let (hex, schema) = ("0f".repeat(64), "XML schema validation exception:");
    let (bytes, sha512) = ("<slc:bytes>7</slc:bytes>", format!("<slc:sha512>{hex}</slc:sha512>"));
    let file = compressed_file();
    for (to, read) in [
        ("<slc:bytes> +7\n</slc:bytes>", Some(file.clone())),
        ("<slc:bytes>-0</slc:bytes>", Some(CompressedFile { bytes: 0, ..file.clone() })),
        ("<slc:other>7</slc:other><slc:bytes>7</slc:bytes>", Some(file.clone())),
    ] {
        assert_eq!(examined(bytes, to), (String::new(), read), "{to}");
    }
    assert_eq!(examined(&hex, &hex.to_uppercase()), (String::new(), Some(file.clone())));
    for (from, to, message, read) in [
        (bytes, "", "elements: SCHEMA there is slc:sha512 without slc:bytes", None),
        (&*sha512, "", "elements: SCHEMA there is slc:bytes without slc:sha512", None),
        (
            bytes,
            "<slc:bytes>7</slc:bytes><slc:bytes>8</slc:bytes>",
            "elements: SCHEMA rdf:Description must have at most 1 slc:bytes, it has 2",
            Some(&file),
        ),
        (
            &sha512,
            &sha512.repeat(3),
            "elements: SCHEMA rdf:Description must have at most 1 slc:sha512, it has 3",
            Some(&file),
        ),
        (
            bytes,
            "<slc:bytes>-7</slc:bytes>",
            "values: SCHEMA the value '-7' of slc:bytes is not a number of bytes",
            None,
        ),
        (
            bytes,
            "<slc:bytes>18446744073709551616</slc:bytes>",
            "values: SCHEMA the value '18446744073709551616' of slc:bytes is not a number of bytes",
            None,
        ),
        (bytes, "<slc:bytes/>", "values: SCHEMA the value '' of slc:bytes is not a number of bytes", None),
        (
            &hex,
            "0f",
            "values: SCHEMA the value '0f' of slc:sha512 is not a hexadecimal number of 128 digits",
            None,
        ),
        (
            "<slc:bytes>",
            "<slc:bytes xml:lang='en'>",
            "values: SCHEMA slc:bytes may not have the attribute lang",
            Some(&file),
        ),
        (
            "<slc:sha512>",
            "<slc:sha512 rdf:datatype='urn:x'>",
            "values: SCHEMA slc:sha512 may not have the attribute datatype",
            Some(&file),
        ),
        (&hex, &format!("{hex}<slc:x/>"), "values: SCHEMA unexpected slc:x in slc:sha512", Some(&file)),
    ] {
        let (errors, found) = examined(from, to);
        assert_eq!(errors, message.replace("SCHEMA", schema), "{to}");
        assert_eq!(found.as_ref(), read, "{to}");
    }
}

/// C6: nothing is written for what is not known, neither elements nor checksums.
#[test]
fn c6_empty_elements_are_left_out() {
    let only_sha1 = ImageDigests::read(&b"x"[..], &[]).unwrap();
    let metadata = Metadata::builder(&only_sha1).os("").creator("").location("").image_type("").build();
    let document = metadata.to_rdf().unwrap();
    for absent in ["slterms:os", "dcterms:creator", "slterms:location", "MD5", "slterms:deprecated", "></"] {
        assert!(!document.contains(absent), "{absent}");
    }
    assert_eq!(texts(&document, &["Description", "type"]), ["base"]);
    assert_eq!(texts(&document, &["Description", "checksum", "algorithm"]), ["SHA-1"]);
}

/// C3: every location is written.
#[test]
fn c3_all_locations_are_kept() {
    let document = full().to_rdf().unwrap();
    assert_eq!(
        texts(&document, &["Description", "location"]),
        ["http://example.org/a?x=1&y=2", "ftp://example.org/a"]
    );
}

#[test]
fn an_endorsement_and_a_deprecation_are_written_when_there() {
    let metadata = endorsed();
    let document = metadata.to_rdf().unwrap();
    let endorser = ["Description", "endorsement", "endorser"];
    assert_eq!(
        texts(&document, &[&endorser[..], &["subject"]].concat()),
        [metadata.endorsement.unwrap().endorser.subject.as_str()]
    );
    assert_eq!(texts(&document, &["Description", "endorsement", "created"]), ["2011-02-01T00:00:00Z"]);
    assert_eq!(texts(&document, &["Description", "deprecated"]), [""]);
}

/// What is written keeps every rule and is read back as it was.
fn assert_round_trip(metadata: &Metadata) {
    let stage = if metadata.endorsement.is_some() { Stage::Endorsed } else { Stage::Unsigned };
    let document = metadata.to_rdf().unwrap();
    let (findings, read) = Metadata::examine(&xml::parse(&document).unwrap(), stage);
    assert!(findings.iter().all(|finding| finding.errors.is_empty()), "{findings:?}");
    assert_eq!(read.as_ref(), Some(metadata));
}

#[test]
fn what_is_written_keeps_every_rule() {
    assert_round_trip(&full());
    assert_round_trip(&Metadata::builder(&digests(b"")).build());
    assert_round_trip(&endorsed());
}

/// C2: what XML cannot carry is refused, not written.
#[test]
fn c2_characters_xml_has_no_form_for_are_refused() {
    for (character, bad) in
        [('\0', true), ('\x1b', true), ('\u{fffe}', true), ('\u{ffff}', true), ('\x0c', true)]
            .into_iter()
            .chain(['\t', '\n', '\r', '\x7f', '\u{85}', '\u{fffd}', '😀'].map(|c| (c, false)))
    {
        let metadata = Metadata::builder(&digests(b"")).title(format!("a{character}b")).build();
        let refused = RdfError::Character { element: "dcterms:title", character };
        assert_eq!(metadata.to_rdf().err(), bad.then_some(refused), "{character:?}");
    }
}

proptest! {
    /// C2: every other text is read back as it was given.
    #[test]
    fn c2_text_is_escaped(text in "([^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x{fffe}\\x{ffff}]|[<>&\"'\r\n\t]|]]>){1,40}") {
        let document = Metadata::builder(&digests(b"")).description(text.clone()).build().to_rdf().unwrap();
        prop_assert_eq!(texts(&document, &["Description", "description"]), [text.clone()]);
        let Metadata { identifier, .. } = full();
        assert_round_trip(
            &Metadata::builder(&digests(text.as_bytes()))
                .image_type(&text).kind(&text).os(&text).os_version(&text).os_arch(&text).version(&text)
                .compression(&text).location(&text).format(&text).creator(&text).title(&text).tag(&text)
                .description(&text).hypervisor(&text).disks_bus(&text).publisher(&text)
                .replaces(identifier).is_version_of(identifier).build(),
        );
    }
}

/// An entry is compared with the image, both sides of every difference told.
#[test]
fn an_image_that_is_not_the_one_described_is_found_out() {
    let mut metadata = full();
    assert_eq!(digests(b"hello world\n").check(&metadata), Ok(()));
    let mismatches = digests(b"hello").check(&metadata).unwrap_err();
    assert_eq!(mismatches.len(), 6);
    assert_eq!(mismatches[1], ImageMismatch::Bytes { stated: 12, found: 5 });

    let wrong = "0".repeat(32);
    metadata.checksums[0] = Checksum::from_hex(ChecksumAlgorithm::Md5, &wrong).unwrap();
    let mismatches = digests(b"hello world\n").check(&metadata).unwrap_err();
    let (algorithm, found) = (ChecksumAlgorithm::Md5, "6f5902ac237024bdd0c176cb93063dc4".to_owned());
    assert_eq!(mismatches, [ImageMismatch::Checksum { algorithm, stated: wrong, found }]);

    let unread = ImageDigests::read(&b"hello world\n"[..], &[ChecksumAlgorithm::Md5]).unwrap();
    let mismatches = unread.check(&full()).unwrap_err();
    let not_computed = |algorithm| ImageMismatch::NotComputed { algorithm };
    assert_eq!(mismatches, [ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Sha512].map(not_computed));
}
