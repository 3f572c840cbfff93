//! Directories and files of anchors.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use stratuslab::trust::{Anchors, AnchorsError, AnchorsWarning, PathError, PathRequest, verify_path};
use tempfile::TempDir;

use crate::{
    assert_told,
    authority::{List, authority, certificate, date, draft, used},
    judge::pem,
    pki::Identity,
};

/// A directory as the IGTF distributes it: aliases, and links named by hashes.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path().join(name);
        fs::write(&file, content).unwrap();
        file
    }

    /// `ALIAS.pem`, and `HASH.0` that leads there.
    pub(crate) fn authority(&self, alias: &str, identity: &Identity) {
        self.write(&format!("{alias}.pem"), identity.certificate_pem());
        symlink(format!("{alias}.pem"), self.path().join(format!("{}.0", hash(identity)))).unwrap();
    }

    pub(crate) fn anchors(&self) -> Anchors {
        let mut anchors = Anchors::new();
        anchors.add_directory(self.path()).unwrap();
        anchors
    }
}

/// OpenSSL's hash of the subject.
pub(crate) fn hash(identity: &Identity) -> String {
    format!("{:08x}", identity.certificate.subject_name_hash())
}

/// What becomes of a certificate in February 2021, used in 2011.
pub(crate) fn judged(anchors: &Anchors, leaf: &Identity) -> Result<(), PathError> {
    let leaf = certificate(leaf);
    let request = PathRequest::new(&leaf, &[], used(), date("2021-02-01T00:00:00Z"));
    verify_path(anchors, &request).map(drop)
}

#[test]
fn a_directory_is_read_by_its_hashes() {
    let (root, other) = (authority("Root", None).self_signed(), authority("Other", None).self_signed());
    let unlinked = authority("Unlinked", None).self_signed();
    let directory = Directory::new();
    directory.authority("root", &root);
    directory.authority("other", &other);
    // Taken out of service by the name.
    directory.write("unlinked.pem", unlinked.certificate_pem());
    for other in
        ["README", "root.info", "root.crl_url", "root.namespaces", "12345678.0.old", "1234567.0", "x.r0"]
    {
        directory.write(other, "text");
    }
    let anchors = directory.anchors();
    assert_eq!((anchors.len(), anchors.warnings().len(), anchors.checks_revocation()), (2, 0, false));
    assert!(judged(&anchors, &draft("Jane").issued_by(&root)).is_ok());
    assert!(judged(&anchors, &draft("Jane").issued_by(&other)).is_ok());
    let error = judged(&anchors, &draft("Jane").issued_by(&unlinked)).unwrap_err();
    assert!(matches!(error, PathError::NoPath { anchors: 2, .. }), "{error:?}");
    // `openssl rehash` names them so too.
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_none() {
        let fresh = Directory::new();
        fresh.write("a.pem", root.certificate_pem());
        let rehash = std::process::Command::new("openssl").arg("rehash").arg(fresh.path()).status();
        assert!(rehash.unwrap().success());
        assert_eq!(fresh.anchors().len(), 1);
        assert!(fresh.path().join(format!("{}.0", hash(&root))).exists());
    }
}

#[test]
fn lists_in_a_directory_are_asked_for_by_being_there() {
    let root = authority("Root", None).self_signed();
    let (jane, joe) = (draft("Jane").issued_by(&root), draft("Joe").issued_by(&root));
    let directory = Directory::new();
    directory.authority("root", &root);
    let list = List::of(&root).revoking(&joe, "2015-01-01T00:00:00Z");
    let name = format!("{}.r0", hash(&root));
    directory.write(&name, list.pem());
    let anchors = directory.anchors();
    assert!(anchors.checks_revocation());
    assert!(judged(&anchors, &jane).is_ok());
    assert!(matches!(judged(&anchors, &joe), Err(PathError::Revoked { .. })));
    // A broken one is missing, not overlooked.
    directory.write(&name, "-----BEGIN X509 CRL-----\nAAAA\n");
    let anchors = directory.anchors();
    assert!(matches!(judged(&anchors, &jane), Err(PathError::CrlMissing { .. })));
    let [AnchorsWarning::Unusable(AnchorsError::Crl { path, .. })] = anchors.warnings() else {
        panic!("{:?}", anchors.warnings());
    };
    assert_eq!(*path, directory.path().join(name));
}

#[test]
fn one_broken_file_spoils_nothing_but_itself() {
    let root = authority("Root", None).self_signed();
    let directory = Directory::new();
    directory.authority("root", &root);
    directory.write("00000000.0", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    directory.write("00000001.0", "");
    symlink("absent", directory.path().join("00000002.0")).unwrap();
    fs::create_dir(directory.path().join("00000003.0")).unwrap();
    let anchors = directory.anchors();
    assert!(judged(&anchors, &draft("Jane").issued_by(&root)).is_ok());
    let told: Vec<String> = anchors.warnings().iter().map(ToString::to_string).collect();
    let folder = directory.path().display();
    assert_eq!(
        told,
        [
            format!(
                "cannot use a trust anchor in {folder}/00000000.0: malformed certificate: not a whole block of Base64 text"
            ),
            format!("there is no certificate in {folder}/00000001.0"),
            format!("cannot read {folder}/00000002.0: No such file or directory (os error 2)"),
            format!("cannot read {folder}/00000003.0: it is not a file"),
        ]
    );
}

#[test]
fn anchors_without_a_certificate_are_an_error() {
    let directory = Directory::new();
    let mut anchors = Anchors::new();
    let error = anchors.add_directory(directory.path()).unwrap_err();
    assert!(matches!(error, AnchorsError::NotHashed { .. }), "{error:?}");
    let error = anchors.add_directory(&directory.path().join("absent")).unwrap_err();
    assert!(matches!(error, AnchorsError::Read { .. }), "{error:?}");
    let error = anchors.add_pem_file(&directory.write("empty", "text")).unwrap_err();
    assert!(matches!(error, AnchorsError::NoCertificate { .. }), "{error:?}");
    assert!(anchors.is_empty());
}

/// What is not read could be a CRL or a signing policy.
#[test]
fn a_directory_of_more_files_than_are_read_is_an_error() {
    let directory = Directory::new();
    directory.authority("root", &authority("Root", None).self_signed());
    for number in fs::read_dir(directory.path()).unwrap().count()..10_000 {
        directory.write(&format!("{number}.info"), "");
    }
    assert_eq!(directory.anchors().len(), 1);
    directory.write("one more", "");
    assert_told!(
        Anchors::new().add_directory(directory.path()).unwrap_err(),
        AnchorsError::TooManyFiles { limit: 10_000, .. },
        format!("there are more than 10000 files in {}", directory.path().display())
    );
}

#[test]
fn a_file_has_one_in_der_or_any_number_in_pem() {
    let [one, two] = ["One", "Two"].map(|name| authority(name, None).self_signed());
    let directory = Directory::new();
    let mut anchors = Anchors::new();
    anchors.add_pem_file(&directory.write("der", one.certificate_der())).unwrap();
    anchors.add_pem_file(&directory.write("pem", pem(&[&one, &two]))).unwrap();
    assert_eq!(anchors.len(), 2);
    let cut = [pem(&[&one]), pem(&[&two])[..100].to_vec()].concat();
    let error = anchors.add_pem_file(&directory.write("cut", cut)).unwrap_err();
    assert!(matches!(error, AnchorsError::Certificate { .. }), "{error:?}");
}
