//! Entries with the certificates above the endorser's in X509Data.

use std::{fs, slice};

use stratuslab::{
    Certificate, Credentials,
    dsig::{AlgorithmPolicy, SignRequest, sign, verify},
    metadata::rules::Leniency,
};

use crate::{
    entry::{ENDORSED, plain},
    peers,
    pki::{Identity, Kind, Request, authority, key, new_key},
};

/// An endorser `depth` certificates below the authority, and what is between them, nearest first.
fn below_authority(depth: usize) -> (Identity, Vec<Identity>) {
    let mut path = vec![authority()];
    for level in 1..depth {
        let issuer = path.last().unwrap();
        path.push(Request::new(&format!("CA {level}")).ca().issued_by(issuer, &new_key(Kind::P256)));
    }
    let endorser =
        Request::new("Joe").email("joe@example.org").issued_by(path.last().unwrap(), &key(Kind::Rsa2048));
    path.reverse();
    (endorser, path)
}

/// The entry signed with these credentials, the chain included.
fn signed(credentials: &Credentials) -> Vec<u8> {
    let request = SignRequest {
        credentials,
        method: None,
        email: None,
        created: ENDORSED.parse().unwrap(),
        leniency: Leniency::Strict,
        include_chain: true,
    };
    sign(plain().as_bytes(), &request).unwrap().document().to_owned()
}

/// The certificates in X509Data, in their order.
fn certificates(document: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(document).unwrap();
    let values = text.split("<X509Certificate>").skip(1).map(|rest| rest.split('<').next().unwrap());
    values.map(|value| openssl::base64::decode_block(&value.replace('\n', "")).unwrap()).collect()
}

#[test]
fn the_chain_goes_with_the_entry_from_the_endorser_up_without_the_anchor() {
    let folder = tempfile::tempdir().unwrap();
    for depth in [1, 2, 4, 20] {
        let (endorser, path) = below_authority(depth);
        // The order of the file says nothing.
        let file: Vec<u8> =
            path.iter().rev().chain(slice::from_ref(&endorser)).flat_map(Identity::certificate_pem).collect();
        let credentials = Credentials::from_pem(&file, &endorser.key_pem(), None).unwrap();
        let document = signed(&credentials);
        let (_anchor, between) = path.split_last().unwrap();
        let mut expected = vec![endorser.certificate_der()];
        // X509Data takes sixteen certificates.
        expected.extend(between.iter().take(15).map(Identity::certificate_der));
        assert_eq!(certificates(&document), expected, "{depth}");

        let verified = verify(&document, &AlgorithmPolicy::default()).unwrap();
        assert_eq!(verified.certificate().der(), endorser.certificate_der());
        let above: Vec<&[u8]> = credentials.intermediates().map(Certificate::der).collect();
        assert_eq!(above.len(), depth - 1);

        if !peers::skipped("entries with a chain") {
            let name = folder.path().join(format!("{depth}.xml"));
            fs::write(&name, document).unwrap();
            peers::xmlsec_verifies(slice::from_ref(&name));
            assert_eq!(
                peers::in_one_run(peers::Peer::Jdk, folder.path(), &[format!("verify\t{}", name.display())]),
                ["valid"]
            );
        }
    }
}

/// An authority that certifies its own new key is no anchor, whatever its name.
#[test]
fn a_certificate_that_is_only_self_issued_is_part_of_the_chain() {
    let renamed = Request::new("Test CA").ca().issued_by(&authority(), &new_key(Kind::P256));
    let endorser = Request::new("Joe").email("joe@example.org").issued_by(&renamed, &key(Kind::P256));
    let file =
        [endorser.certificate_pem(), renamed.certificate_pem(), authority().certificate_pem()].concat();
    let credentials = Credentials::from_pem(&file, &endorser.key_pem(), None).unwrap();
    let expected = [endorser.certificate_der(), renamed.certificate_der()];
    assert_eq!(certificates(&signed(&credentials)), expected);
}
