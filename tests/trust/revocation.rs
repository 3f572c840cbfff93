//! CRLs: who was revoked is refused, and what a list must be like to say so.

use std::fs;

use stratuslab::{
    Timestamp,
    trust::{Anchors, AnchorsError, CrlError, PathError, PathRequest, TrustedPath, verify_path},
};

use crate::{
    assert_told,
    authority::{CRL_SIGN, KEY_CERT_SIGN, List, authority, certificate, date, draft, extension, used},
    judge::pem,
    pki::{Identity, Kind, new_key, tlv},
};

const NOW: &str = "2021-02-01T00:00:00Z";
const REVOKED: &str = "2015-06-07T08:09:10Z";

struct Pki {
    root: Identity,
    middle: Identity,
    leaf: Identity,
}

fn pki() -> Pki {
    let root = authority("Root", None).self_signed();
    let middle = authority("Middle", None).usage(KEY_CERT_SIGN | CRL_SIGN).issued_by(&root);
    let leaf = draft("Jane").issued_by(&middle);
    Pki { root, middle, leaf }
}

impl Pki {
    fn anchors(&self, lists: &[List<'_>]) -> Anchors {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let mut anchors = Anchors::new();
        fs::write(&file, pem(&[&self.root])).unwrap();
        anchors.add_pem_file(&file).unwrap();
        for list in lists {
            fs::write(&file, list.der()).unwrap();
            anchors.add_crl_file(&file).unwrap();
        }
        anchors
    }

    fn judged(&self, anchors: &Anchors, now: &str, stamped: Option<&str>) -> Result<TrustedPath, PathError> {
        let (leaf, chain) = (certificate(&self.leaf), [certificate(&self.middle)]);
        let stamped: Option<Timestamp> = stamped.map(date);
        verify_path(anchors, &PathRequest { stamped, ..PathRequest::new(&leaf, &chain, used(), date(now)) })
    }

    /// With these lists in February 2021.
    fn with(&self, lists: &[List<'_>]) -> Result<TrustedPath, PathError> {
        self.judged(&self.anchors(lists), NOW, None)
    }

    #[track_caller]
    fn refused(&self, lists: &[List<'_>]) -> PathError {
        match self.with(lists) {
            Ok(_) => panic!("accepted"),
            Err(error) => error,
        }
    }
}

#[test]
fn every_certificate_below_the_anchor_needs_a_current_list() {
    let pki = pki();
    assert!(!pki.with(&[]).unwrap().revocation_checked());
    let path = pki.with(&[List::of(&pki.root), List::of(&pki.middle)]).unwrap();
    assert!(path.revocation_checked());
    for (list, certificate, issuer) in
        [(List::of(&pki.root), "Jane", "Middle"), (List::of(&pki.middle), "Middle", "Root")]
    {
        assert_told!(
            pki.refused(&[list]),
            PathError::CrlMissing { .. },
            format!(
                "whether 'CN={certificate},O=StratusLab,C=FR' was revoked is unknown: there is no CRL of \
                 'CN={issuer},O=StratusLab,C=FR'"
            )
        );
    }
    let mut anchors = pki.anchors(&[List::of(&pki.root)]);
    anchors.ignore_crls();
    assert!(!pki.judged(&anchors, NOW, None).unwrap().revocation_checked());
}

#[test]
fn who_was_revoked_is_refused_whatever_the_signer_dated() {
    let pki = pki();
    let lists = || [List::of(&pki.root), List::of(&pki.middle).revoking(&pki.leaf, REVOKED)];
    let serial = certificate(&pki.leaf).serial();
    let message = format!(
        "'CN=Jane,O=StratusLab,C=FR', serial number {serial}, was revoked at {REVOKED}, says the CRL of \
         2021-01-01T00:00:00Z; the date of use, 2011-03-04T05:06:07Z, is the signer's own word"
    );
    assert!(used() < date(REVOKED));
    assert_told!(
        pki.refused(&lists()),
        PathError::Revoked { .. },
        format!("{message}, and there is no time stamp")
    );
    // Only a stamp from before proves the date.
    let anchors = pki.anchors(&lists());
    assert!(pki.judged(&anchors, NOW, Some("2015-06-07T08:09:09Z")).is_ok());
    for stamped in [REVOKED, "2015-06-07T08:09:11Z"] {
        assert_told!(
            pki.judged(&anchors, NOW, Some(stamped)).unwrap_err(),
            PathError::Revoked { .. },
            format!("{message}, and the time stamp is of {stamped}")
        );
    }
    // An authority on the way, and a list in version 1.
    let mut list = List::of(&pki.root).revoking(&pki.middle, REVOKED);
    list.version1 = true;
    let error = pki.refused(&[list, List::of(&pki.middle)]);
    assert!(
        matches!(&error, PathError::Revoked { certificate, .. } if certificate.as_str().starts_with("CN=Middle"))
    );
    // Others on the list do not matter.
    let joe = draft("Joe").issued_by(&pki.middle);
    assert!(pki.with(&[List::of(&pki.root), List::of(&pki.middle).revoking(&joe, REVOKED)]).is_ok());
}

#[test]
fn a_list_is_judged_now() {
    let pki = pki();
    let lists = || [List::of(&pki.root), List::of(&pki.middle)];
    let anchors = pki.anchors(&lists());
    for now in ["2021-01-01T00:00:00Z", "2021-12-31T00:00:00Z"] {
        assert!(pki.judged(&anchors, now, None).is_ok(), "{now}");
    }
    assert_told!(
        pki.judged(&anchors, "2021-12-31T00:00:01Z", None).unwrap_err(),
        PathError::CrlStale { .. },
        "the CRL of 'CN=Middle,O=StratusLab,C=FR' of 2021-01-01T00:00:00Z is out of date: the next was due at \
         2021-12-31T00:00:00Z, and now is 2021-12-31T00:00:01Z"
    );
    assert_told!(
        pki.judged(&anchors, "2020-12-31T23:59:59Z", None).unwrap_err(),
        PathError::CrlAhead { .. },
        "the CRL of 'CN=Middle,O=StratusLab,C=FR' is of 2021-01-01T00:00:00Z, which is after now, 2020-12-31T23:59:59Z"
    );
    let mut list = List::of(&pki.middle);
    list.next_update = None;
    assert_told!(
        pki.refused(&[List::of(&pki.root), list]),
        PathError::CrlStale { next_update: None, .. },
        "the CRL of 'CN=Middle,O=StratusLab,C=FR' of 2021-01-01T00:00:00Z is out of date: the next was due at a time \
         it does not tell, and now is 2021-02-01T00:00:00Z"
    );
    // Of several the current one counts, but who was ever revoked is.
    let old = || List {
        this_update: "2020-01-01T00:00:00Z",
        next_update: Some("2020-02-01T00:00:00Z"),
        ..List::of(&pki.middle)
    };
    let [root, current] = lists();
    assert!(pki.with(&[root, old(), current]).is_ok());
    let [root, current] = lists();
    let error = pki.refused(&[root, current, old().revoking(&pki.leaf, REVOKED)]);
    assert!(matches!(error, PathError::Revoked { .. }), "{error:?}");
}

#[test]
fn a_list_is_the_issuers() {
    let pki = pki();
    let key = new_key(Kind::P256);
    let forged = List { signer: &key, ..List::of(&pki.middle) };
    assert_told!(
        pki.refused(&[List::of(&pki.root), forged]),
        PathError::CrlSignature { .. },
        "the CRL of 'CN=Middle,O=StratusLab,C=FR' of 2021-01-01T00:00:00Z was not signed with the key of \
         'CN=Middle,O=StratusLab,C=FR'"
    );
    // A forged list revokes nobody either.
    let forged = List { signer: &key, ..List::of(&pki.middle) }.revoking(&pki.leaf, REVOKED);
    assert!(pki.with(&[List::of(&pki.root), List::of(&pki.middle), forged]).is_ok());
    let middle = authority("Middle", None).usage(KEY_CERT_SIGN).issued_by(&pki.root);
    let leaf = draft("Jane").issued_by(&middle);
    let other = Pki { root: pki.root.clone(), middle, leaf };
    assert_told!(
        other.refused(&[List::of(&other.root), List::of(&other.middle)]),
        PathError::KeyUsage { .. },
        "the key usage of 'CN=Middle,O=StratusLab,C=FR' does not allow signing CRLs"
    );
}

#[test]
fn a_list_for_a_part_only_is_no_list() {
    let pki = pki();
    // issuingDistributionPoint, onlyContainsUserCerts (§5.2.5); deltaCRLIndicator (§5.2.4)
    for (id, value) in [("2.5.29.28", tlv(0x30, &tlv(0x81, &[0xff]))), ("2.5.29.27", tlv(0x02, &[1]))] {
        let mut list = List::of(&pki.middle);
        list.extensions.push(extension(id, true, &value));
        assert_told!(
            pki.refused(&[List::of(&pki.root), list]),
            PathError::CrlExtension { .. },
            format!(
                "the CRL of 'CN=Middle,O=StratusLab,C=FR' of 2021-01-01T00:00:00Z has the critical extension {id}, which \
                 is not known"
            )
        );
    }
    // That somebody was revoked counts wherever it stands, also beside a whole list that is current.
    for (id, value) in [("2.5.29.28", tlv(0x30, &tlv(0x81, &[0xff]))), ("2.5.29.27", tlv(0x02, &[1]))] {
        let mut part = List::of(&pki.middle).revoking(&pki.leaf, REVOKED);
        part.extensions.push(extension(id, true, &value));
        let error = pki.refused(&[List::of(&pki.root), List::of(&pki.middle), part]);
        assert!(matches!(error, PathError::Revoked { .. }), "{id}: {error:?}");
    }
    // removeFromCRL takes off a list what that has no more; what it has still, counts.
    let removing = || {
        let mut amending = List { reason: Some(8), ..List::of(&pki.middle).revoking(&pki.leaf, REVOKED) };
        amending.extensions.push(extension("2.5.29.27", true, &tlv(0x02, &[1])));
        amending
    };
    assert!(pki.with(&[List::of(&pki.root), List::of(&pki.middle), removing()]).is_ok());
    let listing = List::of(&pki.middle).revoking(&pki.leaf, REVOKED);
    let error = pki.refused(&[List::of(&pki.root), listing, removing()]);
    assert!(matches!(error, PathError::Revoked { .. }), "{error:?}");
    let mut list = List::of(&pki.middle);
    list.extensions.push(extension("2.5.29.20", false, &tlv(0x02, &[7])));
    assert!(pki.with(&[List::of(&pki.root), list]).is_ok());
}

#[test]
fn lists_come_in_der_and_pem() {
    let pki = pki();
    let mut anchors = pki.anchors(&[]);
    let folder = tempfile::tempdir().unwrap();
    let write = |content: &[u8]| {
        let file = folder.path().join("crl");
        fs::write(&file, content).unwrap();
        file
    };
    let both = [b"a comment\n".to_vec(), List::of(&pki.root).pem(), List::of(&pki.middle).pem()].concat();
    anchors.add_crl_file(&write(&both)).unwrap();
    assert!(pki.judged(&anchors, NOW, None).is_ok());
    let der = List::of(&pki.root).der();
    for none in [&[][..], b"nothing", pki.root.certificate_pem().as_ref()] {
        let error = anchors.add_crl_file(&write(none)).unwrap_err();
        assert!(matches!(error, AnchorsError::NoCrl { .. }), "{error:?}");
    }
    for bad in [&der[..der.len() - 1], &[&der[..], &[0]].concat(), &both[..both.len() - 40]] {
        let error = anchors.add_crl_file(&write(bad)).unwrap_err();
        assert!(
            matches!(error, AnchorsError::Crl { cause: CrlError::Malformed(_) | CrlError::Unreadable, .. }),
            "{error:?}"
        );
    }
    let error = anchors.add_crl_file(&folder.path().join("absent")).unwrap_err();
    assert!(matches!(error, AnchorsError::Read { .. }), "{error:?}");
    // Whoever names a list wants lists, even if it cannot be read.
    let mut anchors = pki.anchors(&[]);
    anchors.add_crl_file(&write(b"nothing")).unwrap_err();
    assert!(matches!(pki.judged(&anchors, NOW, None), Err(PathError::CrlMissing { .. })));
}

#[test]
fn no_list_that_was_changed_clears_who_is_on_it() {
    let pki = pki();
    let list = List::of(&pki.middle).revoking(&pki.leaf, REVOKED).der();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crl");
    for (index, bit) in (0..list.len()).flat_map(|index| [(index, 0), (index, 1 + index % 7)]) {
        let mut changed = list.clone();
        changed[index] ^= 1 << bit;
        fs::write(&file, changed).unwrap();
        let mut anchors = pki.anchors(&[List::of(&pki.root)]);
        // It may be unreadable: then it is missing.
        let _ = anchors.add_crl_file(&file);
        assert!(pki.judged(&anchors, NOW, None).is_err(), "byte {index}, bit {bit}");
    }
    for length in 0..list.len() {
        fs::write(&file, &list[..length]).unwrap();
        assert!(pki.anchors(&[]).add_crl_file(&file).is_err(), "{length}");
    }
}
