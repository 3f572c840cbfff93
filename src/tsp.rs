//! The Time-Stamp Protocol (RFC 3161): when an entry was signed at the latest, on the word of an
//! authority that is neither its endorser nor its reader.
//!
//! What is stamped is the decoded `SignatureValue` ([`Evidence::signature_value`]). The time stamp is
//! kept beside the entry, so that the entry stays what every validator knows.
//!
//! [`Client::stamp`] asks for one. A [`Token`] is one whose signature holds; whose signature it is, is
//! not judged yet. [`verify`] judges that too and gives a [`Stamp`].
//!
//! [`Evidence::signature_value`]: crate::dsig::Evidence::signature_value

mod algorithm;
mod asn1;
mod client;
mod cms;
mod error;
mod signer;
mod time;

use std::ops::Deref;

use openssl::error::ErrorStack;

use self::{
    asn1::{MessageImprint, TstInfo},
    cms::SignedData,
};
use crate::{
    Certificate, Timestamp,
    checksum::hex,
    dsig::{AlgorithmPolicy, DigestMethod},
    trust::{Anchors, MAX_AHEAD_SECONDS, PathRequest, Purpose, check_ahead, verify_path},
};

pub use self::{
    client::{Client, ClientOptions, TimestampError},
    error::StampError,
};

/// The longest time stamp that is read, in bytes.
pub const MAX_STAMP_BYTES: usize = 256 * 1024;

/// The hash function of what an authority is asked to stamp.
const IMPRINT: DigestMethod = DigestMethod::Sha256;

/// What an authority is asked for: a time stamp of a `SignatureValue`, by its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    signature_value: Vec<u8>,
    nonce: u64,
}

impl Request {
    /// A request for these octets, told from any other by `nonce`, which should be random.
    pub fn new(signature_value: &[u8], nonce: u64) -> Self {
        Self { signature_value: signature_value.to_owned(), nonce }
    }

    /// [`Request::new`] with a nonce from OpenSSL's generator.
    ///
    /// # Errors
    /// [`ErrorStack`] if it gives none.
    pub fn random(signature_value: &[u8]) -> Result<Self, ErrorStack> {
        let mut nonce = [0; 8];
        openssl::rand::rand_bytes(&mut nonce)?;
        Ok(Self::new(signature_value, u64::from_be_bytes(nonce)))
    }

    /// The `TimeStampReq` (RFC 3161 §2.4.1): under any policy, and with the authority's certificate.
    ///
    /// # Errors
    /// [`StampError::Malformed`], which does not come of so few bytes.
    pub fn to_der(&self) -> Result<Vec<u8>, StampError> {
        let digest = IMPRINT.digest(&self.signature_value);
        let imprint = MessageImprint { algorithm: algorithm::oid_of(IMPRINT), digest: &digest };
        Ok(asn1::request(&imprint, &self.nonce.to_be_bytes())?)
    }

    /// The token in the answer to this request. Whose word it is, is not judged.
    ///
    /// # Errors
    /// [`StampError`] if it is the answer to another request, or no time stamp that holds.
    pub fn check(&self, answer: &[u8], policy: AlgorithmPolicy) -> Result<Token, StampError> {
        let token = Token::read(answer, &self.signature_value, policy)?;
        let nonce = self.nonce.to_be_bytes();
        let zeros = nonce.iter().take_while(|byte| **byte == 0).count().min(nonce.len() - 1);
        let sent = hex(nonce.get(zeros..).unwrap_or_default());
        match &token.nonce {
            Some(received) if *received == sent => Ok(token),
            received => {
                let received = received.clone().unwrap_or_else(|| "without a nonce".to_owned());
                Err(StampError::Nonce { sent, received })
            }
        }
    }
}

/// A time stamp whose signature holds. Whose signature it is, is not judged: anyone can make one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    /// When the authority says it made it (`genTime`), fractions of a second cut off.
    pub time: Timestamp,
    /// The earliest instant that its accuracy allows, rounded down to whole seconds.
    pub earliest: Timestamp,
    /// The latest one, rounded up: what was stamped existed then.
    pub latest: Timestamp,
    /// The number of the time stamp, in hexadecimal: the authority gives it once.
    pub serial: String,
    /// Under which policy it was made, an object identifier.
    pub policy: String,
    /// By which hash function it names what is stamped.
    pub imprint: DigestMethod,
    /// The nonce of the request it answers, in hexadecimal.
    pub nonce: Option<String>,
    /// The certificate of the authority, whose key verifies the signature.
    pub tsa: Certificate,
    /// The other certificates in the token: chain material, judged by nobody.
    pub chain: Vec<Certificate>,
}

impl Token {
    /// Reads a `TimeStampResp`, or a `TimeStampToken` alone, and sees that it is one of
    /// `signature_value`, signed by the certificate it names, which is one for time-stamping alone.
    ///
    /// Not signed, and so no part of what is returned: the status and texts of the response; the
    /// version, `digestAlgorithms`, CRLs and unsigned attributes of `SignedData`. The certificates
    /// are not signed either, but for the signer's own, which is by its digest.
    ///
    /// # Errors
    /// [`StampError`]: the first thing that does not hold.
    pub fn read(stamp: &[u8], signature_value: &[u8], policy: AlgorithmPolicy) -> Result<Self, StampError> {
        if stamp.len() > MAX_STAMP_BYTES {
            return Err(StampError::TooLong { length: stamp.len() });
        }
        let SignedData { content, certificates, signer } = SignedData::read(asn1::token(stamp)?, policy)?;
        let (tsa, chain) = signer::find(&signer, &certificates)?;
        signer::check_usage(&tsa)?;
        let key = tsa.public_key()?;
        if !algorithm::verify(&signer, &key, policy)? {
            return Err(StampError::Signature { tsa: tsa.subject().clone() });
        }
        // From here on, what is read is what the authority said.
        let info = TstInfo::read(content)?;
        if let Some(name) = info.tsa {
            signer::check_name(&tsa, name)?;
        }
        let imprint = algorithm::allowed_digest(info.imprint.algorithm, policy)?;
        let computed = imprint.digest(signature_value);
        if computed != info.imprint.digest {
            let (computed, stamped) = (hex(&computed), hex(info.imprint.digest));
            return Err(StampError::Imprint { method: imprint.name(), computed, stamped });
        }
        let [time, earliest, latest] = time::read(info.time, info.accuracy)?;
        Ok(Self {
            time,
            earliest,
            latest,
            serial: hex(info.serial),
            policy: info.policy.to_string(),
            imprint,
            nonce: info.nonce.map(hex),
            tsa,
            chain,
        })
    }

    /// Whether the time can be, and agrees with what an entry says: it is not ahead of `now`, the
    /// endorsement is not dated after it, and the time stamp was made while the endorser's `certificate` was valid. The endorser
    /// chose the date; a signature first seen when the certificate had expired may have been made with
    /// a key that nobody guarded any more.
    ///
    /// The latest instant that the time stamp can be of is the one compared. Before what it should come
    /// after, it may lie by [`MAX_AHEAD_SECONDS`].
    ///
    /// # Errors
    /// [`StampError::Untrusted`] with [`PathError::Ahead`](crate::trust::PathError::Ahead),
    /// [`StampError::BeforeEndorsement`], [`StampError::EndorserNotValid`]
    pub fn check(
        &self,
        endorsed: Timestamp,
        certificate: &Certificate,
        now: Timestamp,
    ) -> Result<(), StampError> {
        check_ahead(Purpose::TimeStamping, self.time, now)?;
        let time = self.latest;
        let precedes =
            |other: Timestamp| time.unix_seconds().saturating_add(MAX_AHEAD_SECONDS) < other.unix_seconds();
        if precedes(endorsed) {
            return Err(StampError::BeforeEndorsement { time, endorsed });
        }
        let (from, to) = (certificate.not_before(), certificate.not_after());
        if precedes(from) || time > to {
            return Err(StampError::EndorserNotValid { time, from, to });
        }
        Ok(())
    }
}

/// A time stamp by a trusted authority. There is no other way to have one than to have it verified.
#[derive(Clone, Debug)]
pub struct Stamp(Token);

impl Deref for Stamp {
    type Target = Token;

    fn deref(&self) -> &Token {
        &self.0
    }
}

/// Verifies a time stamp of `signature_value` ([`Token::read`]) by an authority below `anchors`, whose
/// certificates are judged at the time stamped.
///
/// # Errors
/// [`StampError`]: the first thing that does not hold.
pub fn verify(
    stamp: &[u8],
    signature_value: &[u8],
    anchors: &Anchors,
    policy: AlgorithmPolicy,
    now: Timestamp,
) -> Result<Stamp, StampError> {
    let token = Token::read(stamp, signature_value, policy)?;
    let request = PathRequest {
        purpose: Purpose::TimeStamping,
        policy,
        ..PathRequest::new(&token.tsa, &token.chain, token.time, now)
    };
    verify_path(anchors, &request)?;
    Ok(Stamp(token))
}
