//! `/query`: SPARQL over the RDF of all entries.

mod allowed;
mod dataset;
mod dictionary;
pub mod evaluate;
mod feed;
pub mod graph;
pub mod index;
pub mod rdf_json;
pub mod results;
mod triples;
mod wire;
pub mod worker;
