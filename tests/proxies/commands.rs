//! The commands with a proxy file as grid tools write it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::{
    authority::{INHERIT_ALL, certificate, draft, proxy},
    entry::plain,
    folder::{Done, Folder},
    grid::{EMAIL, Grid, JANE, PROXY, current, file, for_days, grid, of},
    loopback,
    pki::{Identity, Kind},
};

const NOTE: &str = "note: signing with a proxy certificate of 'CN=Jane,O=StratusLab,C=FR': validators accept that \
                    with trust anchors only (--require trusted), older ones and Marketplaces not at all\n";
const SIGNED: &str = "Manifest file successfully signed: image.xml\n";

/// A folder with an entry, the anchor and a proxy's file.
fn folder(grid: &Grid, file: impl AsRef<[u8]>) -> Folder {
    let folder = Folder::new();
    folder.write("image.xml", loopback::unsigned(Some("2999-01-01T00:00:00Z")));
    folder.write("ca.pem", grid.root.certificate_pem());
    folder.write("x509up", file);
    fs::set_permissions(folder.path("x509up"), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn sign(folder: &Folder, arguments: &[&str]) -> Done {
    folder.run("sign-metadata", &[&["--pem-cert", "x509up"], arguments, &["image.xml"]].concat())
}

fn validate(folder: &Folder, arguments: &[&str]) -> Done {
    folder.run("validate-metadata", &[arguments, &["image.xml"]].concat())
}

const TRUSTED: [&str; 4] = ["--require", "trusted", "--ca-file", "ca.pem"];

#[test]
fn a_grid_user_signs_with_a_proxy_and_is_trusted() {
    let grid = grid();
    for kind in [Kind::Rsa2048, Kind::P256] {
        let one = file(&grid.proxy(kind), &[&grid.end_entity, &grid.middle]);
        let [two, issuer] = grid.two(kind);
        let two = file(&two, &[&issuer, &grid.end_entity, &grid.middle]);
        for file in [one, two] {
            let folder = folder(&grid, file);
            sign(&folder, &["--include-chain"]).ended(0, SIGNED, NOTE);
            validate(&folder, &TRUSTED).ended(0, "Valid: image.xml\n", "");
            let by = [&TRUSTED[..], &["--endorsed-by", EMAIL]].concat();
            validate(&folder, &by).ended(0, "Valid: image.xml\n", "");
        }
    }
}

#[test]
fn json_tells_the_proxy_and_its_end_entity() {
    let grid = grid();
    let proxy = grid.proxy(Kind::P256);
    let folder = folder(&grid, file(&proxy, &[&grid.end_entity, &grid.middle]));
    let signed = sign(&folder, &["--json", "-q", "--include-chain"]).json();
    let valid = validate(&folder, &[&["--json"], &TRUSTED[..]].concat()).json();
    let fingerprint = |identity: &Identity| Value::from(certificate(identity).sha256_fingerprint());
    for object in [&signed[0], &valid[0]] {
        assert_eq!(object["certificate"]["subject"], PROXY);
        assert_eq!(object["certificate"]["sha256_fingerprint"], fingerprint(&proxy));
        assert_eq!(object["endorser_certificate"]["subject"], JANE);
        assert_eq!(object["endorser_certificate"]["sha256_fingerprint"], fingerprint(&grid.end_entity));
        assert_eq!(object["endorser"]["subject"], JANE);
        assert_eq!(object["endorser"]["email"], EMAIL);
    }
    // Who is no proxy's end entity is told once.
    folder.write("x509up", [grid.end_entity.certificate_pem(), grid.end_entity.key_pem()].concat());
    let signed = sign(&folder, &["--json"]).json();
    assert_eq!(signed[0]["certificate"]["subject"], JANE);
    assert_eq!(signed[0].get("endorser_certificate"), None);
}

#[test]
fn without_trust_the_refusal_names_the_proxy() {
    let grid = grid();
    let folder = folder(&grid, file(&grid.proxy(Kind::P256), &[&grid.end_entity]));
    sign(&folder, &["-q"]).ended(0, SIGNED, "");
    for arguments in [&[][..], &["--ca-file", "ca.pem"]] {
        validate(&folder, arguments).failed(
            1,
            &format!(
                "Invalid: image.xml\nendorser inconsistency (subject): the certificate has '{PROXY}', the document \
                 '{JANE}'\nhint: it was signed with a proxy certificate, which counts only with --require trusted\n"
            ),
        );
    }
}

#[test]
fn with_trust_an_entry_that_a_proxy_signed_is_shown_as_trusted_and_without_as_invalid() {
    let grid = grid();
    let folder = folder(&grid, file(&grid.proxy(Kind::P256), &[&grid.end_entity, &grid.middle]));
    sign(&folder, &["-q", "--include-chain"]).ended(0, SIGNED, "");
    let show = |arguments: &[&str]| {
        folder.run("show-image", &[arguments, &["--metadata-file", "image.xml"]].concat())
    };
    let trusted = show(&["--ca-file", "ca.pem"]).succeeded();
    assert!(trusted.starts_with("verdict: trusted\n"), "{trusted}");
    let fingerprint = certificate(&grid.end_entity).sha256_fingerprint();
    assert!(trusted.contains(&format!("\ncertificate-of-endorser: {fingerprint}\n")), "{trusted}");
    let invalid = show(&[]);
    assert_eq!(invalid.status, Some(1));
    assert!(
        invalid.stdout.starts_with("verdict: invalid\nreason: endorser inconsistency"),
        "{}",
        invalid.stdout
    );
    // Nor by whoever is trusted, if that is somebody else.
    folder.write("ca.pem", crate::authority::authority("Other", None).self_signed().certificate_pem());
    let other = show(&["--ca-file", "ca.pem"]);
    assert_eq!(other.status, Some(1));
    assert!(other.stdout.starts_with("verdict: invalid\n"), "{}", other.stdout);
}

#[test]
fn an_address_that_is_not_used_is_told_of_the_end_entity() {
    let grid = grid();
    let folder = folder(&grid, file(&grid.proxy(Kind::P256), &[&grid.end_entity]));
    let told =
        format!("{NOTE}note: --email x@example.org is not used: the certificate's address is {EMAIL}\n");
    sign(&folder, &["--email", "x@example.org"]).ended(0, SIGNED, &told);
    let nameless = of(draft("Jane"));
    folder.write("x509up", file(&nameless.proxy(Kind::P256), &[&nameless.end_entity]));
    sign(&folder, &["--email", "x@example.org"]).ended(0, SIGNED, NOTE);
    assert!(
        sign(&folder, &["-v", "--email", "x@example.org"])
            .stderr
            .contains(&format!("endorsed by {JANE} with"))
    );
    // Only what is above the end entity counts as an issuer to include.
    let told = sign(&folder, &["--include-chain", "--email", "x@example.org"]).stderr;
    assert_eq!(
        told,
        format!("{NOTE}note: there is no issuer's certificate to include beside the endorser's\n")
    );
}

#[test]
fn what_cannot_sign_is_refused_before_anything_is_changed() {
    let grid = grid();
    let limited =
        current(proxy(&grid.jane, "1", "1.3.6.1.4.1.3536.1.1.1.9", None)).issued_by(&grid.end_entity);
    let legacy = current(crate::authority::named_after(&grid.jane, "proxy")).issued_by(&grid.end_entity);
    let malformed =
        current(proxy(&grid.jane, "1", INHERIT_ALL, None)).email(EMAIL).issued_by(&grid.end_entity);
    let above = [&grid.end_entity, &grid.middle];
    for (file, told) in [
        (
            file(&grid.proxy(Kind::P256), &[&grid.middle]),
            format!(
                "the certificate of '{JANE}', who issued the proxy certificate '{PROXY}', is missing\nhint: the file \
                 has to hold the certificates from the proxy's issuer to the end entity, as grid-proxy-init and \
                 voms-proxy-init write it\n"
            ),
        ),
        (
            file(&limited, &above),
            format!(
                "the proxy certificate '{PROXY}' is limited: '{JANE}' did not give it all rights\nhint: sign with a \
                 proxy that has all rights, or with the end entity's certificate\n"
            ),
        ),
        (
            file(&legacy, &above),
            format!(
                "the proxy certificate 'CN=proxy,{JANE}' is of the kind before RFC 3820 (Globus 2), which is not \
                 accepted\nhint: make one of RFC 3820: voms-proxy-init -rfc, or grid-proxy-init -rfc\n"
            ),
        ),
        (
            file(&malformed, &above),
            format!("the proxy certificate '{PROXY}' has a subjectAltName, which a proxy may not have\n"),
        ),
    ] {
        let folder = folder(&grid, file);
        let before = fs::read(folder.path("image.xml")).unwrap();
        // Nor is it an expired certificate, which may sign if one insists.
        for arguments in [&[][..], &["--allow-expired-certificate"]] {
            sign(&folder, arguments).failed(4, &format!("error: x509up: {told}"));
        }
        assert_eq!(fs::read(folder.path("image.xml")).unwrap(), before);
        assert!(!folder.names().contains(&"image.xml.orig".to_owned()));
    }
}

#[test]
fn an_expired_proxy_is_told_from_an_expired_end_entity() {
    let grid = grid();
    let expired = for_days(grid.draft(), -3, -2).issued_by(&grid.end_entity);
    let folder = folder(&grid, file(&expired, &[&grid.end_entity, &grid.middle]));
    let done = sign(&folder, &[]);
    assert_eq!(done.status, Some(4));
    let start = format!("error: x509up: the certificate of '{PROXY}' expired at ");
    assert!(done.stderr.starts_with(&start), "{}", done.stderr);
    let end = "\nhint: make a new proxy: nothing that an expired one signs is ever accepted\n";
    assert!(done.stderr.ends_with(end), "{}", done.stderr);
    let jane = for_days(grid.jane.clone(), -3, -2).issued_by(&grid.middle);
    folder.write("x509up", file(&grid.proxy(Kind::P256), &[&jane]));
    let done = sign(&folder, &[]);
    let start = format!("error: x509up: the certificate of '{JANE}' expired at ");
    assert!(done.stderr.starts_with(&start), "{}", done.stderr);
    assert!(
        done.stderr.ends_with("\nhint: --allow-expired-certificate signs all the same\n"),
        "{}",
        done.stderr
    );
    // The hint is right.
    folder.write("x509up", file(&expired, &[&grid.end_entity, &grid.middle]));
    let done = sign(&folder, &["--allow-expired-certificate", "--include-chain"]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let done = validate(&folder, &TRUSTED);
    let start = format!(
        "Invalid: image.xml\nthe signature was made with a proxy certificate: '{PROXY}' had expired at "
    );
    assert!(done.stderr.starts_with(&start), "{}", done.stderr);
}

#[test]
fn an_entry_of_any_author_is_signed() {
    let grid = grid();
    let folder = folder(&grid, file(&grid.proxy(Kind::P256), &[&grid.end_entity]));
    folder.write("image.xml", plain());
    sign(&folder, &[]).ended(0, SIGNED, NOTE);
}

/// `openssl` makes the proxy, with names in other string types than its issuer's.
#[test]
fn a_proxy_that_openssl_made_signs() {
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, openssl makes no proxy");
        return;
    }
    let grid = grid();
    let folder = folder(&grid, "");
    folder.write("jane.pem", [grid.end_entity.certificate_pem(), grid.end_entity.key_pem()].concat());
    folder.write("middle.pem", grid.middle.certificate_pem());
    folder.write(
        "extensions",
        "proxyCertInfo=critical,language:id-ppl-inheritAll\nkeyUsage=critical,digitalSignature\n",
    );
    let made = folder.shell(
        "openssl req -new -nodes -newkey rsa:2048 -subj /C=FR/O=StratusLab/CN=Jane/CN=42 -keyout key.pem \
         -out request.pem &&
         openssl x509 -req -in request.pem -CA jane.pem -CAkey jane.pem -set_serial 42 -days 1 \
         -extfile extensions -out proxy.pem &&
         cat proxy.pem key.pem jane.pem middle.pem | sed '/BEGIN PRIVATE/,/END PRIVATE/d' > certificates &&
         cat certificates key.pem > x509up",
    );
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    sign(&folder, &["-q", "--include-chain"]).ended(0, SIGNED, "");
    validate(&folder, &TRUSTED).ended(0, "Valid: image.xml\n", "");
}
