//! A folder of SoftHSM tokens for each test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    object::{Attribute, CertificateType, KeyType, ObjectClass},
    session::{Session, UserType},
    types::AuthPin,
};
use openssl::{
    asn1::Asn1Object,
    bn::BigNumContext,
    ec::PointConversionForm,
    nid::Nid,
    pkey::{Id, PKey, Private},
};

use crate::{
    pki::{Identity, tlv},
    place::{Done, Place, unsigned},
};

/// The PIN of every token; no other text of the tests has it in it.
pub(crate) const PIN: &str = "86420975";

/// Where distributions put it.
const MODULES: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// A folder with an entry to sign, `a.xml`, and a place for tokens.
pub(crate) struct Bench {
    pub(crate) place: Place,
    conf: String,
    pub(crate) module: &'static str,
}

/// Runs `body`, the test of this name, with tokens of its own. SoftHSM is told where they are in the
/// environment, which a process does not change for itself: the test is run again in another one.
pub(crate) fn test(name: &str, body: fn(&Bench)) {
    if env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        return eprintln!("SKIPPED: {name}: STRATUSLAB_SKIP_PEERS is set, there is no token");
    }
    let module = MODULES.into_iter().find(|module| Path::new(module).exists());
    let module = module.expect(
        "there is no SoftHSM: install it (Debian: apt-get install softhsm2), \
         or set STRATUSLAB_SKIP_PEERS to go without",
    );
    if let Some(conf) = env::var_os("SOFTHSM2_CONF").filter(|_| env::var_os("TOKEN_TEST").is_some()) {
        let place = Place::new();
        place.write("a.xml", unsigned());
        return body(&Bench { place, conf: conf.into_string().unwrap(), module });
    }
    let folder = tempfile::tempdir().unwrap();
    let (tokens, conf) = (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&conf, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", conf)
        .env("TOKEN_TEST", "1")
        .output()
        .unwrap();
    let told =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

impl Bench {
    /// Runs `stratus-sign-metadata` with these arguments on `a.xml`, the signed entry to standard output.
    pub(crate) fn sign(&self, uri: &str, more: &[&str]) -> Done {
        let module = ["--pkcs11-module", self.module, "--output", "-", "a.xml"];
        self.run(&[&["--pkcs11-uri", uri], more, &module[..]].concat(), &[("STRATUSLAB_P12_PASSWORD", PIN)])
    }

    /// Runs `stratus-sign-metadata` with these arguments and variables, and no terminal.
    pub(crate) fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Done {
        let mut command = self.place.command("sign");
        command.args(args).envs(variables.iter().copied());
        let output = self.with_tokens(&mut command).output().unwrap();
        let done = Done::from(output);
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(PIN), "{}{}", done.stdout, done.stderr);
        done
    }

    /// Makes a command find the tokens.
    pub(crate) fn with_tokens<'a>(
        &self,
        command: &'a mut assert_cmd::Command,
    ) -> &'a mut assert_cmd::Command {
        command.env("SOFTHSM2_CONF", &self.conf)
    }

    /// What makes a shell command find the tokens.
    pub(crate) fn variables(&self) -> String {
        format!("SOFTHSM2_CONF={}", self.conf)
    }

    /// A new token with this label, logged in to.
    pub(crate) fn token(&self, label: &str) -> Maker {
        let pkcs11 = Pkcs11::new(self.module).unwrap();
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let slots = pkcs11.get_slots_with_token().unwrap();
        let free = |slot: &&_| !pkcs11.get_token_info(**slot).unwrap().token_initialized();
        let slot = *slots.iter().find(free).unwrap();
        let secret = |pin: &str| AuthPin::new(pin.into());
        pkcs11.init_token(slot, &secret("security officer"), label).unwrap();
        let session = pkcs11.open_rw_session(slot).unwrap();
        session.login(UserType::So, Some(&secret("security officer"))).unwrap();
        session.init_pin(&secret(PIN)).unwrap();
        session.logout().unwrap();
        session.login(UserType::User, Some(&secret(PIN))).unwrap();
        Maker { session: Some(session), pkcs11: Some(pkcs11) }
    }
}

/// A token that objects are put on.
pub(crate) struct Maker {
    session: Option<Session>,
    pkcs11: Option<Pkcs11>,
}

impl Drop for Maker {
    fn drop(&mut self) {
        drop(self.session.take());
        self.pkcs11.take().unwrap().finalize().unwrap();
    }
}

impl Maker {
    /// Key and certificate, by the same identifier.
    pub(crate) fn identity(&self, label: &str, id: u8, identity: &Identity) -> &Self {
        self.key(label, id, &identity.key, &[]).certificate(label, id, identity)
    }

    /// A private key and its public half. Attributes in `more` replace the usual ones.
    pub(crate) fn key(&self, label: &str, id: u8, key: &PKey<Private>, more: &[Attribute]) -> &Self {
        self.private_key(label, id, key, more);
        let mut template = common(ObjectClass::PUBLIC_KEY, label, id);
        template.extend(public_half(key));
        template.push(Attribute::Verify(true));
        self.create(&template)
    }

    /// A private key alone.
    pub(crate) fn private_key(&self, label: &str, id: u8, key: &PKey<Private>, more: &[Attribute]) -> &Self {
        let mut template = common(ObjectClass::PRIVATE_KEY, label, id);
        template.extend(private_half(key));
        template.extend([Attribute::Private(true), Attribute::Sensitive(true), Attribute::Sign(true)]);
        template.retain(|usual| !more.iter().any(|m| m.attribute_type() == usual.attribute_type()));
        template.extend_from_slice(more);
        self.create(&template)
    }

    pub(crate) fn certificate(&self, label: &str, id: u8, identity: &Identity) -> &Self {
        let mut template = common(ObjectClass::CERTIFICATE, label, id);
        template.extend([
            Attribute::CertificateType(CertificateType::X_509),
            Attribute::Subject(identity.certificate.subject_name().to_der().unwrap()),
            Attribute::Value(identity.certificate_der()),
        ]);
        self.create(&template)
    }

    fn create(&self, template: &[Attribute]) -> &Self {
        self.session.as_ref().unwrap().create_object(template).unwrap();
        self
    }
}

fn common(class: ObjectClass, label: &str, id: u8) -> Vec<Attribute> {
    let id = if id == 0 { Vec::new() } else { vec![id] };
    let private = Attribute::Private(false);
    let mut template = vec![
        Attribute::Class(class),
        Attribute::Token(true),
        Attribute::Label(label.into()),
        Attribute::Id(id),
    ];
    if class != ObjectClass::PRIVATE_KEY {
        template.push(private);
    }
    template
}

fn private_half(key: &PKey<Private>) -> Vec<Attribute> {
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().unwrap();
            vec![
                Attribute::KeyType(KeyType::RSA),
                Attribute::Modulus(rsa.n().to_vec()),
                Attribute::PublicExponent(rsa.e().to_vec()),
                Attribute::PrivateExponent(rsa.d().to_vec()),
                Attribute::Prime1(rsa.p().unwrap().to_vec()),
                Attribute::Prime2(rsa.q().unwrap().to_vec()),
                Attribute::Exponent1(rsa.dmp1().unwrap().to_vec()),
                Attribute::Exponent2(rsa.dmq1().unwrap().to_vec()),
                Attribute::Coefficient(rsa.iqmp().unwrap().to_vec()),
            ]
        }
        Id::EC => vec![
            Attribute::KeyType(KeyType::EC),
            Attribute::EcParams(curve(key)),
            Attribute::Value(key.ec_key().unwrap().private_key().to_vec()),
        ],
        _ => vec![
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::EcParams(curve(key)),
            Attribute::Value(key.raw_private_key().unwrap()),
        ],
    }
}

fn public_half(key: &PKey<Private>) -> Vec<Attribute> {
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().unwrap();
            vec![
                Attribute::KeyType(KeyType::RSA),
                Attribute::Modulus(rsa.n().to_vec()),
                Attribute::PublicExponent(rsa.e().to_vec()),
            ]
        }
        Id::EC => {
            let key = key.ec_key().unwrap();
            let mut context = BigNumContext::new().unwrap();
            let form = PointConversionForm::UNCOMPRESSED;
            let point = key.public_key().to_bytes(key.group(), form, &mut context).unwrap();
            vec![
                Attribute::KeyType(KeyType::EC),
                Attribute::EcParams(tlv(6, &oid(key.group().curve_name().unwrap()))),
                Attribute::EcPoint(tlv(4, &point)),
            ]
        }
        _ => vec![
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::EcParams(curve(key)),
            Attribute::EcPoint(tlv(4, &key.raw_public_key().unwrap())),
        ],
    }
}

/// The content of an object identifier.
fn oid(curve: Nid) -> Vec<u8> {
    Asn1Object::from_str(curve.short_name().unwrap()).unwrap().as_slice().to_vec()
}

/// The curve's identifier, in DER.
fn curve(key: &PKey<Private>) -> Vec<u8> {
    match key.ec_key() {
        Ok(key) => tlv(6, &oid(key.group().curve_name().unwrap())),
        // RFC 8410 §3
        Err(_) => tlv(6, &[0x2b, 0x65, 0x70]),
    }
}

/// Compiles `tests/c/token.c`: SoftHSM with faults.
pub(crate) fn faulty(bench: &Bench) -> PathBuf {
    let module = bench.place.path().join("faulty.so");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&module)
        .arg(format!("-DSOFTHSM=\"{}\"", bench.module))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c/token.c"))
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    module
}
