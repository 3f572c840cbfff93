//! What all pages have around their content: `templates/layout.html`.

use crate::server::marketplace::Marketplace;

use super::assets;

/// Which part of the Marketplace a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Images,
    Endorsers,
    Upload,
    Query,
    About,
    Elsewhere,
}

/// What is around a page's content.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Of the public URL.
    prefix: String,
    section: Section,
}

impl Layout {
    pub(crate) fn new(marketplace: &Marketplace, section: Section) -> Self {
        Self { prefix: marketplace.path(""), section }
    }

    /// A path of this server as a link.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The address of an asset.
    pub(crate) fn asset(&self, name: &str) -> String {
        self.path(&assets::path(name))
    }

    /// The parts of the Marketplace: name, address, and whether this page is in it.
    pub(crate) fn sections(&self) -> [(&'static str, String, bool); 5] {
        [
            ("Images", "/metadata", Section::Images),
            ("Endorsers", "/endorsers", Section::Endorsers),
            ("Upload", "/upload", Section::Upload),
            ("Query", "/query", Section::Query),
            ("About", "/about", Section::About),
        ]
        .map(|(name, path, section)| (name, self.path(path), section == self.section))
    }
}
