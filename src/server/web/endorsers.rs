//! All endorsers (behaviour 5.3).

use askama::Template;
use axum::response::Html;

use crate::server::{marketplace::Marketplace, problem::Problem, store::KnownEndorser};

use super::{
    layout::{Layout, Section},
    render,
    text::{Said, common_name_of, encode},
};

/// The most endorsers on a page; searching finds the others.
const MOST: usize = 500;

/// What is asked of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Words, all of which must be in the name, subject, issuer or e-mail, whatever the case.
    pub search: String,
    /// In which order.
    pub sort: Sort,
}

/// What endorsers are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// What they are called.
    #[default]
    Name,
    /// Their e-mail.
    Email,
    /// Who issued their certificate.
    Issuer,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Name, Self::Email, Self::Issuer];

    const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Issuer => "issuer",
        }
    }
}

impl Request {
    /// From the names `q` and `sort` of a query string; what is not known of it is ignored.
    pub fn from_query(pairs: &[(String, String)]) -> Self {
        let value = |name: &str| pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let sort = value("sort").and_then(|wanted| Sort::ALL.into_iter().find(|sort| sort.name() == wanted));
        Self { search: value("q").unwrap_or_default().trim().to_owned(), sort: sort.unwrap_or_default() }
    }
}

struct Row {
    name: Said,
    email: Said,
    subject: Said,
    issuer: Said,
    current: String,
    history: String,
    tags: String,
}

struct Column {
    name: &'static str,
    href: String,
    sorted: bool,
}

#[derive(Template)]
#[template(path = "endorsers.html")]
struct Page {
    layout: Layout,
    search: String,
    sort: Sort,
    columns: Vec<Column>,
    rows: Vec<Row>,
    found: usize,
    any: bool,
    most: usize,
}

/// The page of all endorsers.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn page(marketplace: &Marketplace, request: &Request) -> Result<Html<String>, Problem> {
    let layout = Layout::new(marketplace, Section::Endorsers);
    let all = marketplace.store().endorsers().await?;
    let any = !all.is_empty();
    let mut found: Vec<(String, KnownEndorser)> = all
        .into_iter()
        .map(|endorser| (common_name_of(&endorser.subject), endorser))
        .filter(|(name, endorser)| matches(&request.search, name, endorser))
        .collect();
    found.sort_by_cached_key(|(name, endorser)| {
        let first = match request.sort {
            Sort::Name => name,
            Sort::Email => &endorser.email,
            Sort::Issuer => &endorser.issuer,
        };
        (first.to_lowercase(), endorser.email.clone(), endorser.subject.clone())
    });
    let row = |(name, endorser): &(String, KnownEndorser)| {
        let address = encode(&endorser.email);
        Row {
            name: Said::short(name),
            email: Said::short(&endorser.email),
            subject: Said::new(&endorser.subject, 500),
            issuer: Said::new(&endorser.issuer, 500),
            current: layout.path(&format!("/metadata?email={address}")),
            history: layout.path(&format!("/endorsers/{address}")),
            tags: layout.path(&format!("/endorsers/{address}/tags")),
        }
    };
    let search =
        if request.search.is_empty() { String::new() } else { format!("&q={}", encode(&request.search)) };
    let column = |(name, sort): (&'static str, Sort)| Column {
        name,
        href: layout.path(&format!("/endorsers?sort={}{search}", sort.name())),
        sorted: sort == request.sort,
    };
    render(&Page {
        rows: found.iter().take(MOST).map(row).collect(),
        columns: [("Name", Sort::Name), ("E-mail", Sort::Email), ("Issuer", Sort::Issuer)].map(column).into(),
        found: found.len(),
        search: request.search.clone(),
        sort: request.sort,
        any,
        most: MOST,
        layout,
    })
}

fn matches(search: &str, name: &str, endorser: &KnownEndorser) -> bool {
    let text = [name, &endorser.email, &endorser.subject, &endorser.issuer].join("\n").to_lowercase();
    search.split_whitespace().all(|word| text.contains(&word.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endorsers_are_found_by_all_words_in_any_case() {
        let jane = KnownEndorser {
            email: "jane@example.org".into(),
            subject: "CN=Jane Tester,O=StratusLab".into(),
            issuer: "CN=CA".into(),
        };
        for (search, found) in [("", true), ("JANE stratus", true), ("ca example", true), ("jane joe", false)]
        {
            assert_eq!(matches(search, "Jane Tester", &jane), found, "{search}");
        }
    }

    #[test]
    fn what_is_not_known_of_a_query_is_ignored() {
        let pairs =
            |text: &str| vec![("q".to_owned(), " x ".to_owned()), ("sort".to_owned(), text.to_owned())];
        let request = Request::from_query(&pairs("issuer"));
        assert_eq!(request, Request { search: "x".into(), sort: Sort::Issuer });
        assert_eq!(Request::from_query(&pairs("'; --")).sort, Sort::Name);
    }
}
