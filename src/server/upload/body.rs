//! The body of an upload: read within the limits of one, and within those of all that are under way.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest as _, Multipart, Request},
    http::{HeaderMap, header},
};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::{marketplace::Marketplace, problem::Problem};

/// What a form may add to the document in it, in bytes: heads of parts, and other fields.
const FORM_BYTES: usize = 64 * 1024;
/// Parts of a form that are looked at.
const MAX_PARTS: usize = 64;

/// What uploads under way may hold in memory, all together, in KiB (256 MiB).
const MEMORY_KIB: usize = 256 * 1024;

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
    let (mut bounded, body) = Bounded::new(marketplace, request.headers(), 0)?.over(request.into_body());
    let mut document = Vec::new();
    let mut body = Box::pin(body);
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else { return Err(bounded.problem("the body of the request breaks off")) };
        document.extend_from_slice(&chunk);
    }
    Ok(Uploaded { document, memory: bounded.memory() })
}

/// The document in a form: the first part that has a file name, whatever its own name (behaviour 1.8).
///
/// # Errors
/// Those of [`document`]; 400 also if it is no form, or there is no file in it.
pub async fn form(marketplace: &Marketplace, request: Request) -> Result<Uploaded, Problem> {
    let limit = marketplace.settings().max_entry_bytes;
    let (parts, body) = request.into_parts();
    let (mut bounded, body) = Bounded::new(marketplace, &parts.headers, FORM_BYTES)?.over(body);
    let request = Request::from_parts(parts, Body::from_stream(body));
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::bad_request(error.body_text()))?;
    for _ in 0..MAX_PARTS {
        let part = form.next_field().await.map_err(|error| bounded.problem(&error.body_text()))?;
        let Some(mut part) = part else { break };
        if part.file_name().is_none_or(str::is_empty) {
            continue;
        }
        let mut document = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| bounded.problem(&error.body_text()))? {
            if document.len() + chunk.len() > limit {
                return Err(super::too_large(marketplace));
            }
            document.extend_from_slice(&chunk);
        }
        return Ok(Uploaded { document, memory: bounded.memory() });
    }
    Err(Problem::bad_request("no valid file uploaded"))
}

/// What a body may still bring, and why it was cut off.
struct Bounded {
    state: Arc<Mutex<State>>,
}

struct State {
    /// Bytes it may still have.
    left: usize,
    too_large: Problem,
    available: Arc<Semaphore>,
    /// Bytes that are paid for but not used.
    paid: usize,
    memory: Option<OwnedSemaphorePermit>,
    problem: Option<Problem>,
}

/// A body was cut off; [`Bounded::problem`] says why.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off")]
struct CutOff;

impl Bounded {
    fn new(marketplace: &Marketplace, headers: &HeaderMap, extra: usize) -> Result<Self, Problem> {
        let limit = marketplace.settings().max_entry_bytes.saturating_add(extra);
        let too_large = super::too_large(marketplace);
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64) {
            return Err(too_large);
        }
        let state = State {
            left: limit,
            too_large,
            available: Arc::clone(&marketplace.uploads().0),
            paid: 0,
            memory: None,
            problem: None,
        };
        Ok(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// The chunks of `body`, until it is cut off.
    fn over(self, body: Body) -> (Self, impl Stream<Item = Result<Bytes, CutOff>> + Send + 'static) {
        let state = Arc::clone(&self.state);
        let chunks = body.into_data_stream().map(move |chunk| {
            let chunk = chunk.map_err(|_| CutOff)?;
            state.lock().unwrap_or_else(PoisonError::into_inner).take(chunk.len())?;
            Ok(chunk)
        });
        (self, chunks)
    }

    /// Why it was cut off; `otherwise` if that was not done here.
    fn problem(&mut self, otherwise: &str) -> Problem {
        let problem = self.state.lock().unwrap_or_else(PoisonError::into_inner).problem.take();
        problem.unwrap_or_else(|| Problem::bad_request(otherwise.to_owned()))
    }

    fn memory(&mut self) -> Option<OwnedSemaphorePermit> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).memory.take()
    }
}

impl State {
    /// Accounts for so many bytes more.
    fn take(&mut self, bytes: usize) -> Result<(), CutOff> {
        let Some(left) = self.left.checked_sub(bytes) else {
            self.problem = Some(self.too_large.clone());
            return Err(CutOff);
        };
        self.left = left;
        while self.paid < bytes {
            let missing = (bytes - self.paid).div_ceil(1024);
            // In steps, so that small bodies do not ask for each KiB.
            let step = u32::try_from(missing.max(16)).unwrap_or(u32::MAX);
            let Ok(permit) = Arc::clone(&self.available).try_acquire_many_owned(step) else {
                self.problem = Some(super::busy());
                return Err(CutOff);
            };
            self.paid += step as usize * 1024;
            match &mut self.memory {
                Some(memory) => memory.merge(permit),
                none => *none = Some(permit),
            }
        }
        self.paid -= bytes;
        Ok(())
    }
}
