//! The `Signature` element: its one accepted shape (XML-DSig §4), read strictly.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use roxmltree::Node;

use super::{
    DigestMethod, ENVELOPED_SIGNATURE, NAMESPACE, SignatureMethod,
    algorithm::refused,
    c14n::{Canonicalization, Mode},
    verify::VerifyError,
};
use crate::xml::{MAX_NAMESPACES, is, is_white_space, text_of};

/// The most certificates X509Data may hold: an end entity, proxies and a chain need far fewer.
const MAX_CERTIFICATES: usize = 16;

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
        let mut parts = Parts::of(signature, &["Id"])?;
        let signed_info = parts.next("SignedInfo")?;
        let signature_value = base64_of(parts.next("SignatureValue")?, &["Id"])?;
        let key_info = parts.optional("KeyInfo").ok_or(VerifyError::NoCertificate)?;
        parts.end()?;

        let mut parts = Parts::of(signed_info, &["Id"])?;
        let canonicalization = canonicalization(parts.next("CanonicalizationMethod")?)?;
        let method = parts.next("SignatureMethod")?;
        let uri = algorithm(method)?;
        let signature_method =
            SignatureMethod::from_uri(uri).ok_or_else(|| not_accepted("SignatureMethod", uri))?;
        let mut parameters = Parts::of(method, &["Algorithm"])?;
        if parameters.optional("HMACOutputLength").is_some() {
            return Err(VerifyError::OutputLength { method: signature_method });
        }
        parameters.end()?;
        let reference = parts.next("Reference")?;
        let more = parts.count("Reference");
        if more > 0 {
            return Err(VerifyError::References { count: more + 1 });
        }
        parts.end()?;

        // XML-DSig §4.4.3.1: an absent URI leaves it to the application what is signed.
        match reference.attribute("URI") {
            Some("") => {}
            uri => return Err(VerifyError::ReferenceUri { uri: uri.map(ToOwned::to_owned) }),
        }
        let mut parts = Parts::of(reference, &["Id", "URI", "Type"])?;
        let reference_canonicalization = transforms(parts.next("Transforms")?)?;
        let method = parts.next("DigestMethod")?;
        let uri = algorithm(method)?;
        Parts::of(method, &["Algorithm"])?.end()?;
        let digest_method = DigestMethod::from_uri(uri).ok_or_else(|| not_accepted("DigestMethod", uri))?;
        let digest_value = base64_of(parts.next("DigestValue")?, &[])?;
        parts.end()?;

        Ok(Self {
            signed_info,
            canonicalization,
            signature_method,
            reference_canonicalization,
            digest_method,
            digest_value,
            signature_value,
            certificates: certificates(key_info)?,
        })
    }
}

/// The enveloped-signature transform, then at most one canonicalization.
fn transforms(element: Node) -> Result<Canonicalization, VerifyError> {
    let mut parts = Parts::of(element, &[])?;
    let enveloped = parts.next("Transform")?;
    if algorithm(enveloped)? != ENVELOPED_SIGNATURE {
        return Err(VerifyError::Transforms { what: format!("the first one is {}", algorithm(enveloped)?) });
    }
    Parts::of(enveloped, &["Algorithm"])?.end()?;
    let explicit = parts.optional("Transform");
    let more = parts.count("Transform");
    if more > 0 {
        return Err(VerifyError::Transforms { what: format!("there are {}", more + 2) });
    }
    parts.end()?;
    let method = explicit.map_or(Ok(Canonicalization::new(Mode::Inclusive)), canonicalization)?;
    // XML-DSig §4.4.3.3: URI="" stands for the document without its comments, so that there are
    // none for a canonicalization with comments to keep.
    Ok(Canonicalization { comments: false, ..method })
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
                let what = format!("PrefixList of more than {MAX_NAMESPACES} prefixes");
                return Err(VerifyError::Unexpected { what, parent: "InclusiveNamespaces".into() });
            }
            no_text(list)?;
            only_attributes(list, &["PrefixList"])?;
        }
        Some(child) => return Err(unexpected(child)),
        None => {}
    }
    if let Some(child) = children.next().or_else(|| listed.and_then(|list| list.first_element_child())) {
        return Err(unexpected(child));
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
            "KeyName" | "KeyValue" if child.tag_name().namespace() == Some(NAMESPACE) => {}
            "X509Data" if child.tag_name().namespace() == Some(NAMESPACE) => {
                only_attributes(child, &[])?;
                no_text(child)?;
                for item in child.children().filter(Node::is_element) {
                    match item.tag_name().name() {
                        _ if item.tag_name().namespace() != Some(NAMESPACE) => return Err(unexpected(item)),
                        "X509Certificate" => found.push(base64_of(item, &[])?),
                        "X509IssuerSerial" | "X509SKI" | "X509SubjectName" | "X509CRL" => {}
                        _ => return Err(unexpected(item)),
                    }
                }
            }
            _ => return Err(unexpected(child)),
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

/// The child elements of an element that has nothing else, taken in the schema's order.
struct Parts<'a, 'i> {
    parent: Node<'a, 'i>,
    children: std::iter::Peekable<std::vec::IntoIter<Node<'a, 'i>>>,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn of(parent: Node<'a, 'i>, attributes: &[&str]) -> Result<Self, VerifyError> {
        only_attributes(parent, attributes)?;
        no_text(parent)?;
        let children: Vec<_> = parent.children().filter(Node::is_element).collect();
        Ok(Self { parent, children: children.into_iter().peekable() })
    }

    fn optional(&mut self, name: &str) -> Option<Node<'a, 'i>> {
        self.children.next_if(|child| is(child, NAMESPACE, name))
    }

    fn next(&mut self, name: &'static str) -> Result<Node<'a, 'i>, VerifyError> {
        match self.optional(name) {
            Some(child) => Ok(child),
            None => {
                Err(VerifyError::Missing { element: name, parent: self.parent.tag_name().name().to_owned() })
            }
        }
    }

    fn count(&mut self, name: &str) -> usize {
        std::iter::from_fn(|| self.optional(name)).count()
    }

    fn end(&mut self) -> Result<(), VerifyError> {
        self.children.next().map_or(Ok(()), |child| Err(unexpected(child)))
    }
}

fn algorithm<'a>(element: Node<'a, '_>) -> Result<&'a str, VerifyError> {
    element.attribute("Algorithm").ok_or_else(|| VerifyError::Missing {
        element: "Algorithm",
        parent: element.tag_name().name().to_owned(),
    })
}

fn not_accepted(role: &'static str, uri: &str) -> VerifyError {
    match refused(uri) {
        Some((algorithm, reason)) => VerifyError::RefusedAlgorithm { algorithm, reason },
        None => VerifyError::UnknownAlgorithm { role, uri: uri.to_owned() },
    }
}

/// The octets of an element with base64 content; white space, also `&#13;`, does not count.
fn base64_of(element: Node, attributes: &[&str]) -> Result<Vec<u8>, VerifyError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    only_attributes(element, attributes)?;
    if let Some(child) = element.first_element_child() {
        return Err(unexpected(child));
    }
    let mut text = text_of(element).into_owned().into_bytes();
    text.retain(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let octets = LENIENT.decode(text).ok().filter(|octets| !octets.is_empty());
    octets.ok_or_else(|| VerifyError::Base64 { element: element.tag_name().name().to_owned() })
}

fn only_attributes(element: Node, allowed: &[&str]) -> Result<(), VerifyError> {
    match element.attributes().find(|a| a.namespace().is_some() || !allowed.contains(&a.name())) {
        Some(attribute) => Err(VerifyError::Unexpected {
            what: format!("attribute {}", attribute.name()),
            parent: element.tag_name().name().to_owned(),
        }),
        None => Ok(()),
    }
}

fn no_text(element: Node) -> Result<(), VerifyError> {
    if is_white_space(&text_of(element)) {
        return Ok(());
    }
    Err(VerifyError::Unexpected { what: "text".into(), parent: element.tag_name().name().to_owned() })
}

fn unexpected(child: Node) -> VerifyError {
    VerifyError::Unexpected {
        what: format!("element {}", child.tag_name().name()),
        parent: child.parent_element().map(|parent| parent.tag_name().name().to_owned()).unwrap_or_default(),
    }
}
