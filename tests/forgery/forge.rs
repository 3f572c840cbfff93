//! A signer without scruples: SignatureValue and DigestValue are right, whatever is signed.

use openssl::{
    base64::encode_block,
    hash::{MessageDigest, hash},
    pkey::{PKey, Private},
    sign::Signer,
};
use stratuslab::{
    dsig::{
        AlgorithmPolicy, NAMESPACE, ShapeError, VerifyError,
        c14n::{self, Canonicalization, Mode},
        verify,
    },
    metadata::namespace::RDF,
};

use crate::{
    entry::{credentials, sign},
    pki::{Identity, jane},
};

pub(crate) const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// An entry to be signed; what is public may be falsified.
pub(crate) struct Forgery {
    /// The document without signature.
    pub(crate) content: String,
    /// What the signature goes in front of; the last such place.
    pub(crate) place: &'static str,
    /// Attributes of Signature.
    pub(crate) attributes: String,
    pub(crate) canonicalization: String,
    /// SignatureMethod.
    pub(crate) method: String,
    /// All of Reference; `DIGEST` stands for the digest of the document.
    pub(crate) reference: String,
    /// What KeyInfo contains.
    pub(crate) key_info: String,
    /// What follows KeyInfo in Signature.
    pub(crate) tail: String,
    pub(crate) key: PKey<Private>,
    /// How the document is canonicalised for its digest.
    pub(crate) digested: Canonicalization,
}

impl Forgery {
    /// Nothing is wrong with this one: Jane endorses and signs.
    pub(crate) fn new() -> Self {
        Self::of(&jane())
    }

    /// The same of somebody else.
    pub(crate) fn of(endorser: &Identity) -> Self {
        Self {
            content: endorsed(endorser, crate::entry::plain().as_bytes()),
            place: "</rdf:RDF>",
            attributes: String::new(),
            canonicalization: algorithm("CanonicalizationMethod", INCLUSIVE),
            method: algorithm("SignatureMethod", RSA_SHA256),
            reference: reference("URI=\"\"", &algorithm("Transform", ENVELOPED), SHA256),
            key_info: x509_data(&[endorser]),
            tail: String::new(),
            key: endorser.key.clone(),
            digested: Canonicalization::new(Mode::Inclusive),
        }
    }

    /// The signed document.
    pub(crate) fn document(&self) -> String {
        let tree = roxmltree::Document::parse(&self.content).unwrap();
        let octets = c14n::document(tree.root(), &self.digested, None).unwrap();
        let digest = encode_block(&hash(MessageDigest::sha256(), &octets).unwrap());
        let unfinished = self.with_value(&digest, "AA==");
        let tree = roxmltree::Document::parse(&unfinished).unwrap();
        let mut info = tree.descendants().filter(|node| node.has_tag_name((NAMESPACE, "SignedInfo")));
        let uri = self.canonicalization.split('"').nth(1).unwrap_or_default();
        let method = Canonicalization::from_uri(uri).unwrap_or(Canonicalization::new(Mode::Inclusive));
        let octets = c14n::subtree(info.next_back().unwrap(), &method).unwrap();
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        let value = signer.sign_oneshot_to_vec(&octets).unwrap();
        self.with_value(&digest, &encode_block(&value))
    }

    fn with_value(&self, digest: &str, value: &str) -> String {
        let Self { content, place, attributes, canonicalization, method, reference, key_info, tail, .. } =
            self;
        let reference = reference.replace("DIGEST", digest);
        let signature = format!(
            "<Signature xmlns=\"{NAMESPACE}\"{attributes}><SignedInfo>{canonicalization}{method}{reference}\
             </SignedInfo><SignatureValue>{value}</SignatureValue><KeyInfo>{key_info}</KeyInfo>{tail}</Signature>"
        );
        let (before, after) = content.rsplit_once(place).unwrap();
        format!("{before}{signature}{place}{after}")
    }

    /// Why the document is refused.
    #[track_caller]
    pub(crate) fn error(&self) -> VerifyError {
        error(&self.document())
    }
}

/// Why a document is refused; SHA-1 is no reason.
#[track_caller]
pub(crate) fn error(document: &str) -> VerifyError {
    match verify(document.as_bytes(), &AlgorithmPolicy::new(true)) {
        Err(error) => error,
        Ok(_) => panic!("accepted: {document}"),
    }
}

/// The error as one of the signature's shape.
#[track_caller]
pub(crate) fn shape(error: VerifyError) -> ShapeError {
    match error {
        VerifyError::Shape(error) => error,
        other => panic!("{other}"),
    }
}

/// `document` with an endorsement by `identity`, without a signature.
pub(crate) fn endorsed(identity: &Identity, document: &[u8]) -> String {
    let entry = sign(document, &credentials(identity), None).unwrap();
    let text = std::str::from_utf8(entry.document()).unwrap();
    let (before, rest) = text.split_once("<Signature").unwrap();
    format!("{before}{}", rest.split_once("</Signature>").unwrap().1)
}

pub(crate) fn algorithm(element: &str, uri: &str) -> String {
    format!("<{element} Algorithm=\"{uri}\"/>")
}

pub(crate) fn reference(attributes: &str, transforms: &str, digest_method: &str) -> String {
    let digest_method = algorithm("DigestMethod", digest_method);
    format!(
        "<Reference {attributes}><Transforms>{transforms}</Transforms>{digest_method}\
         <DigestValue>DIGEST</DigestValue></Reference>"
    )
}

pub(crate) fn x509_data(identities: &[&Identity]) -> String {
    let certificate = |identity: &&Identity| {
        format!("<X509Certificate>{}</X509Certificate>", encode_block(&identity.certificate_der()))
    };
    let certificates: String = identities.iter().map(certificate).collect();
    format!("<X509Data>{certificates}</X509Data>")
}

#[test]
fn what_is_not_forged_is_accepted() {
    let mut variants = [Forgery::new(), Forgery::new(), Forgery::new(), Forgery::new()];
    variants[1].attributes = " Id=\"s\"".into();
    variants[1].tail = "\n<!-- comment -->".into();
    variants[1].key_info.insert_str(0, "<KeyName>Jane</KeyName><KeyValue><RSAKeyValue/></KeyValue>\n");
    variants[2].reference = reference(
        "Id=\"r\" URI=\"\" Type=\"urn:t\"",
        &[algorithm("Transform", ENVELOPED), algorithm("Transform", EXCLUSIVE)].join("\n"),
        SHA256,
    );
    variants[2].digested = Canonicalization::new(Mode::Exclusive);
    variants[3].content = variants[3].content.replace("xmlns:rdf", &format!("xmlns:r='{RDF}' xmlns:rdf"));
    variants[3].canonicalization = algorithm("CanonicalizationMethod", EXCLUSIVE);
    for forgery in variants {
        let document = forgery.document();
        let entry = verify(document.as_bytes(), &AlgorithmPolicy::default());
        let entry = entry.unwrap_or_else(|error| panic!("{error}: {document}"));
        assert_eq!(entry.title.as_deref(), Some("an <image> & its \"title\""));
        assert_eq!(entry.certificate().der(), jane().certificate_der());
        assert_eq!(entry.document(), document.as_bytes());
    }
}
