//! The keys and certificates on a token, and which belong together.

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle},
};
use der::{Decode as _, asn1::OctetStringRef};
use openssl::{
    bn::BigNumContext,
    ec::PointConversionForm,
    pkey::{Id, PKey, Public},
};

use super::{Token, TokenError, failed, uri::percent_encoded};
use crate::{Certificate, CredentialsError, credentials::pem};

/// The most objects of one kind that are looked at.
const MAX_OBJECTS: usize = 1000;

/// A private key on a token.
pub(super) struct PrivateKey {
    pub(super) handle: ObjectHandle,
    id: Vec<u8>,
    pub(super) label: String,
    /// `CKA_SIGN`.
    pub(super) signs: bool,
    /// `CKA_ALWAYS_AUTHENTICATE`: the PIN is wanted for each signature.
    pub(super) always_authenticate: bool,
    kind: Option<cryptoki::object::KeyType>,
    public_half: Option<PublicHalf>,
}

/// What tells public keys of one kind apart.
enum PublicHalf {
    /// RSA, without leading zeros.
    Modulus(Vec<u8>),
    /// A point of a curve: uncompressed, or as RFC 8032 encodes it.
    Point(Vec<u8>),
}

/// A certificate, and its `CKA_ID`; empty if it is from a file.
pub(super) struct Found {
    pub(super) certificate: Certificate,
    id: Vec<u8>,
}

/// The certificates of a PEM file.
pub(super) fn from_pem(pem: &[u8]) -> Result<Vec<Found>, CredentialsError> {
    let (mut found, mut unreadable) = (Vec::new(), None);
    for certificate in pem::certificates(pem)? {
        match certificate {
            Ok(certificate) => found.push(Found { certificate, id: Vec::new() }),
            Err(error) => unreadable = unreadable.or(Some(error)),
        }
    }
    match unreadable {
        Some(error) if found.is_empty() => Err(error.into()),
        _ => Ok(found),
    }
}

impl Token {
    /// The private keys that the URI names and that can be seen, logged in or not.
    pub(super) fn keys(&self) -> Result<Vec<PrivateKey>, TokenError> {
        let label = self.uri.object.iter().map(|object| Attribute::Label(object.clone()));
        let id = self.uri.id.iter().map(|id| Attribute::Id(id.clone()));
        let keys = self.objects(ObjectClass::PRIVATE_KEY, label.chain(id))?;
        Ok(keys.into_iter().map(|handle| self.key(handle)).collect())
    }

    /// The labels of all private keys that can be seen.
    pub(super) fn key_labels(&self) -> Result<Vec<String>, TokenError> {
        let keys = self.objects(ObjectClass::PRIVATE_KEY, [])?;
        Ok(keys.into_iter().map(|handle| self.key_label(handle)).collect())
    }

    /// The X.509 certificates; others, and what cannot be read, are left out.
    pub(super) fn certificates(&self) -> Result<Vec<Found>, TokenError> {
        let x509 = [Attribute::CertificateType(CertificateType::X_509)];
        let handles = self.objects(ObjectClass::CERTIFICATE, x509)?;
        let read = |handle| {
            let der = self.octets(handle, AttributeType::Value)?;
            let id = self.octets(handle, AttributeType::Id).unwrap_or_default();
            Some(Found { certificate: Certificate::from_der(&der).ok()?, id })
        };
        Ok(handles.into_iter().filter_map(read).collect())
    }

    fn objects(
        &self,
        class: ObjectClass,
        more: impl IntoIterator<Item = Attribute>,
    ) -> Result<Vec<ObjectHandle>, TokenError> {
        let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
        template.extend(more);
        let failed = |error: Error| failed(error, &self.label, false);
        let objects = self.session.iter_objects(&template).map_err(failed)?.take(MAX_OBJECTS);
        objects.collect::<Result<_, _>>().map_err(failed)
    }

    fn key(&self, handle: ObjectHandle) -> PrivateKey {
        let id = self.octets(handle, AttributeType::Id).unwrap_or_default();
        let kind = match self.attribute(handle, AttributeType::KeyType) {
            Some(Attribute::KeyType(kind)) => Some(kind),
            _ => None,
        };
        PrivateKey {
            handle,
            label: self.key_label(handle),
            // PKCS #11 §4.9: what a token leaves out is as if it were allowed, or not wanted.
            signs: !matches!(self.attribute(handle, AttributeType::Sign), Some(Attribute::Sign(false))),
            always_authenticate: matches!(
                self.attribute(handle, AttributeType::AlwaysAuthenticate),
                Some(Attribute::AlwaysAuthenticate(true))
            ),
            kind,
            public_half: self.public_half(handle, &id),
            id,
        }
    }

    /// A private RSA key has its modulus; that of a curve has no point, but its public key has.
    fn public_half(&self, private_key: ObjectHandle, id: &[u8]) -> Option<PublicHalf> {
        if let Some(modulus) = self.octets(private_key, AttributeType::Modulus) {
            let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
            return Some(PublicHalf::Modulus(modulus[zeros..].to_vec()));
        }
        if id.is_empty() {
            return None;
        }
        let public_keys = self.objects(ObjectClass::PUBLIC_KEY, [Attribute::Id(id.to_owned())]).ok()?;
        let point = self.octets(*public_keys.first()?, AttributeType::EcPoint)?;
        // An OCTET STRING in DER, but some tokens have the point alone.
        let inner = <&OctetStringRef>::from_der(&point).ok().map(|inner| inner.as_bytes().to_vec());
        Some(PublicHalf::Point(inner.unwrap_or(point)))
    }

    /// The name of a key for people: its label, or its identifier.
    fn key_label(&self, handle: ObjectHandle) -> String {
        let label = self.octets(handle, AttributeType::Label);
        let of_id = || percent_encoded(&self.octets(handle, AttributeType::Id).unwrap_or_default());
        label.map_or_else(|| format!("id={}", of_id()), |label| String::from_utf8_lossy(&label).into_owned())
    }

    /// The octets of an attribute that has some.
    fn octets(&self, handle: ObjectHandle, kind: AttributeType) -> Option<Vec<u8>> {
        match self.attribute(handle, kind)? {
            Attribute::EcPoint(octets)
            | Attribute::Id(octets)
            | Attribute::Label(octets)
            | Attribute::Modulus(octets)
            | Attribute::Value(octets) => Some(octets).filter(|octets| !octets.is_empty()),
            _ => None,
        }
    }

    /// An attribute, alone: one that the module does not know spoils no other.
    fn attribute(&self, handle: ObjectHandle, kind: AttributeType) -> Option<Attribute> {
        self.session.get_attributes(handle, &[kind]).ok()?.pop()
    }
}

impl PrivateKey {
    /// The certificate of this key: of a renewed certificate and the one before, the later.
    pub(super) fn own(&self, found: &[Found]) -> Option<Certificate> {
        let fits: Vec<(&Found, Fit)> =
            found.iter().map(|found| (found, self.fit(&found.certificate))).collect();
        let latest = |wanted: &dyn Fn(&Found, Fit) -> bool| {
            let wanted = fits.iter().filter(|(found, fit)| wanted(found, *fit));
            wanted.map(|(found, _)| &found.certificate).max_by_key(|certificate| certificate.not_after())
        };
        let by_id = latest(&|found, fit| !found.id.is_empty() && found.id == self.id && fit != Fit::No);
        // A file begins with the certificate of the key (as RFC 8446 §4.4.2 has it); the signature shows
        // whether it is so.
        let first = || {
            let possible = fits.iter().find(|(found, fit)| found.id.is_empty() && *fit == Fit::Unknown);
            possible.map(|(found, _)| &found.certificate)
        };
        by_id.or_else(|| latest(&|_, fit| fit == Fit::Yes)).or_else(first).cloned()
    }

    /// Whether the certificate holds the public half.
    fn fit(&self, certificate: &Certificate) -> Fit {
        use cryptoki::object::KeyType as Kind;
        let Ok(key) = certificate.public_key() else { return Fit::No };
        let possible = match self.kind {
            Some(Kind::RSA) => matches!(key.id(), Id::RSA | Id::RSA_PSS),
            Some(Kind::EC) => key.id() == Id::EC,
            Some(Kind::EC_EDWARDS) => key.id() == Id::ED25519,
            Some(Kind::DSA) => key.id() == Id::DSA,
            Some(_) => false,
            // One that `cryptoki` does not know.
            None => true,
        };
        match &self.public_half {
            _ if !possible => Fit::No,
            None => Fit::Unknown,
            Some(half) if half.is_of(&key).unwrap_or(false) => Fit::Yes,
            Some(_) => Fit::No,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// The token does not show the public half.
    Unknown,
    No,
}

impl PublicHalf {
    fn is_of(&self, key: &PKey<Public>) -> Option<bool> {
        Some(match self {
            Self::Modulus(modulus) => key.rsa().ok()?.n().to_vec() == *modulus,
            Self::Point(point) => match key.ec_key() {
                Ok(key) => {
                    let form = PointConversionForm::UNCOMPRESSED;
                    let mut context = BigNumContext::new().ok()?;
                    key.public_key().to_bytes(key.group(), form, &mut context).ok()? == *point
                }
                Err(_) => key.raw_public_key().ok()? == *point,
            },
        })
    }
}
