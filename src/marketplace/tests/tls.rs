//! The same over TLS, with certificates made on the spot.

use std::{fs, sync::OnceLock};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    ssl::{SslAcceptor, SslMethod, SslVerifyMode},
    x509::{
        X509, X509NameBuilder,
        extension::{BasicConstraints, SubjectAlternativeName},
        store::X509StoreBuilder,
    },
};

use super::*;

/// One key for everybody: who is who lies in the certificates.
pub(crate) fn key() -> &'static PKey<Private> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    KEY.get_or_init(|| {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
    })
}

/// A certificate for a name, by an issuer or by itself.
pub(crate) fn certificate(name: &str, issuer: Option<&X509>, address: Option<&str>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(u32::try_from(name.len()).unwrap()).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.subject_name())).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    builder.set_pubkey(key()).unwrap();
    match address {
        Some(address) => {
            let alternative =
                SubjectAlternativeName::new().ip(address).build(&builder.x509v3_context(None, None));
            builder.append_extension(alternative.unwrap()).unwrap();
        }
        None => builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap(),
    }
    builder.sign(key(), MessageDigest::sha256()).unwrap();
    builder.build()
}

/// An https Marketplace that shows a certificate and, with `clients`, asks for one of that CA.
fn secure(shown: &X509, clients: Option<&X509>) -> String {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(key()).unwrap();
    acceptor.set_certificate(shown).unwrap();
    if let Some(ca) = clients {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(ca.clone()).unwrap();
        acceptor.set_verify_cert_store(store.build()).unwrap();
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    let (options, _) = options(&[]);
    server::start(Options { tls: Some(acceptor.build()), ..options }).unwrap()
}

/// [`quick`] with a change to how it connects.
fn with(change: impl FnOnce(&mut ConnectionOptions)) -> ClientOptions {
    let mut options = quick();
    change(&mut options.connection);
    options
}

fn cause(base: &str, options: ClientOptions) -> String {
    let error = upload(&client(base, options)).unwrap_err();
    let ClientError::Http(HttpFailure::Tls { cause, .. }) = error else { panic!("{error}") };
    cause
}

#[test]
fn c16_certificates_are_verified_against_the_given_cas() {
    let (ca, other) = (certificate("CA", None, None), certificate("Other CA", None, None));
    let base = secure(&certificate("server", Some(&ca), Some("127.0.0.1")), None);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.any-name");
    fs::write(&file, ca.to_pem().unwrap()).unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    let der = folder.path().join("ca.der");
    fs::write(&der, ca.to_der().unwrap()).unwrap();
    let wrong = folder.path().join("other.pem");
    fs::write(&wrong, other.to_pem().unwrap()).unwrap();

    for trusting in [
        with(|options| options.ca_file = Some(file)),
        with(|options| options.ca_file = Some(der)),
        with(|options| options.ca_folder = Some(folder.path().to_owned())),
        with(|options| options.insecure_no_tls_verify = true),
    ] {
        upload(&client(&base, trusting)).unwrap();
    }
    let unknown = "certificate verify failed: unable to get local issuer certificate";
    assert_eq!(cause(&base, quick()), unknown);
    assert_eq!(cause(&base, with(|options| options.ca_file = Some(wrong))), unknown);
}

#[test]
fn c16_a_certificate_for_another_host_or_by_itself_is_refused() {
    let ca = certificate("CA", None, None);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, ca.to_pem().unwrap()).unwrap();
    let base = secure(&certificate("elsewhere", Some(&ca), Some("127.0.0.2")), None);
    let trusting = with(|options| options.ca_file = Some(file));
    assert_eq!(cause(&base, trusting), "certificate verify failed: IP address mismatch");
    upload(&client(&base, with(|options| options.insecure_no_tls_verify = true))).unwrap();

    let base = secure(&certificate("self", None, Some("127.0.0.1")), None);
    assert!(cause(&base, quick()).starts_with("certificate verify failed: self"));
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let ca = certificate("CA", None, None);
    let base = secure(&certificate("server", Some(&ca), Some("127.0.0.1")), Some(&ca));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, ca.to_pem().unwrap()).unwrap();
    let trusting = with(|options| options.ca_file = Some(file));
    let jane = certificate("jane", Some(&ca), Some("127.0.0.1")).to_der().unwrap();
    let identity = ClientIdentity::new([jane.as_slice()], key()).unwrap();
    upload(&client(&base, ClientOptions { identity: Some(identity), ..trusting.clone() })).unwrap();
    assert!(cause(&base, trusting).contains("certificate required"));
}

#[test]
fn a_server_without_tls_is_named_as_such() {
    let (options, _) = options(&[]);
    let base = server::start(options).unwrap().replace("http://", "https://");
    assert_eq!(cause(&base, quick()), "wrong version number");
}
