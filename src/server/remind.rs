//! Mails that remind endorsers of their entries (behaviour 1.15): daily of those that expire within three days,
//! every 30 days of all that are valid.
//!
//! Of many processes over one database one sends each mail: whoever claims it. There is one mail for each address,
//! whatever the names of its endorsers (S39). Failing for one address is no reason to stop (S39).

use std::{collections::BTreeMap, time::Duration};

use askama::Template;
use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Email, Timestamp};

use super::{
    confirm::base,
    mail::{Letter, MailError, Mailer},
    marketplace::Marketplace,
    selection::{From, Selection, Window},
    store::{Listed, StoreError},
};

/// How many days before an entry expires its endorser is told, daily.
const DAYS_AHEAD: i64 = 3;
/// How many days lie between two lists of all valid entries.
const LIST_EVERY_DAYS: i64 = 30;
/// On how many days a list is sent that could not be sent on the first.
const LIST_DAYS: i64 = 3;
/// The most entries that one mail names; it says how many there are besides.
const MAX_NAMED: usize = 200;
/// How often is looked for what is to be sent today.
const LOOK_EVERY: Duration = Duration::from_hours(1);

const DAY_SECONDS: i64 = 86_400;
const EXPIRING: &str = "StratusLab Marketplace: entries about to expire";
const LIST: &str = "StratusLab Marketplace: your entries";

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Mails of entries that expire soon.
    pub expiring: usize,
    /// Lists of valid entries.
    pub lists: usize,
    /// Mails that were not taken over: they are tried again.
    pub failed: usize,
}

/// Why nobody was reminded, or not everybody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemindError {
    /// Mail, or the public URL that links in it begin with, is not set up.
    #[error("reminders need a mail server and the public URL")]
    NotSetUp,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Template)]
#[template(path = "mail/expiring.txt", whitespace = "preserve")]
struct Expiring<'a> {
    base: &'a str,
    email: &'a Email,
    days: i64,
    entries: &'a [Listed],
    more: usize,
}

#[derive(Template)]
#[template(path = "mail/entries.txt", whitespace = "preserve")]
struct ValidList<'a> {
    base: &'a str,
    email: &'a Email,
    days: i64,
    entries: &'a [Listed],
    more: bool,
}

/// Reminds, day after day, if this Marketplace does that; never returns. Every process may do it.
pub async fn run(marketplace: Marketplace) {
    if !marketplace.settings().reminders {
        return std::future::pending().await;
    }
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match remind(&marketplace, marketplace.now()).await {
            Ok(sent) if sent == Sent::default() => {}
            Ok(Sent { expiring, lists, failed }) => {
                tracing::info!(expiring, lists, failed, "endorsers were reminded of their entries");
            }
            Err(error) => tracing::warn!(%error, "not all endorsers were reminded of their entries"),
        }
    }
}

/// Sends what is to be sent on the day of `now` and was not sent yet.
///
/// # Errors
/// [`RemindError`]; some may have been reminded.
pub async fn remind(marketplace: &Marketplace, now: Timestamp) -> Result<Sent, RemindError> {
    let (Ok(Some(mailer)), Some(url)) = (marketplace.mailer(), &marketplace.settings().public_url) else {
        return Err(RemindError::NotSetUp);
    };
    let (base, sent) = (base(url), Sent::default());
    let mut round = Round { marketplace, mailer, base, now, sent };
    round.expiring().await?;
    round.lists().await?;
    Ok(round.sent)
}

/// One look at what is to be sent.
struct Round<'a> {
    marketplace: &'a Marketplace,
    mailer: &'a Mailer,
    base: String,
    now: Timestamp,
    sent: Sent,
}

impl Round<'_> {
    fn today(&self) -> i64 {
        self.now.unix_seconds().div_euclid(DAY_SECONDS)
    }

    async fn expiring(&mut self) -> Result<(), StoreError> {
        let end = self.now.checked_add_days(DAYS_AHEAD).unwrap_or(self.now);
        let mut by_email = BTreeMap::<Email, Vec<Listed>>::new();
        for entry in self.marketplace.store().expiring(self.now, end).await? {
            by_email.entry(entry.key.email.clone()).or_default().push(entry);
        }
        let today = self.today();
        for (email, mut entries) in by_email {
            let what = format!("remind expiring {today} {email}");
            if !self.marketplace.store().claim(&what, self.now).await? {
                continue;
            }
            entries.sort_by(|a, b| (a.valid, &a.key).cmp(&(b.valid, &b.key)));
            let more = entries.len().saturating_sub(MAX_NAMED);
            entries.truncate(MAX_NAMED);
            let letter =
                Expiring { base: &self.base, email: &email, days: DAYS_AHEAD, entries: &entries, more };
            if self.send(&what, &email, Letter::new(EXPIRING, &letter)).await? {
                self.sent.expiring += 1;
            }
        }
        Ok(())
    }

    async fn lists(&mut self) -> Result<(), StoreError> {
        let mut emails: Vec<_> = self.marketplace.store().endorsers().await?;
        // One mail for each address (S39).
        emails.sort_by(|a, b| a.email.cmp(&b.email));
        emails.dedup_by(|a, b| a.email == b.email);
        for email in emails {
            // What mail cannot be sent to is in no key either.
            let Ok(email) = email.email.parse::<Email>() else { continue };
            let Some(period) = period(&email, self.today()) else { continue };
            let what = format!("remind list {period} {email}");
            let selection = Selection { email: Some(email.clone()), ..Selection::default() };
            let window =
                Window { from: From::Offset(0), length: u32::try_from(MAX_NAMED).unwrap_or(u32::MAX) };
            let page = self.marketplace.store().list(&selection, &window, self.now).await?;
            if page.entries.is_empty() || !self.marketplace.store().claim(&what, self.now).await? {
                continue;
            }
            let letter = ValidList {
                base: &self.base,
                email: &email,
                days: LIST_EVERY_DAYS,
                entries: &page.entries,
                more: page.after,
            };
            if self.send(&what, &email, Letter::new(LIST, &letter)).await? {
                self.sent.lists += 1;
            }
        }
        Ok(())
    }

    /// Sends what was claimed as `what`; whether it was taken over. If not, it is anyone's to send again, but
    /// where that is of no use.
    async fn send(
        &mut self,
        what: &str,
        email: &Email,
        letter: Result<Letter, MailError>,
    ) -> Result<bool, StoreError> {
        let sent = match letter {
            Ok(letter) => self.mailer.send(email, letter).await,
            Err(error) => Err(error),
        };
        let Err(error) = sent else { return Ok(true) };
        tracing::warn!(%email, %error, cause = error.cause(), "an endorser is not reminded");
        self.sent.failed += 1;
        if matches!(error, MailError::Unavailable { .. }) {
            self.marketplace.store().release(what).await?;
        }
        Ok(false)
    }
}

/// The number of the list that an address gets on this day (counted from 1970), if it gets one. Addresses have
/// days of their own, so that mail is spread evenly and who turns reminders on does not write to all at once.
fn period(email: &Email, today: i64) -> Option<i64> {
    let [first, second, ..] = <[u8; 32]>::from(Sha256::digest(email.as_str()));
    let shifted = today + i64::from(u16::from_be_bytes([first, second])) % LIST_EVERY_DAYS;
    (shifted.rem_euclid(LIST_EVERY_DAYS) < LIST_DAYS).then(|| shifted.div_euclid(LIST_EVERY_DAYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_one_list_in_every_thirty_days_and_three_days_to_get_it() {
        let mut days = std::collections::HashSet::new();
        for name in 0..200 {
            let email: Email = format!("endorser{name}@example.org").parse().unwrap();
            for start in [0, 20_000] {
                let lists: Vec<_> =
                    (start..start + 3 * LIST_EVERY_DAYS).filter_map(|day| period(&email, day)).collect();
                assert_eq!(lists.len(), 9, "{email}");
                let mut numbers = lists.clone();
                numbers.dedup();
                assert!((3..=4).contains(&numbers.len()), "{email}: {lists:?}");
            }
            days.extend((0..LIST_EVERY_DAYS).find(|day| period(&email, *day).is_some()));
        }
        assert!(days.len() > 20, "{days:?}");
    }
}
