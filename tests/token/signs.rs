//! What tokens sign is valid.

use std::{fs, process::Command};

use stratuslab::{
    Credentials, Password, Timestamp,
    credentials::token::{Login, Pkcs11Uri, Token},
    dsig::{AlgorithmPolicy, SignRequest, sign, verify},
    metadata::rules::Leniency,
};

use crate::{
    loopback,
    pki::{Identity, Kind, Request, authority, key, new_key},
    place::{Done, unsigned},
    softhsm::{Bench, PIN, test},
};

/// An identity that the authority certified.
pub(crate) fn joe(kind: Kind) -> Identity {
    Request::new("Joe").email("joe@example.org").issued_by(&authority(), &key(kind))
}

/// Asserts that a signed entry was printed that we and xmlsec1 verify; gives it.
#[track_caller]
pub(crate) fn valid(bench: &Bench, done: &Done) -> String {
    assert_eq!(done.stderr, "");
    valid_though_told(bench, done)
}

/// The same, whatever was told.
#[track_caller]
pub(crate) fn valid_though_told(bench: &Bench, done: &Done) -> String {
    let entry = done.succeeded().to_owned();
    verify(entry.as_bytes(), &AlgorithmPolicy::new(true)).unwrap();
    let file = bench.place.write("signed.xml", &entry);
    // Debian 12's knows neither EdDSA nor PSS.
    if !entry.contains("#eddsa-ed25519") && !entry.contains("-rsa-MGF1") {
        let judged = Command::new("xmlsec1").args(["--verify", "--insecure"]).arg(file).output();
        let judged = judged.expect("there is no xmlsec1: install it (Debian: apt-get install xmlsec1)");
        assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    }
    entry
}

#[test]
fn every_kind_of_key_signs_with_every_method() {
    test("signs::every_kind_of_key_signs_with_every_method", |bench| {
        for (kind, default, methods) in [
            (
                Kind::Rsa2048,
                "rsa-sha256",
                &[
                    "rsa-sha1",
                    "rsa-sha256",
                    "rsa-sha384",
                    "rsa-sha512",
                    "sha256-rsa-MGF1",
                    "sha384-rsa-MGF1",
                    "sha512-rsa-MGF1",
                ][..],
            ),
            (Kind::P256, "ecdsa-sha256", &["ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"]),
            (Kind::P384, "ecdsa-sha256", &["ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"]),
            (Kind::P521, "ecdsa-sha256", &["ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"]),
            (Kind::Ed25519, "eddsa-ed25519", &["eddsa-ed25519"]),
        ] {
            let label = format!("{kind:?}");
            bench.token(&label).identity("joe", 1, &joe(kind));
            let uri = format!("pkcs11:token={label};object=joe;type=private");
            let entry = valid(bench, &bench.sign(&uri, &[]));
            assert!(entry.contains(&format!("#{default}\"")), "{entry}");
            for method in methods {
                let entry = valid(bench, &bench.sign(&uri, &["--signature-algorithm", method]));
                assert!(entry.contains(&format!("#{method}\"")), "{entry}");
            }
        }
    });
}

#[test]
fn the_library_signs_with_a_session_that_lasts_as_long_as_the_credentials() {
    test("signs::the_library_signs_with_a_session_that_lasts_as_long_as_the_credentials", |bench| {
        bench.token("library").identity("joe", 1, &joe(Kind::P256));
        let uri: Pkcs11Uri =
            format!("pkcs11:token=library?module-path={}&pin-value={PIN}", bench.module).parse().unwrap();
        let open = |login| {
            let mut token = Token::open(&uri, None).unwrap();
            assert_eq!((token.label(), token.asks_for().unwrap()), ("library", login));
            token.login(Some(&Password::new(PIN.to_owned()))).unwrap();
            token.credentials(None).unwrap()
        };
        // PKCS #11 §5.6: a process is logged in with all of its sessions.
        let (one, other) = (open(Login::Pin), open(Login::None));
        assert!(one.key().is_none() && one.key_was_encrypted());
        let signs = |credentials: &Credentials| {
            let request = SignRequest {
                credentials,
                method: None,
                email: None,
                created: Timestamp::now(),
                leniency: Leniency::Strict,
                include_chain: false,
            };
            sign(unsigned().as_bytes(), &request).unwrap();
        };
        signs(&one);
        // The module is shared, and stays as long as anyone has it.
        let clone = other.clone();
        drop((one, other));
        signs(&clone);
        drop(clone);
        signs(&open(Login::Pin));
        assert!(!format!("{uri} {uri:?}").contains(PIN));
    });
}

#[test]
fn the_chain_is_on_the_token_or_in_the_file() {
    test("signs::the_chain_is_on_the_token_or_in_the_file", |bench| {
        let intermediate = Request::new("CA 1").ca().issued_by(&authority(), &new_key(Kind::P256));
        let joe = Request::new("Joe").email("joe@example.org").issued_by(&intermediate, &key(Kind::P256));
        bench
            .token("chain")
            .certificate("root", 7, &authority())
            .certificate("CA 1", 8, &intermediate)
            .identity("joe", 1, &joe);
        bench.token("bare").key("joe", 1, &joe.key, &[]);
        let count = |entry: &str| entry.matches("<X509Certificate>").count();
        assert_eq!(count(&valid(bench, &bench.sign("pkcs11:token=chain", &[]))), 1);
        let on_token = valid(bench, &bench.sign("pkcs11:token=chain", &["--include-chain"]));
        assert_eq!(count(&on_token), 2);

        let file =
            [joe.certificate_pem(), intermediate.certificate_pem(), authority().certificate_pem()].concat();
        bench.place.write("chain.pem", file);
        let from_file = ["--pem-cert", "chain.pem", "--include-chain"];
        assert_eq!(count(&valid(bench, &bench.sign("pkcs11:token=bare", &from_file))), 2);
        // As the file says, though the token has more.
        bench.place.write("joe.pem", joe.certificate_pem());
        let done = bench.sign("pkcs11:token=chain", &["--pem-cert", "joe.pem", "--include-chain"]);
        assert_eq!(done.stderr, "note: there is no issuer's certificate to include beside the endorser's\n");
        assert_eq!(count(&valid_though_told(bench, &done)), 1);
    });
}

#[test]
fn several_files_are_signed_in_one_session() {
    test("signs::several_files_are_signed_in_one_session", |bench| {
        bench.token("one").identity("joe", 1, &joe(Kind::P256));
        let module = crate::softhsm::faulty(bench);
        for name in ["b.xml", "c.xml"] {
            bench.place.write(name, unsigned());
        }
        let log = bench.place.path().join("log");
        let arguments = [
            "--pkcs11-uri",
            "pkcs11:token=one",
            "--pkcs11-module",
            module.to_str().unwrap(),
            "a.xml",
            "b.xml",
            "c.xml",
        ];
        let done = bench.run(&arguments, &[("LOG", log.to_str().unwrap()), ("STRATUSLAB_P12_PASSWORD", PIN)]);
        assert_eq!(done.stderr, "");
        done.succeeded();
        let log = fs::read_to_string(log).unwrap();
        let count = |what: &str| log.lines().filter(|line| *line == what).count();
        assert_eq!(["initialize", "open session", "login", "finalize"].map(count), [1; 4], "{log}");
        assert!(log.ends_with("finalize\n"), "{log}");
        for name in ["a.xml", "b.xml", "c.xml"] {
            verify(&bench.place.bytes(name), &AlgorithmPolicy::default()).unwrap();
        }
    });
}

#[test]
fn an_entry_is_deprecated_with_the_key_and_the_chain() {
    test("signs::an_entry_is_deprecated_with_the_key_and_the_chain", |bench| {
        let intermediate = Request::new("CA 1").ca().issued_by(&authority(), &new_key(Kind::P256));
        let joe = Request::new("Joe").email("joe@example.org").issued_by(&intermediate, &key(Kind::P256));
        bench.token("chain").certificate("CA 1", 8, &intermediate).identity("joe", 1, &joe);
        let entry = valid(bench, &bench.sign("pkcs11:token=chain", &[]));
        bench.place.write("stored/entry.xml", entry);
        let folder = bench.place.path().join("stored");
        let marketplace = loopback::start(&[], |options| options.folder = Some(folder));
        let mut command = bench.place.command("deprecate");
        command
            .args(["--pkcs11-uri", "pkcs11:token=chain", "--pkcs11-module", bench.module, "--include-chain"])
            .args(["--marketplace-endpoint", &marketplace.base, loopback::IDENTIFIER])
            .env("STRATUSLAB_P12_PASSWORD", PIN);
        let done = Done::from(bench.with_tokens(&mut command).output().unwrap());
        assert_eq!(done.stderr, "");
        assert!(done.succeeded().contains("/joe@example.org/"), "{}", done.stdout);
        let posted = marketplace.requests.try_iter().find(|request| request.method == "POST").unwrap().body;
        let posted = String::from_utf8(posted).unwrap();
        assert_eq!(posted.matches("<X509Certificate>").count(), 2);
        assert!(posted.contains("This image has been deprecated"));
        verify(posted.as_bytes(), &AlgorithmPolicy::default()).unwrap();
    });
}
