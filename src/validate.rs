//! All of validation: signature, structure, constraints, RDF, and what else is asked for.
//!
//! [`validate`] reports every check; [`Report::deciding`] is the one people are told.

use crate::{
    Certificate, ImageDigests, Metadata, Timestamp,
    dsig::{
        self, AlgorithmPolicy, Verified, VerifyError,
        c14n::{self, Canonicalization, Mode},
        verify::verify_octets,
    },
    metadata::rules::{Finding, Leniency, Stage},
    xml::{Source, XmlError, children},
};

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
    /// Refuse entries past their `dcterms:valid`, or endorsed outside the certificate's validity.
    pub require_current: bool,
    /// Refuse deprecated entries.
    pub require_active: bool,
    /// Refuse entries without `dcterms:valid`, as a Marketplace does, which would never list them.
    pub require_valid: bool,
    /// The image the entry must describe.
    pub image: Option<&'a ImageDigests>,
    /// The time to compare with.
    pub now: Timestamp,
}

impl Options<'_> {
    /// A signed entry, strictly by the rules, judged at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            policy: AlgorithmPolicy::default(),
            signed: true,
            leniency: Leniency::Strict,
            require_current: false,
            require_active: false,
            require_valid: false,
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
    entry: Entry,
}

#[derive(Clone, Debug)]
enum Entry {
    Verified(Box<Verified<Metadata>>),
    Unsigned(Box<Metadata>),
    Nothing,
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
            Entry::Unsigned(metadata) => Some(metadata),
            Entry::Nothing => None,
        }
    }

    /// The entry with its evidence, for reporting, if its signature and all rules hold.
    pub fn verified(&self) -> Option<&Verified<Metadata>> {
        match &self.entry {
            Entry::Verified(verified) => Some(verified),
            _ => None,
        }
    }

    /// The entry if it is valid in every respect asked for and signed.
    ///
    /// # Errors
    /// The report itself, if a check failed or the entry is unsigned.
    pub fn into_verified(self) -> Result<Verified<Metadata>, Self> {
        match self {
            Self { entry: Entry::Verified(verified), ref checks }
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
    let mut report = Report { checks: Vec::new(), entry: Entry::Nothing };
    let signature = options.signed.then(|| verify_octets(document, &options.policy));
    if let Some(Err(VerifyError::Xml(error))) = &signature {
        report.push("well-formed", Outcome::Failed, Some(error.to_string()));
        return report;
    }
    let stage = if options.signed { Stage::Endorsed } else { Stage::Unsigned };
    let (signature, findings) = match signature {
        Some(Ok(octets)) => {
            let (findings, verified) = octets.examine(options.leniency);
            report.entry = verified.map_or(Entry::Nothing, |verified| Entry::Verified(Box::new(verified)));
            ((Outcome::Passed, None), findings)
        }
        unverified => match examine_unsigned(document, stage, options.leniency) {
            Ok((findings, metadata)) => {
                report.entry =
                    metadata.map_or(Entry::Nothing, |metadata| Entry::Unsigned(Box::new(metadata)));
                let message = unverified.and_then(Result::err).map(|error| error.to_string());
                let outcome = if message.is_some() { Outcome::Failed } else { Outcome::Skipped };
                ((outcome, message), findings)
            }
            Err(error) => {
                report.push("well-formed", Outcome::Failed, Some(error.to_string()));
                return report;
            }
        },
    };
    report.push("well-formed", Outcome::Passed, None);
    report.push("signature", signature.0, signature.1);
    for finding in findings {
        report.checks.push(rule_check(&finding, options.leniency));
    }
    if let Some(metadata) = report.metadata().cloned() {
        let certificate = report.verified().map(|verified| verified.certificate().clone());
        for (name, outcome, message) in [
            valid_present(&metadata, options),
            current(&metadata, options),
            certificate_current(&metadata, certificate.as_ref(), options),
            active(&metadata, options),
            image(&metadata, options),
        ] {
            report.push(name, outcome, message);
        }
    }
    report
}

/// Applies the rules to a document whatever its signature, which is left out.
pub(crate) fn examine_unsigned(
    document: &[u8],
    stage: Stage,
    leniency: Leniency,
) -> Result<(Vec<Finding>, Option<Metadata>), XmlError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let signature = children(tree.root_element(), dsig::NAMESPACE, "Signature").last();
    let octets = c14n::document(
        tree.root(),
        &Canonicalization::new(Mode::Inclusive),
        signature.map(|signature| signature.id()),
    );
    Ok(Metadata::examine(&String::from_utf8_lossy(&octets), stage, leniency))
}

type CheckParts = (&'static str, Outcome, Option<String>);

fn rule_check(finding: &Finding, leniency: Leniency) -> Check {
    let outcome = match finding.errors.as_slice() {
        [] => Outcome::Passed,
        errors if errors.iter().any(|error| error.refuses(leniency)) => Outcome::Failed,
        _ => Outcome::Noted,
    };
    let message = (!finding.errors.is_empty()).then(|| join(&finding.errors));
    Check { name: finding.rule, outcome, message }
}

fn join<T: ToString>(messages: &[T]) -> String {
    messages.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}

/// What is a failure where it was asked for is worth a note where it was not.
fn required(name: &'static str, required: bool, problem: Option<String>) -> CheckParts {
    match problem {
        None => (name, Outcome::Passed, None),
        Some(message) => (name, if required { Outcome::Failed } else { Outcome::Noted }, Some(message)),
    }
}

fn valid_present(metadata: &Metadata, options: &Options) -> CheckParts {
    let problem = metadata
        .valid
        .is_none()
        .then(|| "there is no dcterms:valid; a Marketplace refuses the entry".to_owned());
    required("valid-present", options.require_valid, problem)
}

fn current(metadata: &Metadata, options: &Options) -> CheckParts {
    let past = metadata.valid.filter(|valid| *valid <= options.now);
    required("current", options.require_current, past.map(|valid| format!("the entry expired at {valid}")))
}

fn certificate_current(
    metadata: &Metadata,
    certificate: Option<&Certificate>,
    options: &Options,
) -> CheckParts {
    let (Some(certificate), Some(endorsement)) = (certificate, &metadata.endorsement) else {
        return ("certificate-current", Outcome::Skipped, None);
    };
    let (from, to, at) = (certificate.not_before(), certificate.not_after(), endorsement.created);
    let problem = (at < from || at > to)
        .then(|| format!("the certificate is valid from {from} to {to} but the endorsement is of {at}"));
    required("certificate-current", options.require_current, problem)
}

fn active(metadata: &Metadata, options: &Options) -> CheckParts {
    let problem = metadata.deprecated.as_ref().map(|reason| format!("the image is deprecated: {reason}"));
    required("active", options.require_active, problem)
}

fn image(metadata: &Metadata, options: &Options) -> CheckParts {
    match options.image {
        None => ("image", Outcome::Skipped, None),
        Some(image) => {
            let mismatches = image.check(metadata).err().map(|mismatches| join(&mismatches));
            required("image", true, mismatches)
        }
    }
}
