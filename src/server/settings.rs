//! How a Marketplace is set up: checked values, from wherever they came.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    Email, Password,
    trust::{Anchors, Pin},
};

use super::mail::MailServer;

/// How a Marketplace is set up.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the entries are.
    pub database: Database,
    /// Where clients find it: `https://HOST/PREFIX`, without a slash at the end; links in mails begin so.
    pub public_url: Option<PublicUrl>,
    /// Takes no uploads.
    pub read_only: bool,
    /// Largest upload, in bytes; at most 10 MiB, which is all that is ever verified.
    pub max_entry_bytes: usize,
    /// Takes signatures and digests with SHA-1, and RSA keys down to 1024 bits.
    pub allow_sha1: bool,
    /// Takes entries only of endorsers whose certificates have a path to one of these.
    pub anchors: Option<Anchors>,
    /// Takes entries of these endorsers only; of everyone if there are none.
    pub endorsers: Vec<Pin>,
    /// Asks endorsers by mail before their entries are taken.
    pub confirmation: Option<Confirmation>,
    /// How mail is sent; needed for confirmations and reminders.
    pub mail: Option<Mail>,
    /// Tells endorsers by mail before their entries expire.
    pub reminders: bool,
    /// How long one query of `/query` may take.
    pub query_timeout: Duration,
    /// How many bytes one query of `/query` may hold in memory.
    pub query_memory: usize,
    /// How many results one query of `/query` may have.
    pub query_rows: usize,
    /// How long what is going on may take to end when the server is asked to stop.
    pub shutdown: Duration,
    /// Connections at a time; further ones wait.
    pub max_connections: usize,
}

/// Where entries are kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// In this SQLite file.
    Sqlite(PathBuf),
    /// In the PostgreSQL, or a database that speaks its protocol, at this URL; it may hold a password.
    Postgres(Password),
}

/// An `http:` or `https:` URL that ends without a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://HOST[:PORT]`.
    pub origin: String,
    /// `/PREFIX`, or empty.
    pub prefix: String,
}

/// Who need not confirm, and how long others may take.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// Endorsers who are known well enough; names and addresses count only on trusted paths.
    pub not_for: Vec<Pin>,
    /// After this an unconfirmed upload is forgotten.
    pub expires: Duration,
}

/// How mail is sent.
#[derive(Debug)]
pub struct Mail {
    /// Who takes it over.
    pub server: MailServer,
    /// Who it is from, and who is told of abuse.
    pub admin: Email,
    /// The user at the server.
    pub user: Option<String>,
    /// The password at the server.
    pub password: Option<Password>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}
