//! `/tag/{email}/{tag}` and `/metadata/{email}?tag={tag}`: the newest entry of an endorser that carries a
//! tag (behaviour 1.7).

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use super::{
    super::{marketplace::Marketplace, parameters::Parameters, problem::Problem},
    entry::{self, not_found},
};

/// `/tag/{email}/{tag}`.
pub(super) async fn by_path(
    State(marketplace): State<Marketplace>,
    Path((email, tag)): Path<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    entry(&marketplace, &email, &tag, &parameters, &headers).await
}

/// The entry that a tag stands for.
pub(super) async fn entry(
    marketplace: &Marketplace,
    email: &str,
    tag: &str,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let email = email.parse().map_err(|_| not_found())?;
    let key = marketplace.store().tagged(&email, unquoted(tag)).await?.ok_or_else(not_found)?;
    // The entry never changes, but which one it is does: caches that kept it would hide a newer image.
    Ok(super::changing(entry::answer(marketplace, &key, parameters, headers).await?))
}

/// Without one pair of quotes around it: the original's own links have them (W3).
fn unquoted(tag: &str) -> &str {
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_of_quotes_is_left_out() {
        for (tag, bare) in
            [("a", "a"), ("\"a b\"", "a b"), ("\"\"a\"\"", "\"a\""), ("\"", "\""), ("\"a", "\"a")]
        {
            assert_eq!(unquoted(tag), bare, "{tag}");
        }
    }
}
