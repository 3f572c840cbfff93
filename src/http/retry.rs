//! When a request that failed is sent again.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest time that is ever waited: longer ones cannot be reckoned with on every system.
pub(crate) const LONGEST: Duration = Duration::from_hours(8760);

/// Exponential backoff after failures that are transient.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with every further one.
    pub first_pause: Duration,
    /// The longest pause, unless the server's `Retry-After` asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 4, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(8) }
    }
}

impl RetryPolicy {
    /// The pause after failure number `failures`.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_be_bytes();
        self.jittered(failures, u32::from_be_bytes([a, b, c, d]))
    }

    /// From half to all of the doubled pause as `random` has it, so that many clients do not come
    /// back at once.
    fn jittered(&self, failures: u32, random: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let share = 0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX);
        doubled.min(self.longest_pause).min(LONGEST).mul_f64(share)
    }
}

/// The pause an answer asks for.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    super::text(headers, &RETRY_AFTER).and_then(|value| read_pause(&value))
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn read_pause(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(read_pause(" 120 "), Some(Duration::from_mins(2)));
        assert_eq!(read_pause("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let hour = Duration::from_hours(1);
        assert!(read_pause("Thu, 31 Dec 9998 23:59:59 GMT").is_some_and(|pause| pause > hour));
        assert_eq!(read_pause("soon"), None);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_jittered() {
        let policy = RetryPolicy::default();
        let milliseconds = |failures, random| policy.jittered(failures, random).as_millis();
        assert_eq!(
            [1, 2, 3, 5, 6, 40].map(|n| milliseconds(n, u32::MAX)),
            [500, 1000, 2000, 8000, 8000, 8000]
        );
        assert_eq!([1, 2, 40].map(|n| milliseconds(n, 0)), [250, 500, 4000]);
        let endless = RetryPolicy { attempts: 0, first_pause: Duration::MAX, longest_pause: Duration::MAX };
        assert_eq!(endless.jittered(u32::MAX, u32::MAX), LONGEST);
    }
}
