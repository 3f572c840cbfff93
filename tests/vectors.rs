//! The originals' own documents, from the folder named by `STRATUSLAB_VECTORS`: each has one
//! exact verdict. They are not part of this project, so without the folder nothing is tested.

#![allow(clippy::unwrap_used, reason = "a test without its document has failed")]

use std::{fs, path::PathBuf};

use stratuslab::{
    Timestamp,
    dsig::AlgorithmPolicy,
    validate::{Options, Outcome, Report, validate},
};

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("STRATUSLAB_VECTORS")
        .map(|folder| PathBuf::from(folder).join("stratuslab-metadata"));
    if folder.is_none() {
        eprintln!("skipped: STRATUSLAB_VECTORS names no folder with the originals' documents");
    }
    folder
}

fn judge(name: &str, change: impl FnOnce(&mut Options)) -> Option<Report> {
    let document = fs::read(folder()?.join(name)).unwrap();
    let mut options = Options::new(Timestamp::now());
    change(&mut options);
    Some(validate(&document, &options))
}

fn reason(report: &Report) -> &str {
    report.deciding().map_or("valid", |check| check.message.as_deref().unwrap_or_default())
}

#[test]
fn signed_documents_need_sha1_to_be_allowed() {
    for name in ["valid-full-signature.xml", "valid-ca-signed.xml"] {
        let Some(report) = judge(name, |_| {}) else { return };
        assert_eq!(
            reason(&report),
            "rsa-sha1 is not accepted: SHA-1 no longer protects signatures",
            "{name}"
        );
        let report = judge(name, |options| options.policy = AlgorithmPolicy::new(true)).unwrap();
        assert_eq!(reason(&report), "valid", "{name}");
        assert!(report.notes().any(|note| note.starts_with("the entry expired at 20")), "{name}");
        assert!(report.into_verified().is_ok(), "{name}");
    }
}

#[test]
fn an_empty_signature_is_invalid() {
    let Some(report) = judge("valid-minimal-signature.xml", |_| {}) else { return };
    assert_eq!(reason(&report), "invalid signature element: Signature lacks SignedInfo");
}

#[test]
fn unsigned_documents_follow_the_rules() {
    for (name, has_valid) in [
        ("valid-minimal.xml", false),
        ("valid-full.xml", true),
        ("valid-full-alt-cimi.xml", true),
        ("valid-minimal-leading-zero-sha1.xml", false),
        ("valid-minimal-empty-endorsement.xml", false),
    ] {
        let Some(report) = judge(name, |_| {}) else { return };
        assert_eq!(reason(&report), "no signature", "{name}");
        let report = judge(name, |options| options.signed = false).unwrap();
        assert_eq!(reason(&report), "valid", "{name}");
        let noted = report.notes().any(|note| note.starts_with("there is no dcterms:valid"));
        assert_eq!(noted, !has_valid, "{name}");
        assert!(report.into_verified().is_err(), "{name}: unsigned is never verified");
    }
}

#[test]
fn invalid_documents_are_refused_for_the_rule_in_their_name() {
    for (name, rule, message) in [
        (
            "invalid-bad-about-id.xml",
            "about",
            "rdf:about attribute (#MMZu9WvwKIro-rtBQ) and dcterms:identifier (MMZu9WvwKIro-rtBQfDk4PsKO7_) are not consistent",
        ),
        (
            "invalid-bad-icmp-value.xml",
            "values",
            "XML schema validation exception: the value '65536' of slterms:icmp is not an ICMP type from 0 to 255",
        ),
        (
            "invalid-created-date-1.xml",
            "endorsement-date",
            "dcterms:created value (2011-01-24X09:59:42Z) is not a valid date",
        ),
        ("invalid-dcterms-type.xml", "type", "dcterms:type cannot have child elements"),
        (
            "invalid-inconsistent-checksum.xml",
            "identifier-sha1",
            "checksum from identifier (1113827081651840475597112894378558741689028636415) and SHA-1 checksum (1113827081651840475597112894378558741689028636414) are not consistent",
        ),
        ("invalid-multiple-os.xml", "single-elements", "description must have at most 1 slterms:os element"),
        (
            "invalid-no-endorser.xml",
            "values",
            "XML schema validation exception: slreq:endorsement must have exactly 1 slreq:endorser, it has 0",
        ),
        ("invalid-rdf-resource.xml", "rdf", "invalid RDF/XML: "),
    ] {
        let Some(report) = judge(name, |options| options.signed = false) else { return };
        let check = report.checks().iter().find(|check| check.name == rule).unwrap();
        assert_eq!(check.outcome, Outcome::Failed, "{name}");
        let found = check.message.as_deref().unwrap_or_default();
        assert!(found.starts_with(message), "{name}: {found}");
    }
}
