//! A grid: an authority, one below it, a user with a certificate, and the proxies that tools make of it.

use stratuslab::{Certificate, Credentials, Timestamp};

use crate::{
    authority::{Draft, INHERIT_ALL, authority, draft, proxy},
    pki::{Identity, Kind, new_key},
};

pub(crate) const EMAIL: &str = "jane@example.org";
pub(crate) const JANE: &str = "CN=Jane,O=StratusLab,C=FR";
pub(crate) const PROXY: &str = "CN=1,CN=Jane,O=StratusLab,C=FR";

pub(crate) struct Grid {
    pub(crate) root: Identity,
    pub(crate) middle: Identity,
    pub(crate) jane: Draft,
    pub(crate) end_entity: Identity,
}

/// Everything is valid from yesterday till tomorrow.
pub(crate) fn current(draft: Draft) -> Draft {
    for_days(draft, -1, 1)
}

/// Valid so many days from now.
pub(crate) fn for_days(draft: Draft, from: i64, to: i64) -> Draft {
    let [from, to] = [from, to].map(|days| Timestamp::now().checked_add_days(days).unwrap().to_string());
    draft.valid(&from, &to)
}

pub(crate) fn grid() -> Grid {
    of(draft("Jane").email(EMAIL))
}

/// A grid with this user.
pub(crate) fn of(jane: Draft) -> Grid {
    let root = current(authority("Root", None)).self_signed();
    let middle = current(authority("Middle", None)).issued_by(&root);
    let jane = current(jane);
    let end_entity = jane.issued_by(&middle);
    Grid { root, middle, jane, end_entity }
}

impl Grid {
    /// A proxy of the user, with a new key of this kind.
    pub(crate) fn proxy(&self, kind: Kind) -> Identity {
        self.draft().key(&new_key(kind)).issued_by(&self.end_entity)
    }

    pub(crate) fn draft(&self) -> Draft {
        current(proxy(&self.jane, "1", INHERIT_ALL, None))
    }

    /// A proxy of a proxy, and that one.
    pub(crate) fn two(&self, kind: Kind) -> [Identity; 2] {
        let first = self.draft().key(&new_key(kind));
        let second = current(proxy(&first, "2", INHERIT_ALL, None)).key(&new_key(kind));
        let issuer = first.issued_by(&self.end_entity);
        [second.issued_by(&issuer), issuer]
    }
}

/// As grid tools write it: the proxy, its key, and the certificates above it.
pub(crate) fn file(proxy: &Identity, above: &[&Identity]) -> Vec<u8> {
    let above = above.iter().flat_map(|identity| identity.certificate_pem());
    [proxy.certificate_pem(), proxy.key_pem()].into_iter().flatten().chain(above).collect()
}

pub(crate) fn credentials(proxy: &Identity, above: &[&Identity]) -> Credentials {
    let file = file(proxy, above);
    Credentials::from_pem(&file, &file, None).unwrap()
}

/// The certificates in X509Data, in their order.
pub(crate) fn certificates(document: &str) -> Vec<Certificate> {
    let values = document.split("<X509Certificate>").skip(1).map(|rest| rest.split('<').next().unwrap());
    let decoded = values.map(|value| openssl::base64::decode_block(&value.replace('\n', "")).unwrap());
    decoded.map(|der| Certificate::from_der(&der).unwrap()).collect()
}
