//! Core validation (XML-DSig §3.2) of an entry, and who endorsed it.
//!
//! What was verified is what is used: the reference's octets, not the document, are parsed
//! again, and [`Verified`] holds what they say.

mod error;
mod place;

use std::ops::Deref;

use roxmltree::{Document, Node};

use super::{
    AlgorithmPolicy, DigestMethod, KeyType, SignatureMethod,
    c14n::{self, Canonicalization},
    element::SignatureElement,
    key,
};
use crate::{
    Certificate, Metadata,
    checksum::hex,
    metadata::{
        namespace::{DCTERMS, RDF, SLREQ},
        rules::{Finding, Leniency, Stage, whole_values},
    },
    trust::{self, PathError, PathRequest, Trust},
    xml::{self, Source, XmlError, text_of},
};

pub use self::error::VerifyError;
pub(crate) use self::place::stray_signature_part;
use self::place::{check_root, find_signature};

/// Something whose signature was verified, read from the very octets that were digested.
/// There is no other way to have one than to have it verified.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    content: T,
    document: Vec<u8>,
    evidence: Evidence,
}

/// What a verified signature was made with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// The certificate whose key verifies the signature.
    pub certificate: Certificate,
    /// The endorser's certificate: the same, or the end entity's for which that one, a proxy
    /// (RFC 3820), stands.
    pub endorser: Certificate,
    /// The other certificates of X509Data: chain material, judged by nobody yet.
    pub chain: Vec<Certificate>,
    /// How SignatureValue was made.
    pub signature_method: SignatureMethod,
    /// How the document was digested.
    pub digest_method: DigestMethod,
    /// How SignedInfo was canonicalised.
    pub canonicalization: Canonicalization,
    /// The octets of SignatureValue, decoded: what a time stamp is over.
    pub signature_value: Vec<u8>,
}

impl<T> Verified<T> {
    /// The signed document, byte for byte as it was given.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// The certificate whose key verifies the signature.
    pub fn certificate(&self) -> &Certificate {
        &self.evidence.certificate
    }

    /// What the signature was made with.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// Verifies an entry: one enveloped signature over the whole of it, by the endorser it names,
/// around content that follows the rules.
///
/// Whether the certificate is valid or trusted, the entry expired or deprecated, is not asked.
///
/// # Errors
/// [`VerifyError`]: the first thing that does not hold.
pub fn verify(document: &[u8], policy: &AlgorithmPolicy) -> Result<Verified<Metadata>, VerifyError> {
    verify_leniently(document, policy, Leniency::Strict)
}

/// [`verify`], but the entry may break rules that `leniency` tolerates.
///
/// # Errors
/// [`VerifyError`]: the first thing that does not hold.
pub fn verify_leniently(
    document: &[u8],
    policy: &AlgorithmPolicy,
    leniency: Leniency,
) -> Result<Verified<Metadata>, VerifyError> {
    examine(document, *policy, leniency, ProxyIdentity::Never)?.into_verified(leniency)
}

/// How it is known for whom a proxy certificate (RFC 3820) that made a signature stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProxyIdentity<'a> {
    /// Not at all: it stands for itself.
    Never,
    /// A path leads from the end entity to an anchor.
    Verified(Trust<'a>),
    /// The certificates that come with it say so: good enough for the signer itself, and nobody else.
    Stated,
}

/// An entry whose signature and endorser hold.
pub(crate) struct Examined {
    pub(crate) findings: Vec<Finding>,
    pub(crate) entry: Result<Verified<Metadata>, Box<Refused>>,
}

impl Examined {
    /// The entry, or the first rule it breaks that `leniency` does not tolerate.
    pub(super) fn into_verified(self, leniency: Leniency) -> Result<Verified<Metadata>, VerifyError> {
        self.entry.map_err(|_| {
            let mut errors = self.findings.into_iter().flat_map(|finding| finding.errors);
            let error = errors.find(|error| error.refuses(leniency));
            error.map_or(VerifyError::Unreadable, VerifyError::Rule)
        })
    }
}

/// What can be told of an entry that breaks a rule, though its signature holds.
pub(crate) struct Refused {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) evidence: Evidence,
}

/// Verifies signature and endorser, and applies the rules to what was digested. The metadata is
/// handed out as verified unless it breaks a rule that `leniency` does not tolerate.
///
/// # Errors
/// [`VerifyError`], any but [`VerifyError::Rule`].
pub(crate) fn examine(
    document: &[u8],
    policy: AlgorithmPolicy,
    leniency: Leniency,
    proxies: ProxyIdentity<'_>,
) -> Result<Examined, VerifyError> {
    let Core { octets, whole_values, mut evidence } = core_validation(document, policy)?;
    let content = xml::parse(&octets)?;
    check_root(content.root_element())?;
    if let Some(end_entity) = end_entity(&content, &evidence, proxies, policy)? {
        evidence.endorser = end_entity;
    }
    check_endorser(&content, &evidence.endorser)?;
    let (mut findings, metadata) = Metadata::examine(&content, Stage::Endorsed);
    findings.insert(0, whole_values);
    drop(content);
    let refused = findings.iter().any(|finding| finding.refuses(leniency));
    let entry = match metadata {
        Some(content) if !refused => Ok(Verified { content, document: document.to_owned(), evidence }),
        metadata => Err(Box::new(Refused { metadata, evidence })),
    };
    Ok(Examined { findings, entry })
}

/// The certificate for which the one that signed stands, if that is a proxy.
fn end_entity(
    content: &Document,
    evidence: &Evidence,
    proxies: ProxyIdentity<'_>,
    policy: AlgorithmPolicy,
) -> Result<Option<Certificate>, VerifyError> {
    let (certificate, chain) = (&evidence.certificate, &evidence.chain);
    let end_entity = match proxies {
        ProxyIdentity::Never => return Ok(None),
        _ if !trust::is_proxy(certificate) => return Ok(None),
        ProxyIdentity::Verified(Trust { anchors, now }) => {
            // Without a date there is a rule that refuses the entry.
            let at = text_of(endorsement(content)?.0).parse().unwrap_or(now);
            let request = PathRequest::new(certificate, chain, at, now);
            trust::end_entity(anchors, &PathRequest { policy, ..request })
        }
        ProxyIdentity::Stated => trust::proxy_issuers(certificate, chain)
            .map(|issuers| issuers.last().copied().unwrap_or(certificate).clone())
            .map_err(PathError::from),
    };
    end_entity.map(Some).map_err(|error| VerifyError::Proxy(Box::new(error)))
}

/// What core validation leaves of a document.
struct Core {
    /// What was digested.
    octets: String,
    /// The one rule that is about the document itself.
    whole_values: Finding,
    evidence: Evidence,
}

/// XML-DSig §3.2: the octets digested, and what vouches for them. The document's tree is gone by
/// the time theirs is made, which would take as much memory again.
fn core_validation(document: &[u8], policy: AlgorithmPolicy) -> Result<Core, VerifyError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let signature = find_signature(&tree)?;
    let element = SignatureElement::read(signature)?;
    for (allowed, algorithm) in [
        (policy.allows(element.signature_method.digest_method()), element.signature_method.name()),
        (policy.allows(element.digest_method), element.digest_method.name()),
    ] {
        if !allowed {
            return Err(VerifyError::ForbiddenAlgorithm { algorithm });
        }
    }
    let octets = reference_validation(&tree, signature, &element)?;
    let (certificate, chain) = signature_validation(&element, policy)?;
    // What was digested has no comments any more.
    let whole_values = whole_values(tree.root_element());
    let evidence = Evidence {
        endorser: certificate.clone(),
        certificate,
        chain,
        signature_method: element.signature_method,
        digest_method: element.digest_method,
        canonicalization: element.canonicalization,
        signature_value: element.signature_value,
    };
    Ok(Core { octets, whole_values, evidence })
}

/// XML-DSig §3.2.1: the digest of the document without its signature. The octets digested.
fn reference_validation(
    tree: &Document,
    signature: Node,
    element: &SignatureElement,
) -> Result<String, VerifyError> {
    let octets = c14n::document(tree.root(), &element.reference_canonicalization, Some(signature.id()))?;
    let computed = key::digest(element.digest_method, &octets);
    if computed != element.digest_value {
        return Err(VerifyError::DigestMismatch {
            method: element.digest_method.name(),
            computed: hex(&computed),
            signed: hex(&element.digest_value),
        });
    }
    String::from_utf8(octets)
        .map_err(|error| XmlError::NotUtf8 { offset: error.utf8_error().valid_up_to() }.into())
}

/// XML-DSig §3.2.2: the signature of SignedInfo, by exactly one of the certificates. That one,
/// and the others.
fn signature_validation(
    element: &SignatureElement,
    policy: AlgorithmPolicy,
) -> Result<(Certificate, Vec<Certificate>), VerifyError> {
    let octets = c14n::subtree(element.signed_info, &element.canonicalization)?;
    let method = element.signature_method;
    let mut certificates = Vec::with_capacity(element.certificates.len());
    for (index, der) in element.certificates.iter().enumerate() {
        let bad = |source| VerifyError::BadCertificate { number: index + 1, source };
        certificates.push(Certificate::with_key(der).map_err(bad)?);
    }
    if let [(_, key)] = certificates.as_slice() {
        let key = KeyType::of(key);
        if !method.fits(key) {
            return Err(VerifyError::KeyType { method, key });
        }
    }
    let mut signer = None;
    let mut refusal = None;
    for (index, (_, key)) in
        certificates.iter().enumerate().filter(|(_, (_, key))| method.fits(KeyType::of(key)))
    {
        match key::verify(method, key, &octets, &element.signature_value) {
            Ok(()) => {
                signer = Some(index);
                break;
            }
            // What no signature by one key can be may yet be one by another.
            Err(error) if !matches!(refusal, Some(VerifyError::SignatureMismatch)) => refusal = Some(error),
            Err(_) => {}
        }
    }
    let Some(index) = signer else { return Err(refusal.unwrap_or(VerifyError::SignatureMismatch)) };
    let (certificate, key) = certificates.remove(index);
    if let Some(bits) = KeyType::of(&key).rsa_bits()
        && bits < policy.minimum_rsa_bits()
    {
        return Err(VerifyError::WeakKey { bits, minimum: policy.minimum_rsa_bits() });
    }
    if let Some((other, _)) = certificates.iter().find(|(_, other)| key::is_same(other, &key)) {
        return Err(VerifyError::SharedKey {
            first: certificate.subject().to_string(),
            second: other.subject().to_string(),
        });
    }
    Ok((certificate, certificates.into_iter().map(|(certificate, _)| certificate).collect()))
}

/// The endorser of the verified content must be the certificate's holder, to the letter.
fn check_endorser(content: &Document, certificate: &Certificate) -> Result<(), VerifyError> {
    let (_, endorser) = endorsement(content)?;
    let subject = only(endorser, SLREQ, "subject", "slreq:subject")?;
    let issuer = only(endorser, SLREQ, "issuer", "slreq:issuer")?;
    let email = only(endorser, SLREQ, "email", "slreq:email")?;
    for (part, stated, certified) in [
        ("subject", subject, Some(certificate.subject().as_str())),
        ("issuer", issuer, Some(certificate.issuer().as_str())),
        // A certificate without an address leaves the document's unproven.
        ("email", email, certificate.email()),
    ] {
        let stated = text_of(stated);
        if let Some(certified) = certified
            && certified != stated
        {
            return Err(VerifyError::EndorserMismatch {
                part,
                certificate: certified.to_owned(),
                document: stated.into_owned(),
                proxy: trust::is_proxy(certificate),
            });
        }
    }
    Ok(())
}

/// The date of the endorsement and the endorser.
fn endorsement<'a, 'i>(content: &'a Document<'i>) -> Result<(Node<'a, 'i>, Node<'a, 'i>), VerifyError> {
    let description = only(content.root_element(), RDF, "Description", "rdf:Description")?;
    let endorsement = only(description, SLREQ, "endorsement", "slreq:endorsement")?;
    let created = only(endorsement, DCTERMS, "created", "dcterms:created in slreq:endorsement")?;
    Ok((created, only(endorsement, SLREQ, "endorser", "slreq:endorser")?))
}

/// The one child of that name.
fn only<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
    element: &'static str,
) -> Result<Node<'a, 'i>, VerifyError> {
    let mut found = xml::children(parent, namespace, name);
    match (found.next(), found.count()) {
        (Some(child), 0) => Ok(child),
        (first, more) => {
            Err(VerifyError::EndorserElement { element, count: usize::from(first.is_some()) + more })
        }
    }
}
