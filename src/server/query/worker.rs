//! The query process: it holds the index, and forks for each query.
//!
//! A query can be made to take any time, memory and stack: a cross product of lists, a text that doubles in
//! every line, a hundred thousand parentheses. No evaluator, and no parser, checks for all of that
//! everywhere, and memory that cannot be had ends a Rust program. So each query runs in a process of its
//! own, whose limits the kernel keeps (`setrlimit`), and which is killed when its time is over; what it shares
//! with this one is the index, of which nothing is copied (fork). Nothing that happens to it touches the
//! server or the index.
//!
//! This process has one thread, or it could not fork and go on; no environment, no connection to the
//! database; standard input is the socket over which entries come, standard output the one over which each
//! query comes as a socket of its own.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    os::unix::net::UnixStream,
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use fork::{Fork, fork};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
    process::{Resource, Rlimit, WaitOptions, setrlimit, waitpid},
    stdio,
};

use super::{
    evaluate::{EvaluateError, evaluate},
    feed,
    index::Index,
    wire::{self, HELLO, Limits, Reply},
};

/// What a query has for its stack, in bytes; address space, taken only as it is used.
const STACK: u64 = 64 * 1024 * 1024;
/// How long the server may take to say what the query is, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a running query looks whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(50);
/// What this process gives way to others: queries are not to slow down lists and uploads.
const NICE: i32 = 5;

/// The whole of the process; the server starts its own program with `query-worker` for it, and ends it by
/// closing the sockets.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "query-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    // Where this cannot be told there is no memory limit either: queries will be refused.
    if std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) {
        return Err("has more than one thread".into());
    }
    // Only manners.
    let _ = rustix::process::nice(NICE);
    let mut entries = UnixStream::from(stdio::stdin().try_clone_to_owned()?);
    let queries = UnixStream::from(stdio::stdout().try_clone_to_owned()?);
    silence(stdio::dup2_stdin)?;
    silence(stdio::dup2_stdout)?;
    let mut index = Index::new()?;
    let mut reader = feed::Reader::default();
    let mut children = 0u32;
    loop {
        let (entry, query) = wait(&entries, &queries, reader.has_message(), children > 0)?;
        while children > 0 && matches!(waitpid(None, WaitOptions::NOHANG), Ok(Some(_))) {
            children -= 1;
        }
        // First, since somebody waits for it.
        if query {
            let Some(connection) = receive(&queries)? else { return Ok(()) };
            match fork()? {
                Fork::Child => {
                    drop((entries, queries));
                    let _ = serve(&index, connection);
                    std::process::exit(0);
                }
                Fork::Parent(_) => children += 1,
            }
        }
        if entry && !reader.advance(&mut entries, &mut index)? {
            return Ok(());
        }
    }
}

/// Waits until there is something of either; entries may already have been read.
fn wait(entries: &UnixStream, queries: &UnixStream, ready: bool, children: bool) -> io::Result<(bool, bool)> {
    let events = PollFlags::IN;
    let mut fds = [PollFd::new(entries, events), PollFd::new(queries, events)];
    let timeout = match (ready, children) {
        (true, _) => Some(Timespec { tv_sec: 0, tv_nsec: 0 }),
        // Children that ended are looked after.
        (false, true) => Some(Timespec { tv_sec: 1, tv_nsec: 0 }),
        (false, false) => None,
    };
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [entry, query] = fds.map(|fd| !fd.revents().is_empty());
    Ok((entry || ready, query))
}

/// The socket of a query; `None` if the server is gone.
fn receive(queries: &UnixStream) -> io::Result<Option<UnixStream>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [io::IoSliceMut::new(&mut byte)];
    let received = recvmsg(queries, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut sockets: VecDeque<OwnedFd> = VecDeque::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            sockets.extend(fds);
        }
    }
    sockets.pop_front().map(|fd| Some(UnixStream::from(fd))).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Lets a standard stream lead nowhere.
fn silence(replace: impl Fn(OwnedFd) -> rustix::io::Result<()>) -> io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    Ok(replace(null.into())?)
}

/// The life of the process of a query.
fn serve(index: &Index, mut connection: UnixStream) -> io::Result<()> {
    // A query that runs out of memory or stack would say so, for everybody to see in the log.
    silence(stdio::dup2_stderr)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.write_all(&[HELLO])?;
    let (request, limits) = wire::read_request(&connection)?;
    confine(limits)?;
    let deadline = Instant::now() + limits.time;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let stack = usize::try_from(STACK).unwrap_or(usize::MAX);
        let evaluation = thread::Builder::new().stack_size(stack);
        evaluation.spawn_scoped(scope, || {
            let sender = sender;
            let _ = sender.send(evaluate(index, &request));
        })?;
        let reply = loop {
            match receiver.recv_timeout(LOOK.min(deadline.saturating_duration_since(Instant::now()))) {
                Ok(Ok(answer)) => break Reply::Answer(answer),
                Ok(Err(error)) => break Reply::Error(error),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => break Reply::Time,
                Err(RecvTimeoutError::Timeout) if is_gone(connection.as_fd()) => std::process::exit(0),
                Err(RecvTimeoutError::Timeout) => {}
                // It panicked.
                Err(RecvTimeoutError::Disconnected) => {
                    break Reply::Error(EvaluateError::Evaluation { message: "the query failed".into() });
                }
            }
        };
        reply.write(&connection)?;
        // Without waiting for the evaluation, which may go on for ever.
        std::process::exit(0)
    })
}

/// Has the server given up on this query?
fn is_gone(connection: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(connection, PollFlags::empty())];
    let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    fds[0].revents().contains(PollFlags::HUP)
}

/// Leaves this process what it has, and as much memory and time more as a query may take.
fn confine(limits: Limits) -> io::Result<()> {
    let mut statm = String::new();
    std::fs::File::open("/proc/self/statm")?.read_to_string(&mut statm)?;
    let pages: u64 =
        statm.split(' ').next().and_then(|pages| pages.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let page = rustix::param::page_size() as u64;
    let exactly = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    let memory = pages.saturating_mul(page).saturating_add(STACK).saturating_add(limits.memory);
    setrlimit(Resource::As, exactly(memory))?;
    // Should the clock's watch fail.
    setrlimit(Resource::Cpu, exactly(limits.time.as_secs() + 2))?;
    setrlimit(Resource::Core, exactly(0))?;
    // It writes to its socket only.
    setrlimit(Resource::Fsize, exactly(0))?;
    Ok(())
}
