//! Workers that hash the chunks of one or more streams, and the memory the chunks are in.

use std::{
    collections::VecDeque,
    io::{self, Read},
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{
    ChecksumAlgorithm,
    engine::Hasher,
    schedule::{Job, Schedule},
};

/// Bytes in a chunk: little enough to stay in a core's cache while it is hashed, enough for the
/// locks not to count.
pub(super) const CHUNK: usize = 256 << 10;

/// Chunks of a stream in memory at most, and so how far one chain may be ahead of another.
pub(super) const WINDOW: usize = 16;

/// The order in which chains are listed in the schedule: slowest first.
const SLOWEST_FIRST: [ChecksumAlgorithm; 4] =
    [ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha512, ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Sha1];

/// Some bytes of a stream. All but its last chunk are full.
struct Chunk {
    data: Box<[u8]>,
    filled: usize,
}

impl Chunk {
    fn zeroed() -> Self {
        Self { data: vec![0; CHUNK].into_boxed_slice(), filled: 0 }
    }
}

struct Shared {
    state: Mutex<State>,
    /// There may be work, or no more of it.
    work: Condvar,
    /// There may be room for another chunk.
    room: Condvar,
}

struct State {
    schedule: Schedule,
    /// Of each chain of the schedule; taken out while a worker has it.
    hashers: Vec<Option<Hasher>>,
    streams: Vec<Stream>,
    /// Workers that wait.
    idle: usize,
    /// No more chunks will come.
    ended: bool,
    /// Why all of it is in vain.
    failure: Option<io::Error>,
    failed: bool,
}

#[derive(Default)]
struct Stream {
    /// Chunks some chain still needs.
    chunks: VecDeque<Arc<Chunk>>,
    /// The number of the first of them.
    first: u64,
    /// Memory to be used again.
    spare: Vec<Arc<Chunk>>,
}

/// What was computed of one stream, in the order of [`ChecksumAlgorithm::ALL`].
pub(super) type Values = Vec<(ChecksumAlgorithm, Box<[u8]>)>;

/// One stream, as seen by who fills it.
pub(super) struct Sink<'a> {
    shared: &'a Shared,
    stream: usize,
    chunk: Arc<Chunk>,
    /// A full chunk of zeros, lent to the workers for every hole.
    zeros: Option<Arc<Chunk>>,
    bytes: u64,
}

/// Hashes streams: `feed` fills one sink for each element of `streams`, which says by what
/// algorithms that one is hashed, at most once each.
///
/// At most `threads` threads work, the calling one among them, and no more than one for each checksum
/// and one for `feed`. That runs in the calling thread, which hashes as well whenever the others are
/// far enough behind: with a thread more than there are cores, some of them would wait for one that
/// is not running. Memory is [`WINDOW`] chunks a stream.
///
/// # Errors
/// What `feed` returns or a computation fails with; there are no values then.
pub(super) fn hash<T>(
    streams: &[&[ChecksumAlgorithm]],
    threads: NonZeroUsize,
    feed: impl FnOnce(Vec<Sink<'_>>) -> io::Result<T>,
) -> io::Result<(T, Vec<Values>)> {
    let listed = |(stream, wanted): (usize, &&[ChecksumAlgorithm])| {
        let wanted = SLOWEST_FIRST.into_iter().filter(|algorithm| wanted.contains(algorithm));
        wanted.map(|algorithm| (stream, algorithm, Hasher::new(algorithm))).collect::<Vec<_>>()
    };
    hash_with(streams.len(), streams.iter().enumerate().flat_map(listed).collect(), threads, feed)
}

fn hash_with<T>(
    streams: usize,
    chains: Vec<(usize, ChecksumAlgorithm, Hasher)>,
    threads: NonZeroUsize,
    feed: impl FnOnce(Vec<Sink<'_>>) -> io::Result<T>,
) -> io::Result<(T, Vec<Values>)> {
    let labels: Vec<_> = chains.iter().map(|&(stream, algorithm, _)| (stream, algorithm)).collect();
    let shared = Shared {
        state: Mutex::new(State {
            schedule: Schedule::new(streams, labels.iter().map(|&(stream, _)| stream)),
            hashers: chains.into_iter().map(|(_, _, hasher)| Some(hasher)).collect(),
            streams: (0..streams).map(|_| Stream::default()).collect(),
            idle: 0,
            ended: false,
            failure: None,
            failed: false,
        }),
        work: Condvar::new(),
        room: Condvar::new(),
    };
    let workers = labels.len().min(threads.get() - 1);
    let result = thread::scope(|scope| {
        // However this scope is left, the workers must end, or it would wait for them for ever.
        let end = EndGuard(&shared);
        for number in 1..=workers {
            let builder = thread::Builder::new().name(format!("checksum {number}"));
            // The calling thread can do all of it.
            if builder.spawn_scoped(scope, || shared.work()).is_err() {
                break;
            }
        }
        let result = feed((0..streams).map(|stream| Sink::new(&shared, stream)).collect());
        if result.is_err() {
            shared.lock().failed = true;
        }
        drop(end);
        shared.work();
        result
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = state.failure {
        return Err(failure);
    }
    let result = result?;
    if state.failed || !state.schedule.is_done() {
        return Err(stopped());
    }
    let mut values = vec![Vec::new(); streams];
    for ((stream, algorithm), hasher) in labels.into_iter().zip(state.hashers) {
        values[stream].push((algorithm, hasher.ok_or_else(stopped)?.finish()?));
    }
    for values in &mut values {
        values.sort();
    }
    Ok((result, values))
}

/// Tells the workers that no more chunks will come.
struct EndGuard<'a>(&'a Shared);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        state.failed |= thread::panicking();
        self.0.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until there is no more to do.
    fn work(&self) {
        let mut state = self.lock();
        while !(state.failed || (state.ended && state.schedule.is_done())) {
            if let Some(task) = state.take() {
                state = self.hash(task, state);
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }

    /// Does what was taken, while others have the state.
    fn hash<'a>(&'a self, task: Task, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Task { job, mut hasher, chunk } = task;
        if state.idle > 0 && state.schedule.has_work() {
            self.work.notify_one();
        }
        drop(state);
        let update = AssertUnwindSafe(|| hasher.update(&chunk.data[..chunk.filled]));
        let updated = catch_unwind(update).unwrap_or_else(|_| Err(stopped()));
        // Before its chain goes on: whoever frees the chunk then finds it unused.
        drop(chunk);
        let mut state = self.lock();
        match updated {
            Ok(()) if state.give_back(job, hasher) => self.room.notify_one(),
            Ok(()) => {}
            Err(error) => {
                state.failed = true;
                state.failure.get_or_insert(error);
            }
        }
        if state.failed || (state.ended && state.schedule.is_done()) {
            self.work.notify_all();
            self.room.notify_one();
        }
        state
    }
}

/// A chunk to be hashed next, and what that takes.
struct Task {
    job: Job,
    hasher: Hasher,
    chunk: Arc<Chunk>,
}

impl State {
    fn take(&mut self) -> Option<Task> {
        let job = self.schedule.take()?;
        let hasher = self.hashers[job.chain].take()?;
        let stream = &self.streams[job.stream];
        let place = usize::try_from(job.chunk - stream.first).ok()?;
        Some(Task { job, hasher, chunk: Arc::clone(stream.chunks.get(place)?) })
    }

    /// Whether chunks became free.
    fn give_back(&mut self, job: Job, hasher: Hasher) -> bool {
        self.hashers[job.chain] = Some(hasher);
        self.schedule.done(job);
        let needed = self.schedule.oldest_needed(job.stream);
        let stream = &mut self.streams[job.stream];
        let before = stream.first;
        while stream.first < needed {
            // The chunk of zeros has another owner and is not to be filled.
            let unused = stream.chunks.pop_front().filter(|chunk| Arc::strong_count(chunk) == 1);
            stream.spare.extend(unused);
            stream.first += 1;
        }
        stream.first > before
    }
}

impl<'a> Sink<'a> {
    fn new(shared: &'a Shared, stream: usize) -> Self {
        Self { shared, stream, chunk: Arc::new(Chunk::zeroed()), zeros: None, bytes: 0 }
    }

    /// How many bytes the stream has.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the next byte is the first of a chunk.
    pub(super) fn at_chunk(&self) -> bool {
        self.chunk.filled == 0
    }

    /// Reads once from `source`; 0 at its end. What was read is given to `see`.
    pub(super) fn read_from(&mut self, source: &mut impl Read, see: impl FnOnce(&[u8])) -> io::Result<usize> {
        let chunk = Arc::get_mut(&mut self.chunk).ok_or_else(stopped)?;
        let count = loop {
            match source.read(&mut chunk.data[chunk.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        see(&chunk.data[chunk.filled..chunk.filled + count]);
        chunk.filled += count;
        self.bytes += count as u64;
        if chunk.filled == CHUNK {
            self.publish()?;
        }
        Ok(count)
    }

    /// Adds a chunk of zeros at a place where one starts.
    pub(super) fn add_zeros(&mut self) -> io::Result<()> {
        let full = || Arc::new(Chunk { filled: CHUNK, ..Chunk::zeroed() });
        let zeros = Arc::clone(self.zeros.get_or_insert_with(full));
        let empty = std::mem::replace(&mut self.chunk, zeros);
        self.bytes += CHUNK as u64;
        self.publish_and_replace(Some(empty))
    }

    /// Hands over what is left, at the end of the stream.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.at_chunk() { Ok(()) } else { self.publish() }
    }

    fn publish(&mut self) -> io::Result<()> {
        self.publish_and_replace(None)
    }

    /// Gives the workers the chunk, once there is room for it, and takes another to fill.
    fn publish_and_replace(&mut self, next: Option<Arc<Chunk>>) -> io::Result<()> {
        let mut state = self.shared.lock();
        while !state.failed && state.streams[self.stream].chunks.len() >= WINDOW {
            state = match state.take() {
                Some(task) => self.shared.hash(task, state),
                None => self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        if state.failed {
            return Err(stopped());
        }
        state.schedule.publish(self.stream);
        let stream = &mut state.streams[self.stream];
        let mut chunk = next.or_else(|| stream.spare.pop()).unwrap_or_else(|| Arc::new(Chunk::zeroed()));
        Arc::get_mut(&mut chunk).ok_or_else(stopped)?.filled = 0;
        stream.chunks.push_back(std::mem::replace(&mut self.chunk, chunk));
        if state.idle > 0 {
            self.shared.work.notify_all();
        }
        Ok(())
    }
}

/// A computation panicked. That has been reported by then; here it only must not pass as a result.
fn stopped() -> io::Error {
    io::Error::other("a checksum computation stopped unexpectedly")
}

#[cfg(test)]
mod tests;
