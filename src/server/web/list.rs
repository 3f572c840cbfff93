//! The list of images, which is the home page (behaviour 5.1): cards, and filters that are all in its address.

mod address;
mod suggested;

use std::sync::Arc;

use askama::Template;
use axum::response::Html;

use crate::server::{
    marketplace::Marketplace,
    problem::Problem,
    selection::{Contains, Cursor, From, Location, Selection, Sort, Status, Window},
    store::{Page as Stretch, StoreError, Suggestions},
};

use super::{
    card::Card,
    layout::{Layout, Section},
    render,
    text::{Said, grouped},
};

use self::address::Address;

pub use self::suggested::Suggested;

/// Entries on a page if its address does not say.
pub const DEFAULT_LENGTH: u32 = 25;
/// The most entries on a page: it would be slow in the browser.
const MAX_LENGTH: u32 = 100;
/// The numbers of entries on a page that are offered.
const LENGTHS: [u32; 4] = [10, 25, 50, 100];
/// Entries are counted up to this: exactly, further on, would cost the more the more there are.
const MAX_COUNT: u64 = 1_000;

/// Which stretch of which list is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Which entries, in what order.
    pub selection: Selection,
    /// Which stretch.
    pub window: Window,
}

/// An order that is offered.
struct Order {
    value: String,
    name: &'static str,
    chosen: bool,
}

/// A state or a kind of location that is offered.
struct Choice {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

/// A condition that the form has no field for, or whose field may be out of sight.
struct Chip {
    name: &'static str,
    value: Said,
    without: String,
}

/// Why the list is empty.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    /// It is not.
    No,
    /// There is nothing in the Marketplace.
    Everything,
    /// Nothing is as asked.
    Matches,
    /// This stretch is beyond its end.
    Stretch,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    layout: Layout,
    home: String,
    words: String,
    contains: Contains,
    statuses: Vec<Choice>,
    locations: Vec<Choice>,
    orders: Vec<Order>,
    lengths: Vec<(u32, bool)>,
    hidden: Vec<(&'static str, String)>,
    chips: Vec<Chip>,
    suggestions: Arc<Suggestions>,
    count: String,
    cards: Vec<Card>,
    empty: Empty,
    first: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    xml: String,
    json: String,
}

/// A stretch of a list.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn page(marketplace: &Marketplace, request: &ListRequest) -> Result<Html<String>, Problem> {
    let (store, now) = (marketplace.store(), marketplace.now());
    let window =
        Window { from: request.window.from.clone(), length: request.window.length.clamp(1, MAX_LENGTH) };
    let selection = &request.selection;
    let stretch = store.list(selection, &window, now).await?;
    let count = count(marketplace, selection, &window, &stretch).await?;
    let everything = Selection { status: Status::All, ..Selection::default() };
    let empty = match stretch.entries.is_empty() {
        false => Empty::No,
        true if count > 0 => Empty::Stretch,
        true if store.count(&everything, 1, now).await? == 0 => Empty::Everything,
        true => Empty::Matches,
    };
    let layout = Layout::new(marketplace, Section::Images);
    let address = Address::new(selection, window.length);
    let (previous, next) = neighbours(&stretch, &window, &address, &layout);
    render(&ListPage {
        home: layout.path("/metadata"),
        words: selection.words.join(" "),
        contains: selection.contains.clone(),
        statuses: statuses(selection.status),
        locations: locations(selection.location),
        orders: orders(selection.sort),
        lengths: lengths(window.length),
        hidden: address.exact(),
        chips: chips(&address, &layout),
        suggestions: marketplace.suggested().of(store, now).await?,
        count: told(count),
        cards: stretch.entries.iter().map(|entry| Card::new(entry, &layout, now)).collect(),
        empty,
        first: (window.from != From::Offset(0)).then(|| layout.path(&address.path())),
        previous,
        next,
        xml: layout.path(&address.with("media", "xml")),
        json: layout.path(&address.with("media", "json")),
        layout,
    })
}

/// How many entries the list has, as far as they are counted.
async fn count(
    marketplace: &Marketplace,
    selection: &Selection,
    window: &Window,
    stretch: &Stretch,
) -> Result<u64, StoreError> {
    // All of it may be in sight.
    if window.from == From::Offset(0) && !stretch.after {
        return Ok(stretch.entries.len() as u64);
    }
    marketplace.counts().of(marketplace, selection, MAX_COUNT + 1).await
}

/// The addresses of the stretches before and after one.
fn neighbours(
    stretch: &Stretch,
    window: &Window,
    address: &Address,
    layout: &Layout,
) -> (Option<String>, Option<String>) {
    let link = |name, cursor: &Cursor| layout.path(&address.with(name, &cursor.to_string()));
    match (stretch.entries.first(), stretch.entries.last()) {
        (Some(first), Some(last)) => (
            stretch.before.then(|| link("before", &first.cursor)),
            stretch.after.then(|| link("after", &last.cursor)),
        ),
        _ => match &window.from {
            // Nothing is left behind a place, or before it.
            From::After(cursor) => (Some(link("before", cursor)), None),
            From::Before(cursor) => (None, Some(link("after", cursor))),
            From::Offset(_) => (None, None),
        },
    }
}

fn told(count: u64) -> String {
    match count {
        0 => "No images".to_owned(),
        1 => "1 image".to_owned(),
        more if more > MAX_COUNT => format!("More than {} images", grouped(MAX_COUNT)),
        some => format!("{} images", grouped(some)),
    }
}

fn statuses(chosen: Status) -> Vec<Choice> {
    let all = [
        (Status::Valid, "Valid"),
        (Status::Expired, "Expired"),
        (Status::Deprecated, "Deprecated"),
        (Status::All, "All of them"),
    ];
    let choice = |(status, name)| Choice { value: address::status(status), name, chosen: status == chosen };
    all.into_iter().map(choice).collect()
}

fn locations(chosen: Location) -> Vec<Choice> {
    let all = [
        (Location::All, "Anywhere"),
        (Location::Web, "On the web"),
        (Location::Pdisk, "Private disk (pdisk)"),
    ];
    let choice =
        |(location, name)| Choice { value: address::location(location), name, chosen: location == chosen };
    all.into_iter().map(choice).collect()
}

fn orders(chosen: Sort) -> Vec<Order> {
    let mut orders: Vec<Order> = address::ORDERS
        .iter()
        .map(|&(sort, name)| Order { value: address::sort(sort), name, chosen: sort == chosen })
        .collect();
    // One that only an address can ask for.
    if orders.iter().all(|order| !order.chosen) {
        orders.push(Order { value: address::sort(chosen), name: "As asked for", chosen: true });
    }
    orders
}

fn lengths(chosen: u32) -> Vec<(u32, bool)> {
    let mut lengths = LENGTHS.to_vec();
    if !lengths.contains(&chosen) {
        lengths.push(chosen);
        lengths.sort_unstable();
    }
    lengths.into_iter().map(|length| (length, length == chosen)).collect()
}

/// The conditions in force, each with the address of the list without it.
fn chips(address: &Address, layout: &Layout) -> Vec<Chip> {
    let chip = |(name, value): &(&'static str, String)| {
        let told = address::told(name)?;
        Some(Chip { name: told, value: Said::new(value, 60), without: layout.path(&address.without(name)) })
    };
    address.pairs().iter().filter_map(chip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_as_far_as_they_go() {
        for (count, text) in
            [(0, "No images"), (1, "1 image"), (1_000, "1,000 images"), (1_001, "More than 1,000 images")]
        {
            assert_eq!(told(count), text);
        }
    }

    #[test]
    fn what_only_an_address_asks_for_stays_chosen() {
        assert!(lengths(7).contains(&(7, true)));
        assert_eq!(lengths(25).len(), LENGTHS.len());
        let odd = Sort { by: crate::server::selection::SortKey::Kind, descending: true };
        assert!(orders(odd).iter().any(|order| order.chosen && order.value == "-kind"));
        assert_eq!(orders(Sort::default()).iter().filter(|order| order.chosen).count(), 1);
    }
}
