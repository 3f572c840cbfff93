//! libxml2's opinion, in this process. Only the fuzzer has it; the plain test asks xmllint.

use libxml::{
    parser::{Parser, ParserOptions},
    tree::{
        Document,
        c14n::{CanonicalizationMode, CanonicalizationOptions},
    },
};
use stratuslab::dsig::c14n::{Canonicalization, Mode};

/// No less output comes at once, in bytes.
const PIECE: usize = 4000;

/// What libxml2 takes for well-formed.
pub(crate) fn parse(data: &[u8]) -> Option<Document> {
    let options =
        ParserOptions { recover: false, no_net: true, no_def_dtd: true, ..ParserOptions::default() };
    Parser::default().parse_string_with_options(data, options).ok()
}

#[allow(dead_code, reason = "the target xml has no use for it")]
pub(crate) fn canonical_form(data: &[u8], algorithm: &Canonicalization) -> Option<String> {
    let mode = match algorithm.mode {
        Mode::Inclusive => CanonicalizationMode::Canonical1_0,
        Mode::Inclusive11 => CanonicalizationMode::Canonical1_1,
        Mode::Exclusive => CanonicalizationMode::ExclusiveCanonical1_0,
    };
    let options = CanonicalizationOptions {
        mode,
        with_comments: algorithm.comments,
        inclusive_ns_prefixes: algorithm.inclusive_prefixes.clone(),
    };
    let canonical = parse(data)?.canonicalize(options, None).ok()?;
    // The binding decodes the output piece by piece, and a character may be in two of them.
    (canonical.len() < PIECE || !canonical.contains('\u{fffd}')).then_some(canonical)
}
