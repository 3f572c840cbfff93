//! Checks in plain words.

use askama::{Template, filters::HtmlSafe};

use crate::validate::{Check, Outcome};

use super::super::text::Said;

/// The most characters of what a check found that are shown.
const MESSAGE: usize = 1_000;

/// Every check that was made, those that found something first.
#[derive(Template)]
#[template(path = "checks.html")]
pub(crate) struct Checks {
    told: Vec<Told>,
    passed: Vec<Told>,
    open: bool,
}

impl HtmlSafe for Checks {}

struct Told {
    name: &'static str,
    outcome: Outcome,
    words: &'static str,
    message: Option<Said>,
}

impl Checks {
    /// Those made; what was not asked for is not worth a line. Those that passed are folded away unless `open`.
    pub(crate) fn new(checks: &[Check], open: bool) -> Self {
        let made = checks.iter().filter(|check| check.outcome != Outcome::Skipped);
        let told = made.map(|check| Told {
            name: check.name,
            outcome: check.outcome,
            words: words(check.name),
            message: check.message.as_deref().map(|message| Said::new(message, MESSAGE)),
        });
        let (passed, told) = told.partition(|told| told.outcome == Outcome::Passed);
        Self { told, passed, open }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.passed.is_empty()
    }
}

/// What a check is about; its own name if it is a new one.
fn words(name: &'static str) -> &'static str {
    match name {
        "well-formed" => "It is well-formed XML, within the limits",
        "signature" => "The signature is genuine: nothing was changed since",
        "root" | "description" | "elements" | "order" => "It has the structure of an entry",
        "values" => "Its values have the forms they must have",
        "whole-values" => "Its values read the same in every program",
        "subjects" => "It describes one image only",
        "signature-namespace" => "There is one signature only",
        "base" => "It belongs to this vocabulary (xml:base)",
        "type" => "It has one type",
        "one-sha1" => "It has one SHA-1 checksum",
        "single-elements" => "What can be said once is said once",
        "about" => "It is about the image it identifies",
        "identifier" => "The identifier is one",
        "checksums" => "The checksums are well-formed",
        "identifier-sha1" => "The identifier is that of the SHA-1 checksum",
        "valid-date" => "Its date of expiry is a date",
        "endorsement-date" => "The date of its endorsement is a date",
        "rdf" => "It is RDF",
        "dated" => "It says when it expires",
        "current" => "It has not expired",
        "certificate-current" => "The certificate was valid when the entry was endorsed",
        "timestamped" => "It is time-stamped",
        "trusted" => "An authority trusted here issued the certificate",
        "endorsed-by" => "Its endorser may endorse here",
        "active" => "The image is not deprecated",
        "outside-root" => "It is the same when it is cut out of a list",
        "readable" => "It can be read",
        other => other,
    }
}
