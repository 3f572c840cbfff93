//! A folder with an unsigned entry and an endorser's credentials, and an authority to ask.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use stratuslab::{
    ChecksumAlgorithm, ImageDigests, Metadata,
    dsig::{AlgorithmPolicy, verify},
};

use crate::{
    authority::{Authority, Profile},
    folder::{Done, Folder},
    pki::{self, Identity, Kind, key},
    server::{self, Log, Request, reply},
};

/// The folder, the authority, and where it is asked.
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    pub(crate) authority: Arc<Mutex<Authority>>,
    pub(crate) url: String,
    pub(crate) log: Log,
}

/// The endorser. Signatures with such a key differ from each other, whatever they are of.
pub(crate) fn jane() -> Identity {
    let jane = pki::Request::new("Jane Tester").email("jane.tester@example.org");
    jane.self_signed(&key(Kind::P384))
}

/// An entry that is ready to be signed.
pub(crate) fn unsigned() -> String {
    let digests = ImageDigests::read(&b"an image\n"[..], &ChecksumAlgorithm::ALL).unwrap();
    let mut metadata = Metadata::builder(&digests).created("2011-09-13T09:00:00Z".parse().unwrap()).build();
    metadata.valid = Some("2999-01-01T00:00:00Z".parse().unwrap());
    metadata.to_rdf().unwrap()
}

impl Desk {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self::answering(profile, |authority, request| reply(&authority.reply(&request.body)))
    }

    pub(crate) fn usual() -> Self {
        Self::new(&Profile::new(Kind::P256))
    }

    /// With this for an answer.
    pub(crate) fn answering(
        profile: &Profile,
        answer: impl Fn(&Authority, &Request) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let folder = Folder::new();
        folder.write("a.xml", unsigned());
        let jane = jane();
        folder.write("jane.pem", [jane.certificate_pem(), jane.key_pem()].concat());
        fs::set_permissions(folder.path("jane.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let authority = Arc::new(Mutex::new(Authority::new(profile)));
        let asked = Arc::clone(&authority);
        let (address, log) = server::start(move |request| answer(&asked.lock().unwrap(), request));
        Self { folder, authority, url: format!("http://{address}/tsr"), log }
    }

    /// Signs with these arguments.
    pub(crate) fn sign(&self, arguments: &[&str]) -> Done {
        self.folder.run("sign-metadata", &[&["--pem-cert", "jane.pem"], arguments].concat())
    }

    /// Signs `a.xml` with a time stamp.
    #[track_caller]
    pub(crate) fn stamp(&self) {
        let told = self.sign(&["--timestamp", &self.url, "a.xml"]).succeeded();
        assert_eq!(told, "Manifest file successfully signed: a.xml\n");
    }

    /// Checks with these arguments.
    pub(crate) fn validate(&self, arguments: &[&str]) -> Done {
        self.folder.run("validate-metadata", arguments)
    }

    /// Checks `a.xml`, which must have a time stamp by the authority, with these further arguments.
    pub(crate) fn timestamped(&self, arguments: &[&str]) -> Done {
        let anchors = self.ca_file();
        let usual = ["--tsa-ca-file", &anchors, "--require", "timestamped"];
        self.validate(&[&usual, arguments, &["a.xml"]].concat())
    }

    pub(crate) fn ca_file(&self) -> String {
        self.authority.lock().unwrap().ca_file()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The octets of the signature of this file.
    pub(crate) fn signature_value(&self, name: &str) -> Vec<u8> {
        let entry = verify(&self.bytes(name), &AlgorithmPolicy::default()).unwrap();
        entry.evidence().signature_value.clone()
    }
}
