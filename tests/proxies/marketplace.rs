//! Marketplaces, which know no proxies, and the commands that talk to them.

use std::fs;

use crate::{
    folder::{Done, Folder},
    grid::{EMAIL, Grid, JANE, PROXY, file, grid},
    loopback::{IDENTIFIER, Marketplace, server::Facts, start, unsigned},
    pki::Kind,
};

const CREATED: &str = "2011-09-13T09:58:54Z";
const HINT: &str = "hint: it was signed with a proxy certificate, which counts only with --require trusted\n";

fn place(grid: &Grid) -> Folder {
    let folder = Folder::new();
    folder.write("image.xml", unsigned(Some("2999-01-01T00:00:00Z")));
    folder.write("x509up", file(&grid.proxy(Kind::P256), &[&grid.end_entity]));
    folder.write("jane.pem", file(&grid.end_entity, &[]));
    folder
}

fn sign(folder: &Folder, credentials: &str) {
    let done = folder.run("sign-metadata", &["-qq", "--pem-cert", credentials, "image.xml"]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
}

/// A Marketplace that has the signed entry, whatever it is, and takes everything or judges.
fn serving(folder: &Folder, judges: bool) -> (Marketplace, tempfile::TempDir) {
    let stored = tempfile::tempdir().unwrap();
    fs::copy(folder.path("image.xml"), stored.path().join("entry.xml")).unwrap();
    let marketplace = start(&[], |options| {
        options.folder = Some(stored.path().to_owned());
        if !judges {
            options.judge = Box::new(|_| {
                Ok(Facts {
                    identifier: IDENTIFIER.to_owned(),
                    email: EMAIL.to_owned(),
                    created: CREATED.to_owned(),
                    valid: Some("2999-01-01T00:00:00Z".to_owned()),
                    deprecated: false,
                })
            });
        }
    });
    (marketplace, stored)
}

fn deprecate(folder: &Folder, marketplace: &Marketplace, credentials: &str) -> Done {
    let arguments =
        ["-qq", "--marketplace-endpoint", &marketplace.base, "--pem-cert", credentials, IDENTIFIER];
    folder.run("deprecate-metadata", &arguments)
}

#[test]
fn an_entry_by_a_proxy_is_not_uploaded_and_the_hint_says_why() {
    let folder = place(&grid());
    sign(&folder, "x509up");
    let marketplace = start(&[], |_| ());
    let arguments = ["--marketplace-endpoint", &marketplace.base, "image.xml"];
    folder.run("upload-metadata", &arguments).failed(
        1,
        &format!(
            "error: image.xml is not uploaded: endorser inconsistency (subject): the certificate has '{PROXY}', the \
             document '{JANE}'\n{HINT}"
        ),
    );
    assert!(marketplace.requests.try_recv().is_err());
}

#[test]
fn an_entry_by_a_proxy_is_not_deprecated_and_the_hint_says_why() {
    let folder = place(&grid());
    sign(&folder, "x509up");
    let (marketplace, _stored) = serving(&folder, false);
    deprecate(&folder, &marketplace, "jane.pem").failed(
        1,
        &format!(
            "error: the entry fetched is invalid: endorser inconsistency (subject): the certificate has '{PROXY}', \
             the document '{JANE}'\n{HINT}"
        ),
    );
}

#[test]
fn a_proxy_deprecates_for_its_end_entity_where_that_is_taken() {
    let grid = grid();
    let folder = place(&grid);
    sign(&folder, "jane.pem");
    let (marketplace, _stored) = serving(&folder, false);
    let done = deprecate(&folder, &marketplace, "x509up");
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let sent = marketplace.requests.try_iter().find(|request| request.method == "POST").unwrap().body;
    folder.write("sent.xml", sent);
    folder.write("ca.pem", [grid.root.certificate_pem(), grid.middle.certificate_pem()].concat());
    let arguments = ["-q", "--require", "trusted", "--ca-file", "ca.pem", "--endorsed-by", EMAIL, "sent.xml"];
    assert_eq!(folder.run("validate-metadata", &arguments).succeeded(), "Valid: sent.xml\n");
    // A Marketplace that judges takes it for an entry of somebody else's.
    let (marketplace, _stored) = serving(&folder, true);
    let done = deprecate(&folder, &marketplace, "x509up");
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    let end = "hint: it was signed with a proxy certificate, which Marketplaces do not accept\n";
    assert!(done.stderr.ends_with(end), "{}", done.stderr);
}
