//! Which module, token, key and certificate are meant.

use cryptoki::object::Attribute;

use crate::{
    pki::{Kind, Request, authority, jane, key, new_key},
    signs::{joe, valid},
    softhsm::{Bench, PIN, test},
};

/// What is told when `uri` cannot sign; the tokens' serial numbers left out.
#[track_caller]
fn told(bench: &Bench, uri: &str, more: &[&str]) -> String {
    let told = bench.sign(uri, more).failed(4).to_owned();
    let mut parts = told.split("(serial ");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + "(serial N" + &part[part.find(')').unwrap()..])
}

#[test]
fn one_token_and_one_key_are_meant() {
    test("choice::one_token_and_one_key_are_meant", |bench| {
        assert_eq!(
            told(bench, "pkcs11:token=a", &[]),
            "error: no token matches pkcs11:token=a; there is none at all\n\
             hint: is it plugged in, and is --pkcs11-module the module that knows it?\n"
        );
        bench.token("a").identity("joe", 1, &joe(Kind::P256)).identity("jane", 2, &jane());
        bench.token("b").identity("joe", 1, &joe(Kind::P256));
        assert_eq!(
            told(bench, "pkcs11:token=c;object=joe", &[]),
            "error: no token matches pkcs11:token=c;object=joe; there is 'a', 'b'\n\
             hint: name one of these with token= in the URI\n"
        );
        assert_eq!(
            told(bench, "pkcs11:object=joe", &[]),
            "error: several tokens match pkcs11:object=joe: 'a (serial N)', 'b (serial N)'\n\
             hint: name one with token= and serial= in the URI\n"
        );
        assert_eq!(
            told(bench, "pkcs11:token=a", &[]),
            "error: several private keys with a certificate each: 'CN=Jane Tester,O=StratusLab,C=FR', \
             'CN=Joe,O=StratusLab,C=FR' (token 'a')\nhint: name one with object= or id= in the URI\n"
        );
        assert_eq!(
            told(bench, "pkcs11:token=a;object=jo", &[]),
            "error: the token 'a' has no private key that matches pkcs11:token=a;object=jo; it has 'jane', 'joe'\n\
             hint: name one with object= or id= in the URI\n"
        );
        for (uri, name) in [
            ("pkcs11:token=a;object=joe", "CN=Joe"),
            ("pkcs11:token=a;id=%02;type=private", "CN=Jane Tester"),
            (
                "pkcs11:token=b;model=SoftHSM%20v2;manufacturer=SoftHSM%20project;library-version=2.6",
                "CN=Joe",
            ),
            ("pkcs11:token=b;slot-manufacturer=SoftHSM%20project;x-colour=red", "CN=Joe"),
        ] {
            assert!(valid(bench, &bench.sign(uri, &[])).contains(name), "{uri}");
        }
        for uri in
            ["model=x", "manufacturer=x", "serial=x", "slot-id=9", "slot-description=x", "library-version=9"]
        {
            let told = told(bench, &format!("pkcs11:token=b;{uri}"), &[]);
            assert!(told.starts_with("error: no token matches pkcs11:token=b;"), "{uri}: {told}");
        }
    });
}

#[test]
fn a_certificate_is_found_by_identifier_then_by_key_and_a_file_may_have_it() {
    test("choice::a_certificate_is_found_by_identifier_then_by_key_and_a_file_may_have_it", |bench| {
        let mine = joe(Kind::P256);
        // Renewed: two certificates for one key.
        let renewed = Request::new("Joe renewed").email("joe@example.org").days(-1, 999);
        let renewed = renewed.issued_by(&authority(), &key(Kind::P256));
        let other =
            Request::new("Other").email("o@example.org").issued_by(&authority(), &new_key(Kind::P256));
        bench.token("renewed").identity("joe", 1, &mine).certificate("joe", 1, &renewed);
        bench
            .token("by key")
            .key("joe", 1, &mine.key, &[])
            .certificate("other", 1, &other)
            .certificate("joe", 9, &mine);
        // Without its public half the key is known by its identifier only.
        bench
            .token("by id")
            .private_key("joe", 1, &mine.key, &[])
            .certificate("j", 1, &mine)
            .certificate("o", 2, &other);
        bench.token("bare").private_key("joe", 1, &mine.key, &[]);
        bench.token("alien").key("joe", 1, &mine.key, &[]).certificate("other", 1, &other);
        for (token, name) in [("renewed", "CN=Joe renewed"), ("by%20key", "CN=Joe,"), ("by%20id", "CN=Joe,")]
        {
            let entry = valid(bench, &bench.sign(&format!("pkcs11:token={token}"), &[]));
            assert!(entry.contains(name), "{token}: {entry}");
        }
        bench.place.write("joe.pem", mine.certificate_pem());
        bench.place.write("chain.pem", [mine.certificate_pem(), authority().certificate_pem()].concat());
        bench.place.write("other.pem", other.certificate_pem());
        bench.place.write("rsa.pem", joe(Kind::Rsa2048).certificate_pem());
        bench.place.write("none.pem", "none\n");
        for (token, file) in
            [("bare", "joe.pem"), ("bare", "chain.pem"), ("alien", "joe.pem"), ("renewed", "joe.pem")]
        {
            let entry = valid(bench, &bench.sign(&format!("pkcs11:token={token}"), &["--pem-cert", file]));
            assert!(entry.contains("CN=Joe,"), "{token}: {entry}");
        }
        assert_eq!(
            told(bench, "pkcs11:token=bare", &[]),
            "error: the token 'bare' has no certificate\nhint: give it with --pem-cert FILE\n"
        );
        assert_eq!(
            told(bench, "pkcs11:token=alien", &[]),
            "error: the private key does not belong to the certificate of 'CN=Other,O=StratusLab,C=FR' (token \
             'alien')\nhint: give the certificate of the key with --pem-cert FILE\n"
        );
        for (token, file, fact) in [
            (
                "alien",
                "other.pem",
                "the private key does not belong to the certificate of 'CN=Other,O=StratusLab,C=FR'",
            ),
            (
                "bare",
                "rsa.pem",
                "the private key does not belong to the certificate of 'CN=Joe,O=StratusLab,C=FR'",
            ),
        ] {
            let uri = format!("pkcs11:token={token}");
            let hint = format!("hint: --pem-cert has to hold the certificate of the key {uri}\n");
            assert_eq!(told(bench, &uri, &["--pem-cert", file]), format!("error: {file}: {fact}\n{hint}"));
        }
        assert_eq!(
            told(bench, "pkcs11:token=bare", &["--pem-cert", "none.pem"]),
            "error: none.pem: no certificate\n"
        );
        // Nothing tells that it is another's but the signature, which is not handed out.
        let done = bench.sign("pkcs11:token=bare", &["--pem-cert", "other.pem"]);
        let fact = "error: a.xml: the signature made does not verify: ";
        assert!(done.failed(1).starts_with(fact) && done.stdout.is_empty(), "{}", done.stderr);
    });
}

#[test]
fn a_key_has_to_be_for_signing_and_its_certificate_valid() {
    test("choice::a_key_has_to_be_for_signing_and_its_certificate_valid", |bench| {
        let expired = Request::new("Joe").email("joe@example.org").days(-9, -2);
        let expired = expired.issued_by(&authority(), &key(Kind::P256));
        bench.token("expired").identity("joe", 1, &expired);
        let decrypts = [Attribute::Sign(false), Attribute::Decrypt(true)];
        bench.token("decrypts").key("joe", 1, &key(Kind::Rsa2048), &decrypts).certificate(
            "joe",
            1,
            &joe(Kind::Rsa2048),
        );
        bench
            .token("both")
            .key("decrypts", 1, &key(Kind::Rsa2048), &decrypts)
            .certificate("decrypts", 1, &joe(Kind::Rsa2048))
            .identity("signs", 2, &joe(Kind::P256));
        bench.token("empty");
        assert_eq!(
            told(bench, "pkcs11:token=decrypts", &[]),
            "error: the key 'joe' on the token 'decrypts' may not sign\n\
             hint: name another key with object= or id= in the URI\n"
        );
        valid(bench, &bench.sign("pkcs11:token=both", &[]));
        assert_eq!(
            told(bench, "pkcs11:token=empty", &[]),
            "error: the token 'empty' has no private key that matches pkcs11:token=empty; it has none at all\n\
             hint: was the key made on another token?\n"
        );
        let told = told(bench, "pkcs11:token=expired", &[]);
        assert!(
            told.starts_with(
                "error: pkcs11:token=expired: the certificate of 'CN=Joe,O=StratusLab,C=FR' expired"
            ),
            "{told}"
        );
        assert!(told.ends_with("hint: --allow-expired-certificate signs all the same\n"), "{told}");
        let done = bench.sign("pkcs11:token=expired", &["--allow-expired-certificate"]);
        assert!(done.stderr.starts_with("warning: the certificate of 'CN=Joe"), "{}", done.stderr);
        done.succeeded();
        let done = bench.sign("pkcs11:token=both", &["--signature-algorithm", "rsa-sha256"]);
        assert_eq!(
            done.failed(2),
            "error: rsa-sha256 was asked for but the certificate's key is EC P-256\n\
             hint: leave out --signature-algorithm, or signature_algorithm in the \
             configuration, or name one that fits the key\n"
        );
    });
}

#[test]
fn the_module_is_named_or_p11_kits() {
    test("choice::the_module_is_named_or_p11_kits", |bench| {
        bench.token("a").identity("joe", 1, &joe(Kind::P256));
        let run = |uri: &str, more: &[&str], variables: &[(&str, &str)]| {
            let variables = [&[("STRATUSLAB_P12_PASSWORD", PIN)], variables].concat();
            bench.run(&[&["--pkcs11-uri", uri, "--output", "-", "a.xml"], more].concat(), &variables)
        };
        let (folder, file) = bench.module.rsplit_once('/').unwrap();
        let name = file.strip_suffix(".so").unwrap();
        let path = format!("pkcs11:token=a?module-path={}", bench.module);
        let in_folder = format!("pkcs11:token=a?module-path={folder}&module-name={name}");
        let without_lib =
            format!("pkcs11:token=a?module-path={folder}&module-name={}", name.trim_start_matches("lib"));
        for uri in [&path, &in_folder, &without_lib] {
            valid(bench, &run(uri, &[], &[]));
            valid(bench, &run(uri, &["--pkcs11-module", "/nowhere.so"], &[]));
        }
        valid(bench, &run("pkcs11:token=a", &[], &[("STRATUSLAB_PKCS11_MODULE", bench.module)]));
        std::os::unix::fs::symlink(bench.module, bench.place.path().join("m.so")).unwrap();
        let variables = [("STRATUSLAB_PKCS11_MODULE", "/nowhere.so")];
        valid(bench, &run("pkcs11:token=a", &["--pkcs11-module", "m.so"], &variables));

        let done = run("pkcs11:token=a", &["--pkcs11-module", "nowhere.so"], &[]);
        assert_eq!(done.failed(4), "error: there is no PKCS #11 module: nowhere.so is not there\n");
        let done = run("pkcs11:token=a?module-name=nowhere", &[], &[]);
        assert!(done.failed(4).contains("/usr/lib/pkcs11/libnowhere.so"), "{}", done.stderr);
        bench.place.write("text.so", "text");
        let done = run("pkcs11:token=a", &["--pkcs11-module", "text.so"], &[]);
        let fact = "error: cannot load the PKCS #11 module text.so: ";
        assert!(
            done.failed(4).starts_with(fact) && done.stderr.contains("file too short"),
            "{}",
            done.stderr
        );

        // p11-kit's, which is told of SoftHSM, hands out its tokens, and others.
        bench.place.write(".config/pkcs11/modules/softhsm.module", format!("module: {}\n", bench.module));
        valid(bench, &run("pkcs11:token=a", &[], &[]));
    });
}

#[test]
fn one_source_of_keys_is_meant() {
    test("choice::one_source_of_keys_is_meant", |bench| {
        for other in [["--p12-cert", "x"].as_slice(), &["--pem-cert", "x", "--pem-key", "y"]] {
            let args = [&["--pkcs11-uri", "pkcs11:", "a.xml"], other].concat();
            assert!(bench.run(&args, &[]).failed(2).contains("cannot be used with"));
        }
        let both = [("STRATUSLAB_PKCS11_URI", "pkcs11:"), ("STRATUSLAB_P12_CERTIFICATE", "x")];
        assert_eq!(
            bench.run(&["a.xml"], &both).failed(2),
            "error: the variables STRATUSLAB_P12_CERTIFICATE and STRATUSLAB_PKCS11_URI are both set\n\
             hint: unset one of them\n"
        );
        for other in ["p12_certificate", "pem_key"] {
            bench.place.write("c.toml", format!("pkcs11_uri = 'pkcs11:'\n{other} = 'x'\n"));
            assert_eq!(
                bench.run(&["--config", "c.toml", "a.xml"], &[]).failed(2),
                format!(
                    "error: the configuration has both pkcs11_uri and {other}\nhint: leave one of them out\n"
                )
            );
        }
        let done = bench.run(&["--pkcs11-uri", "pkcs11:type=cert", "a.xml"], &[]);
        assert_eq!(
            done.failed(2),
            "error: --pkcs11-uri: the PKCS #11 URI names an object of type 'cert', but a private key signs\n\
             hint: write type=private, or leave type out\n"
        );
    });
}
