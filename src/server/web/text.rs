//! Values as people read them, from documents that anybody may have written.

use std::{borrow::Cow, fmt::Write as _};

use askama::{Template, filters::HtmlSafe};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{DistinguishedName, Timestamp, server::key::EntryKey};

/// The most characters of a short value, such as a title, that are shown.
pub(crate) const SHORT: usize = 160;
/// The longest URL that becomes a link, in bytes.
const MAX_LINK_BYTES: usize = 2_000;

/// What stands for itself in a segment of a path (RFC 3986 §3.3) and in a query. Commas and the like are left
/// to be encoded: nobody minds.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@').remove(b':');

/// A text as a segment of a path, or a name or value of a query.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The path of an entry, without the prefix of the public URL.
pub(crate) fn entry_path(key: &EntryKey) -> String {
    format!("/metadata/{}/{}/{}", key.identifier, encode(key.email.as_str()), key.created)
}

/// Hostile text on a page: bounded, isolated from the direction of what surrounds it, escaped.
#[derive(Template)]
#[template(ext = "html", source = "<bdi>{{ text }}{% if cut %}…{% endif %}</bdi>")]
pub(crate) struct Said {
    text: String,
    cut: bool,
}

impl HtmlSafe for Said {}

impl Said {
    /// At most `most` characters of `text`.
    pub(crate) fn new(text: &str, most: usize) -> Self {
        let (start, rest) = split(text, most);
        Self { text: visible(start).into_owned(), cut: !rest.is_empty() }
    }

    /// A short value.
    pub(crate) fn short(text: &str) -> Self {
        Self::new(text, SHORT)
    }

    /// The text, where there can be no markup around it.
    pub(crate) fn plain(&self) -> &str {
        &self.text
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// A short value that says something; blank ones are as good as none.
    pub(crate) fn some(text: Option<&String>) -> Option<Self> {
        text.map(|text| text.trim()).filter(|text| !text.is_empty()).map(Self::short)
    }
}

/// `text` up to its `most`th character, and the rest.
pub(crate) fn split(text: &str, most: usize) -> (&str, &str) {
    text.split_at(text.char_indices().nth(most).map_or(text.len(), |(end, _)| end))
}

/// `text` with the characters made visible that reorder what follows them (UAX #9 §2: embeddings, overrides,
/// isolates), so that `cod\u{202e}gpj.exe` is no picture, and with control characters made visible too.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let odd = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') || control(c);
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            // Writing to a String never fails.
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')
}

/// The address that a location links to: only on the web, with a host, and without a user, which is there to
/// look like a host.
pub(crate) fn web_link(location: &str) -> Option<String> {
    if location.len() > MAX_LINK_BYTES {
        return None;
    }
    let url = reqwest::Url::parse(location.trim()).ok()?;
    let good = matches!(url.scheme(), "http" | "https" | "ftp") && url.has_host();
    (good && url.username().is_empty() && url.password().is_none()).then(|| url.into())
}

/// A moment: exact for programs and on pointing at it, to the minute or relative for people.
#[derive(Template)]
#[template(ext = "html", source = "<time datetime=\"{{ exact }}\" title=\"{{ exact }}\">{{ text }}</time>")]
pub(crate) struct When {
    exact: String,
    text: String,
}

impl HtmlSafe for When {}

impl When {
    /// `2026-11-25 03:02 UTC`.
    pub(crate) fn at(moment: Timestamp) -> Self {
        let exact = moment.to_string();
        let text = match (exact.get(..10), exact.get(11..16)) {
            (Some(day), Some(time)) => format!("{day} {time} UTC"),
            _ => exact.clone(),
        };
        Self { exact, text }
    }

    /// `3 days ago`, `in 5 months`.
    pub(crate) fn relative(moment: Timestamp, now: Timestamp) -> Self {
        Self { exact: moment.to_string(), text: relative(moment, now) }
    }
}

/// `3 days ago`, `in 5 months`.
pub(crate) fn relative(moment: Timestamp, now: Timestamp) -> String {
    let seconds = moment.unix_seconds() - now.unix_seconds();
    let amount = seconds.unsigned_abs();
    let units =
        [(365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    // Two months of days say more than "1 month".
    let enough = |&&(unit, name): &&(u64, &str)| amount >= if name == "month" { 2 * unit } else { unit };
    let Some((unit, name)) = units.iter().find(enough) else {
        return if seconds > 0 { "in a moment".to_owned() } else { "just now".to_owned() };
    };
    let count = amount / unit;
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 { format!("in {count} {name}{plural}") } else { format!("{count} {name}{plural} ago") }
}

/// A number with its thousands apart: `1,474,560`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in binary units: `1.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut tenths = u128::from(bytes) * 10;
    if bytes < 1024 {
        return format!("{} bytes", grouped(bytes));
    }
    let mut chosen = "";
    for unit in units {
        tenths = (tenths + 512) / 1024;
        chosen = unit;
        if tenths < 10_240 {
            break;
        }
    }
    if tenths >= 1_000 || tenths.is_multiple_of(10) {
        format!("{} {chosen}", tenths / 10)
    } else {
        format!("{}.{} {chosen}", tenths / 10, tenths % 10)
    }
}

/// What a person or service is called in a name: the first CN, else all of it.
pub(crate) fn common_name(name: &DistinguishedName) -> String {
    common_name_of(name.as_str())
}

/// The same of the name's text (RFC 2253 §3).
pub(crate) fn common_name_of(name: &str) -> String {
    let mut escaped = false;
    let parts = name.split(|c| {
        let splits = !escaped && matches!(c, ',' | '+');
        escaped = c == '\\' && !escaped;
        splits
    });
    let mut values = parts.filter_map(|part| part.trim_start().strip_prefix("CN="));
    match values.find(|value| !value.is_empty() && !value.starts_with('#')) {
        Some(value) => unescaped(value),
        None => name.to_owned(),
    }
}

fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    text
}

/// A text as one word of a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_reorders_is_seen_and_text_that_is_right_to_left_stays() {
        assert_eq!(visible("cod\u{202e}gpj.exe"), "cod⟨U+202E⟩gpj.exe");
        assert_eq!(visible("\u{2066}a\u{2069}\u{7f}"), "⟨U+2066⟩a⟨U+2069⟩⟨U+007F⟩");
        for same in ["", "שלום \u{200f}עולם", "é\u{301} 😀\u{200d}", "two\nlines\there"] {
            assert!(matches!(visible(same), Cow::Borrowed(text) if text == same));
        }
    }

    #[test]
    fn hostile_text_is_escaped_isolated_and_bounded() {
        let said = Said::new("<b onx='1'>&\"\u{202e}é", 100).to_string();
        assert!(said.starts_with("<bdi>&#60;b onx=&#39;1&#39;&#62;&#38;&#34;⟨U+202E⟩é</bdi>"), "{said}");
        assert_eq!(Said::new("ééé", 2).to_string(), "<bdi>éé…</bdi>");
        assert!(Said::some(Some(&" \n".to_owned())).is_none());
    }

    #[test]
    fn only_addresses_on_the_web_are_links() {
        for (location, link) in [
            ("http://example.org/a b?c=<d>", "http://example.org/a%20b?c=%3Cd%3E"),
            ("HTTPS://Example.ORG", "https://example.org/"),
            (" ftp://example.org/x\n", "ftp://example.org/x"),
        ] {
            assert_eq!(web_link(location).as_deref(), Some(link));
        }
        for none in [
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "pdisk:host:port:uuid",
            "http://",
            "http://example.org@evil.example/",
            "/relative",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(web_link(none), None, "{none}");
        }
        assert_eq!(web_link(&format!("http://example.org/{}", "a".repeat(2_000))), None);
    }

    #[test]
    fn moments_are_told_from_now() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for (moment, told) in [
            ("2026-01-01T00:00:00Z", "just now"),
            ("2026-01-01T00:00:30Z", "in a moment"),
            ("2025-12-31T23:58:59Z", "1 minute ago"),
            ("2026-01-01T05:00:00Z", "in 5 hours"),
            ("2025-11-20T00:00:00Z", "42 days ago"),
            ("2026-04-10T00:00:00Z", "in 3 months"),
            ("2011-01-01T00:00:00Z", "15 years ago"),
        ] {
            assert_eq!(relative(moment.parse().unwrap(), now), told);
        }
        let when = When::at("2011-01-24T09:59:42Z".parse().unwrap()).to_string();
        let exact = "2011-01-24T09:59:42Z";
        assert_eq!(when, format!("<time datetime=\"{exact}\" title=\"{exact}\">2011-01-24 09:59 UTC</time>"));
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        for (bytes, told) in [
            (0, "0 bytes"),
            (1_023, "1,023 bytes"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (1_474_560, "1.4 MiB"),
            (107_374_182_400, "100 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(size(bytes), told);
        }
        assert_eq!(
            [0, 999, 1_000, 1_474_560].map(grouped),
            ["0", "999", "1,000", "1,474,560"].map(str::to_owned)
        );
    }

    #[test]
    fn people_are_called_by_their_common_names() {
        for (name, called) in [
            (r"CN=Doe\, John,OU=LAL,O=CNRS,C=FR", "Doe, John"),
            (r#"CN=plus\+sign \"q\" back\\slash,C=FR"#, r#"plus+sign "q" back\slash"#),
            ("UID=jd+CN=Jane,DC=org", "Jane"),
            ("O=CNRS,C=FR", "O=CNRS,C=FR"),
            ("CN=#0c02,O=x", "CN=#0c02,O=x"),
            (r"O=a\,CN=b,CN=c", "c"),
            ("", ""),
        ] {
            assert_eq!(common_name_of(name), called);
        }
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(shell_word("http://example.org/a"), "http://example.org/a");
        assert_eq!(shell_word("a'b $(c)"), r"'a'\''b $(c)'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn paths_and_queries_hold_any_text() {
        assert_eq!(encode("jane%x+1@example.org"), "jane%25x%2B1@example.org");
        assert_eq!(encode("a b&c=\"d\"/é"), "a%20b%26c%3D%22d%22%2F%C3%A9");
    }
}
