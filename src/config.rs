//! The configuration file: defaults and profiles, resolved to one set of values.
//!
//! A value is taken from the command line, else from the environment (`STRATUSLAB_…`), else from
//! the selected profile, else from the file's defaults, else it is built in. A command therefore
//! holds its options as `Option` and ends with `option.or(config.value)`; nothing is compared with
//! a default to find out whether it was given (C11, C12).
//!
//! Two formats are read. TOML is this project's: keys at the top are the defaults, every table is
//! a profile. INI is the originals' `stratuslab-user.cfg`: section `[default]`, others profiles.
//! The table or section `trust` is no profile, but who is trusted, and the table `marketplace` is how one's
//! own Marketplace runs; the table `policy` says which images may be used. In TOML a profile may have such
//! tables of its own, `[PROFILE.trust]`.
//! A name ending in `.toml` says TOML, in `.cfg` or `.ini` INI; any other file with a `[default]`
//! section is INI.
//!
//! Relative paths in a TOML file start from its folder, in an INI file, as they always did, from
//! the current one; `output_manifest_file` is an output and starts from the current folder in both.

use std::fmt;
use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cli::{input, password};
use crate::credentials::token::{Pkcs11Uri, TokenPin};
use crate::dsig::SignatureMethod;
use crate::trust::Pin;
use crate::{Email, Password};

mod error;
mod ini;
mod keys;
mod marketplace;
mod policy;
mod toml;
mod value;

pub use error::{At, ConfigError, ConfigWarning};
pub use marketplace::MarketplaceConfig;
pub use policy::PolicyConfig;
#[cfg(feature = "marketplace")]
pub(crate) use value::password_in_url;
pub use value::timeout;
pub use value::{Hours, LogFormat, Size, VerifyCache};

use keys::{Keys, keys};
use value::{Place, Raw};

/// The longest configuration file read, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

keys! {
    /// The values of a configuration file, one profile over the defaults. Its `Debug` names the
    /// keys that are set and shows no value.
    Config {
    /// Where entries are published: `https://HOST[:PORT][/PREFIX]`; also called `marketplace` (C34).
    marketplace_endpoint: String,
    /// The user of HTTP authentication.
    username: String,
    /// The password of HTTP authentication.
    password: Password,
    /// Certificates to trust instead of the system's, in a PEM file.
    ca_file: PathBuf,
    /// Certificates to trust instead of the system's, in a hashed folder.
    ca_path: PathBuf,
    /// The TLS client certificate, PEM.
    client_certificate: PathBuf,
    /// Its key, PEM.
    client_key: PathBuf,
    /// How long the exchange for one entry may take, retries included.
    timeout: Duration,
    /// The certificate and key to sign with, PKCS#12.
    p12_certificate: PathBuf,
    /// The password of that file.
    p12_password: Password,
    /// A file with that password.
    p12_password_file: PathBuf,
    /// The certificate to sign with, PEM; issuers may follow.
    pem_certificate: PathBuf,
    /// Its key, PEM.
    pem_key: PathBuf,
    /// The key on a token to sign with; a PIN may be in it.
    pkcs11_uri: Pkcs11Uri,
    /// The module that knows the token.
    pkcs11_module: PathBuf,
    /// The endorser's address if the certificate has none.
    email: Email,
    /// How to sign: `rsa-sha256`, …
    signature_algorithm: SignatureMethod,
    /// The time-stamp authority that is asked when something is signed.
    timestamp_url: String,
    /// Are the issuers' certificates put into signatures as well?
    include_chain: bool,
    /// Are signatures and digests with SHA-1 accepted?
    allow_sha1: bool,
    /// Where a signed document goes instead of its input's place.
    output_manifest_file: PathBuf,
    /// Where images are kept.
    cache: PathBuf,
    /// How it is found out that they are what they were.
    verify_cache: VerifyCache,
    /// `dcterms:creator` of new descriptions.
    author: String,
    /// `dcterms:publisher` of new descriptions.
    publisher: String,
    } also {
    /// Section `trust`: who is trusted to say who endorsed an entry.
    pub trust: TrustConfig,
    /// Section `marketplace`: how one's own Marketplace runs.
    pub marketplace: MarketplaceConfig,
    /// Section `policy`: which images may be used.
    pub policy: PolicyConfig,
    source: Option<PathBuf>,
    warnings: Vec<ConfigWarning>,
    }
}

keys! {
    /// Who is trusted to say who endorsed an entry: the section `trust`.
    TrustConfig {
    /// Trust anchors in a directory of hashed names, with their CRLs and signing policies.
    ca_path: PathBuf,
    /// Trust anchors in a PEM file.
    ca_file: PathBuf,
    /// CRLs, in PEM or DER files.
    crl: Vec<PathBuf>,
    /// Whose endorsements are accepted.
    endorsed_by: Vec<Pin>,
    /// The trust anchors of time stamps, in a PEM file.
    tsa_ca_file: PathBuf,
    } also {}
}

/// A key of the documentation that the originals' code did not know (C34).
const ALIASES: &[(&str, &str)] = &[("marketplace", "marketplace_endpoint")];

/// The sections that are no profiles.
const TRUST: &str = "trust";
const MARKETPLACE: &str = "marketplace";
const POLICY: &str = "policy";

/// The key that names the profile to use.
const SELECTED_SECTION: &str = "selected_section";

/// What a file says, before a profile is chosen.
#[derive(Default)]
struct Contents {
    defaults: Config,
    selected: Option<String>,
    profiles: Vec<(String, Config)>,
}

impl Config {
    /// The values of `file`, or of the usual file if there is one, with `profile`, or the one
    /// the file selects, over its defaults.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, holds anything wrong, or lacks the profile.
    pub fn load(file: Option<&Path>, profile: Option<&str>) -> Result<Self, ConfigError> {
        let usual = if file.is_none() { usual_file(dirs::config_dir(), dirs::home_dir()) } else { None };
        let Some(path) = file.or(usual.as_deref()) else {
            return match profile {
                Some(profile) => {
                    let looked_for = usual_files(dirs::config_dir(), dirs::home_dir());
                    Err(ConfigError::NoFile { profile: profile.to_owned(), looked_for })
                }
                None => Ok(Self::default()),
            };
        };
        let (text, exposed) = read(path)?;
        let contents = parse(path, &text)?;
        let holds_password = contents.holds_password();
        let mut config = contents.choose(path, profile)?;
        if exposed && holds_password {
            config.warnings.push(ConfigWarning::Exposed { path: path.to_owned() });
        }
        config.source = Some(path.to_owned());
        Ok(config)
    }

    /// These defaults without what a profile replaces by giving the same in another way: together
    /// they would contradict each other, as they do in one section.
    fn without_alternatives(mut self, profile: &Self) -> Self {
        // More anchors would be more trust.
        if profile.trust.names_anchors() {
            (self.trust.ca_path, self.trust.ca_file) = (None, None);
        }
        self.marketplace = self.marketplace.without_alternatives(&profile.marketplace);
        self.policy = self.policy.without_alternatives(&profile.policy);
        if profile.p12_certificate.is_some() || profile.pkcs11_uri.is_some() {
            (self.pem_certificate, self.pem_key) = (None, None);
        }
        if profile.pem_certificate.is_some() || profile.pkcs11_uri.is_some() {
            self.p12_certificate = None;
        }
        if profile.p12_certificate.is_some() || profile.pem_certificate.is_some() {
            self.pkcs11_uri = None;
        }
        if profile.p12_password.is_some() {
            self.p12_password_file = None;
        }
        if profile.p12_password_file.is_some() {
            self.p12_password = None;
        }
        self
    }

    fn over(self, mut defaults: Self) -> Self {
        let mut profile = self;
        defaults.trust = mem::take(&mut profile.trust).keys_over(mem::take(&mut defaults.trust));
        defaults.policy = mem::take(&mut profile.policy).keys_over(mem::take(&mut defaults.policy));
        let marketplace = mem::take(&mut profile.marketplace);
        defaults.marketplace = marketplace.keys_over(mem::take(&mut defaults.marketplace));
        profile.keys_over(defaults)
    }

    /// The file the values come from; `None` if there is none.
    pub fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    /// What the user should know about the file.
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }
}

impl TrustConfig {
    /// Whether there are anchors of endorsers.
    pub fn names_anchors(&self) -> bool {
        self.ca_path.is_some() || self.ca_file.is_some()
    }
}

impl fmt::Debug for TrustConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: Vec<_> = Self::KEYS.iter().filter(|key| self.is_set(key)).collect();
        f.debug_struct("TrustConfig").field("set", &set).finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: Vec<_> = Self::KEYS.iter().filter(|key| self.is_set(key)).collect();
        let mut text = f.debug_struct("Config");
        text.field("source", &self.source).field("set", &set).field("trust", &self.trust);
        text.field("marketplace", &self.marketplace).field("policy", &self.policy);
        text.finish_non_exhaustive()
    }
}

impl Contents {
    fn holds_password(&self) -> bool {
        let configs = self.profiles.iter().map(|(_, config)| config).chain([&self.defaults]);
        let pin = |config: &Config| {
            matches!(config.pkcs11_uri.as_ref().and_then(Pkcs11Uri::pin), Some(TokenPin::Value(_)))
        };
        configs.into_iter().any(|config| {
            config.password.is_some()
                || config.p12_password.is_some()
                || pin(config)
                || config.marketplace.holds_password()
        })
    }

    fn choose(self, path: &Path, profile: Option<&str>) -> Result<Config, ConfigError> {
        let Self { defaults, selected, profiles } = self;
        let Some(wanted) = profile.map(str::to_owned).or(selected) else { return Ok(defaults) };
        let available: Vec<_> = profiles.iter().map(|(name, _)| name.clone()).collect();
        let chosen = profiles.into_iter().find(|(name, _)| *name == wanted);
        match chosen {
            Some((_, config)) => {
                let defaults = defaults.without_alternatives(&config);
                Ok(config.over(defaults))
            }
            None => Err(ConfigError::MissingProfile { path: path.to_owned(), wanted, available }),
        }
    }
}

/// The TOML file where such files belong, and the originals' file.
fn usual_files(config: Option<PathBuf>, home: Option<PathBuf>) -> Vec<PathBuf> {
    let toml = config.map(|folder| folder.join("stratuslab").join("config.toml"));
    let ini = home.map(|folder| folder.join(".stratuslab").join("stratuslab-user.cfg"));
    [toml, ini].into_iter().flatten().collect()
}

/// The first of the usual files that is there.
fn usual_file(config: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    first_there(usual_files(config, home))
}

/// The first file that is there.
fn first_there(files: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    // A file that is there but cannot be looked at is an error of reading it.
    let there =
        |path: &PathBuf| !matches!(path.metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound);
    files.into_iter().find(there)
}

/// The text of a file, and whether others may read it.
fn read(path: &Path) -> Result<(Zeroizing<String>, bool), ConfigError> {
    let failed = |error| ConfigError::Read { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let limit = usize::try_from(MAX_CONFIG_BYTES + 1).unwrap_or_default();
    let bytes = input::read_secret(file, limit).map_err(failed)?;
    if bytes.len() as u64 > MAX_CONFIG_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    match std::str::from_utf8(&bytes) {
        // Editors of some systems begin UTF-8 files with a byte order mark.
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            Ok((Zeroizing::new(text.to_owned()), found.is_file() && password::readable_by_others(&found)))
        }
        Err(error) => {
            let line = line_of(&bytes, error.valid_up_to());
            Err(ConfigError::NotUtf8 { path: path.to_owned(), line })
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<Contents, ConfigError> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let ini = match extension.as_deref() {
        Some("toml") => false,
        Some("cfg" | "ini") => true,
        _ => text.lines().any(|line| line.trim() == "[default]"),
    };
    if ini { ini::parse(path, text) } else { toml::parse(path, text) }
}

/// The number of the line with the byte at `offset`, from 1.
fn line_of(text: &[u8], offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.split(|byte| *byte == b'\n').count()
}

/// The key of `known` most like `key`.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let wanted = key.to_lowercase().replace('-', "_");
    let known = known.iter().copied();
    let likeness = |known: &str| match known.strip_suffix(&wanted) {
        Some(before) if wanted.len() > 3 && !before.is_empty() => 0.99,
        _ => strsim::jaro_winkler(known, &wanted),
    };
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|known| likeness(known) > 0.7 && *known != key)
}

/// Sets `key` in a section; `set` lists the keys it has already.
fn assign<K: Keys>(
    section: &mut K,
    set: &mut Vec<String>,
    place: &Place<'_>,
    key: &str,
    raw: Raw<'_>,
) -> Result<(), ConfigError> {
    let alias = ALIASES.iter().find(|(alias, name)| *alias == key && K::NAMES.contains(name));
    let name = alias.map_or(key, |(_, name)| name);
    if set.iter().any(|known| known == name) {
        return Err(ConfigError::Twice { at: place.at(), key: name.to_owned() });
    }
    set.push(name.to_owned());
    let place = Place { key: name, ..*place };
    section.set(name, raw, &place).unwrap_or_else(|| {
        let nearest = nearest(key, &names::<K>());
        Err(ConfigError::UnknownKey { at: place.at(), key: key.to_owned(), nearest })
    })
}

/// All that a section may have, also under its other names.
fn names<K: Keys>() -> Vec<&'static str> {
    let aliases = ALIASES.iter().filter(|(_, name)| K::NAMES.contains(name)).map(|(alias, _)| *alias);
    let selected = Some(SELECTED_SECTION).filter(|_| K::NAMES == Config::KEYS);
    K::NAMES.iter().copied().chain(aliases).chain(selected).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_originals_file_is_read_when_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let usual = || usual_file(Some(folder.path().join("config")), Some(folder.path().to_owned()));
        assert_eq!(usual(), None);
        let write = |path: PathBuf| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        let ini = write(folder.path().join(".stratuslab/stratuslab-user.cfg"));
        assert_eq!(usual(), Some(ini));
        let toml = write(folder.path().join("config/stratuslab/config.toml"));
        assert_eq!(usual(), Some(toml));
        assert_eq!(usual_file(None, None), None);
    }

    #[test]
    fn the_nearest_key_is_named_if_one_is_near() {
        let nearest = |key| nearest(key, &names::<Config>());
        assert_eq!(nearest("p12_certficate"), Some("p12_certificate"));
        assert_eq!(nearest("P12-Password"), Some("p12_password"));
        assert_eq!(nearest("selected-section"), Some("selected_section"));
        assert_eq!(nearest("endpoint"), Some("marketplace_endpoint"));
        assert_eq!(nearest("xyzzy"), None);
        assert_eq!(super::nearest("endorsed-by", &names::<TrustConfig>()), Some("endorsed_by"));
        assert_eq!(super::nearest("selected-section", &names::<TrustConfig>()), None);
    }
}
