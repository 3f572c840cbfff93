//! Paths: what is accepted, and every way in which one does not hold.

use openssl::{hash::MessageDigest, pkey::PKey, rsa::Rsa};
use stratuslab::trust::{PathError, PathRequest, Weakness, verify_path};

use crate::{
    assert_told,
    authority::{
        AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CRL_SIGN, DIGITAL_SIGNATURE, EXTENDED_KEY_USAGE,
        KEY_CERT_SIGN, KEY_ENCIPHERMENT, KEY_USAGE, NAME_CONSTRAINTS, SUBJECT_KEY_IDENTIFIER, authority,
        certificate, date, draft, object, used,
    },
    judge::Case,
    pki::{Kind, Request, key, new_key, tlv},
};

#[test]
fn certificates_of_the_signature_lead_to_the_anchor_in_any_order() {
    let root = authority("Root", None).self_signed();
    let middle = authority("Middle", None).usage(KEY_CERT_SIGN | CRL_SIGN).issued_by(&root);
    let lower = authority("Lower", Some(0)).issued_by(&middle);
    let leaf = draft("Jane").usage(DIGITAL_SIGNATURE).issued_by(&lower);
    let stranger = authority("Stranger", None).self_signed();
    for chain in
        [vec![&lower, &middle], vec![&root, &stranger, &middle, &lower], vec![&middle, &lower, &leaf]]
    {
        let path = Case::new(&[&root], &chain, &leaf).accepted();
        let expected = [&leaf, &lower, &middle, &root].map(certificate);
        assert_eq!(path.certificates(), expected);
        assert_eq!((path.end_entity(), path.anchor()), (expected.first(), expected.last()));
        assert_eq!((path.proxies(), path.revocation_checked()), (0, false));
    }
    // Certificates on the way may be the administrator's.
    Case::new(&[&lower, &root, &middle, &stranger], &[], &leaf).accepted();
    Case::new(&[&root], &[], &authority("Jane", None).usage(DIGITAL_SIGNATURE).issued_by(&root)).accepted();
}

#[test]
fn a_self_signed_certificate_may_be_an_anchor_itself() {
    let jane = draft("Jane").self_signed();
    let path = Case::new(&[&jane], &[], &jane).accepted();
    assert_eq!(path.certificates(), [certificate(&jane)]);
    assert_told!(
        Case::new(&[&draft("Joe").self_signed()], &[], &jane).refused(),
        PathError::UntrustedRoot { anchors: 1, .. },
        "no path to a trust anchor: 'CN=Jane,O=StratusLab,C=FR' is self-signed and not the trust anchor"
    );
}

#[test]
fn nobody_trusted_issued_it() {
    let (root, other) = (authority("Root", None).self_signed(), authority("Other", None).self_signed());
    let middle = authority("Middle", None).issued_by(&root);
    let leaf = draft("Jane").issued_by(&middle);
    assert_told!(
        Case::new(&[&other, &root], &[], &leaf).refused(),
        PathError::NoPath { anchors: 2, .. },
        "no path to a trust anchor: 'CN=Jane,O=StratusLab,C=FR' was issued by 'CN=Middle,O=StratusLab,C=FR', \
         who is none of the 2 trust anchors"
    );
    assert_told!(
        Case::new(&[&other], &[&middle], &leaf).refused(),
        PathError::NoPath { anchors: 1, .. },
        "no path to a trust anchor: 'CN=Middle,O=StratusLab,C=FR' was issued by 'CN=Root,O=StratusLab,C=FR', \
         who is not the trust anchor"
    );
    // An authority that somebody else vouches for is a step, not an anchor.
    assert!(matches!(Case::new(&[&middle], &[], &leaf).refused(), PathError::NoPath { .. }));
    assert!(matches!(Case::new(&[], &[&middle, &root], &leaf).refused(), PathError::UntrustedRoot { .. }));
    assert!(matches!(Case::new(&[], &[], &leaf).refused(), PathError::NoPath { anchors: 0, .. }));
}

#[test]
fn an_issuer_of_the_same_name_is_not_the_issuer() {
    let (root, other) = (authority("Root", None).self_signed(), authority("Root", None).self_signed());
    let leaf = draft("Jane").issued_by(&other);
    let message = "'CN=Jane,O=StratusLab,C=FR' names 'CN=Root,O=StratusLab,C=FR' as its issuer, but was not signed \
                   with the key that the trusted 'CN=Root,O=StratusLab,C=FR' has";
    for chain in [vec![], vec![&other]] {
        let error = Case::new(&[&root], &chain, &leaf).refused();
        assert_told!(error, PathError::IssuerKey { .. }, message);
    }
    // The identifier of the key tells which of two is meant (RFC 5280 §4.2.1.1).
    let identified =
        |id: &[u8]| authority("Root", None).extended(SUBJECT_KEY_IDENTIFIER, false, &tlv(0x04, id));
    let (root, other) = (identified(b"a").self_signed(), identified(b"b").self_signed());
    let leaf = draft("Jane").extended(AUTHORITY_KEY_IDENTIFIER, false, &tlv(0x30, &tlv(0x80, b"b")));
    let leaf = leaf.issued_by(&other);
    Case::new(&[&root, &other], &[], &leaf).accepted();
    assert_told!(Case::new(&[&root], &[], &leaf).refused(), PathError::IssuerKey { .. }, message);
}

#[test]
fn validity_periods_are_judged_when_it_was_used() {
    let root = authority("Root", None).self_signed();
    let short =
        authority("Short", None).valid("2011-01-01T00:00:00Z", "2012-01-01T00:00:00Z").issued_by(&root);
    let leaf = draft("Jane").issued_by(&short);
    Case::new(&[&root], &[&short], &leaf).accepted();
    let subject = "'CN=Short,O=StratusLab,C=FR'";
    assert_told!(
        Case::new(&[&root], &[&short], &leaf).at("2010-12-31T23:59:59Z").refused(),
        PathError::NotYetValid { .. },
        format!(
            "{subject} was not yet valid at 2010-12-31T23:59:59Z: it is valid from 2011-01-01T00:00:00Z to 2012-01-01T00:00:00Z"
        )
    );
    assert_told!(
        Case::new(&[&root], &[&short], &leaf).at("2012-01-01T00:00:01Z").refused(),
        PathError::Expired { .. },
        format!(
            "{subject} had expired at 2012-01-01T00:00:01Z: it is valid from 2011-01-01T00:00:00Z to 2012-01-01T00:00:00Z"
        )
    );
    let leaf = draft("Jane").valid("2011-03-05T00:00:00Z", "2012-01-01T00:00:00Z").issued_by(&root);
    assert!(matches!(Case::new(&[&root], &[], &leaf).refused(), PathError::NotYetValid { .. }));
    let leaf = draft("Jane").issued_by(&root);
    assert!(matches!(
        Case::new(&[&root], &[], &leaf).at("2020-06-01T00:00:00Z").refused(),
        PathError::Expired { .. }
    ));
}

#[test]
fn an_authority_that_was_renewed_serves_old_and_new() {
    let root = authority("Root", None);
    let old = root.clone().valid("2010-01-01T00:00:00Z", "2011-01-01T00:00:00Z").self_signed();
    let new = root.valid("2011-01-01T00:00:00Z", "2020-01-01T00:00:00Z").self_signed();
    let leaf = draft("Jane").issued_by(&old);
    for anchors in [[&old, &new], [&new, &old]] {
        let path = Case::new(&anchors, &[], &leaf).accepted();
        assert_eq!(path.anchor(), Some(&certificate(&new)));
        let path = Case::new(&anchors, &[], &leaf).at("2010-06-01T00:00:00Z").accepted();
        assert_eq!(path.anchor(), Some(&certificate(&old)));
    }
}

#[test]
fn what_is_dated_ahead_of_the_clock_is_refused() {
    let root = authority("Root", None).self_signed();
    let leaf = certificate(&draft("Jane").issued_by(&root));
    let folder = tempfile::tempdir().unwrap();
    let anchors = Case::new(&[&root], &[], &root).anchors_in(folder.path());
    let judged = |now: &str| verify_path(&anchors, &PathRequest::new(&leaf, &[], used(), date(now)));
    assert!(judged("2011-03-04T05:01:07Z").is_ok());
    assert_told!(
        judged("2011-03-04T05:01:06Z").unwrap_err(),
        PathError::Ahead { .. },
        "the endorsement is of 2011-03-04T05:06:07Z, more than 5 minutes ahead of now, which is 2011-03-04T05:01:06Z"
    );
}

#[test]
fn only_authorities_issue_certificates() {
    let root = authority("Root", None).self_signed();
    let joe = draft("Joe").issued_by(&root);
    let leaf = draft("Jane").issued_by(&joe);
    assert_told!(
        Case::new(&[&root], &[&joe], &leaf).refused(),
        PathError::NotAuthority { .. },
        "'CN=Jane,O=StratusLab,C=FR' was issued by 'CN=Joe,O=StratusLab,C=FR', whose certificate is not that of an authority"
    );
    let joe = draft("Joe").usage(KEY_CERT_SIGN).issued_by(&root);
    let leaf = draft("Jane").issued_by(&joe);
    let error = Case::new(&[&root], &[&joe], &leaf).refused();
    assert!(matches!(error, PathError::NotAuthority { .. }), "{error:?}");
    // What Netscape had for it.
    let joe = draft("Joe").extended("2.16.840.1.113730.1.1", false, &[3, 2, 2, 4]).issued_by(&root);
    let leaf = draft("Jane").issued_by(&joe);
    let error = Case::new(&[&root], &[&joe], &leaf).refused();
    assert!(matches!(error, PathError::NotAuthority { .. }), "{error:?}");
    let root = authority("Root", None).usage(CRL_SIGN).self_signed();
    let leaf = draft("Jane").issued_by(&root);
    assert_told!(
        Case::new(&[&root], &[], &leaf).refused(),
        PathError::KeyUsage { .. },
        "the key usage of 'CN=Root,O=StratusLab,C=FR' does not allow signing certificates"
    );
}

/// What may certify others says so itself (RFC 5280 §4.2.1.9), also if it is trusted: who puts Jane's own
/// certificate among the anchors trusts Jane, and nobody she vouches for.
#[test]
fn an_anchor_that_is_no_authority_issues_nothing() {
    let netscape = |value: &[u8]| draft("Joe").extended("2.16.840.1.113730.1.1", false, value);
    let (from, to) = ("2010-01-01T00:00:00Z", "2040-01-01T00:00:00Z");
    for anchor in [
        Request::new("Joe").days(-10_000, 10_000).version1().self_signed(&new_key(Kind::P256)),
        draft("Joe").valid(from, to).usage(KEY_CERT_SIGN).self_signed(),
        netscape(&[3, 2, 2, 4]).valid(from, to).self_signed(),
    ] {
        let leaf = draft("Jane").issued_by(&anchor);
        assert_told!(
            Case::new(&[&anchor], &[], &leaf).refused_by_us_alone(),
            PathError::NotAuthority { .. },
            "'CN=Jane,O=StratusLab,C=FR' was issued by 'CN=Joe,O=StratusLab,C=FR', whose certificate is not that of an authority"
        );
    }
    let anchor = Request::new("Joe").days(-10_000, 10_000).version1().self_signed(&new_key(Kind::P256));
    Case::new(&[&anchor], &[], &anchor).accepted();
    // TRUE as BER has it, not DER.
    let anchor = draft("Joe").extended(BASIC_CONSTRAINTS, true, &tlv(0x30, &tlv(0x01, &[1]))).self_signed();
    Case::new(&[&anchor], &[], &draft("Jane").issued_by(&anchor)).accepted();
}

#[test]
fn authorities_limit_the_path_below_them() {
    let root = authority("Root", Some(0)).self_signed();
    let middle = authority("Middle", None).issued_by(&root);
    let leaf = draft("Jane").issued_by(&middle);
    assert_told!(
        Case::new(&[&root], &[&middle], &leaf).refused(),
        PathError::PathLength { limit: 0, found: 1, .. },
        "the path has 1 more authorities below 'CN=Root,O=StratusLab,C=FR', which allows 0"
    );
    let mut issuers = vec![authority("Root", None).self_signed()];
    for number in 0..17 {
        let next = authority(&format!("Level {number}"), None).issued_by(issuers.last().unwrap());
        issuers.push(next);
    }
    let accepted = draft("Jane").issued_by(&issuers[16]);
    let refused = draft("Jane").issued_by(&issuers[17]);
    let chain: Vec<_> = issuers.iter().skip(1).collect();
    assert_eq!(Case::new(&[&issuers[0]], &chain, &accepted).accepted().certificates().len(), 18);
    let error = Case::new(&[&issuers[0]], &chain, &refused).ours().unwrap_err();
    assert_told!(
        error,
        PathError::TooLong,
        "the path is longer than 16 certificates between endorser and trust anchor"
    );
}

#[test]
fn name_constraints_hold() {
    let permitted = tlv(0x30, &tlv(0xa0, &tlv(0x30, &tlv(0x81, b"example.org"))));
    let root = authority("Root", None).extended(NAME_CONSTRAINTS, true, &permitted).self_signed();
    Case::new(&[&root], &[], &draft("Jane").email("jane@example.org").issued_by(&root)).accepted();
    let leaf = draft("Jane").email("jane@example.com").issued_by(&root);
    assert_told!(
        Case::new(&[&root], &[], &leaf).refused(),
        PathError::NameConstraints { .. },
        "'CN=Jane,O=StratusLab,C=FR' is outside the name constraints of its authorities: permitted subtree violation"
    );
}

#[test]
fn keys_do_what_they_are_for() {
    let root = authority("Root", None).self_signed();
    let leaf = draft("Jane").usage(KEY_ENCIPHERMENT).issued_by(&root);
    assert_told!(
        Case::new(&[&root], &[], &leaf).refused_by_us_alone(),
        PathError::KeyUsage { .. },
        "the key usage of 'CN=Jane,O=StratusLab,C=FR' does not allow signatures"
    );
    // More octets than there are usages, which OpenSSL passes over: what cannot be read permits nothing.
    let leaf = draft("Jane").extended(KEY_USAGE, true, &[3, 4, 0, 0x20, 0, 0]).issued_by(&root);
    let error = Case::new(&[&root], &[], &leaf).refused_by_us_alone();
    assert!(matches!(error, PathError::KeyUsage { needed: "signatures", .. }), "{error:?}");
    let leaf = draft("Jane").extended("1.2.3.4.5", true, &[5, 0]).issued_by(&root);
    assert_told!(
        Case::new(&[&root], &[], &leaf).refused(),
        PathError::CriticalExtension { .. },
        "'CN=Jane,O=StratusLab,C=FR' has a critical extension that is not known: one of 1.2.3.4.5"
    );
    Case::new(&[&root], &[], &draft("Jane").extended("1.2.3.4.5", false, &[5, 0]).issued_by(&root))
        .accepted();
}

#[test]
fn time_stamps_have_certificates_of_their_own() {
    let root = authority("Root", None).self_signed();
    let (stamping, client) = (object("1.3.6.1.5.5.7.3.8"), object("1.3.6.1.5.5.7.3.2"));
    let usage = |critical, usages: &[&[u8]]| {
        draft("TSA").extended(EXTENDED_KEY_USAGE, critical, &tlv(0x30, &usages.concat())).issued_by(&root)
    };
    let leaf = usage(true, &[&stamping]);
    assert_eq!(Case::new(&[&root], &[], &leaf).stamping().accepted().certificates().len(), 2);
    Case::new(&[&root], &[], &leaf).accepted();
    for leaf in
        [usage(false, &[&stamping]), usage(true, &[&stamping, &client]), draft("TSA").issued_by(&root)]
    {
        assert_told!(
            Case::new(&[&root], &[], &leaf).stamping().refused(),
            PathError::ExtendedKeyUsage { .. },
            "'CN=TSA,O=StratusLab,C=FR' is not for time stamps: its extended key usage is not critical and timeStamping alone"
        );
    }
}

#[test]
fn what_is_weak_proves_nothing() {
    let root = authority("Root", None).self_signed();
    let subject = "'CN=Jane,O=StratusLab,C=FR'";
    let sha1 = draft("Jane").digest(MessageDigest::sha1()).issued_by(&root);
    assert_told!(
        Case::new(&[&root], &[], &sha1).refused(),
        PathError::Weak { weakness: Weakness::Signature { .. }, .. },
        format!("{subject} is signed with ecdsa-with-SHA1, which no longer protects certificates")
    );
    Case::new(&[&root], &[], &sha1).allowing_sha1().accepted();
    let rsa = authority("RSA", None).key(&key(Kind::Rsa2048)).self_signed();
    let md5 = draft("Jane").digest(MessageDigest::md5()).issued_by(&rsa);
    assert!(matches!(Case::new(&[&rsa], &[], &md5).refused(), PathError::Weak { .. }));
    assert_told!(
        Case::new(&[&rsa], &[], &md5).allowing_sha1().refused_by_us_alone(),
        PathError::Weak { weakness: Weakness::Signature { .. }, .. },
        format!("{subject} is signed with md5WithRSAEncryption, which no longer protects certificates")
    );
    let with_bits = |bits| {
        let key = PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
        (draft("Jane").key(&key).issued_by(&root), authority("Small", None).key(&key).self_signed())
    };
    let (leaf, small) = with_bits(1024);
    assert_told!(
        Case::new(&[&root], &[], &leaf).refused(),
        PathError::Weak { weakness: Weakness::Key { bits: 1024, minimum: 2048 }, .. },
        format!("{subject} has a key of 1024 bits; an RSA key needs at least 2048")
    );
    Case::new(&[&root], &[], &leaf).allowing_sha1().accepted();
    let leaf = draft("Jane").issued_by(&small);
    assert!(matches!(Case::new(&[&small], &[], &leaf).refused(), PathError::Weak { .. }));
    let (leaf, _) = with_bits(768);
    assert_told!(
        Case::new(&[&root], &[], &leaf).allowing_sha1().refused_by_us_alone(),
        PathError::Weak { weakness: Weakness::Key { bits: 768, minimum: 1024 }, .. },
        format!("{subject} has a key of 768 bits; an RSA key needs at least 1024")
    );
    // Nobody relies on the signature of the anchor.
    let root = authority("Root", None).digest(MessageDigest::sha1()).self_signed();
    Case::new(&[&root], &[], &draft("Jane").issued_by(&root)).accepted();
}
