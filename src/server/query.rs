//! `/query`: SPARQL over the RDF of all entries.

mod dataset;
mod dictionary;
pub mod graph;
pub mod index;
pub mod rdf_json;
pub mod results;
mod triples;
