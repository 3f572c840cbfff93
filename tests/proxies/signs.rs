//! Whose endorsement a proxy makes, what goes with it, and who accepts it.

use std::{fs, process::Command};

use openssl::x509::X509;
use stratuslab::{
    Certificate, Credentials, Metadata, Password, Timestamp,
    dsig::{self, AlgorithmPolicy, SignError, SignRequest, Verified, VerifyError, sign, verify},
    metadata::rules::Leniency,
    trust::{Anchors, PathError},
    validate::{Options, Report, Requirement, validate},
};

use crate::{
    authority::{certificate, draft},
    entry::{self, plain},
    grid::{EMAIL, Grid, JANE, PROXY, certificates, credentials, for_days, grid, of},
    pki::{Identity, Kind, new_key},
};

fn signed(proxy: &Identity, above: &[&Identity], include_chain: bool) -> Verified<Metadata> {
    let credentials = credentials(proxy, above);
    sign(plain().as_bytes(), &request(&credentials, include_chain)).unwrap()
}

fn request(credentials: &Credentials, include_chain: bool) -> SignRequest<'_> {
    SignRequest {
        credentials,
        method: None,
        email: None,
        created: Timestamp::now(),
        leniency: Leniency::Strict,
        include_chain,
    }
}

fn pem(identities: &[&Identity]) -> Vec<u8> {
    identities.iter().flat_map(|identity| identity.certificate_pem()).collect()
}

/// The verdict with these anchors and trust required.
fn trusted(document: &[u8], anchors: &[&Identity]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, pem(anchors)).unwrap();
    let mut trusted = Anchors::new();
    trusted.add_pem_file(&file).unwrap();
    let mut options = Options::new(Timestamp::now());
    (options.anchors, options.require) = (Some(&trusted), vec![Requirement::Trusted]);
    validate(document, &options)
}

/// xmlsec1 verifies the signature by the first certificate, and OpenSSL the path from there.
#[track_caller]
fn judged(document: &[u8], anchors: &[&Identity]) {
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, xmlsec1 and openssl judge nothing");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: Vec<u8>| fs::write(folder.path().join(name), content).unwrap();
    let found = certificates(std::str::from_utf8(document).unwrap());
    let pem = |certificate: &Certificate| X509::from_der(certificate.der()).unwrap().to_pem().unwrap();
    let (first, others) = found.split_first().unwrap();
    write("entry.xml", document.to_owned());
    write("first.pem", pem(first));
    write("others.pem", others.iter().flat_map(pem).collect());
    write("anchors.pem", self::pem(anchors));
    let commands: [&[&str]; 3] = [
        &["xmlsec1", "--verify", "--insecure", "entry.xml"],
        &["xmlsec1", "--verify", "--pubkey-cert-pem", "first.pem", "entry.xml"],
        &[
            "openssl",
            "verify",
            "-allow_proxy_certs",
            "-no-CApath",
            "-CAfile",
            "anchors.pem",
            "-untrusted",
            "others.pem",
            "first.pem",
        ],
    ];
    for command in commands {
        let done = Command::new(command[0]).args(&command[1..]).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Everything about an entry that a proxy signed for Jane.
#[track_caller]
fn counts_as_janes(entry: &Verified<Metadata>, grid: &Grid, anchors: &[&Identity]) {
    let end_entity = certificate(&grid.end_entity);
    let endorser = &entry.endorsement.as_ref().unwrap().endorser;
    assert_eq!(
        (endorser.subject.as_str(), &endorser.issuer, endorser.email.as_str()),
        (JANE, end_entity.issuer(), EMAIL)
    );
    assert_eq!(entry.evidence().endorser, end_entity);
    // Trust makes it valid, and nothing else does.
    let report = trusted(entry.document(), anchors);
    assert!(report.deciding().is_none(), "{:?}", report.deciding());
    assert_eq!(report.path().unwrap().as_ref().unwrap().end_entity(), Some(&end_entity));
    assert_eq!(report.into_verified().unwrap().evidence().endorser, end_entity);
    let refused = |error: Option<&VerifyError>| {
        matches!(error, Some(VerifyError::EndorserMismatch { part: "subject", proxy: true, certificate, .. })
            if certificate == entry.certificate().subject().as_str())
    };
    assert!(refused(verify(entry.document(), &AlgorithmPolicy::default()).err().as_ref()));
    let report = validate(entry.document(), &Options::new(Timestamp::now()));
    assert!(refused(report.signature_error()));
    judged(entry.document(), anchors);
}

#[test]
fn an_entry_names_the_end_entity_and_carries_the_certificates_down_to_it() {
    let grid = grid();
    for kind in [Kind::Rsa2048, Kind::P256] {
        let one = grid.proxy(kind);
        let [two, issuer] = grid.two(kind);
        for signers in [vec![&one, &grid.end_entity], vec![&two, &issuer, &grid.end_entity]] {
            for include_chain in [false, true] {
                // The authorities in the file go with the entry only if that is asked for.
                let above = [&signers[1..], &[&grid.root, &grid.middle]].concat();
                let entry = signed(signers[0], &above, include_chain);
                let between: &[&Identity] = if include_chain { &[&grid.middle] } else { &[] };
                let expected: Vec<_> =
                    signers.iter().chain(between).map(|identity| certificate(identity)).collect();
                let document = std::str::from_utf8(entry.document()).unwrap();
                assert_eq!(certificates(document), expected, "{kind:?} {include_chain}");
                let anchors: &[&Identity] =
                    if include_chain { &[&grid.root] } else { &[&grid.root, &grid.middle] };
                counts_as_janes(&entry, &grid, anchors);
            }
        }
    }
}

#[test]
fn nobody_reaches_an_anchor_without_the_authority_on_the_way() {
    let grid = grid();
    let entry = signed(&grid.proxy(Kind::P256), &[&grid.end_entity, &grid.middle], false);
    let report = trusted(entry.document(), &[&grid.root]);
    assert!(
        matches!(report.signature_error(), Some(VerifyError::Proxy(error)) if matches!(**error, PathError::NoPath { .. })),
        "{:?}",
        report.signature_error()
    );
}

#[test]
fn the_address_is_the_end_entitys_or_the_one_given() {
    let nameless = of(draft("Jane"));
    let credentials = credentials(&nameless.proxy(Kind::P256), &[&nameless.end_entity]);
    let error = sign(plain().as_bytes(), &request(&credentials, false)).unwrap_err();
    assert!(matches!(error, SignError::NoEmail), "{error}");
    let email = "other@example.org".parse().unwrap();
    let with_email = SignRequest { email: Some(&email), ..request(&credentials, false) };
    let entry = sign(plain().as_bytes(), &with_email).unwrap();
    assert_eq!(entry.endorsement.as_ref().unwrap().endorser.email, email);
    // The certificate's own comes first.
    let grid = grid();
    let credentials = self::credentials(&grid.proxy(Kind::P256), &[&grid.end_entity]);
    let entry = sign(plain().as_bytes(), &SignRequest { credentials: &credentials, ..with_email }).unwrap();
    assert_eq!(entry.endorsement.as_ref().unwrap().endorser.email.as_str(), EMAIL);
}

/// Whoever has both the certificate before its renewal and the one after.
#[test]
fn the_issuer_is_the_one_whose_key_signed_the_proxy() {
    let grid = grid();
    let other_key = grid.jane.clone().key(&new_key(Kind::P256)).issued_by(&grid.middle);
    let renewed = for_days(grid.jane.clone(), -1, 30).issued_by(&grid.middle);
    let proxy = grid.proxy(Kind::P256);
    for above in [[&other_key, &grid.end_entity], [&grid.end_entity, &other_key]] {
        let above = [&above[..], &[&grid.middle]].concat();
        let entry = signed(&proxy, &above, true);
        let expected = [&proxy, &grid.end_entity, &grid.middle].map(certificate);
        assert_eq!(certificates(std::str::from_utf8(entry.document()).unwrap()), expected);
        counts_as_janes(&entry, &grid, &[&grid.root]);
    }
    // With the same key, the one that ends last.
    let credentials = credentials(&proxy, &[&grid.end_entity, &renewed]);
    assert_eq!(credentials.endorser().unwrap(), &certificate(&renewed));
    assert_eq!(credentials.intermediates().count(), 0);
}

#[test]
fn what_jane_signed_is_deprecated_with_her_proxy() {
    let grid = grid();
    let signed = entry::sign(plain().as_bytes(), &entry::credentials(&grid.end_entity), None).unwrap();
    let proxy = credentials(&grid.proxy(Kind::P256), &[&grid.end_entity]);
    let deprecated = dsig::deprecate(&signed, "old", &request(&proxy, false)).unwrap();
    assert_eq!(deprecated.deprecated.as_deref(), Some("old"));
    counts_as_janes(&deprecated, &grid, &[&grid.root, &grid.middle]);
    // And the other way round.
    let jane = entry::credentials(&grid.end_entity);
    let again = dsig::deprecate(&deprecated, "older", &request(&jane, false)).unwrap();
    assert!(verify(again.document(), &AlgorithmPolicy::default()).is_ok());
    // Joe's proxy is not Jane's.
    let joe = of(draft("Joe").email(EMAIL));
    let proxy = credentials(&joe.proxy(Kind::P256), &[&joe.end_entity]);
    let error = dsig::deprecate(&signed, "old", &request(&proxy, false)).unwrap_err();
    assert!(
        matches!(&error, SignError::NotEndorser { part: "subject", certificate, .. }
            if certificate.as_str() == "CN=Joe,O=StratusLab,C=FR"),
        "{error}"
    );
}

#[test]
fn a_proxy_among_pkcs12_certificates_signs_too() {
    let grid = grid();
    let proxy = grid.proxy(Kind::P256);
    let file = proxy.pkcs12_with_chain("pw", &[&grid.middle, &grid.end_entity]);
    let credentials = Credentials::from_pkcs12(&file, &Password::new("pw".to_owned())).unwrap();
    assert_eq!(credentials.certificate().subject().as_str(), PROXY);
    let entry = sign(plain().as_bytes(), &request(&credentials, true)).unwrap();
    counts_as_janes(&entry, &grid, &[&grid.root]);
}
