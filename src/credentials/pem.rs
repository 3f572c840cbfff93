//! PEM files (RFC 7468, and the encrypted form of RFC 1421 §4.6 that OpenSSL used to write).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{Reader as _, SliceReader};
use openssl::pkey::{PKey, Private};
use zeroize::Zeroizing;

use super::{CredentialsError, Password, lacks_algorithm, with_legacy_provider};
use crate::{Certificate, CertificateError};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The longest password OpenSSL takes for a PEM key, in bytes (`PEM_BUFSIZE`).
const MAX_PASSWORD_BYTES: usize = 1024;

/// One block: what it says it holds, and its lines with the boundaries.
struct Block<'a> {
    label: &'a str,
    lines: Vec<&'a str>,
}

/// Every certificate in the file.
pub(super) fn certificates(
    pem: &[u8],
) -> Result<Vec<Result<Certificate, CertificateError>>, CredentialsError> {
    let text = String::from_utf8_lossy(pem);
    // RFC 7468 §5.1; `X509 CERTIFICATE` is what SSLeay wrote.
    let is_certificate = |block: &Block<'_>| matches!(block.label, "CERTIFICATE" | "X509 CERTIFICATE");
    let blocks = blocks(&text).into_iter().filter(is_certificate);
    let certificates: Vec<_> = blocks
        .map(|block| {
            let der = block.content().ok_or(CertificateError::Base64)?;
            Certificate::from_der(&der)
        })
        .collect();
    if certificates.is_empty() { Err(CredentialsError::NoCertificate) } else { Ok(certificates) }
}

/// Every private key in the file, decrypted.
pub(super) fn keys(pem: &[u8], password: Option<&Password>) -> Result<Vec<PKey<Private>>, CredentialsError> {
    let text = Zeroizing::new(String::from_utf8_lossy(pem).into_owned());
    let blocks = blocks(&text);
    blocks
        .iter()
        .filter(|block| block.label.ends_with("PRIVATE KEY"))
        .map(|block| key(block, password))
        .collect()
}

fn key(block: &Block<'_>, password: Option<&Password>) -> Result<PKey<Private>, CredentialsError> {
    let content = Zeroizing::new(block.content().ok_or(CredentialsError::Damaged)?);
    let password = match (block.is_encrypted(), password) {
        (true, None) => return Err(CredentialsError::PasswordRequired),
        (true, Some(password)) => password.as_str(),
        // Given all the same, so that OpenSSL never asks for one on the terminal.
        (false, _) => "",
    };
    // The binding panics on NUL, and OpenSSL cuts what is longer.
    if password.contains('\0') || password.len() > MAX_PASSWORD_BYTES {
        return Err(CredentialsError::WrongPassword);
    }
    let text = Zeroizing::new(block.lines.join("\n") + "\n");
    let read = || PKey::private_key_from_pem_passphrase(text.as_bytes(), password.as_bytes());
    with_legacy_provider(read).map_err(|errors| match block.is_encrypted() {
        _ if lacks_algorithm(&errors) => CredentialsError::UnsupportedEncryption,
        true if block.is_plausible(&content) => CredentialsError::WrongPassword,
        _ => CredentialsError::Damaged,
    })
}

impl Block<'_> {
    fn is_encrypted(&self) -> bool {
        self.label == "ENCRYPTED PRIVATE KEY" || self.headers().any(|line| line.contains("ENCRYPTED"))
    }

    /// The lines of RFC 1421 §4.6 before the text, such as `Proc-Type: 4,ENCRYPTED`.
    fn headers(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().copied().filter(|line| line.contains(':'))
    }

    /// What the text between the boundaries stands for; `None` if it is cut off or no Base64.
    fn content(&self) -> Option<Vec<u8>> {
        let [_, lines @ .., end] = self.lines.as_slice() else { return None };
        if end.strip_prefix(END)?.strip_suffix(DASHES)? != self.label {
            return None;
        }
        let text = lines.iter().filter(|line| !line.contains(':')).map(|line| line.trim());
        STANDARD.decode(Zeroizing::new(text.collect::<String>()).as_bytes()).ok()
    }

    /// Whether the content is cut off or damaged can be told before decryption in PKCS#8 only.
    fn is_plausible(&self, content: &[u8]) -> bool {
        self.label != "ENCRYPTED PRIVATE KEY" || is_sequence(content)
    }
}

/// The blocks of a text in their order; what is between them is ignored (RFC 7468 §2).
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.lines().map(str::trim_end) {
        if let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) {
            blocks.extend(open.replace(Block { label, lines: vec![line] }));
        } else if let Some(mut block) = open.take() {
            block.lines.push(line);
            if line.starts_with(END) {
                blocks.push(block);
            } else {
                open = Some(block);
            }
        }
    }
    blocks.extend(open);
    blocks
}

fn is_sequence(der: &[u8]) -> bool {
    let whole = SliceReader::new(der).and_then(|mut reader| {
        reader.sequence(|fields| fields.drain(fields.remaining_len()))?;
        reader.finish()
    });
    whole.is_ok()
}
