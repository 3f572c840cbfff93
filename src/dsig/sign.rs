//! Making an entry's signature (XML-DSig §3.1).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use openssl::error::ErrorStack;
use roxmltree::Document;

use super::{
    AlgorithmPolicy, DigestMethod, ENVELOPED_SIGNATURE, KeyType, NAMESPACE, SignatureMethod, Verified,
    VerifyError,
    c14n::{self, Canonicalization, Mode},
    element::{MAX_CERTIFICATES, SignatureElement},
    key,
    verify::{self, ProxyIdentity},
};
use crate::{
    Credentials, DistinguishedName, Email, Endorsement, Endorser, Metadata, Timestamp,
    metadata::{
        self,
        rdf::unwritable,
        rules::{Leniency, RuleError, Stage},
    },
    trust::ProxyError,
    validate,
    xml::{Position, Source, XmlError, children},
};

/// Characters of base64 on a line (RFC 2045 §6.8).
const BASE64_LINE: usize = 76;

/// Who endorses an entry, when and how.
#[derive(Clone, Copy, Debug)]
pub struct SignRequest<'a> {
    /// Certificate and key.
    pub credentials: &'a Credentials,
    /// The signature algorithm; [`SignatureMethod::default_for`] the key if none is named.
    pub method: Option<SignatureMethod>,
    /// The endorser's address, used only if their certificate has none.
    pub email: Option<&'a Email>,
    /// `dcterms:created` of the endorsement.
    pub created: Timestamp,
    /// What the entry may have wrong.
    pub leniency: Leniency,
    /// Put the certificates above the endorser's into X509Data as well:
    /// [`Credentials::intermediates`], as many as a verifier takes. Those between a proxy (RFC 3820) and
    /// the endorser are there in any case.
    pub include_chain: bool,
}

impl SignRequest<'_> {
    /// The algorithm that will sign: the one asked for, or the key's own.
    ///
    /// # Errors
    /// [`SignError::UnsupportedKey`], [`SignError::MethodKey`], [`SignError::MethodNotNamed`] or
    /// [`SignError::WeakKey`] if the key cannot make a signature that verifies.
    pub fn signature_method(&self) -> Result<SignatureMethod, SignError> {
        let key = self.credentials.certificate().public_key();
        let key = key.map_or(KeyType::Other, |key| KeyType::of(&key));
        if !SignatureMethod::ALL.iter().any(|method| method.fits(key)) {
            return Err(SignError::UnsupportedKey);
        }
        let default = SignatureMethod::default_for(key);
        let method = self.method.or(default).ok_or(SignError::MethodNotNamed { key })?;
        if !method.fits(key) {
            return Err(SignError::MethodKey { method, key });
        }
        let minimum = policy(method).minimum_rsa_bits();
        match key.rsa_bits() {
            Some(bits) if bits < minimum => Err(SignError::WeakKey { bits, minimum }),
            _ => Ok(method),
        }
    }
}

/// What accepts a signature by this method.
fn policy(method: SignatureMethod) -> AlgorithmPolicy {
    AlgorithmPolicy::new(method.digest_method() == DigestMethod::Sha1)
}

/// Why an entry was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The document cannot be read.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The document is no entry that could be endorsed.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A namespace name that many verifiers, those with libxml2, would not write as C14N 1.0 §2.3
    /// has it, so that they could not verify the signature.
    #[error("the namespace name '{name}' at {position} has a '&', which many verifiers get wrong")]
    NamespaceName {
        /// The name.
        name: String,
        /// Where the first element is that has it in scope.
        position: Position,
    },
    /// Neither the certificate nor the request has an address.
    #[error("cannot generate slreq:endorsement; email address not in cert or not provided")]
    NoEmail,
    /// The certificate's address is not one an entry may carry.
    #[error("the certificate's e-mail address '{email}' is not one an entry may carry")]
    CertificateEmail {
        /// The address.
        email: String,
    },
    /// A name in the certificate that XML cannot carry.
    #[error("the certificate's {part} has the character U+{:04X}, which no entry can carry", u32::from(*character))]
    CertificateName {
        /// `subject` or `issuer`.
        part: &'static str,
        /// The character.
        character: char,
    },
    /// Only who endorsed an entry can deprecate it.
    #[error("the endorser's {part} is '{endorser}' but the certificate's is '{certificate}'")]
    NotEndorser {
        /// `subject` or `issuer`.
        part: &'static str,
        /// What the entry says.
        endorser: DistinguishedName,
        /// What the certificate says.
        certificate: DistinguishedName,
    },
    /// No signature algorithm uses such a key.
    #[error(
        "the certificate's key is of a kind that cannot sign entries; RSA, EC P-256, P-384, P-521, Ed25519 and DSA of 1024 bits can"
    )]
    UnsupportedKey,
    /// The key only makes signatures that must be asked for.
    #[error("the certificate's key is {key}, which signs only if its algorithm is asked for by name")]
    MethodNotNamed {
        /// The key.
        key: KeyType,
    },
    /// A key whose signatures no one accepts.
    #[error("the certificate's RSA key has {bits} bits; at least {minimum} are needed")]
    WeakKey {
        /// Its size.
        bits: u32,
        /// The least accepted.
        minimum: u32,
    },
    /// The algorithm asked for needs another kind of key.
    #[error("{method} was asked for but the certificate's key is {key}")]
    MethodKey {
        /// The algorithm.
        method: SignatureMethod,
        /// The key.
        key: KeyType,
    },
    /// The certificate is a proxy that stands for nobody who could endorse.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// What was made does not verify, so it is not handed out.
    #[error("the signature made does not verify: {0}")]
    Verify(#[source] VerifyError),
    /// The token that has the key did not sign.
    #[cfg(feature = "pkcs11")]
    #[error(transparent)]
    Token(#[from] crate::credentials::token::TokenError),
    /// The cryptographic library failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// Endorses and signs an entry. An earlier endorsement and signature are replaced, every other
/// byte of `document` stays as it is. What is returned has been verified.
///
/// A proxy certificate (RFC 3820) signs for its end entity, [`Credentials::endorser`]. Such an entry
/// verifies only where the end entity is trusted ([`crate::validate`]); here the credentials' own word
/// is taken for who that is.
///
/// # Errors
/// [`SignError`]; nothing is returned that does not verify.
pub fn sign(document: &[u8], request: &SignRequest) -> Result<Verified<Metadata>, SignError> {
    let (findings, _) = validate::examine_unsigned(document, Stage::Unsigned)?;
    let mut errors = findings.into_iter().flat_map(|finding| finding.errors);
    if let Some(error) = errors.find(|error| error.refuses(request.leniency)) {
        return Err(error.into());
    }
    let method = request.signature_method()?;
    let endorsed = metadata::endorse(document, &endorsement(request)?)?;
    let digest_value = digest_value(&endorsed, method)?;
    let signature = Template { method, digest_value, certificates: certificates(request)? };

    // SignedInfo inherits from the document (C14N §2.4), so it is canonicalised in its place.
    let unfinished = metadata::insert_last(&endorsed, signature.element("AA=="))?;
    let octets = signed_info(&unfinished)?;
    let value = key::sign(method, request.credentials, &octets)?;
    let signed = metadata::insert_last(&endorsed, signature.element(&base64_lines(&value)))?;

    let policy = policy(method);
    verify::examine(&signed, policy, request.leniency, ProxyIdentity::Stated)
        .and_then(|examined| examined.into_verified(request.leniency))
        .map_err(SignError::Verify)
}

/// Endorses and signs an entry again, with a reason why its image must not be used any more.
/// An earlier reason is replaced. Subject and issuer of the certificate must be the endorser's.
///
/// # Errors
/// [`SignError`]; nothing is returned that does not verify.
pub fn deprecate(
    entry: &Verified<Metadata>,
    reason: &str,
    request: &SignRequest,
) -> Result<Verified<Metadata>, SignError> {
    let certificate = request.credentials.endorser()?;
    if let Some(Endorsement { endorser, .. }) = &entry.endorsement {
        for (part, endorser, certificate) in [
            ("subject", &endorser.subject, certificate.subject()),
            ("issuer", &endorser.issuer, certificate.issuer()),
        ] {
            if endorser != certificate {
                let (endorser, certificate) = (endorser.clone(), certificate.clone());
                return Err(SignError::NotEndorser { part, endorser, certificate });
            }
        }
    }
    sign(&metadata::deprecate(entry.document(), reason)?, request)
}

fn endorsement(request: &SignRequest) -> Result<Endorsement, SignError> {
    let certificate = request.credentials.endorser()?;
    let email = match (certificate.email(), request.email) {
        (Some(email), _) => {
            email.parse().map_err(|_| SignError::CertificateEmail { email: email.to_owned() })?
        }
        (None, Some(email)) => email.clone(),
        (None, None) => return Err(SignError::NoEmail),
    };
    for (part, name) in [("subject", certificate.subject()), ("issuer", certificate.issuer())] {
        if let Some(character) = unwritable(name.as_str()) {
            return Err(SignError::CertificateName { part, character });
        }
    }
    Ok(Endorsement {
        created: request.created,
        endorser: Endorser {
            email,
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
        },
    })
}

/// Without an explicit transform, the octets digested are inclusive C14N 1.0 without comments
/// (XML-DSig §4.4.3.2).
fn digest_value(endorsed: &[u8], method: SignatureMethod) -> Result<String, SignError> {
    let source = Source::read(endorsed)?;
    let tree = source.parse()?;
    check_namespaces(&tree)?;
    let octets = c14n::document(tree.root(), &Canonicalization::new(Mode::Inclusive), None)?;
    Ok(BASE64.encode(key::digest(method.digest_method(), &octets)))
}

/// Refuses `&` in the name of a namespace, used or not: all of them are written and signed.
fn check_namespaces(tree: &Document) -> Result<(), SignError> {
    if !tree.input_text().contains('&') {
        return Ok(());
    }
    for element in tree.descendants().filter(roxmltree::Node::is_element) {
        if let Some(namespace) = element.namespaces().find(|namespace| namespace.uri().contains('&')) {
            let position = Position::of(tree.input_text(), element.range().start);
            return Err(SignError::NamespaceName { name: namespace.uri().to_owned(), position });
        }
    }
    Ok(())
}

/// The octets to sign: SignedInfo of the signature at the end of `document`.
fn signed_info(document: &[u8]) -> Result<Vec<u8>, SignError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let signature = children(tree.root_element(), NAMESPACE, "Signature").next();
    let signature = signature.ok_or(SignError::Verify(VerifyError::NoSignature))?;
    let element = SignatureElement::read(signature).map_err(SignError::Verify)?;
    Ok(c14n::subtree(element.signed_info, &element.canonicalization)?)
}

/// All of the `Signature` element but its value.
struct Template {
    method: SignatureMethod,
    digest_value: String,
    /// The elements of X509Data.
    certificates: String,
}

impl Template {
    /// XML-DSig §4, in the form the original tools write: no white space between elements.
    fn element(&self, signature_value: &str) -> String {
        let inclusive = Canonicalization::new(Mode::Inclusive);
        let canonicalization = match self.method.digest_method() {
            // As the original tools have it, for their verifiers.
            DigestMethod::Sha1 => inclusive.with_comments(),
            _ => inclusive,
        };
        [
            &format!("<Signature xmlns=\"{NAMESPACE}\"><SignedInfo>"),
            &format!("<CanonicalizationMethod Algorithm=\"{}\"/>", canonicalization.uri()),
            &format!("<SignatureMethod Algorithm=\"{}\"/>", self.method.uri()),
            "<Reference URI=\"\"><Transforms>",
            &format!("<Transform Algorithm=\"{ENVELOPED_SIGNATURE}\"/></Transforms>"),
            &format!("<DigestMethod Algorithm=\"{}\"/>", self.method.digest_method().uri()),
            &format!("<DigestValue>{}</DigestValue></Reference></SignedInfo>", self.digest_value),
            &format!("<SignatureValue>{signature_value}</SignatureValue>"),
            &format!("<KeyInfo><X509Data>{}</X509Data></KeyInfo></Signature>", self.certificates),
        ]
        .map(AsRef::<str>::as_ref)
        .concat()
    }
}

/// The certificate of the key first: there are verifiers that look at no other. XML-DSig §4.5.4 leaves
/// the order open. Without those between a proxy and its end entity nobody could tell who that is.
fn certificates(request: &SignRequest) -> Result<String, ProxyError> {
    let credentials = request.credentials;
    let mut certificates = vec![credentials.certificate()];
    certificates.extend(credentials.proxy_issuers()?);
    if request.include_chain {
        let more = MAX_CERTIFICATES.saturating_sub(certificates.len());
        certificates.extend(credentials.intermediates().take(more));
    }
    let elements = certificates
        .into_iter()
        .map(|certificate| format!("<X509Certificate>{}</X509Certificate>", base64_lines(certificate.der())));
    Ok(elements.collect::<Vec<_>>().concat())
}

fn base64_lines(octets: &[u8]) -> String {
    let text = BASE64.encode(octets);
    let lines: Vec<&str> = (0..text.len())
        .step_by(BASE64_LINE)
        .map(|start| &text[start..text.len().min(start + BASE64_LINE)])
        .collect();
    lines.join("\n")
}
