//! PKCS#12 (RFC 7292). `p12-keystore` hands out every bag but knows only the common algorithms
//! and DER; `PKCS12_parse` hands out the first key only but knows every algorithm and BER.

use der::{Encode as _, Header, Reader as _, SliceReader, Tag};
use openssl::{
    error::ErrorStack,
    pkcs12::Pkcs12,
    pkey::{PKey, Private},
};
use p12_keystore::{Pkcs12Archive, error::Error as ArchiveError};
use zeroize::Zeroizing;

use super::{
    CredentialsError,
    choice::Contents,
    cost::{Cost, Refusal},
    lacks_algorithm, with_legacy_provider,
};
use crate::{Certificate, CertificateError};

type KeysAndCertificates = (Vec<PKey<Private>>, Vec<Result<Certificate, CertificateError>>);

/// Every key and certificate in the file.
pub(super) fn contents(pfx: &[u8], password: &str) -> Result<Contents, CredentialsError> {
    let container = Pkcs12::from_der(pfx).map_err(|_| CredentialsError::NotPkcs12)?;
    let mut cost = Cost::default();
    cost.add_pfx(pfx).map_err(|refusal| match refusal {
        Refusal::Malformed => CredentialsError::NotPkcs12,
        Refusal::Costly => CredentialsError::TooManyIterations,
    })?;
    let opened = match read(pfx, &container, password) {
        Err(CredentialsError::WrongPassword) if !password.is_ascii() => {
            // OpenSSL before 1.1.0 took the octets of the UTF-8 text for ISO 8859-1.
            // Allocated once: a growing text would leave copies behind.
            let mut octets = Zeroizing::new(String::with_capacity(2 * password.len()));
            octets.extend(password.bytes().map(char::from));
            read(pfx, &container, &octets)
        }
        other => other,
    };
    match opened {
        // The MAC covers the content (RFC 7292 §4): if that opens all the same, it was changed.
        Err(CredentialsError::WrongPassword) if opens_without_mac(pfx, password) => {
            Err(CredentialsError::Damaged)
        }
        other => other.map(|(keys, certificates)| {
            let encrypted = !cost.plain_key && !password.is_empty();
            Contents { keys, encrypted, certificates }
        }),
    }
}

fn read(pfx: &[u8], container: &Pkcs12, password: &str) -> Result<KeysAndCertificates, CredentialsError> {
    let archive_error = match Pkcs12Archive::from_pkcs12(pfx, password) {
        Ok(archive) => return from_archive(&archive),
        // Too many iterations in what was encrypted itself; OpenSSL would go through with them.
        Err(ArchiveError::InvalidParameters) => return Err(CredentialsError::UnsupportedEncryption),
        Err(error) => error,
    };
    // The binding ends the password at a NUL, and panics.
    if password.contains('\0') {
        return Err(CredentialsError::WrongPassword);
    }
    let openssl_errors = match with_legacy_provider(|| container.parse2(password)) {
        Ok(parsed) => {
            let certificates = parsed.cert.into_iter().chain(parsed.ca.into_iter().flatten());
            let certificates = certificates.filter_map(|certificate| certificate.to_der().ok());
            let certificates = certificates.map(|der| Certificate::from_der(&der)).collect();
            return Ok((parsed.pkey.into_iter().collect(), certificates));
        }
        Err(errors) => errors,
    };
    Err(verdict(&archive_error, &openssl_errors))
}

/// A key that OpenSSL does not know is as good as none, unless there is no other.
fn from_archive(archive: &Pkcs12Archive) -> Result<KeysAndCertificates, CredentialsError> {
    let keys = archive.keys.iter().map(|bag| PKey::private_key_from_pkcs8(bag.key.as_der()));
    let keys: Vec<PKey<Private>> = keys.filter_map(Result::ok).collect();
    if keys.is_empty() && !archive.keys.is_empty() {
        return Err(CredentialsError::Damaged);
    }
    let certificates = archive.certs.iter().map(|bag| Certificate::from_der(bag.cert.as_der()));
    Ok((keys, certificates.collect()))
}

/// What both refusals together say: a wrong password is known by the MAC, or, where there is
/// none, by a content that cannot be decrypted.
fn verdict(archive: &ArchiveError, openssl: &ErrorStack) -> CredentialsError {
    const ERR_LIB_PKCS12: i32 = 35;
    const PKCS12_R_MAC_ABSENT: i32 = 108;
    const PKCS12_R_MAC_VERIFY_FAILURE: i32 = 113;
    let reason = |code| {
        let of_pkcs12 = |error: &&openssl::error::Error| error.library_code() == ERR_LIB_PKCS12;
        openssl.errors().iter().filter(of_pkcs12).any(|error| error.reason_code() == code)
    };
    let unsupported =
        matches!(archive, ArchiveError::UnsupportedEncryptionScheme | ArchiveError::UnsupportedMacAlgorithm);
    let undecryptable = matches!(archive, ArchiveError::Pkcs5Error(_) | ArchiveError::UnpadError);
    let mac_differs = reason(PKCS12_R_MAC_VERIFY_FAILURE) || matches!(archive, ArchiveError::MacError(_));
    if mac_differs || (reason(PKCS12_R_MAC_ABSENT) && undecryptable) {
        CredentialsError::WrongPassword
    } else if lacks_algorithm(openssl) || unsupported {
        CredentialsError::UnsupportedEncryption
    } else {
        CredentialsError::Damaged
    }
}

/// Whether the content is encrypted, and this password decrypts it.
fn opens_without_mac(pfx: &[u8], password: &str) -> bool {
    let opens = |pfx: &[u8], password: &str| Pkcs12Archive::from_pkcs12(pfx, password).is_ok();
    let other = Zeroizing::new([password, "?"].concat());
    without_mac(pfx).is_ok_and(|bare| opens(&bare, password) && !opens(&bare, &other))
}

/// `PFX` without its last field (RFC 7292 §4).
fn without_mac(pfx: &[u8]) -> Result<Vec<u8>, der::Error> {
    let mut reader = SliceReader::new(pfx)?;
    let fields = reader.sequence(|fields| {
        let kept = [fields.tlv_bytes()?, fields.tlv_bytes()?].concat();
        fields.drain(fields.remaining_len())?;
        Ok::<_, der::Error>(kept)
    })?;
    let mut bare = Header::new(Tag::Sequence, fields.len().try_into()?).to_der()?;
    bare.extend(fields);
    Ok(bare)
}
