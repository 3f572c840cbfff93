//! The `Signature` element: its one accepted shape (XML-DSig §4), read strictly.

mod error;
mod parts;
mod reference;

use roxmltree::Node;

pub use self::error::ShapeError;
use self::{
    parts::{Parts, algorithm, base64_of, leaf, no_text, only_attributes, unexpected, whole_values},
    reference::Reference,
};
use super::{
    DigestMethod, NAMESPACE, SignatureMethod,
    algorithm::refused,
    c14n::{Canonicalization, Mode},
    verify::VerifyError,
};
use crate::xml::{MAX_NAMESPACES, is};

/// The most certificates X509Data may hold: an end entity, proxies and a chain need far fewer.
pub(super) const MAX_CERTIFICATES: usize = 16;

/// What a `Signature` element says.
pub(super) struct SignatureElement<'a, 'i> {
    pub(super) signed_info: Node<'a, 'i>,
    pub(super) canonicalization: Canonicalization,
    pub(super) signature_method: SignatureMethod,
    /// Of the reference's explicit C14N transform, or the default one (XML-DSig §4.4.3.2).
    pub(super) reference_canonicalization: Canonicalization,
    pub(super) digest_method: DigestMethod,
    pub(super) digest_value: Vec<u8>,
    pub(super) signature_value: Vec<u8>,
    /// DER, in document order.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl<'a, 'i> SignatureElement<'a, 'i> {
    pub(super) fn read(signature: Node<'a, 'i>) -> Result<Self, VerifyError> {
        one_of_each(signature)?;
        whole_values(signature)?;
        let mut parts = Parts::of(signature, &["Id"])?;
        let signed_info = parts.next("SignedInfo")?;
        let signature_value = base64_of(parts.next("SignatureValue")?, &["Id"])?;
        let key_info = parts.optional("KeyInfo");
        parts.end()?;
        let key_info = key_info.ok_or(VerifyError::NoCertificate)?;

        let mut parts = Parts::of(signed_info, &["Id"])?;
        let canonicalization = canonicalization(parts.next("CanonicalizationMethod")?)?;
        let signature_method = signature_method(parts.next("SignatureMethod")?)?;
        let reference = parts.next("Reference")?;
        parts.end()?;
        let reference = Reference::read(reference)?;

        Ok(Self {
            signed_info,
            canonicalization,
            signature_method,
            reference_canonicalization: reference.canonicalization,
            digest_method: reference.digest_method,
            digest_value: reference.digest_value,
            signature_value,
            certificates: certificates(key_info)?,
        })
    }
}

/// What may be there once is not there twice, and what may not be there is not, at any depth: also
/// not in what is ignored otherwise, such as KeyValue.
fn one_of_each(signature: Node) -> Result<(), ShapeError> {
    let inside =
        || signature.descendants().skip(1).filter(|node| node.tag_name().namespace() == Some(NAMESPACE));
    for node in inside() {
        let parent =
            || node.parent_element().map(|parent| parent.tag_name().name().to_owned()).unwrap_or_default();
        match node.tag_name().name() {
            "Signature" => return Err(ShapeError::NestedSignature { parent: parent() }),
            "Object" => return Err(ShapeError::Object { parent: parent() }),
            "Manifest" => return Err(ShapeError::Manifest { parent: parent() }),
            _ => {}
        }
    }
    let count = |name| inside().filter(|node| node.tag_name().name() == name).count();
    match (count("SignedInfo"), count("Reference")) {
        (count, _) if count > 1 => Err(ShapeError::SeveralSignedInfo { count }),
        (_, count) if count > 1 => Err(ShapeError::SeveralReferences { count }),
        _ => Ok(()),
    }
}

fn signature_method(element: Node) -> Result<SignatureMethod, VerifyError> {
    let uri = algorithm(element)?;
    let method = SignatureMethod::from_uri(uri).ok_or_else(|| not_accepted("SignatureMethod", uri))?;
    let mut parameters = Parts::of(element, &["Algorithm"])?;
    if parameters.optional("HMACOutputLength").is_some() {
        return Err(ShapeError::OutputLength { method }.into());
    }
    parameters.end()?;
    Ok(method)
}

/// `CanonicalizationMethod`, or a `Transform` that is one.
fn canonicalization(element: Node) -> Result<Canonicalization, VerifyError> {
    let uri = algorithm(element)?;
    let mut method = Canonicalization::from_uri(uri)
        .ok_or_else(|| VerifyError::UnknownAlgorithm { role: "canonicalization", uri: uri.to_owned() })?;
    // Exclusive C14N §4: InclusiveNamespaces lives in the algorithm's own namespace.
    let exclusive = Canonicalization::new(Mode::Exclusive).uri();
    let mut children = element.children().filter(Node::is_element);
    let listed = children.next();
    match listed {
        Some(list) if method.mode == Mode::Exclusive && is(&list, exclusive, "InclusiveNamespaces") => {
            let prefixes = list.attribute("PrefixList").unwrap_or_default().split_ascii_whitespace();
            let prefixes = prefixes.map(|prefix| if prefix == "#default" { "" } else { prefix }.to_owned());
            method.inclusive_prefixes = prefixes.take(MAX_NAMESPACES + 1).collect();
            if method.inclusive_prefixes.len() > MAX_NAMESPACES {
                return Err(ShapeError::PrefixList { limit: MAX_NAMESPACES }.into());
            }
            no_text(list)?;
            only_attributes(list, &["PrefixList"])?;
        }
        Some(child) => return Err(unexpected(child).into()),
        None => {}
    }
    if let Some(child) = children.next().or_else(|| listed.and_then(|list| list.first_element_child())) {
        return Err(unexpected(child).into());
    }
    no_text(element)?;
    only_attributes(element, &["Algorithm"])?;
    Ok(method)
}

/// The certificates of KeyInfo/X509Data (XML-DSig §4.5.4). KeyName, KeyValue and the other
/// children of X509Data say nothing a certificate does not, and are ignored.
fn certificates(key_info: Node) -> Result<Vec<Vec<u8>>, VerifyError> {
    only_attributes(key_info, &["Id"])?;
    no_text(key_info)?;
    let mut found = Vec::new();
    for child in key_info.children().filter(Node::is_element) {
        match child.tag_name().name() {
            _ if child.tag_name().namespace() != Some(NAMESPACE) => return Err(unexpected(child).into()),
            "KeyName" => leaf(child)?,
            "KeyValue" => {}
            "X509Data" => {
                only_attributes(child, &[])?;
                no_text(child)?;
                for item in child.children().filter(Node::is_element) {
                    match item.tag_name().name() {
                        _ if item.tag_name().namespace() != Some(NAMESPACE) => {
                            return Err(unexpected(item).into());
                        }
                        "X509Certificate" => found.push(base64_of(item, &[])?),
                        "X509IssuerSerial" => {}
                        "X509SKI" | "X509SubjectName" | "X509CRL" => leaf(item)?,
                        _ => return Err(unexpected(item).into()),
                    }
                }
            }
            _ => return Err(unexpected(child).into()),
        }
    }
    match found.len() {
        0 => Err(VerifyError::NoCertificate),
        count if count > MAX_CERTIFICATES => {
            Err(VerifyError::TooManyCertificates { count, limit: MAX_CERTIFICATES })
        }
        _ => Ok(found),
    }
}

fn not_accepted(role: &'static str, uri: &str) -> VerifyError {
    match refused(uri) {
        Some((algorithm, reason)) => VerifyError::RefusedAlgorithm { algorithm, reason },
        None => VerifyError::UnknownAlgorithm { role, uri: uri.to_owned() },
    }
}
