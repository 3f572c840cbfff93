//! `/query`: SPARQL over the RDF of all entries.

pub mod graph;
pub mod rdf_json;
pub mod results;
