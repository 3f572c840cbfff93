//! Which version of an object an answer is about.

use std::fmt;

use reqwest::{
    StatusCode,
    header::{
        CONTENT_ENCODING, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
    },
};

use super::error::Rest;
use crate::http::{Response, printable, text};

/// What an answer says of the object it is about: two answers that differ in it are about
/// different ones.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// Status of the answer.
    pub status: StatusCode,
    /// `ETag`, weak or strong (RFC 9110 §8.8.3).
    pub etag: Option<HeaderValue>,
    /// `Last-Modified` (RFC 9110 §8.8.2).
    pub last_modified: Option<HeaderValue>,
    /// `Content-Encoding` (RFC 9110 §8.4): other octets, though an `ETag` may not tell.
    pub content_encoding: Option<HeaderValue>,
    /// Length of the whole object, in bytes.
    pub length: Option<u64>,
    /// Whether `Last-Modified` is a strong validator.
    pub(super) settled: bool,
}

impl Version {
    pub(super) fn of(response: &Response) -> Self {
        let (status, headers) = (response.status(), response.headers());
        let length = match status {
            StatusCode::OK => response.content_length(),
            _ => ContentRange::of(headers).and_then(|range| range.total),
        };
        Self {
            status,
            etag: lines(headers, &ETAG),
            last_modified: lines(headers, &LAST_MODIFIED),
            content_encoding: lines(headers, &CONTENT_ENCODING),
            length,
            settled: settled(headers),
        }
    }

    /// What belongs into `If-Range`: a strong `ETag`, else a strong `Last-Modified` (RFC 9110
    /// §13.1.5).
    pub(super) fn strong(&self) -> Option<&HeaderValue> {
        match &self.etag {
            Some(etag) if is_strong(etag.as_bytes()) => Some(etag),
            // A date may stand in for an ETag only where there is none, not for a weak one (ibid.).
            Some(etag) if etag.as_bytes().starts_with(b"W/") => None,
            _ => self.last_modified.as_ref().filter(|_| self.settled),
        }
    }

    /// Whether nothing that both tell differs. What only a later answer tells is from elsewhere.
    pub(super) fn fits(&self, later: &Self) -> bool {
        let header =
            |before: &Option<HeaderValue>, after: &Option<HeaderValue>| after.is_none() || before == after;
        let length = self.length.is_none() || later.length.is_none() || self.length == later.length;
        header(&self.etag, &later.etag)
            && header(&self.last_modified, &later.last_modified)
            && header(&self.content_encoding, &later.content_encoding)
            && length
    }

    /// The strong validator that `later` would have to repeat, but does not: where `Range` is
    /// known, `If-Range` may not be. A 206 must have the `ETag` that a 200 would have (RFC 9110
    /// §15.3.7); it may leave out a `Last-Modified`, but then proves nothing.
    pub(super) fn unproven_by(&self, later: &Self) -> Option<&'static str> {
        let (name, repeated) = match self.strong() {
            None => ("ETag", false),
            strong if strong == self.etag.as_ref() => ("ETag", self.etag == later.etag),
            strong => ("Last-Modified", strong == later.last_modified.as_ref()),
        };
        (!repeated).then_some(name)
    }

    /// Whether `later`, a 200, is about the same object for sure.
    pub(super) fn is_proven_by(&self, later: &Self) -> bool {
        let by_etag = self.strong() == self.etag.as_ref();
        let length = by_etag || self.length.is_some() && self.length == later.length;
        // Unlike a 206, it leaves nothing out (RFC 9110 §15.3.7).
        let coding = self.content_encoding == later.content_encoding;
        self.unproven_by(later).is_none() && self.fits(later) && length && coding
    }
}

/// All lines of a header, as one (RFC 9110 §5.2).
pub(super) fn lines(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii()).collect();
    if lines.is_empty() { None } else { HeaderValue::from_bytes(&lines.join(&b", "[..])).ok() }
}

/// A quoted string without quotes in it (RFC 9110 §8.8.3).
fn is_strong(etag: &[u8]) -> bool {
    matches!(etag, [b'"', inner @ .., b'"'] if !inner.contains(&b'"'))
}

/// Whether the object was left alone for a second at least when it was sent: a second change
/// within the one of `Last-Modified` would go unseen (RFC 9110 §8.8.2.2).
fn settled(headers: &HeaderMap) -> bool {
    let date = |name: &HeaderName| {
        Some(jiff::fmt::rfc2822::parse(lines(headers, name)?.to_str().ok()?).ok()?.timestamp())
    };
    match (date(&LAST_MODIFIED), date(&DATE)) {
        (Some(modified), Some(sent)) => sent.as_second().saturating_sub(modified.as_second()) >= 1,
        _ => false,
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = |name: &str, value: &Option<HeaderValue>| {
            let value = value.as_ref()?;
            Some(format!("{name} {}", printable(&String::from_utf8_lossy(value.as_bytes()))))
        };
        let told = [
            (!self.status.is_success()).then(|| self.status.to_string()),
            header("ETag", &self.etag),
            header("Last-Modified", &self.last_modified),
            header("Content-Encoding", &self.content_encoding),
            self.length.map(|length| format!("{length} bytes")),
        ];
        let told: Vec<_> = told.into_iter().flatten().collect();
        f.write_str(if told.is_empty() { "of unknown version" } else { "" })?;
        f.write_str(&told.join(", "))
    }
}

/// `Content-Range` (RFC 9110 §14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// First and last byte; none in a 416.
    pub(super) bytes: Option<(u64, u64)>,
    /// Length of the whole, if it is known.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::read(&text(headers, &CONTENT_RANGE)?)
    }

    fn read(value: &str) -> Option<Self> {
        let (unit, range) = value.trim().split_once(' ')?;
        let (bytes, total) = range.trim().split_once('/')?;
        // `parse` alone would take a sign.
        let number =
            |text: &str| text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
        let bytes = match bytes {
            "*" => None,
            bytes => {
                let (first, last) = bytes.split_once('-')?;
                Some((number(first)?, number(last)?))
            }
        };
        let total = if total == "*" { None } else { Some(number(total)?) };
        unit.eq_ignore_ascii_case("bytes").then_some(Self { bytes, total })
    }

    /// Whether this is what was asked for: so many bytes from `start` on of so many in total.
    pub(super) fn is_part(self, start: u64, length: u64, total: u64) -> bool {
        let last = start.checked_add(length).and_then(|end| end.checked_sub(1));
        self.total == Some(total) && last.is_some_and(|last| self.bytes == Some((start, last)))
    }

    /// The length of the whole, if this is what was asked for: all of the rest.
    pub(super) fn completes(self, asked: Rest) -> Option<u64> {
        let (first, last) = self.bytes?;
        let total = self.total?;
        let fits = first == asked.start
            && last >= first
            && last.checked_add(1) == Some(total)
            && asked.total.is_none_or(|asked| asked == total);
        fits.then_some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(
        etag: Option<&'static str>,
        last_modified: Option<&'static str>,
        date: Option<&'static str>,
    ) -> Version {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ETAG, etag), (LAST_MODIFIED, last_modified), (DATE, date)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        let [etag, last_modified] = [ETAG, LAST_MODIFIED].map(|name| headers.get(name).cloned());
        let (status, settled) = (StatusCode::OK, settled(&headers));
        Version { status, etag, last_modified, content_encoding: None, length: Some(10), settled }
    }

    const MODIFIED: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

    #[test]
    fn only_strong_validators_are_used() {
        for (etag, modified, date, expected) in [
            (Some("\"a\""), Some(MODIFIED), None, Some("\"a\"")),
            (Some("\"\""), None, None, Some("\"\"")),
            (Some("W/\"a\""), None, None, None),
            (Some("W/\"a\""), Some(MODIFIED), Some("Wed, 21 Oct 2015 08:28:00 GMT"), None),
            (Some("unquoted"), Some(MODIFIED), Some("Wed, 21 Oct 2015 08:28:00 GMT"), Some(MODIFIED)),
            (Some("\"a\", \"b\""), None, None, None),
            (Some("\""), None, None, None),
            (None, Some(MODIFIED), None, None),
            (None, Some(MODIFIED), Some(MODIFIED), None),
            (None, Some(MODIFIED), Some("Wed, 21 Oct 2015 07:28:01 GMT"), Some(MODIFIED)),
            (None, Some(MODIFIED), Some("Wed, 21 Oct 2015 07:27:00 GMT"), None),
            (None, Some("yesterday"), Some(MODIFIED), None),
            (None, None, Some(MODIFIED), None),
        ] {
            let version = version(etag, modified, date);
            let found = version.strong().map(|value| value.to_str().unwrap());
            assert_eq!(found, expected, "{etag:?} {modified:?} {date:?}");
        }
    }

    #[test]
    fn content_ranges_are_read_strictly() {
        let range = |first, last, total| Some(ContentRange { bytes: Some((first, last)), total });
        for (value, expected) in [
            ("bytes 0-9/10", range(0, 9, Some(10))),
            (" BYTES 5-9/* ", range(5, 9, None)),
            ("bytes */10", Some(ContentRange { bytes: None, total: Some(10) })),
            ("items 0-9/10", None),
            ("bytes 0-9", None),
            ("bytes +0-9/10", None),
            ("bytes 0-/10", None),
            ("bytes -9/10", None),
            ("bytes 0-9/99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::read(value), expected, "{value}");
        }
        let asked = Rest { start: 5, total: Some(10) };
        let completes = |value, asked| ContentRange::read(value).unwrap().completes(asked);
        assert_eq!(completes("bytes 5-9/10", asked), Some(10));
        assert_eq!(completes("bytes 5-19/20", Rest { total: None, ..asked }), Some(20));
        for wrong in [
            "bytes 4-9/10",
            "bytes 6-9/10",
            "bytes 5-8/10",
            "bytes 5-10/11",
            "bytes 5-9/*",
            "bytes */10",
            "bytes 5-9/20",
        ] {
            assert_eq!(completes(wrong, asked), None, "{wrong}");
        }
        assert_eq!(completes("bytes 5-18446744073709551615/*", asked), None);
    }
}
