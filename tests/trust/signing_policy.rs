//! What the signing policies in a directory let authorities sign.

use std::os::unix::fs::symlink;

use stratuslab::trust::{AnchorsError, AnchorsWarning, PathError, PathRequest, verify_path};

use crate::{
    anchors::{Directory, hash, judged},
    assert_told,
    authority::{INHERIT_ALL, authority, certificate, date, draft, proxy, used},
    pki::EMAIL_ADDRESS,
};

fn policy(authority: &str, subjects: &str) -> String {
    format!("access_id_CA X509 '{authority}'\npos_rights globus CA:sign\ncond_subjects globus '{subjects}'\n")
}

const ROOT: &str = "/C=FR/O=StratusLab/CN=Root";

#[test]
fn subjects_outside_the_namespace_are_refused() {
    let root = authority("Root", None).self_signed();
    let jane = draft("Jane").issued_by(&root);
    let other = draft("").named(&[("2.5.4.6", "DE"), ("2.5.4.3", "Jane")]).issued_by(&root);
    // By hash, by alias through the link of the certificate, and by what it says alone.
    for name in
        [format!("{}.signing_policy", hash(&root)), "root.signing_policy".into(), "x.signing_policy".into()]
    {
        let directory = Directory::new();
        directory.authority("root", &root);
        let file = directory.write(&name, policy(ROOT, "\"/C=IT/*\" \"/C=FR/O=StratusLab/*\""));
        let anchors = directory.anchors();
        assert!(judged(&anchors, &jane).is_ok(), "{name}");
        assert_told!(
            judged(&anchors, &other).unwrap_err(),
            PathError::SigningPolicy { .. },
            format!(
                "the signing policy {} lets '{ROOT}' certify '/C=IT/*', '/C=FR/O=StratusLab/*', but not '/C=DE/CN=Jane'",
                file.display()
            )
        );
    }
    // Two links to one file are one policy.
    let directory = Directory::new();
    directory.authority("root", &root);
    directory.write("root.signing_policy", policy(ROOT, "\"/C=FR/*\""));
    let link = directory.path().join(format!("{}.signing_policy", hash(&root)));
    symlink("root.signing_policy", link).unwrap();
    assert!(judged(&directory.anchors(), &jane).is_ok());
    assert!(judged(&directory.anchors(), &other).is_err());
}

#[test]
fn a_policy_that_says_nothing_permits_nothing() {
    let root = authority("Root", None).self_signed();
    let jane = draft("Jane").issued_by(&root);
    let directory = Directory::new();
    directory.authority("root", &root);
    let name = format!("{}.signing_policy", hash(&root));
    // Of another authority.
    let file = directory.write(&name, policy("/C=FR/CN=Other", "\"*\""));
    assert_told!(
        judged(&directory.anchors(), &jane).unwrap_err(),
        PathError::SigningPolicy { .. },
        format!(
            "the signing policy {} lets '{ROOT}' certify nothing, and so not '/C=FR/O=StratusLab/CN=Jane'",
            file.display()
        )
    );
    // Broken, with a warning.
    directory.write(&name, policy(ROOT, "\"*\"").replace("CA:sign", "CA:sing"));
    let anchors = directory.anchors();
    assert!(matches!(judged(&anchors, &jane), Err(PathError::SigningPolicy { .. })));
    let told: Vec<String> = anchors.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [format!(
            "cannot use the signing policy {}, so that its authority may sign nothing: line 2: pos_rights globus CA:sing \
             is not pos_rights globus CA:sign",
            file.display()
        )]
    );
    assert!(matches!(anchors.warnings(), [AnchorsWarning::SigningPolicy { .. }]));
    // Under a name that is not the authority's, what it says tells whose it is.
    std::fs::remove_file(&file).unwrap();
    for broken in [
        policy(ROOT, "\"*\"").replace("CA:sign", "CA:sing"),
        format!("{}'", policy(ROOT, "\"*\"")),
        policy(ROOT, "\"\u{e9}*\""),
    ] {
        // ISO 8859-1
        let file =
            directory.write("other.signing_policy", broken.chars().map(|c| c as u8).collect::<Vec<_>>());
        let anchors = directory.anchors();
        assert!(matches!(anchors.warnings(), [AnchorsWarning::SigningPolicy { .. }]), "{broken}");
        assert!(matches!(judged(&anchors, &jane), Err(PathError::SigningPolicy { .. })), "{broken}");
        std::fs::remove_file(file).unwrap();
    }
    symlink("absent", &file).unwrap();
    let anchors = directory.anchors();
    assert!(matches!(anchors.warnings(), [AnchorsWarning::Unusable(AnchorsError::Read { .. })]));
    assert!(matches!(judged(&anchors, &jane), Err(PathError::SigningPolicy { .. })));
}

#[test]
fn authorities_on_the_way_are_bound_too_and_proxies_are_not() {
    let root = authority("Root", None).self_signed();
    let middle = authority("Middle", None).issued_by(&root);
    let jane = draft("Jane");
    let end_entity = jane.issued_by(&middle);
    let leaf = proxy(&jane, "1", INHERIT_ALL, None).issued_by(&end_entity);
    let judged = |of_root: &str, of_middle: &str| {
        let directory = Directory::new();
        directory.authority("root", &root);
        directory.write("root.signing_policy", policy(ROOT, of_root));
        directory.write("middle.signing_policy", policy("/C=FR/O=StratusLab/CN=Middle", of_middle));
        let chain = [certificate(&end_entity), certificate(&middle)];
        let leaf = certificate(&leaf);
        let request = PathRequest::new(&leaf, &chain, used(), date("2021-02-01T00:00:00Z"));
        verify_path(&directory.anchors(), &request)
    };
    assert!(judged("\"/C=FR/O=StratusLab/CN=Middle\"", "\"/C=FR/O=StratusLab/CN=Jane\"").is_ok());
    for (of_root, of_middle, authority) in [
        ("\"/C=FR/O=StratusLab/CN=Jane\"", "\"*\"", ROOT),
        ("\"*\"", "\"/C=FR/O=StratusLab/CN=Joe\"", "/C=FR/O=StratusLab/CN=Middle"),
    ] {
        let error = judged(of_root, of_middle).unwrap_err();
        assert!(
            matches!(&error, PathError::SigningPolicy { authority: told, .. } if told == authority),
            "{error:?}"
        );
    }
}

#[test]
fn names_are_compared_as_globus_compares_them() {
    let name = [("2.5.4.10", "Österreich"), (EMAIL_ADDRESS, "ca@example.org")];
    let root = authority("", None).named(&name).self_signed();
    let jane = draft("").named(&[("2.5.4.10", "Österreich"), ("2.5.4.3", "Jane")]).issued_by(&root);
    for (authority, subjects, fits) in [
        ("/O=\\xC3\\x96sterreich/emailAddress=ca@example.org", "/O=\\xC3\\x96sterreich/*", true),
        ("/O=Österreich/Email=ca@example.org", "/O=Österreich/CN=J?ne", true),
        ("/o=\\xc3\\x96STERREICH/E=CA@example.org", "/o=\\xc3\\x96sterreich/cn=jane", true),
        ("/O=Österreich/Email=ca@example.org", "/O=Osterreich/*", false),
        ("/O=Österreich/Email=ca@example.org", "/O=Österreich/CN=J?ane", false),
    ] {
        let directory = Directory::new();
        directory.authority("root", &root);
        directory.write("x.signing_policy", policy(authority, &format!("\"{subjects}\"")));
        assert_eq!(judged(&directory.anchors(), &jane).is_ok(), fits, "{authority} {subjects}");
    }
}
