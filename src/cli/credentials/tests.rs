use std::{cell::RefCell, collections::HashMap};

use clap::Parser;
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkcs12::Pkcs12,
    pkey::PKey,
    symm::Cipher,
    x509::{X509, X509NameBuilder},
};

use super::*;
use crate::cli::{CommonArgs, Status};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    credentials: CredentialArgs,
}

/// A home folder with files in it, an environment, and someone at the terminal.
struct Scene {
    home: tempfile::TempDir,
    environment: HashMap<&'static str, OsString>,
    /// `None`: there is no terminal.
    answer: Option<&'static str>,
    questions: RefCell<Vec<String>>,
    config: String,
}

impl Scene {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".globus")).unwrap();
        Self {
            home,
            environment: HashMap::new(),
            answer: None,
            questions: RefCell::default(),
            config: String::new(),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.home.path().join(file)
    }

    /// A PKCS#12 file for this name.
    fn p12(&self, file: &str, name: &str, password: &str) -> String {
        let (key, certificate) = identity(name);
        let pfx = Pkcs12::builder().pkey(&key).cert(&certificate).build2(password).unwrap();
        self.write(file, &pfx.to_der().unwrap())
    }

    fn write(&self, file: &str, content: &[u8]) -> String {
        fs::write(self.path(file), content).unwrap();
        self.path(file).to_str().unwrap().to_owned()
    }

    /// The subject of the certificate that these arguments lead to.
    fn subject(&self, arguments: &[&str]) -> Result<String, Failure> {
        let arguments = Arguments::try_parse_from([&["test"], arguments].concat());
        let arguments = arguments.map_err(|error| Failure::new(Status::Usage, error))?;
        let common = CommonArgs { config: Some(self.path("config.toml")), ..CommonArgs::default() };
        fs::write(self.path("config.toml"), &self.config).unwrap();
        let ask = |question: &str| {
            self.questions.borrow_mut().push(question.to_owned());
            self.answer.map(|text| Password::new(text.to_owned())).ok_or(PasswordError::NoTerminal)
        };
        let surroundings = Surroundings {
            variable: &|name| self.environment.get(name).cloned(),
            home: Some(self.home.path().to_owned()),
            ask: &ask,
            now: Timestamp::now(),
        };
        let credentials = arguments.credentials.credentials_in(&Session::new(&common), &surroundings)?;
        Ok(credentials.certificate().subject().to_string())
    }

    #[track_caller]
    fn assert_fails(&self, arguments: &[&str], status: Status, fact: &str, hint: Option<&str>) {
        let failure = self.subject(arguments).unwrap_err();
        let home = self.home.path().to_str().unwrap();
        let text = |text: &str| text.replace(home, "~");
        assert_eq!(text(failure.fact()), fact);
        assert_eq!(failure.hint().map(text).as_deref(), hint);
        assert_eq!(failure.status(), status);
    }
}

fn identity(name: &str) -> (PKey<openssl::pkey::Private>, X509) {
    let days = if name == "expired" { [-2, -1] } else { [-1, 1] };
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut builder = X509::builder().unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    let [from, to] = days.map(|days| Timestamp::now().checked_add_days(days).unwrap().unix_seconds());
    builder.set_not_before(&Asn1Time::from_unix(from).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(to).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (key, builder.build())
}

#[test]
fn the_command_line_wins_over_the_environment_over_the_configuration_over_the_usual_places() {
    let mut scene = Scene::new();
    let nowhere =
        "no certificate to sign with: neither ~/.globus/usercert.p12 nor ~/.globus/usercert.pem exists";
    let hint = "name yours with --p12-cert, with --pem-cert and --pem-key, or with --pkcs11-uri";
    scene.assert_fails(&[], Status::Credentials, nowhere, Some(hint));

    let (key, certificate) = identity("usual pem");
    scene.write(".globus/usercert.pem", &certificate.to_pem().unwrap());
    scene.assert_fails(
        &[],
        Status::File,
        "cannot read ~/.globus/userkey.pem: No such file or directory",
        None,
    );
    scene.write(".globus/userkey.pem", &key.private_key_to_pem_pkcs8().unwrap());
    assert_eq!(scene.subject(&[]).unwrap(), "CN=usual pem");
    scene.p12(".globus/usercert.p12", "usual p12", "");
    assert_eq!(scene.subject(&[]).unwrap(), "CN=usual p12");

    let pem = scene
        .write("pem", &[certificate.to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap()].concat());
    scene.config = format!("pem_certificate = '{pem}'\n");
    assert_eq!(scene.subject(&[]).unwrap(), "CN=usual pem");
    let p12 = scene.p12("configured", "configured", "c");
    scene.config = format!("p12_certificate = '{p12}'\np12_password = 'c'\n");
    assert_eq!(scene.subject(&[]).unwrap(), "CN=configured");
    let p12 = scene.p12("environment", "environment", "e");
    scene.environment.insert(P12_CERTIFICATE, p12.into());
    scene.assert_fails(
        &[],
        Status::Credentials,
        "~/environment: wrong password",
        Some("the password is from ~/config.toml"),
    );
    scene.environment.insert(P12_PASSWORD, "e".into());
    assert_eq!(scene.subject(&[]).unwrap(), "CN=environment");
    let p12 = scene.p12("argument", "argument", "a");
    let wrong = "the password is from the variable STRATUSLAB_P12_PASSWORD";
    scene.assert_fails(&["--p12-cert", &p12], Status::Credentials, "~/argument: wrong password", Some(wrong));
    assert_eq!(scene.subject(&["--p12-cert", &p12, "--p12-password", "a"]).unwrap(), "CN=argument");
    let file = scene.write("password", b"a\n");
    assert_eq!(scene.subject(&["--p12-cert", &p12, "--p12-password-file", &file]).unwrap(), "CN=argument");
    assert_eq!(scene.subject(&["--pem-cert", &pem]).unwrap(), "CN=usual pem");
}

#[test]
fn c38_a_password_is_asked_for_only_if_one_is_needed_and_none_was_given() {
    let mut scene = Scene::new();
    let (empty, locked) = (scene.p12("empty", "empty", ""), scene.p12("locked", "locked", "secret"));
    assert_eq!(scene.subject(&["--p12-cert", &empty]).unwrap(), "CN=empty");
    assert_eq!(scene.subject(&["--p12-cert", &empty, "--p12-password", ""]).unwrap(), "CN=empty");
    scene.assert_fails(
        &["--p12-cert", &locked, "--p12-password="],
        Status::Credentials,
        "~/locked: wrong password",
        None,
    );
    assert!(scene.questions.borrow().is_empty());

    let hint = "give it with --p12-password-file, in the variable STRATUSLAB_P12_PASSWORD, \
                or as p12_password or p12_password_file in the configuration";
    let fact = "~/locked needs a password and there is no terminal to ask for it";
    scene.environment.insert(P12_PASSWORD, "".into());
    scene.assert_fails(&["--p12-cert", &locked], Status::Credentials, fact, Some(hint));
    scene.answer = Some("secret");
    assert_eq!(scene.subject(&["--p12-cert", &locked]).unwrap(), "CN=locked");
    let question = format!("PKCS12 (P12) cert '{locked}' password: ");
    assert_eq!(*scene.questions.borrow(), [question.clone(), question]);
    scene.answer = Some("wrong");
    scene.assert_fails(&["--p12-cert", &locked], Status::Credentials, "~/locked: wrong password", None);
}

#[test]
fn an_encrypted_pem_key_takes_the_same_passwords() {
    let mut scene = Scene::new();
    let (key, certificate) = identity("pem");
    let certificate = scene.write("certificate", &certificate.to_pem().unwrap());
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_128_cbc(), b"secret").unwrap();
    let key = scene.write("key", &encrypted);
    let files = ["--pem-cert", &certificate, "--pem-key", &key];
    assert_eq!(scene.subject(&[&files[..], &["--p12-password", "secret"]].concat()).unwrap(), "CN=pem");
    let empty = [&files[..], &["--p12-password", ""]].concat();
    scene.assert_fails(&empty, Status::Credentials, "~/key: wrong password", None);
    scene.answer = Some("secret");
    assert_eq!(scene.subject(&files).unwrap(), "CN=pem");
    assert_eq!(*scene.questions.borrow(), [format!("Private key '{key}' password: ")]);
}

#[test]
fn c13_no_text_holds_the_password() {
    let scene = Scene::new();
    let p12 = scene.p12("p12", "jane", "very secret");
    let wrong = ["--p12-cert", &p12, "--p12-password", "not so secret"];
    let failure = scene.subject(&wrong).unwrap_err();
    let arguments = Arguments::try_parse_from([&["test"][..], &wrong].concat()).unwrap().credentials;
    let text = format!("{failure:?} {arguments:?} {arguments:#?}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn expired_certificates_sign_only_on_request() {
    let scene = Scene::new();
    let p12 = scene.p12("p12", "expired", "");
    let failure = scene.subject(&["--p12-cert", &p12]).unwrap_err();
    assert!(
        failure.fact().contains("p12: the certificate of 'CN=expired' expired at 2"),
        "{}",
        failure.fact()
    );
    assert_eq!(failure.hint(), Some("--allow-expired-certificate signs all the same"));
    assert_eq!(failure.status(), Status::Credentials);
    assert_eq!(scene.subject(&["--p12-cert", &p12, "--allow-expired-certificate"]).unwrap(), "CN=expired");
}

#[test]
fn what_is_no_use_is_told_with_advice() {
    let mut scene = Scene::new();
    let (key, certificate) = identity("pem");
    let pem = scene.write("pem", &certificate.to_pem().unwrap());
    let der = scene.write("der", &key.private_key_to_der().unwrap());
    let key = scene.write("key", &key.private_key_to_pem_pkcs8().unwrap());
    let p12 = scene.p12("p12", "p12", "");
    let not_pkcs12 = "~/pem: not a PKCS#12 file, or only a part of one";
    let hint = "it is a PEM file: give it with --pem-cert, and its key with --pem-key";
    scene.assert_fails(&["--p12-cert", &pem], Status::Credentials, not_pkcs12, Some(hint));
    let hint = "it is not a PEM file: give a PKCS#12 file with --p12-cert; 'openssl x509 -inform DER' makes PEM of DER";
    scene.assert_fails(&["--pem-cert", &p12], Status::Credentials, "~/p12: no certificate", Some(hint));
    let hint = "name the key's file with --pem-key";
    scene.assert_fails(&["--pem-cert", &pem], Status::Credentials, "~/pem: no private key", Some(hint));
    let hint = "it is not a PEM file: 'openssl pkey -inform DER' makes one of a key in DER";
    let in_der = ["--pem-cert", &pem, "--pem-key", &der];
    scene.assert_fails(&in_der, Status::Credentials, "~/der: no private key", Some(hint));
    let other = scene.write("other", &identity("other").1.to_pem().unwrap());
    scene.assert_fails(
        &["--pem-cert", &other, "--pem-key", &key],
        Status::Credentials,
        "~/key: the private key does not belong to the certificate of 'CN=other'",
        Some("name the key of ~/other with --pem-key"),
    );
    let missing = scene.path("missing");
    let missing = ["--p12-cert", missing.to_str().unwrap()];
    scene.assert_fails(&missing, Status::File, "cannot read ~/missing: No such file or directory", None);
    scene.config = format!("p12_certificate = '{p12}'\npem_certificate = '{pem}'\n");
    let both = "the configuration has both p12_certificate and pem_certificate";
    scene.assert_fails(&[], Status::Usage, both, Some("leave one of them out"));
    scene.config = "p12_password = 'x'\np12_password_file = '/x'\n".to_owned();
    let both = "the configuration has both p12_password and p12_password_file";
    scene.assert_fails(&["--p12-cert", &p12], Status::Usage, both, Some("leave one of them out"));
}

#[test]
fn options_that_exclude_each_other_are_usage_errors() {
    let scene = Scene::new();
    for wrong in [
        &["--p12-cert", "a", "--pem-cert", "b"][..],
        &["--p12-cert", "a", "--pem-key", "b"],
        &["--pem-key", "b"],
        &["--p12-password", "a", "--p12-password-file", "b"],
        &["--signature-algorithm", "rsa-md5"],
        &["--email", "nobody"],
    ] {
        assert_eq!(scene.subject(wrong).unwrap_err().status(), Status::Usage, "{wrong:?}");
    }
}

#[test]
fn the_algorithm_and_the_address_may_be_configured() {
    let folder = tempfile::tempdir().unwrap();
    let with = |config: &str, arguments: &[&str]| {
        let file = folder.path().join("config.toml");
        fs::write(&file, config).unwrap();
        let session = Session::new(&CommonArgs { config: Some(file), ..CommonArgs::default() });
        let arguments = Arguments::try_parse_from([&["test"], arguments].concat()).unwrap().credentials;
        let email = arguments.email(&session)?.map(|email| email.to_string());
        Ok::<_, Failure>((arguments.signature_method(&session)?, email))
    };
    let config = "signature_algorithm = 'rsa-sha1'\nemail = 'c@x.org'\n";
    assert_eq!(with("", &[]).unwrap(), (None, None));
    assert_eq!(with(config, &[]).unwrap(), (Some(SignatureMethod::RsaSha1), Some("c@x.org".to_owned())));
    let arguments = ["--signature-algorithm", "rsa-sha512", "--email", "a@x.org"];
    let expected = (Some(SignatureMethod::RsaSha512), Some("a@x.org".to_owned()));
    assert_eq!(with(config, &arguments).unwrap(), expected);
    let failure = with("signature_algorithm = 'rsa'\n", &[]).unwrap_err();
    assert_eq!(failure.status(), Status::Usage);
}
