//! Tokens that fail while they sign, and one that says little of itself.

use std::fs;

use crate::{
    pki::Kind,
    signs::{joe, valid},
    softhsm::{PIN, faulty, test},
};

#[test]
fn nothing_a_token_gets_wrong_is_handed_out() {
    test("faults::nothing_a_token_gets_wrong_is_handed_out", |bench| {
        bench.token("rsa").identity("joe", 1, &joe(Kind::Rsa2048));
        bench.token("ec").identity("joe", 1, &joe(Kind::P256));
        let module = faulty(bench);
        let before = bench.place.listing();
        let run = |token: &str, fault: &str, more: &[&str]| {
            let uri = format!("pkcs11:token={token}");
            let args =
                ["--pkcs11-uri", &uri, "--pkcs11-module", module.to_str().unwrap(), "--output", "-", "a.xml"];
            let variables = [("FAULT", fault), ("STRATUSLAB_P12_PASSWORD", PIN)];
            bench.run(&[&args, more].concat(), &variables)
        };
        for token in ["rsa", "ec"] {
            let done = run(token, "flips a bit", &[]);
            let fact = "error: a.xml: the signature made does not verify: ";
            assert!(done.failed(1).starts_with(fact) && done.stdout.is_empty(), "{}", done.stderr);
            let done = run(token, "removed", &[]);
            let expected = format!("error: a.xml: the token '{token}' was removed\nhint: plug it in again\n");
            assert_eq!(done.failed(4), expected);
        }
        assert_eq!(
            run("ec", "too long", &[]).failed(4),
            "error: a.xml: the token 'ec' returned a signature of 66 bytes; 64 were expected\n"
        );
        let done = run("rsa", "too long", &[]);
        assert!(
            done.failed(1).starts_with("error: a.xml: the signature made does not verify: "),
            "{}",
            done.stderr
        );
        assert_eq!(
            run("ec", "no mechanism", &["--signature-algorithm", "ecdsa-sha384"]).failed(4),
            "error: a.xml: the token 'ec' has no mechanism for ecdsa-sha384 (CKM_ECDSA, CKM_ECDSA_SHA384)\n\
             hint: name an algorithm that it knows with --signature-algorithm\n"
        );
        assert!(bench.place.listing() == before);
        // One that digests itself, and signs no digest of another's, is asked to.
        for method in ["rsa-sha1", "rsa-sha256", "rsa-sha384", "rsa-sha512"] {
            valid(bench, &run("rsa", "hashes itself", &["--signature-algorithm", method]));
        }
    });
}

#[test]
fn a_token_that_wants_no_login_is_not_logged_in_to() {
    test("faults::a_token_that_wants_no_login_is_not_logged_in_to", |bench| {
        bench.token("a").identity("joe", 1, &joe(Kind::P256));
        let module = faulty(bench);
        let log = bench.place.path().join("log");
        let args = ["--pkcs11-uri", "pkcs11:token=a", "--pkcs11-module", module.to_str().unwrap(), "a.xml"];
        let done = bench.run(&args, &[("FAULT", "no login"), ("LOG", log.to_str().unwrap())]);
        // It said so, but shows its key to nobody.
        assert!(done.failed(4).contains("has no private key"), "{}", done.stderr);
        assert!(!fs::read_to_string(log).unwrap().contains("login"));
    });
}
