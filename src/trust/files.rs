//! Where trust anchors are kept, so that they can be read again: CRLs are renewed every day.

use std::path::PathBuf;

use super::{Anchors, AnchorsError};

/// Files of trust anchors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnchorFiles {
    /// A directory of hashed names, with CRLs and signing policies.
    pub directory: Option<PathBuf>,
    /// A PEM file.
    pub file: Option<PathBuf>,
    /// CRLs, PEM or DER.
    pub crls: Vec<PathBuf>,
    /// Looks at no CRL at all.
    pub ignore_crls: bool,
}

impl AnchorFiles {
    /// What is in the files now.
    ///
    /// # Errors
    /// [`AnchorsError`] if one cannot be used.
    pub fn read(&self) -> Result<Anchors, AnchorsError> {
        let mut anchors = Anchors::new();
        if let Some(directory) = &self.directory {
            anchors.add_directory(directory)?;
        }
        if let Some(file) = &self.file {
            anchors.add_pem_file(file)?;
        }
        if self.ignore_crls {
            anchors.ignore_crls();
        } else {
            for crl in &self.crls {
                anchors.add_crl_file(crl)?;
            }
        }
        Ok(anchors)
    }
}
