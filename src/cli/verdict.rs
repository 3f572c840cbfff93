//! How the verdict on an entry is told, in text and in JSON.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    Failure, Session, Status,
    input::{self, InputError},
    stamp::{Stamps, token_fields},
    trust::{NO_ANCHORS, PATH_END, PROXY},
};
use crate::{
    Certificate, Endorsement, Metadata, Timestamp,
    dsig::{Evidence, Verified, VerifyError},
    metadata::CompressedFile,
    trust::{PathError, PinMismatch},
    tsp::StampError,
    validate::{Check, Options, Report, validate},
    xml::{self, Entries, EntriesError},
};

/// How many files are judged before their verdicts are told: enough to keep every core busy.
const FILES_AT_ONCE: usize = 512;
/// The same for the entries of a list, which may each be of the largest size.
const ENTRIES_AT_ONCE: usize = 32;

/// An entry as it was cut out of its file, or why it could not be.
type Cut = Result<Vec<u8>, EntriesError>;

/// What reading a file gave.
enum Judged {
    One(Verdict),
    /// A list, with its first entry; the rest is not read yet.
    List(Option<Cut>, Entries<Box<dyn Read + Send>>),
}

/// Judges the entries in files, on all cores, and tells the verdicts in the order of the entries.
pub fn judge_files(files: &[PathBuf], options: &Options, stamps: &Stamps, session: &Session) {
    for batch in files.chunks(FILES_AT_ONCE) {
        let judged: Vec<_> = match batch {
            // A single file is not worth starting a thread for.
            [file] => vec![judge(file, options, stamps, session)],
            files => files.par_iter().map(|file| judge(file, options, stamps, session)).collect(),
        };
        for (file, judged) in batch.iter().zip(judged) {
            let told = judged.and_then(|judged| match judged {
                Judged::One(verdict) => {
                    verdict.report(session);
                    Ok(())
                }
                Judged::List(first, rest) => {
                    judge_list(file, first.into_iter().chain(rest), options, stamps, session)
                }
            });
            if let Err(failure) = told {
                session.fail_input(file, &failure);
            }
        }
    }
}

fn judge(file: &Path, options: &Options, stamps: &Stamps, session: &Session) -> Result<Judged, Failure> {
    let mut entries = xml::entries(input::open(file)?);
    let first = entries.next();
    if entries.is_list() {
        return Ok(Judged::List(first, entries));
    }
    // What is no list gives itself, even if it is empty.
    let whole = first.unwrap_or_else(|| Ok(Vec::new()));
    Verdict::on_cut(file, None, whole, options, stamps, session).map(Judged::One)
}

fn judge_list(
    file: &Path,
    entries: impl Iterator<Item = Cut>,
    options: &Options,
    stamps: &Stamps,
    session: &Session,
) -> Result<(), Failure> {
    let mut entries = (1..).zip(entries).peekable();
    if entries.peek().is_none() {
        return Err(Failure::new(Status::No, format_args!("{} holds no entries", input::name(file))));
    }
    while entries.peek().is_some() {
        let batch: Vec<(usize, Cut)> = entries.by_ref().take(ENTRIES_AT_ONCE).collect();
        let judge = |(number, cut)| Verdict::on_cut(file, Some(number), cut, options, stamps, session);
        let verdicts: Vec<_> = batch.into_par_iter().map(judge).collect();
        for verdict in verdicts {
            verdict?.report(session);
        }
    }
    Ok(())
}

/// The verdict on one entry, ready to be told.
#[derive(Debug)]
struct Verdict {
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
    /// The verdict on what was cut out of a file; `number` is its place in a list.
    fn on_cut(
        file: &Path,
        number: Option<usize>,
        cut: Cut,
        options: &Options,
        stamps: &Stamps,
        session: &Session,
    ) -> Result<Self, Failure> {
        match cut {
            Ok(entry) => {
                let stamp = stamps.of(file, number.is_some())?;
                let options = Options { stamp: stamp.given(), ..options.clone() };
                Ok(Self::on_entry(file, number, &entry, &options, session))
            }
            Err(error) => Self::on_unreadable(file, number, error),
        }
    }

    fn on_entry(
        file: &Path,
        number: Option<usize>,
        entry: &[u8],
        options: &Options,
        session: &Session,
    ) -> Self {
        let report = validate(entry, options);
        let reason = report
            .deciding()
            .map(|check| (check.message.clone().unwrap_or_default(), hint(check, &report, options)));
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
    fn on_unreadable(file: &Path, number: Option<usize>, error: EntriesError) -> Result<Self, Failure> {
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
    fn report(self, session: &Session) {
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

/// What may help against the check that failed.
pub(super) fn hint(check: &Check, report: &Report, options: &Options) -> Option<&'static str> {
    match (check.name, report.signature_error(), report.path(), report.endorser_mismatch()) {
        ("signature", Some(VerifyError::ForbiddenAlgorithm { .. }), _, _) => {
            Some("--allow-sha1 accepts such signatures, for entries made with old tools")
        }
        ("signature", Some(VerifyError::EndorserMismatch { proxy: true, .. }), _, _) => Some(PROXY),
        ("trusted", _, Some(Err(PathError::CrlMissing { .. } | PathError::CrlStale { .. })), _) => {
            Some("fetch-crl brings the CRLs of a directory up to date; --crl FILE names others")
        }
        ("trusted", _, Some(Err(PathError::NoPath { .. } | PathError::UntrustedRoot { .. })), _) => {
            Some(PATH_END)
        }
        ("trusted", _, Some(Err(PathError::Revoked { stamped: None, .. })), _)
            if options.stamp_anchors.is_none() =>
        {
            Some("a time stamp from before would count: --tsa-ca-file names who is trusted to make it")
        }
        ("endorsed-by", _, None, Some(PinMismatch::Untrusted { .. })) if options.anchors.is_none() => {
            Some(NO_ANCHORS)
        }
        ("timestamped", ..) if report.stamp().is_none() && options.signed => {
            Some("--timestamp-file names a time stamp that lies elsewhere")
        }
        ("timestamped", ..) => match report.stamp() {
            Some(Err(StampError::Malformed(_))) => Some(
                "a time stamp is a TimeStampResp or TimeStampToken in DER, as stratus-sign-metadata keeps it",
            ),
            Some(Err(StampError::Untrusted(PathError::NoPath { .. } | PathError::UntrustedRoot { .. }))) => {
                Some("a path ends at a self-signed certificate in --tsa-ca-file")
            }
            _ => None,
        },
        _ => None,
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

pub(super) fn detail(check: &Check) -> String {
    let message = check.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("  {} {}{message}", check.name, check.outcome.name())
}

pub(super) fn object(
    number: Option<usize>,
    reason: Option<&str>,
    report: Option<&Report>,
) -> Map<String, Value> {
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
    object.extend(report.metadata().map(metadata_fields).unwrap_or_default());
    object.extend(report.evidence().map(evidence_fields).unwrap_or_default());
    if let Some(Ok(path)) = report.path() {
        object.insert("endorser_certificate".to_owned(), path.end_entity().map(certificate).into());
        object.insert("path".to_owned(), path.certificates().iter().map(certificate).collect());
        object.insert("revocation_checked".to_owned(), path.revocation_checked().into());
    }
    if let Some(Ok(stamp)) = report.stamp() {
        object.insert("timestamp".to_owned(), token_fields(stamp).into());
    }
    object
}

/// What the commands say of a verified entry in JSON; for a proxy's also whom it stands for.
pub fn entry_fields(entry: &Verified<Metadata>) -> Map<String, Value> {
    let mut fields = metadata_fields(entry);
    let evidence = entry.evidence();
    fields.extend(evidence_fields(evidence));
    if evidence.endorser != evidence.certificate {
        fields.insert("endorser_certificate".to_owned(), certificate(&evidence.endorser));
    }
    fields
}

fn evidence_fields(evidence: &Evidence) -> Map<String, Value> {
    Map::from_iter([
        ("certificate".to_owned(), certificate(&evidence.certificate)),
        ("algorithm".to_owned(), algorithm(evidence)),
    ])
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
    if let Some(CompressedFile { bytes, sha512 }) = &metadata.compressed {
        fields.insert("compressed".to_owned(), json!({ "bytes": bytes, "sha512": sha512.value() }));
    }
    if let Some(Endorsement { created, endorser }) = &metadata.endorsement {
        let [email, subject, issuer] =
            [endorser.email.as_str(), endorser.subject.as_str(), endorser.issuer.as_str()];
        fields.insert("endorsed".to_owned(), created.to_string().into());
        fields.insert("endorser".to_owned(), json!({ "email": email, "subject": subject, "issuer": issuer }));
    }
    fields
}

pub(super) fn certificate(certificate: &Certificate) -> Value {
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
