//! Decision 2: one signature, in one place.

use stratuslab::dsig::{AlgorithmPolicy, NAMESPACE, ShapeError, VerifyError, verify};

use crate::{
    entry::plain,
    forge::{Forgery, RSA_SHA256, algorithm, error, shape},
};

/// A signed entry in three parts: before the signature, the signature, after it.
fn parts() -> (String, String, String) {
    let good = Forgery::new().document();
    let (before, rest) = good.split_once("<Signature").unwrap();
    let (signature, after) = rest.split_once("</Signature>").unwrap();
    (before.to_owned(), format!("<Signature{signature}</Signature>"), after.to_owned())
}

#[test]
fn signature_not_the_last_child_of_the_root() {
    let (before, signature, after) = parts();
    for (follows, what) in [
        ("<!-- c -->", "a comment"),
        ("<?p?>", "a processing instruction"),
        (" text", "text"),
        ("<![CDATA[x]]>", "text"),
        ("\n<rdf:Description rdf:about='#x'/>", "an element"),
    ] {
        let error = shape(error(&format!("{before}{signature}{follows}{after}")));
        assert_eq!(error, ShapeError::NotLast { what }, "{follows}");
    }
    let error = Forgery { place: "<rdf:Description ", ..Forgery::new() }.error();
    assert_eq!(shape(error), ShapeError::NotLast { what: "an element" });
    let spaced = Forgery { place: "\n</rdf:RDF>", ..Forgery::new() }.document();
    assert!(verify(spaced.as_bytes(), &AlgorithmPolicy::default()).is_ok());
}

#[test]
fn more_than_one_signature() {
    let (before, signature, after) = parts();
    for count in [2, 5] {
        let error = shape(error(&format!("{before}{}{after}", signature.repeat(count))));
        assert_eq!(error, ShapeError::SeveralSignatures { count });
    }
    assert!(matches!(error(&format!("{before}{after}")), VerifyError::NoSignature));
    assert!(matches!(error(&plain()), VerifyError::NoSignature));
}

/// Also where the content is ignored otherwise.
#[test]
fn signature_nested_in_the_signature() {
    let (before, signature, after) = parts();
    for (place, parent) in [
        ("<KeyInfo>", "KeyInfo"),
        ("<X509Data>", "X509Data"),
        ("<SignedInfo>", "SignedInfo"),
        ("<SignatureValue>", "SignatureValue"),
    ] {
        let nested = signature.replacen(place, &format!("{place}{signature}"), 1);
        let error = shape(error(&format!("{before}{nested}{after}")));
        assert_eq!(error, ShapeError::NestedSignature { parent: parent.into() });
    }
    for wrapper in ["KeyValue", "KeyName"] {
        let mut forgery = Forgery::new();
        forgery.key_info.insert_str(0, &format!("<{wrapper}>{signature}</{wrapper}>"));
        assert_eq!(shape(forgery.error()), ShapeError::NestedSignature { parent: wrapper.into() });
    }
}

#[test]
fn signature_inside_the_description() {
    for (place, parent) in [
        ("    </rdf:Description>", "Description"),
        ("<slreq:email>", "endorser"),
        ("</slreq:endorsement>", "endorsement"),
    ] {
        let error = Forgery { place, ..Forgery::new() }.error();
        assert_eq!(shape(error), ShapeError::SignatureInDescription { parent: parent.into() });
    }
    // Beside a good one, too.
    let nested = format!(
        "<a:b xmlns:a=\"urn:a\" rdf:parseType=\"Literal\"><Signature xmlns=\"{NAMESPACE}\"/></a:b></rdf:Description>"
    );
    let mut forgery = Forgery::new();
    forgery.content = forgery.content.replace("</rdf:Description>", &nested);
    assert_eq!(shape(forgery.error()), ShapeError::SignatureInDescription { parent: "b".into() });
}

#[test]
fn signature_in_a_foreign_wrapper() {
    let (before, signature, after) = parts();
    let wrapped = format!("{before}<w:w xmlns:w='urn:w'>{signature}</w:w>{after}");
    assert_eq!(shape(error(&wrapped)), ShapeError::Misplaced { element: "Signature".into() });
}

#[test]
fn nothing_else_is_in_the_signature_namespace() {
    let element = format!("<x:y xmlns:x=\"{NAMESPACE}\">1</x:y></rdf:Description>");
    let attribute = format!("<a:b xmlns:a=\"urn:a\" xmlns:x=\"{NAMESPACE}\" x:Id=\"1\"/></rdf:Description>");
    for (extra, found) in [(&element, "y"), (&attribute, "Id")] {
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replace("</rdf:Description>", extra);
        assert_eq!(shape(forgery.error()), ShapeError::Misplaced { element: found.into() });
    }
    for (from, to) in [
        ("<rdf:RDF ", format!("<rdf:RDF xmlns:x=\"{NAMESPACE}\" x:Id=\"\" ")),
        ("</rdf:RDF>", format!("<x:Object xmlns:x=\"{NAMESPACE}\"/></rdf:RDF>")),
        ("</rdf:RDF>", format!("<x:SignedInfo xmlns:x=\"{NAMESPACE}\"/></rdf:RDF>")),
    ] {
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replacen(from, &to, 1);
        assert!(matches!(shape(forgery.error()), ShapeError::Misplaced { .. }));
    }
}

#[test]
fn m4_m14_unknown_algorithms() {
    for unknown in [
        "HTTP://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 ",
        "http://www.w3.org/2001/04/xmldsig-more#none",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "",
    ] {
        let error = Forgery { method: algorithm("SignatureMethod", unknown), ..Forgery::new() }.error();
        assert!(error.to_string().contains(&format!("'{unknown}'")), "{error}");
        let named = |role: &str, uri: &str| role == "SignatureMethod" && uri == unknown;
        assert!(matches!(&error, VerifyError::UnknownAlgorithm { role, uri } if named(role, uri)), "{error}");
    }
    for unknown in ["urn:none", RSA_SHA256] {
        let digest = Forgery::new().reference.replace("http://www.w3.org/2001/04/xmlenc#sha256", unknown);
        let error = Forgery { reference: digest, ..Forgery::new() }.error();
        assert!(matches!(error, VerifyError::UnknownAlgorithm { role: "DigestMethod", .. }), "{error}");
    }
    let canonicalization = algorithm("CanonicalizationMethod", "http://www.w3.org/2010/xml-c14n2");
    let error = Forgery { canonicalization, ..Forgery::new() }.error();
    assert!(matches!(error, VerifyError::UnknownAlgorithm { role: "canonicalization", .. }), "{error}");
    for (element, forgery) in [
        ("SignatureMethod", Forgery { method: "<SignatureMethod/>".into(), ..Forgery::new() }),
        (
            "CanonicalizationMethod",
            Forgery { canonicalization: "<CanonicalizationMethod/>".into(), ..Forgery::new() },
        ),
    ] {
        let parent = element.into();
        assert_eq!(shape(forgery.error()), ShapeError::Missing { element: "Algorithm", parent });
    }
}

#[test]
fn m4_md5_and_hmac_are_refused_by_name() {
    for (uri, name, reason) in [
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "rsa-md5", "collisions for MD2 and MD5"),
        ("http://www.w3.org/2000/09/xmldsig#hmac-sha1", "hmac-sha1", "HMAC takes a secret"),
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-md5", "hmac-md5", "HMAC takes a secret"),
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "hmac-sha256", "HMAC takes a secret"),
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha512", "hmac-sha512", "HMAC takes a secret"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-ripemd160", "rsa-ripemd160", "no entry needs"),
        ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1", "ecdsa-sha1", "SHA-1 no longer"),
        ("http://www.w3.org/2007/05/xmldsig-more#rsa-pss", "rsa-pss", "its parameters are a choice"),
        ("http://www.w3.org/2007/05/xmldsig-more#md5-rsa-MGF1", "md5-rsa-MGF1", "collisions for"),
        ("http://www.w3.org/2009/xmldsig11#dsa-sha256", "dsa-sha256", "DSA is accepted for old"),
        ("http://www.w3.org/2021/04/xmldsig-more#eddsa-ed448", "eddsa-ed448", "of the Edwards curves"),
    ] {
        let error = Forgery { method: algorithm("SignatureMethod", uri), ..Forgery::new() }.error();
        assert!(
            matches!(&error, VerifyError::RefusedAlgorithm { algorithm, .. } if *algorithm == name),
            "{error}"
        );
        let said = error.to_string();
        assert!(said.starts_with(&format!("{name} is not accepted: {reason}")), "{said}");
    }
    let md5 = Forgery::new().reference.replace("xmlenc#sha256", "xmldsig-more#md5");
    let error = Forgery { reference: md5, ..Forgery::new() }.error();
    assert_eq!(
        error.to_string(),
        "md5 is not accepted: collisions for MD2 and MD5 can be computed in seconds"
    );
}

#[test]
fn truncating_hmac_output_length() {
    for content in ["<HMACOutputLength>0</HMACOutputLength>", "<HMACOutputLength>256</HMACOutputLength>"] {
        let method = format!("<SignatureMethod Algorithm=\"{RSA_SHA256}\">{content}</SignatureMethod>");
        let error = shape(Forgery { method: method.clone(), ..Forgery::new() }.error());
        assert!(matches!(error, ShapeError::OutputLength { .. }), "{error}");
        let hmac = method.replace("rsa-sha256", "hmac-sha256");
        let error = Forgery { method: hmac, ..Forgery::new() }.error();
        assert!(matches!(error, VerifyError::RefusedAlgorithm { algorithm: "hmac-sha256", .. }), "{error}");
    }
}

#[test]
fn decision_5_sha1_is_accepted_only_if_allowed() {
    let strict = |document: &str| verify(document.as_bytes(), &AlgorithmPolicy::default()).unwrap_err();
    for name in ["rsa-sha1", "dsa-sha1"] {
        let method = algorithm("SignatureMethod", &format!("{NAMESPACE}{name}"));
        let error = strict(&Forgery { method, ..Forgery::new() }.document());
        assert!(
            matches!(error, VerifyError::ForbiddenAlgorithm { algorithm } if algorithm == name),
            "{error}"
        );
    }
    let sha1 = Forgery::new()
        .reference
        .replace("http://www.w3.org/2001/04/xmlenc#sha256", &format!("{NAMESPACE}sha1"));
    let sha1 = sha1.replace("DIGEST", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let error = strict(&Forgery { reference: sha1, ..Forgery::new() }.document());
    assert!(matches!(error, VerifyError::ForbiddenAlgorithm { algorithm: "sha1" }), "{error}");
}
