//! A site: a Marketplace, a web server, somebody who is trusted, and a user with a home.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use stratuslab::Certificate;

use crate::{
    draft::Draft,
    folder::{Done, Folder},
    marketplace::Marketplace,
    nginx::Nginx,
    pki::{Identity, Kind, Request, new_key},
};

pub(crate) const JANE: &str = "jane@example.org";

pub(crate) struct Site {
    pub(crate) marketplace: Marketplace,
    pub(crate) web: Nginx,
    pub(crate) user: Folder,
}

/// The authority of the site.
pub(crate) fn authority() -> Identity {
    static CA: OnceLock<Identity> = OnceLock::new();
    let request = || Request::new("Grid CA").ca().days(-10_000, 3650);
    CA.get_or_init(|| request().self_signed(&new_key(Kind::P256))).clone()
}

/// Somebody with a certificate of the authority.
pub(crate) fn jane() -> Identity {
    static JANE_: OnceLock<Identity> = OnceLock::new();
    let request = || Request::new("Jane Tester").email(JANE).days(-10_000, 365);
    JANE_.get_or_init(|| request().issued_by(&authority(), &new_key(Kind::P256))).clone()
}

pub(crate) fn fingerprint(identity: &Identity) -> String {
    Certificate::from_der(&identity.certificate_der()).unwrap().sha256_fingerprint()
}

/// Content that no compression makes nothing of, and that is like no other part of itself.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| byte()).collect()
}

/// An entry for an image at these locations, by Jane.
pub(crate) fn entry(image: &[u8], locations: &[&str]) -> Draft {
    Draft::of(image).email(JANE).locations(locations)
}

impl Site {
    pub(crate) fn new() -> Self {
        let user = Folder::new();
        fs::remove_file(user.path("image")).unwrap();
        user.write("ca.pem", authority().certificate_pem());
        Self { marketplace: Marketplace::start(&[]), web: Nginx::start(), user }
    }

    /// Publishes an entry by Jane, and gives the identifier.
    pub(crate) fn publish(&self, draft: &Draft) -> String {
        self.publish_by(draft, &jane())
    }

    pub(crate) fn publish_by(&self, draft: &Draft, endorser: &Identity) -> String {
        let answer = self.marketplace.upload(&draft.signed_by(endorser));
        assert_eq!(answer.status, 201, "{answer:?}");
        draft.identifier().to_string()
    }

    /// Serves an image and publishes its entry; the identifier.
    pub(crate) fn offer(&self, image: &[u8]) -> String {
        let url = self.web.serve("image.img", image);
        self.publish(&entry(image, &[&url]))
    }

    /// `stratus-download-image` of somebody who trusts the authority and uses this Marketplace.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.command("download-image");
        command.args(["--marketplace-endpoint", &self.marketplace.base, "--ca-file", "ca.pem"]);
        command.args(arguments);
        command
    }

    pub(crate) fn download(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// The path that a download prints; nothing is remarked.
    pub(crate) fn fetched(&self, arguments: &[&str]) -> PathBuf {
        PathBuf::from(self.download(arguments).succeeded().trim_end())
    }

    /// Every file in the cache, without locks, records and the tag.
    pub(crate) fn cached(&self) -> Vec<String> {
        let root = self.user.path(".cache/stratuslab");
        let mut found = Vec::new();
        files(&root, &mut found);
        let mut names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(&root).unwrap().display().to_string()).collect();
        let is_record = |name: &str| name.strip_suffix(".json").is_some();
        names.retain(|name| !name.starts_with("locks") && !is_record(name) && name != "CACHEDIR.TAG");
        names.sort();
        names
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}
