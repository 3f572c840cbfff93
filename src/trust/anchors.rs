//! What an administrator trusts: authorities, their CRLs, and what they may sign.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use openssl::x509::{X509, X509NameRef, X509Ref};

use super::{
    CrlError, PathError, SigningPolicyError,
    crl::Crl,
    signing_policy::{self, SigningPolicy},
    slash,
};
use crate::{Certificate, CertificateError, credentials::pem};

/// Largest file read, in bytes: authorities with a million revoked certificates have lists of this
/// size.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The first octet of a CRL in DER (X.690 §8.9).
const DER_SEQUENCE: u8 = 0x30;
/// Most files in a directory.
const MAX_FILES: usize = 10_000;

/// Authorities that are trusted, with their CRLs and signing policies.
///
/// A path ends at a self-signed certificate among them; others among them are steps on the way, as
/// for OpenSSL. A self-signed certificate of an end entity that is put here is trusted as well: that
/// is the way to trust one certificate and nobody's word. What may certify others has basicConstraints
/// that say so (RFC 5280 §4.2.1.9), also if it is trusted; version 1 has none.
#[derive(Default)]
pub struct Anchors {
    certificates: Vec<Anchor>,
    /// By OpenSSL's hash of the subject.
    by_subject: HashMap<u32, Vec<usize>>,
    crls: Vec<Crl>,
    policies: Vec<SigningPolicy>,
    warnings: Vec<AnchorsWarning>,
    /// Whether certificates are looked up in CRLs: there are some, even if none can be read.
    revocation: bool,
}

struct Anchor {
    certificate: X509,
    /// The names of its files without their extensions, links followed and not.
    stems: Vec<String>,
}

/// Why anchors cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorsError {
    /// The system refused.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file without any certificate.
    #[error("there is no certificate in {}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A directory without a certificate under its hash.
    #[error("there is no certificate named HASH.0 in {}", path.display())]
    NotHashed {
        /// The directory.
        path: PathBuf,
    },
    /// More files in a directory than are read: what is left out could be a CRL or a signing policy.
    #[error("there are more than {limit} files in {}", path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
        /// How many are read.
        limit: usize,
    },
    /// A certificate that cannot be used.
    #[error("cannot use a trust anchor in {}: {cause}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: CertificateError,
    },
    /// A file without any CRL.
    #[error("there is no CRL in {}", path.display())]
    NoCrl {
        /// The file.
        path: PathBuf,
    },
    /// A CRL that cannot be used.
    #[error("cannot use the CRL in {}: {cause}", path.display())]
    Crl {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: CrlError,
    },
}

/// A file in a directory of anchors that cannot be used. The others can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorsWarning {
    /// A certificate that is therefore no anchor, or a CRL that is missing now.
    #[error("{0}")]
    Unusable(AnchorsError),
    /// The authority it is for may sign nothing now.
    #[error("cannot use the signing policy {}, so that its authority may sign nothing: {cause}", path.display())]
    SigningPolicy {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: SigningPolicyError,
    },
}

impl Anchors {
    /// No anchors: nothing is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificates in a file: one in DER, or any number in PEM.
    ///
    /// # Errors
    /// [`AnchorsError`] if the file cannot be read, has no certificate, or one that is no good.
    pub fn add_pem_file(&mut self, path: &Path) -> Result<(), AnchorsError> {
        for certificate in certificates(path)? {
            self.insert(certificate, path)?;
        }
        Ok(())
    }

    /// Trusts the certificates `HASH.0`, `HASH.1`, … in a directory as `openssl rehash` and the IGTF
    /// make it, with the CRLs `HASH.r0`, … and the signing policies there. The hash itself is not
    /// looked at, so that links for old and new versions of OpenSSL both serve.
    ///
    /// A file there that cannot be used is a [warning](Self::warnings): a certificate is then no
    /// anchor, a CRL is missing, an authority with a broken policy may sign nothing. Any CRL there
    /// has all certificates looked up in CRLs.
    ///
    /// # Errors
    /// [`AnchorsError`] if the directory cannot be read, has no usable certificate, or more files than
    /// any authorities need.
    pub fn add_directory(&mut self, path: &Path) -> Result<(), AnchorsError> {
        let failed = |cause| AnchorsError::Read { path: path.to_owned(), cause };
        let mut files = Vec::new();
        for file in fs::read_dir(path).map_err(failed)? {
            if files.len() == MAX_FILES {
                return Err(AnchorsError::TooManyFiles { path: path.to_owned(), limit: MAX_FILES });
            }
            files.push(file.map_err(failed)?.path());
        }
        files.sort();
        let mut found = false;
        for file in &files {
            let extension = file.extension().unwrap_or_default().to_string_lossy();
            let result = if extension == "signing_policy" {
                self.add_policy(file)
            } else if !is_hash(file) {
                continue;
            } else if is_number(&extension) {
                self.add_pem_file(file).map(|()| found = true)
            } else if extension.strip_prefix('r').is_some_and(is_number) {
                self.add_crl_file(file)
            } else {
                continue;
            };
            if let Err(error) = result {
                self.warnings.push(AnchorsWarning::Unusable(error));
            }
        }
        if found { Ok(()) } else { Err(AnchorsError::NotHashed { path: path.to_owned() }) }
    }

    /// Looks certificates up in the CRLs in a file: one in DER, or any number in PEM. From now on every
    /// certificate below an anchor needs a current CRL of its issuer.
    ///
    /// # Errors
    /// [`AnchorsError`] if the file cannot be read or has no CRL, or one that is no good.
    pub fn add_crl_file(&mut self, path: &Path) -> Result<(), AnchorsError> {
        self.revocation = true;
        let bytes = read(path)?;
        let failed = |cause| AnchorsError::Crl { path: path.to_owned(), cause };
        let encoded = match pem::contents(&bytes, |label| label == "X509 CRL") {
            blocks if !blocks.is_empty() => {
                blocks.into_iter().collect::<Option<_>>().ok_or(CrlError::Unreadable).map_err(failed)?
            }
            // All that could be one in DER is told as such.
            _ if bytes.first() == Some(&DER_SEQUENCE) => vec![bytes],
            _ => return Err(AnchorsError::NoCrl { path: path.to_owned() }),
        };
        for encoded in encoded {
            self.crls.push(Crl::from_der(&encoded).map_err(failed)?);
        }
        Ok(())
    }

    /// Looks at no CRL, whatever was added and will be: who was revoked is then trusted.
    pub fn ignore_crls(&mut self) {
        self.crls.clear();
        self.revocation = false;
    }

    /// Whether certificates are looked up in CRLs.
    pub fn checks_revocation(&self) -> bool {
        self.revocation
    }

    /// How many certificates are trusted.
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The files of directories that could not be used.
    pub fn warnings(&self) -> &[AnchorsWarning] {
        &self.warnings
    }

    fn insert(&mut self, certificate: X509, path: &Path) -> Result<(), AnchorsError> {
        let failed = |cause| AnchorsError::Certificate { path: path.to_owned(), cause };
        let encoded = certificate.to_der().map_err(|error| failed(CertificateError::PublicKey(error)))?;
        // What a path shows of it must be readable too.
        Certificate::from_der(&encoded).map_err(failed)?;
        let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let target = fs::canonicalize(path).map_or_else(|_| stem(path), |target| stem(&target));
        let hash = certificate.subject_name_hash();
        let same = self.by_subject.entry(hash).or_default();
        let known = same.iter().copied().find(|&index| {
            self.certificates
                .get(index)
                .is_some_and(|known| known.certificate.to_der().is_ok_and(|known| known == encoded))
        });
        let index = known.unwrap_or(self.certificates.len());
        if known.is_none() {
            same.push(index);
            self.certificates.push(Anchor { certificate, stems: Vec::new() });
        }
        if let Some(anchor) = self.certificates.get_mut(index) {
            anchor.stems.extend([stem(path), target]);
        }
        Ok(())
    }

    fn add_policy(&mut self, path: &Path) -> Result<(), AnchorsError> {
        let bytes = read(path).inspect_err(|_| self.policies.push(SigningPolicy::unreadable(path)))?;
        let policy = SigningPolicy::read(path, &bytes).unwrap_or_else(|cause| {
            self.warnings.push(AnchorsWarning::SigningPolicy { path: path.to_owned(), cause });
            SigningPolicy::broken(path, &bytes)
        });
        self.policies.push(policy);
        Ok(())
    }

    /// The anchors that a path through these certificates can have: those with the name of one of
    /// them or of an issuer, and so on upwards.
    pub(super) fn candidates<'a>(&self, certificates: impl Iterator<Item = &'a X509>) -> Vec<&X509> {
        let mut names: Vec<u32> = certificates
            .flat_map(|certificate| [certificate.subject_name_hash(), certificate.issuer_name_hash()])
            .collect();
        let mut seen = 0;
        let mut found = Vec::new();
        while let Some(&name) = names.get(seen) {
            seen += 1;
            if names.iter().take(seen - 1).any(|known| *known == name) {
                continue;
            }
            for anchor in self.named(name) {
                names.push(anchor.certificate.issuer_name_hash());
                found.push(&anchor.certificate);
            }
        }
        found
    }

    /// The anchors with this name.
    pub(super) fn with_name(&self, name: &X509NameRef) -> impl Iterator<Item = &X509> {
        let certificates = self.certificates.iter().map(|anchor| &anchor.certificate);
        certificates
            .filter(move |anchor| anchor.subject_name().try_cmp(name).is_ok_and(std::cmp::Ordering::is_eq))
    }

    /// The CRLs of the authority with this name.
    pub(super) fn crls_of(&self, issuer: &X509NameRef) -> impl Iterator<Item = &Crl> {
        self.crls.iter().filter(move |crl| crl.is_of(issuer))
    }

    /// Whether the authority's signing policies, if it has any, let it certify the subject.
    pub(super) fn check_policy(&self, authority: &X509Ref, subject: &X509Ref) -> Result<(), PathError> {
        let [authority_text, subject_text] =
            [authority, subject].map(|certificate| slash::text(certificate.subject_name()));
        let [name, wanted] = [&authority_text, &subject_text].map(|text| slash::normalized(text));
        let hash = authority.subject_name_hash();
        let mut stems = vec![format!("{hash:08x}")];
        let named = self.named(hash).filter(|anchor| anchor.certificate == *authority);
        stems.extend(named.flat_map(|anchor| anchor.stems.iter().cloned()));
        // A file is the authority's by its own name or by what it says.
        let own = self.policies.iter().map(|policy| (policy, policy.permitted(&name)));
        let mut own =
            own.filter(|(policy, permitted)| permitted.is_some() || stems.contains(&policy.stem)).peekable();
        let Some((first, _)) = own.peek() else { return Ok(()) };
        let policy = first.path.clone();
        let permitted: Vec<&str> = own.flat_map(|(_, permitted)| permitted.unwrap_or_default()).collect();
        if signing_policy::covers(permitted.iter().copied(), &wanted) {
            return Ok(());
        }
        let permitted = permitted.into_iter().map(str::to_owned).collect();
        Err(PathError::SigningPolicy { authority: authority_text, subject: subject_text, policy, permitted })
    }

    fn named(&self, hash: u32) -> impl Iterator<Item = &Anchor> {
        let indices = self.by_subject.get(&hash).map(Vec::as_slice).unwrap_or_default();
        indices.iter().filter_map(|&index| self.certificates.get(index))
    }
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Anchors")
            .field("certificates", &self.certificates.len())
            .field("crls", &self.crls.len())
            .field("policies", &self.policies.len())
            .finish_non_exhaustive()
    }
}

/// Whether a file is named by the hash of a subject: eight hexadecimal digits.
fn is_hash(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.len() == 8 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn read(path: &Path) -> Result<Vec<u8>, AnchorsError> {
    let failed = |cause| AnchorsError::Read { path: path.to_owned(), cause };
    // Opening a FIFO would block.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(failed(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20),
        )));
    }
    Ok(bytes)
}

fn certificates(path: &Path) -> Result<Vec<X509>, AnchorsError> {
    let bytes = read(path)?;
    let failed = |cause| AnchorsError::Certificate { path: path.to_owned(), cause };
    match X509::stack_from_pem(&bytes) {
        Ok(certificates) if certificates.is_empty() => match X509::from_der(&bytes) {
            Ok(certificate) => Ok(vec![certificate]),
            Err(_) => Err(AnchorsError::NoCertificate { path: path.to_owned() }),
        },
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(failed(CertificateError::Base64)),
    }
}
