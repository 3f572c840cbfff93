use std::collections::BTreeSet;

use super::*;

const ID: &str = "MMZu9WvwKIro-rtBQfDk4PsKO7_";

fn document(content: &str, rest: &str) -> String {
    format!(
        "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dct='http://purl.org/dc/terms/' \
         xmlns:q='http://mp.stratuslab.eu/slreq#' xmlns:t='http://mp.stratuslab.eu/slterms#' \
         xmlns:f='http://example.org/f#' xml:base='http://mp.stratuslab.eu/'>\
         <r:Description r:about='#{ID}'>{content}</r:Description>{rest}</r:RDF>"
    )
}

fn graph(document: &str) -> Vec<Triple> {
    let identifier = ID.parse().unwrap();
    entry_graph(document.as_bytes(), identifier, &document_subject(identifier)).unwrap()
}

/// `SUBJECT PREDICATE OBJECT` by their last parts.
fn said(triples: &[Triple]) -> Vec<String> {
    let short =
        |text: String| text.rsplit(['#', '/']).next().unwrap_or_default().trim_end_matches('>').to_owned();
    triples
        .iter()
        .map(|Triple { subject, predicate, object }| {
            let object = match object {
                Term::Literal(literal) => literal.value().to_owned(),
                other => short(other.to_string()),
            };
            format!("{} {} {object}", short(subject.to_string()), short(predicate.to_string()))
        })
        .collect()
}

const FULL: &str = "<dct:identifier>ID</dct:identifier><q:bytes>5</q:bytes>\
    <q:checksum r:parseType='Resource'><q:algorithm>MD5</q:algorithm><q:value>ab</q:value></q:checksum>\
    <q:checksum r:parseType='Resource'><q:algorithm>SHA-1</q:algorithm><q:value>cd</q:value></q:checksum>\
    <q:endorsement r:parseType='Resource'><dct:created>2020</dct:created>\
    <q:endorser r:parseType='Resource'><q:email>a@b</q:email><q:subject>CN=a</q:subject><q:issuer>CN=i</q:issuer>\
    </q:endorser></q:endorsement><t:os>ttylinux</t:os>";

#[test]
fn an_entry_is_read_whatever_its_prefixes_with_blank_nodes_named_in_order() {
    let first = graph(&document(FULL, ""));
    assert_eq!(first, graph(&document(FULL, "")), "blank nodes have the same names each time");
    let expected = [
        format!("{ID} identifier ID"),
        format!("{ID} bytes 5"),
        format!("{ID} checksum _:b1"),
        format!("{ID} checksum _:b2"),
        format!("{ID} endorsement _:b3"),
        format!("{ID} os ttylinux"),
        "_:b1 algorithm MD5".into(),
        "_:b1 value ab".into(),
        "_:b2 algorithm SHA-1".into(),
        "_:b2 value cd".into(),
        "_:b3 created 2020".into(),
        "_:b3 endorser _:b4".into(),
        "_:b4 email a@b".into(),
        "_:b4 subject CN=a".into(),
        "_:b4 issuer CN=i".into(),
    ];
    assert_eq!(said(&first), expected);
}

#[test]
fn the_signature_is_no_part_of_the_graph() {
    let signature =
        "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><SignedInfo Algorithm='x'/></Signature>";
    assert_eq!(graph(&document(FULL, signature)), graph(&document(FULL, "")));
}

#[test]
fn other_subjects_and_the_servers_own_tag_are_dropped() {
    let poison = "<r:Description r:about='#AAAAAAAAAAAAAAAAAAAAAAAAAAA'><t:os>evil</t:os></r:Description>\
        <r:Description r:about='#AAAAAAAAAAAAAAAAAAAAAAAAAAA/a@b/2020-01-01T00:00:00Z'><t:tag>latest</t:tag></r:Description>\
        <r:Description r:nodeID='free'><t:os>evil</t:os></r:Description>";
    let tagged = format!("{FULL}<t:tag>latest</t:tag>");
    assert_eq!(graph(&document(&tagged, poison)), graph(&document(FULL, "")));
}

#[test]
fn an_endorser_or_checksum_in_another_place_is_none() {
    let elsewhere = format!(
        "{FULL}<q:email>evil@b</q:email><q:value>00</q:value>\
         <f:x r:parseType='Resource'><f:y>kept</f:y><q:email>evil@b</q:email><t:os>evil</t:os>\
         <q:endorsement r:parseType='Resource'><q:endorser r:parseType='Resource'><q:email>evil@b</q:email>\
         </q:endorser></q:endorsement></f:x>"
    );
    let said = said(&graph(&document(&elsewhere, "")));
    assert!(!said.iter().any(|triple| triple.contains("evil")), "{said:?}");
    assert!(said.contains(&"_:b4 y kept".to_owned()) || said.contains(&"_:b5 y kept".to_owned()), "{said:?}");
}

#[test]
fn nodes_that_refer_to_themselves_end() {
    let circle = format!("{FULL}<f:x r:nodeID='n'/>");
    let rest = "<r:Description r:nodeID='n'><f:x r:nodeID='m'/></r:Description>\
        <r:Description r:nodeID='m'><f:x r:nodeID='n'/></r:Description>";
    let said: BTreeSet<_> = said(&graph(&document(&circle, rest))).into_iter().collect();
    assert_eq!(said.iter().filter(|triple| triple.contains(" x ")).count(), 3, "{said:?}");
}

#[test]
fn a_huge_entry_is_cut() {
    let many: Vec<String> =
        (0..3 * MAX_TRIPLES).map(|i| format!("<t:location>http://a/{i}</t:location>")).collect();
    let many = many.concat();
    assert_eq!(graph(&document(&format!("{FULL}{many}"), "")).len(), MAX_TRIPLES);
}

#[test]
fn what_is_no_rdf_is_an_error() {
    let identifier = ID.parse().unwrap();
    let graph = |text: &str| entry_graph(text.as_bytes(), identifier, &document_subject(identifier));
    assert!(matches!(graph("<a"), Err(GraphError::Xml(_))));
    let bad = document("<t:os attribute='x'>text</t:os>", "");
    assert!(matches!(graph(&bad), Err(GraphError::Rdf(_))), "{:?}", graph(&bad));
}
