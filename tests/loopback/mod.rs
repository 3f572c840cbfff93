//! Commands against the loopback Marketplace: the server, entries to send, a clean environment.

#[path = "../../examples/loopback-marketplace/judge.rs"]
mod judge;
#[path = "../../examples/loopback-marketplace/server.rs"]
pub(crate) mod server;

use std::{
    path::Path,
    sync::{Mutex, OnceLock, mpsc},
};

use assert_cmd::Command;
use openssl::{
    asn1::Asn1Time,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};
use stratuslab::{
    ChecksumAlgorithm, Credentials, ImageDigests, Metadata, Timestamp,
    dsig::{SignRequest, SignatureMethod, sign},
    metadata::rules::Leniency,
};

use server::{Options, http::Request};

/// The image all entries describe.
pub(crate) const IDENTIFIER: &str = "IndydRp_W-qiut7CJbYsRxJODTB";
/// Who endorses them.
pub(crate) const EMAIL: &str = "you@example.org";

/// A running Marketplace.
pub(crate) struct Marketplace {
    /// Its base URL.
    pub(crate) base: String,
    /// What it was asked, in order.
    pub(crate) requests: mpsc::Receiver<Request>,
}

/// Starts a Marketplace, below `/marketplace`, that gets `faults` wrong.
pub(crate) fn start(faults: &[&str], change: impl FnOnce(&mut Options)) -> Marketplace {
    let (sender, requests) = mpsc::channel();
    let sender = Mutex::new(sender);
    let mut options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        prefix: "/marketplace".to_owned(),
        confirm: false,
        read_only: false,
        folder: None,
        tls: None,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        // Whoever looks at no requests has dropped the other end.
        observe: Box::new(move |request| drop(sender.lock().unwrap().send(request.clone()))),
        judge: Box::new(judge::judge),
    };
    change(&mut options);
    Marketplace { base: server::start(options).unwrap(), requests }
}

/// A certificate with an e-mail address and its key, the same throughout a process.
pub(crate) fn credentials() -> &'static Credentials {
    static CREDENTIALS: OnceLock<Credentials> = OnceLock::new();
    CREDENTIALS.get_or_init(|| {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "Jane Tester").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_not_before(&Asn1Time::from_str("20000101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("29990101000000Z").unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        // The host, so that a server can show it too.
        let mut address = SubjectAlternativeName::new();
        let address = address.email(EMAIL).ip("127.0.0.1").build(&builder.x509v3_context(None, None));
        builder.append_extension(address.unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build().to_pem().unwrap();
        Credentials::from_pem(&certificate, &key.private_key_to_pem_pkcs8().unwrap(), None).unwrap()
    })
}

/// An unsigned description of an image, with nothing in it that could be left out (C14).
pub(crate) fn unsigned(valid: Option<&str>) -> String {
    let digests = ImageDigests::read(&b"an image\n"[..], &ChecksumAlgorithm::ALL).unwrap();
    let mut metadata = Metadata::builder(&digests).created("2011-09-13T09:00:00Z".parse().unwrap()).build();
    metadata.valid = valid.map(|valid| valid.parse().unwrap());
    metadata.to_rdf().unwrap()
}

/// A valid entry, endorsed at `created`.
pub(crate) fn entry(created: &str, method: SignatureMethod) -> Vec<u8> {
    signed(&unsigned(Some("2999-01-01T00:00:00Z")), created, method)
}

/// A description, endorsed at `created`.
pub(crate) fn signed(document: &str, created: &str, method: SignatureMethod) -> Vec<u8> {
    let created: Timestamp = created.parse().unwrap();
    let request = SignRequest {
        credentials: credentials(),
        method: Some(method),
        email: None,
        created,
        leniency: Leniency::Strict,
        include_chain: false,
    };
    sign(document.as_bytes(), &request).unwrap().document().to_owned()
}

/// A command in `folder`, which is also its home, without anything from the environment.
pub(crate) fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin(name));
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder.join(".config"));
    command
}
