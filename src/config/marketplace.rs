//! How one's own Marketplace runs: the table `marketplace`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::keys::{Keys, keys};
use super::value::{self, Hours, LogFormat, Place, Raw, Size, password_in_url};
use crate::http::HttpUrl;
use crate::trust::Pin;
use crate::{Email, Password};

keys! {
    /// How one's own Marketplace runs (`stratus-marketplace`): the section `marketplace`.
    MarketplaceConfig {
    /// Where it listens.
    listen: SocketAddr,
    /// Where it shows its metrics, and they alone.
    metrics_listen: SocketAddr,
    /// The directory with its entries.
    data: PathBuf,
    /// The PostgreSQL database with its entries; there may be a password in it.
    database: Password,
    /// Where clients find it.
    public_url: HttpUrl,
    /// Does it take no uploads?
    read_only: bool,
    /// May anyone supersede anyone's entries?
    open: bool,
    /// Largest upload.
    max_entry_bytes: Size,
    /// Are signatures and digests with SHA-1 accepted in uploads?
    allow_sha1: bool,
    /// Trust anchors in a directory of hashed names, with their CRLs and signing policies.
    ca_path: PathBuf,
    /// Trust anchors in a PEM file.
    ca_file: PathBuf,
    /// CRLs, in PEM or DER files.
    crl: Vec<PathBuf>,
    /// Whose entries are taken.
    endorsed_by: Vec<Pin>,
    /// Are endorsers asked by mail before their entries are taken?
    confirm_email: bool,
    /// Who is not asked.
    confirm_not_for: Vec<Pin>,
    /// How long they may take.
    confirm_expires: Hours,
    /// Who takes over its mail.
    mail_server: String,
    /// Who its mail is from, and who is told of abuse.
    mail_admin: Email,
    /// The user at the mail server.
    mail_user: String,
    /// The password there.
    mail_password: Password,
    /// A file with that password.
    mail_password_file: PathBuf,
    /// Certificates to trust for the mail server instead of the system's, in a PEM file.
    mail_ca_file: PathBuf,
    /// Are endorsers told before their entries expire?
    reminders: bool,
    /// How long a query may take.
    query_timeout: Duration,
    /// How much memory a query may take.
    query_memory: Size,
    /// How many results a query may have.
    query_rows: usize,
    /// How long a client may pause.
    client_timeout: Duration,
    /// How long requests in progress may take when it stops.
    shutdown_timeout: Duration,
    /// Connections at a time.
    max_connections: usize,
    /// How its log is written.
    log_format: LogFormat,
    } also {}
}

impl MarketplaceConfig {
    /// See [`Config::without_alternatives`].
    pub(super) fn without_alternatives(mut self, profile: &Self) -> Self {
        if profile.ca_path.is_some() || profile.ca_file.is_some() {
            (self.ca_path, self.ca_file) = (None, None);
        }
        if profile.data.is_some() || profile.database.is_some() {
            (self.data, self.database) = (None, None);
        }
        if profile.mail_password.is_some() || profile.mail_password_file.is_some() {
            (self.mail_password, self.mail_password_file) = (None, None);
        }
        self
    }

    pub(super) fn holds_password(&self) -> bool {
        let database = self.database.as_ref().map(Password::as_str);
        self.mail_password.is_some() || database.and_then(password_in_url).is_some()
    }
}

impl fmt::Debug for MarketplaceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: Vec<_> = Self::KEYS.iter().filter(|key| self.is_set(key)).collect();
        f.debug_struct("MarketplaceConfig").field("set", &set).finish_non_exhaustive()
    }
}
