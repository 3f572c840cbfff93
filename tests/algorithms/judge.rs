//! `openssl`, the command, as a judge of the algorithms that other implementations of XML-DSig do
//! not know: it is given the octets of SignedInfo and of SignatureValue, and the key.

use std::{fs, path::Path, process::Command};

use stratuslab::dsig::SignatureMethod;

use crate::{
    holder,
    pki::{Kind, tlv},
    pss::{signed_info, value},
    signed,
};

fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output();
    output.unwrap_or_else(|error| panic!("openssl does not run ({error})")).status.success()
}

/// `r` and `s` as everybody but XML-DSig writes them (RFC 3279 §2.2.2).
fn as_der(numbers: &[u8]) -> Vec<u8> {
    let number = |octets: &[u8]| {
        let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
        let positive = if octets.get(start).is_some_and(|octet| *octet > 0x7f) { &[0][..] } else { &[] };
        tlv(0x02, &[positive, &octets[start..]].concat())
    };
    let (r, s) = numbers.split_at(numbers.len() / 2);
    tlv(0x30, &[number(r), number(s)].concat())
}

#[test]
fn openssl_verifies_what_we_sign_and_nothing_else() {
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, openssl judges nothing");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    let dgst = ["dgst", "-verify", "key", "-signature", "value"];
    let mut judged = 0;
    for kind in crate::KINDS {
        let jane = holder(kind);
        write("key", &jane.key.public_key_to_pem().unwrap());
        for &method in crate::methods(kind) {
            let document = signed(&jane, Some(method));
            let (octets, octets_value) = (signed_info(&document), value(&document));
            let hash = format!("-{}", method.digest_method().name());
            let numbers = matches!(kind, Kind::P256 | Kind::P384 | Kind::P521 | Kind::Dsa1024);
            write("value", &if numbers { as_der(&octets_value) } else { octets_value });
            let command: Vec<&str> = if method == SignatureMethod::Ed25519 {
                vec![
                    "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-sigfile", "value", "-in",
                    "info",
                ]
            } else if method.name().ends_with("MGF1") {
                [&dgst[..], &[&hash], &pss, &["info"]].concat()
            } else {
                [&dgst[..], &[&hash], &["info"]].concat()
            };
            write("info", &octets);
            assert!(openssl(folder.path(), &command), "{kind:?} {method}");
            write("info", &[&octets[..], b" "].concat());
            assert!(!openssl(folder.path(), &command), "{kind:?} {method}");
            judged += 1;
        }
    }
    println!("openssl judged {judged} signatures, and as many over changed octets");
}
