//! Time-stamp authorities: certificates, and `openssl ts` to make and to judge time stamps.

use std::{fs, path::Path, process::Command};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    x509::{
        X509,
        extension::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
            SubjectKeyIdentifier,
        },
    },
};
use tempfile::TempDir;

use crate::pki::{self, Identity, Kind, key, new_key};

/// What the certificate of an authority is to be.
#[derive(Clone)]
pub(crate) struct Profile {
    pub(crate) kind: Kind,
    /// Extended key usages; none leaves the extension out.
    pub(crate) usages: Vec<&'static str>,
    /// Is it critical?
    pub(crate) critical: bool,
    /// The validity period, in days from now.
    pub(crate) days: (i64, i64),
    /// Is there an authority between it and its anchor?
    pub(crate) intermediate: bool,
    /// Lines for the section of `openssl ts`, over the usual ones.
    pub(crate) config: &'static str,
}

impl Profile {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            usages: vec!["timeStamping"],
            critical: true,
            days: (-30, 365),
            intermediate: false,
            config: "",
        }
    }
}

/// An authority, ready to stamp.
pub(crate) struct Authority {
    pub(crate) folder: TempDir,
    pub(crate) tsa: Identity,
    pub(crate) chain: Vec<Identity>,
    /// The anchor.
    pub(crate) root: Identity,
}

const CONFIG: &str = "
[tsa]
default_tsa = ts
[ts]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
certs = chain.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

impl Authority {
    pub(crate) fn new(profile: &Profile) -> Self {
        let root = certified("Time CA", &new_key(Kind::P256), None, Role::Authority, (-60, 3650));
        let mut chain = Vec::new();
        if profile.intermediate {
            let key = new_key(Kind::P256);
            chain.push(certified("Middle CA", &key, Some(&root), Role::Authority, (-60, 3650)));
        }
        let issuer = chain.last().unwrap_or(&root);
        let role = Role::Tsa { usages: &profile.usages, critical: profile.critical };
        let tsa = certified("TSA", &key(profile.kind), Some(issuer), role, profile.days);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
        let overridden: Vec<_> = profile.config.lines().filter_map(|line| line.split(" = ").next()).collect();
        let usual = CONFIG.lines().filter(|line| !overridden.iter().any(|key| line.starts_with(key)));
        write("ts.cnf", format!("{}\n{}\n", usual.collect::<Vec<_>>().join("\n"), profile.config).as_bytes());
        write("serial", b"0100\n");
        write("tsa.pem", &tsa.certificate_pem());
        write("tsa.key", &tsa.key_pem());
        let issuers: Vec<_> = chain.iter().chain([&root]).flat_map(Identity::certificate_pem).collect();
        write("chain.pem", &issuers);
        write("ca.pem", &root.certificate_pem());
        Self { folder, tsa, chain, root }
    }

    pub(crate) fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// The `TimeStampResp` for a `TimeStampReq`.
    pub(crate) fn reply(&self, query: &[u8]) -> Vec<u8> {
        fs::write(self.folder.path().join("query.tsq"), query).unwrap();
        let arguments = "ts -reply -config ts.cnf -section ts -queryfile query.tsq -out reply.tsr";
        let (success, told) = openssl(self.folder.path(), arguments);
        assert!(success, "{told}");
        fs::read(self.folder.path().join("reply.tsr")).unwrap()
    }

    /// What `openssl ts -verify` says of a time stamp of `octets`.
    pub(crate) fn judge(&self, stamp: &Path, octets: &[u8]) -> (bool, String) {
        fs::write(self.folder.path().join("octets"), octets).unwrap();
        let arguments = "ts -verify -data octets -CAfile ca.pem -untrusted chain.pem -in";
        openssl(self.folder.path(), &format!("{arguments} {}", stamp.display()))
    }
}

fn openssl(folder: &Path, arguments: &str) -> (bool, String) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), told.concat())
}

/// What a certificate is for.
#[derive(Clone, Copy)]
pub(crate) enum Role<'a> {
    Authority,
    Tsa {
        usages: &'a [&'static str],
        critical: bool,
    },
    /// At 127.0.0.1.
    Server,
}

/// A certificate, by itself or by an issuer.
pub(crate) fn certified(
    name: &str,
    key: &openssl::pkey::PKey<openssl::pkey::Private>,
    issuer: Option<&Identity>,
    role: Role<'_>,
    days: (i64, i64),
) -> Identity {
    let utf8 = openssl::asn1::Asn1Type::UTF8STRING;
    let subject = pki::name(&[(pki::O, utf8, "StratusLab"), (pki::CN, utf8, name)]);
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, openssl::bn::MsbOption::ONE, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |i| i.certificate.subject_name())).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let instant = |days: i64| Asn1Time::from_unix(i64::try_from(now).unwrap() + days * 86_400).unwrap();
    builder.set_not_before(&instant(days.0)).unwrap();
    builder.set_not_after(&instant(days.1)).unwrap();
    builder.set_pubkey(key).unwrap();
    match role {
        Role::Server => {}
        Role::Authority => {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            let usage = KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap();
            builder.append_extension(usage).unwrap();
        }
        Role::Tsa { usages, critical } => {
            builder.append_extension(BasicConstraints::new().critical().build().unwrap()).unwrap();
            let usage = KeyUsage::new().critical().digital_signature().build().unwrap();
            builder.append_extension(usage).unwrap();
            if !usages.is_empty() {
                let mut usage = ExtendedKeyUsage::new();
                if critical {
                    usage.critical();
                }
                for name in usages {
                    usage.other(name);
                }
                builder.append_extension(usage.build().unwrap()).unwrap();
            }
        }
    }
    if let Role::Server = role {
        let mut name = SubjectAlternativeName::new();
        let name = name.ip("127.0.0.1").build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(name).unwrap();
    }
    let identifier = SubjectKeyIdentifier::new();
    let identifier = identifier.build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(identifier).unwrap();
    if let Some(issuer) = issuer {
        let mut identifier = AuthorityKeyIdentifier::new();
        let context = builder.x509v3_context(Some(&issuer.certificate), None);
        let identifier = identifier.keyid(true).build(&context).unwrap();
        builder.append_extension(identifier).unwrap();
    }
    builder.sign(issuer.map_or(key, |i| &i.key), MessageDigest::sha256()).unwrap();
    Identity { key: key.clone(), certificate: builder.build() }
}
