//! PEM files (RFC 7468, and the encrypted form of RFC 1421 §4.6 that OpenSSL used to write).

use base64::{Engine as _, decoded_len_estimate, engine::general_purpose::STANDARD};
use der::{Reader as _, SliceReader};
use openssl::pkey::{PKey, Private};
use zeroize::Zeroizing;

use super::{
    CredentialsError, Password,
    cost::{Cost, Refusal},
    lacks_algorithm, with_legacy_provider,
};
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
    // A key may be in the same file.
    let text = text(pem);
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

/// What the blocks with a label of this kind hold; `None` for one that is cut off or no Base64.
pub(crate) fn contents(pem: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<Option<Vec<u8>>> {
    let text = text(pem);
    let blocks = blocks(&text).into_iter().filter(|block| wanted(block.label));
    blocks.map(|block| block.content().map(|content| content.to_vec())).collect()
}

/// Every private key in the file, decrypted; and whether all were encrypted, with a password that
/// is not empty.
pub(super) fn keys(
    pem: &[u8],
    password: Option<&Password>,
) -> Result<(Vec<PKey<Private>>, bool), CredentialsError> {
    let text = text(pem);
    let mut blocks = blocks(&text);
    blocks.retain(|block| block.label.ends_with("PRIVATE KEY"));
    let mut cost = Cost::default();
    let keys = blocks.iter().map(|block| key(block, password, &mut cost)).collect::<Result<_, _>>()?;
    let secret = password.is_some_and(|password| !password.as_str().is_empty());
    Ok((keys, secret && blocks.iter().all(Block::is_encrypted)))
}

fn key(
    block: &Block<'_>,
    password: Option<&Password>,
    cost: &mut Cost,
) -> Result<PKey<Private>, CredentialsError> {
    let content = block.content().ok_or(CredentialsError::Damaged)?;
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
    // Whatever the label says. Encrypted content of the old form is not BER, and costs nothing.
    if cost.add_key(&content) == Err(Refusal::Costly) {
        return Err(CredentialsError::TooManyIterations);
    }
    let text = joined(&block.lines, "\n");
    let read = || PKey::private_key_from_pem_passphrase(text.as_bytes(), password.as_bytes());
    with_legacy_provider(read).map_err(|errors| match block.is_encrypted() {
        true if lacks_algorithm(&errors) => CredentialsError::UnsupportedEncryption,
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
    fn content(&self) -> Option<Zeroizing<Vec<u8>>> {
        let [_, lines @ .., end] = self.lines.as_slice() else { return None };
        if end.strip_prefix(END)?.strip_suffix(DASHES)? != self.label {
            return None;
        }
        let lines: Vec<&str> =
            lines.iter().filter(|line| !line.contains(':')).map(|line| line.trim()).collect();
        let text = joined(&lines, "");
        let mut content = Zeroizing::new(vec![0; decoded_len_estimate(text.len())]);
        let length = STANDARD.decode_slice(text.as_bytes(), &mut content).ok()?;
        content.truncate(length);
        Some(content)
    }

    /// Whether the content is cut off or damaged can be told before decryption in PKCS#8 only.
    fn is_plausible(&self, content: &[u8]) -> bool {
        self.label != "ENCRYPTED PRIVATE KEY" || is_sequence(content)
    }
}

/// A file as text, whatever else it holds. Allocated once, as a growing text would leave copies of
/// keys behind.
fn text(pem: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(pem.len() * char::REPLACEMENT_CHARACTER.len_utf8()));
    for chunk in pem.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// Lines with `end` after each, allocated once.
fn joined(lines: &[&str], end: &str) -> Zeroizing<String> {
    let length = lines.iter().map(|line| line.len() + end.len()).sum();
    let mut text = Zeroizing::new(String::with_capacity(length));
    for line in lines {
        text.push_str(line);
        text.push_str(end);
    }
    text
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
