//! Which representation a client gets: `media=`, else `Accept` (RFC 9110 §12.5.1, behaviour 1.3).
//!
//! There is never a 406: who accepts nothing of what there is gets the default, which is XML, since the
//! original clients send no useful `Accept` and expect it. Browsers name `text/html` before all else, so
//! that nobody need look at User-Agents.

use axum::http::{HeaderMap, header};

/// A representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `application/xml`.
    Xml,
    /// `application/rdf+xml`.
    RdfXml,
    /// `application/json`.
    Json,
    /// `text/html`.
    Html,
    /// `application/sparql-results+xml`.
    SparqlXml,
    /// `application/sparql-results+json`.
    SparqlJson,
}

/// Media ranges looked at in an `Accept`; further ones are as if they were not there.
const MAX_RANGES: usize = 64;

impl Format {
    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "application/xml",
            Self::RdfXml => "application/rdf+xml; charset=UTF-8",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::SparqlXml => "application/sparql-results+xml",
            Self::SparqlJson => "application/sparql-results+json",
        }
    }

    /// The media types by which clients ask for it (S24).
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Xml => &["application/xml", "text/xml"],
            Self::RdfXml => &["application/rdf+xml"],
            Self::Json => &["application/json", "application/rdf+json"],
            Self::Html => &["text/html", "application/xhtml+xml"],
            Self::SparqlXml => &["application/sparql-results+xml"],
            Self::SparqlJson => &["application/sparql-results+json"],
        }
    }
}

/// The one of `offered` that the client likes best; `media` is the query parameter of that name, which
/// goes before `Accept`. What it likes equally well it gets as it named it, or else as first offered.
///
/// The first of `offered` is the default; [`Format::Xml`] if there is none.
pub fn negotiate(headers: &HeaderMap, media: Option<&str>, offered: &[Format]) -> Format {
    let names: Vec<(&'static str, Format)> =
        offered.iter().flat_map(|format| format.names().iter().map(|name| (*name, *format))).collect();
    best(headers, media, &names).unwrap_or(Format::Xml)
}

/// The media type among `offered` that the client likes best, as [`negotiate`] does; the first one is the
/// default.
pub fn negotiate_among(headers: &HeaderMap, media: Option<&str>, offered: &[&'static str]) -> &'static str {
    let names: Vec<(&'static str, &'static str)> = offered.iter().map(|name| (*name, *name)).collect();
    best(headers, media, &names).unwrap_or_default()
}

/// What has the name that is liked best; the first if none is; `None` if there is none.
fn best<T: Copy>(headers: &HeaderMap, media: Option<&str>, offered: &[(&'static str, T)]) -> Option<T> {
    let default = offered.first().map(|(_, what)| *what);
    if let Some(media) = media.filter(|media| !media.is_empty()) {
        let wanted = full_name(media);
        return offered.iter().find(|(name, _)| *name == wanted).map(|(_, what)| *what).or(default);
    }
    let accept = accept(headers);
    let ranges: Vec<Range> = ranges(&accept).collect();
    let mut best: Option<(Rank, T)> = None;
    for &(name, what) in offered {
        if let Some(rank) = rank(name, &ranges)
            && best.is_none_or(|(other, _)| rank > other)
        {
            best = Some((rank, what));
        }
    }
    best.map(|(_, what)| what).or(default)
}

/// The representation of errors: by the first media type accepted, whatever its quality (behaviour 1.4).
/// It is one of XML, JSON and HTML.
pub fn error_format(headers: &HeaderMap, media: Option<&str>) -> Format {
    let first = match media.filter(|media| !media.is_empty()) {
        Some(media) => full_name(media),
        None => first_accepted(headers),
    };
    match first.as_str() {
        "text/xml" | "application/xml" | "application/rdf+xml" | "application/sparql-results+xml" => {
            Format::Xml
        }
        "application/json"
        | "application/problem+json"
        | "application/rdf+json"
        | "application/sparql-results+json" => Format::Json,
        _ => Format::Html,
    }
}

/// The first media type in `Accept`, in lower case and without parameters; empty if there is none.
pub fn first_accepted(headers: &HeaderMap) -> String {
    let accept = accept(headers);
    let first = accept.split([',', ';']).next().unwrap_or_default();
    first.trim().to_ascii_lowercase()
}

/// All fields of the name are one list (RFC 9110 §5.3); one that is no text accepts nothing.
fn accept(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// `xml`, `json` and `html` are short for media types.
fn full_name(media: &str) -> String {
    match media.trim().to_ascii_lowercase().as_str() {
        "xml" => "application/xml".to_owned(),
        "json" => "application/json".to_owned(),
        "html" => "text/html".to_owned(),
        // A `+` that was not encoded has become a blank.
        full => full.replace(' ', "+"),
    }
}

/// A media range with its quality, and where it stands.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
    position: usize,
}

/// What decides: quality, then how exactly the type is named, then which was named first.
type Rank = (u16, u8, std::cmp::Reverse<usize>);

fn ranges(accept: &str) -> impl Iterator<Item = Range<'_>> {
    accept.split(',').take(MAX_RANGES).enumerate().filter_map(|(position, item)| {
        let mut parts = item.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| quality(value.trim()))
        });
        Some(Range { kind, subtype, quality: quality.unwrap_or(1000), position })
    })
}

/// `0`, `0.5`, `1.000` in thousandths; what is no quality counts as 1, as if it were not there.
fn quality(value: &str) -> u16 {
    let number = value.parse::<f32>().ok().filter(|number| (0.0..=1.0).contains(number));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    number.map_or(1000, |number| (number * 1000.0).round() as u16)
}

/// How well `name` is liked: by the most exact of the ranges it is in, and not at all with quality 0.
fn rank(name: &str, ranges: &[Range]) -> Option<Rank> {
    let (kind, subtype) = name.split_once('/')?;
    let exactness = |range: &Range| match (range.kind, range.subtype) {
        ("*", "*") => Some(0),
        (k, "*") if k.eq_ignore_ascii_case(kind) => Some(1),
        (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => Some(2),
        _ => None,
    };
    let exact = ranges.iter().filter_map(|range| Some((exactness(range)?, range)));
    let (exactness, range) = exact.max_by_key(|(exactness, range)| (*exactness, range.quality))?;
    (range.quality > 0).then_some((range.quality, exactness, std::cmp::Reverse(range.position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: [Format; 4] = [Format::Xml, Format::RdfXml, Format::Json, Format::Html];

    fn headers(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        headers
    }

    #[test]
    fn the_best_liked_representation_is_chosen() {
        for (accept, format) in [
            ("*/*", Format::Xml),
            ("application/xml", Format::Xml),
            ("text/xml", Format::Xml),
            ("application/json", Format::Json),
            ("Application/JSON; charset=utf-8", Format::Json),
            ("text/html", Format::Html),
            ("application/*", Format::Xml),
            ("text/*", Format::Xml),
            ("application/rdf+xml", Format::RdfXml),
            ("image/png", Format::Xml),
            ("", Format::Xml),
            ("nonsense;;;,,q=", Format::Xml),
            // axios, Firefox, Chrome
            ("application/json, text/plain, */*", Format::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Html),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Format::Html),
            ("application/xml;q=0.2, application/json;q=0.3", Format::Json),
            ("application/json;q=0.2, application/xml;q=0.2", Format::Json),
            ("application/xml;q=0, text/xml;q=0, application/rdf+xml;q=0, */*", Format::Json),
            ("text/html;q=0, */*;q=0.1", Format::Xml),
            ("*/*;q=0.5, application/xml;q=0.1, text/xml;q=0.1, application/rdf+xml;q=0.1", Format::Json),
        ] {
            assert_eq!(negotiate(&headers(accept), None, &LIST), format, "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new(), None, &LIST), Format::Xml);
    }

    #[test]
    fn media_goes_before_accept() {
        let html = headers("text/html");
        for (media, format) in [
            ("xml", Format::Xml),
            ("json", Format::Json),
            ("html", Format::Html),
            ("text/xml", Format::Xml),
            ("application/rdf+xml", Format::RdfXml),
            ("application/rdf xml", Format::RdfXml),
            ("nonsense", Format::Xml),
            ("", Format::Html),
        ] {
            assert_eq!(negotiate(&html, Some(media), &LIST), format, "{media}");
        }
    }

    #[test]
    fn errors_follow_the_first_type_accepted_whatever_its_quality() {
        for (accept, format) in [
            ("application/xml;q=0.1, text/html", Format::Xml),
            ("application/rdf+xml", Format::Xml),
            ("application/json, */*", Format::Json),
            ("text/html, application/json", Format::Html),
            ("*/*", Format::Html),
            ("", Format::Html),
        ] {
            assert_eq!(error_format(&headers(accept), None), format, "{accept}");
        }
        assert_eq!(error_format(&headers("text/html"), Some("json")), Format::Json);
    }
}
