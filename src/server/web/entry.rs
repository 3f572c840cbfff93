//! The page of one entry (behaviour 5.2 and 5.5): what it says, whether that may be believed, and what to do
//! with it.

pub(crate) mod checks;
mod commands;
mod details;
mod past;
mod signature;

use askama::Template;
use axum::{
    http::{HeaderMap, StatusCode},
    response::Html,
};

use crate::{
    Metadata,
    server::{key::EntryKey, marketplace::Marketplace, problem::Problem, store::State},
};

use super::{
    card::{Badge, Tile, system_of},
    layout::{Layout, Section},
    render,
    text::{Said, When, encode, entry_path, relative, split, visible, web_link},
    visit::base,
};

use self::{
    commands::Command,
    details::{Detail, Value},
    past::Past,
    signature::{Signature, Verdict},
};

/// Characters of a description that are shown at once, and at most; the rest is in the document.
const DESCRIPTION: (usize, usize) = (700, 20_000);
/// Locations that are shown at once, and at most.
const LOCATIONS: (usize, usize) = (6, 200);

/// A text of which much may be folded away.
struct Folded {
    start: String,
    rest: String,
    cut: bool,
}

struct Place {
    text: Said,
    link: Option<String>,
}

struct Sum {
    name: &'static str,
    of: &'static str,
    value: String,
}

/// How much of an entry's time has gone by.
struct Validity {
    until: When,
    told: String,
    gone: i64,
    whole: i64,
    over: bool,
}

#[derive(Template)]
#[template(path = "entry.html")]
struct Page {
    layout: Layout,
    heading: Said,
    tag: Option<(Said, String)>,
    tile: Tile,
    system: Option<Said>,
    state: State,
    badge: Badge,
    deprecated: Option<Said>,
    newest: Option<String>,
    identifier: String,
    email: Said,
    of_endorser: String,
    history_of_endorser: String,
    endorsed: When,
    endorsed_ago: When,
    description: Option<Folded>,
    places: Vec<Place>,
    folded_places: Vec<Place>,
    more_places: usize,
    sums: Vec<Sum>,
    details: Vec<Detail>,
    signature: Signature,
    validity: Option<Validity>,
    commands: Vec<Command>,
    past: Past,
    xml: String,
    json: String,
}

/// The page of an entry. `headers` are the request's: commands must name this server as the visitor knows it.
///
/// # Errors
/// 404 if there is none with this key, 503 if the database does not answer.
pub async fn page(
    marketplace: &Marketplace,
    key: &EntryKey,
    headers: &HeaderMap,
) -> Result<Html<String>, Problem> {
    let now = marketplace.now();
    let found = marketplace.store().document(key, now).await?;
    let document = found.ok_or_else(|| Problem::not_found("metadata entry not found."))?;
    let state = document.state;
    let (metadata, signature) = signature::judge(marketplace, document.bytes).await?;
    // What is here was read when it came; a page about nothing would be of no use.
    let metadata = metadata.ok_or_else(|| {
        tracing::error!(%key, "a stored entry cannot be read");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the stored entry cannot be read any more")
    })?;
    let past = past::find(marketplace, key, now).await?;
    let layout = Layout::new(marketplace, Section::Images);
    let path = layout.path(&entry_path(key));
    let email = encode(key.email.as_str());
    let (places, folded_places, more_places) = places(&metadata);
    let system =
        system_of(metadata.os.as_deref(), metadata.os_version.as_deref(), metadata.os_arch.as_deref());
    let tag = metadata.tag.as_ref().filter(|tag| !tag.trim().is_empty());
    render(&Page {
        heading: Said::some(metadata.title.as_ref())
            .or_else(|| {
                system_of(metadata.os.as_deref(), metadata.os_version.as_deref(), metadata.os_arch.as_deref())
            })
            .unwrap_or_else(|| Said::short(&key.identifier.to_string())),
        tag: tag.map(|tag| (Said::short(tag), layout.path(&format!("/tag/{email}/{}", encode(tag))))),
        tile: Tile::new(metadata.os.as_deref()),
        system: system.filter(|_| metadata.title.is_some()),
        state,
        badge: Badge::new(state),
        deprecated: metadata.deprecated.as_deref().map(|reason| Said::new(reason.trim(), 1_000)),
        newest: past.newest.as_ref().map(|newest| layout.path(&entry_path(newest))),
        identifier: key.identifier.to_string(),
        email: Said::short(key.email.as_str()),
        of_endorser: layout.path(&format!("/metadata?email={email}&status=all")),
        history_of_endorser: layout.path(&format!("/endorsers/{email}")),
        endorsed: When::at(key.created),
        endorsed_ago: When::relative(key.created, now),
        description: metadata.description.as_deref().and_then(folded),
        places,
        folded_places,
        more_places,
        sums: sums(&metadata),
        details: details::of(&metadata, &layout),
        signature,
        validity: validity(&metadata, now),
        commands: commands::of(&metadata, key, &base(marketplace, headers), state),
        past,
        xml: format!("{path}?media=xml"),
        json: format!("{path}?media=json"),
        layout,
    })
}

fn folded(text: &str) -> Option<Folded> {
    let text = text.trim();
    let (start, rest) = split(text, DESCRIPTION.0);
    let (rest, cut) = split(rest, DESCRIPTION.1);
    let shown = |text| visible(text).into_owned();
    (!text.is_empty()).then(|| Folded { start: shown(start), rest: shown(rest), cut: !cut.is_empty() })
}

fn places(metadata: &Metadata) -> (Vec<Place>, Vec<Place>, usize) {
    let mut places = metadata
        .locations
        .iter()
        .map(|location| Place { text: Said::new(location.trim(), 500), link: web_link(location) });
    let first = places.by_ref().take(LOCATIONS.0).collect();
    let folded = places.by_ref().take(LOCATIONS.1 - LOCATIONS.0).collect();
    (first, folded, places.count())
}

fn sums(metadata: &Metadata) -> Vec<Sum> {
    let sum = |of| {
        move |checksum: &crate::Checksum| Sum {
            name: checksum.algorithm().name(),
            of,
            value: checksum.value().to_owned(),
        }
    };
    let compressed = metadata.compressed.iter().map(|file| &file.sha512);
    let image = metadata.checksums.iter().map(sum("image"));
    image.chain(compressed.map(sum("compressed file"))).take(64).collect()
}

fn validity(metadata: &Metadata, now: crate::Timestamp) -> Option<Validity> {
    let until = metadata.valid?;
    let from = metadata.endorsement.as_ref()?.created.unix_seconds();
    let whole = (until.unix_seconds() - from).max(1);
    let over = until <= now;
    let told = relative(until, now);
    Some(Validity {
        until: When::at(until),
        told: if over { format!("Expired {told}") } else { format!("Expires {told}") },
        gone: (now.unix_seconds() - from).clamp(0, whole),
        whole,
        over,
    })
}
