//! The structures of RFC 3161 §2.4, read from DER. What they say is judged elsewhere.

use der::{
    Decode as _, Encode as _, Header, Reader as _, SliceReader, Tag, TagNumber,
    asn1::{BitStringRef, ObjectIdentifier, OctetStringRef, UintRef},
};

use super::error::StampError;
use crate::{certificate::element, http::printable};

/// `PKIStatus`, from 0 on.
const STATUSES: [&str; 6] =
    ["granted", "grantedWithMods", "rejection", "waiting", "revocationWarning", "revocationNotification"];

/// The bits of `PKIFailureInfo` that have a meaning.
const FAILURES: [(usize, &str); 8] = [
    (0, "badAlg"),
    (2, "badRequest"),
    (5, "badDataFormat"),
    (14, "timeNotAvailable"),
    (15, "unacceptedPolicy"),
    (16, "unacceptedExtension"),
    (17, "addInfoNotAvailable"),
    (25, "systemFailure"),
];

/// NULL, encoded.
const NULL: [u8; 2] = [0x05, 0x00];

pub(super) const fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber(number) }
}

/// All of `der`, by `read`.
pub(super) fn whole<'a, T>(
    der: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, StampError>,
) -> Result<T, StampError> {
    let mut reader = SliceReader::new(der)?;
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// The content of the next element, if it has this tag.
pub(super) fn optional<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<Option<&'a [u8]>, der::Error> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    element(reader, tag).map(Some)
}

/// `AlgorithmIdentifier` (RFC 5280 §4.1.1.2). Its parameters are absent or NULL: no hash function and
/// no signature algorithm that is known has others.
pub(super) fn algorithm(
    reader: &mut SliceReader<'_>,
    what: &'static str,
) -> Result<ObjectIdentifier, StampError> {
    reader.sequence(|fields| {
        let algorithm = ObjectIdentifier::decode(fields)?;
        if !fields.is_finished() && fields.tlv_bytes()? != NULL {
            return Err(StampError::UnknownAlgorithm {
                what,
                algorithm: format!("{algorithm} with parameters"),
            });
        }
        Ok(algorithm)
    })
}

/// The encoding of an element.
fn encode(tag: Tag, content: &[u8]) -> Result<Vec<u8>, der::Error> {
    Ok([&Header::new(tag, content.len().try_into()?).to_der()?, content].concat())
}

/// The encoding of a SET OF with this content.
pub(super) fn set(content: &[u8]) -> Result<Vec<u8>, der::Error> {
    encode(Tag::Set, content)
}

/// `TimeStampReq` (RFC 3161 §2.4.1) that asks for the authority's certificate.
pub(super) fn request(imprint: &MessageImprint<'_>, nonce: &[u8]) -> Result<Vec<u8>, der::Error> {
    let sequence = |parts: &[Vec<u8>]| encode(Tag::Sequence, &parts.concat());
    let algorithm = sequence(&[imprint.algorithm.to_der()?, NULL.to_vec()])?;
    let imprint = sequence(&[algorithm, OctetStringRef::new(imprint.digest)?.to_der()?])?;
    sequence(&[1_u8.to_der()?, imprint, UintRef::new(nonce)?.to_der()?, true.to_der()?])
}

/// The `TimeStampToken` of a granted `TimeStampResp`; a token alone gives itself.
pub(super) fn token(stamp: &[u8]) -> Result<&[u8], StampError> {
    whole(stamp, |reader| {
        let mut inside = reader.clone();
        Header::decode(&mut inside)?.tag().assert_eq(Tag::Sequence)?;
        // ContentInfo begins with its type, TimeStampResp with PKIStatusInfo.
        if Tag::peek(&inside)? == Tag::ObjectIdentifier {
            return Ok(reader.tlv_bytes()?);
        }
        reader.sequence(|response| {
            response.sequence(status)?;
            if response.is_finished() { Err(StampError::NoToken) } else { Ok(response.tlv_bytes()?) }
        })
    })
}

/// `PKIStatusInfo`, refused unless it is a yes.
fn status(info: &mut SliceReader<'_>) -> Result<(), StampError> {
    let status = u8::decode(info)?;
    let mut texts = Vec::new();
    if let Some(free_text) = optional(info, Tag::Sequence)? {
        whole(free_text, |reader| {
            while !reader.is_finished() {
                texts.push(String::from_utf8_lossy(element(reader, Tag::Utf8String)?).into_owned());
            }
            Ok(())
        })?;
    }
    let failures = if info.is_finished() { None } else { Some(BitStringRef::decode(info)?) };
    if status <= 1 {
        return Ok(());
    }
    let name = |bit| {
        let known = FAILURES.iter().find(|(number, _)| *number == bit);
        known.map_or_else(|| format!("failure {bit}"), |(_, name)| (*name).to_owned())
    };
    let set = failures.into_iter().flat_map(BitStringRef::bits).enumerate().filter(|(_, is_set)| *is_set);
    Err(StampError::Refused {
        status: STATUSES
            .get(usize::from(status))
            .map_or_else(|| format!("status {status}"), |&name| name.to_owned()),
        failures: set.take(FAILURES.len()).map(|(bit, _)| name(bit)).collect(),
        text: printable(&texts.join("; ")),
    })
}

/// `MessageImprint`: what is stamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageImprint<'a> {
    pub(super) algorithm: ObjectIdentifier,
    pub(super) digest: &'a [u8],
}

/// `TSTInfo` (RFC 3161 §2.4.2).
pub(super) struct TstInfo<'a> {
    pub(super) policy: ObjectIdentifier,
    pub(super) imprint: MessageImprint<'a>,
    /// Without leading zeros.
    pub(super) serial: &'a [u8],
    /// As it is written.
    pub(super) time: &'a [u8],
    /// In microseconds.
    pub(super) accuracy: u64,
    /// Without leading zeros.
    pub(super) nonce: Option<&'a [u8]>,
    /// A `GeneralName`.
    pub(super) tsa: Option<&'a [u8]>,
}

impl<'a> TstInfo<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, StampError> {
        whole(der, |reader| reader.sequence(Self::fields))
    }

    fn fields(reader: &mut SliceReader<'a>) -> Result<Self, StampError> {
        let version = u8::decode(reader)?;
        if version != 1 {
            return Err(StampError::Version { what: "TSTInfo", found: version, expected: "1" });
        }
        let policy = ObjectIdentifier::decode(reader)?;
        let imprint = reader.sequence(|imprint| {
            let algorithm = algorithm(imprint, "the digest")?;
            Ok::<_, StampError>(MessageImprint { algorithm, digest: element(imprint, Tag::OctetString)? })
        })?;
        let serial = UintRef::decode(reader)?.as_bytes();
        let time = element(reader, Tag::GeneralizedTime)?;
        let accuracy = optional(reader, Tag::Sequence)?.map_or(Ok(0), |der| whole(der, accuracy))?;
        Option::<bool>::decode(reader)?; // ordering
        let nonce = Option::<UintRef<'_>>::decode(reader)?.map(|nonce| nonce.as_bytes());
        let tsa = optional(reader, context(0, true))?;
        if let Some(extensions) = optional(reader, context(1, true))? {
            refuse_critical(extensions)?;
        }
        Ok(Self { policy, imprint, serial, time, accuracy, nonce, tsa })
    }
}

/// `Accuracy`, in microseconds.
fn accuracy(reader: &mut SliceReader<'_>) -> Result<u64, StampError> {
    let seconds = Option::<u32>::decode(reader)?.unwrap_or_default();
    let mut fraction = |number| {
        let Some(content) = optional(reader, context(number, false))? else { return Ok(0) };
        match *content {
            [value] if value < 0x80 => Ok(u64::from(value)),
            [high, low] if high < 0x80 => Ok(u64::from(u16::from_be_bytes([high, low]))),
            _ => Err(der::Error::from(Tag::Integer.value_error())),
        }
    };
    let (millis, micros) = (fraction(0)?, fraction(1)?);
    Ok((u64::from(seconds) * 1000 + millis) * 1000 + micros)
}

/// None is known: one that is critical must not be passed over.
fn refuse_critical(extensions: &[u8]) -> Result<(), StampError> {
    whole(extensions, |reader| {
        while !reader.is_finished() {
            let (id, critical): (ObjectIdentifier, _) = reader.sequence(|extension| {
                let id = ObjectIdentifier::decode(extension)?;
                let critical = Option::<bool>::decode(extension)?.unwrap_or_default();
                element(extension, Tag::OctetString)?;
                Ok::<_, der::Error>((id, critical))
            })?;
            if critical {
                return Err(StampError::CriticalExtension { extension: id.to_string() });
            }
        }
        Ok(())
    })
}
