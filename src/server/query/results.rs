//! SPARQL 1.1 result documents: of `/query`, and of the lists of endorsers and tags, which the originals
//! serve in the same form (behaviour 1.13).

use std::io::{self, Write};

use oxrdf::{LiteralRef, TermRef, Variable};
use sparesults::{QueryResultsFormat, QueryResultsSerializer};

/// How a result document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultFormat {
    /// SPARQL Query Results XML Format.
    Xml,
    /// SPARQL 1.1 Query Results JSON Format.
    Json,
    /// SPARQL 1.1 Query Results CSV Format: values only, without their kinds.
    Csv,
    /// SPARQL 1.1 Query Results TSV Format.
    Tsv,
}

impl ResultFormat {
    /// Its registered media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xml => "application/sparql-results+xml",
            Self::Json => "application/sparql-results+json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Tsv => "text/tab-separated-values; charset=utf-8",
        }
    }

    pub(super) const fn serializer_format(self) -> QueryResultsFormat {
        match self {
            Self::Xml => QueryResultsFormat::Xml,
            Self::Json => QueryResultsFormat::Json,
            Self::Csv => QueryResultsFormat::Csv,
            Self::Tsv => QueryResultsFormat::Tsv,
        }
    }
}

/// A result document with plain literals, `None` where a variable is unbound: the names of the variables,
/// and for each solution as many values.
pub fn table<'a, const N: usize>(
    format: ResultFormat,
    variables: [&str; N],
    solutions: impl IntoIterator<Item = [Option<&'a str>; N]>,
) -> String {
    let variables = variables.map(Variable::new_unchecked);
    let mut document = Vec::new();
    // Writing to memory does not fail.
    let _: io::Result<()> = (|| {
        let serializer = QueryResultsSerializer::from_format(format.serializer_format());
        let mut writer = serializer.serialize_solutions_to_writer(&mut document, variables.to_vec())?;
        for solution in solutions {
            let bound = variables.iter().zip(solution);
            let bound = bound.filter_map(|(variable, value)| {
                value.map(|value| (variable.as_ref(), LiteralRef::new_simple_literal(value)))
            });
            writer.serialize(bound)?;
        }
        writer.finish()?.flush()
    })();
    String::from_utf8_lossy(&document).into_owned()
}

/// The first character of a term that XML 1.0 §2.2 has no way to write: a query can make what no document
/// can hold.
pub(super) fn unwritable_in_xml(term: TermRef<'_>) -> Option<char> {
    let text = match term {
        TermRef::NamedNode(node) => node.as_str(),
        TermRef::BlankNode(node) => node.as_str(),
        TermRef::Literal(literal) => literal.value(),
    };
    crate::metadata::rdf::unwritable(text)
}

/// A literal of plain text.
pub(super) fn plain(text: &str) -> LiteralRef<'_> {
    LiteralRef::new_simple_literal(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbound_values_are_left_out_and_hostile_ones_escaped() {
        let rows = [[Some("<a>&\"'"), None], [Some(""), Some("b")]];
        let xml = table(ResultFormat::Xml, ["email", "subject"], rows);
        assert!(
            xml.starts_with(
                "<?xml version=\"1.0\"?><sparql xmlns=\"http://www.w3.org/2005/sparql-results#\">"
            )
        );
        assert!(!xml.contains("<a>"), "{xml}");
        let tree = roxmltree::Document::parse(&xml).unwrap();
        let results: Vec<_> =
            tree.descendants().filter(|node| node.has_tag_name(node_name("result"))).collect();
        let bindings = |i: usize| -> Vec<_> {
            let bindings = results[i].children().filter(|node| node.has_tag_name(node_name("binding")));
            let text =
                |node: roxmltree::Node| node.descendants().find_map(|node| node.text().map(str::to_owned));
            bindings
                .map(|node| (node.attribute("name").unwrap().to_owned(), text(node).unwrap_or_default()))
                .collect()
        };
        assert_eq!(results.len(), 2);
        assert_eq!(bindings(0), [("email".to_owned(), "<a>&\"'".to_owned())]);
        assert_eq!(
            bindings(1),
            [("email".to_owned(), String::new()), ("subject".to_owned(), "b".to_owned())]
        );

        let json: serde_json::Value =
            serde_json::from_str(&table(ResultFormat::Json, ["email", "subject"], rows)).unwrap();
        assert_eq!(json["head"]["vars"], serde_json::json!(["email", "subject"]));
        assert_eq!(
            json["results"]["bindings"][0],
            serde_json::json!({"email": {"type": "literal", "value": "<a>&\"'"}})
        );
    }

    fn node_name(name: &str) -> (&str, &str) {
        ("http://www.w3.org/2005/sparql-results#", name)
    }

    #[test]
    fn no_solutions_make_an_empty_document() {
        let none = std::iter::empty::<[Option<&str>; 1]>();
        let json = table(ResultFormat::Json, ["tag"], none.clone());
        assert_eq!(json, r#"{"head":{"vars":["tag"]},"results":{"bindings":[]}}"#);
        assert_eq!(table(ResultFormat::Csv, ["tag"], none), "tag\r\n");
    }
}
