//! How the verdict on an entry is told, in text and in JSON.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{Failure, Session, Status, input::InputError};
use crate::{
    Certificate, Endorsement, Metadata, Timestamp,
    dsig::{Evidence, Verified, VerifyError},
    validate::{Check, Options, Report, validate},
    xml::EntriesError,
};

/// How many inputs are judged before their verdicts are told: enough to keep every core busy.
const BATCH: usize = 512;

/// Judges inputs on all cores and tells the results in the order of the inputs.
pub fn in_order<T: Send>(
    files: &[PathBuf],
    judge: impl Fn(&Path) -> T + Sync,
    mut tell: impl FnMut(&Path, T),
) {
    for batch in files.chunks(BATCH) {
        // A single input is not worth starting a thread for.
        let judged: Vec<T> = match batch {
            [file] => vec![judge(file)],
            files => files.par_iter().map(|file| judge(file)).collect(),
        };
        batch.iter().zip(judged).for_each(|(file, judged)| tell(file, judged));
    }
}

/// The verdict on one entry, ready to be told.
#[derive(Debug)]
pub struct Verdict {
    file: PathBuf,
    /// How the entry is named in text: the file, and in a list the entry's number and key.
    name: String,
    /// Why it is invalid, and what may help.
    reason: Option<(String, Option<&'static str>)>,
    notes: Vec<String>,
    /// Every check, if the session is verbose.
    details: Vec<String>,
    /// The JSON object, if the session wants one.
    object: Option<Map<String, Value>>,
}

impl Verdict {
    /// Judges an entry; `number` is its place in a list.
    pub fn on_entry(
        file: &Path,
        number: Option<usize>,
        entry: &[u8],
        options: &Options,
        session: &Session,
    ) -> Self {
        let report = validate(entry, options);
        let hint = match report.signature_error() {
            Some(VerifyError::ForbiddenAlgorithm { .. }) => {
                Some("--allow-sha1 accepts such signatures, for entries made with old tools")
            }
            _ => None,
        };
        let reason = report.deciding().map(|check| (check.message.clone().unwrap_or_default(), hint));
        let details = report.checks().iter().filter(|_| session.verbose()).map(detail).collect();
        let notes = report.notes().map(ToOwned::to_owned).collect();
        let fact = reason.as_ref().map(|(fact, _)| fact.as_str());
        let object = session.json().then(|| object(number, fact, Some(&report)));
        let name = name(file, number, report.metadata());
        Self { file: file.to_owned(), name, reason, notes, details, object }
    }

    /// What cannot even be cut out of its file is invalid too.
    ///
    /// # Errors
    /// [`Failure`] if the file could not be read, so that nothing can be said of its entries.
    pub fn on_unreadable(file: &Path, number: Option<usize>, error: EntriesError) -> Result<Self, Failure> {
        let path = || file.to_owned();
        match error {
            EntriesError::Io(error) => return Err(InputError::Read { path: path(), error }.into()),
            // One document of that size is no more read here than by the other commands.
            EntriesError::TooLarge { limit, .. } if number.is_none() => {
                return Err(InputError::TooLarge { path: path(), limit: limit as u64 }.into());
            }
            _ => {}
        }
        let fact = error.to_string();
        Ok(Self {
            file: file.to_owned(),
            name: name(file, number, None),
            notes: Vec::new(),
            details: Vec::new(),
            object: Some(object(number, Some(&fact), None)),
            reason: Some((fact, None)),
        })
    }

    /// Tells the verdict: on stdout if valid, on stderr with the reason if not.
    pub fn report(self, session: &Session) {
        match &self.reason {
            None => session.result(format_args!("Valid: {}", self.name)),
            Some((fact, hint)) => {
                session.say(format_args!("Invalid: {}", self.name));
                session.say(fact);
                if let Some(hint) = hint {
                    session.say(format_args!("hint: {hint}"));
                }
                session.raise(Status::No);
            }
        }
        // What is invalid has one deciding reason; the rest is detail.
        if self.reason.is_none() {
            for note in &self.notes {
                session.note(format_args!("{}: {note}", self.name));
            }
        }
        if !self.details.is_empty() {
            session.detail(format_args!("checks of {}:", self.name));
        }
        for detail in &self.details {
            session.detail(detail);
        }
        if let Some(object) = self.object {
            session.object(&self.file, object);
        }
    }
}

/// The file, and for an entry of a list its number and what a Marketplace files it under.
fn name(file: &Path, number: Option<usize>, metadata: Option<&Metadata>) -> String {
    let file = super::shown(file);
    match (number, metadata.map(|metadata| (metadata.identifier, &metadata.endorsement))) {
        (None, _) => file.to_string(),
        (Some(number), Some((identifier, Some(Endorsement { created, endorser })))) => {
            format!("{file}: entry {number}, {identifier}/{}/{created}", endorser.email)
        }
        (Some(number), _) => format!("{file}: entry {number}"),
    }
}

fn detail(check: &Check) -> String {
    let message = check.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("  {} {}{message}", check.name, check.outcome.name())
}

fn object(number: Option<usize>, reason: Option<&str>, report: Option<&Report>) -> Map<String, Value> {
    let mut object = Map::new();
    if let Some(number) = number {
        object.insert("entry".to_owned(), number.into());
    }
    let verdict = if reason.is_none() { "valid" } else { "invalid" };
    object.insert("verdict".to_owned(), verdict.into());
    object.insert("reason".to_owned(), reason.into());
    let Some(report) = report else { return object };
    let check = |check: &Check| json!({ "name": check.name, "outcome": check.outcome.name(), "message": check.message });
    object.insert("checks".to_owned(), report.checks().iter().map(check).collect());
    match (report.verified(), report.metadata()) {
        (Some(entry), _) => object.append(&mut entry_fields(entry)),
        (None, Some(metadata)) => object.append(&mut metadata_fields(metadata)),
        (None, None) => {}
    }
    object
}

/// What the commands say of a verified entry in JSON.
pub fn entry_fields(entry: &Verified<Metadata>) -> Map<String, Value> {
    let mut fields = metadata_fields(entry);
    let evidence = entry.evidence();
    fields.insert("certificate".to_owned(), certificate(&evidence.certificate));
    fields.insert("algorithm".to_owned(), algorithm(evidence));
    fields
}

fn metadata_fields(metadata: &Metadata) -> Map<String, Value> {
    let date = |date: Option<Timestamp>| Value::from(date.map(|date| date.to_string()));
    let mut fields = Map::from_iter([
        ("identifier".to_owned(), metadata.identifier.to_string().into()),
        ("bytes".to_owned(), metadata.bytes.into()),
        ("created".to_owned(), date(metadata.created)),
        ("valid".to_owned(), date(metadata.valid)),
        ("deprecated".to_owned(), metadata.deprecated.clone().into()),
    ]);
    if let Some(Endorsement { created, endorser }) = &metadata.endorsement {
        let [email, subject, issuer] =
            [endorser.email.as_str(), endorser.subject.as_str(), endorser.issuer.as_str()];
        fields.insert("endorsed".to_owned(), created.to_string().into());
        fields.insert("endorser".to_owned(), json!({ "email": email, "subject": subject, "issuer": issuer }));
    }
    fields
}

fn certificate(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().as_str(),
        "issuer": certificate.issuer().as_str(),
        "serial": certificate.serial(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "sha256_fingerprint": certificate.sha256_fingerprint(),
    })
}

fn algorithm(evidence: &Evidence) -> Value {
    json!({
        "signature": evidence.signature_method.name(),
        "digest": evidence.digest_method.name(),
        "canonicalization": evidence.canonicalization.uri(),
    })
}
