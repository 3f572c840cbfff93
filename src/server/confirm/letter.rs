//! What the mails say.

use askama::Template;

use crate::{Timestamp, server::key::EntryKey};

/// The subject of the originals' mails, by which people filter them.
pub(super) const SUBJECT: &str = "StratusLab Marketplace Message";

/// The mail that asks an endorser.
#[derive(Template)]
#[template(path = "mail/confirm.txt", whitespace = "preserve")]
pub(super) struct Confirm<'a> {
    /// The public URL.
    pub(super) base: &'a str,
    /// The entry that waits.
    pub(super) key: &'a EntryKey,
    /// Whether it deprecates the image, even if it gives an empty reason (S33).
    pub(super) deprecating: bool,
    /// What makes the links work.
    pub(super) token: &'a str,
    /// When it is forgotten.
    pub(super) expires: Timestamp,
}

/// The mail that tells the administrator of abuse.
#[derive(Template)]
#[template(path = "mail/abuse.txt", whitespace = "preserve")]
pub(super) struct Abuse<'a> {
    /// The public URL.
    pub(super) base: &'a str,
    /// The entry that waited.
    pub(super) key: &'a EntryKey,
    /// The certificate that it is signed with, if it can be read.
    pub(super) certificate: Option<SignedWith>,
}

/// A certificate, for people.
pub(super) struct SignedWith {
    /// Its subject, in one printable line.
    pub(super) subject: String,
    /// Its SHA-256.
    pub(super) fingerprint: String,
}
