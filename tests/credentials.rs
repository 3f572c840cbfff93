//! Credentials files of every age and kind, made here and by `openssl` and `keytool`.
#![allow(clippy::unwrap_used, reason = "a test without its material has failed")]

#[path = "common/pki.rs"]
mod pki;

use std::{fs, path::Path, process::Command};

use openssl::{nid::Nid, pkcs12::Pkcs12, pkey::PKey, symm::Cipher};
use pki::{Identity, Kind, Request, authority, jane, key, new_key};
use stratuslab::{Credentials, CredentialsError as Error, Password, Timestamp};

fn open(file: &[u8], password: &str) -> Result<Credentials, Error> {
    Credentials::from_pkcs12(file, &Password::new(password.to_owned()))
}

fn open_pem(certificate: &[u8], key: &[u8], password: Option<&str>) -> Result<Credentials, Error> {
    let password = password.map(|text| Password::new(text.to_owned()));
    Credentials::from_pem(certificate, key, password.as_ref())
}

#[track_caller]
fn assert_is(credentials: &Credentials, identity: &Identity) {
    assert_eq!(credentials.certificate().der(), identity.certificate_der());
    assert!(credentials.key().unwrap().public_eq(&identity.key));
}

/// Runs a program that has to succeed; `None`, and a word about it, where it is not installed.
#[track_caller]
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<()> {
    let output = match Command::new(program).args(arguments).current_dir(folder).output() {
        Err(error) => {
            eprintln!("SKIPPED: {program}: {error}");
            return None;
        }
        Ok(output) => output,
    };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

#[test]
fn pkcs12_of_today_and_of_twenty_years_ago_opens() {
    let jane = jane();
    for kind in [Kind::P521, Kind::Ed25519, Kind::Dsa1024, Kind::RsaPss2048] {
        let joe = Request::new("Joe").self_signed(&key(kind));
        for file in [joe.pkcs12("pw"), joe.old_pkcs12("pw")] {
            assert_is(&open(&file, "pw").unwrap(), &joe);
        }
    }
    for password in ["XYZXYZ", "pâßwörd €"] {
        for file in [jane.pkcs12(password), jane.old_pkcs12(password)] {
            assert_is(&open(&file, password).unwrap(), &jane);
            for wrong in ["xyzxyz", "", "XYZXYZ ", "wrông", "XYZ\0XYZ"] {
                assert!(matches!(open(&file, wrong), Err(Error::WrongPassword)), "{wrong}");
            }
        }
    }
    let credentials = open(&jane.pkcs12("pw"), "pw").unwrap();
    assert_eq!(credentials.certificate().subject().as_str(), "CN=Jane Tester,O=StratusLab,C=FR");
    assert_eq!(credentials.certificate().email(), Some("jane.tester@example.org"));
    assert_eq!(credentials.chain(), []);
}

#[test]
fn what_openssl_exports_opens() {
    let folder = tempfile::tempdir().unwrap();
    let other = |kind| Request::new("Other").self_signed(&key(kind));
    for (identity, passwords) in [
        (jane(), &["pw"][..]),
        (other(Kind::P384), &["", "pâß"]),
        (other(Kind::Ed25519), &["pw"]),
        (other(Kind::Dsa1024), &["pw"]),
        (other(Kind::RsaPss2048), &["pw"]),
    ] {
        fs::write(folder.path().join("certificate"), identity.certificate_pem()).unwrap();
        fs::write(folder.path().join("key"), identity.key_pem()).unwrap();
        let variants: [&[&str]; 18] = [
            &[],
            &["-legacy"],
            &["-legacy", "-descert"],
            &["-descert"],
            &["-keypbe", "NONE"],
            &["-certpbe", "NONE"],
            &["-keypbe", "NONE", "-certpbe", "NONE"],
            &["-nomac"],
            &["-nomac", "-legacy"],
            &["-macalg", "sha512"],
            &["-macalg", "sha384", "-noiter", "-nomaciter"],
            &["-macalg", "md5"],
            &["-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-RC2-128"],
            &["-legacy", "-certpbe", "PBE-SHA1-RC4-128", "-keypbe", "PBE-SHA1-2DES"],
            &["-legacy", "-certpbe", "PBE-SHA1-RC4-40", "-keypbe", "PBE-SHA1-RC4-40"],
            &["-certpbe", "AES-128-CBC", "-keypbe", "AES-192-CBC"],
            &["-certpbe", "camellia-256-cbc", "-keypbe", "camellia-128-cbc"],
            &["-name", "Jané's", "-CSP", "Some provider", "-LMK"],
        ];
        for (variant, password) in variants.iter().flat_map(|v| passwords.iter().map(move |p| (v, p))) {
            let pass = format!("pass:{password}");
            let export = ["pkcs12", "-export", "-in", "certificate", "-inkey", "key", "-out", "out"];
            let more = ["-iter", "100", "-passout", &pass];
            if run(folder.path(), "openssl", &[&export[..], &more, variant].concat()).is_none() {
                return;
            }
            let file = fs::read(folder.path().join("out")).unwrap();
            let opened =
                open(&file, password).unwrap_or_else(|error| panic!("{variant:?} {password:?}: {error}"));
            assert_is(&opened, &identity);
            let plain = ["-nomac", "NONE"].iter().any(|word| variant.contains(word));
            if !plain {
                assert!(matches!(open(&file, "wrong"), Err(Error::WrongPassword)), "{variant:?}");
            }
        }
    }
}

#[test]
fn what_keytool_writes_opens() {
    let folder = tempfile::tempdir().unwrap();
    let generate = ["-genkeypair", "-alias", "jane", "-keyalg", "EC", "-groupname", "secp256r1"];
    let store = ["-storetype", "PKCS12", "-keystore", "p12", "-storepass", "XYZXYZ"];
    let name = ["-dname", "CN=Jane, O=LAL, C=FR", "-ext", "SAN=email:jane@example.org"];
    for legacy in [None, Some("-J-Dkeystore.pkcs12.legacy=true")] {
        let arguments: Vec<&str> =
            [&generate[..], &store, &name].concat().into_iter().chain(legacy).collect();
        if run(folder.path(), "keytool", &arguments).is_none() {
            return;
        }
        let file = folder.path().join("p12");
        let credentials = open(&fs::read(&file).unwrap(), "XYZXYZ").unwrap();
        assert_eq!(credentials.certificate().subject().as_str(), "CN=Jane,O=LAL,C=FR");
        assert_eq!(credentials.certificate().email(), Some("jane@example.org"));
        assert!(matches!(open(&fs::read(&file).unwrap(), "xyz"), Err(Error::WrongPassword)));
        if legacy.is_some() {
            return;
        }
        // M6: a certificate-only entry after the key's, which the originals took for the key.
        let certificate = authority().certificate_pem();
        fs::write(folder.path().join("ca.pem"), certificate).unwrap();
        let import = ["-importcert", "-noprompt", "-alias", "zzz", "-file", "ca.pem"];
        run(folder.path(), "keytool", &[&import[..], &store].concat());
        let with_ca = open(&fs::read(&file).unwrap(), "XYZXYZ").unwrap();
        assert_is_same(&with_ca, &credentials);
        fs::remove_file(file).unwrap();
    }
}

fn assert_is_same(one: &Credentials, other: &Credentials) {
    assert_eq!(one.certificate(), other.certificate());
    assert!(one.key().unwrap().public_eq(other.key().unwrap()));
    assert_eq!(one.chain(), other.chain());
}

#[test]
fn the_files_of_the_originals_open() {
    let Some(vectors) = std::env::var_os("STRATUSLAB_VECTORS") else {
        return eprintln!("SKIPPED: STRATUSLAB_VECTORS does not name the folder of the originals' documents");
    };
    for file in ["test.p12", "test-ca-signed.p12"] {
        let file = fs::read(Path::new(&vectors).join("stratuslab-metadata").join(file)).unwrap();
        let credentials = open(&file, "XYZXYZ").unwrap();
        assert!(credentials.certificate().public_key().unwrap().public_eq(credentials.key().unwrap()));
        assert!(matches!(open(&file, "xyzxyz"), Err(Error::WrongPassword)));
        let now = Timestamp::now();
        assert!(matches!(credentials.check_validity(now), Err(Error::Expired { at, .. }) if at == now));
    }
}

#[test]
fn the_chain_is_what_leads_up_from_the_certificate() {
    let root = authority();
    let middle = Request::new("Middle").ca().issued_by(&root, &new_key(Kind::P256));
    let joe = Request::new("Joe").issued_by(&middle, &key(Kind::P384));
    let stranger = Request::new("Stranger").self_signed(&new_key(Kind::P256));
    let before = Request::new("Joe").days(-400, 10).issued_by(&middle, &key(Kind::P384));
    let others = [&stranger, &root, &before, &middle];
    let expected = [middle.certificate_der(), root.certificate_der()];

    let pem: Vec<u8> =
        [&root, &stranger, &joe, &before, &middle].iter().flat_map(|i| i.certificate_pem()).collect();
    let from_pem = open_pem(&pem, &joe.key_pem(), None).unwrap();
    let from_pkcs12 = open(&joe.pkcs12_with_chain("pw", &others), "pw").unwrap();
    for credentials in [from_pem, from_pkcs12] {
        // Of two certificates for one key, the later counts and the other is no chain material.
        assert_is(&credentials, &joe);
        let chain: Vec<&[u8]> = credentials.chain().iter().map(stratuslab::Certificate::der).collect();
        assert_eq!(chain, expected);
    }
}

#[test]
fn m6_the_key_is_the_one_that_has_a_certificate() {
    let (jane, joe) = (jane(), Request::new("Joe").self_signed(&key(Kind::P256)));
    let keys = [new_key(Kind::P256).private_key_to_pem_pkcs8().unwrap(), jane.key_pem()].concat();
    assert_is(&open_pem(&jane.certificate_pem(), &keys, None).unwrap(), &jane);

    let both = [jane.certificate_pem(), joe.certificate_pem()].concat();
    let keys = [jane.key_pem(), joe.key_pem()].concat();
    let error = open_pem(&both, &keys, None).unwrap_err();
    assert!(matches!(&error, Error::SeveralKeys { subjects } if subjects.len() == 2));
    assert_eq!(
        error.to_string(),
        "several private keys with a certificate each: \
         'CN=Jane Tester,O=StratusLab,C=FR', 'CN=Joe,O=StratusLab,C=FR'"
    );
    assert_is(&open_pem(&jane.certificate_pem(), &keys, None).unwrap(), &jane);
    assert_is(
        &open_pem(&jane.certificate_pem(), &[jane.key_pem(), jane.key_pem()].concat(), None).unwrap(),
        &jane,
    );
}

#[test]
fn pkcs12_that_is_no_use_says_why() {
    let jane = jane();
    let good = jane.pkcs12("pw");
    for not in [&b""[..], b"hello", &jane.certificate_pem(), &jane.certificate_der(), &good[..good.len() / 2]]
    {
        assert!(matches!(open(not, "pw"), Err(Error::NotPkcs12)));
    }
    // The file ends with the MAC's digest, eight octets of salt and the number of iterations.
    for file in [&good, &jane.old_pkcs12("pw")] {
        let mut changed = file.clone();
        changed[file.len() - 24] ^= 1;
        assert!(matches!(open(&changed, "pw"), Err(Error::Damaged)));
        assert!(matches!(open(&changed, "wrong"), Err(Error::WrongPassword)));
    }
    let without_key = Pkcs12::builder().cert(&jane.certificate).build2("pw").unwrap().to_der().unwrap();
    assert!(matches!(open(&without_key, "pw"), Err(Error::NoPrivateKey)));
    let without_certificate = Pkcs12::builder().pkey(&jane.key).build2("pw").unwrap().to_der().unwrap();
    assert!(matches!(open(&without_certificate, "pw"), Err(Error::NoCertificate)));
    let strange = p12::PFX::new(
        &authority().certificate_der(),
        &jane.key.private_key_to_pkcs8().unwrap(),
        None,
        "pw",
        "jane",
    );
    let error = open(&strange.unwrap().to_der(), "pw").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the private key does not belong to the certificate of 'CN=Test CA,O=StratusLab,C=FR'"
    );
    let ed448 = Request::new("Ed").issued_by(&authority(), &PKey::generate_ed448().unwrap());
    let error = open(&ed448.pkcs12("pw"), "pw").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a key of type ED448 cannot sign entries; RSA, EC, Ed25519 and DSA keys can"
    );
}

/// The elements of a PKCS#12 file: what its content info holds, and its `MacData`.
fn parts(pfx: &[u8]) -> (&[u8], &[u8]) {
    let length = |at: usize| usize::from(u16::from_be_bytes([pfx[at], pfx[at + 1]]));
    // Headers of four octets, the version, and the identifier of the type of content.
    assert_eq!((pfx[7], pfx[26]), (0x30, 0x04));
    let safe = &pfx[30..30 + length(28)];
    (safe, &pfx[30 + safe.len()..])
}

/// A PKCS#12 file as BER: lengths are not told, and strings come in pieces.
fn ber(safe: &[u8], mac: &[u8]) -> Vec<u8> {
    const DATA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let pieces: Vec<u8> = safe.chunks(100).flat_map(|piece| pki::tlv(4, piece)).collect();
    let begin = [&[0x30, 0x80, 2, 1, 3, 0x30, 0x80], DATA, &[0xa0, 0x80, 0x24, 0x80]].concat();
    [&begin, &pieces, &[0; 6][..], mac, &[0; 2]].concat()
}

#[test]
fn ber_opens_as_der_does() {
    let jane = jane();
    for file in [jane.pkcs12("pâß"), jane.old_pkcs12("pâß")] {
        let (safe, mac) = parts(&file);
        let file = ber(safe, mac);
        assert_is(&open(&file, "pâß").unwrap(), &jane);
        assert!(matches!(open(&file, "wrong"), Err(Error::WrongPassword)));
    }
}

#[test]
fn more_iterations_than_anyone_waits_for_are_refused_at_once() {
    const MANY: &[u8] = &[2, 4, 0x7f, 0xff, 0xff, 0xff];
    let file = jane().pkcs12("pw");
    let (safe, mac) = parts(&file);
    let mac = pki::tlv(0x30, &[mac[2..].strip_suffix(&[2, 2, 8, 0]).unwrap(), MANY].concat());
    let der = pki::tlv(0x30, &[&file[4..30 + safe.len()], &mac].concat());
    let mut builder = Pkcs12::builder();
    let builder = builder.pkey(&jane().key).cert(&jane().certificate).key_iter(0x1_0000);
    let mut bags = builder.build2("pw").unwrap().to_der().unwrap();
    let at = bags.windows(5).rposition(|window| window == [2, 3, 1, 0, 0]).unwrap();
    bags[at + 2] = 0x7f;
    let (safe_of_bags, mac_of_bags) = parts(&bags);
    for costly in [&der, &ber(safe, &mac), &bags, &ber(safe_of_bags, mac_of_bags)] {
        for password in ["", "pw", "pâß"] {
            let error = open(costly, password).unwrap_err();
            assert!(matches!(error, Error::TooManyIterations), "{error}");
        }
    }

    // EncryptedPrivateKeyInfo with PBES2 (RFC 8018 appendix A.4): N, r and p of scrypt in 32 MiB.
    let (pbes2, pbkdf2) = ("1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12");
    let scrypt = [&[2, 3, 2, 0, 0][..], &[2, 1, 1], &[2, 3, 1, 0, 0]].concat();
    for (kdf, integers) in [(pbkdf2, MANY), ("1.3.6.1.4.1.11591.4.11", &scrypt)] {
        let algorithm = |id: &str, parameters: &[u8]| {
            let id = der::asn1::ObjectIdentifier::new_unwrap(id);
            pki::tlv(0x30, &[&pki::tlv(6, id.as_bytes()), parameters].concat())
        };
        let kdf = algorithm(kdf, &pki::tlv(0x30, &[&pki::tlv(4, b"salt"), integers].concat()));
        let cipher = algorithm("2.16.840.1.101.3.4.1.42", &pki::tlv(4, &[0; 16]));
        let scheme = algorithm(pbes2, &pki::tlv(0x30, &[kdf, cipher].concat()));
        let info = pki::tlv(0x30, &[scheme, pki::tlv(4, &[0; 64])].concat());
        for label in ["ENCRYPTED PRIVATE KEY", "PRIVATE KEY"] {
            let text = openssl::base64::encode_block(&info);
            let pem = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
            let opened = open_pem(&jane().certificate_pem(), pem.as_bytes(), Some("pw"));
            assert!(matches!(opened, Err(Error::TooManyIterations)), "{label}");
        }
    }
}

#[test]
fn it_is_known_whether_the_key_was_encrypted() {
    let jane = jane();
    let certificate = jane.certificate_pem();
    let pem = |key: &[u8], password| open_pem(&certificate, key, password).unwrap().key_was_encrypted();
    assert!(pem(&jane.encrypted_key_pem("pw"), Some("pw")));
    assert!(!pem(&jane.key_pem(), Some("pw")));
    assert!(!pem(&jane.key_pem(), None));
    assert!(!pem(&[jane.encrypted_key_pem("pw"), jane.key_pem()].concat(), Some("pw")));
    let pkcs12 = |file: &[u8], password| open(file, password).unwrap().key_was_encrypted();
    assert!(pkcs12(&jane.pkcs12("pw"), "pw"));
    assert!(pkcs12(&jane.old_pkcs12("pw"), "pw"));
    assert!(!pkcs12(&jane.pkcs12(""), ""));
    // In clear beside the encrypted certificates (`openssl pkcs12 -keypbe NONE`).
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("certificate"), &certificate).unwrap();
    fs::write(folder.path().join("key"), jane.key_pem()).unwrap();
    let export = ["pkcs12", "-export", "-in", "certificate", "-inkey", "key", "-out", "out"];
    let plain = ["-keypbe", "NONE", "-passout", "pass:pw"];
    if run(folder.path(), "openssl", &[&export[..], &plain].concat()).is_some() {
        assert!(!pkcs12(&fs::read(folder.path().join("out")).unwrap(), "pw"));
    }
}

#[test]
fn no_single_changed_byte_makes_opening_panic() {
    let joe = Request::new("Joe").self_signed(&key(Kind::P256));
    let mut builder = Pkcs12::builder();
    builder.pkey(&joe.key).cert(&joe.certificate).key_iter(1).mac_iter(1);
    let file = builder.build2("pw").unwrap().to_der().unwrap();
    for at in 0..file.len() {
        for bits in [0x01, 0x20, 0xff] {
            let mut changed = file.clone();
            changed[at] ^= bits;
            // Most are refused, and none may panic or pass for another's.
            if let Ok(credentials) = open(&changed, "pw") {
                assert_is(&credentials, &joe);
            }
        }
    }
}

#[test]
fn passwords_as_openssl_used_to_encode_them_open() {
    // Before 1.1.0 each octet of the UTF-8 text was one character.
    let octets: String = "pâß".bytes().map(char::from).collect();
    assert_is(&open(&jane().old_pkcs12(&octets), "pâß").unwrap(), &jane());
}

/// Whose key, the command of `openssl`, and its further arguments.
type Variant<'a> = (&'a Identity, &'a [&'a str], &'a [&'a [&'a str]]);

#[test]
fn pem_keys_of_every_form_open() {
    let (folder, jane) = (tempfile::tempdir().unwrap(), jane());
    let ec = Request::new("Ec").self_signed(&key(Kind::P256));
    fs::write(folder.path().join("rsa"), jane.key_pem()).unwrap();
    fs::write(folder.path().join("ec"), ec.key_pem()).unwrap();
    let ed = Request::new("Ed").self_signed(&key(Kind::Ed25519));
    let dsa = Request::new("Dsa").self_signed(&key(Kind::Dsa1024));
    fs::write(folder.path().join("ed"), ed.key_pem()).unwrap();
    fs::write(folder.path().join("dsa"), dsa.key_pem()).unwrap();
    let legacy = ["-provider", "legacy", "-provider", "default"];
    let pass = ["-passout", "pass:pw"];
    let variants: [Variant<'_>; 14] = [
        (&jane, &["pkcs8", "-topk8", "-in", "rsa"], &[&pass]),
        (&jane, &["pkcs8", "-topk8", "-in", "rsa", "-scrypt"], &[&pass]),
        (&jane, &["pkcs8", "-topk8", "-in", "rsa", "-v2", "des3", "-v2prf", "hmacWithSHA1"], &[&pass]),
        (&jane, &["pkcs8", "-topk8", "-in", "rsa", "-v1", "PBE-MD5-DES"], &[&pass, &legacy]),
        (&jane, &["pkcs8", "-topk8", "-in", "rsa", "-v1", "PBE-SHA1-RC2-40"], &[&pass, &legacy]),
        (&jane, &["rsa", "-traditional", "-aes128", "-in", "rsa"], &[&pass]),
        (&jane, &["rsa", "-traditional", "-des", "-in", "rsa"], &[&pass, &legacy]),
        (&ec, &["ec", "-aes256", "-in", "ec"], &[&pass]),
        (&ec, &["ec", "-des3", "-in", "ec", "-param_enc", "named_curve"], &[&pass]),
        (&ed, &["pkcs8", "-topk8", "-in", "ed"], &[&pass]),
        (&ed, &["pkcs8", "-topk8", "-in", "ed", "-v1", "PBE-SHA1-RC2-40"], &[&pass, &legacy]),
        (&dsa, &["pkcs8", "-topk8", "-in", "dsa", "-scrypt"], &[&pass]),
        (&dsa, &["dsa", "-aes128", "-in", "dsa"], &[&pass]),
        (&dsa, &["dsa", "-des3", "-in", "dsa"], &[&pass]),
    ];
    for (identity, command, more) in variants {
        let arguments = [command, &["-out", "out"], &more.concat()].concat();
        if run(folder.path(), "openssl", &arguments).is_none() {
            return;
        }
        let key = fs::read(folder.path().join("out")).unwrap();
        let certificate = identity.certificate_pem();
        let opened = open_pem(&certificate, &key, Some("pw"));
        assert_is(&opened.unwrap_or_else(|error| panic!("{command:?}: {error}")), identity);
        assert!(matches!(open_pem(&certificate, &key, None), Err(Error::PasswordRequired)), "{command:?}");
        let too_long = "x".repeat(2000);
        for wrong in ["", "pW", "p\0w", &too_long] {
            let error = open_pem(&certificate, &key, Some(wrong)).unwrap_err();
            assert!(matches!(error, Error::WrongPassword), "{command:?} {wrong}: {error}");
        }
    }
    for plain in [&["rsa", "-traditional", "-in", "rsa"][..], &["pkcs8", "-topk8", "-nocrypt", "-in", "rsa"]]
    {
        run(folder.path(), "openssl", &[plain, &["-out", "out"]].concat());
        let key = fs::read(folder.path().join("out")).unwrap();
        for password in [None, Some("unneeded")] {
            assert_is(&open_pem(&jane.certificate_pem(), &key, password).unwrap(), &jane);
        }
    }
    run(folder.path(), "openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-out", "parameters"]);
    let key = fs::read(folder.path().join("parameters")).unwrap();
    let identity = Request::new("Joe").self_signed(&PKey::private_key_from_pem(&key).unwrap());
    assert_is(&open_pem(&identity.certificate_pem(), &key, None).unwrap(), &identity);
}

#[test]
fn one_file_may_hold_everything_and_text_besides() {
    let jane = jane();
    let text = b"Bag Attributes\r\n    friendlyName: jane\r\n".to_vec();
    let all =
        [text, jane.encrypted_key_pem("pw"), authority().certificate_pem(), jane.certificate_pem()].concat();
    assert_is(&open_pem(&all, &all, Some("pw")).unwrap(), &jane);
    let windows = String::from_utf8(all).unwrap().replace('\n', "\r\n");
    assert_is(&open_pem(windows.as_bytes(), windows.as_bytes(), Some("pw")).unwrap(), &jane);
}

#[test]
fn pem_that_is_no_use_says_why() {
    let jane = jane();
    let (certificate, key) = (jane.certificate_pem(), jane.key_pem());
    for (certificate, key) in [(&b""[..], &key[..]), (&key, &key), (&jane.pkcs12("pw"), &key)] {
        assert!(matches!(open_pem(certificate, key, None), Err(Error::NoCertificate)));
    }
    for none in [&b""[..], &certificate, b"-----BEGIN PRIVATE KEY----"] {
        assert!(matches!(open_pem(&certificate, none, None), Err(Error::NoPrivateKey)));
    }
    let other = new_key(Kind::P256).private_key_to_pem_pkcs8().unwrap();
    assert!(matches!(open_pem(&certificate, &other, None), Err(Error::KeyMismatch { .. })));

    let encrypted = jane.encrypted_key_pem("pw");
    let traditional =
        jane.key.rsa().unwrap().private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"pw").unwrap();
    for whole in [&key, &encrypted, &traditional] {
        let cut = &whole[..whole.len() / 2];
        assert!(matches!(open_pem(&certificate, cut, Some("pw")), Err(Error::Damaged)));
        let not_base64 =
            String::from_utf8(whole.clone()).unwrap().replacen("\nM", "\n!", 1).replace("==", "=!");
        if not_base64.as_bytes() != whole.as_slice() {
            let error = open_pem(&certificate, not_base64.as_bytes(), Some("pw")).unwrap_err();
            assert!(matches!(error, Error::Damaged));
        }
    }
    let encrypted = String::from_utf8(encrypted).unwrap();
    let mut lines: Vec<&str> = encrypted.split_inclusive('\n').collect();
    lines.remove(5);
    let without_line = lines.concat();
    assert!(matches!(open_pem(&certificate, without_line.as_bytes(), Some("pw")), Err(Error::Damaged)));
    let bad = &certificate[..certificate.len() / 2];
    assert!(matches!(open_pem(bad, &key, None), Err(Error::Certificate(_))));
}

#[test]
fn the_validity_period_is_checked_to_the_second() {
    let credentials = open(&jane().pkcs12("pw"), "pw").unwrap();
    let (from, to) = (credentials.certificate().not_before(), credentials.certificate().not_after());
    let later = |at: Timestamp, seconds| Timestamp::from_unix_seconds(at.unix_seconds() + seconds).unwrap();
    assert!(credentials.check_validity(from).is_ok());
    assert!(credentials.check_validity(to).is_ok());
    let (early, late) = (later(from, -1), later(to, 1));
    let subject = "CN=Jane Tester,O=StratusLab,C=FR";
    assert_eq!(
        credentials.check_validity(early).unwrap_err().to_string(),
        format!("the certificate of '{subject}' is valid from {from}, and it is {early}")
    );
    assert_eq!(
        credentials.check_validity(late).unwrap_err().to_string(),
        format!("the certificate of '{subject}' expired at {to}, and it is {late}")
    );
}

#[test]
fn nothing_prints_a_password_or_a_key() {
    let password = Password::new("very secret".to_owned());
    let credentials = open(&jane().pkcs12("very secret"), "very secret").unwrap();
    let printed = format!("{password:?} {credentials:?} {:#?}", open(&jane().pkcs12("x"), "very secret"));
    assert!(!printed.contains("secret"), "{printed}");
}

#[test]
fn the_legacy_provider_leaves_the_default_one_usable() {
    let mut builder = Pkcs12::builder();
    builder.pkey(&jane().key).cert(&jane().certificate);
    // What only the legacy provider has, and has to be loaded to be written.
    let _ = open(&jane().old_pkcs12("pw"), "pw").unwrap();
    let aes = builder.key_algorithm(Nid::AES_128_CBC).cert_algorithm(Nid::AES_128_CBC).build2("pw").unwrap();
    assert_is(&open(&aes.to_der().unwrap(), "pw").unwrap(), &jane());
}
