//! Single elements of an entry that verifies.

use serde_json::{Map, Value};

use super::{
    Failure, Session, Status,
    endorsements::{is_asked, judged, nothing},
    entries::Gathered,
    judge::{Judge, Judged, Standing},
};
use crate::metadata::{State, property::Property};

/// How alike a name must be to be suggested.
const ALIKE: f64 = 0.7;

/// An element by its name.
///
/// # Errors
/// The names there are, and the one that was probably meant.
pub fn element(name: &str) -> Result<Property, String> {
    name.parse().map_err(|_| {
        let given = name.to_lowercase();
        let similar = Property::names().map(|known| (strsim::jaro_winkler(&given, known), known));
        let similar = similar.filter(|(likeness, _)| *likeness >= ALIKE);
        let meant = similar.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known);
        let meant = meant.map(|known| format!("did you mean '{known}'? ")).unwrap_or_default();
        let names: Vec<_> = Property::all().map(Property::name).collect();
        format!("{meant}The elements are {}", names.join(", "))
    })
}

/// Prints elements of the entry that was asked for, in their order, or none if one is missing.
///
/// # Errors
/// A [`Failure`] if there is no such entry, it does not verify, or lacks an element.
pub fn print(
    elements: &[Property],
    found: &Gathered,
    judge: &Judge,
    session: &Session,
) -> Result<(), Failure> {
    let entry = chosen(found, judge, session)?;
    let Some(metadata) = entry.metadata() else { return Err(nothing(found, 0)) };
    let values: Vec<_> = elements.iter().map(|element| element.values(metadata, &entry.further)).collect();
    let missing = elements.iter().zip(&values).filter(|(_, values)| values.is_empty());
    let missing: Vec<_> = missing.map(|(element, _)| element.name()).collect();
    if !missing.is_empty() {
        let name = name(&entry);
        return Err(Failure::new(Status::No, format_args!("{name} has no {}", missing.join(" and no "))));
    }
    if session.json() {
        let mut fields = Map::new();
        let url = found.client.as_ref().zip(entry.reference());
        let url = url.map(|(client, reference)| client.endpoint().url_of(&reference));
        fields.insert("url".to_owned(), url.into());
        fields.insert("entry".to_owned(), entry.reference().map(|reference| reference.to_string()).into());
        fields.insert("verdict".to_owned(), entry.standing.name().into());
        fields.insert("state".to_owned(), entry.state().map(State::name).into());
        let elements = elements
            .iter()
            .zip(&values)
            .map(|(element, values)| (element.name().to_owned(), values.clone().into()));
        fields.insert("elements".to_owned(), Value::Object(elements.collect()));
        session.bare_object(fields);
    }
    values.iter().flatten().for_each(|value| session.result(value));
    Ok(())
}

/// The entry that counts: it verifies, and is neither expired nor deprecated unless it was asked for by its
/// endorser or is the only one there is in files.
fn chosen(found: &Gathered, judge: &Judge, session: &Session) -> Result<Judged, Failure> {
    let reference = found.reference.as_ref();
    let mut entries = judged(found, judge, session)?;
    let all = entries.len();
    entries.retain(|entry| is_asked(entry, reference));
    let count = entries.len();
    // The first counts most.
    let Some(entry) = entries.into_iter().next() else { return Err(nothing(found, all)) };
    if let Some(reason) = entry.reason() {
        let failure = Failure::new(Status::No, format_args!("{} is invalid: {reason}", name(&entry)));
        return Err(entry.hint().map_or(failure.clone(), |hint| failure.with_hint(hint)));
    }
    let named = match reference {
        Some(reference) => reference.endorsement.is_some(),
        None => count == 1,
    };
    if let Some(problem) = problem(&entry) {
        if !named {
            let fact = format_args!("no valid entry: {} {problem}", name(&entry)).to_string();
            return Err(Failure::new(Status::No, fact).with_hint("ID/EMAIL names an entry all the same"));
        }
        session.warn(format_args!("{} {problem}", name(&entry)));
    }
    if entry.standing != Standing::Trusted
        && let Some(reason) = entry.untrusted()
    {
        session.warn(format_args!("{} is not trusted: {reason}", name(&entry)));
    }
    if count > 1 {
        session.note(format_args!("of {count} entries, {} is taken", name(&entry)));
    }
    Ok(entry)
}

fn name(entry: &Judged) -> String {
    entry.reference().map_or("the entry".to_owned(), |reference| reference.to_string())
}

/// Why the image should not be used any more.
fn problem(entry: &Judged) -> Option<String> {
    let metadata = entry.metadata()?;
    match (entry.state()?, &metadata.deprecated, metadata.valid) {
        (State::Deprecated, Some(reason), _) => Some(format!("is deprecated: {reason}")),
        (State::Expired, _, Some(valid)) => Some(format!("expired at {valid}")),
        _ => None,
    }
}
