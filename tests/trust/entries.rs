//! Entries, judged as a whole: who signed, for whom, and who says so.

use std::fs;

use stratuslab::{
    dsig::VerifyError,
    trust::{Anchors, PathError, Pin, PinMismatch, ProxyError},
    validate::{Options, Outcome, Report, Requirement, validate},
};

use crate::{
    authority::{Draft, INHERIT_ALL, List, authority, certificate, date, draft, proxy},
    forge::{Forgery, x509_data},
    judge::pem,
    pki::{Identity, Kind, key, new_key},
};

const NOW: &str = "2021-02-01T00:00:00Z";
const EMAIL: &str = "jane@example.org";

/// An entry that `endorser` endorsed and the holder of the first of these certificates signed.
pub(crate) fn entry(endorser: &Identity, certificates: &[&Identity]) -> String {
    let signer = certificates[0];
    Forgery { key: signer.key.clone(), key_info: x509_data(certificates), ..Forgery::of(endorser) }.document()
}

/// The one RSA key, or a new one: the signer here makes no other signatures.
pub(crate) fn rsa(draft: Draft) -> Draft {
    draft.key(&key(Kind::Rsa2048))
}

struct Grid {
    root: Identity,
    middle: Identity,
    jane: Draft,
    end_entity: Identity,
}

fn grid() -> Grid {
    let root = authority("Root", None).self_signed();
    let middle = authority("Middle", None).issued_by(&root);
    let jane = rsa(draft("Jane").email(EMAIL));
    let end_entity = jane.issued_by(&middle);
    Grid { root, middle, jane, end_entity }
}

fn anchors(certificates: &[&Identity], lists: &[List<'_>]) -> Anchors {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut anchors = Anchors::new();
    fs::write(&file, pem(certificates)).unwrap();
    anchors.add_pem_file(&file).unwrap();
    for list in lists {
        fs::write(&file, list.der()).unwrap();
        anchors.add_crl_file(&file).unwrap();
    }
    anchors
}

fn report(document: &str, anchors: Option<&Anchors>, require: &[Requirement], pins: &[Pin]) -> Report {
    let mut options = Options::new(date(NOW));
    (options.anchors, options.require, options.endorsers) = (anchors, require.to_vec(), pins);
    validate(document.as_bytes(), &options)
}

/// The check that decides, and what it says.
fn decided(report: &Report) -> Option<(&str, &str)> {
    report.deciding().map(|check| (check.name, check.message.as_deref().unwrap_or_default()))
}

fn outcome(report: &Report, name: &str) -> Outcome {
    report.checks().iter().find(|check| check.name == name).unwrap().outcome
}

/// What is wrong with the proxy that signed.
fn proxy_error(report: &Report) -> Option<&PathError> {
    match report.signature_error()? {
        VerifyError::Proxy(error) => Some(error),
        _ => None,
    }
}

const TRUSTED: &[Requirement] = &[Requirement::Trusted];

#[test]
fn an_entry_is_trusted_by_a_path_through_its_own_certificates() {
    let grid = grid();
    let trusted = anchors(&[&grid.root], &[]);
    let document = entry(&grid.end_entity, &[&grid.end_entity, &grid.middle]);
    let judged = report(&document, Some(&trusted), TRUSTED, &[]);
    assert_eq!(decided(&judged), None);
    assert_eq!(judged.path().unwrap().as_ref().unwrap().certificates().len(), 3);
    let check = judged.checks().iter().find(|check| check.name == "trusted").unwrap();
    assert_eq!(
        check.message.as_deref(),
        Some("a path leads to 'CN=Root,O=StratusLab,C=FR'; without CRLs, revocation was not checked")
    );
    assert_eq!(judged.into_verified().unwrap().evidence().endorser, certificate(&grid.end_entity));
    // Nobody brought the authority on the way.
    let document = entry(&grid.end_entity, &[&grid.end_entity]);
    let reason = "no path to a trust anchor: 'CN=Jane,O=StratusLab,C=FR' was issued by 'CN=Middle,O=StratusLab,C=FR', \
                  who is not the trust anchor";
    let judged = report(&document, Some(&trusted), TRUSTED, &[]);
    assert_eq!(decided(&judged), Some(("trusted", reason)));
    assert!(matches!(judged.path(), Some(Err(PathError::NoPath { .. }))));
    // Not asked for, it is worth a note.
    let judged = report(&document, Some(&trusted), &[], &[]);
    assert_eq!(decided(&judged), None);
    assert!(judged.notes().any(|note| note == reason));
    assert_eq!(outcome(&report(&document, None, &[], &[]), "trusted"), Outcome::Skipped);
    let judged = report(&document, None, TRUSTED, &[]);
    assert_eq!(decided(&judged), Some(("trusted", "there are no trust anchors to judge its certificate by")));
}

#[test]
fn the_signer_chose_the_date_and_revocation_does_not_care() {
    let grid = grid();
    let lists =
        [List::of(&grid.root), List::of(&grid.middle).revoking(&grid.end_entity, "2018-01-01T00:00:00Z")];
    let trusted = anchors(&[&grid.root], &lists);
    let document = entry(&grid.end_entity, &[&grid.end_entity, &grid.middle]);
    let judged = report(&document, Some(&trusted), TRUSTED, &[]);
    assert!(matches!(judged.path(), Some(Err(PathError::Revoked { stamped: None, .. }))));
    assert_eq!(decided(&judged).map(|(name, _)| name), Some("trusted"));
}

#[test]
fn decision_3_a_proxy_stands_for_its_end_entity_only_if_trust_is_required() {
    let grid = grid();
    let signer_key = new_key(Kind::Rsa2048);
    let leaf = proxy(&grid.jane, "1", INHERIT_ALL, None).key(&signer_key).issued_by(&grid.end_entity);
    let document = entry(&grid.end_entity, &[&leaf, &grid.end_entity, &grid.middle]);
    let trusted = anchors(&[&grid.root], &[List::of(&grid.root), List::of(&grid.middle)]);
    let judged = report(&document, Some(&trusted), TRUSTED, &[EMAIL.parse().unwrap()]);
    assert_eq!(decided(&judged), None);
    let check = judged.checks().iter().find(|check| check.name == "trusted").unwrap();
    assert_eq!(
        check.message.as_deref(),
        Some(
            "a path leads to 'CN=Root,O=StratusLab,C=FR', by a proxy of 'CN=Jane,O=StratusLab,C=FR'; no CRL lists it, \
             but one that has expired may have been taken off"
        )
    );
    let evidence = judged.evidence().unwrap();
    assert_eq!(
        (&evidence.certificate, &evidence.endorser),
        (&certificate(&leaf), &certificate(&grid.end_entity))
    );
    // The fingerprint that counts is the end entity's.
    for (identity, fits) in [(&grid.end_entity, true), (&leaf, false)] {
        let pin = certificate(identity).sha256_fingerprint().parse().unwrap();
        assert_eq!(decided(&report(&document, Some(&trusted), TRUSTED, &[pin])).is_none(), fits);
    }
    // Whatever is not asked for, the names differ.
    for anchors in [None, Some(&trusted)] {
        let judged = report(&document, anchors, &[], &[]);
        assert!(matches!(
            judged.signature_error(),
            Some(VerifyError::EndorserMismatch { part: "subject", certificate, .. })
                if certificate == "CN=1,CN=Jane,O=StratusLab,C=FR"
        ));
    }
    // It stands for nobody else.
    let joe = rsa(draft("Joe").email("joe@example.org")).issued_by(&grid.middle);
    let other = entry(&joe, &[&leaf, &grid.end_entity, &grid.middle]);
    let judged = report(&other, Some(&trusted), TRUSTED, &[]);
    assert!(matches!(judged.signature_error(), Some(VerifyError::EndorserMismatch { .. })));
    // Nor for anyone whom nobody knows.
    let nobody = anchors(&[&authority("Other", None).self_signed()], &[]);
    let judged = report(&document, Some(&nobody), TRUSTED, &[]);
    assert!(matches!(proxy_error(&judged), Some(PathError::NoPath { .. })));
    let limited = proxy(&grid.jane, "1", "1.3.6.1.4.1.3536.1.1.1.9", None).key(&signer_key);
    let limited = limited.issued_by(&grid.end_entity);
    let judged = report(
        &entry(&grid.end_entity, &[&limited, &grid.end_entity, &grid.middle]),
        Some(&trusted),
        TRUSTED,
        &[],
    );
    assert_eq!(
        decided(&judged),
        Some((
            "signature",
            "the signature was made with a proxy certificate: the proxy certificate 'CN=1,CN=Jane,O=StratusLab,C=FR' is \
             limited: 'CN=Jane,O=StratusLab,C=FR' did not give it all rights"
        ))
    );
    assert!(matches!(proxy_error(&judged), Some(PathError::Proxy(ProxyError::Limited { .. }))));
}

#[test]
fn a_proxy_of_a_revoked_certificate_is_refused() {
    let grid = grid();
    let leaf = proxy(&grid.jane, "1", INHERIT_ALL, None).key(&new_key(Kind::Rsa2048));
    let leaf = leaf.issued_by(&grid.end_entity);
    let document = entry(&grid.end_entity, &[&leaf, &grid.end_entity, &grid.middle]);
    let lists =
        [List::of(&grid.root), List::of(&grid.middle).revoking(&grid.end_entity, "2018-01-01T00:00:00Z")];
    let judged = report(&document, Some(&anchors(&[&grid.root], &lists)), TRUSTED, &[]);
    assert!(matches!(judged.path(), Some(Err(PathError::Revoked { .. }))));
    assert_eq!(decided(&judged).map(|(name, _)| name), Some("trusted"));
}

#[test]
fn decision_4_a_pinned_name_counts_on_a_verified_path_alone() {
    let grid = grid();
    let trusted = anchors(&[&grid.root], &[]);
    let document = entry(&grid.end_entity, &[&grid.end_entity, &grid.middle]);
    // The same names, and nobody behind them.
    let impostor = rsa(draft("Jane").email(EMAIL)).issued_by(&authority("Middle", None).self_signed());
    let forged = entry(&impostor, &[&impostor]);
    let fingerprint = certificate(&grid.end_entity).sha256_fingerprint();
    for text in [EMAIL, "CN=Jane,O=StratusLab,C=FR", fingerprint.as_str()] {
        let pins = [text.parse().unwrap()];
        assert_eq!(decided(&report(&document, Some(&trusted), &[], &pins)), None, "{text}");
        let judged = report(&forged, Some(&trusted), &[], &pins);
        assert_eq!(decided(&judged).map(|(name, _)| name), Some("endorsed-by"), "{text}");
        let without = report(&document, None, &[], &pins);
        if text == fingerprint {
            assert!(matches!(judged.endorser_mismatch(), Some(PinMismatch::Other { .. })));
            assert_eq!(decided(&without), None);
        } else {
            assert!(matches!(judged.endorser_mismatch(), Some(PinMismatch::Untrusted { .. })));
            assert!(matches!(without.endorser_mismatch(), Some(PinMismatch::Untrusted { .. })));
        }
    }
    // Without a signature nobody is known to endorse it.
    let mut options = Options::new(date(NOW));
    let pins = [EMAIL.parse().unwrap()];
    (options.signed, options.endorsers) = (false, &pins);
    let judged = validate(document.as_bytes(), &options);
    assert_eq!(decided(&judged).map(|(name, _)| name), Some("endorsed-by"));
}
