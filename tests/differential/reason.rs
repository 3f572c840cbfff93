//! Why we refuse what a judge accepts.

use stratuslab::{
    dsig::{ShapeError, VerifyError},
    metadata::rules::RuleError,
    xml::XmlError,
};

/// The reason, as it is listed; `None` if it is none that may tell us from other verifiers: that
/// the digest or the signature is wrong, or that the XML is. What was `sealed` after it had been
/// changed may also say what no entry says.
pub(crate) fn listed(error: &VerifyError, sealed: bool) -> Option<&'static str> {
    Some(match error {
        VerifyError::Root { .. } | VerifyError::Wrapper { .. } if sealed => "content in a foreign wrapper",
        VerifyError::SeveralDescriptions { .. } if sealed => "a second description",
        VerifyError::EndorserElement { .. } if sealed => "no endorser, or several",
        VerifyError::Xml(error) => xml(error)?,
        VerifyError::Shape(error) => shape(error)?,
        VerifyError::Rule(RuleError::SplitValue { .. }) => "a comment or PI splits a value",
        VerifyError::Rule(_) if sealed => "what was signed is no entry",
        VerifyError::SharedKey { .. } => "two certificates hold the signature's key",
        VerifyError::EndorserMismatch { .. } => "the endorser is not the certificate's holder, to the letter",
        VerifyError::BadCertificate { .. } => "a certificate that cannot be read",
        VerifyError::SignatureLength { .. } => "a signature of the wrong length",
        VerifyError::SignatureZero { .. } | VerifyError::SignatureRange { .. } => "r or s out of range",
        VerifyError::UnknownAlgorithm { .. } | VerifyError::RefusedAlgorithm { .. } => {
            "an algorithm refused by name"
        }
        _ => return None,
    })
}

fn xml(error: &XmlError) -> Option<&'static str> {
    Some(match error {
        XmlError::Doctype => "DOCTYPE",
        XmlError::NamespaceName { .. } => "a namespace name that has no canonical form (C14N 1.0 §1.3)",
        XmlError::Declaration { .. } => "not XML 1.0 in UTF-8, by its declaration",
        XmlError::TooLarge { .. } | XmlError::Limit { .. } | XmlError::CanonicalForm { .. } => {
            "too much of something"
        }
        _ => return None,
    })
}

fn shape(error: &ShapeError) -> Option<&'static str> {
    Some(match error {
        ShapeError::SeveralSignatures { .. } => "more than one signature",
        ShapeError::NestedSignature { .. } => "a signature in the signature",
        ShapeError::SignatureInDescription { .. } => "a signature in the description",
        ShapeError::Misplaced { .. } => "a signature, or a part of one, out of place",
        ShapeError::NotLast { .. } => "the signature is not the last child of the root",
        ShapeError::Object { .. } => "Object",
        ShapeError::Manifest { .. } => "Manifest",
        ShapeError::UnknownElement { .. } => "an unknown child",
        ShapeError::UnknownAttribute { .. } => "an unknown attribute",
        ShapeError::TextBetween { .. } => "text between the elements of the signature",
        ShapeError::CommentInValue { .. } => "a comment in a value of the signature",
        ShapeError::InstructionInValue { .. } => "a PI in a value of the signature",
        ShapeError::ElementInValue { .. } => "an element in a value of the signature",
        ShapeError::SeveralSignedInfo { .. } => "more than one SignedInfo",
        ShapeError::SeveralReferences { .. } => "more than one Reference",
        ShapeError::NoUri => "no URI",
        ShapeError::PartialUri { .. } => "a URI that is a part of the document",
        ShapeError::ExternalUri { .. } => "an external URI",
        ShapeError::EnvelopedMissing => "enveloped-signature missing",
        ShapeError::EnvelopedTwice { .. } => "enveloped-signature twice",
        ShapeError::EnvelopedNotFirst { .. } => "enveloped-signature not first",
        ShapeError::ForbiddenTransform { .. } => "a transform that is not accepted",
        ShapeError::SeveralCanonicalizations { .. } => "several canonicalizations",
        ShapeError::EmptyValue { .. } => "an empty value",
        ShapeError::Base64Character { .. } => "base64 with a foreign character",
        ShapeError::Base64Length { .. } => "base64 of a wrong length",
        ShapeError::Base64Padding { .. } => "base64 that is not canonical",
        ShapeError::DigestLength { .. } => "a digest cut short",
        _ => return None,
    })
}
