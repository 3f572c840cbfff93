//! All of validation: signature, structure, constraints, RDF, and what else is asked for.
//!
//! [`validate`] reports every check; [`Report::deciding`] is the one people are told.

mod timestamped;
mod trusted;

use crate::{
    Certificate, ImageDigests, Metadata, Timestamp,
    checksum::ImageMismatch,
    dsig::{
        self, AlgorithmPolicy, Evidence, Verified, VerifyError,
        c14n::{self, Canonicalization, Mode},
        verify::{self, Examined, ProxyIdentity},
    },
    metadata::rules::{Finding, Leniency, Stage, whole_values},
    trust::{Anchors, PathError, Pin, PinMismatch, Trust, TrustedPath},
    tsp::{Stamp, StampError},
    xml::{self, Source, XmlError, children},
};

pub use timestamped::GivenStamp;

/// What is checked besides the rules of an entry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options<'a> {
    /// Which algorithms the signature may use.
    pub policy: AlgorithmPolicy,
    /// Whether there must be a signature; without, everything else is checked.
    pub signed: bool,
    /// What old tools got wrong and is accepted.
    pub leniency: Leniency,
    /// What would otherwise be worth a note only.
    pub require: Vec<Requirement>,
    /// Who is trusted to say who endorsed it: with anchors, the path from the certificate to them is
    /// judged, and under [`Requirement::Trusted`] a proxy certificate (RFC 3820) stands for its end
    /// entity's.
    pub anchors: Option<&'a Anchors>,
    /// Whose endorsement is accepted; everyone's if there are none.
    pub endorsers: &'a [Pin],
    /// Who is trusted to say when it was signed; without, time stamps are not looked at.
    pub stamp_anchors: Option<&'a Anchors>,
    /// The entry's time stamp.
    pub stamp: GivenStamp<'a>,
    /// The image the entry must describe.
    pub image: Option<&'a ImageDigests>,
    /// The time to compare with.
    pub now: Timestamp,
}

/// What an entry may be required to be, beyond valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// Not past its `dcterms:valid`, and endorsed while the certificate was valid.
    Current,
    /// Not deprecated.
    Active,
    /// With a time stamp by an authority below [`Options::stamp_anchors`].
    Timestamped,
    /// Endorsed by somebody whose certificate has a path to one of [`Options::anchors`].
    Trusted,
    /// With a `dcterms:valid`: a Marketplace never lists entries without.
    Dated,
}

impl Options<'_> {
    /// A signed entry, strictly by the rules, judged at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            policy: AlgorithmPolicy::default(),
            signed: true,
            leniency: Leniency::Strict,
            require: Vec::new(),
            stamp_anchors: None,
            stamp: GivenStamp::default(),
            anchors: None,
            endorsers: &[],
            image: None,
            now,
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Worth knowing, but no reason to refuse the entry.
    Noted,
    /// The entry is invalid.
    Failed,
    /// Not made, because an earlier check failed or it was not asked for.
    Skipped,
}

impl Outcome {
    /// In one lower-case word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Noted => "noted",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// The check's name: stable, for programs.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, if anything was.
    pub message: Option<String>,
}

/// All checks of one entry.
#[derive(Clone, Debug)]
pub struct Report {
    checks: Vec<Check>,
    signature_error: Option<Box<VerifyError>>,
    stamp: Option<Box<Result<Stamp, StampError>>>,
    path: Option<Box<Result<TrustedPath, PathError>>>,
    endorser_mismatch: Option<Box<PinMismatch>>,
    entry: Entry,
}

/// What is known of the entry.
#[derive(Clone, Debug)]
enum Entry {
    Verified(Box<Verified<Metadata>>),
    /// Unsigned, or refused: what it says, and the evidence if its signature holds.
    Stated(Option<Box<Metadata>>, Option<Box<Evidence>>),
}

impl Report {
    /// The checks, in the order in which they decide.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The check that makes the entry invalid; `None` if it is valid.
    pub fn deciding(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.outcome == Outcome::Failed)
    }

    /// What the checks noted.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        let noted = self.checks.iter().filter(|check| check.outcome == Outcome::Noted);
        noted.filter_map(|check| check.message.as_deref())
    }

    /// What the entry says, for reporting: also of an entry that is invalid, if it could be read.
    pub fn metadata(&self) -> Option<&Metadata> {
        match &self.entry {
            Entry::Verified(verified) => Some(verified),
            Entry::Stated(metadata, _) => metadata.as_deref(),
        }
    }

    /// What the signature was made with, for reporting, if it holds.
    pub fn evidence(&self) -> Option<&Evidence> {
        match &self.entry {
            Entry::Verified(verified) => Some(verified.evidence()),
            Entry::Stated(_, evidence) => evidence.as_deref(),
        }
    }

    /// Why the signature does not verify, if it was asked for and does not.
    pub fn signature_error(&self) -> Option<&VerifyError> {
        self.signature_error.as_deref()
    }

    /// The entry's time stamp, or why it proves nothing, if the signature holds, there is one and there
    /// are anchors for it.
    pub fn stamp(&self) -> Option<&Result<Stamp, StampError>> {
        self.stamp.as_deref()
    }

    /// The path from the certificate to an anchor, or why there is none, if the signature holds and
    /// there are anchors.
    pub fn path(&self) -> Option<&Result<TrustedPath, PathError>> {
        self.path.as_deref()
    }

    /// Why the endorser is none of [`Options::endorsers`].
    pub fn endorser_mismatch(&self) -> Option<&PinMismatch> {
        self.endorser_mismatch.as_deref()
    }

    /// The entry if it is valid in every respect asked for and signed.
    ///
    /// # Errors
    /// The report itself, if a check failed or the entry is unsigned.
    pub fn into_verified(self) -> Result<Verified<Metadata>, Self> {
        match self {
            Self { entry: Entry::Verified(verified), ref checks, .. }
                if checks.iter().all(|check| check.outcome != Outcome::Failed) =>
            {
                Ok(*verified)
            }
            other => Err(other),
        }
    }

    fn push(&mut self, name: &'static str, outcome: Outcome, message: Option<String>) {
        self.checks.push(Check { name, outcome, message });
    }
}

/// Judges an entry.
pub fn validate(document: &[u8], options: &Options) -> Report {
    let mut report = Report {
        checks: Vec::new(),
        signature_error: None,
        stamp: None,
        path: None,
        endorser_mismatch: None,
        entry: Entry::Stated(None, None),
    };
    let trust = options.anchors.filter(|_| options.require.contains(&Requirement::Trusted));
    let proxies = trust
        .map_or(ProxyIdentity::Never, |anchors| ProxyIdentity::Verified(Trust { anchors, now: options.now }));
    let examine = || verify::examine(document, options.policy, options.leniency, proxies);
    let signature = options.signed.then(examine);
    let findings = match signature {
        Some(Ok(Examined { findings, entry })) => {
            report.entry = match entry {
                Ok(verified) => Entry::Verified(Box::new(verified)),
                Err(refused) => {
                    Entry::Stated(refused.metadata.map(Box::new), Some(Box::new(refused.evidence)))
                }
            };
            Ok(findings)
        }
        Some(Err(VerifyError::Xml(error))) => Err(error),
        unverified => {
            report.signature_error = unverified.and_then(Result::err).map(Box::new);
            let stage = if options.signed { Stage::Endorsed } else { Stage::Unsigned };
            examine_unsigned(document, stage).map(|(findings, metadata)| {
                report.entry = Entry::Stated(metadata.map(Box::new), None);
                findings
            })
        }
    };
    let findings = match findings {
        Ok(findings) => findings,
        Err(error) => {
            report.push("well-formed", Outcome::Failed, Some(error.to_string()));
            return report;
        }
    };
    report.push("well-formed", Outcome::Passed, None);
    match &report.signature_error {
        _ if !options.signed => report.push("signature", Outcome::Skipped, None),
        None => report.push("signature", Outcome::Passed, None),
        Some(error) => {
            let message = error.to_string();
            report.push("signature", Outcome::Failed, Some(message));
        }
    }
    report.checks.extend(findings.iter().map(|finding| rule_check(finding, options.leniency)));
    report.stamp = timestamped::judge(report.evidence(), report.metadata(), options).map(Box::new);
    // A certificate may be revoked after it was used: that counts from a time that somebody else tells.
    let stamped = report.stamp().and_then(|stamp| stamp.as_ref().ok()).map(|stamp| stamp.latest);
    report.path = trusted::path(report.evidence(), report.metadata(), options, stamped).map(Box::new);
    report.endorser_mismatch = trusted::mismatch(&report, options).map(Box::new);
    match report.metadata() {
        Some(metadata) => {
            let certificate = report.evidence().map(|evidence| &evidence.certificate);
            let further = [
                dated(metadata, options),
                current(metadata, options),
                certificate_current(metadata, certificate, options),
                timestamped::check(&report, options),
                trusted::trusted(&report, options),
                trusted::endorsed_by(&report, options),
                active(metadata, options),
                image(metadata, options),
                image_checksums(metadata, options),
            ];
            report.checks.extend(further);
        }
        // An entry that keeps every rule can be read; if not, that must not pass for valid.
        None if report.deciding().is_none() => {
            report.push("readable", Outcome::Failed, Some(VerifyError::Unreadable.to_string()));
        }
        None => {}
    }
    report
}

/// Applies the rules to a document whatever its signature, which is left out.
pub(crate) fn examine_unsigned(
    document: &[u8],
    stage: Stage,
) -> Result<(Vec<Finding>, Option<Metadata>), XmlError> {
    let (octets, whole_values) = {
        let source = Source::read(document)?;
        let tree = source.parse()?;
        let signature = children(tree.root_element(), dsig::NAMESPACE, "Signature").last();
        let signature = signature.map(|signature| signature.id());
        let octets = c14n::document(tree.root(), &Canonicalization::new(Mode::Inclusive), signature)?;
        (octets, whole_values(tree.root_element()))
    };
    let content = String::from_utf8_lossy(&octets);
    let (mut findings, metadata) = Metadata::examine(&xml::parse(&content)?, stage);
    findings.insert(0, whole_values);
    Ok((findings, metadata))
}

fn rule_check(finding: &Finding, leniency: Leniency) -> Check {
    let outcome = match finding.errors.as_slice() {
        [] if !finding.applied => Outcome::Skipped,
        [] => Outcome::Passed,
        _ if finding.refuses(leniency) => Outcome::Failed,
        _ => Outcome::Noted,
    };
    let message = (!finding.errors.is_empty()).then(|| join(&finding.errors));
    Check { name: finding.rule, outcome, message }
}

fn join<T: ToString>(messages: &[T]) -> String {
    messages.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}

/// What is a failure where it was asked for is worth a note where it was not.
fn required(name: &'static str, options: &Options, what: Requirement, problem: Option<String>) -> Check {
    let outcome = match &problem {
        None => Outcome::Passed,
        Some(_) if options.require.contains(&what) => Outcome::Failed,
        Some(_) => Outcome::Noted,
    };
    Check { name, outcome, message: problem }
}

const fn skipped(name: &'static str) -> Check {
    Check { name, outcome: Outcome::Skipped, message: None }
}

fn dated(metadata: &Metadata, options: &Options) -> Check {
    let problem = metadata
        .valid
        .is_none()
        .then(|| "there is no dcterms:valid; a Marketplace refuses the entry".to_owned());
    required("dated", options, Requirement::Dated, problem)
}

fn current(metadata: &Metadata, options: &Options) -> Check {
    let past = metadata.valid.filter(|valid| *valid <= options.now);
    let problem = past.map(|valid| format!("the entry expired at {valid}"));
    required("current", options, Requirement::Current, problem)
}

fn certificate_current(metadata: &Metadata, certificate: Option<&Certificate>, options: &Options) -> Check {
    let (Some(certificate), Some(endorsement)) = (certificate, &metadata.endorsement) else {
        return skipped("certificate-current");
    };
    let (from, to, at) = (certificate.not_before(), certificate.not_after(), endorsement.created);
    let problem = (at < from || at > to)
        .then(|| format!("the certificate is valid from {from} to {to} but the endorsement is of {at}"));
    required("certificate-current", options, Requirement::Current, problem)
}

fn active(metadata: &Metadata, options: &Options) -> Check {
    let problem = metadata.deprecated.as_ref().map(|reason| format!("the image is deprecated: {reason}"));
    required("active", options, Requirement::Active, problem)
}

/// Whether the image is the one described: its identifier and size.
fn image(metadata: &Metadata, options: &Options) -> Check {
    image_check("image", metadata, options, |mismatch| {
        matches!(mismatch, ImageMismatch::Identifier { .. } | ImageMismatch::Bytes { .. })
    })
}

fn image_checksums(metadata: &Metadata, options: &Options) -> Check {
    image_check("image-checksums", metadata, options, |mismatch| {
        !matches!(mismatch, ImageMismatch::Identifier { .. } | ImageMismatch::Bytes { .. })
    })
}

fn image_check(
    name: &'static str,
    metadata: &Metadata,
    options: &Options,
    concerns: impl Fn(&ImageMismatch) -> bool,
) -> Check {
    let Some(image) = options.image else { return skipped(name) };
    let mismatches: Vec<_> =
        image.check(metadata).err().unwrap_or_default().into_iter().filter(concerns).collect();
    if mismatches.is_empty() {
        Check { name, outcome: Outcome::Passed, message: None }
    } else {
        Check { name, outcome: Outcome::Failed, message: Some(join(&mismatches)) }
    }
}
