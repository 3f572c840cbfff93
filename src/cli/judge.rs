//! Our own verdict on entries that were found: whether they verify, and whether their endorsers are trusted.

use clap::Args;
use serde_json::{Map, Value};

use super::{
    Failure, Session,
    trust::TrustArgs,
    verdict::{detail, hint, object},
};
use crate::{
    Metadata, Timestamp,
    dsig::{AlgorithmPolicy, VerifyError},
    marketplace::{Reference, Search},
    metadata::{
        State,
        property::{Further, further},
        rules::Leniency,
    },
    trust::{Anchors, Pin},
    validate::{Options, Outcome, Report, Requirement, validate},
};

/// The options that say which entries are believed.
#[derive(Args, Clone, Debug, Default)]
pub struct JudgeArgs {
    /// Accept signatures with SHA-1 and RSA keys down to 1024 bits, which can be forged with effort
    #[arg(long)]
    pub allow_sha1: bool,
    /// Whose endorsement counts.
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Judges entries as they are kept in Marketplaces, also those that old tools wrote.
#[derive(Debug)]
pub struct Judge {
    policy: AlgorithmPolicy,
    anchors: Option<Anchors>,
    endorsers: Vec<Pin>,
    now: Timestamp,
}

/// What an entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does not verify, or it is endorsed by nobody who is accepted.
    Invalid,
    /// It verifies; nobody vouches for who its endorser is.
    Valid,
    /// It verifies, and a path leads from its endorser's certificate to a trust anchor.
    Trusted,
}

/// An entry and what was found of it.
#[derive(Debug)]
pub struct Judged {
    report: Report,
    /// What it is worth.
    pub standing: Standing,
    /// The elements that [`Metadata`] has no place for, if they were read too.
    pub further: Vec<Further>,
    hint: Option<&'static str>,
    now: Timestamp,
}

impl JudgeArgs {
    /// What these arguments and the configuration ask for.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration cannot be read, or certificates cannot be used.
    pub fn judge(&self, session: &Session) -> Result<Judge, Failure> {
        let allow_sha1 = self.allow_sha1 || session.config()?.allow_sha1.unwrap_or_default();
        Ok(Judge {
            policy: AlgorithmPolicy::new(allow_sha1),
            anchors: self.trust.anchors(session)?,
            endorsers: self.trust.endorsers(session)?,
            now: Timestamp::now(),
        })
    }
}

impl Judge {
    /// The time that entries are judged at.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Is there anybody who can be trusted?
    pub const fn has_anchors(&self) -> bool {
        self.anchors.is_some()
    }

    /// The verdict on an entry.
    pub fn judge(&self, document: &[u8]) -> Judged {
        let mut options = Options::new(self.now);
        options.policy = self.policy;
        options.leniency = Leniency::OldEntries;
        (options.anchors, options.endorsers) = (self.anchors.as_ref(), &self.endorsers);
        let mut report = validate(document, &options);
        // A proxy stands for its end entity only where trust is required: with anchors its entry is trusted,
        // or not valid at all.
        if self.has_anchors()
            && matches!(report.signature_error(), Some(VerifyError::EndorserMismatch { proxy: true, .. }))
        {
            options.require.push(Requirement::Trusted);
            report = validate(document, &options);
        }
        let standing = match (report.deciding(), report.path()) {
            (Some(_), _) => Standing::Invalid,
            (None, Some(Ok(_))) => Standing::Trusted,
            (None, _) => Standing::Valid,
        };
        let hint = report.deciding().and_then(|check| hint(check, &report, &options));
        Judged { report, standing, further: Vec::new(), hint, now: self.now }
    }

    /// The same, with all that the entry says.
    pub fn judge_whole(&self, document: &[u8]) -> Judged {
        // What is not well-formed has none.
        Judged { further: further(document).unwrap_or_default(), ..self.judge(document) }
    }
}

impl Standing {
    /// In one lower-case word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

impl Judged {
    /// What it says; of an invalid entry, what it pretends.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.report.metadata()
    }

    /// Whether it is what is looked for; what cannot be read may be.
    pub fn fits(&self, search: &Search) -> bool {
        self.metadata().is_none_or(|metadata| search.fits(metadata, self.now))
    }

    /// What it is called.
    pub fn reference(&self) -> Option<Reference> {
        self.metadata().and_then(Reference::of)
    }

    /// When it was endorsed.
    pub fn endorsed(&self) -> Option<Timestamp> {
        Some(self.metadata()?.endorsement.as_ref()?.created)
    }

    /// Whether it verifies.
    pub fn is_valid(&self) -> bool {
        self.standing != Standing::Invalid
    }

    /// Its state, if it can be read.
    pub fn state(&self) -> Option<State> {
        self.metadata().map(|metadata| metadata.state(self.now))
    }

    /// Why it is invalid.
    pub fn reason(&self) -> Option<&str> {
        let deciding = self.report.deciding()?;
        Some(deciding.message.as_deref().unwrap_or(deciding.name))
    }

    /// What may help against that.
    pub const fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Every check that was made, in a line.
    pub(super) fn checks(&self) -> impl Iterator<Item = String> {
        let made = self.report.checks().iter().filter(|check| check.outcome != Outcome::Skipped);
        made.map(detail)
    }

    /// What the signature was made with, if it holds, by name.
    pub(super) fn evidence(&self) -> Vec<(&'static str, String)> {
        let Some(evidence) = self.report.evidence() else { return Vec::new() };
        let (certificate, endorser) = (&evidence.certificate, &evidence.endorser);
        let mut facts = vec![
            ("signature", format!("{}, {}", evidence.signature_method.name(), evidence.digest_method.name())),
            ("certificate", certificate.sha256_fingerprint()),
            ("certificate-valid", format!("{} to {}", certificate.not_before(), certificate.not_after())),
        ];
        if endorser.email().is_none() {
            facts.push((
                "email-certified",
                "no: the certificate has none, and the signer may write any".to_owned(),
            ));
        }
        if endorser != certificate {
            facts.push(("certificate-of-endorser", endorser.sha256_fingerprint()));
        }
        facts
    }

    /// Why the certificate is not trusted, if anchors say so.
    pub fn untrusted(&self) -> Option<String> {
        self.report.path()?.as_ref().err().map(ToString::to_string)
    }

    /// Whether the endorser's e-mail address is in the certificate: in one without, the signer may write any.
    pub fn email_is_certified(&self) -> Option<bool> {
        self.report.evidence().map(|evidence| evidence.endorser.email().is_some())
    }

    /// What is said of it in JSON, check by check.
    pub(super) fn fields(&self) -> Map<String, Value> {
        let mut fields = object(None, self.reason(), Some(&self.report));
        fields.insert("verdict".to_owned(), self.standing.name().into());
        fields.insert("state".to_owned(), self.state().map(State::name).into());
        fields.insert("email_certified".to_owned(), self.email_is_certified().into());
        fields.extend(self.metadata().map(described).unwrap_or_default());
        fields
    }
}

/// What an entry says of the image, with the names that `/api/v1` has for it.
fn described(metadata: &Metadata) -> Map<String, Value> {
    let checksums = metadata.checksums.iter().map(
        |checksum| serde_json::json!({ "algorithm": checksum.algorithm().name(), "value": checksum.value() }),
    );
    Map::from_iter([
        ("title".to_owned(), metadata.title.clone().into()),
        ("tag".to_owned(), metadata.tag.clone().into()),
        ("description".to_owned(), metadata.description.clone().into()),
        ("type".to_owned(), metadata.image_type.clone().into()),
        ("kind".to_owned(), metadata.kind.clone().into()),
        ("os".to_owned(), metadata.os.clone().into()),
        ("os_version".to_owned(), metadata.os_version.clone().into()),
        ("os_arch".to_owned(), metadata.os_arch.clone().into()),
        ("version".to_owned(), metadata.version.clone().into()),
        ("format".to_owned(), metadata.format.clone().into()),
        ("compression".to_owned(), metadata.compression.clone().into()),
        ("hypervisor".to_owned(), metadata.hypervisor.clone().into()),
        ("disks_bus".to_owned(), metadata.disks_bus.clone().into()),
        ("creator".to_owned(), metadata.creator.clone().into()),
        ("publisher".to_owned(), metadata.publisher.clone().into()),
        ("replaces".to_owned(), metadata.replaces.clone().into()),
        ("is_version_of".to_owned(), metadata.is_version_of.clone().into()),
        ("checksums".to_owned(), checksums.collect()),
        ("locations".to_owned(), metadata.locations.clone().into()),
    ])
}
