//! A changed document, and what we say to it.

use std::fmt::Display;

use openssl::{base64::encode_block, x509::X509};
use stratuslab::{
    Certificate, Metadata,
    dsig::{AlgorithmPolicy, NAMESPACE, ShapeError, VerifyError, verify},
    xml::XmlError,
};

use crate::{
    bytes,
    dice::Dice,
    nodes, seal, signature,
    start::Start,
    tree::{parse, part, spliced},
};

/// A changed document, and what we say to it.
pub(crate) struct Mutant<'s> {
    number: usize,
    start: &'s Start,
    /// What was done to it.
    recipe: Vec<String>,
    /// Whether the signer signed it after that.
    pub(crate) sealed: bool,
    pub(crate) document: Vec<u8>,
    pub(crate) ours: Result<(Metadata, Certificate), VerifyError>,
}

impl<'s> Mutant<'s> {
    /// Mutant `number` of the run with this seed.
    pub(crate) fn new(seed: u64, number: usize, starts: &'s [Start]) -> Self {
        let mut dice = Dice::new(seed, number);
        let start = dice.one(starts).unwrap();
        let (mut recipe, mut document) = (Vec::new(), start.text.clone().into_bytes());
        let changes = if dice.once_in(3) { 1 + dice.below(3) } else { 1 };
        while recipe.len() < changes || document == start.text.as_bytes() {
            // What is no text any more can only be damaged further.
            let text = std::str::from_utf8(&document);
            let change = match (dice.below(10), text) {
                (0..=4, Ok(text)) => dice.one(&nodes::CHANGES).unwrap()(&mut dice, text),
                (5..=7, Ok(text)) => dice.one(&signature::CHANGES).unwrap()(&mut dice, text),
                _ => None,
            };
            let change = change.map(|(what, text)| (what, text.into_bytes()));
            if let Some((what, changed)) = change.or_else(|| bytes::damage(&mut dice, &document)) {
                recipe.push(what);
                document = changed;
            }
        }
        let sealed = match (&start.key, std::str::from_utf8(&document)) {
            (Some(key), Ok(text)) if dice.once_in(2) => seal::sealed(text, key),
            _ => None,
        };
        let (sealed, document) = (sealed.is_some(), sealed.map_or(document, String::into_bytes));
        let ours = verify(&document, &AlgorithmPolicy::new(true));
        let ours = ours.map(|entry| ((*entry).clone(), entry.certificate().clone()));
        Self { number, start, recipe, sealed, document, ours }
    }

    /// All there is to know, to make it again and to see what is wrong.
    pub(crate) fn told(&self, what: impl Display) -> String {
        let Self { number, start, recipe, sealed, document, ours } = self;
        let ours = match ours {
            Ok(_) => "accepted".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        let document = String::from_utf8_lossy(document);
        format!(
            "mutant {number} of '{}'\n{recipe:#?}\nsealed: {sealed}\nours: {ours}\n{what}\n{document}",
            start.name
        )
    }

    /// What was accepted says what was signed, and by whom.
    pub(crate) fn assert_not_forged(&self) {
        let Ok((metadata, certificate)) = &self.ours else { return };
        let told = || self.told("is not what was signed");
        if !self.sealed {
            assert_eq!(metadata, &self.start.metadata, "{}", told());
        }
        let signer = &self.start.certificate;
        let key = |certificate: &Certificate| certificate.public_key().unwrap().public_key_to_der().unwrap();
        assert_eq!(key(certificate), key(signer), "{}", told());
        let endorser = &metadata.endorsement.as_ref().unwrap().endorser;
        assert_eq!(certificate.subject(), &endorser.subject, "{}", told());
        assert_eq!(certificate.issuer(), &endorser.issuer, "{}", told());
        if let Some(email) = certificate.email() {
            assert_eq!(email, endorser.email.as_str(), "{}", told());
        }
    }

    /// What the JDK is known to get wrong that this mutant has; the other judge has to confirm it.
    pub(crate) fn jdks_mistake(&self) -> Option<&'static str> {
        let text = std::str::from_utf8(&self.document).ok()?;
        match &self.ours {
            // Missing is what the sealed document has an element of another name for.
            Err(VerifyError::Shape(ShapeError::Missing { element: "DigestMethod", .. })) if self.sealed => {
                return Some("any element is taken for DigestMethod (XML-DSig §4.4.3.5)");
            }
            Err(VerifyError::Xml(XmlError::Malformed { what, .. })) if what.ends_with("is not a name") => {
                return Some("names begin with a colon (Namespaces in XML 1.0 §4)");
            }
            Ok(_) if text.chars().skip(1).any(|character| character == '\u{feff}') => {
                return Some("names have the characters of the fourth edition only (XML 1.0 §2.3)");
            }
            _ => {}
        }
        let tree = parse(text)?;
        let info = part(&tree, "SignedInfo")?;
        let method = info.first_element_child()?.attribute("Algorithm")?;
        (method.ends_with("#WithComments") && info.descendants().any(|node| node.is_comment()))
            .then_some("comments in SignedInfo are left out under #WithComments (XML-DSig §6.5.1)")
    }

    /// The document with nothing in KeyInfo but the certificate it had at the start, and why that
    /// has the same meaning. KeyInfo is optional and not signed.
    pub(crate) fn bare(&self) -> Option<(&'static str, Vec<u8>)> {
        let (_, certificate) = self.ours.as_ref().ok()?;
        let text = std::str::from_utf8(&self.document).ok()?;
        let tree = parse(text)?;
        let info = part(&tree, "KeyInfo")?;
        let ignored = ["KeyValue", "X509CRL", "X509IssuerSerial", "X509SKI", "X509SubjectName"];
        let why = if info.descendants().any(|node| ignored.contains(&node.tag_name().name())) {
            "what is not used must not be readable (XML-DSig §4.5)"
        } else if certificate.der() != self.start.certificate.der()
            && X509::from_der(certificate.der()).is_ok()
        {
            // It has the same key and the same names: see `assert_not_forged`.
            "extensions and signatures of certificates are judged on the path (RFC 5280 §6.1)"
        } else {
            return None;
        };
        let value = encode_block(self.start.certificate.der());
        let bare = format!(
            "<KeyInfo xmlns='{NAMESPACE}'><X509Data><X509Certificate>{value}</X509Certificate></X509Data></KeyInfo>"
        );
        Some((why, spliced(text, info.range(), &bare).into_bytes()))
    }
}
