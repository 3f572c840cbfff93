//! What a name means is the same when it is signed and when it is read: we read what was digested.

use roxmltree::{Document, Node};
use stratuslab::{
    dsig::{
        AlgorithmPolicy, NAMESPACE, ShapeError, VerifyError,
        c14n::{self, Canonicalization, Mode},
        verify,
    },
    metadata::{
        namespace::{DCTERMS, RDF, SLREQ},
        rules::RuleError,
    },
    xml::XmlError,
};

use crate::{
    entry::with,
    forge::{ENVELOPED, EXCLUSIVE, Forgery, SHA256, algorithm, error, reference, shape},
};

/// A forgery whose reference is canonicalised like this, and a prefix list for the exclusive form.
fn canonicalised(mode: Mode, prefixes: &str) -> Forgery {
    let mut digested = Canonicalization::new(mode);
    let list = match prefixes {
        "" => String::new(),
        prefixes => {
            let empty = |prefix| if prefix == "#default" { "" } else { prefix };
            digested.inclusive_prefixes =
                prefixes.split(' ').map(|prefix| empty(prefix).to_owned()).collect();
            format!("<i:InclusiveNamespaces xmlns:i=\"{EXCLUSIVE}\" PrefixList=\"{prefixes}\"/>")
        }
    };
    let transforms = format!(
        "{}<Transform Algorithm=\"{}\">{list}</Transform>",
        algorithm("Transform", ENVELOPED),
        digested.uri()
    );
    Forgery { reference: reference("URI=\"\"", &transforms, SHA256), digested, ..Forgery::new() }
}

/// The ways to canonicalise that differ in what they do with declarations.
fn ways() -> Vec<Forgery> {
    [
        (Mode::Inclusive, ""),
        (Mode::Inclusive11, ""),
        (Mode::Exclusive, ""),
        (Mode::Exclusive, "#default"),
        (Mode::Exclusive, "slreq x y rdf unknown #default"),
    ]
    .map(|(mode, prefixes)| canonicalised(mode, prefixes))
    .into()
}

/// Every expanded name and every text below a node.
fn meaning(node: Node) -> Vec<String> {
    let mut said = Vec::new();
    for node in node.descendants() {
        if node.is_element() {
            said.push(format!("{:?}", node.tag_name()));
            let mut attributes: Vec<_> = node
                .attributes()
                .map(|attribute| {
                    format!("{:?} {} {}", attribute.namespace(), attribute.name(), attribute.value())
                })
                .collect();
            attributes.sort();
            said.extend(attributes);
        } else if node.is_text() {
            said.push(node.text().unwrap_or_default().to_owned());
        }
    }
    said
}

/// What is declared, redeclared, undeclared, unused, used in attributes or in values only.
const TRICKS: [&str; 10] = [
    "<x:a xmlns:x='urn:x'><x:a xmlns:x='urn:y'><x:a xmlns:x='urn:x'/></x:a><x:a/></x:a>",
    "<x:a xmlns:x='urn:x' xmlns='urn:d'><b><c xmlns=''><d/></c><e xmlns='urn:e'/></b></x:a>",
    "<a xmlns='urn:d'><b xmlns=''><c xmlns='urn:d'/></b></a>",
    "<x:a xmlns:x='urn:x' xmlns:y='urn:x'><y:a x:t='1'/><x:a y:t='1' t='2'/></x:a>",
    "<x:a xmlns:x='urn:x' xmlns:y='urn:y'><x:b xmlns:x='urn:y' xmlns:y='urn:x'><x:c/><y:c/></x:b></x:a>",
    "<x:a xmlns:x='urn:x' xmlns:slreq='urn:not-slreq'><slreq:email>evil@example.org</slreq:email></x:a>",
    "<x:a xmlns:x='urn:x' xmlns:rdf='urn:not-rdf'><rdf:Description rdf:about='#z'/></x:a>",
    "<x:a xmlns:x='urn:x' xmlns:xsi='urn:xsi' xsi:type='y:b' xmlns:y='urn:y'>y:b</x:a>",
    "<x:a xmlns:x='urn:x' xml:lang='en' xml:space='preserve'> <x:b xml:lang=''/> </x:a>",
    "<x:a xmlns:x='http://mp.stratuslab.eu/slreq&#35;'><x:b/></x:a>",
];

#[test]
fn no_canonicalization_changes_what_a_name_means() {
    for trick in TRICKS {
        let document = with(&format!("<l:l xmlns:l='urn:l' rdf:parseType='Literal'>{trick}</l:l>"));
        let document =
            document.replacen("<rdf:RDF ", "<rdf:RDF xmlns='urn:default' xmlns:y='urn:unused' ", 1);
        let tree = Document::parse(&document).unwrap();
        let said = meaning(tree.root_element());
        assert!(said.len() > 50);
        for forgery in ways() {
            let octets = c14n::document(tree.root(), &forgery.digested, None).unwrap();
            let octets = String::from_utf8(octets).unwrap();
            let again = Document::parse(&octets).unwrap();
            assert_eq!(meaning(again.root_element()), said, "{trick}");
        }
    }
}

/// Each is an entry, and each is read as it was signed, whatever its namespaces say.
#[test]
fn entries_are_read_as_they_were_signed() {
    for trick in TRICKS {
        for mut forgery in ways() {
            let literal =
                format!("<l:l xmlns:l='urn:l' rdf:parseType='Literal'>{trick}</l:l></rdf:Description>");
            forgery.content = forgery.content.replace("</rdf:Description>", &literal);
            forgery.content = forgery.content.replacen(
                "<rdf:RDF ",
                "<rdf:RDF xmlns='urn:default' xmlns:y='urn:unused' ",
                1,
            );
            let document = forgery.document();
            match verify(document.as_bytes(), &AlgorithmPolicy::default()) {
                Ok(entry) => {
                    let endorser = &entry.endorsement.as_ref().unwrap().endorser;
                    assert_eq!(endorser.email.as_str(), "jane.tester@example.org");
                    assert_eq!(entry.os.as_deref(), Some("ttylinux"));
                }
                // Known vocabulary inside must keep to it.
                Err(VerifyError::Rule(RuleError::Structure(_))) => {
                    assert!(trick.contains("slreq"), "{trick}");
                }
                Err(error) => panic!("{trick}: {error}"),
            }
        }
    }
}

/// Declarations that are changed after signing: what is signed is changed, or nothing is.
#[test]
fn declarations_changed_after_signing() {
    let slreq = "xmlns:slreq=\"http://mp.stratuslab.eu/slreq#\"";
    for forgery in ways() {
        let document = forgery.document();
        let read = |document: &str| verify(document.as_bytes(), &AlgorithmPolicy::default());
        let good = read(&document).unwrap();
        for (from, to) in [
            // Another meaning of a prefix that is used.
            (slreq.to_owned(), "xmlns:slreq=\"urn:evil#\"".to_owned()),
            (slreq.to_owned(), format!("xmlns:slreq=\"{DCTERMS}\"")),
            ("<slreq:endorser ".into(), "<slreq:endorser xmlns:slreq=\"urn:evil\" ".into()),
            ("<slreq:email>".into(), format!("<slreq:email xmlns:slreq=\"{RDF}\">")),
            // The same meaning by another prefix, which canonical XML keeps apart.
            ("slreq".into(), "other".into()),
        ] {
            let changed = document.replace(&from, &to).replace("eu/other#", "eu/slreq#");
            assert_ne!(changed, document);
            let error = error(&changed);
            assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{to}: {error}");
        }
        // What nobody uses is signed by inclusive canonicalization only; where it is not, the entry
        // read is the one that was signed.
        for (from, to) in [
            ("<rdf:RDF ", "<rdf:RDF xmlns:unused=\"urn:evil\" "),
            ("<rdf:RDF ", "<rdf:RDF xmlns=\"urn:evil\" "),
            ("<slreq:endorser ", "<slreq:endorser xmlns=\"urn:evil\" xmlns:unused=\"urn:evil\" "),
            ("<slterms:os>", "<slterms:os xmlns:slreq=\"urn:evil\">"),
            ("<slterms:os>", "<slterms:os xmlns:slterms=\"http://mp.stratuslab.eu/slterms#\">"),
        ] {
            let changed = document.replacen(from, to, 1);
            assert_ne!(changed, document);
            match read(&changed) {
                Ok(entry) => assert_eq!(*entry, *good, "{to}"),
                Err(error) => assert!(
                    // SignedInfo inherits what the root declares (C14N 1.0 §2.4).
                    matches!(error, VerifyError::DigestMismatch { .. } | VerifyError::SignatureMismatch),
                    "{to}: {error}"
                ),
            }
        }
    }
}

#[test]
fn prefixes_redeclared_between_root_and_signature() {
    let (ds, slreq) = (format!("xmlns:ds='{NAMESPACE}'"), format!("xmlns:slreq='{NAMESPACE}'"));
    // On Signature, with the whole of it in a prefix, or in a prefix of the entry's.
    for (prefix, declaration) in [("ds", &ds), ("slreq", &slreq)] {
        let mut forgery = Forgery::new();
        forgery.attributes = format!(" {declaration}");
        let document = forgery.document();
        let (before, signature) = document.split_at(document.find("<Signature").unwrap());
        let prefixed = signature
            .replace("</", &format!("</{prefix}:"))
            .replace('<', &format!("<{prefix}:"))
            .replace(&format!("<{prefix}:/"), "</")
            .replace(&format!("</{prefix}:rdf:RDF>"), "</rdf:RDF>");
        // The signature is not good any more, but it is read as one.
        let error = error(&format!("{before}{prefixed}"));
        assert!(matches!(error, VerifyError::SignatureMismatch), "{error}");
        // Bound to something else by the root, the elements are no signature.
        let unbound = prefixed.replacen(declaration, "", 1);
        let root = before.replacen("<rdf:RDF ", "<rdf:RDF xmlns:ds='urn:x' ", 1);
        assert!(matches!(self::error(&format!("{root}{unbound}")), VerifyError::NoSignature));
    }
    // Prefixes of the entry mean something else inside Signature: nothing there uses them.
    let forgery = Forgery { attributes: " xmlns:rdf='urn:x' xmlns:slreq='urn:y'".into(), ..Forgery::new() };
    let entry = verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).unwrap();
    assert_eq!(entry.endorsement.as_ref().unwrap().endorser.email.as_str(), "jane.tester@example.org");
}

/// In no namespace, or in another, an element of the signature is not there.
#[test]
fn children_of_the_signature_in_no_namespace() {
    let good = Forgery::new().document();
    for name in [
        "SignedInfo",
        "CanonicalizationMethod",
        "SignatureMethod",
        "Reference",
        "Transforms",
        "Transform",
        "DigestMethod",
        "DigestValue",
        "SignatureValue",
        "KeyInfo",
        "X509Data",
        "X509Certificate",
    ] {
        for namespace in
            ["", "urn:x", "http://www.w3.org/2000/09/xmldsig", "HTTP://www.w3.org/2000/09/xmldsig#"]
        {
            let tag = |next| good.find(&format!("<{name}{next}"));
            let at = tag('>').or_else(|| tag(' ')).unwrap() + 1 + name.len();
            let document = format!("{} xmlns=\"{namespace}\"{}", &good[..at], &good[at..]);
            match error(&document) {
                VerifyError::NoCertificate => {
                    assert!(name.starts_with("KeyInfo") || name.starts_with("X509"));
                }
                VerifyError::Shape(
                    ShapeError::Missing { .. }
                    | ShapeError::UnknownElement { .. }
                    | ShapeError::EnvelopedMissing,
                ) => {}
                other => panic!("{name} '{namespace}': {other}"),
            }
        }
    }
    for namespace in ["", "urn:x", "http://www.w3.org/2000/09/xmldsig"] {
        let other = good.replace(&format!("xmlns=\"{NAMESPACE}\""), &format!("xmlns=\"{namespace}\""));
        assert!(matches!(error(&other), VerifyError::NoSignature), "{namespace}");
    }
}

#[test]
fn the_prefixes_xml_and_xmlns_redeclared() {
    let good = Forgery::new().document();
    for declaration in [
        "xmlns:xml='urn:x'",
        "xmlns:xml=''",
        "xmlns:xmlns='urn:x'",
        "xmlns:xmlns='http://www.w3.org/2000/xmlns/'",
        "xmlns:x='http://www.w3.org/2000/xmlns/'",
        "xmlns='http://www.w3.org/2000/xmlns/'",
        "xmlns:x='http://www.w3.org/XML/1998/namespace'",
        "xmlns='http://www.w3.org/XML/1998/namespace'",
        "xmlns:x=''",
        "xmlns:slreq=''",
        "xmlns:slreq='urn:x' xmlns:slreq='urn:y'",
        "xmlns='urn:x' xmlns='urn:y'",
    ] {
        for place in ["<rdf:RDF ", "<slreq:endorser ", "<Reference "] {
            let error = error(&good.replacen(place, &format!("{place}{declaration} "), 1));
            assert!(
                matches!(error, VerifyError::Xml(XmlError::Malformed { .. })),
                "{place}{declaration}: {error}"
            );
        }
    }
}

#[test]
fn what_is_not_declared_is_refused() {
    let good = Forgery::new().document();
    for (from, to) in [
        ("<slterms:os>", "<y:z/><slterms:os>"),
        ("<slterms:os>", "<slterms:os y:z='1'>"),
        ("xmlns:slreq=", "xmlns:other="),
        ("<SignedInfo>", "<SignedInfo y:z='1'>"),
        // The same attribute by two prefixes.
        ("<slterms:os>", "<slterms:os xmlns:a='urn:x' xmlns:b='urn:x' a:c='1' b:c='2'>"),
    ] {
        let error = error(&good.replacen(from, to, 1));
        assert!(matches!(error, VerifyError::Xml(XmlError::Malformed { .. })), "{to}: {error}");
    }
    // What is no absolute URI has no canonical form.
    for name in ["x", "../x", "#x", "?x"] {
        let error = error(&good.replacen("<rdf:RDF ", &format!("<rdf:RDF xmlns:x='{name}' "), 1));
        assert!(matches!(error, VerifyError::Xml(XmlError::NamespaceName { .. })), "{name}: {error}");
    }
}

/// A name that only looks like one of the vocabulary is another's.
#[test]
fn namespaces_to_the_letter() {
    for name in
        ["http://mp.stratuslab.eu/slreq", "http://mp.stratuslab.eu/slreq#x", "HTTP://mp.stratuslab.eu/slreq#"]
    {
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replace(SLREQ, name);
        let error = forgery.error();
        assert!(
            matches!(error, VerifyError::EndorserElement { element: "slreq:endorsement", count: 0 }),
            "{name}: {error}"
        );
    }
    let mut forgery = Forgery::new();
    forgery.content = forgery.content.replace(SLREQ, &SLREQ.replace('#', "&#x23;"));
    assert!(verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).is_ok());
}

#[test]
fn xml_base_and_other_xml_attributes() {
    for (from, to) in [
        ("<rdf:Description ", "<rdf:Description xml:base='urn:x' "),
        ("<slreq:endorser ", "<slreq:endorser xml:base='urn:x' "),
        ("xml:base=\"http://mp.stratuslab.eu/\"", "xml:base=\"urn:x\""),
        ("xml:base=\"http://mp.stratuslab.eu/\"", ""),
        ("<rdf:RDF ", "<rdf:RDF xml:lang='en' "),
        ("<slreq:email>", "<slreq:email xml:space='preserve'>"),
    ] {
        let document = Forgery::new().document();
        let changed = document.replacen(from, to, 1);
        assert_ne!(changed, document);
        assert!(matches!(error(&changed), VerifyError::DigestMismatch { .. }), "{to}");
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replacen(from, to, 1);
        assert!(matches!(forgery.error(), VerifyError::Rule(_)), "{to}");
    }
    let forgery = Forgery { attributes: " xml:base='urn:x'".into(), ..Forgery::new() };
    let parent = "Signature".into();
    assert_eq!(shape(forgery.error()), ShapeError::UnknownAttribute { attribute: "base".into(), parent });
}
