//! Proxy certificates (RFC 3820).

use stratuslab::trust::{PathError, ProxyError};

use crate::{
    assert_told,
    authority::{
        BASIC_CONSTRAINTS, Draft, INHERIT_ALL, KEY_ENCIPHERMENT, PROXY_CERT_INFO, authority, certificate,
        draft, named_after, proxy, proxy_cert_info,
    },
    judge::Case,
    pki::{Identity, tlv},
};

const INDEPENDENT: &str = "1.3.6.1.5.5.7.21.2";
const LIMITED: &str = "1.3.6.1.4.1.3536.1.1.1.9";
const NAME: &str = "'CN=1,CN=Jane,O=StratusLab,C=FR'";
const HOLDER: &str = "'CN=Jane,O=StratusLab,C=FR'";

struct Grid {
    root: Identity,
    jane: Draft,
    end_entity: Identity,
}

fn grid() -> Grid {
    let root = authority("Root", None).self_signed();
    let jane = draft("Jane").email("jane@example.org");
    let end_entity = jane.issued_by(&root);
    Grid { root, jane, end_entity }
}

impl Grid {
    fn case<'a>(&'a self, leaf: &'a Identity) -> Case<'a> {
        Case::new(&[&self.root], &[&self.end_entity], leaf)
    }
}

#[test]
fn proxies_stand_for_their_end_entity_on_several_levels() {
    let grid = grid();
    let first = proxy(&grid.jane, "1", INHERIT_ALL, Some(1));
    let one = first.issued_by(&grid.end_entity);
    let second = proxy(&first, "2", INHERIT_ALL, None);
    let two = second.issued_by(&one);
    let path = grid.case(&one).accepted();
    assert_eq!((path.proxies(), path.end_entity()), (1, Some(&certificate(&grid.end_entity))));
    let path = Case::new(&[&grid.root], &[&one, &grid.end_entity], &two).accepted();
    assert_eq!((path.proxies(), path.certificates().len()), (2, 4));
    assert_eq!(path.end_entity(), Some(&certificate(&grid.end_entity)));
    let three = proxy(&second, "3", INHERIT_ALL, None).issued_by(&two);
    assert_told!(
        Case::new(&[&grid.root], &[&one, &two, &grid.end_entity], &three).refused(),
        PathError::Proxy(ProxyError::PathLength { limit: 1, .. }),
        "the proxy certificate 'CN=3,CN=2,CN=1,CN=Jane,O=StratusLab,C=FR' is one more than the 1 that those above it allow"
    );
    // A proxy for time stamps there is not.
    assert!(grid.case(&one).stamping().refused().to_string().contains("proxy certificates not allowed"));
}

#[test]
fn only_a_proxy_with_all_rights_stands_for_anyone() {
    let grid = grid();
    for (language, message) in [
        (INDEPENDENT, format!("is independent: it does not stand for its issuer {HOLDER}")),
        (LIMITED, format!("is limited: {HOLDER} did not give it all rights")),
        ("1.2.3.4", "has a policy in the language 1.2.3.4; only id-ppl-inheritAll is accepted".to_owned()),
    ] {
        let leaf = proxy(&grid.jane, "1", language, None).issued_by(&grid.end_entity);
        let error = grid.case(&leaf).refused_by_us_alone();
        assert_told!(
            &error,
            PathError::Proxy(
                ProxyError::Independent { .. } | ProxyError::Limited { .. } | ProxyError::Language { .. }
            ),
            format!("the proxy certificate {NAME} {message}")
        );
    }
    // One below it has no more rights than it.
    let limited = proxy(&grid.jane, "1", LIMITED, None);
    let one = limited.issued_by(&grid.end_entity);
    let two = proxy(&limited, "2", INHERIT_ALL, None).issued_by(&one);
    let error = Case::new(&[&grid.root], &[&one, &grid.end_entity], &two).refused_by_us_alone();
    assert!(matches!(error, PathError::Proxy(ProxyError::Limited { .. })), "{error:?}");
}

#[test]
fn proxies_from_before_the_standard_are_refused_by_name() {
    let grid = grid();
    for name in ["proxy", "limited proxy"] {
        let leaf = named_after(&grid.jane, name).issued_by(&grid.end_entity);
        assert_told!(
            grid.case(&leaf).refused(),
            PathError::Proxy(ProxyError::Legacy { kind: "Globus 2", .. }),
            format!(
                "the proxy certificate 'CN={name},CN=Jane,O=StratusLab,C=FR' is of the kind before RFC 3820 (Globus 2), \
                 which is not accepted"
            )
        );
    }
    let info = proxy_cert_info(INHERIT_ALL, None, None);
    let leaf = named_after(&grid.jane, "1").extended("1.3.6.1.4.1.3536.1.222", true, &info);
    let leaf = leaf.issued_by(&grid.end_entity);
    let error = grid.case(&leaf).refused();
    assert!(matches!(error, PathError::Proxy(ProxyError::Legacy { kind: "Globus 3", .. })), "{error:?}");
}

#[test]
fn proxies_keep_the_rules_of_the_standard() {
    let grid = grid();
    let info = proxy_cert_info(INHERIT_ALL, None, None);
    let one = || named_after(&grid.jane, "1");
    let refused = |draft: Draft| grid.case(&draft.issued_by(&grid.end_entity)).refused();
    let refused_here = |draft: Draft| grid.case(&draft.issued_by(&grid.end_entity)).refused_by_us_alone();
    assert_told!(
        refused_here(one().extended(PROXY_CERT_INFO, false, &info)),
        PathError::Proxy(ProxyError::NotCritical { .. }),
        format!("the proxy certificate {NAME} does not mark ProxyCertInfo as critical")
    );
    let policy = proxy_cert_info(INHERIT_ALL, None, Some(b"all"));
    assert_told!(
        refused_here(one().extended(PROXY_CERT_INFO, true, &policy)),
        PathError::Proxy(ProxyError::Malformed { .. }),
        format!("the proxy certificate {NAME} has a malformed ProxyCertInfo")
    );
    assert_told!(
        refused(draft("Another").extended(PROXY_CERT_INFO, true, &info)),
        PathError::Proxy(ProxyError::Name { .. }),
        format!(
            "the proxy certificate 'CN=Another,O=StratusLab,C=FR' is not named after its issuer {HOLDER}"
        )
    );
    assert_told!(
        refused(proxy(&grid.jane, "1", INHERIT_ALL, None).email("admin@example.org")),
        PathError::Proxy(ProxyError::Forbidden { .. }),
        format!("the proxy certificate {NAME} has a subjectAltName, which a proxy may not have")
    );
    let constraints = tlv(0x30, &tlv(0x01, &[0xff]));
    let leaf = proxy(&grid.jane, "1", INHERIT_ALL, None).extended(BASIC_CONSTRAINTS, true, &constraints);
    assert_told!(
        refused(leaf),
        PathError::Proxy(ProxyError::Forbidden { .. }),
        format!(
            "the proxy certificate {NAME} has the basicConstraints of an authority, which a proxy may not have"
        )
    );
    // As for every other certificate.
    let leaf = proxy(&grid.jane, "1", INHERIT_ALL, None).usage(KEY_ENCIPHERMENT);
    assert!(matches!(refused_here(leaf), PathError::KeyUsage { .. }));
}

#[test]
fn only_end_entities_who_may_sign_issue_proxies() {
    let grid = grid();
    let jane = draft("Jane").usage(KEY_ENCIPHERMENT);
    let end_entity = jane.issued_by(&grid.root);
    let leaf = proxy(&jane, "1", INHERIT_ALL, None).issued_by(&end_entity);
    assert_told!(
        Case::new(&[&grid.root], &[&end_entity], &leaf).refused(),
        PathError::Proxy(ProxyError::KeyUsage { .. }),
        format!("{HOLDER} issued the proxy certificate {NAME} without the key usage digitalSignature")
    );
    let root = authority("Root", None);
    let leaf = proxy(&root, "1", INHERIT_ALL, None).issued_by(&grid.root);
    assert_told!(
        Case::new(&[&grid.root], &[], &leaf).refused(),
        PathError::Proxy(ProxyError::Authority { .. }),
        "the proxy certificate 'CN=1,CN=Root,O=StratusLab,C=FR' was issued by the authority 'CN=Root,O=StratusLab,C=FR'; \
         only end entities issue proxies"
    );
}
