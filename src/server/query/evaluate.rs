//! One query over the index: parsed, checked, evaluated, and its results written.
//!
//! Nothing here ends by itself or keeps to any amount of memory or stack: what a query may do is bounded by
//! the process it runs in ([`super::worker`]).

use std::{
    io::{self, Write},
    iter,
};

use oxrdf::{NamedOrBlankNode, Term, Triple, vocab::rdf};
use oxrdfxml::RdfXmlSerializer;
use sparesults::QueryResultsSerializer;
use spareval::{QueryEvaluationError, QueryEvaluator, QueryResults, QuerySolutionIter, QueryTripleIter};
use spargebra::SparqlParser;

use super::{
    allowed,
    dataset::Dataset,
    index::Index,
    rdf_json::rdf_json,
    results::{ResultFormat, unwritable_in_xml},
};

/// How the graph of a `CONSTRUCT` or `DESCRIBE` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// RDF 1.1 XML Syntax.
    RdfXml,
    /// RDF 1.1 N-Triples.
    NTriples,
    /// RDF 1.1 Turtle: N-Triples are.
    Turtle,
    /// RDF/JSON, as entries are.
    RdfJson,
    /// As a table of `subject`, `predicate` and `object`, in the format for solutions.
    Table,
}

impl GraphFormat {
    /// Its registered media type; that of the solutions for [`GraphFormat::Table`].
    pub const fn media_type(self) -> Option<&'static str> {
        match self {
            Self::RdfXml => Some("application/rdf+xml"),
            Self::NTriples => Some("application/n-triples"),
            Self::Turtle => Some("text/turtle; charset=utf-8"),
            Self::RdfJson => Some("application/json"),
            Self::Table => None,
        }
    }
}

/// A query, and what is wanted of its results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In SPARQL 1.1.
    pub query: String,
    /// How solutions are written, and the answer to `ASK`.
    pub solutions: ResultFormat,
    /// How graphs are written.
    pub graph: GraphFormat,
    /// At most so many solutions, or statements of a graph.
    pub rows: u64,
    /// Whether to leave further ones out, instead of refusing.
    pub cut: bool,
    /// The longest result document, in bytes.
    pub bytes: u64,
}

/// What a query has for results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Solutions: `SELECT`.
    Solutions,
    /// Yes or no: `ASK`.
    Boolean,
    /// Statements: `CONSTRUCT`, `DESCRIBE`.
    Graph,
}

/// The results of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of which kind.
    pub kind: Kind,
    /// Whether some were left out.
    pub cut: bool,
    /// As they were to be written.
    pub document: Vec<u8>,
}

/// Why a query has no results.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// It is no SPARQL query.
    #[error("{message}")]
    Syntax {
        /// The parser's words.
        message: String,
    },
    /// It is about other graphs than the one there is, or asks other services.
    #[error("query not allowed.")]
    NotAllowed,
    /// Too many results.
    #[error("the query has more than {limit} results; add a LIMIT to it")]
    Rows {
        /// How many there may be.
        limit: u64,
    },
    /// Too long a result document.
    #[error("the results of the query are longer than {limit} bytes; add a LIMIT to it")]
    Bytes {
        /// How many there may be.
        limit: u64,
    },
    /// XML cannot carry a result.
    #[error("a result contains the character U+{:04X}, which XML cannot carry; ask for JSON", u32::from(*character))]
    Character {
        /// The first such character.
        character: char,
    },
    /// RDF/XML cannot say this.
    #[error("<{name}> does not end like a name, so RDF/XML cannot say it; ask for Turtle")]
    Name {
        /// A predicate, or a type.
        name: String,
    },
    /// It has a function that there is not, or the like.
    #[error("{message}")]
    Evaluation {
        /// The evaluator's words.
        message: String,
    },
}

impl From<QueryEvaluationError> for EvaluateError {
    fn from(error: QueryEvaluationError) -> Self {
        Self::Evaluation { message: error.to_string() }
    }
}

/// Answers a query.
///
/// # Errors
/// [`EvaluateError`].
pub fn evaluate(index: &Index, request: &Request) -> Result<Answer, EvaluateError> {
    let query = SparqlParser::new()
        .parse_query(&request.query)
        .map_err(|error| EvaluateError::Syntax { message: error.to_string() })?;
    if !allowed::is_allowed(&query) {
        return Err(EvaluateError::NotAllowed);
    }
    let evaluator = QueryEvaluator::new();
    let mut output =
        Output { bytes: Vec::new(), limit: usize::try_from(request.bytes).unwrap_or(usize::MAX) };
    let (kind, cut) = match evaluator.prepare(&query).execute(Dataset(index))? {
        QueryResults::Boolean(value) => {
            let serializer = QueryResultsSerializer::from_format(request.solutions.serializer_format());
            serializer.serialize_boolean_to_writer(&mut output, value).map_err(|_| too_long(request))?;
            (Kind::Boolean, false)
        }
        QueryResults::Solutions(solutions) => {
            (Kind::Solutions, write_solutions(solutions, request, &mut output)?)
        }
        QueryResults::Graph(triples) if request.graph == GraphFormat::Table => {
            (Kind::Graph, write_solutions(as_solutions(triples), request, &mut output)?)
        }
        QueryResults::Graph(triples) => (Kind::Graph, write_graph(triples, request, &mut output)?),
    };
    Ok(Answer { kind, cut, document: output.bytes })
}

/// Whether the next result, of which there have been so many, is one too many: then it is left out, or the
/// query refused.
fn beyond(count: u64, request: &Request) -> Result<bool, EvaluateError> {
    match count < request.rows {
        true => Ok(false),
        false if request.cut => Ok(true),
        false => Err(EvaluateError::Rows { limit: request.rows }),
    }
}

fn too_long(request: &Request) -> EvaluateError {
    EvaluateError::Bytes { limit: request.bytes }
}

fn write_solutions(
    solutions: QuerySolutionIter<'_>,
    request: &Request,
    output: &mut Output,
) -> Result<bool, EvaluateError> {
    let serializer = QueryResultsSerializer::from_format(request.solutions.serializer_format());
    let mut cut = false;
    let mut writer = serializer
        .serialize_solutions_to_writer(output, solutions.variables().to_vec())
        .map_err(|_| too_long(request))?;
    for (count, solution) in (0..).zip(solutions) {
        let solution = solution?;
        if beyond(count, request)? {
            cut = true;
            break;
        }
        if request.solutions == ResultFormat::Xml
            && let Some(character) =
                solution.values().iter().flatten().find_map(|t| unwritable_in_xml(t.as_ref()))
        {
            return Err(EvaluateError::Character { character });
        }
        writer.serialize(&solution).map_err(|_| too_long(request))?;
    }
    writer.finish().map_err(|_| too_long(request))?;
    Ok(cut)
}

fn as_solutions(triples: QueryTripleIter<'_>) -> QuerySolutionIter<'_> {
    let variables = ["subject", "predicate", "object"].map(oxrdf::Variable::new_unchecked);
    let values = triples.map(|triple| {
        let Triple { subject, predicate, object } = triple?;
        let subject = match subject {
            NamedOrBlankNode::NamedNode(node) => node.into(),
            NamedOrBlankNode::BlankNode(node) => node.into(),
        };
        Ok(vec![Some(subject), Some(predicate.into()), Some(object)])
    });
    QuerySolutionIter::from_tuples(variables.into(), values)
}

fn write_graph(
    triples: QueryTripleIter<'_>,
    request: &Request,
    output: &mut Output,
) -> Result<bool, EvaluateError> {
    let mut graph = Vec::new();
    let mut cut = false;
    for (count, triple) in (0..).zip(triples) {
        let triple = triple?;
        if beyond(count, request)? {
            cut = true;
            break;
        }
        graph.push(triple);
    }
    let written = match request.graph {
        GraphFormat::RdfXml => return write_rdf_xml(&graph, request, output).map(|()| cut),
        GraphFormat::RdfJson => output.write_all(rdf_json(&graph).as_bytes()),
        GraphFormat::NTriples | GraphFormat::Turtle | GraphFormat::Table => {
            graph.iter().try_for_each(|triple| writeln!(output, "{triple} ."))
        }
    };
    written.map_err(|_| too_long(request)).map(|()| cut)
}

fn write_rdf_xml(graph: &[Triple], request: &Request, output: &mut Output) -> Result<(), EvaluateError> {
    let mut writer = RdfXmlSerializer::new().for_writer(output);
    for triple in graph {
        let subject = match &triple.subject {
            NamedOrBlankNode::NamedNode(node) => node.as_ref().into(),
            NamedOrBlankNode::BlankNode(node) => node.as_ref().into(),
        };
        let mut terms = [subject, triple.predicate.as_ref().into(), triple.object.as_ref()].into_iter();
        if let Some(character) = terms.find_map(unwritable_in_xml) {
            return Err(EvaluateError::Character { character });
        }
        let mut names = iter::once(&triple.predicate).chain(match &triple.object {
            Term::NamedNode(class) if triple.predicate == rdf::TYPE => Some(class),
            _ => None,
        });
        if let Some(name) = names.find(|name| !ends_like_a_name(name.as_str())) {
            return Err(EvaluateError::Name { name: name.as_str().to_owned() });
        }
        writer.serialize_triple(triple).map_err(|_| too_long(request))?;
    }
    writer.finish().map_err(|_| too_long(request))?;
    Ok(())
}

/// RDF/XML makes elements of predicates and types, by cutting a name off their ends (RDF 1.1 XML Syntax §7.1).
fn ends_like_a_name(iri: &str) -> bool {
    let in_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    iri.chars().rev().take_while(in_name).any(|c| c.is_ascii_alphabetic() || c == '_')
}

/// A document that may grow so long and no longer.
struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
