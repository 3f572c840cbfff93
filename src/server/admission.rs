//! Which documents become entries.

use crate::{
    Metadata, Timestamp,
    dsig::{AlgorithmPolicy, Verified},
    metadata::rules::Leniency,
    trust::{Anchors, MAX_AHEAD_SECONDS},
    validate::{Check, Options, Outcome, Report, Requirement, validate},
};

use super::{
    anchors::LiveAnchors,
    policy::{self, Admission, Rules, Who},
    settings::Settings,
    standalone,
};

/// The longest e-mail address of an endorser, in bytes: the longest there can be (RFC 5321 §4.5.3.1.3).
pub const MAX_EMAIL_BYTES: usize = 254;

/// What the Marketplace finds of a document: every check, and the entry if it is taken.
#[derive(Debug)]
pub struct Verdict {
    /// The entry, or the message with which it is refused, as behaviour 1.9 has it.
    pub entry: Result<Verified<Metadata>, String>,
    /// Whether it is kept at once; of no meaning for what is refused.
    pub admission: Admission,
    /// Every check that was made.
    pub checks: Vec<Check>,
}

/// What the library's `validate` is asked about every document, however it comes: what old tools got
/// wrong is accepted (S9), a `dcterms:valid` must be there (S10), and where there are anchors, a path to
/// one. An entry that has expired, or is deprecated, is part of the history.
///
/// Whose entries are taken is [`policy`]'s: `validate` would tell strangers who they are. `anchors` are those of the settings now.
pub fn validation<'a>(settings: &Settings, anchors: Option<&'a Anchors>, now: Timestamp) -> Options<'a> {
    let mut options = Options::new(now);
    options.policy = AlgorithmPolicy::new(settings.allow_sha1);
    options.leniency = Leniency::OldEntries;
    options.require.push(Requirement::Dated);
    options.anchors = anchors;
    if options.anchors.is_some() {
        options.require.push(Requirement::Trusted);
    }
    options
}

/// Judges a document that somebody uploads: the library's `validate`, the limits of the database's keys,
/// the clock (S12) and who may endorse here. Takes milliseconds of a core, more for large documents:
/// [`super::upload::judge`] is for async code.
pub fn judge(document: &[u8], settings: &Settings, now: Timestamp) -> Verdict {
    let anchors = settings.anchors.as_ref().map(LiveAnchors::current);
    let report = validate(document, &validation(settings, anchors.as_deref(), now));
    let mut checks = report.checks().to_vec();
    if let Some(metadata) = report.metadata() {
        checks.extend([email_length(metadata), clock(metadata, now), proxy(&report)]);
        checks.extend(outside_root(document, settings));
    }
    let decided = Who::of(&report).map(|who| policy::decide(&Rules::of(settings), &who));
    let admission = decided.as_ref().and_then(|decided| decided.as_ref().ok()).copied();
    if let Some(decided) = decided {
        checks.push(failed_if("policy", decided.err().map(|error| error.to_string())));
    }
    let refused = checks.iter().find(|check| check.outcome == Outcome::Failed).map(refusal);
    let entry = match (refused, report.into_verified()) {
        (Some(message), _) => Err(message),
        (None, Ok(entry)) => Ok(entry),
        // Not reached: validate fails a check for each reason not to hand out the entry.
        (None, Err(_)) => Err("invalid metadata: it was not verified".to_owned()),
    };
    Verdict { entry, admission: admission.unwrap_or(Admission::Confirm), checks }
}

/// The message of a failed check (behaviour 1.9).
fn refusal(check: &Check) -> String {
    let stage = match check.name {
        "well-formed" => "unable to parse metadata",
        _ => "invalid metadata",
    };
    format!("{stage}: {}", check.message.as_deref().unwrap_or(check.name))
}

fn failed_if(name: &'static str, message: Option<String>) -> Check {
    let outcome = if message.is_some() { Outcome::Failed } else { Outcome::Passed };
    Check { name, outcome, message }
}

/// Keys of the database hold no more, and no mailbox has more (S7).
fn email_length(metadata: &Metadata) -> Check {
    let bytes = metadata.endorsement.as_ref().map_or(0, |e| e.endorser.email.as_str().len());
    let long = bytes > MAX_EMAIL_BYTES;
    failed_if(
        "email-length",
        long.then(|| {
            format!("the e-mail address of the endorser has {bytes} bytes, more than {MAX_EMAIL_BYTES}")
        }),
    )
}

/// An endorsement of the future would block its endorser's next ones until then (S12).
fn clock(metadata: &Metadata, now: Timestamp) -> Check {
    let created = metadata.endorsement.as_ref().map(|endorsement| endorsement.created);
    let latest = now.unix_seconds().saturating_add(MAX_AHEAD_SECONDS);
    let ahead = created.filter(|created| created.unix_seconds() > latest);
    failed_if("clock", ahead.map(|created| format!("it is endorsed at {created}, but now is {now}")))
}

/// What stands beside the root is signed, but in no list: an entry that does not hold without it would be
/// refused by everyone who gets it from one. Most have nothing there, and cost nothing.
fn outside_root(document: &[u8], settings: &Settings) -> Option<Check> {
    if !standalone::has_more_than_root(document) {
        return None;
    }
    let policy = AlgorithmPolicy::new(settings.allow_sha1);
    let holds = standalone::holds_in_lists(document, &policy, Leniency::OldEntries);
    let message = "its signature covers something outside rdf:RDF, which lists do not have; remove the \
                   comments and processing instructions there and sign it again";
    Some(failed_if("outside-root", (!holds).then(|| message.to_owned())))
}

/// A proxy stands for its end entity only where the path was verified; whoever takes a copy without the
/// same anchors would have to refuse it.
fn proxy(report: &Report) -> Check {
    let proxy = report.evidence().filter(|evidence| evidence.certificate != evidence.endorser);
    failed_if(
        "end-entity",
        proxy.map(|evidence| {
            let subject = evidence.certificate.subject();
            format!(
                "it is signed with the proxy certificate '{subject}'; sign it with the certificate itself"
            )
        }),
    )
}
