//! What proves nothing, each for its own reason.

use openssl::{pkey::PKey, rsa::Rsa};
use stratuslab::{
    Certificate, Timestamp,
    dsig::AlgorithmPolicy,
    trust::{Anchors, PathError},
    tsp::{self, MAX_STAMP_BYTES, Stamp, StampError, Token},
};

use crate::{
    authority::{Authority, Profile, Role, certified},
    forge::{
        DATA, Forge, MD5, SHA1, SHA512_WITH_RSA, SIGNING_CERTIFICATE, algorithm, ess_v1, granted, integer,
        octets, oid, sequence,
    },
    pki::{Identity, Kind, key, new_key, tlv},
    tokens::{OCTETS, policy},
};

const TIME: &str = "20261124120000Z";

fn authority() -> Authority {
    Authority::new(&Profile::new(Kind::P256))
}

fn forge(authority: &Authority) -> Forge {
    Forge::new(&authority.tsa, OCTETS, TIME)
}

fn read(stamp: &[u8]) -> Result<Token, StampError> {
    Token::read(stamp, OCTETS, policy())
}

/// The error of a token after this change to a good one.
#[track_caller]
fn error(change: impl FnOnce(&mut Forge)) -> String {
    let mut forge = forge(&authority());
    change(&mut forge);
    read(&forge.token()).unwrap_err().to_string()
}

#[test]
fn a_token_put_together_as_it_should_be_is_read() {
    for kind in [Kind::P256, Kind::Rsa2048] {
        let authority = Authority::new(&Profile::new(kind));
        let token = forge(&authority).token();
        for stamp in [granted(token.clone()), token] {
            let token = read(&stamp).unwrap();
            assert_eq!((token.time.to_string().as_str(), token.nonce), ("2026-11-24T12:00:00Z", None));
        }
    }
    // Both attributes, certificates of other kinds, unsigned attributes: as the standards allow.
    let authority = authority();
    let mut both = forge(&authority);
    both.certificates.insert(0, tlv(0xa3, b"\x05\x00"));
    both.certificates.insert(0, sequence(&[integer(1)]));
    both.unsigned = tlv(0xa1, &sequence(&[oid(DATA), tlv(0x31, b"\x05\x00")]));
    both.versions[0] = 5;
    both.attributes = |attributes| attributes.push((DATA, vec![integer(1), integer(2)]));
    assert_eq!(read(&both.token()).unwrap().chain, []);
    // The key identifier in place of issuer and serial number.
    let mut by_key = forge(&authority);
    let identifier = authority.tsa.certificate.subject_key_id().unwrap().as_slice().to_owned();
    (by_key.sid, by_key.versions[1]) = (Some(tlv(0x80, &identifier)), 3);
    read(&by_key.token()).unwrap();
}

#[test]
fn what_is_no_time_stamp() {
    let token = forge(&authority()).token();
    let malformed = |stamp: &[u8]| matches!(read(stamp), Err(StampError::Malformed(_)));
    assert!(malformed(b""));
    assert!(malformed(b"<html>"));
    assert!(malformed(&[&token[..], b"\0"].concat()));
    assert!(malformed(&token[..token.len() - 1]));
    assert!(malformed(&granted([token.clone(), integer(0)].concat())));
    // BER: an indefinite length.
    assert!(malformed(&[b"\x30\x80", &token[4..], b"\0\0"].concat()));
    assert!(matches!(read(&granted(Vec::new())), Err(StampError::NoToken)));
    let long = vec![0x30; MAX_STAMP_BYTES + 1];
    assert!(matches!(read(&long), Err(StampError::TooLong { length }) if length == MAX_STAMP_BYTES + 1));
}

#[test]
fn a_refusal_is_no_time_stamp_though_there_is_a_token() {
    let token = forge(&authority()).token();
    let text = sequence(&[tlv(0x0c, b"not\x1b[2J now"), tlv(0x0c, "später".as_bytes())]);
    for (status, told) in [
        (vec![integer(2)], "'rejection'"),
        (vec![integer(3), text.clone()], "'waiting': not[2J now; später"),
        (vec![integer(2), tlv(0x03, b"\x06\x01\x40")], "'rejection': failure 7, failure 9"),
        (
            vec![integer(2), text, tlv(0x03, b"\x06\x24\x03\x80\x40")],
            "'rejection': badRequest, badDataFormat, timeNotAvailable, unacceptedPolicy, unacceptedExtension, systemFailure: not[2J now; später",
        ),
        (vec![integer(9)], "'status 9'"),
    ] {
        let error = read(&sequence(&[sequence(&status), token.clone()])).unwrap_err();
        assert_eq!(error.to_string(), format!("the time-stamp authority answers {told}"));
    }
    let mut modified = granted(token);
    // grantedWithMods
    assert_eq!(modified[..9][6..], [0x02, 0x01, 0x00]);
    modified[8] = 1;
    read(&modified).unwrap();
}

#[test]
fn another_shape_than_the_standards() {
    assert_eq!(error(|f| f.versions[0] = 1), "SignedData has version 1, not 3 to 5");
    assert_eq!(error(|f| f.versions[1] = 3), "SignerInfo has version 3, not 1");
    assert_eq!(error(|f| f.info.version = 2), "TSTInfo has version 2, not 1");
    assert_eq!(
        error(|f| f.content_types[0] = DATA),
        "the token's content is of type 1.2.840.113549.1.7.1, not id-ct-TSTInfo"
    );
    assert_eq!(
        error(|f| f.content_types[1] = DATA),
        "the signed content is of type 1.2.840.113549.1.7.1, not id-ct-TSTInfo"
    );
    assert_eq!(error(|f| f.signers = 0), "the token has 0 signatures, not one");
    assert_eq!(error(|f| f.signers = 2), "the token has 2 signatures, not one");
    // Without attributes, a signature over something else could be passed off as one of a token.
    assert!(error(|f| f.has_attributes = false).starts_with("malformed time stamp: "));
    let attribute = |change: fn(&mut crate::forge::Attributes)| error(|f| f.attributes = change);
    let said =
        |name, count| format!("the token has the signed attribute {name} with {count} values, not one");
    assert_eq!(attribute(|a| drop(a.remove(0))), said("contentType", 0));
    assert_eq!(attribute(|a| drop(a.remove(1))), said("messageDigest", 0));
    assert_eq!(attribute(|a| drop(a.remove(2))), said("signingCertificate", 0));
    assert_eq!(attribute(|a| a.push(a[0].clone())), said("contentType", 2));
    assert_eq!(attribute(|a| a.push(a[1].clone())), said("messageDigest", 2));
    assert_eq!(attribute(|a| a.push(a[2].clone())), said("signingCertificateV2", 2));
    assert_eq!(attribute(|a| a[1].1.push(octets(b"x"))), said("messageDigest", 2));
    assert_eq!(attribute(|a| a[1].1.clear()), said("messageDigest", 0));
    assert_eq!(
        attribute(|a| a.extend([(SIGNING_CERTIFICATE, vec![ess_v1(b"x"), ess_v1(b"y")])])),
        said("signingCertificate", 2)
    );
}

#[test]
fn what_was_signed_is_this_content() {
    let digest = error(|f| f.attributes = |a| a[1].1 = vec![octets(&[7; 32])]);
    assert!(digest.starts_with("the token's content does not match its digest: sha256 is "), "{digest}");
    assert!(digest.ends_with(&format!(", signed is {}", "07".repeat(32))), "{digest}");
    let tsa = "the token's signature does not verify with the key of CN=TSA,O=StratusLab";
    assert_eq!(error(|f| f.signature = Vec::clear), tsa);
    assert_eq!(error(|f| f.tsa.key = new_key(Kind::P256)), tsa);
    assert_eq!(error(|f| f.signature = |s| *s.last_mut().unwrap() ^= 1), tsa);
}

#[test]
fn weak_and_unknown_algorithms() {
    let legacy = AlgorithmPolicy::new(true);
    let forbidden = "the token uses the forbidden algorithm sha1";
    assert_eq!(error(|f| f.info.imprint = SHA1), forbidden);
    let mut old = forge(&authority());
    (old.digest, old.signature_algorithm) = (SHA1, algorithm("1.2.840.10045.4.1"));
    assert_eq!(read(&old.token()).unwrap_err().to_string(), forbidden);
    old.info.imprint = SHA1;
    Token::read(&old.token(), OCTETS, legacy).unwrap();

    let md5 = "the token uses the digest 1.2.840.113549.2.5, which is not supported";
    assert_eq!(error(|f| f.info.imprint = MD5), md5);
    assert_eq!(error(|f| f.digest = MD5), md5);
    for unknown in ["1.2.840.10045.2.1", "1.2.840.113549.1.1.10", "1.3.101.112", "1.2.840.10040.4.3"] {
        let said = format!("the token uses the signature algorithm {unknown}, which is not supported");
        assert_eq!(error(|f| f.signature_algorithm = algorithm(unknown)), said);
    }
    let parameters = sequence(&[oid(SHA512_WITH_RSA), octets(b"x")]);
    assert_eq!(
        error(|f| f.signature_algorithm = parameters),
        "the token uses the signature algorithm 1.2.840.113549.1.1.13 with parameters, which is not supported"
    );
    assert_eq!(
        error(|f| f.signature_algorithm = algorithm(SHA512_WITH_RSA)),
        "the token's signature is made with sha512 but its attributes are digested with sha256"
    );
    assert_eq!(
        error(|f| f.signature_algorithm = algorithm("1.2.840.113549.1.1.11")),
        "the token is signed with RSA but its signer's key is EC P-256"
    );

    let role = Role::Tsa { usages: &["timeStamping"], critical: true };
    let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let short = Forge::new(&certified("Short", &short, None, role, (-1, 1)), OCTETS, TIME).token();
    let weak = read(&short).unwrap_err().to_string();
    assert_eq!(weak, "the token is signed with an RSA key of 1024 bits, fewer than 2048");
    Token::read(&short, OCTETS, legacy).unwrap();
}

#[test]
fn the_signers_certificate_is_the_one_named() {
    let missing = error(|f| f.certificates.clear());
    assert!(missing.starts_with("the token does not hold its signer's certificate, whose sha256 is "));
    let other = authority().tsa;
    let missing = error(|f| f.certificates = vec![other.certificate_der()]);
    assert!(missing.starts_with("the token does not hold its signer's certificate"), "{missing}");
    // Version 1 alone, and beside version 2.
    let by_v1 = |forge: &mut Forge| {
        forge.attributes = |a| (a[2].0, a[2].1[0]) = (SIGNING_CERTIFICATE, ess_v1(b"another certificate"));
    };
    let missing = error(by_v1);
    assert!(missing.starts_with("the token does not hold its signer's certificate, whose sha1 is "));
    let beside = error(|f| f.attributes = |a| a.push((SIGNING_CERTIFICATE, vec![ess_v1(b"another")])));
    assert!(beside.starts_with("the token's signingCertificate names "), "{beside}");
    let unknown = error(|f| {
        f.attributes = |a| a[2].1[0] = sequence(&[sequence(&[sequence(&[algorithm(MD5), octets(b"x")])])]);
    });
    assert!(unknown.starts_with("the token uses the digest 1.2.840.113549.2.5"), "{unknown}");

    let sid = error(|f| f.sid = Some(crate::forge::issuer_and_serial(&other)));
    assert!(sid.starts_with("the token's sid names number "), "{sid}");
    assert!(sid.contains("of CN=Time CA,O=StratusLab but its signer's certificate is number "), "{sid}");
    let identifier = error(|f| (f.sid, f.versions[1]) = (Some(tlv(0x80, b"\x01\x02")), 3));
    assert!(identifier.starts_with("the token's sid names 0102 but"), "{identifier}");

    // issuerSerial beside the digest, of this certificate and of another.
    let authority = authority();
    let with_serial = |of: &Identity| {
        let mut forge = forge(&authority);
        let issuer = of.certificate.issuer_name().to_der().unwrap();
        let names = sequence(&[tlv(0xa4, &issuer)]);
        let digest = openssl::sha::sha256(&authority.tsa.certificate_der());
        let id = sequence(&[octets(&digest), sequence(&[names, crate::crl::serial(of)])]);
        forge.ess = Some(sequence(&[sequence(&[id])]));
        read(&forge.token())
    };
    with_serial(&authority.tsa).unwrap();
    let error = with_serial(&other).unwrap_err().to_string();
    assert!(error.starts_with("the token's issuerSerial names number "), "{error}");
}

#[test]
fn the_certificate_is_for_time_stamping_alone() {
    let unfit = |usages: Vec<&'static str>, critical| {
        let profile = Profile { usages, critical, ..Profile::new(Kind::P256) };
        read(&forge(&Authority::new(&profile)).token()).unwrap_err().to_string()
    };
    let said =
        |what| format!("the certificate of CN=TSA,O=StratusLab is not for time-stamping alone: {what}");
    assert_eq!(unfit(vec![], true), said("it has no extended key usage"));
    assert_eq!(unfit(vec!["timeStamping"], false), said("its extended key usage is not critical"));
    assert_eq!(
        unfit(vec!["timeStamping", "emailProtection"], true),
        said("its extended key usage is 1.3.6.1.5.5.7.3.8, 1.3.6.1.5.5.7.3.4")
    );
    assert_eq!(unfit(vec!["emailProtection"], true), said("its extended key usage is 1.3.6.1.5.5.7.3.4"));
    assert_eq!(unfit(vec!["2.5.29.37.0"], true), said("its extended key usage is 2.5.29.37.0"));
}

#[test]
fn what_the_authority_says() {
    let subject = authority().tsa.certificate.subject_name().to_der().unwrap();
    let tsa = |name: Vec<u8>| {
        let mut forge = forge(&authority());
        forge.info.rest = tlv(0xa0, &name);
        read(&forge.token()).map(drop).map_err(|error| error.to_string())
    };
    tsa(tlv(0xa4, &subject)).unwrap();
    let issuer = authority().root.certificate.subject_name().to_der().unwrap();
    assert_eq!(
        tsa(tlv(0xa4, &issuer)).unwrap_err(),
        "the token's tsa names CN=Time CA,O=StratusLab but its signer's certificate is CN=TSA,O=StratusLab"
    );
    assert!(tsa(tlv(0x82, b"tsa.example.org")).unwrap_err().starts_with("the token's tsa names 820f"));

    let extension = |critical: bool| {
        let critical = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
        tlv(0xa1, &sequence(&[oid("1.2.3.4.5"), critical, octets(b"x")]))
    };
    let critical = error(|f| f.info.rest = extension(true));
    assert_eq!(critical, "the time stamp has the critical extension 1.2.3.4.5, which is not supported");
    let mut harmless = forge(&authority());
    harmless.info.rest = extension(false);
    read(&harmless.token()).unwrap();

    let time = error(|f| "20261324120000Z".clone_into(&mut f.info.time));
    assert_eq!(time, "the time stamp has the time '20261324120000Z', which is no date");
    for rest in [b"\x30\x03\x02\x01\xff", b"\x30\x03\x80\x01\x80", b"\x04\x03\x80\x01\x80"] {
        assert!(error(|f| f.info.rest = rest.to_vec()).starts_with("malformed time stamp: "));
    }
}

fn anchors(root: &Identity) -> Anchors {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), root.certificate_pem()).unwrap();
    let mut anchors = Anchors::new();
    anchors.add_pem_file(file.path()).unwrap();
    anchors
}

fn now() -> i64 {
    Timestamp::now().unix_seconds()
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds).unwrap()
}

/// `YYYYMMDDhhmmssZ`
fn generalized(time: Timestamp) -> String {
    time.to_string().replace(['-', ':', 'T'], "")
}

fn verify(authority: &Authority, root: &Identity, at: i64, chain: &[Identity]) -> Result<Stamp, StampError> {
    let mut forge = Forge::new(&authority.tsa, OCTETS, &generalized(instant(at)));
    forge.certificates.extend(chain.iter().map(Identity::certificate_der));
    tsp::verify(&forge.token(), OCTETS, &anchors(root), policy(), instant(now()))
}

#[test]
fn whom_nobody_trusts() {
    const DAY: i64 = 86_400;
    let profile = Profile { intermediate: true, days: (-20, -10), ..Profile::new(Kind::P256) };
    let authority = Authority::new(&profile);
    let (root, chain) = (&authority.root, &authority.chain[..]);
    let untrusted = |result: Result<Stamp, StampError>| match result {
        Err(StampError::Untrusted(error)) => error,
        other => unreachable!("{other:?}"),
    };
    // It has expired since, but not at the time.
    let stamp = verify(&authority, root, now() - 15 * DAY, chain).unwrap();
    assert_eq!(stamp.time, instant(now() - 15 * DAY).max(stamp.time));
    let expired = untrusted(verify(&authority, root, now() - 9 * DAY, chain));
    assert!(matches!(expired, PathError::Expired { .. }), "{expired}");
    let early = untrusted(verify(&authority, root, now() - 21 * DAY, chain));
    assert!(matches!(early, PathError::NotYetValid { .. }), "{early}");
    let without = untrusted(verify(&authority, root, now() - 15 * DAY, &[]));
    assert!(matches!(without, PathError::NoPath { .. }), "{without}");
    let foreign = Authority::new(&Profile::new(Kind::P256));
    let foreign = untrusted(verify(&authority, &foreign.root, now() - 15 * DAY, chain));
    assert!(matches!(foreign, PathError::NoPath { .. } | PathError::IssuerKey { .. }), "{foreign}");
    // Nor one that stands for itself.
    let role = Role::Tsa { usages: &["timeStamping"], critical: true };
    let own = certified("TSA", &key(Kind::P256), None, role, (-20, 20));
    let own = Authority { tsa: own, ..Authority::new(&profile) };
    let own = untrusted(verify(&own, root, now(), &[]));
    assert!(matches!(own, PathError::UntrustedRoot { .. }), "{own}");
}

#[test]
fn a_time_that_is_yet_to_come() {
    let authority = authority();
    verify(&authority, &authority.root, now() + 290, &[]).unwrap();
    let error = verify(&authority, &authority.root, now() + 400, &[]).unwrap_err();
    let ahead = matches!(error, StampError::Untrusted(PathError::Ahead { what: "time stamp", .. }));
    assert!(ahead, "{error}");
}

#[test]
fn a_time_that_does_not_fit_the_entry() {
    let authority = authority();
    let at = now() - 3600;
    let stamp = verify(&authority, &authority.root, at, &[]).unwrap();
    let role = || Role::Tsa { usages: &[], critical: false };
    let endorser = |days| {
        let endorser = certified("Jane", &key(Kind::P256), None, role(), days);
        Certificate::from_der(&endorser.certificate_der()).unwrap()
    };
    let usual = endorser((-1, 1));
    stamp.check(instant(at), &usual, instant(now())).unwrap();
    stamp.check(instant(at - 40_000), &usual, instant(now())).unwrap();
    stamp.check(instant(at + 300), &usual, instant(now())).unwrap();
    let error = stamp.check(instant(at + 301), &usual, instant(now())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the time stamp is of {}, before the endorsement, which is of {}",
            instant(at),
            instant(at + 301)
        )
    );
    // Whatever the endorser dates: a signature first seen after the certificate expired.
    stamp.check(instant(at), &endorser((0, 1)), instant(now())).unwrap_err();
    for days in [(-10, -1), (1, 2)] {
        let error = stamp.check(instant(at - 5 * 86_400), &endorser(days), instant(now())).unwrap_err();
        assert!(matches!(error, StampError::EndorserNotValid { .. }), "{error}");
    }
}

/// Every bit of an answer, turned: it never verifies as anything else. What is not signed is the status,
/// `digestAlgorithms`, and certificates other than the signer's.
#[test]
fn no_bit_can_be_turned() {
    for kind in [Kind::P256, Kind::Rsa2048] {
        let authority = Authority::new(&Profile { intermediate: true, ..Profile::new(kind) });
        let request = tsp::Request::new(OCTETS, 0x0123_4567_89ab_cdef);
        let reply = authority.reply(&request.to_der().unwrap());
        let good = read(&reply).unwrap();
        let place = |part: &[u8]| {
            let start = reply.windows(part.len()).position(|window| window == part).unwrap();
            start..start + part.len()
        };
        let mut free = vec![
            place(b"\x30\x03\x02\x01\x00"),
            place(&tlv(0x31, &sequence(&[oid(crate::forge::SHA256), vec![5, 0]]))),
        ];
        free.extend(authority.chain.iter().chain([&authority.root]).map(|it| place(&it.certificate_der())));
        let said = |token: &Token| {
            let Token { time, earliest, latest, serial, policy, nonce, tsa, .. } = token;
            format!("{time} {earliest} {latest} {serial} {policy} {nonce:?} {}", tsa.sha256_fingerprint())
        };
        for place in 0..reply.len() {
            // Every bit takes a while with RSA; one of each octet will do.
            let bits = if kind == Kind::P256 { 0..8 } else { place % 8..place % 8 + 1 };
            for bit in bits {
                let mut changed = reply.clone();
                changed[place] ^= 1 << bit;
                if let Ok(token) = read(&changed) {
                    assert_eq!(said(&token), said(&good), "bit {bit} of byte {place}");
                    assert!(free.iter().any(|range| range.contains(&place)), "bit {bit} of byte {place}");
                }
            }
        }
        for length in 0..reply.len() {
            assert!(read(&reply[..length]).is_err(), "{length} bytes");
        }
    }
}
