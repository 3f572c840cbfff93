//! RDF 1.1 JSON Alternate Serialization (RDF/JSON): what the original serves as the JSON of an entry
//! (behaviour 1.7).

use oxrdf::{NamedOrBlankNode, Term, Triple};
use serde_json::{Map, Value, json};

use crate::Identifier;

use super::graph::{GraphError, document_subject, entry_graph};

/// RDF 1.1: the datatype of a literal without one, which RDF/JSON leaves out.
const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";

/// What a document says of the image `identifier`, without the signature; the same document always gives
/// the same text.
///
/// # Errors
/// [`GraphError`]: the document is no RDF/XML; an entry of the database is.
pub fn of_entry(document: &[u8], identifier: Identifier) -> Result<String, GraphError> {
    entry_graph(document, identifier, &document_subject(identifier)).map(|graph| rdf_json(&graph))
}

/// The statements as an object of subjects, each an object of predicates, each a list of values.
pub fn rdf_json(triples: &[Triple]) -> String {
    let mut subjects = Map::new();
    for Triple { subject, predicate, object } in triples {
        let subject = match subject {
            NamedOrBlankNode::NamedNode(node) => node.as_str().to_owned(),
            NamedOrBlankNode::BlankNode(node) => format!("_:{}", node.as_str()),
        };
        let predicates = subjects.entry(subject).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(predicates) = predicates
            && let Value::Array(values) =
                predicates.entry(predicate.as_str()).or_insert_with(|| Value::Array(Vec::new()))
        {
            values.push(value(object));
        }
    }
    Value::Object(subjects).to_string()
}

fn value(object: &Term) -> Value {
    match object {
        Term::NamedNode(node) => json!({"type": "uri", "value": node.as_str()}),
        Term::BlankNode(node) => json!({"type": "bnode", "value": format!("_:{}", node.as_str())}),
        Term::Literal(literal) => match (literal.language(), literal.datatype().as_str()) {
            (Some(lang), _) => json!({"type": "literal", "value": literal.value(), "lang": lang}),
            (None, STRING) => json!({"type": "literal", "value": literal.value()}),
            (None, datatype) => json!({"type": "literal", "value": literal.value(), "datatype": datatype}),
        },
    }
}

#[cfg(test)]
mod tests {
    use oxrdf::{BlankNode, Literal, NamedNode};

    use super::*;

    #[test]
    fn every_kind_of_term_is_written_as_the_note_says() {
        let subject = NamedNode::new_unchecked("http://mp.stratuslab.eu/#ID");
        let predicate = NamedNode::new_unchecked("http://example.org/p");
        let blank = BlankNode::new_unchecked("b1");
        let objects: [Term; 5] = [
            NamedNode::new_unchecked("http://example.org/o").into(),
            blank.clone().into(),
            Literal::new_simple_literal("a \"quoted\" <text>").into(),
            Literal::new_language_tagged_literal_unchecked("texte", "fr").into(),
            Literal::new_typed_literal("1", oxrdf::vocab::xsd::INTEGER).into(),
        ];
        let mut triples: Vec<Triple> = objects
            .into_iter()
            .map(|object| Triple::new(subject.clone(), predicate.clone(), object))
            .collect();
        triples.push(Triple::new(blank, predicate, subject));
        let expected = json!({
            "http://mp.stratuslab.eu/#ID": {"http://example.org/p": [
                {"type": "uri", "value": "http://example.org/o"},
                {"type": "bnode", "value": "_:b1"},
                {"type": "literal", "value": "a \"quoted\" <text>"},
                {"type": "literal", "value": "texte", "lang": "fr"},
                {"type": "literal", "value": "1", "datatype": "http://www.w3.org/2001/XMLSchema#integer"},
            ]},
            "_:b1": {"http://example.org/p": [{"type": "uri", "value": "http://mp.stratuslab.eu/#ID"}]},
        });
        assert_eq!(serde_json::from_str::<Value>(&rdf_json(&triples)).unwrap(), expected);
    }
}
