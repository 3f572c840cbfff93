//! What the links of a confirmation mail lead to: looking at them does nothing (S26), posting acts.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    http::printable,
    metadata::rules::Stage,
    server::{
        key::EntryKey,
        mail::{Letter, MailError},
        marketplace::Marketplace,
        negotiate::first_accepted,
        problem::Problem,
        store::{AddError, NewEntry, Order, Parked},
        upload,
        web::action::{self, Asked, Command},
    },
    validate::examine_unsigned,
};

use super::{base, letter, token::Token};

/// What links may say.
const COMMANDS: [Command; 3] = [Command::Confirm, Command::Abort, Command::Abuse];

/// What was done.
struct Done {
    command: Command,
    /// 200 or 201.
    status: StatusCode,
    /// In one line.
    message: String,
    /// The entry, if it is there now.
    entry: Option<EntryKey>,
}

/// Links end with a slash; whoever leaves it out means the same.
pub(super) fn routes() -> Router<Marketplace> {
    Router::new().route("/action/{*rest}", get(show).post(act))
}

/// What a link names.
struct Link {
    command: Command,
    token: Token,
    parked: Parked,
}

impl Link {
    /// What waits under this link.
    ///
    /// # Errors
    /// 404, always the same whether there never was such a link, it was used, or it is too old (S27).
    async fn find(marketplace: &Marketplace, rest: &str) -> Result<Self, Problem> {
        let invalid = || Problem::not_found("invalid action: not /action/UUID/confirm, abort or abuse");
        let (token, command) = rest.trim_matches('/').split_once('/').ok_or_else(invalid)?;
        let command = COMMANDS.into_iter().find(|known| known.name() == command).ok_or_else(invalid)?;
        let Ok(token) = token.parse::<Token>() else { return Err(unknown()) };
        let parked = marketplace.store().parked(&token.sha256(), marketplace.now()).await?;
        Ok(Self { command, token, parked: parked.ok_or_else(unknown)? })
    }
}

fn unknown() -> Problem {
    Problem::not_found("no entry waits for this link: it was used already, or is too old")
}

/// The page with the button.
async fn show(State(marketplace): State<Marketplace>, Path(rest): Path<String>) -> Result<Response, Problem> {
    let Link { command, token, parked } = Link::find(&marketplace, &rest).await?;
    let deprecated = deprecated(parked.document).await;
    let asked = Asked {
        command,
        path: &marketplace.path(&format!("/action/{}/{}/", token.reveal(), command.name())),
        key: &parked.key,
        deprecated: deprecated.as_deref(),
        expires: parked.expires,
    };
    Ok(private(action::page(&marketplace, &asked)?.into_response()))
}

/// Does what the link says.
async fn act(
    State(marketplace): State<Marketplace>,
    Path(rest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    upload::check_read_only(&marketplace)?;
    let link = Link::find(&marketplace, &rest).await?;
    let acting = marketplace.clone();
    // Whoever hangs up leaves nothing half done.
    let acted = tokio::spawn(async move {
        match link.command {
            Command::Confirm => confirm(&acting, &link).await,
            Command::Abort => abort(&acting, &link).await,
            Command::Abuse => abuse(&acting, link).await,
        }
    });
    let done = acted.await.map_err(|error| {
        tracing::error!(%error, "a confirmation failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this failed; try again")
    })??;
    answer(&marketplace, &headers, &done)
}

/// Keeps the entry as if it were uploaded now: what has happened since it was parked counts (S13).
async fn confirm(marketplace: &Marketplace, link: &Link) -> Result<Done, Problem> {
    let verdict = upload::judge(marketplace, link.parked.document.clone()).await?;
    let entry = verdict.entry.map_err(Problem::bad_request)?;
    let entry = NewEntry::new(&entry).ok_or_else(unknown)?;
    let added = marketplace.store().add(&entry, Order::Newest, marketplace.now()).await;
    let refused = match added {
        // Whoever pressed the button twice, or in two windows, is told the same twice.
        Ok(_) => None,
        Err(AddError::Store(error)) => return Err(error.into()),
        // A later attempt would end likewise.
        Err(refused) => Some(Problem::bad_request(format!("invalid metadata: {refused}"))),
    };
    // If this fails, the link works until it expires, and brings the same again.
    if let Err(error) = marketplace.store().forget(&link.token.sha256()).await {
        tracing::warn!(key = %link.parked.key, %error, "a link that was used works on");
    }
    if let Some(refused) = refused {
        return Err(refused);
    }
    tracing::info!(key = %link.parked.key, "confirmed");
    let message = "metadata entry created".to_owned();
    Ok(Done { command: link.command, status: StatusCode::CREATED, message, entry: Some(entry.key) })
}

async fn abort(marketplace: &Marketplace, link: &Link) -> Result<Done, Problem> {
    if !marketplace.store().forget(&link.token.sha256()).await? {
        return Err(unknown());
    }
    tracing::info!(key = %link.parked.key, "withdrawn");
    let message = format!("aborted addition of metadata entry {}", link.parked.key);
    Ok(Done { command: link.command, status: StatusCode::OK, message, entry: None })
}

/// Forgets the entry first, so that it cannot be confirmed any more (the original still could) and one report is
/// one mail, however often it is made.
async fn abuse(marketplace: &Marketplace, link: Link) -> Result<Done, Problem> {
    if !marketplace.store().forget(&link.token.sha256()).await? {
        return Err(unknown());
    }
    let key = link.parked.key.clone();
    tracing::warn!(%key, "abuse was reported");
    if let Err(error) = tell_administrator(marketplace, link.parked).await {
        tracing::error!(%key, %error, cause = error.cause(), "the administrator could not be told of abuse");
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the entry is withdrawn, but the administrators could not be notified",
        ));
    }
    let message = format!("administrators were notified of the abuse; the entry {key} is withdrawn");
    Ok(Done { command: link.command, status: StatusCode::OK, message, entry: None })
}

async fn tell_administrator(marketplace: &Marketplace, parked: Parked) -> Result<(), MailError> {
    let none = |cause: &str| MailError::Unavailable { cause: cause.to_owned() };
    let (Ok(Some(mailer)), Some(url)) = (marketplace.mailer(), &marketplace.settings().public_url) else {
        return Err(none("mail is not set up"));
    };
    let verdict = upload::judge(marketplace, parked.document).await.ok();
    let certificate = verdict.and_then(|verdict| verdict.entry.ok()).map(|entry| letter::SignedWith {
        subject: printable(&entry.certificate().subject().to_string()),
        fingerprint: entry.certificate().sha256_fingerprint(),
    });
    let letter = letter::Abuse { base: &base(url), key: &parked.key, certificate };
    mailer.send(mailer.admin(), Letter::new(letter::SUBJECT, &letter)?).await
}

/// Why the image of a document is deprecated, if it is: presence counts (S33). For people alone: the document is
/// judged again before it counts for anything.
async fn deprecated(document: Vec<u8>) -> Option<String> {
    let read = move || examine_unsigned(&document, Stage::Endorsed).ok()?.1?.deprecated;
    tokio::task::spawn_blocking(read).await.ok()?
}

/// What was done, as a page if `text/html` is accepted first, else as a line (behaviour 1.4).
fn answer(marketplace: &Marketplace, headers: &HeaderMap, done: &Done) -> Result<Response, Problem> {
    let mut response = if first_accepted(headers) == "text/html" {
        let page = action::done(marketplace, done.command, &done.message, done.entry.as_ref())?;
        (done.status, page).into_response()
    } else {
        (done.status, done.message.clone()).into_response()
    };
    if let Some(key) = &done.entry {
        // S2: the original left out a slash.
        let url = marketplace.url(headers, &key.path());
        if let Ok(url) = HeaderValue::from_str(&url) {
            response.headers_mut().insert(header::LOCATION, url.clone());
            response.headers_mut().insert(header::CONTENT_LOCATION, url);
        }
    }
    Ok(private(response))
}

/// The link is a secret: nobody keeps the page. (Nor does another server learn where one came from:
/// `web::headers`.)
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
