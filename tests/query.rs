//! `/query` over a real socket, with a real query process (behaviour 1.14).
//!
//! | | Test |
//! | --- | --- |
//! | S6 | `answers::s6_what_is_no_query_is_the_clients_mistake` |
//! | S24 | `answers::results_and_graphs_come_as_the_client_likes_them` |
//! | S28 | `answers::s28_other_graphs_services_and_updates_are_not_allowed`, `attacks` |
//! | S30 | `following::s30_a_document_speaks_of_itself_alone` |

#![cfg(feature = "marketplace")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "common/pki.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod pki;
mod postgres;
mod server;

#[path = "query/answers.rs"]
mod answers;
#[path = "query/ask.rs"]
mod ask;
#[path = "query/attacks.rs"]
mod attacks;
#[path = "query/differential.rs"]
mod differential;
#[path = "query/following.rs"]
mod following;
