//! Blocks decoded before it is known whether they are blocks, in other threads.

use std::{
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SendError, Sender, SyncSender, channel, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use super::block::{Block, CONFIRMATION};

/// Pieces of output that wait to be read, per block: most blocks are complete with them.
const PIECES: usize = 4;

/// What a thread says of a block, in this order.
pub(super) enum Message {
    /// Some output.
    Output(Vec<u8>),
    /// The block ends at the mark, and all of its output has been sent.
    Ended,
    /// The mark is within the block; here is the decoder, waiting for what follows.
    More(Block),
    /// It cannot be decoded.
    Failed(io::Error),
}

/// The bits between two marks, the first of which may be a block's.
pub(super) struct Ahead {
    /// The first bit of the mark they start with.
    pub(super) start: u64,
    /// The first bit of the mark they end with.
    pub(super) end: u64,
    /// Last digit of the stream header the decoder was given.
    pub(super) level: u8,
    /// What the thread says; given up, the thread stops.
    pub(super) messages: Receiver<Message>,
    /// Gone when nobody wants the result, so that it is not begun.
    _wanted: Arc<()>,
}

impl Ahead {
    /// Has the block decoded whose bits are `bits`, [`CONFIRMATION`] bytes of the next mark
    /// included. `None` if there is no thread to do it.
    pub(super) fn start(pool: &mut Pool, (start, end): (u64, u64), level: u8, bits: Vec<u8>) -> Option<Self> {
        let (sender, messages) = sync_channel(PIECES);
        let wanted = Arc::new(());
        let still_wanted = Arc::downgrade(&wanted);
        let started = pool.run(Box::new(move || {
            if still_wanted.strong_count() > 0 {
                // That nobody listens any more is no failure.
                let _ = decode(level, &bits, &sender);
            }
        }));
        started.then_some(Self { start, end, level, messages, _wanted: wanted })
    }
}

fn decode(level: u8, bits: &[u8], sender: &SyncSender<Message>) -> Result<(), SendError<Message>> {
    let (mut body, mark) = bits.split_at(bits.len().saturating_sub(CONFIRMATION));
    let mut block = match Block::new(level) {
        Ok(block) => block,
        Err(error) => return sender.send(Message::Failed(error)),
    };
    loop {
        match block.piece(&mut body) {
            Ok(Some(piece)) => sender.send(Message::Output(piece))?,
            Ok(None) => break,
            Err(error) => return sender.send(Message::Failed(error)),
        }
    }
    sender.send(if block.begun() {
        block.confirm(mark).map_or_else(Message::Failed, |()| Message::Ended)
    } else {
        Message::More(block)
    })
}

type Task = Box<dyn FnOnce() + Send>;

/// Threads that run tasks in the order they come. They are started when there is something to do
/// and waited for when the pool is dropped.
pub(super) struct Pool {
    threads: usize,
    workers: Vec<JoinHandle<()>>,
    /// `None` only while the pool is dropped.
    sender: Option<Sender<Task>>,
    tasks: Arc<Mutex<Receiver<Task>>>,
}

impl Pool {
    pub(super) fn new(threads: NonZeroUsize) -> Self {
        let (sender, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        Self { threads: threads.get(), workers: Vec::new(), sender: Some(sender), tasks }
    }

    /// How many tasks keep every thread busy.
    pub(super) const fn demand(&self) -> usize {
        2 * self.threads
    }

    /// Has `task` run, or returns false.
    pub(super) fn run(&mut self, task: Task) -> bool {
        if self.workers.len() < self.threads {
            let tasks = Arc::clone(&self.tasks);
            match Builder::new().name("bz2".into()).spawn(move || work(&tasks)) {
                Ok(worker) => self.workers.push(worker),
                Err(_) if self.workers.is_empty() => return false,
                Err(_) => {}
            }
        }
        self.sender.as_ref().is_some_and(|sender| sender.send(task).is_ok())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.sender = None;
        for worker in self.workers.drain(..) {
            // Panics are caught where they happen.
            let _ = worker.join();
        }
    }
}

fn work(tasks: &Mutex<Receiver<Task>>) {
    loop {
        let task = match tasks.lock() {
            Ok(tasks) => tasks.recv(),
            Err(_) => return,
        };
        let Ok(task) = task else { return };
        // Whoever waits for the task learns of the panic by the end of its channel; the thread
        // lives on, or with the last one there would be nobody to end the channels that wait.
        let _ = catch_unwind(AssertUnwindSafe(task));
    }
}
