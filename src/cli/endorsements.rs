//! Who endorses an image: the entries that were found, judged, the one that counts most first.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{
    Failure, Session, Status,
    entries::Gathered,
    judge::{Judge, Judged, Standing},
};
use crate::{Identifier, marketplace::Reference, metadata::State};

/// Judges what was found: the newest entry of each endorser, and others that were asked for. Those come first
/// that verify; of them, those neither expired nor deprecated; of them, the trusted ones; and then the newest,
/// because anyone may write any date. What cannot be read comes last.
///
/// # Errors
/// A [`Failure`] if there is nothing of what was asked for, or files describe several images.
pub fn judged(found: &Gathered, judge: &Judge, session: &Session) -> Result<Vec<Judged>, Failure> {
    let judged: Vec<Judged> =
        found.documents.par_iter().map(|document| judge.judge_whole(document)).collect();
    let count = judged.len();
    let image = found.reference.as_ref().map(|reference| reference.identifier);
    let of_image = |entry: &Judged| match (image, entry.metadata()) {
        (Some(image), Some(metadata)) => metadata.identifier == image,
        _ => true,
    };
    let mut unread = Vec::new();
    let mut best: BTreeMap<(Identifier, String), Judged> = BTreeMap::new();
    for entry in judged.into_iter().filter(of_image) {
        let Some(metadata) = entry.metadata() else {
            unread.push(entry);
            continue;
        };
        // Lists have an entry without its XML declaration, and it may come from elsewhere too.
        let key = (
            metadata.identifier,
            entry.reference().map(|reference| reference.to_string()).unwrap_or_default(),
        );
        let known = best.get(&key).map(|known| known.standing);
        if known.is_none_or(|known| known < entry.standing) {
            best.insert(key, entry);
        }
    }
    several(best.keys().map(|(image, _)| *image))?;
    let mut entries: Vec<Judged> = best.into_values().chain(unread).collect();
    entries.sort_by_key(|entry| {
        let current = entry.state() == Some(State::Valid);
        std::cmp::Reverse((entry.is_valid(), current, entry.standing == Standing::Trusted, entry.endorsed()))
    });
    if entries.is_empty() {
        return Err(nothing(found, count));
    }
    if entries.len() < count {
        session.detail(format_args!("{count} documents were found, {} of them count", entries.len()));
    }
    Ok(entries)
}

/// Refuses files with entries of several images, of which none was named.
fn several(images: impl Iterator<Item = Identifier>) -> Result<(), Failure> {
    let images: std::collections::BTreeSet<_> = images.collect();
    match images.first() {
        Some(first) if images.len() > 1 => {
            let fact = format_args!("there are entries of {} images", images.len()).to_string();
            Err(Failure::new(Status::Usage, fact)
                .with_hint(format_args!("name one of them, such as {first}")))
        }
        _ => Ok(()),
    }
}

/// Nothing of what was asked for.
pub(super) fn nothing(found: &Gathered, others: usize) -> Failure {
    let place = match &found.client {
        Some(client) => client.endpoint().to_string(),
        None => "what was given".to_owned(),
    };
    let failure = match &found.reference {
        Some(reference) => {
            Failure::new(Status::No, format_args!("there is no entry of {reference} in {place}"))
        }
        None => Failure::new(Status::No, format_args!("there is no entry in {place}")),
    };
    match others {
        0 => failure,
        others => failure.with_hint(format_args!("entries that were not asked for are there: {others}")),
    }
}

/// Whether an entry is the one that was asked for, or one of those.
pub(super) fn is_asked(entry: &Judged, reference: Option<&Reference>) -> bool {
    match (reference, entry.metadata()) {
        (Some(reference), Some(metadata)) => reference.fits(metadata),
        // What cannot be read may be anything.
        _ => true,
    }
}
