//! `/query`: SPARQL over the RDF of all entries.
//!
//! ```text
//! store -> follow -> [query process: index] -> fork: [query: evaluate] -> http
//! ```

mod allowed;
mod dataset;
mod dictionary;
mod engine;
pub mod evaluate;
mod feed;
mod follow;
pub mod graph;
mod http;
pub mod index;
mod process;
pub mod rdf_json;
pub mod results;
mod triples;
mod wire;
pub mod worker;

pub use self::{
    engine::{Answered, Engine, State},
    feed::Progress,
    http::routes,
    process::{AskError, Program},
    wire::{Limits, MAX_QUERY_BYTES},
};
