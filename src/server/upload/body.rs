//! The body of an upload: read within the limits of one, and within those of all that are under way.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    extract::{FromRequest as _, Multipart, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use futures_util::StreamExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::super::{connection::Stalled, marketplace::Marketplace, problem::Problem};

/// What a form may add to the document in it, in bytes: heads of parts, and other fields.
const FORM_BYTES: usize = 64 * 1024;
/// Parts of a form that are looked at.
const MAX_PARTS: usize = 64;

/// What uploads under way may hold in memory, all together, in KiB (256 MiB).
const MEMORY_KIB: usize = 256 * 1024;
/// The step in which uploads get memory, in KiB.
const STEP_KIB: usize = 16;

/// How much of a body that is refused is still taken off the client, in bytes and in time: it may read the
/// answer only when it has sent all of it.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(10);

/// Memory for uploads that are being read or judged.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Semaphore>);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY_KIB)))
    }
}

/// What an upload brought, and its share of the memory, which is free again when this is dropped.
#[derive(Debug)]
pub struct Uploaded {
    /// The document.
    pub document: Vec<u8>,
    pub(super) memory: Option<OwnedSemaphorePermit>,
}

/// The whole body of a request.
///
/// # Errors
/// 413 if it is larger than an entry may be (S16), told from its `Content-Length` if it has one; 503 if
/// there is no memory for it now; 400 if it breaks off.
pub async fn document(marketplace: &Marketplace, request: Request) -> Result<Uploaded, Problem> {
    let (parts, body) = request.into_parts();
    read(marketplace, &parts.headers, body, marketplace.settings().max_entry_bytes).await
}

/// The document in a form: the first part that has a file name, whatever its own name (behaviour 1.8).
///
/// # Errors
/// Those of [`document`]; 400 also if it is no form, or there is no file in it; 403 if a page of another site
/// made a browser send it.
pub async fn form(marketplace: &Marketplace, request: Request) -> Result<Uploaded, Problem> {
    let limit = marketplace.settings().max_entry_bytes;
    let (parts, body) = request.into_parts();
    if is_of_another_site(marketplace, &parts.headers) {
        linger(body);
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forms of other sites are not taken (if this is the server's own, its public URL must be set)",
        ));
    }
    let whole = read(marketplace, &parts.headers, body, limit.saturating_add(FORM_BYTES)).await?;
    let request = Request::from_parts(parts, Body::from(whole.document));
    let unreadable = |text: String| Problem::bad_request(text);
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|error| unreadable(error.body_text()))?;
    for _ in 0..MAX_PARTS {
        let part = form.next_field().await.map_err(|error| unreadable(error.body_text()))?;
        let Some(part) = part else { break };
        if part.file_name().is_none_or(str::is_empty) {
            continue;
        }
        let document = part.bytes().await.map_err(|error| unreadable(error.body_text()))?;
        if document.len() > limit {
            return Err(super::too_large(marketplace));
        }
        return Ok(Uploaded { document: document.into(), memory: whole.memory });
    }
    Err(Problem::bad_request("no valid file uploaded"))
}

/// Whether a page of another site has a browser send this form. A browser asks nobody before it does, reaches
/// servers on loopback and behind firewalls that their uploads rely on, and would put there whatever the page
/// likes. (Other types than forms it sends across sites only where the server says so, which this one never does.)
///
/// Browsers tell by `Sec-Fetch-Site` over https and on loopback, by `Origin` (RFC 6454) always; other clients
/// send neither.
fn is_of_another_site(marketplace: &Marketplace, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    match (text(SEC_FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, None) => false,
        (None, Some(origin)) => {
            let public = marketplace.settings().public_url.as_ref().is_some_and(|url| url.origin == origin);
            let host = text(header::HOST);
            !public && (host.is_none() || origin.split_once("://").map(|(_, host)| host) != host)
        }
    }
}

/// Fetch Metadata Request Headers §2.3.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Takes off the client what it still sends of a body that nobody wants.
pub fn linger(body: Body) {
    linger_over(body.into_data_stream());
}

fn linger_over(mut chunks: BodyDataStream) {
    tokio::spawn(timeout(LINGER, async move {
        let mut left = LINGER_BYTES;
        while let Some(Ok(chunk)) = chunks.next().await {
            let Some(still) = left.checked_sub(chunk.len()) else { break };
            left = still;
        }
    }));
}

async fn read(
    marketplace: &Marketplace,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Uploaded, Problem> {
    let mut chunks = body.into_data_stream();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > limit as u64) {
        linger_over(chunks);
        return Err(super::too_large(marketplace));
    }
    let (mut document, mut share) = (Vec::new(), Share::new(marketplace.uploads()));
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let broken = || Problem::bad_request("the body of the request breaks off");
            Stalled::problem(&error).unwrap_or_else(broken)
        })?;
        let refused = if document.len() + chunk.len() > limit {
            Some(super::too_large(marketplace))
        } else {
            share.grow_to(document.len() + chunk.len()).err()
        };
        if let Some(problem) = refused {
            linger_over(chunks);
            return Err(problem);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(Uploaded { document, memory: share.permit })
}

/// An upload's share of the memory: what it has sent, not what it says it will, or few could have all of it
/// for nothing.
struct Share {
    memory: Arc<Semaphore>,
    kib: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    fn new(memory: &Memory) -> Self {
        Self { memory: Arc::clone(&memory.0), kib: 0, permit: None }
    }

    fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let wanted = bytes.div_ceil(1024).next_multiple_of(STEP_KIB);
        let further = u32::try_from(wanted.saturating_sub(self.kib)).map_err(|_| super::busy())?;
        if further == 0 {
            return Ok(());
        }
        let permit = Arc::clone(&self.memory).try_acquire_many_owned(further).map_err(|_| super::busy())?;
        self.kib = wanted;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_free_again_and_whoever_finds_none_is_told_so() {
        let memory = Memory(Arc::new(Semaphore::new(64)));
        let (mut one, mut two) = (Share::new(&memory), Share::new(&memory));
        one.grow_to(1).unwrap();
        one.grow_to(16 * 1024).unwrap();
        assert_eq!(memory.0.available_permits(), 48);
        one.grow_to(16 * 1024 + 1).unwrap();
        two.grow_to(32 * 1024).unwrap();
        assert_eq!(one.grow_to(33 * 1024).unwrap_err().status.as_u16(), 503);
        drop(two);
        one.grow_to(33 * 1024).unwrap();
        drop(one);
        assert_eq!(memory.0.available_permits(), 64);
    }
}
