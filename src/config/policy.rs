//! The rules of a site: the table `policy`, in the configuration or in a file of its own, and the
//! originals' `policy.cfg`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::keys::{Keys, keys};
use super::value::{self, Place, Raw};
use super::{ini, toml};
use crate::policy::LocationPrefix;
use crate::trust::{Fingerprint, Pin};
use crate::{Checksum, ChecksumAlgorithm, Identifier};

/// Where a site's rules are, if nothing says otherwise: this project's file and the originals'.
const USUAL: [&str; 2] = ["/etc/stratuslab/policy.toml", "/etc/stratuslab/policy.cfg"];

keys! {
    /// Which images may be used: the section `policy`.
    PolicyConfig {
    /// Who may endorse.
    allow_endorsers: Vec<Pin>,
    /// Who may not.
    deny_endorsers: Vec<Pin>,
    /// Which checksums an image may have, of any algorithm.
    allow_checksums: Vec<Checksum>,
    /// Which not.
    deny_checksums: Vec<Checksum>,
    /// Which images may be used.
    allow_images: Vec<Identifier>,
    /// Which not.
    deny_images: Vec<Identifier>,
    /// The only certificates that may have signed.
    certificates: Vec<Fingerprint>,
    /// Trust anchors in a directory of hashed names, with their CRLs and signing policies.
    ca_path: PathBuf,
    /// Trust anchors in a PEM file.
    ca_file: PathBuf,
    /// CRLs, in PEM or DER files.
    crl: Vec<PathBuf>,
    /// How many endorsers have to agree.
    minimum_endorsers: usize,
    /// How many days ago an entry may have been endorsed.
    max_age_days: usize,
    /// Are entries accepted that have expired?
    allow_expired: bool,
    /// Are images accepted that are deprecated?
    allow_deprecated: bool,
    /// Are signatures and digests with SHA-1 accepted?
    allow_sha1: bool,
    /// Which checksums an entry has to state.
    required_checksums: Vec<ChecksumAlgorithm>,
    /// Where images may lie, what is preferred first.
    locations: Vec<LocationPrefix>,
    /// Which operating systems may be used.
    os: Vec<String>,
    /// Which versions of them.
    os_version: Vec<String>,
    /// For which machines.
    os_arch: Vec<String>,
    /// Which kinds of images.
    kind: Vec<String>,
    } also {
    source: Option<PathBuf>,
    originals: bool,
    }
}

/// What the originals' file may say, by section and key, and how it is called here.
const ORIGINALS: [(&str, &str, &str); 6] = [
    ("endorsers", "whitelistendorsers", "allow_endorsers"),
    ("endorsers", "blacklistendorsers", "deny_endorsers"),
    ("checksums", "whitelistchecksums", "allow_checksums"),
    ("checksums", "blacklistchecksums", "deny_checksums"),
    ("images", "whitelistimages", "allow_images"),
    ("images", "blacklistimages", "deny_images"),
];

/// The sections that the originals' file may have.
const SECTIONS: [&str; 3] = ["endorsers", "checksums", "images"];

impl PolicyConfig {
    /// The rules in a file: TOML with the table `policy`, if its name ends in `.toml`, and otherwise the
    /// originals' `policy.cfg`.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read or holds anything wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let (text, _) = super::read(path).map_err(|error| match error {
            ConfigError::Read { path, error } if error.kind() == io::ErrorKind::NotFound => {
                ConfigError::NoPolicyFile { path }
            }
            error => error,
        })?;
        let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        let mut policy = if is_toml { toml::policy(path, &text)? } else { originals(path, &text)? };
        policy.source = Some(path.to_owned());
        Ok(policy)
    }

    /// The file with a site's rules that is read if none is named; `None` if it is not there.
    pub fn usual_file() -> Option<PathBuf> {
        super::first_there(USUAL.map(PathBuf::from))
    }

    /// The file that these rules alone are in.
    pub fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    /// Is that the originals' `policy.cfg`?
    pub fn is_originals(&self) -> bool {
        self.originals
    }

    /// Is there no rule at all?
    pub fn is_empty(&self) -> bool {
        !Self::KEYS.iter().any(|key| self.is_set(key))
    }

    /// Whether there are anchors of endorsers.
    pub fn names_anchors(&self) -> bool {
        self.ca_path.is_some() || self.ca_file.is_some()
    }

    /// See [`super::Config::without_alternatives`].
    pub(super) fn without_alternatives(mut self, profile: &Self) -> Self {
        if profile.names_anchors() {
            (self.ca_path, self.ca_file) = (None, None);
        }
        self
    }
}

impl fmt::Debug for PolicyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: Vec<_> = Self::KEYS.iter().filter(|key| self.is_set(key)).collect();
        f.debug_struct("PolicyConfig").field("set", &set).finish_non_exhaustive()
    }
}

/// Reads the originals' file: lists with one item a line. P2: a section that is missing says nothing. P9:
/// `%` means itself.
fn originals(path: &Path, text: &str) -> Result<PolicyConfig, ConfigError> {
    let mut policy = PolicyConfig { originals: true, ..PolicyConfig::default() };
    for section in ini::split(path, text)? {
        let place = |offset, key| Place { path, text, offset, key, folder: Path::new("") };
        let known = ORIGINALS.iter().filter(|(name, ..)| *name == section.name);
        let known: Vec<_> = known.map(|(_, key, ours)| (*key, *ours)).collect();
        let Some(name) = SECTIONS.iter().find(|name| **name == section.name) else {
            let nearest = super::nearest(&section.name, &SECTIONS);
            let at = place(section.offset, "").at();
            return Err(ConfigError::UnknownSection { at, section: section.name, nearest });
        };
        let mut set: Vec<&str> = Vec::new();
        for entry in &section.entries {
            let place = place(entry.offset, &entry.key);
            let Some((key, ours)) = known.iter().find(|(key, _)| *key == entry.key) else {
                let keys: Vec<_> = known.iter().map(|(key, _)| *key).collect();
                let nearest = super::nearest(&entry.key, &keys);
                return Err(ConfigError::UnknownKey { at: place.at(), key: entry.key.clone(), nearest });
            };
            if set.contains(key) {
                return Err(ConfigError::Twice { at: place.at(), key: format!("{key} in [{name}]") });
            }
            set.push(key);
            policy.set(ours, Raw::Untyped(&entry.value), &place).unwrap_or(Ok(()))?;
        }
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_key_of_the_originals_has_one_here() {
        for (section, _, ours) in ORIGINALS {
            assert!(SECTIONS.contains(&section) && PolicyConfig::KEYS.contains(&ours), "{ours}");
        }
    }

    /// Texts that look like such files, and others.
    fn text() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            Just("[policy]".to_owned()),
            Just("[endorsers]".to_owned()),
            Just("whitelistendorsers = jane@example.org".to_owned()),
            Just("allow_endorsers = [\"jane@example.org\"]".to_owned()),
            Just("minimum_endorsers = 2".to_owned()),
            Just("locations = [\"https://a.example\"]".to_owned()),
            "[ a-z_=:%\\[\\]\"']{0,30}",
            any::<String>(),
        ];
        proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_refused(text in text()) {
            let path = Path::new("policy");
            let _ = originals(path, &text);
            let _ = toml::policy(path, &text);
        }
    }
}
