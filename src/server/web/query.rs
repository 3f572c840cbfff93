//! The page for SPARQL queries: what to ask, examples, and the answer as a table (behaviour 5.4).

use askama::Template;
use axum::response::Html;
use oxrdf::{NamedOrBlankNode, Term, Triple};

use crate::{
    metadata::{BASE, namespace},
    server::{key::EntryKey, marketplace::Marketplace, problem::Problem},
};

use super::{
    layout::{Layout, Section},
    render,
    text::{Said, encode, entry_path, grouped, web_link},
};

/// The most rows on a page: a browser is no place for more; XML and JSON have all.
pub const MAX_ROWS: usize = 500;
/// The most characters of a value.
const VALUE: usize = 300;
/// The longest query that is made part of an address, in bytes.
const MAX_LINKED_BYTES: usize = 6_000;

/// What a query found.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Of SELECT.
    Table {
        /// The names of the columns.
        variables: Vec<String>,
        /// A value for each column, or none; [`MAX_ROWS`] are shown.
        rows: Vec<Vec<Option<Term>>>,
        /// There are more rows than these.
        more: bool,
    },
    /// Of ASK.
    Boolean(bool),
    /// Of CONSTRUCT.
    Graph {
        /// Statements; [`MAX_ROWS`] are shown.
        triples: Vec<Triple>,
        /// There are more than these.
        more: bool,
    },
    /// It cannot be answered.
    Problem(Problem),
}

enum Cell {
    Nothing,
    Text(Said),
    Link(Said, String),
    Entry(Said, String),
}

enum Shown {
    Nothing,
    Table { variables: Vec<Said>, rows: Vec<Vec<Cell>>, count: String, more: bool },
    Boolean(bool),
    Problem(Said),
}

#[derive(Template)]
#[template(path = "query.html")]
struct Page {
    layout: Layout,
    query: String,
    shown: Shown,
    xml: Option<String>,
    json: Option<String>,
    examples: Vec<Example>,
}

struct Example {
    name: &'static str,
    href: String,
}

/// What a newcomer may want to ask.
const EXAMPLES: [(&str, &str); 4] = [
    ("Images by system", include_str!("query/by-system.rq")),
    ("Who endorses most", include_str!("query/endorsers.rq")),
    ("What was deprecated, and why", include_str!("query/deprecated.rq")),
    ("Entries with a SHA-512 checksum", include_str!("query/checksums.rq")),
];

/// The page with a query, which may be empty, and its answer, if it was asked.
///
/// # Errors
/// 500 if the page cannot be written.
pub fn page(
    marketplace: &Marketplace,
    query: &str,
    answer: Option<&Answer>,
) -> Result<Html<String>, Problem> {
    let layout = Layout::new(marketplace, Section::Query);
    let shown = answer.map_or(Shown::Nothing, |answer| shown(answer, &layout));
    let linked = !matches!(shown, Shown::Nothing | Shown::Problem(_)) && query.len() <= MAX_LINKED_BYTES;
    let link = |media| layout.path(&format!("/query?query={}&media={media}", encode(query)));
    let example = |(name, query): (&'static str, &'static str)| Example {
        name,
        href: layout.path(&format!("/query?query={}", encode(query))),
    };
    render(&Page {
        query: if query.is_empty() { EXAMPLES[0].1.to_owned() } else { query.to_owned() },
        xml: linked.then(|| link("xml")),
        json: linked.then(|| link("json")),
        examples: EXAMPLES.into_iter().map(example).collect(),
        shown,
        layout,
    })
}

fn shown(answer: &Answer, layout: &Layout) -> Shown {
    match answer {
        Answer::Boolean(answer) => Shown::Boolean(*answer),
        Answer::Problem(problem) => Shown::Problem(Said::new(&problem.message, 2_000)),
        Answer::Table { variables, rows, more } => Shown::Table {
            variables: variables.iter().map(|name| Said::short(name)).collect(),
            rows: rows
                .iter()
                .take(MAX_ROWS)
                .map(|row| row.iter().map(|term| cell(term.as_ref(), layout)).collect())
                .collect(),
            count: grouped(rows.len().min(MAX_ROWS) as u64),
            more: *more || rows.len() > MAX_ROWS,
        },
        Answer::Graph { triples, more } => Shown::Table {
            variables: ["subject", "predicate", "object"].map(Said::short).into(),
            rows: triples.iter().take(MAX_ROWS).map(|triple| statement(triple, layout)).collect(),
            count: grouped(triples.len().min(MAX_ROWS) as u64),
            more: *more || triples.len() > MAX_ROWS,
        },
    }
}

fn statement(triple: &Triple, layout: &Layout) -> Vec<Cell> {
    let subject = match &triple.subject {
        NamedOrBlankNode::NamedNode(node) => Term::from(node.clone()),
        NamedOrBlankNode::BlankNode(node) => Term::from(node.clone()),
    };
    vec![
        cell(Some(&subject), layout),
        cell(Some(&Term::from(triple.predicate.clone())), layout),
        cell(Some(&triple.object), layout),
    ]
}

/// A term of the vocabulary, as queries write it.
fn prefixed(iri: &str) -> Option<String> {
    let prefixes = [
        ("rdf", namespace::RDF),
        ("dcterms", namespace::DCTERMS),
        ("slreq", namespace::SLREQ),
        ("slterms", namespace::SLTERMS),
    ];
    let (prefix, name) =
        prefixes.iter().find_map(|(prefix, namespace)| Some((prefix, iri.strip_prefix(namespace)?)))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!name.is_empty() && name.chars().all(plain)).then(|| format!("{prefix}:{name}"))
}

fn cell(term: Option<&Term>, layout: &Layout) -> Cell {
    match term {
        None => Cell::Nothing,
        Some(Term::NamedNode(node)) => {
            // Subjects of entries (behaviour 1.14): `http://mp.stratuslab.eu/#ID/EMAIL/DATE`.
            let key = node.as_str().strip_prefix(BASE).and_then(|key| key.strip_prefix('#'));
            if let Some(key) = key.and_then(|key| key.parse::<EntryKey>().ok()) {
                return Cell::Entry(Said::short(&key.to_string()), layout.path(&entry_path(&key)));
            }
            if let Some(name) = prefixed(node.as_str()) {
                return Cell::Text(Said::short(&name));
            }
            let text = Said::new(node.as_str(), VALUE);
            match web_link(node.as_str()) {
                Some(link) => Cell::Link(text, link),
                None => Cell::Text(text),
            }
        }
        Some(Term::Literal(literal)) => Cell::Text(Said::new(literal.value(), VALUE)),
        Some(other) => Cell::Text(Said::new(&other.to_string(), VALUE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_the_vocabulary_are_shown_as_queries_write_them() {
        for (iri, name) in [
            ("http://mp.stratuslab.eu/slterms#os-version", Some("slterms:os-version")),
            ("http://purl.org/dc/terms/title", Some("dcterms:title")),
            ("http://purl.org/dc/terms/", None),
            ("http://purl.org/dc/terms/a/b", None),
            ("http://example.org/title", None),
        ] {
            assert_eq!(prefixed(iri).as_deref(), name);
        }
    }
}
