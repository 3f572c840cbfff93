//! Everything about an image: its entry, the verdict on it, who else endorses it, and its past.

use serde_json::{Map, Value, json};

use super::{
    Failure, Session, Status,
    endorsements::{is_asked, judged, nothing},
    entries::{EntryArgs, Gathered},
    judge::{Judge, Judged},
    network::NetworkArgs,
};
use crate::{
    Identifier,
    marketplace::{History, Reference},
    metadata::{State, property::Property},
};

/// Why nobody is trusted, if nobody says who is.
const NO_ANCHORS: &str = "no trust anchors are named";

/// What is to be shown.
struct Shown {
    /// The entry that is shown in detail.
    entry: Judged,
    url: Option<String>,
    /// Why its endorser is not trusted.
    untrusted: Option<String>,
    /// All endorsements of the image, that one too, as they are told in JSON.
    endorsements: Vec<Map<String, Value>>,
    past: Past,
}

/// What is known of superseded entries.
enum Past {
    /// There is no Marketplace to ask.
    NotAsked,
    NotTold,
    Told(History),
}

/// Shows what was asked for.
///
/// # Errors
/// A [`Failure`] if it cannot be had, or there is none.
pub fn show(
    args: &EntryArgs,
    network: &NetworkArgs,
    judge: &Judge,
    session: &Session,
) -> Result<(), Failure> {
    let mut found = args.gather(network, session)?;
    if let (Some(client), Some(reference)) = (&found.client, &found.reference)
        && reference.endorsement.is_some()
    {
        // The others who endorse it.
        found.documents.extend(client.documents(&Reference::image(reference.identifier))?);
    }
    let shown = collect(&found, judge, session)?;
    if session.json() {
        session.bare_object(shown.fields());
    } else {
        shown.tell(session);
    }
    if !shown.entry.is_valid() {
        session.raise(Status::No);
    }
    Ok(())
}

fn collect(found: &Gathered, judge: &Judge, session: &Session) -> Result<Shown, Failure> {
    let mut entries = judged(found, judge, session)?;
    let reference = found.reference.as_ref();
    let Some(place) = entries.iter().position(|entry| is_asked(entry, reference)) else {
        return Err(nothing(found, entries.len()));
    };
    let url = |entry: &Judged| Some(found.client.as_ref()?.endpoint().url_of(&entry.reference()?));
    let endorsements = entries.iter().map(|entry| endorsement(entry, url(entry))).collect();
    let entry = entries.swap_remove(place);
    let image = entry.metadata().map(|metadata| metadata.identifier);
    let past = past(found, image.or(reference.map(|reference| reference.identifier)), session);
    let no_anchors = (entry.is_valid() && !judge.has_anchors()).then(|| NO_ANCHORS.to_owned());
    Ok(Shown { url: url(&entry), untrusted: entry.untrusted().or(no_anchors), entry, endorsements, past })
}

fn past(found: &Gathered, image: Option<Identifier>, session: &Session) -> Past {
    let (Some(client), Some(image)) = (&found.client, image) else { return Past::NotAsked };
    match client.history(image) {
        Ok(Some(history)) => Past::Told(history),
        Ok(None) => Past::NotTold,
        // It is no part of what can be verified: all else can be shown without.
        Err(error) => {
            session.warn(format_args!("the history cannot be had: {error}"));
            Past::NotTold
        }
    }
}

fn endorsement(entry: &Judged, url: Option<String>) -> Map<String, Value> {
    let endorsement = entry.metadata().and_then(|metadata| metadata.endorsement.as_ref());
    Map::from_iter([
        ("url".to_owned(), url.into()),
        ("email".to_owned(), endorsement.map(|endorsement| endorsement.endorser.email.to_string()).into()),
        ("endorsed".to_owned(), entry.endorsed().map(|endorsed| endorsed.to_string()).into()),
        ("verdict".to_owned(), entry.standing.name().into()),
        ("reason".to_owned(), entry.reason().into()),
        ("state".to_owned(), entry.state().map(State::name).into()),
        ("deprecated".to_owned(), entry.metadata().and_then(|metadata| metadata.deprecated.clone()).into()),
    ])
}

impl Shown {
    fn tell(&self, session: &Session) {
        let entry = &self.entry;
        session.result(format_args!("verdict: {}", entry.standing.name()));
        if let Some(reason) = entry.reason() {
            session.result(format_args!("reason: {reason}"));
            if let Some(hint) = entry.hint() {
                session.note(hint);
            }
        }
        if let Some(reason) = &self.untrusted {
            session.result(format_args!("not trusted: {reason}"));
        }
        if let Some(state) = entry.state() {
            session.result(format_args!("state: {}", state.name()));
        }
        if let Some(url) = &self.url {
            session.result(format_args!("url: {url}"));
        }
        self.tell_properties(session);
        for (name, value) in entry.evidence() {
            session.result(format_args!("{name}: {value}"));
        }
        session.result("checks:");
        entry.checks().for_each(|check| session.result(check));
        session.result("endorsements:");
        for endorsement in &self.endorsements {
            let text = |name: &str| endorsement[name].as_str();
            let mut line = format!(
                "  {} {}: {}",
                text("endorsed").unwrap_or("-"),
                text("email").unwrap_or("-"),
                text("verdict").unwrap_or_default()
            );
            if let Some(state) = text("state").filter(|state| *state != State::Valid.name()) {
                line = line + ", " + state;
            }
            if let Some(reason) = text("reason").or(text("deprecated")) {
                line = line + ": " + reason;
            }
            session.result(line);
        }
        match &self.past {
            Past::NotAsked => {}
            Past::NotTold => session.result("history: not told by this Marketplace"),
            Past::Told(history) => tell_history(history, session),
        }
    }

    fn tell_properties(&self, session: &Session) {
        let Some(metadata) = self.entry.metadata() else { return };
        let further = &self.entry.further;
        // The first of the locations is among them.
        for property in Property::all().filter(|property| property.name() != "location") {
            for value in property.values(metadata, further) {
                tell_value(
                    if property.name() == "locations" { "location" } else { property.name() },
                    &value,
                    session,
                );
            }
        }
        for other in further.iter().filter(|other| !Property::all().any(|property| property.is_of(other))) {
            tell_value(&other.name, &other.value, session);
        }
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = self.entry.fields();
        fields.shift_insert(0, "url".to_owned(), self.url.clone().into());
        fields.insert("untrusted".to_owned(), self.untrusted.clone().into());
        let further =
            self.entry.further.iter().map(|other| json!({ "name": other.name, "value": other.value }));
        fields.insert("further".to_owned(), further.collect());
        fields
            .insert("endorsements".to_owned(), self.endorsements.iter().cloned().map(Value::from).collect());
        let history = match &self.past {
            Past::NotAsked | Past::NotTold => None,
            Past::Told(History { entries, complete }) => {
                let entry = |entry: &crate::marketplace::PastEntry| {
                    json!({
                        "email": entry.email.as_str(),
                        "endorsed": entry.created.to_string(),
                        "state": entry.state,
                        "deprecated": entry.deprecated,
                    })
                };
                Some(json!({ "entries": entries.iter().map(entry).collect::<Value>(), "complete": complete }))
            }
        };
        fields.insert("history".to_owned(), history.into());
        fields
    }
}

/// A value, with the further lines of a long one indented.
fn tell_value(name: &str, value: &str, session: &Session) {
    let mut lines = value.trim().lines();
    session.result(format_args!("{name}: {}", lines.next().unwrap_or_default()));
    for line in lines {
        session.result(format_args!("  {line}"));
    }
}

/// What is no more among the endorsements, or not yet.
fn tell_history(history: &History, session: &Session) {
    let past: Vec<_> = history.entries.iter().filter(|entry| entry.state == "superseded").collect();
    if past.is_empty() && history.complete {
        return session.result("history: no superseded entries");
    }
    session.result("history, as this Marketplace tells it:");
    for entry in past {
        let why =
            entry.deprecated.as_ref().map(|reason| format!(", deprecated: {reason}")).unwrap_or_default();
        session.result(format_args!("  {} {} {}{why}", entry.created, entry.email, entry.state));
    }
    if !history.complete {
        session.result("  and older ones");
    }
}
