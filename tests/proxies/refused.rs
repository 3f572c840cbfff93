//! Proxies that sign nothing, each with its own reason.

use stratuslab::{
    Credentials, CredentialsError, Timestamp,
    dsig::{SignError, SignRequest, sign},
    metadata::rules::Leniency,
    trust::ProxyError,
};

use crate::{
    authority::{
        BASIC_CONSTRAINTS, Draft, INHERIT_ALL, KEY_ENCIPHERMENT, PROXY_CERT_INFO, authority, certificate,
        draft, named_after, proxy, proxy_cert_info,
    },
    entry::plain,
    grid::{EMAIL, Grid, JANE, PROXY, credentials, current, for_days, grid, of},
    pki::{Identity, Kind, new_key, tlv},
};

/// Why these credentials sign nothing: the same wherever it is asked.
#[track_caller]
fn refused(credentials: &Credentials) -> ProxyError {
    let request = SignRequest {
        credentials,
        method: None,
        email: None,
        created: Timestamp::now(),
        leniency: Leniency::Strict,
        include_chain: true,
    };
    let error = sign(plain().as_bytes(), &request).map(|_| "signed").unwrap_err();
    let validity = credentials.check_validity(Timestamp::now()).unwrap_err();
    match (error, validity, credentials.endorser()) {
        (SignError::Proxy(signing), CredentialsError::Proxy(validity), Err(endorser)) => {
            assert_eq!((&signing, &validity), (&endorser, &endorser));
            endorser
        }
        other => unreachable!("{other:?}"),
    }
}

/// The same of a proxy issued by Jane.
#[track_caller]
fn refused_of(grid: &Grid, draft: Draft) -> ProxyError {
    let leaf = current(draft).issued_by(&grid.end_entity);
    refused(&credentials(&leaf, &[&grid.end_entity, &grid.middle]))
}

macro_rules! assert_told {
    ($error:expr, $variant:pat, $message:expr) => {{
        let error = $error;
        assert!(matches!(error, $variant), "{error:?}");
        assert_eq!(error.to_string(), $message);
    }};
}

#[test]
fn the_certificates_between_proxy_and_end_entity_must_be_there() {
    let grid = grid();
    assert_told!(
        refused(&credentials(&grid.proxy(Kind::P256), &[])),
        ProxyError::NoIssuer { .. },
        format!("the certificate of '{JANE}', who issued the proxy certificate '{PROXY}', is missing")
    );
    let [two, issuer] = grid.two(Kind::P256);
    assert_told!(
        refused(&credentials(&two, &[&grid.end_entity, &grid.middle])),
        ProxyError::NoIssuer { .. },
        format!("the certificate of '{PROXY}', who issued the proxy certificate 'CN=2,{PROXY}', is missing")
    );
    assert!(matches!(
        refused(&credentials(&two, &[&issuer, &grid.middle])),
        ProxyError::NoIssuer { issuer, .. } if issuer.as_str() == JANE
    ));
    let impostor = grid.jane.clone().key(&new_key(Kind::P256)).issued_by(&grid.middle);
    assert_told!(
        refused(&credentials(&grid.proxy(Kind::P256), &[&impostor])),
        ProxyError::IssuerKey { .. },
        format!("the proxy certificate '{PROXY}' was not signed with the key of '{JANE}'")
    );
}

#[test]
fn only_proxies_with_all_rights_sign() {
    let grid = grid();
    for (language, message) in [
        ("1.3.6.1.5.5.7.21.2", format!("is independent: it does not stand for its issuer '{JANE}'")),
        ("1.3.6.1.4.1.3536.1.1.1.9", format!("is limited: '{JANE}' did not give it all rights")),
        ("1.2.3.4", "has a policy in the language 1.2.3.4; only id-ppl-inheritAll is accepted".to_owned()),
    ] {
        let draft = current(proxy(&grid.jane, "1", language, None));
        let first = draft.issued_by(&grid.end_entity);
        // One below it has no more rights than it.
        let below = current(proxy(&draft, "2", INHERIT_ALL, None)).issued_by(&first);
        for credentials in
            [credentials(&first, &[&grid.end_entity]), credentials(&below, &[&first, &grid.end_entity])]
        {
            assert_told!(
                refused(&credentials),
                ProxyError::Independent { .. } | ProxyError::Limited { .. } | ProxyError::Language { .. },
                format!("the proxy certificate '{PROXY}' {message}")
            );
        }
    }
}

#[test]
fn proxies_from_before_the_standard_sign_nothing() {
    let grid = grid();
    for name in ["proxy", "limited proxy"] {
        assert_told!(
            refused_of(&grid, named_after(&grid.jane, name)),
            ProxyError::Legacy { kind: "Globus 2", .. },
            format!(
                "the proxy certificate 'CN={name},{JANE}' is of the kind before RFC 3820 (Globus 2), which is not \
                 accepted"
            )
        );
    }
    // Also without its issuer, and above a proxy of today.
    let old = current(named_after(&grid.jane, "proxy"));
    let leaf = old.issued_by(&grid.end_entity);
    assert!(matches!(refused(&credentials(&leaf, &[])), ProxyError::Legacy { .. }));
    let below = current(proxy(&old, "2", INHERIT_ALL, None)).issued_by(&leaf);
    let error = refused(&credentials(&below, &[&leaf, &grid.end_entity]));
    assert!(matches!(error, ProxyError::Legacy { .. }), "{error}");
    let info = proxy_cert_info(INHERIT_ALL, None, None);
    let draft = named_after(&grid.jane, "1").extended("1.3.6.1.4.1.3536.1.222", true, &info);
    assert!(matches!(refused_of(&grid, draft), ProxyError::Legacy { kind: "Globus 3", .. }));
    // An authority may call somebody so.
    let root = authority("Root", None);
    let named = current(named_after(&root, "proxy").email(EMAIL)).issued_by(&current(root).self_signed());
    let issuer = authority("Root", None).self_signed();
    assert_eq!(credentials(&named, &[&issuer]).endorser().unwrap(), &certificate(&named));
}

#[test]
fn proxies_keep_the_rules_of_the_standard() {
    let grid = grid();
    let info = proxy_cert_info(INHERIT_ALL, None, None);
    let one = || named_after(&grid.jane, "1");
    let told = |draft, message: &str| {
        assert_eq!(
            refused_of(&grid, draft).to_string(),
            format!("the proxy certificate '{PROXY}' {message}")
        );
    };
    told(one().extended(PROXY_CERT_INFO, false, &info), "does not mark ProxyCertInfo as critical");
    told(one().extended(PROXY_CERT_INFO, true, b"0"), "has a malformed ProxyCertInfo");
    told(
        one().extended(PROXY_CERT_INFO, true, &info).email(EMAIL),
        "has a subjectAltName, which a proxy may not have",
    );
    let constraints = tlv(0x30, &tlv(0x01, &[0xff]));
    told(
        one().extended(PROXY_CERT_INFO, true, &info).extended(BASIC_CONSTRAINTS, true, &constraints),
        "has the basicConstraints of an authority, which a proxy may not have",
    );
    assert_told!(
        refused_of(&grid, draft("Another").extended(PROXY_CERT_INFO, true, &info)),
        ProxyError::Name { .. },
        format!(
            "the proxy certificate 'CN=Another,O=StratusLab,C=FR' is not named after its issuer '{JANE}'"
        )
    );
    let none = current(proxy(&grid.jane, "1", INHERIT_ALL, Some(0)));
    let first = none.issued_by(&grid.end_entity);
    let second = current(proxy(&none, "2", INHERIT_ALL, None)).issued_by(&first);
    assert_told!(
        refused(&credentials(&second, &[&first, &grid.end_entity])),
        ProxyError::PathLength { limit: 0, .. },
        format!("the proxy certificate 'CN=2,{PROXY}' is one more than the 0 that those above it allow")
    );
}

#[test]
fn only_end_entities_who_may_sign_issue_proxies() {
    let other = of(draft("Jane").email(EMAIL).usage(KEY_ENCIPHERMENT));
    assert_told!(
        refused_of(&other, other.draft()),
        ProxyError::KeyUsage { .. },
        format!("'{JANE}' issued the proxy certificate '{PROXY}' without the key usage digitalSignature")
    );
    let root = current(authority("Root", None));
    let leaf = current(proxy(&root, "1", INHERIT_ALL, None)).issued_by(&root.self_signed());
    assert!(matches!(refused(&credentials(&leaf, &[&root.self_signed()])), ProxyError::Authority { .. }));
}

#[test]
fn more_proxies_than_a_signature_carries_are_refused() {
    let grid = grid();
    let (mut above, mut last): (Vec<Identity>, _) = (vec![grid.end_entity.clone()], grid.jane.clone());
    for number in 1..=16 {
        last = current(proxy(&last, &number.to_string(), INHERIT_ALL, None));
        let next = last.issued_by(above.last().unwrap());
        let credentials = credentials(&next, &above.iter().collect::<Vec<_>>());
        if number <= 15 {
            assert_eq!(credentials.proxy_issuers().unwrap().len(), number);
            assert_eq!(credentials.endorser().unwrap(), &certificate(&grid.end_entity));
        } else {
            let error = refused(&credentials);
            assert!(matches!(error, ProxyError::TooMany { .. }));
            assert!(error.to_string().ends_with("has more than 14 proxies above it"), "{error}");
        }
        above.push(next);
    }
}

#[test]
fn the_validity_of_every_certificate_down_to_the_end_entity_counts() {
    let now = Timestamp::now();
    let grid = grid();
    let expired = for_days(grid.draft(), -3, -2).issued_by(&grid.end_entity);
    let below = current(proxy(&grid.draft(), "2", INHERIT_ALL, None)).issued_by(&expired);
    for credentials in
        [credentials(&expired, &[&grid.end_entity]), credentials(&below, &[&expired, &grid.end_entity])]
    {
        let error = credentials.check_validity(now).unwrap_err();
        let told = format!("the certificate of '{PROXY}' expired at ");
        assert!(matches!(error, CredentialsError::Expired { .. }));
        assert!(error.to_string().starts_with(&told), "{error}");
    }
    let jane = for_days(grid.jane.clone(), 2, 3).issued_by(&grid.middle);
    let proxy = grid.proxy(Kind::P256);
    let error = credentials(&proxy, &[&jane]).check_validity(now).unwrap_err();
    assert!(error.to_string().starts_with(&format!("the certificate of '{JANE}' is valid from ")), "{error}");
    assert!(credentials(&proxy, &[&grid.end_entity]).check_validity(now).is_ok());
}
