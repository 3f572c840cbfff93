//! Entries to upload: described, endorsed and signed as the commands do it, quickly.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
};

use stratuslab::{
    ChecksumAlgorithm, Credentials, Identifier, ImageDigests, Metadata, Timestamp,
    dsig::{self, SignRequest},
    metadata::rules::Leniency,
};

use crate::pki::{Identity, Kind, Request, new_key};

/// Who endorses, if nobody is named.
pub(crate) const EMAIL: &str = "jane.tester@example.org";

/// What an entry shall say.
#[derive(Clone)]
pub(crate) struct Draft {
    digests: ImageDigests,
    email: String,
    created: Timestamp,
    valid: Option<Timestamp>,
    texts: Vec<(&'static str, String)>,
    locations: Vec<String>,
    extra: String,
    deprecated: Option<String>,
}

impl Draft {
    /// An entry for an image that has this content.
    pub(crate) fn new(image: &str) -> Self {
        Self::with_digests(ImageDigests::read(image.as_bytes(), &[ChecksumAlgorithm::Sha256]).unwrap())
    }

    /// An entry for an image with this content, with all its checksums.
    pub(crate) fn of(image: &[u8]) -> Self {
        Self::with_digests(ImageDigests::read(image, &ChecksumAlgorithm::ALL).unwrap())
    }

    fn with_digests(digests: ImageDigests) -> Self {
        Self {
            digests,
            email: EMAIL.to_owned(),
            created: time("2012-03-04T05:06:07Z"),
            valid: Timestamp::now().checked_add_days(180),
            texts: vec![("os", "ttylinux".to_owned()), ("kind", "machine".to_owned())],
            locations: vec!["http://example.org/image.gz".to_owned()],
            extra: String::new(),
            deprecated: None,
        }
    }

    /// The identifier of the image.
    pub(crate) fn identifier(&self) -> Identifier {
        self.digests.identifier()
    }

    /// `/metadata/IDENTIFIER/EMAIL/CREATED`.
    pub(crate) fn path(&self) -> String {
        format!("/metadata/{}/{}/{}", self.identifier(), self.email, self.created)
    }

    pub(crate) fn email(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    pub(crate) fn created(mut self, created: &str) -> Self {
        self.created = time(created);
        self
    }

    /// Endorsed so many seconds from now.
    pub(crate) fn created_in(mut self, seconds: i64) -> Self {
        self.created = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + seconds).unwrap();
        self
    }

    pub(crate) fn valid(mut self, valid: &str) -> Self {
        self.valid = Some(time(valid));
        self
    }

    pub(crate) fn undated(mut self) -> Self {
        self.valid = None;
        self
    }

    /// `os`, `os-version`, `os-arch`, `kind`, `title`, `description`, `tag`, `version`, …
    pub(crate) fn text(mut self, name: &'static str, value: &str) -> Self {
        self.texts.retain(|(known, _)| *known != name);
        self.texts.push((name, value.to_owned()));
        self
    }

    pub(crate) fn locations(mut self, locations: &[&str]) -> Self {
        self.locations = locations.iter().map(|&location| location.to_owned()).collect();
        self
    }

    /// XML at the end of the description.
    pub(crate) fn extra(mut self, xml: &str) -> Self {
        self.extra.push_str(xml);
        self
    }

    pub(crate) fn deprecated(mut self, reason: &str) -> Self {
        self.deprecated = Some(reason.to_owned());
        self
    }

    /// The document, before it is endorsed.
    pub(crate) fn unsigned(&self) -> String {
        let mut builder = Metadata::builder(&self.digests);
        for (name, value) in &self.texts {
            builder = match *name {
                "os" => builder.os(value),
                "os-version" => builder.os_version(value),
                "os-arch" => builder.os_arch(value),
                "kind" => builder.kind(value),
                "title" => builder.title(value),
                "description" => builder.description(value),
                "tag" => builder.tag(value),
                "version" => builder.version(value),
                "compression" => builder.compression(value),
                other => panic!("no {other} in drafts"),
            };
        }
        builder = builder.image_type("base").created(time("2012-01-01T00:00:00Z"));
        for location in &self.locations {
            builder = builder.location(location);
        }
        if let Some(valid) = self.valid {
            builder = builder.valid(valid);
        }
        let escaped = |text: &String| text.replace('&', "&amp;").replace('<', "&lt;");
        let deprecated = self.deprecated.as_ref().map(escaped);
        let deprecated =
            deprecated.map(|reason| format!("<slterms:deprecated>{reason}</slterms:deprecated>"));
        let last = format!("{}{}", self.extra, deprecated.unwrap_or_default());
        builder
            .build()
            .to_rdf()
            .unwrap()
            .replace("    </rdf:Description>", &format!("{last}    </rdf:Description>"))
    }

    /// The signed entry, with a certificate of its endorser's own making.
    pub(crate) fn signed(&self) -> Vec<u8> {
        self.signed_by(&identity(&self.email))
    }

    pub(crate) fn signed_by(&self, identity: &Identity) -> Vec<u8> {
        sign(self.unsigned().as_bytes(), identity, &self.email, self.created)
    }
}

/// Endorses and signs a document.
pub(crate) fn sign(document: &[u8], identity: &Identity, email: &str, created: Timestamp) -> Vec<u8> {
    let credentials = Credentials::from_pem(&identity.certificate_pem(), &identity.key_pem(), None).unwrap();
    let request = SignRequest {
        credentials: &credentials,
        method: None,
        email: Some(&email.parse().unwrap()),
        created,
        leniency: Leniency::OldEntries,
        include_chain: false,
    };
    dsig::sign(document, &request).unwrap().document().to_vec()
}

/// Someone with a P-256 key and a self-signed certificate that has this address; always the same one.
pub(crate) fn identity(email: &str) -> Identity {
    static KNOWN: OnceLock<Mutex<HashMap<String, Identity>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap();
    let new = || Request::new(email).email(email).days(-10_000, 365).self_signed(&new_key(Kind::P256));
    known.entry(email.to_owned()).or_insert_with(new).clone()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
