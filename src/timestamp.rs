//! Instants as entries write them: UTC, whole seconds, `YYYY-MM-DDThh:mm:ssZ`.

use std::{fmt, str::FromStr};

/// A point in time with a resolution of one second, written `2011-01-24T09:59:42Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// Why a text is no timestamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not of the form `YYYY-MM-DDThh:mm:ssZ`.
    #[error("'{value}' is not of the form YYYY-MM-DDThh:mm:ssZ")]
    Form {
        /// The text as given.
        value: String,
    },
    /// Of that form, but no instant in the calendar.
    #[error("Unparseable date: \"{value}\"")]
    Calendar {
        /// The text as given.
        value: String,
    },
}

impl Timestamp {
    /// The system's clock, its fraction of a second cut off.
    pub fn now() -> Self {
        Self::floor(jiff::Timestamp::now())
    }

    /// The instant this many seconds after 1970-01-01T00:00:00Z; `None` outside the years the
    /// written form can hold (0000 to 9999).
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        let instant = jiff::Timestamp::from_second(seconds).ok()?;
        (0..=9999).contains(&instant.to_zoned(jiff::tz::TimeZone::UTC).year()).then_some(Self(instant))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// This instant moved by a number of 24-hour days; `None` if that leaves the years 0000-9999.
    pub fn checked_add_days(self, days: i64) -> Option<Self> {
        days.checked_mul(86_400)
            .and_then(|seconds| self.unix_seconds().checked_add(seconds))
            .and_then(Self::from_unix_seconds)
    }

    fn floor(instant: jiff::Timestamp) -> Self {
        Self(jiff::Timestamp::from_second(instant.as_second()).unwrap_or(instant))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(value: &str) -> Result<Self, TimestampError> {
        let form = b"dddd-dd-ddTdd:dd:ddZ";
        let fits = value.len() == form.len()
            && value.bytes().zip(form).all(|(byte, &wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                literal => byte == literal,
            });
        if !fits {
            return Err(TimestampError::Form { value: value.to_owned() });
        }
        // jiff reads a leap second as :59; the originals' strict calendar refuses it, and so do we.
        let instant = value.parse::<jiff::Timestamp>().ok().map(Self).filter(|t| t.to_string() == value);
        instant.ok_or_else(|| TimestampError::Calendar { value: value.to_owned() })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_strictly_and_written_back() {
        for good in
            ["2011-01-24T09:59:42Z", "0001-01-01T00:00:00Z", "9999-12-30T22:00:00Z", "2024-02-29T00:00:00Z"]
        {
            assert_eq!(good.parse::<Timestamp>().unwrap().to_string(), good);
        }
        for form in
            ["", "2011-01-24", "2011-01-24T09:59:42", "2011-01-24T09:59:42+00:00", " 2011-01-24T09:59:42Z"]
        {
            assert!(matches!(form.parse::<Timestamp>(), Err(TimestampError::Form { .. })), "{form}");
        }
        for calendar in
            ["2011-02-29T00:00:00Z", "2011-13-01T00:00:00Z", "2011-01-01T24:00:00Z", "2016-12-31T23:59:60Z"]
        {
            assert!(
                matches!(calendar.parse::<Timestamp>(), Err(TimestampError::Calendar { .. })),
                "{calendar}"
            );
        }
    }

    #[test]
    fn days_are_added_within_the_written_years() {
        let start: Timestamp = "2011-01-24T09:59:42Z".parse().unwrap();
        assert_eq!(start.checked_add_days(182).unwrap().to_string(), "2011-07-25T09:59:42Z");
        assert_eq!(start.checked_add_days(i64::MAX), None);
        assert_eq!(start.checked_add_days(3_650_000), None);
    }
}
