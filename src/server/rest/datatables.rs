//! The list in JSON: an answer to the DataTables 1.8 script of the original page (behaviour 1.6), which
//! other old clients read as well. The clean interface is `/api/v1`.

use axum::{
    body::{Body, Bytes},
    http::header,
    response::Response,
};
use futures_util::stream;
use serde_json::{Value, json};

use super::{
    super::{
        marketplace::Marketplace,
        negotiate::Format,
        problem::Problem,
        selection::{Selection, Wanted},
        store::{Listed, StoreError},
    },
    list::NOTHING,
    stretches::Stretches,
};

/// The list: always 200, also if nothing is selected.
pub(super) async fn answer(marketplace: &Marketplace, wanted: Wanted) -> Result<Response, Problem> {
    let selected = marketplace.counts().of(marketplace, &wanted.selection, u64::MAX).await?;
    let total = if selected == 0 {
        0
    } else {
        // S44: whatever else is asked for.
        let all = Selection { status: wanted.selection.status, ..Selection::default() };
        marketplace.counts().of(marketplace, &all, u64::MAX).await?
    };
    // S25: the original's script shows the message where there are no rows, and raises an alarm if it has
    // "ERROR" in it.
    let message = if selected == 0 { NOTHING } else { "" };
    let opening = format!(
        r#"{{"sEcho":{},"iTotalRecords":{total},"iTotalDisplayRecords":{selected},"rMsg":"{message}","aaData":["#,
        wanted.echo
    );
    let mut stretches = Stretches::new(marketplace, wanted);
    let first = rows(&stretches.entries().await?);
    let state = (Some(opening + &first), first.is_empty(), Some(stretches));
    let parts = stream::try_unfold(state, async |(chunk, start, stretches)| {
        if let Some(chunk) = chunk {
            return Ok(Some((Bytes::from(chunk), (None, start, stretches))));
        }
        let Some(mut stretches) = stretches else { return Ok(None) };
        let further = rows(&stretches.entries().await?);
        let (chunk, stretches) = match (further.is_empty(), start) {
            (true, _) => ("]}".to_owned(), None),
            (false, true) => (further, Some(stretches)),
            (false, false) => (format!(",{further}"), Some(stretches)),
        };
        Ok::<_, StoreError>(Some((Bytes::from(chunk), (None, false, stretches))))
    });
    let content_type = [(header::CONTENT_TYPE, Format::Json.content_type())];
    Ok(super::changing((content_type, Body::from_stream(parts))))
}

fn rows(entries: &[Listed]) -> String {
    entries.iter().map(|entry| row(entry).to_string()).collect::<Vec<_>>().join(",")
}

/// Eleven columns: the first is for the script, a missing value is the text `null` (S43), and of several
/// locations it is the first of the document (S23).
fn row(entry: &Listed) -> Value {
    let text = |value: Option<&str>| value.unwrap_or("null").to_owned();
    json!([
        "",
        text(entry.os.as_deref()),
        text(entry.os_version.as_deref()),
        text(entry.os_arch.as_deref()),
        entry.key.email.as_str(),
        text(entry.kind.as_deref()),
        entry.key.created.to_string(),
        entry.key.identifier.to_string(),
        text(entry.locations.first().map(String::as_str)),
        text(entry.description.as_deref()),
        text(entry.title.as_deref()),
    ])
}
