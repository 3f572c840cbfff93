//! Verdicts: what the server finds of a document, check by check.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    entry,
    input::{Given, Key},
    problems::{DocumentProblems, NotFound, ReadProblems},
    text::{DocumentText, EmailText, IdentifierText, TimestampText},
};
use crate::{
    server::{admission, marketplace::Marketplace, policy::Admission, problem::Problem, upload},
    validate::{Check, Outcome},
};

/// What the server finds of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Verdict {
    /// Would it be taken, were it uploaded now? The order of an endorser's entries is not looked at.
    pub(super) accepted: bool,
    /// Why not.
    #[schema(required)]
    pub(super) reason: Option<String>,
    /// Would its endorser be asked by mail first?
    pub(super) confirmation: bool,
    /// The key of the entry; `null` if it is not accepted.
    #[schema(required)]
    pub(super) entry: Option<EntryName>,
    /// Every check, in the order in which they decide.
    pub(super) checks: Vec<CheckResult>,
    /// When it was judged.
    pub(super) judged: TimestampText,
}

/// What names an entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntryKey)]
pub(super) struct EntryName {
    /// Of the image.
    pub(super) identifier: IdentifierText,
    /// Of the endorser.
    pub(super) email: EmailText,
    /// When it was endorsed.
    pub(super) created: TimestampText,
}

/// One check.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(super) struct CheckResult {
    /// Its name: stable, for programs.
    #[schema(example = "signature")]
    pub(super) name: String,
    /// How it ended.
    pub(super) outcome: CheckOutcome,
    /// What was found, if anything was.
    #[schema(required)]
    pub(super) message: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckOutcome {
    /// As it should be.
    Passed,
    /// Worth knowing, but no reason to refuse the document.
    Noted,
    /// A reason to refuse it.
    Failed,
    /// Not made.
    Skipped,
}

impl From<&Check> for CheckResult {
    fn from(check: &Check) -> Self {
        let outcome = match check.outcome {
            Outcome::Passed => CheckOutcome::Passed,
            Outcome::Noted => CheckOutcome::Noted,
            Outcome::Failed => CheckOutcome::Failed,
            Outcome::Skipped => CheckOutcome::Skipped,
        };
        Self { name: check.name.to_owned(), outcome, message: check.message.clone() }
    }
}

/// Judges an entry again.
///
/// By what the server accepts now, which may be less than when the entry was uploaded.
#[utoipa::path(
    get,
    path = "/api/v1/entries/{identifier}/{email}/{created}/verdict",
    operation_id = "judge_entry",
    tag = "entries",
    params(
        ("identifier" = IdentifierText, Path, description = "Of the image"),
        ("email" = EmailText, Path, description = "Of the endorser"),
        ("created" = TimestampText, Path, description = "When it was endorsed"),
    ),
    responses((status = 200, description = "What the server finds of it now", body = Verdict), NotFound, ReadProblems)
)]
pub(super) async fn stored(
    State(marketplace): State<Marketplace>,
    Key(key): Key,
) -> Result<Json<Verdict>, Problem> {
    let document = entry::stored(&marketplace, &key).await?;
    judged(&marketplace, document.bytes).await
}

/// Judges a document.
///
/// Nothing is stored and nobody is sent a mail: for whoever wants to know before an upload.
#[utoipa::path(
    post,
    path = "/api/v1/verdict",
    operation_id = "judge_document",
    tag = "entries",
    request_body(
        description = "Any document; what is no entry is found to be none",
        content((DocumentText = "application/rdf+xml"), (DocumentText = "application/xml"))
    ),
    responses((status = 200, description = "What the server finds of it", body = Verdict), DocumentProblems)
)]
pub(super) async fn given(
    State(marketplace): State<Marketplace>,
    Given(uploaded): Given,
) -> Result<Json<Verdict>, Problem> {
    // Its share of the memory is free again when this returns.
    judged(&marketplace, uploaded.document).await
}

async fn judged(marketplace: &Marketplace, document: Vec<u8>) -> Result<Json<Verdict>, Problem> {
    let admission::Verdict { entry, checks, admission } = upload::judge(marketplace, document).await?;
    let (name, reason) = match &entry {
        Ok(entry) => (
            entry.endorsement.as_ref().map(|endorsement| EntryName {
                identifier: entry.identifier.into(),
                email: (&endorsement.endorser.email).into(),
                created: endorsement.created.into(),
            }),
            None,
        ),
        Err(message) => (None, Some(message.clone())),
    };
    Ok(Json(Verdict {
        accepted: entry.is_ok(),
        reason,
        confirmation: entry.is_ok() && admission == Admission::Confirm,
        entry: name,
        checks: checks.iter().map(Into::into).collect(),
        judged: marketplace.now().into(),
    }))
}
