//! The REST interface of the Marketplace (behaviour 1.1-1.13) over a real socket, on SQLite.
//!
//! | Oddity of the originals | Test |
//! | --- | --- |
//! | S1 | `uploads::an_upload_answers_with_both_locations` |
//! | S3, S31 | `lists::s3_search_terms_are_literals` |
//! | S4 | `refusals::s4_a_document_type_is_refused` |
//! | S5, S6 | `lists::s5_s6_values_that_make_no_sense_are_the_clients_mistake` |
//! | S7 | `refusals::s7_an_email_that_is_a_path_or_too_long_is_refused` |
//! | S8, S30 | `entries::s8_s30_the_graph_has_what_the_entry_says_and_no_more` |
//! | S9 | `uploads::s9_what_old_deprecate_wrote_is_taken` |
//! | S10 | `refusals::s10_an_entry_without_a_date_of_expiry_is_refused` |
//! | S11 | `uploads::s11_the_same_key_with_other_bytes_is_refused` |
//! | S12 | `refusals::s12_an_endorsement_of_the_future_is_refused` |
//! | S14 | `errors::s14_messages_are_escaped` |
//! | S15, S32 | `entries::s15_s32_the_very_bytes_are_kept_and_served` |
//! | S16 | `refusals::s16_more_bytes_than_allowed_are_not_read` |
//! | S17 | `refusals::s17_a_refused_upload_leaves_nothing_behind` |
//! | S19 | `errors::s19_a_slash_at_the_end_changes_nothing` |
//! | S20 | `entries::s20_segments_are_percent_decoded` |
//! | S21 | `lists::s21_path_arguments_go_by_shape_and_parameters_by_name` |
//! | S22 | `lists::s22_a_status_is_one_of_four` |
//! | S23, S25, S43, S44 | `lists::the_datatables_answer_is_as_old_scripts_expect` |
//! | S24 | `errors::s24_rdf_and_sparql_types_are_known` |
//! | S41 | `endorsers::s41_tags_are_listed_without_the_empty_one` |
//! | S42 | `lists::s42_a_form_is_a_query` |
//! | S45 | `paging::s45_xml_lists_may_be_paged` |
//! | W6 | `errors::w6_unknown_paths_are_not_found` |

#![cfg(feature = "marketplace")]
#![allow(clippy::unwrap_used, reason = "a test without its material has failed")]

#[cfg(test)]
#[path = "common/pki.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod pki;
#[cfg(test)]
mod server;

#[cfg(test)]
#[path = "rest/endorsers.rs"]
mod endorsers;
#[cfg(test)]
#[path = "rest/entries.rs"]
mod entries;
#[cfg(test)]
#[path = "rest/errors.rs"]
mod errors;
#[cfg(test)]
#[path = "rest/lists.rs"]
mod lists;
#[cfg(test)]
#[path = "rest/paging.rs"]
mod paging;
#[cfg(test)]
#[path = "rest/refusals.rs"]
mod refusals;
#[cfg(test)]
#[path = "rest/standalone.rs"]
mod standalone;
#[cfg(test)]
#[path = "rest/uploads.rs"]
mod uploads;

#[cfg(test)]
use stratuslab::server::settings::Settings;

/// Starts a Marketplace over the database that this suite is about.
#[cfg(test)]
fn start(change: impl FnOnce(&mut Settings)) -> server::Server {
    server::start(change)
}
