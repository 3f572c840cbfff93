//! An image in several parts at a time, each of which the server proves to be of the same object.
//!
//! The parts come in any order, by a thread each, and are handed out in theirs; how far they are ahead,
//! and so the memory they take, is bounded.

use std::{
    collections::VecDeque,
    io::Read as _,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use reqwest::{StatusCode, Url};

use super::{
    RemoteError, Version,
    request::{Answer, Failure, Source},
    version::ContentRange,
};

/// Bytes of a part: enough for the time that asking takes not to count.
const PART: u64 = 8 << 20;

/// The most parts at a time, however many are wanted: more are no help, and a burden on the server.
const MAX_CONNECTIONS: usize = 16;

/// Bytes read of an answer at a time.
const CHUNK: usize = 128 << 10;

/// The object that the parts are of.
pub(super) struct Whole {
    pub(super) version: Version,
    /// What gives it in the end.
    pub(super) resource: Url,
    /// Its length in bytes.
    pub(super) total: u64,
}

/// Whether so many bytes are worth several connections, if those are wanted.
pub(super) fn worth_it(connections: NonZeroUsize, bytes: u64) -> bool {
    connections.get() > 1 && bytes >= 2 * PART
}

/// What is there to be handed out.
pub(super) enum Handed {
    /// So many bytes; none at the end.
    Bytes(usize),
    /// The server gives no parts after all.
    Undivided,
}

/// Parts that are being fetched, until this is dropped.
#[derive(Debug)]
pub(super) struct Ranges(Arc<Shared>);

struct Shared {
    source: Arc<Source>,
    whole: Whole,
    /// What gave the first answer.
    from: Url,
    /// The most parts in memory.
    window: usize,
    state: Mutex<State>,
    /// Bytes came, or something is wrong.
    came: Condvar,
    /// There is room for another part, or no more is wanted.
    room: Condvar,
}

struct State {
    /// Parts from the one that is being handed out, in their order.
    parts: VecDeque<Part>,
    /// Room of parts that were handed out, for others: new memory costs more than what is filled in.
    spare: Vec<Vec<u8>>,
    /// Where the part begins that is asked for next.
    next: u64,
    /// Why there are no more parts.
    failure: Option<Stopped>,
    closed: bool,
}

struct Part {
    start: u64,
    length: u64,
    data: Vec<u8>,
    /// Bytes of it that were handed out.
    taken: usize,
}

enum Stopped {
    Failed(RemoteError),
    Undivided,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Ranges {
    /// Fetches the rest of an object from `start` on, of which `answer` is the beginning.
    pub(super) fn new(source: &Arc<Source>, whole: Whole, start: u64, answer: Answer) -> Self {
        let connections = source.options.connections.get().min(MAX_CONNECTIONS);
        let from = answer.url.clone();
        let state =
            State { parts: VecDeque::new(), spare: Vec::new(), next: start, failure: None, closed: false };
        let shared = Arc::new(Shared {
            source: Arc::clone(source),
            whole,
            from,
            window: connections + 1,
            state: Mutex::new(state),
            came: Condvar::new(),
            room: Condvar::new(),
        });
        let mut first = Some((start, answer));
        for number in 1..=connections {
            let (worker, open) = (Arc::clone(&shared), first.take());
            let builder = thread::Builder::new().name(format!("part {number}"));
            if let Err(error) = builder.spawn(move || worker.work(open)) {
                // Fewer will do, but for the first.
                if number == 1 {
                    let url = shared.source.url();
                    let cause = error.to_string();
                    shared.stop(Stopped::Failed(RemoteError::Http(crate::http::HttpFailure::Connect {
                        url,
                        cause,
                    })));
                }
                break;
            }
        }
        Self(shared)
    }

    /// Waits for the next bytes. What came is handed out before what went wrong is told.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<Handed, RemoteError> {
        let Self(shared) = self;
        let mut state = shared.lock();
        loop {
            if let Some(part) = state.parts.front_mut() {
                let fresh = part.data.get(part.taken..).unwrap_or_default();
                if !fresh.is_empty() {
                    let count = fresh.len().min(into.len());
                    into[..count].copy_from_slice(&fresh[..count]);
                    part.taken += count;
                    if part.taken as u64 == part.length {
                        let done = state.parts.pop_front();
                        state.spare.extend(done.map(|part| part.data));
                        shared.room.notify_one();
                    }
                    return Ok(Handed::Bytes(count));
                }
            } else if state.next >= shared.whole.total {
                return Ok(Handed::Bytes(0));
            }
            if let Some(stopped) = state.failure.take() {
                return match stopped {
                    Stopped::Failed(error) => Err(error),
                    Stopped::Undivided => Ok(Handed::Undivided),
                };
            }
            state = shared.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Ranges {
    fn drop(&mut self) {
        // Whoever reads or waits ends by itself; nobody waits for that.
        self.0.lock().closed = true;
        self.0.room.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches parts until there are no more. `open` is an answer with all the rest, and where it stands.
    fn work(&self, mut open: Option<(u64, Answer)>) {
        while let Some((start, length)) = self.claim() {
            if let Err(stopped) = self.fetch(start, length, &mut open) {
                self.stop(stopped);
                return;
            }
        }
    }

    /// Waits until there is room for a part.
    fn claim(&self) -> Option<(u64, u64)> {
        let mut state = self.lock();
        while !state.closed && state.failure.is_none() && state.parts.len() >= self.window {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (start, total) = (state.next, self.whole.total);
        if state.closed || state.failure.is_some() || start >= total {
            return None;
        }
        let length = PART.min(total - start);
        state.next = start + length;
        let mut data = state.spare.pop().unwrap_or_default();
        data.clear();
        data.reserve_exact(usize::try_from(length).unwrap_or_default());
        state.parts.push_back(Part { start, length, data, taken: 0 });
        Some((start, length))
    }

    fn fetch(&self, start: u64, length: u64, open: &mut Option<(u64, Answer)>) -> Result<(), Stopped> {
        let (mut at, end) = (start, start + length);
        let mut failures = 0;
        let mut buffer = vec![0; CHUNK];
        while at < end {
            // One that stands elsewhere has done its part.
            let kept = open.take().filter(|(place, _)| *place == at).map(|(_, answer)| answer);
            let whole = kept.is_some();
            let mut answer = match kept {
                Some(answer) => answer,
                None => self.ask(at, end - at, &mut failures)?,
            };
            let cause = loop {
                let room = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK);
                match answer.response.read(buffer.get_mut(..room).unwrap_or_default()) {
                    Ok(0) => {
                        let cause = std::io::ErrorKind::UnexpectedEof.into();
                        break self.source.interrupted(&answer.url, &cause);
                    }
                    Ok(count) => {
                        failures = 0;
                        at += count as u64;
                        if !self.put(start, buffer.get(..count).unwrap_or_default()) {
                            return Ok(());
                        }
                    }
                    Err(error) => break self.source.interrupted(&answer.url, &error),
                }
                if at == end {
                    // An answer to a request for this part has ended with it.
                    *open = Some((at, answer)).filter(|_| whole && at < self.whole.total);
                    return Ok(());
                }
            };
            // Closes the connection.
            drop(answer);
            self.source.pause(cause, &mut failures).map_err(Stopped::Failed)?;
        }
        Ok(())
    }

    /// Adds to a part; false if nobody wants it any more.
    fn put(&self, start: u64, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        if state.closed || state.failure.is_some() {
            return false;
        }
        if let Some(part) = state.parts.iter_mut().find(|part| part.start == start) {
            part.data.extend_from_slice(bytes);
        }
        if state.parts.front().is_some_and(|part| part.start == start) {
            self.came.notify_one();
        }
        true
    }

    /// Asks for a part, and again after transient failures.
    fn ask(&self, start: u64, length: u64, failures: &mut u32) -> Result<Answer, Stopped> {
        loop {
            let failure = match self.part(start, length) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => return Err(Stopped::Undivided),
                Err(failure) if failure.is_other() => {
                    return Err(match self.source.pause(failure, failures) {
                        Err(error) => Stopped::Failed(error),
                        Ok(()) => Stopped::Undivided,
                    });
                }
                Err(failure) => failure,
            };
            // One that has had enough of us may still give one part at a time.
            self.source.pause(failure, failures).map_err(|_| Stopped::Undivided)?;
        }
    }

    /// A part of the same object; `None` if the server does not give it, or prove it to be one.
    fn part(&self, start: u64, length: u64) -> Result<Option<Answer>, Failure> {
        let Whole { version, resource, total } = &self.whole;
        let url = || self.source.url();
        let Some(validator) = version.strong() else { return Ok(None) };
        let answer = self.source.part(&self.from, start, length, validator)?;
        let after = answer.resource();
        if after != *resource {
            // As good as the one there was, perhaps, but nothing tells.
            return Ok(None);
        }
        let later = Version::of(&answer.response);
        let changed = match answer.status() {
            StatusCode::PARTIAL_CONTENT => !version.fits(&later),
            StatusCode::OK => !version.is_proven_by(&later),
            _ => true,
        };
        if changed {
            let (before, after) = (Box::new(version.clone()), Box::new(later));
            return Err(RemoteError::Changed { url: url(), before, after }.into());
        }
        let range = ContentRange::of(answer.response.headers());
        let is_part = version.unproven_by(&later).is_none()
            && range.is_some_and(|range| range.is_part(start, length, *total))
            && answer.response.content_length().is_none_or(|sent| sent == length);
        if is_part { Ok(Some(answer.bounded()?)) } else { Ok(None) }
    }

    fn stop(&self, stopped: Stopped) {
        let mut state = self.lock();
        // The first reason is the one to tell.
        state.failure.get_or_insert(stopped);
        self.came.notify_all();
        self.room.notify_all();
    }
}
