//! Searching a Marketplace, ours or an original one: both know the parameters of DataTables 1.8 (behaviour 1.6).
//!
//! What is searched for goes there as text that a regular expression takes for itself, for the originals see one
//! in it, and ours does not. So it selects what is wanted or more, never less, and each entry that is listed has
//! to be looked at once more ([`Search::fits`]).

use std::cmp::Reverse;

use super::{Client, ClientError, Latest, Sort};
use crate::{Metadata, Timestamp, metadata::State};

/// The most words that a Marketplace is sent, of which ours refuses more; the longest select best.
const MAX_WORDS: usize = 16;
/// The longest value that it is sent, in bytes: ours refuses one of more than 512.
const MAX_VALUE: usize = 500;
/// How many entries are asked for. Without a number there is no order; the list is read only as far as it is
/// needed.
const LENGTH: u32 = 1_000_000;

/// Which entries are looked for. All conditions must hold; texts are looked for whatever the case, and an empty
/// one is in everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Each word, separated by white space, must be in one of os, os-version, os-arch, e-mail of the endorser,
    /// kind, date of the endorsement, identifier, locations, description and title.
    pub words: Vec<String>,
    /// Contained in `slterms:os`.
    pub os: String,
    /// Contained in `slterms:os-version`.
    pub os_version: String,
    /// Contained in `slterms:os-arch`.
    pub os_arch: String,
    /// Contained in the endorser's e-mail address.
    pub endorser: String,
    /// Contained in `slterms:kind`.
    pub kind: String,
    /// In this state; in any if there is none.
    pub state: Option<State>,
    /// The order of the list.
    pub order: Sort,
}

impl Client {
    /// The entries that the Marketplace lists for a search, in its order. The list is read as it is asked for, and
    /// may have entries that are not what is looked for: see [`Search::fits`]. They prove nothing until they are
    /// verified.
    ///
    /// # Errors
    /// [`ClientError`] if it cannot be had. What goes wrong later the iterator tells.
    pub fn search(&self, search: &Search) -> Result<Latest, ClientError> {
        self.list(&self.endpoint.search_url(search))
    }
}

impl Search {
    /// Whether an entry with this content is looked for.
    pub fn fits(&self, entry: &Metadata, now: Timestamp) -> bool {
        let (email, created) = match &entry.endorsement {
            Some(endorsement) => (endorsement.endorser.email.as_str(), endorsement.created.to_string()),
            None => ("", String::new()),
        };
        let text = |text: &Option<String>| lower(text.as_deref().unwrap_or_default());
        let [os, os_version, os_arch] = [&entry.os, &entry.os_version, &entry.os_arch].map(text);
        let [email, kind] = [lower(email), text(&entry.kind)];
        let conditions = [
            (&os, &self.os),
            (&os_version, &self.os_version),
            (&os_arch, &self.os_arch),
            (&email, &self.endorser),
            (&kind, &self.kind),
        ];
        if !conditions.into_iter().all(|(text, part)| text.contains(lower(part.trim()).as_str()))
            || self.state.is_some_and(|state| state != entry.state(now))
        {
            return false;
        }
        let mut texts = vec![os, os_version, os_arch, email, kind, lower(&created)];
        texts.extend([lower(&entry.identifier.to_string()), text(&entry.description), text(&entry.title)]);
        texts.extend(entry.locations.iter().map(|location| lower(location)));
        self.each_word().map(lower).all(|word| texts.iter().any(|text| text.contains(word.as_str())))
    }

    fn each_word(&self) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(|words| words.split_whitespace())
    }

    /// The names and values of the query string.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let status = self.state.map_or("all", State::name);
        let column = self.order.by.column();
        let direction = if self.order.descending { "desc" } else { "asc" };
        let mut parameters = vec![
            ("status", status.to_owned()),
            ("iDisplayStart", "0".to_owned()),
            ("iDisplayLength", LENGTH.to_string()),
            ("iSortCol_0", column.to_string()),
            ("sSortDir_0", direction.to_owned()),
        ];
        let columns = [
            ("sSearch_1", &self.os),
            ("sSearch_2", &self.os_version),
            ("sSearch_3", &self.os_arch),
            ("sSearch_4", &self.endorser),
            ("sSearch_5", &self.kind),
        ];
        let columns = columns.map(|(name, text)| (name, plain(text).to_owned()));
        let conditions = columns.into_iter().chain([("sSearch", self.sent_words())]);
        parameters.extend(conditions.filter(|(_, value)| !value.is_empty()));
        parameters
    }

    /// The words that select best, as far as they can be sent.
    fn sent_words(&self) -> String {
        let mut words: Vec<&str> = self.each_word().map(plain).collect();
        words.sort_by_key(|word| Reverse(word.len()));
        let mut sent = String::new();
        for word in words.into_iter().filter(|word| !word.is_empty()).take(MAX_WORDS) {
            if sent.len() + 1 + word.len() <= MAX_VALUE {
                sent = if sent.is_empty() { word.to_owned() } else { format!("{sent} {word}") };
            }
        }
        sent
    }
}

/// The longest stretch of a text that is what it says in a regular expression too, and does not end the string of
/// the query into which the originals paste it (S3); a full stop is any character there, which will do.
fn plain(text: &str) -> &str {
    let means_itself =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | ':' | '/' | ',' | '=' | ' ');
    let stretches = text.split(|c: char| !means_itself(c)).map(str::trim);
    let longest = stretches.max_by_key(|stretch| stretch.len()).unwrap_or_default();
    &longest[..longest.floor_char_boundary(MAX_VALUE)]
}

/// In lower case, character by character: what a part of a text becomes does not depend on the rest, as it would
/// with the final sigma.
pub(crate) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageDigests, marketplace::Endpoint};

    fn url(search: &Search) -> String {
        "https://h/m".parse::<Endpoint>().unwrap().search_url(search).to_string()
    }

    #[test]
    fn a_search_speaks_datatables() {
        let search = Search {
            words: vec!["base  image".to_owned(), "9.7".to_owned()],
            os: "Tty Linux".to_owned(),
            endorser: "jane@example.org".to_owned(),
            state: Some(State::Valid),
            order: "-title".parse().unwrap(),
            ..Search::default()
        };
        assert_eq!(
            url(&search),
            "https://h/m/metadata?status=valid&iDisplayStart=0&iDisplayLength=1000000&iSortCol_0=10&sSortDir_0=desc\
             &sSearch_1=Tty+Linux&sSearch_4=jane%40example.org&sSearch=image+base+9.7"
        );
        let everything = url(&Search::default());
        assert!(everything.contains("?status=all&") && everything.contains("iSortCol_0=6&sSortDir_0=desc"));
    }

    #[test]
    fn s3_no_regular_expression_and_no_quote_is_sent() {
        for (text, sent) in [
            ("c++", "c"),
            ("ab(c", "ab"),
            ("^ubuntu$", "ubuntu"),
            ("x\" . ?s", "s"),
            ("[a-z]{3}\\d|vwxyz", "vwxyz"),
            ("Привет*", "Привет"),
            ("(((", ""),
            ("'", ""),
        ] {
            assert_eq!(plain(text), sent, "{text}");
        }
        assert_eq!(plain(&"é".repeat(1000)).len(), MAX_VALUE);
    }

    #[test]
    fn no_more_is_sent_than_ours_takes() {
        let words: Vec<_> = (1..=40).map(|length| "w".repeat(length)).collect();
        let sent = Search { words, ..Search::default() }.sent_words();
        assert!(sent.len() <= MAX_VALUE && sent.split(' ').count() <= MAX_WORDS, "{sent}");
        assert!(sent.starts_with(&"w".repeat(40)));
    }

    #[test]
    fn every_condition_is_looked_at_again() {
        let digests = ImageDigests::read(&b"x"[..], &[]).unwrap();
        let metadata = Metadata::builder(&digests)
            .os("Ubuntu")
            .os_version("12.04")
            .title("ΣΊΣΥΦΟΣ")
            .location("http://example.org/C++.img")
            .build();
        let now = Timestamp::now();
        let with = |change: fn(&mut Search)| {
            let mut search = Search::default();
            change(&mut search);
            search.fits(&metadata, now)
        };
        assert!(with(|_| ()));
        assert!(with(|search| search.os = " bunt ".to_owned()));
        assert!(!with(|search| search.os = "u.untu".to_owned()));
        assert!(with(|search| search.words = vec!["c++".to_owned(), "UBUNTU 04".to_owned()]));
        assert!(!with(|search| search.words = vec!["ubuntu absent".to_owned()]));
        assert!(with(|search| search.words = vec!["σίσυφοσ".to_owned()]));
        assert!(!with(|search| search.endorser = "jane".to_owned()));
        assert!(with(|search| search.state = Some(State::Valid)));
        assert!(!with(|search| search.state = Some(State::Expired)));
    }
}
