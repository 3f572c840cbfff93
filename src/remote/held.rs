//! What lets a later transfer go on where an earlier one broke off, and its text, to be kept in a file.

use reqwest::{StatusCode, Url, header::HeaderValue};
use serde_json::{Value, json};

use super::Version;

/// What an earlier transfer was about, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The bytes that are here: the first ones of the object.
    pub bytes: u64,
    /// What gave them in the end, without its query.
    pub(super) resource: Url,
    /// What it was then.
    pub(super) version: Version,
}

impl Held {
    /// What [`Held::read`] reads; how many bytes there are is for whoever keeps them to know. `None` if
    /// nothing would prove that the rest belongs to them.
    pub(super) fn write(resource: &Url, version: &Version) -> Option<Value> {
        version.strong()?;
        let text = |value: &Option<HeaderValue>| match value {
            None => Some(Value::Null),
            Some(value) => value.to_str().ok().map(Value::from),
        };
        Some(json!({
            "resource": resource.as_str(),
            "etag": text(&version.etag)?,
            "last_modified": text(&version.last_modified)?,
            "content_encoding": text(&version.content_encoding)?,
            "length": version.length,
            "settled": version.settled,
        }))
    }

    /// Reads what an earlier transfer left; `None` if it is of no use.
    pub(crate) fn read(value: &Value, bytes: u64) -> Option<Self> {
        let header = |name: &str| match value.get(name)? {
            Value::Null => Some(None),
            value => HeaderValue::from_str(value.as_str()?).ok().map(Some),
        };
        let version = Version {
            status: StatusCode::OK,
            etag: header("etag")?,
            last_modified: header("last_modified")?,
            content_encoding: header("content_encoding")?,
            length: value.get("length")?.as_u64(),
            settled: value.get("settled")?.as_bool()?,
        };
        version.strong()?;
        let resource = value.get("resource")?.as_str()?.parse().ok()?;
        (bytes > 0 && version.length.is_none_or(|length| bytes <= length)).then_some(Self {
            bytes,
            resource,
            version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(etag: Option<&'static str>) -> Version {
        Version {
            status: StatusCode::OK,
            etag: etag.map(HeaderValue::from_static),
            last_modified: None,
            content_encoding: None,
            length: Some(10),
            settled: false,
        }
    }

    #[test]
    fn what_is_held_is_read_back_if_it_is_of_use() {
        let resource: Url = "https://example.org/image".parse().unwrap();
        let version = |etag| version(etag);
        let text = Held::write(&resource, &version(Some("\"a\""))).unwrap();
        let held = Held::read(&text, 4).unwrap();
        assert_eq!(held, Held { bytes: 4, resource: resource.clone(), version: version(Some("\"a\"")) });
        // Nothing is there, or more than there can be.
        assert_eq!(Held::read(&text, 0), None);
        assert_eq!(Held::read(&text, 11), None);
        assert_eq!(Held::write(&resource, &version(Some("W/\"a\""))), None);
        for wrong in [Value::Null, json!({}), json!({ "etag": 1 }), json!({ "resource": "x", "etag": null })]
        {
            assert_eq!(Held::read(&wrong, 4), None, "{wrong}");
        }
    }
}
