//! The Marketplace: a registry of signed entries over HTTP (feature `marketplace`).
//!
//! ```text
//! request -> connection -> router -> rest | api | web | query | action -> Marketplace
//! document -> admission (the library's validate, and who may) -> store::Store::add -> 201
//!                                                             \-> confirmation by mail -> 202
//! store::Store -> changes -> sparql index, mirrors
//! ```
//!
//! All that outlives a request is in the database: any number of processes may serve one.

pub mod admission;
pub mod anchors;
pub mod answers;
pub mod api;
pub mod conditional;
pub mod confirm;
pub mod connection;
pub mod counts;
pub mod documents;
pub mod export;
pub mod health;
pub mod import;
pub mod intake;
pub mod key;
pub mod log;
pub mod mail;
pub mod marketplace;
pub mod metrics;
pub mod mirror;
pub mod negotiate;
pub mod parameters;
pub mod policy;
pub mod problem;
pub mod query;
pub mod recheck;
pub mod remind;
pub mod rest;
pub mod router;
pub mod run;
pub mod selection;
pub mod settings;
pub mod standalone;
pub mod store;
pub mod upload;
pub mod web;
