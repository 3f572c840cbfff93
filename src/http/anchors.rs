//! The CA certificates servers are checked against.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use openssl::x509::X509;
use reqwest::Certificate;

/// Largest file read for CA certificates, in bytes.
const CA_FILE_LIMIT: u64 = 16 << 20;
/// Most files looked at in a folder of CA certificates.
const CA_FOLDER_LIMIT: usize = 10_000;

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A file or folder of CA certificates cannot be read.
    #[error("cannot read CA certificates from {}: {cause}", .path.display())]
    CaUnreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file or folder without any certificate.
    #[error("no CA certificate in {}", .path.display())]
    CaMissing {
        /// The file or folder.
        path: PathBuf,
    },
    /// The client certificate and its key cannot be used.
    #[error("cannot use the client certificate: {cause}")]
    Identity {
        /// Why.
        cause: String,
    },
    /// The TLS library does not start with these options.
    #[error("cannot set up TLS: {cause}")]
    Setup {
        /// Why.
        cause: String,
    },
}

/// The CA certificates that replace the system's, each once; `None` if nothing is named.
pub(super) fn read(
    file: Option<&Path>,
    folder: Option<&Path>,
) -> Result<Option<Vec<Certificate>>, OptionsError> {
    let mut found = HashSet::new();
    let of_file = file.map(|path| (path, read_bounded(path).map(|bytes| certificates(&bytes))));
    let of_folder = folder.map(|path| (path, of_folder(path)));
    for (path, certificates) in of_file.into_iter().chain(of_folder) {
        let path = path.to_owned();
        match certificates {
            Ok(certificates) if certificates.is_empty() => return Err(OptionsError::CaMissing { path }),
            Ok(certificates) => found.extend(certificates),
            Err(cause) => return Err(OptionsError::CaUnreadable { path, cause }),
        }
    }
    if file.is_none() && folder.is_none() {
        return Ok(None);
    }
    let anchors: Result<Vec<_>, _> = found.iter().map(|der| Certificate::from_der(der)).collect();
    anchors.map(Some).map_err(|cause| OptionsError::Setup { cause: innermost(&cause) })
}

/// The DER of every certificate in a file.
#[cfg(feature = "marketplace")]
pub(crate) fn in_file(path: &Path) -> Result<Vec<Vec<u8>>, OptionsError> {
    let path_of = || path.to_owned();
    let bytes = read_bounded(path).map_err(|cause| OptionsError::CaUnreadable { path: path_of(), cause })?;
    let found = certificates(&bytes);
    if found.is_empty() { Err(OptionsError::CaMissing { path: path_of() }) } else { Ok(found) }
}

/// Every certificate in the files of a folder. Grid folders hold CRLs, policies and links
/// beside them, so what is no certificate or cannot be read is passed over.
fn of_folder(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for file in fs::read_dir(path)?.take(CA_FOLDER_LIMIT) {
        let file = file?.path();
        // Opening a FIFO would block.
        if fs::metadata(&file).is_ok_and(|metadata| metadata.is_file())
            && let Ok(bytes) = read_bounded(&file)
        {
            found.extend(certificates(&bytes));
        }
    }
    Ok(found)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(CA_FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CA_FILE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {CA_FILE_LIMIT} bytes")));
    }
    Ok(bytes)
}

fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = X509::stack_from_pem(bytes).unwrap_or_default();
    if found.is_empty() {
        found.extend(X509::from_der(bytes));
    }
    found.iter().filter_map(|certificate| certificate.to_der().ok()).collect()
}

pub(crate) fn first_reason(stack: &openssl::error::ErrorStack) -> String {
    stack.errors().first().and_then(openssl::error::Error::reason).unwrap_or("unknown reason").to_owned()
}

pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    super::printable(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("12345678.r0"), "-----BEGIN X509 CRL-----\n").unwrap();
        assert!(matches!(read(None, Some(folder.path())), Err(OptionsError::CaMissing { .. })));
        let absent = folder.path().join("absent");
        for (file, folder) in [(Some(absent.as_path()), None), (None, Some(absent.as_path()))] {
            let error = read(file, folder).unwrap_err();
            assert!(
                matches!(&error, OptionsError::CaUnreadable { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
            );
        }
    }
}
