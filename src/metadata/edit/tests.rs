use super::*;
use crate::{DistinguishedName, Endorser};

const ROOT: &str = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' \
    xmlns:slreq='http://mp.stratuslab.eu/slreq#' xmlns:dcterms='http://purl.org/dc/terms/'>";

fn by_jane() -> Endorsement {
    Endorsement {
        created: "2011-03-04T05:06:07Z".parse().unwrap(),
        endorser: Endorser {
            email: "jane@example.org".parse().unwrap(),
            subject: DistinguishedName::from_text("CN=<Jane> & \r co"),
            issuer: DistinguishedName::from_text("CN=CA"),
        },
    }
}

fn endorsed(description: &str) -> String {
    let document = format!("{ROOT}\n<rdf:Description>{description}</rdf:Description></rdf:RDF>");
    String::from_utf8(endorse(document.as_bytes(), &by_jane()).unwrap()).unwrap()
}

fn described(document: &str) -> &str {
    document.split_once("<rdf:Description>").unwrap().1.rsplit_once("</rdf:Description>").unwrap().0
}

#[test]
fn all_endorsements_but_the_last_go() {
    let document = endorsed(
        "\n\t<slreq:endorsement>1</slreq:endorsement>\n\t<a/>\n\t<slreq:endorsement/><slreq:endorsement>3</slreq:endorsement>\n",
    );
    let expected = "\n\t<a/><slreq:endorsement rdf:parseType=\"Resource\">\
        <dcterms:created>2011-03-04T05:06:07Z</dcterms:created><slreq:endorser rdf:parseType=\"Resource\">\
        <slreq:email>jane@example.org</slreq:email><slreq:subject>CN=&lt;Jane&gt; &amp; &#13; co</slreq:subject>\
        <slreq:issuer>CN=CA</slreq:issuer></slreq:endorser></slreq:endorsement>\n";
    assert_eq!(described(&document), expected);
}

#[test]
fn an_endorsement_is_indented_as_it_was() {
    for (indentation, step) in [("\n\t", "\t"), ("\n  ", "    ")] {
        let document = endorsed(&format!("{indentation}<slreq:endorsement/>"));
        for (depth, tag) in [
            (1, "<dcterms:created>"),
            (1, "<slreq:endorser "),
            (2, "<slreq:issuer>"),
            (1, "</slreq:endorser>"),
            (0, "</slreq:endorsement>"),
        ] {
            assert!(
                document.contains(&format!("{indentation}{}{tag}", step.repeat(depth))),
                "{tag}: {document}"
            );
        }
    }
}

#[test]
fn signatures_go_wherever_they_are() {
    let signature = "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><a><Signature/></a></Signature>";
    let document =
        endorsed(&format!("{signature}<slreq:endorsement>{signature}</slreq:endorsement>{signature}x"));
    assert!(!document.contains("Signature"), "{document}");
    assert!(document.contains("</slreq:endorsement>x"), "{document}");
}

#[test]
fn prefixes_taken_for_something_else_are_not_reused() {
    let document = "<RDF xmlns='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:slreq='urn:a' xmlns:rdf='urn:b'>\
        <Description><e:endorsement xmlns:e='http://mp.stratuslab.eu/slreq#'/></Description></RDF>";
    let document = endorse(document.as_bytes(), &by_jane()).unwrap();
    let source = Source::read(&document).unwrap();
    let tree = source.parse().unwrap();
    let endorsement = tree.descendants().find(|node| node.has_tag_name((SLREQ, "endorsement"))).unwrap();
    assert_eq!(endorsement.attribute((RDF, "parseType")), Some("Resource"));
    assert_eq!(endorsement.first_element_child().unwrap().tag_name().namespace(), Some(DCTERMS));
    let subject = tree.descendants().find(|node| node.has_tag_name((SLREQ, "subject"))).unwrap();
    assert_eq!(subject.text(), Some("CN=<Jane> & \r co"));
}
