//! The rules of a site: where they come from, and what they need to be judged by.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Failure, Session, Status,
    judge::JudgeArgs,
    shown,
    trust::{Configured, NO_ANCHORS, TrustArgs},
};
use crate::{
    config::PolicyConfig,
    dsig::AlgorithmPolicy,
    policy::{Decision, Decisions, Lists, Policy, PolicyError},
    trust::{Anchors, Pin},
};

/// The seconds of a day.
const DAY: u64 = 86_400;

/// The options of commands that judge by a site's rules.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Policy options")]
pub struct PolicyArgs {
    /// Judge by the rules in this file instead of those of the configuration: TOML if its name ends in
    /// .toml, else the originals' policy.cfg
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// A site's rules.
#[derive(Debug)]
pub struct SitePolicy {
    /// What is judged by.
    pub policy: Policy,
    /// Has anybody written rules? Otherwise they are the built-in ones, beside what is said of trust.
    pub configured: bool,
}

impl PolicyArgs {
    /// The rules in the file that is named, else of the configuration, else in the usual file, else the
    /// built-in ones; with the endorsers and, if the rules have none, the trust anchors that the other
    /// arguments or the configuration name.
    ///
    /// # Errors
    /// A [`Failure`] if a file cannot be used, or the rules can approve nothing.
    pub fn policy(&self, judge: &JudgeArgs, session: &Session) -> Result<SitePolicy, Failure> {
        let trust = &judge.trust;
        let config = session.config()?;
        let usual = || PolicyConfig::usual_file();
        let read = match &self.policy {
            Some(file) => Some(PolicyConfig::load(file)?),
            None if !config.policy.is_empty() => None,
            None => usual().as_deref().map(PolicyConfig::load).transpose()?,
        };
        let rules = read.as_ref().unwrap_or(&config.policy);
        let allow_sha1 = judge.allow_sha1 || rules.allow_sha1.or(config.allow_sha1).unwrap_or(false);
        let policy = Policy {
            signatures: AlgorithmPolicy::new(allow_sha1),
            anchors: anchors(rules, trust, session)?,
            endorsed_by: trust.endorsers(session)?,
            ..of(rules)
        };
        policy.check()?;
        if let Some(file) = rules.source().filter(|_| rules.is_originals()) {
            let addresses = policy.endorsers.allow.iter().any(|pin| matches!(pin, Pin::Email(_)));
            if addresses && policy.anchors.is_none() {
                session.warn(format_args!(
                    "{}: without trust anchors an e-mail address proves nothing: anyone can make an entry with it",
                    shown(file)
                ));
            }
        }
        Ok(SitePolicy { policy, configured: read.is_some() || !config.policy.is_empty() })
    }
}

impl SitePolicy {
    /// Warns if anyone can make an entry that passes, and nobody has said so.
    pub fn warn(&self, session: &Session) {
        if !self.configured && !self.policy.limits_endorsers() {
            session
                .warn("no policy is configured, and nothing limits who endorses: anyone can make an entry");
        }
    }
}

/// Says that the policy refuses an image, and what each rule found.
pub fn refuse(decisions: &Decisions, session: &Session) {
    explain(decisions, session);
    session.say("Image isn't valid according to site policy");
    session.raise(Status::No);
}

/// Says what each rule found.
pub fn explain(decisions: &Decisions, session: &Session) {
    decisions.decisions.iter().for_each(|decision| session.say(&decision.message));
}

/// What each rule found, in JSON.
pub fn decisions_value(decisions: &Decisions) -> Value {
    let decision = |decision: &Decision| {
        json!({
            "entry": decision.entry,
            "rule": decision.rule,
            "kept": decision.kept,
            "message": decision.message,
        })
    };
    decisions.decisions.iter().map(decision).collect()
}

/// The rules that a file says, without whom it trusts.
fn of(rules: &PolicyConfig) -> Policy {
    let default = Policy::default();
    Policy {
        endorsers: lists(rules.allow_endorsers.as_ref(), rules.deny_endorsers.as_ref()),
        checksums: lists(rules.allow_checksums.as_ref(), rules.deny_checksums.as_ref()),
        images: lists(rules.allow_images.as_ref(), rules.deny_images.as_ref()),
        certificates: rules.certificates.clone().unwrap_or_default(),
        minimum_endorsers: rules.minimum_endorsers.unwrap_or(default.minimum_endorsers),
        max_age: rules.max_age_days.map(|days| Duration::from_secs((days as u64).saturating_mul(DAY))),
        allow_expired: rules.allow_expired.unwrap_or(default.allow_expired),
        allow_deprecated: rules.allow_deprecated.unwrap_or(default.allow_deprecated),
        required_checksums: rules.required_checksums.clone().unwrap_or_default(),
        locations: rules.locations.clone().unwrap_or_default(),
        os: rules.os.clone().unwrap_or_default(),
        os_version: rules.os_version.clone().unwrap_or_default(),
        os_arch: rules.os_arch.clone().unwrap_or_default(),
        kind: rules.kind.clone().unwrap_or_default(),
        unproven_emails: rules.is_originals(),
        ..default
    }
}

fn lists<T: Clone>(allow: Option<&Vec<T>>, deny: Option<&Vec<T>>) -> Lists<T> {
    let list = |list: Option<&Vec<T>>| list.cloned().unwrap_or_default();
    Lists { allow: list(allow), deny: list(deny) }
}

/// The anchors of the rules, which nothing else adds to or replaces, else those of the other arguments.
fn anchors(rules: &PolicyConfig, trust: &TrustArgs, session: &Session) -> Result<Option<Anchors>, Failure> {
    let crls = rules.crl.as_deref().unwrap_or_default();
    if !rules.names_anchors() {
        return match crls {
            [] => trust.anchors(session),
            _ => Err(Failure::new(
                Status::Usage,
                "crl in [policy] is of no use without ca_path or ca_file there",
            )),
        };
    }
    if trust.ca_path.is_some() || trust.ca_file.is_some() {
        session.warn("--ca-path and --ca-file are not used: the policy names its own trust anchors");
    }
    let own =
        Configured { path: rules.ca_path.as_deref(), file: rules.ca_file.as_deref(), crls, hint: NO_ANCHORS };
    // More CRLs are less trust.
    let crl = if trust.crl.is_empty() { Vec::new() } else { [crls, &trust.crl].concat() };
    TrustArgs { ca_path: None, ca_file: None, crl, ..trust.clone() }.anchors_over(&own, session)
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        let hint = match error {
            PolicyError::NameWithoutAnchors { .. } => {
                "ca_path or ca_file in [policy] names the authorities that are trusted, as do --ca-path and --ca-file; \
                 the SHA-256 fingerprint of a certificate needs none"
            }
            PolicyError::TooFewEndorsers { .. } => {
                "an endorser counts who is on each list there is, and without trust anchors by the SHA-256 fingerprint \
                 of the certificate only"
            }
        };
        Self::new(Status::Usage, error).with_hint(hint)
    }
}
