//! A Marketplace with entries in it, and commands that look for them.

#![allow(dead_code, reason = "every test uses some of it")]

use crate::{
    draft::{Draft, sign, time},
    folder::{Done, Folder},
    marketplace::Marketplace,
    pki::{Identity, Kind, Request, authority, new_key},
};

/// `stratus-marketplace`, and a folder that is also the home of commands.
pub(crate) struct Place {
    pub(crate) folder: Folder,
    pub(crate) marketplace: Marketplace,
}

impl Place {
    /// With these entries.
    pub(crate) fn with(drafts: &[&Draft]) -> Self {
        let place = Self { folder: Folder::new(), marketplace: Marketplace::start(&["--allow-sha1"]) };
        for draft in drafts {
            place.publish(&draft.signed());
        }
        place
    }

    pub(crate) fn publish(&self, document: &[u8]) {
        let answer = self.marketplace.upload(document);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// `stratus-NAME` against it.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Done {
        run(&self.folder, &self.marketplace.base, name, arguments)
    }

    pub(crate) fn url(&self, draft: &Draft) -> String {
        self.marketplace.base.clone() + &draft.path()
    }
}

/// `stratus-NAME` against a Marketplace.
pub(crate) fn run(folder: &Folder, base: &str, name: &str, arguments: &[&str]) -> Done {
    let command = folder.command(name).args(["--marketplace-endpoint", base]).args(arguments).output();
    command.unwrap().into()
}

/// Joe, with a certificate of the authority that is in `ca.pem`.
pub(crate) fn joe(folder: &Folder) -> Identity {
    folder.write("ca.pem", authority().certificate_pem());
    let request = Request::new("Joe").email("joe@example.org").days(-10_000, 365);
    request.issued_by(&authority(), &new_key(Kind::P256))
}

/// The same entry with another digit in its size: its signature is broken.
pub(crate) fn broken(document: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(document.to_vec()).unwrap();
    let changed = text.replacen("<slreq:bytes>", "<slreq:bytes>1", 1);
    assert_ne!(changed, text);
    changed.into_bytes()
}

/// A list as Marketplaces have it.
pub(crate) fn list(documents: &[Vec<u8>]) -> Vec<u8> {
    let mut list = b"<metadata>".to_vec();
    for document in documents {
        let start = document.windows(2).position(|pair| pair == b"?>").map_or(0, |at| at + 2);
        list.extend(&document[start..]);
    }
    list.extend(b"</metadata>");
    list
}

/// An entry that Jane signed, of whatever text stands where its title is.
pub(crate) fn titled(draft: &Draft, title: &str) -> Vec<u8> {
    let document = draft.clone().text("title", "TITLE").unsigned().replace("TITLE", title);
    let email = crate::draft::EMAIL;
    sign(document.as_bytes(), &crate::draft::identity(email), email, time("2012-03-04T05:06:07Z"))
}
