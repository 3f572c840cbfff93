//! When a time stamp was made: `genTime` and `accuracy` (RFC 3161 §2.4.2).

use super::error::StampError;
use crate::{Timestamp, certificate::instant};

/// The time, and the earliest and the latest that an accuracy of so many microseconds allows.
///
/// An authority that tells no accuracy is taken at its word.
pub(super) fn read(time: &[u8], accuracy: u64) -> Result<[Timestamp; 3], StampError> {
    let value = String::from_utf8_lossy(time);
    let wrong = |value: &str| StampError::Date { value: value.escape_debug().to_string() };
    let (seconds, [least, most]) = parse(&value).ok_or_else(|| wrong(&value))?;
    let base = seconds.unix_seconds();
    let spread = || {
        let accuracy = i64::try_from(accuracy.checked_mul(1000)?).ok()?;
        let earliest = base.checked_add(least.checked_sub(accuracy)?.div_euclid(SECOND))?;
        let latest = most.checked_add(accuracy)?.checked_add(SECOND - 1)?.div_euclid(SECOND);
        let latest = Timestamp::from_unix_seconds(base.checked_add(latest)?)?;
        Some([seconds, Timestamp::from_unix_seconds(earliest)?, latest])
    };
    spread().ok_or_else(|| wrong(&format!("{value} within {accuracy} µs")))
}

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// `YYYYMMDDhhmmss[.f…]Z`, the fraction without zeros at its end (RFC 3161 §2.4.2), as whole seconds
/// and the nanoseconds it lies between.
fn parse(value: &str) -> Option<(Timestamp, [i64; 2])> {
    let (whole, fraction) = match value.strip_suffix('Z')?.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (value.strip_suffix('Z')?, None),
    };
    // Seconds cannot be left out.
    let seconds = instant(&format!("{whole}Z")).filter(|_| whole.len() == 14)?;
    let Some(fraction) = fraction else { return Some((seconds, [0, 0])) };
    if fraction.is_empty() || fraction.ends_with('0') || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (nine, rest) = fraction.split_at_checked(9).unwrap_or((fraction, ""));
    let nanoseconds: i64 = format!("{nine:0<9}").parse().ok()?;
    Some((seconds, [nanoseconds, nanoseconds + i64::from(!rest.is_empty())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(time: &str, accuracy: u64) -> Option<[String; 3]> {
        read(time.as_bytes(), accuracy).ok().map(|times| times.map(|time| time.to_string()))
    }

    #[test]
    fn the_accuracy_widens_the_time_to_whole_seconds() {
        for (time, accuracy, expected) in [
            ("20261124120000Z", 0, ["12:00:00", "12:00:00", "12:00:00"]),
            ("20261124120000Z", 1, ["12:00:00", "11:59:59", "12:00:01"]),
            ("20261124120000Z", 1_000_000, ["12:00:00", "11:59:59", "12:00:01"]),
            ("20261124120000.5Z", 0, ["12:00:00", "12:00:00", "12:00:01"]),
            ("20261124120000.5Z", 500_000, ["12:00:00", "12:00:00", "12:00:01"]),
            ("20261124120000.5Z", 500_001, ["12:00:00", "11:59:59", "12:00:02"]),
            ("20261124120000.0000000001Z", 0, ["12:00:00", "12:00:00", "12:00:01"]),
            ("20261124120000.9999999999Z", 0, ["12:00:00", "12:00:00", "12:00:01"]),
            ("20261124120000Z", 3_600_000_000, ["12:00:00", "11:00:00", "13:00:00"]),
        ] {
            let expected = expected.map(|time| format!("2026-11-24T{time}Z"));
            assert_eq!(told(time, accuracy), Some(expected), "{time} {accuracy}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for time in [
            "",
            "Z",
            "20261124120000",
            "202611241200Z",
            "2026112412Z",
            "20261124120000.Z",
            "20261124120000.50Z",
            "20261124120000,5Z",
            "20261124120000.5",
            "20261124120000+0100",
            "20261324120000Z",
            "20261124120060Z",
            "20261124120000.-1Z",
            "２0261124120000Z",
        ] {
            assert_eq!(told(time, 0), None, "{time}");
        }
        for accuracy in [u64::MAX, u64::MAX / 1000, 1_000_000 * u64::from(u32::MAX) * 400] {
            assert_eq!(told("20261124120000Z", accuracy), None, "{accuracy}");
        }
    }
}
