//! The address of a list: every condition that differs from what is meant anyway, by name.

use crate::server::selection::{Location, Selection, Sort, SortKey, Status};

use super::{super::text::encode, DEFAULT_LENGTH};

/// The orders that are offered.
pub(super) const ORDERS: [(Sort, &str); 8] = [
    (order(SortKey::Created, true), "Newest first"),
    (order(SortKey::Created, false), "Oldest first"),
    (order(SortKey::Title, false), "Title"),
    (order(SortKey::Os, false), "System"),
    (order(SortKey::OsVersion, false), "System version"),
    (order(SortKey::OsArch, false), "Architecture"),
    (order(SortKey::Kind, false), "Kind"),
    (order(SortKey::Email, false), "Endorser"),
];

const fn order(by: SortKey, descending: bool) -> Sort {
    Sort { by, descending }
}

/// The names and values of a list's address, as [`Selection::from_query`] reads them back.
pub(super) struct Address(Vec<(&'static str, String)>);

impl Address {
    pub(super) fn new(selection: &Selection, length: u32) -> Self {
        let contains = &selection.contains;
        let exact = |text: Option<String>| text.unwrap_or_default();
        let unless = |usual: bool, text: String| if usual { String::new() } else { text };
        let pairs = [
            ("q", selection.words.join(" ")),
            ("os", contains.os.clone()),
            ("os-version", contains.os_version.clone()),
            ("os-arch", contains.os_arch.clone()),
            ("endorser", contains.email.clone()),
            ("kind", contains.kind.clone()),
            ("identifier", exact(selection.identifier.as_ref().map(ToString::to_string))),
            ("email", exact(selection.email.as_ref().map(ToString::to_string))),
            ("created", exact(selection.created.as_ref().map(ToString::to_string))),
            ("status", unless(selection.status == Status::default(), status(selection.status).to_owned())),
            (
                "location",
                unless(selection.location == Location::default(), location(selection.location).to_owned()),
            ),
            ("sort", unless(selection.sort == Sort::default(), sort(selection.sort))),
            ("length", unless(length == DEFAULT_LENGTH, length.to_string())),
        ];
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(super) fn pairs(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// What the form has no fields for.
    pub(super) fn exact(&self) -> Vec<(&'static str, String)> {
        let exact = |name: &str| matches!(name, "identifier" | "email" | "created");
        self.0.iter().filter(|(name, _)| exact(name)).cloned().collect()
    }

    /// From the beginning of the list.
    pub(super) fn path(&self) -> String {
        written(self.0.iter().map(|(name, value)| (*name, value.as_str())))
    }

    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let pairs = self.0.iter().map(|(name, value)| (*name, value.as_str()));
        written(pairs.chain([(name, value)]))
    }

    pub(super) fn without(&self, name: &str) -> String {
        let others = self.0.iter().filter(|(other, _)| *other != name);
        written(others.map(|(name, value)| (*name, value.as_str())))
    }
}

fn written<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = "/metadata".to_owned();
    for (index, (name, value)) in pairs.enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encode(value));
    }
    text
}

/// What a condition is called, if it is worth a chip.
pub(super) fn told(name: &str) -> Option<&'static str> {
    Some(match name {
        "q" => "Text",
        "os" => "System",
        "os-version" => "Version",
        "os-arch" => "Architecture",
        "endorser" | "email" => "Endorser",
        "kind" => "Kind",
        "identifier" => "Identifier",
        "created" => "Endorsed at",
        "status" => "Status",
        "location" => "Location",
        _ => return None,
    })
}

pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Valid => "valid",
        Status::Expired => "expired",
        Status::Deprecated => "deprecated",
        Status::All => "all",
    }
}

pub(super) const fn location(location: Location) -> &'static str {
    match location {
        Location::All => "all",
        Location::Web => "web",
        Location::Pdisk => "pdisk",
    }
}

pub(super) fn sort(sort: Sort) -> String {
    let by = match sort.by {
        SortKey::Created => "created",
        SortKey::Os => "os",
        SortKey::OsVersion => "os-version",
        SortKey::OsArch => "os-arch",
        SortKey::Email => "email",
        SortKey::Kind => "kind",
        SortKey::Identifier => "identifier",
        SortKey::Title => "title",
    };
    format!("{}{by}", if sort.descending { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::selection::Contains;

    #[test]
    fn an_address_says_what_differs_and_no_more() {
        assert_eq!(Address::new(&Selection::default(), DEFAULT_LENGTH).path(), "/metadata");
        let selection = Selection {
            words: vec!["a&b".into(), "\"c\"".into()],
            contains: Contains { os: "tty linux".into(), ..Contains::default() },
            email: Some("jane@example.org".parse().unwrap()),
            status: Status::All,
            sort: order(SortKey::Os, true),
            ..Selection::default()
        };
        let address = Address::new(&selection, 50);
        let start =
            "/metadata?q=a%26b%20%22c%22&os=tty%20linux&email=jane@example.org&status=all&sort=-os&length=50";
        assert_eq!(address.path(), start);
        assert_eq!(address.with("after", "x/y"), format!("{start}&after=x%2Fy"));
        assert_eq!(address.without("q"), start.replace("q=a%26b%20%22c%22&", ""));
        assert_eq!(address.exact(), [("email", "jane@example.org".to_owned())]);
    }
}
