//! `Reference`: to the whole document but the signature (XML-DSig §4.4.3).

use roxmltree::Node;

use super::{
    ShapeError, canonicalization, not_accepted,
    parts::{Parts, algorithm, base64_of},
};
use crate::dsig::{
    DigestMethod, ENVELOPED_SIGNATURE,
    c14n::{Canonicalization, Mode},
    verify::VerifyError,
};

/// What the one `Reference` says.
pub(super) struct Reference {
    /// Of the explicit C14N transform, or the default one (XML-DSig §4.4.3.2).
    pub(super) canonicalization: Canonicalization,
    pub(super) digest_method: DigestMethod,
    pub(super) digest_value: Vec<u8>,
}

impl Reference {
    pub(super) fn read(reference: Node) -> Result<Self, VerifyError> {
        match reference.attribute("URI") {
            Some("") => {}
            None => return Err(ShapeError::NoUri.into()),
            Some(uri) if uri.starts_with('#') => {
                return Err(ShapeError::PartialUri { uri: uri.to_owned() }.into());
            }
            Some(uri) => return Err(ShapeError::ExternalUri { uri: uri.to_owned() }.into()),
        }
        let mut parts = Parts::of(reference, &["Id", "URI", "Type"])?;
        let Some(transforms) = parts.optional("Transforms") else {
            return Err(ShapeError::EnvelopedMissing.into());
        };
        let canonicalization = self::transforms(transforms)?;
        let method = parts.next("DigestMethod")?;
        let uri = algorithm(method)?;
        Parts::of(method, &["Algorithm"])?.end()?;
        let method = DigestMethod::from_uri(uri).ok_or_else(|| not_accepted("DigestMethod", uri))?;
        let digest_value = base64_of(parts.next("DigestValue")?, &[])?;
        parts.end()?;
        if digest_value.len() != method.length() {
            let (expected, found) = (method.length(), digest_value.len());
            return Err(ShapeError::DigestLength { method, expected, found }.into());
        }
        Ok(Self { canonicalization, digest_method: method, digest_value })
    }
}

/// The enveloped-signature transform, then at most one canonicalization.
fn transforms(element: Node) -> Result<Canonicalization, VerifyError> {
    let mut parts = Parts::of(element, &[])?;
    let transforms: Vec<_> = std::iter::from_fn(|| parts.optional("Transform")).collect();
    parts.end()?;
    let uris = transforms.iter().map(|transform| algorithm(*transform)).collect::<Result<Vec<_>, _>>()?;
    let known = |uri: &str| uri == ENVELOPED_SIGNATURE || Canonicalization::from_uri(uri).is_some();
    if let Some(uri) = uris.iter().find(|uri| !known(uri)) {
        return Err(ShapeError::ForbiddenTransform { uri: (*uri).to_owned() }.into());
    }
    let error = match uris.iter().filter(|uri| **uri == ENVELOPED_SIGNATURE).count() {
        0 => ShapeError::EnvelopedMissing,
        1 if uris[0] != ENVELOPED_SIGNATURE => ShapeError::EnvelopedNotFirst { first: uris[0].to_owned() },
        1 if uris.len() > 2 => ShapeError::SeveralCanonicalizations { count: uris.len() - 1 },
        1 => {
            Parts::of(transforms[0], &["Algorithm"])?.end()?;
            let explicit = transforms.get(1).copied();
            let method = explicit.map_or(Ok(Canonicalization::new(Mode::Inclusive)), canonicalization)?;
            // XML-DSig §4.4.3.3: URI="" stands for the document without its comments, so that there
            // are none for a canonicalization with comments to keep.
            return Ok(Canonicalization { comments: false, ..method });
        }
        count => ShapeError::EnvelopedTwice { count },
    };
    Err(error.into())
}
