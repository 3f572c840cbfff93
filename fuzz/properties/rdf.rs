//! `rdf`: what is a valid description says the same when it is written anew, and when it is signed.

use std::sync::OnceLock;

use stratuslab::{
    Credentials, Timestamp,
    dsig::{SignError, SignRequest, sign},
    metadata::rules::Leniency,
    validate::{Options, validate},
    xml::XmlError,
};

/// When all is judged.
const NOW: &str = "2011-05-06T07:08:09Z";

pub(crate) fn check(data: &[u8]) {
    let now: Timestamp = NOW.parse().expect("an instant");
    let mut options = Options::new(now);
    options.signed = false;
    let report = validate(data, &options);
    if report.deciding().is_some() {
        return;
    }
    let metadata = report.metadata().expect("what is valid can be read");

    if let Ok(written) = metadata.to_rdf() {
        let report = validate(written.as_bytes(), &options);
        assert!(report.deciding().is_none(), "{:?}\n{written}", report.deciding());
        assert_eq!(report.metadata(), Some(metadata), "{written}");
    }

    let credentials = credentials();
    let request =
        SignRequest { credentials, method: None, email: None, created: now, leniency: Leniency::Strict };
    match sign(data, &request) {
        Ok(signed) => {
            let mut expected = metadata.clone();
            expected.endorsement.clone_from(&signed.endorsement);
            assert_eq!(*signed, expected, "signed otherwise than it was");
            assert_eq!(signed.certificate(), credentials.certificate());
        }
        // There may be no room for endorsement and signature.
        Err(SignError::Xml(XmlError::Limit { .. } | XmlError::TooLarge { .. })) => {}
        Err(error) => panic!("valid, but cannot be signed: {error}"),
    }
}

fn credentials() -> &'static Credentials {
    static CREDENTIALS: OnceLock<Credentials> = OnceLock::new();
    CREDENTIALS.get_or_init(|| {
        let pem = include_bytes!("../corpus/pkcs12/seed-p256.pem");
        Credentials::from_pem(pem, pem, None).expect("the seed is a key with its certificate")
    })
}
