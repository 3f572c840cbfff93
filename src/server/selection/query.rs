//! From the names and values of a query string to a selection.
//!
//! Two vocabularies: ours, which says what it means, and that of DataTables 1.8, which the original
//! page and other old clients speak (behaviour 1.6). Names that are in neither are passed over.

use std::str::FromStr;

use crate::{Email, Identifier, Timestamp};

use super::{
    super::problem::Problem, Contains, Cursor, From, Location, MAX_LENGTH, Selection, Sort, SortKey, Status,
    Window,
};

/// The most words of a full-text search.
pub const MAX_WORDS: usize = 16;
/// The longest text searched for, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// The most parameters looked at.
const MAX_PARAMETERS: usize = 256;

/// What a query string asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which entries, in what order.
    pub selection: Selection,
    /// Where to begin, if not at the start of the list.
    pub from: Option<From>,
    /// How many entries, if it says so; as many as there are, or as the page likes, if not. DataTables
    /// may ask for none, and for more than [`MAX_LENGTH`], which no single [`Window`] has.
    pub length: Option<u32>,
    /// `sEcho` of DataTables, to be sent back.
    pub echo: i64,
}

impl Wanted {
    /// The stretch it asks for, of `default` entries if it does not say, and of no more than
    /// [`MAX_LENGTH`].
    pub fn window(&self, default: u32) -> Window {
        let length = self.length.unwrap_or(default).min(MAX_LENGTH);
        Window { from: self.from.clone().unwrap_or(From::Offset(0)), length }
    }
}

impl Selection {
    /// What the names and values of a query string, or of a form, ask for: `identifier`, `email`, `created`,
    /// `status`, `location`, `os`, `os-version`, `os-arch`, `endorser` (part of the e-mail address), `kind`,
    /// `q` (words), `sort` (`created`, `-created`, …), `length`, `after`, `before`, and those of DataTables.
    ///
    /// # Errors
    /// 400 if a value is none that its name can have (S5, S6, S22).
    pub fn from_query(pairs: &[(String, String)]) -> Result<Wanted, Problem> {
        let mut query = Query::default();
        for (name, value) in pairs.iter().take(MAX_PARAMETERS) {
            if value.len() > MAX_TEXT_BYTES {
                return Err(Problem::bad_request(format!(
                    "the value of a parameter has more than {MAX_TEXT_BYTES} bytes"
                )));
            }
            query.read(name, value)?;
        }
        query.finish()
    }

    /// Narrows it by an argument of the path, which is classified by its shape (S21): an e-mail address, a
    /// date, or else an identifier. One that is none of these selects nothing.
    pub fn narrow(&mut self, argument: &str) {
        if let Ok(email) = argument.parse::<Email>() {
            self.narrow_by(|selection| &mut selection.email, Some(email));
        } else if let Ok(created) = argument.parse::<Timestamp>() {
            self.narrow_by(|selection| &mut selection.created, Some(created));
        } else if !argument.is_empty() && argument != "null" {
            self.narrow_by(|selection| &mut selection.identifier, argument.parse().ok());
        }
    }

    /// All conditions must hold: two different values of one property never do.
    fn narrow_by<T: PartialEq>(&mut self, field: impl Fn(&mut Self) -> &mut Option<T>, value: Option<T>) {
        let place = field(self);
        if value.is_none() || (place.is_some() && *place != value) {
            self.nothing = true;
        } else {
            *place = value;
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Query {
    wanted: Wanted,
    after: Option<Cursor>,
    before: Option<Cursor>,
    start: Option<u64>,
    /// `iDisplayLength`: counts only with a start.
    display_length: Option<u32>,
    column: Option<SortKey>,
    direction: Option<bool>,
}

impl Query {
    fn read(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let selection = &mut self.wanted.selection;
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        match name {
            "identifier" => exact::<Identifier>(selection, |s| &mut s.identifier, value),
            "email" => exact::<Email>(selection, |s| &mut s.email, value),
            "created" => exact::<Timestamp>(selection, |s| &mut s.created, value),
            "status" => selection.status = status(value)?,
            "location" => selection.location = location(value),
            "os" | "sSearch_1" => contains(selection, |c| &mut c.os, name, value)?,
            "os-version" | "sSearch_2" => contains(selection, |c| &mut c.os_version, name, value)?,
            "os-arch" | "sSearch_3" => contains(selection, |c| &mut c.os_arch, name, value)?,
            "endorser" | "sSearch_4" => contains(selection, |c| &mut c.email, name, value)?,
            "kind" | "sSearch_5" => contains(selection, |c| &mut c.kind, name, value)?,
            "q" | "sSearch" => words(selection, value)?,
            "sort" => selection.sort = sort(value)?,
            "length" => self.wanted.length = Some(length(value)?),
            "after" => self.after = Some(cursor(name, value)?),
            "before" => self.before = Some(cursor(name, value)?),
            "iDisplayStart" => self.start = Some(number(name, value)?),
            "iDisplayLength" => self.display_length = Some(number(name, value)?),
            "iSortCol_0" => self.column = column(value)?,
            "sSortDir_0" => self.direction = Some(descending(value)?),
            "sEcho" => self.wanted.echo = number(name, value)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Wanted, Problem> {
        let mut wanted = self.wanted;
        // Both are needed, and then they page (behaviour 1.6).
        let display = self.start.zip(self.display_length);
        wanted.from = match (self.after, self.before, display) {
            (Some(_), Some(_), _) => return Err(Problem::bad_request("after and before exclude each other")),
            (Some(cursor), None, None) => Some(From::After(cursor)),
            (None, Some(cursor), None) => Some(From::Before(cursor)),
            (None, None, display) => display.map(|(start, _)| From::Offset(start)),
            (_, _, Some(_)) => {
                return Err(Problem::bad_request("after and before exclude iDisplayStart"));
            }
        };
        if let Some((_, length)) = display {
            wanted.length = Some(length);
        }
        if self.column.is_some() || self.direction.is_some() {
            let by = self.column.unwrap_or(SortKey::Created);
            wanted.selection.sort = Sort { by, descending: self.direction.unwrap_or(false) };
        }
        Ok(wanted)
    }
}

/// A value that no entry can have is no error: nothing has it.
fn exact<T: FromStr + PartialEq>(
    selection: &mut Selection,
    field: impl Fn(&mut Selection) -> &mut Option<T>,
    value: &str,
) {
    selection.narrow_by(field, value.parse().ok());
}

/// S22: one that is none of these is a mistake, which would otherwise show more than was asked for.
fn status(value: &str) -> Result<Status, Problem> {
    match value {
        "valid" => Ok(Status::Valid),
        "expired" => Ok(Status::Expired),
        "deprecated" => Ok(Status::Deprecated),
        "all" => Ok(Status::All),
        _ => Err(Problem::bad_request("status is one of valid, expired, deprecated, all")),
    }
}

/// Any other value is no condition (behaviour 1.6).
fn location(value: &str) -> Location {
    match value {
        "web" => Location::Web,
        "pdisk" => Location::Pdisk,
        _ => Location::All,
    }
}

fn contains(
    selection: &mut Selection,
    field: impl Fn(&mut Contains) -> &mut String,
    name: &str,
    value: &str,
) -> Result<(), Problem> {
    let text = field(&mut selection.contains);
    if !text.is_empty() && text != value {
        return Err(Problem::bad_request(format!("{name} is asked for twice")));
    }
    value.clone_into(text);
    Ok(())
}

fn words(selection: &mut Selection, value: &str) -> Result<(), Problem> {
    selection.words.extend(value.split_whitespace().map(str::to_owned));
    if selection.words.len() > MAX_WORDS {
        return Err(Problem::bad_request(format!("more than {MAX_WORDS} words are searched for")));
    }
    Ok(())
}

fn sort(value: &str) -> Result<Sort, Problem> {
    // As the filter is called.
    let value = match value {
        "endorser" => "email",
        "-endorser" => "-email",
        value => value,
    };
    value.parse().map_err(|_| {
        let names = SortKey::names();
        Problem::bad_request(format!("sort is one of {names}, with - before it for the other way round"))
    })
}

fn length(value: &str) -> Result<u32, Problem> {
    let length = value.parse().ok().filter(|length| (1..=MAX_LENGTH).contains(length));
    length.ok_or_else(|| Problem::bad_request(format!("length is a number from 1 to {MAX_LENGTH}")))
}

fn cursor(name: &str, value: &str) -> Result<Cursor, Problem> {
    value.parse().map_err(|_| Problem::bad_request(format!("{name} is no place in a list")))
}

/// S5, S6: what is no number, or none that makes sense, is the client's mistake.
fn number<T: FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| Problem::bad_request(format!("the value of {name} is no such number")))
}

/// A column of the original's table: the default for one that is there but has nothing to sort by.
fn column(value: &str) -> Result<Option<SortKey>, Problem> {
    match number::<u8>("iSortCol_0", value)? {
        column @ 0..=10 => Ok(SortKey::of_column(column)),
        _ => Err(Problem::bad_request("iSortCol_0 is a column from 0 to 10")),
    }
}

fn descending(value: &str) -> Result<bool, Problem> {
    match value.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Problem::bad_request("sSortDir_0 is asc or desc")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Result<Wanted, Problem> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Selection::from_query(&pairs)
    }

    #[test]
    fn both_vocabularies_say_the_same() {
        for (ours, theirs) in [
            ("os=a&os-version=b&os-arch=c", "sSearch_1=a&sSearch_2=b&sSearch_3=c"),
            ("endorser=d&kind=e&q=f+g", "sSearch_4=d&sSearch_5=e&sSearch=f+g"),
            ("sort=os-arch", "iSortCol_0=3&sSortDir_0=asc"),
            ("sort=-title", "iSortCol_0=10&sSortDir_0=desc"),
            ("sort=-created", "iSortCol_0=0&sSortDir_0=desc"),
            ("sort=-created", "iSortCol_0=8&sSortDir_0=desc"),
            ("", "iDisplayStart=3&iDisplayLength=&sEcho=&bRegex=false&mDataProp_0=0&unknown"),
        ] {
            assert_eq!(wanted(ours), wanted(theirs), "{ours}");
        }
    }

    #[test]
    fn stretches_begin_where_they_are_asked_to() {
        let window = |query: &str| wanted(query).unwrap().window(25);
        assert_eq!(window(""), Window { from: From::Offset(0), length: 25 });
        assert_eq!(window("length=7"), Window { from: From::Offset(0), length: 7 });
        let display = "iDisplayStart=30&iDisplayLength=5000";
        assert_eq!(wanted(display).unwrap().length, Some(5000));
        assert_eq!(window(display), Window { from: From::Offset(30), length: MAX_LENGTH });
        let cursor = Cursor { value: "a b".to_owned(), id: 7 };
        let after = format!("after={cursor}&length=7");
        assert_eq!(window(&after), Window { from: From::After(cursor.clone()), length: 7 });
        let before = format!("before={cursor}");
        assert_eq!(window(&before), Window { from: From::Before(cursor.clone()), length: 25 });
        for both in [format!("{after}&{before}"), format!("{after}&{display}")] {
            assert!(wanted(&both).is_err(), "{both}");
        }
    }
}
