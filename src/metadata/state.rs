//! What time and its endorser have made of an entry.

use super::Metadata;
use crate::Timestamp;

/// The state of an endorser's newest entry for an image (behaviour 1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Past its `dcterms:valid`, not deprecated.
    Expired,
    /// With a `slterms:deprecated`, expired or not; an empty reason counts as well (S33).
    Deprecated,
    /// Neither.
    Valid,
}

impl State {
    /// In one lower-case word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Deprecated => "deprecated",
        }
    }
}

impl Metadata {
    /// The state at `now`, unless there is a newer entry of the endorser. One without `dcterms:valid` never
    /// expires.
    pub fn state(&self, now: Timestamp) -> State {
        if self.deprecated.is_some() {
            State::Deprecated
        } else if self.valid.is_some_and(|valid| valid <= now) {
            State::Expired
        } else {
            State::Valid
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageDigests;

    #[test]
    fn s33_an_empty_reason_deprecates_and_expiry_is_ignored_then() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut metadata = Metadata::builder(&ImageDigests::read(&b"x"[..], &[]).unwrap()).build();
        metadata.valid = None;
        assert_eq!(metadata.state(time("2999-01-01T00:00:00Z")), State::Valid);
        metadata.valid = Some(time("2012-01-01T00:00:00Z"));
        assert_eq!(metadata.state(time("2011-12-31T23:59:59Z")), State::Valid);
        assert_eq!(metadata.state(time("2012-01-01T00:00:00Z")), State::Expired);
        metadata.deprecated = Some(String::new());
        assert_eq!(metadata.state(time("2012-01-01T00:00:00Z")), State::Deprecated);
    }
}
