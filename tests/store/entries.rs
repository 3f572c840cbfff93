//! Signed entries, as many as a test needs.

use stratuslab::{
    ChecksumAlgorithm, Email, Identifier, ImageDigests, Metadata, Timestamp,
    dsig::{self, SignRequest},
    metadata::rules::Leniency,
    server::{
        selection::{From, Window},
        store::{Listed, NewEntry, Page},
    },
};

use crate::pki::{Kind, Request, key};

/// The time at which the tests take place.
pub(crate) const NOW: &str = "2024-06-01T00:00:00Z";

/// An entry to be signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) metadata: Metadata,
    pub(crate) email: String,
    pub(crate) created: String,
}

/// An entry of the image with this content, endorsed by jane at the beginning of 2024, valid until 2025.
pub(crate) fn draft(image: &str) -> Draft {
    let digests = ImageDigests::read(image.as_bytes(), &[ChecksumAlgorithm::Sha256]).unwrap();
    let metadata = Metadata::builder(&digests)
        .kind("machine")
        .os("ubuntu")
        .os_version("22.04")
        .os_arch("x86_64")
        .version("1.0")
        .format("qcow2")
        .location("http://example.org/image.qcow2")
        .creator("Jane Tester")
        .created(time("2024-01-01T00:00:00Z"))
        .valid(time("2025-01-01T00:00:00Z"))
        .title("a title")
        .description("a description")
        .build();
    Draft { metadata, email: "jane@example.org".to_owned(), created: "2024-01-01T00:00:00Z".to_owned() }
}

impl Draft {
    pub(crate) fn by(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    pub(crate) fn at(mut self, created: &str) -> Self {
        created.clone_into(&mut self.created);
        self
    }

    pub(crate) fn valid(mut self, valid: &str) -> Self {
        self.metadata.valid = Some(time(valid));
        self
    }

    /// Changes what it says.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Metadata)) -> Self {
        change(&mut self.metadata);
        self
    }

    /// Signs it; each time with another signature.
    pub(crate) fn sign(&self) -> NewEntry {
        let identity = Request::new("Jane Tester").email(&self.email).self_signed(&key(Kind::P256));
        let credentials = crate::entry::credentials(&identity);
        let email: Email = self.email.parse().unwrap();
        let request = SignRequest {
            credentials: &credentials,
            method: None,
            email: Some(&email),
            created: time(&self.created),
            leniency: Leniency::Strict,
            include_chain: false,
        };
        let signed = dsig::sign(self.metadata.to_rdf().unwrap().as_bytes(), &request).unwrap();
        NewEntry::new(&signed).unwrap()
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    time(NOW)
}

pub(crate) fn identifier(image: &str) -> Identifier {
    draft(image).metadata.identifier
}

/// The first so many.
pub(crate) fn first(length: u32) -> Window {
    Window { from: From::Offset(0), length }
}

/// The titles of a page.
pub(crate) fn titles(page: &Page) -> Vec<String> {
    page.entries.iter().map(title).collect()
}

pub(crate) fn title(entry: &Listed) -> String {
    entry.title.clone().unwrap_or_default()
}
