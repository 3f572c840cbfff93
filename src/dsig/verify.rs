//! Core validation (XML-DSig §3.2) of an entry, and who endorsed it.
//!
//! What was verified is what is used: the reference's octets, not the document, are parsed
//! again, and [`Verified`] holds what they say.

mod error;

use std::ops::Deref;

use roxmltree::{Document, Node};

use super::{
    AlgorithmPolicy, DigestMethod, KeyType, NAMESPACE, SignatureMethod,
    c14n::{self, Canonicalization},
    element::SignatureElement,
    key,
};
use crate::{
    Certificate, Metadata,
    checksum::hex,
    metadata::{
        namespace::{DCTERMS, RDF, SLREQ},
        rules::{Finding, Leniency, Stage},
    },
    xml::{self, Source, XmlError, is, is_white_space, text_of},
};

pub use self::error::VerifyError;

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
    /// The certificate whose key verifies the signature; its subject is the endorser's.
    pub certificate: Certificate,
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
    match examine(document, *policy, leniency)? {
        Examined { entry: Ok(verified), .. } => Ok(verified),
        Examined { findings, .. } => {
            let mut errors = findings.into_iter().flat_map(|finding| finding.errors);
            Err(errors
                .find(|error| error.refuses(leniency))
                .map_or(VerifyError::Unreadable, VerifyError::Rule))
        }
    }
}

/// An entry whose signature and endorser hold.
pub(crate) struct Examined {
    pub(crate) findings: Vec<Finding>,
    pub(crate) entry: Result<Verified<Metadata>, Box<Refused>>,
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
) -> Result<Examined, VerifyError> {
    let (octets, evidence) = core_validation(document, policy)?;
    let (findings, metadata) = {
        let content = xml::parse(&octets)?;
        check_endorser(&content, &evidence.certificate)?;
        Metadata::examine(&content, Stage::Endorsed)
    };
    let refused = findings.iter().any(|finding| finding.refuses(leniency));
    let entry = match metadata {
        Some(content) if !refused => Ok(Verified { content, document: document.to_owned(), evidence }),
        metadata => Err(Box::new(Refused { metadata, evidence })),
    };
    Ok(Examined { findings, entry })
}

/// XML-DSig §3.2: the octets digested, and what vouches for them. The document's tree is gone by
/// the time theirs is made, which would take as much memory again.
fn core_validation(document: &[u8], policy: AlgorithmPolicy) -> Result<(String, Evidence), VerifyError> {
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
    let evidence = Evidence {
        certificate,
        chain,
        signature_method: element.signature_method,
        digest_method: element.digest_method,
        canonicalization: element.canonicalization,
        signature_value: element.signature_value,
    };
    Ok((octets, evidence))
}

/// The one signature, where it has to be.
fn find_signature<'a, 'i>(tree: &'a Document<'i>) -> Result<Node<'a, 'i>, VerifyError> {
    let root = tree.root_element();
    if !is(&root, RDF, "RDF") {
        return Err(VerifyError::Root { root: root.tag_name().name().to_owned() });
    }
    let signatures: Vec<_> = xml::children(root, NAMESPACE, "Signature").collect();
    let stray = stray_signature_part(root);
    let signature = match (signatures.as_slice(), stray) {
        ([], None) => return Err(VerifyError::NoSignature),
        (_, Some(element)) => return Err(VerifyError::Misplaced { element }),
        ([signature], None) => *signature,
        (several, None) => return Err(VerifyError::Signatures { count: several.len() }),
    };
    for node in signature.next_siblings().skip(1) {
        let what = match node.node_type() {
            roxmltree::NodeType::Text if is_white_space(node.text().unwrap_or_default()) => continue,
            roxmltree::NodeType::Text => "text",
            roxmltree::NodeType::Comment => "a comment",
            roxmltree::NodeType::PI => "a processing instruction",
            _ => "an element",
        };
        return Err(VerifyError::Trailing { what });
    }
    Ok(signature)
}

/// Anything of the signature's namespace that is neither a `Signature` child of the root nor in one.
pub(crate) fn stray_signature_part(root: Node) -> Option<String> {
    let (signatures, others): (Vec<_>, Vec<_>) =
        root.children().filter(Node::is_element).partition(|child| is(child, NAMESPACE, "Signature"));
    let foreign = |attribute: &roxmltree::Attribute| attribute.namespace() == Some(NAMESPACE);
    let in_attributes = [root].into_iter().chain(signatures).find_map(|node| node.attributes().find(foreign));
    in_attributes.map(|attribute| attribute.name().to_owned()).or_else(|| {
        others.iter().flat_map(Node::descendants).find_map(|node| {
            let element = (node.tag_name().namespace() == Some(NAMESPACE)).then(|| node.tag_name().name());
            element.or_else(|| node.attributes().find(foreign).map(|a| a.name())).map(ToOwned::to_owned)
        })
    })
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
        let certificate = Certificate::from_der(der).map_err(bad)?;
        let key = certificate.public_key().map_err(bad)?;
        certificates.push((certificate, key));
    }
    if let [(_, key)] = certificates.as_slice() {
        let key = KeyType::of(key);
        if !method.fits(key) {
            return Err(VerifyError::KeyType { method, key });
        }
    }
    let mut signer = None;
    for (index, (_, key)) in certificates.iter().enumerate() {
        if method.fits(KeyType::of(key)) && key::verify(method, key, &octets, &element.signature_value)? {
            signer = Some(index);
            break;
        }
    }
    let Some(index) = signer else { return Err(VerifyError::SignatureMismatch) };
    let (certificate, key) = certificates.remove(index);
    if let KeyType::Rsa { bits } = KeyType::of(&key)
        && bits < policy.minimum_rsa_bits()
    {
        return Err(VerifyError::WeakKey { bits, minimum: policy.minimum_rsa_bits() });
    }
    if let Some((other, _)) = certificates.iter().find(|(_, other)| other.public_eq(&key)) {
        return Err(VerifyError::SharedKey {
            first: certificate.subject().to_string(),
            second: other.subject().to_string(),
        });
    }
    Ok((certificate, certificates.into_iter().map(|(certificate, _)| certificate).collect()))
}

/// The endorser of the verified content must be the certificate's holder, to the letter.
fn check_endorser(content: &Document, certificate: &Certificate) -> Result<(), VerifyError> {
    let description = only(content.root_element(), RDF, "Description", "rdf:Description")?;
    let endorsement = only(description, SLREQ, "endorsement", "slreq:endorsement")?;
    only(endorsement, DCTERMS, "created", "dcterms:created in slreq:endorsement")?;
    let endorser = only(endorsement, SLREQ, "endorser", "slreq:endorser")?;
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
            });
        }
    }
    Ok(())
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
