//! The server's end of the query process: starting it, feeding it, asking it.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    evaluate::{Answer, EvaluateError, Request},
    feed::Progress,
    wire::{HELLO, Limits, Reply, write_request},
};

/// How much longer than a query may take its process may take to tell.
const GRACE: Duration = Duration::from_secs(5);
/// The head of a reply, and its longest message.
const OVERHEAD: u64 = 64 * 1024;

/// The program that is `stratus-marketplace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(pub PathBuf);

impl Program {
    /// The one that runs, even if its file has been replaced since.
    ///
    /// # Errors
    /// The system does not say which that is.
    pub fn this() -> io::Result<Self> {
        let this = PathBuf::from("/proc/self/exe");
        if this.exists() { Ok(Self(this)) } else { std::env::current_exe().map(Self) }
    }
}

/// Why a query is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The query is at fault.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// It takes too long.
    #[error("the query takes longer than {} s", .limit.as_secs_f32())]
    Time {
        /// How long it may take.
        limit: Duration,
    },
    /// It takes too much memory.
    #[error("the query needs more than {limit} bytes of memory, or is nested too deeply")]
    Memory {
        /// How much it may take.
        limit: u64,
    },
    /// The query process is gone, or cannot take any more now.
    #[error("queries cannot be answered now; try again later")]
    Unavailable,
}

/// The query process; it ends with this.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    feed: tokio::net::UnixStream,
    asker: Asker,
}

impl Process {
    pub(super) fn start(program: &Program) -> io::Result<Self> {
        let (feed, its_feed) = UnixStream::pair()?;
        let (queries, its_queries) = UnixStream::pair()?;
        let mut command = Command::new(&program.0);
        command.arg("query-worker").current_dir("/").env_clear();
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        // glibc would reserve 64 MiB of address space for a second thread, and that is what is limited.
        command.env("MALLOC_ARENA_MAX", "1");
        command.stdin(Stdio::from(OwnedFd::from(its_feed))).stdout(Stdio::from(OwnedFd::from(its_queries)));
        // An interrupt from the terminal is the server's: it may still answer what was asked.
        let child = command.process_group(0).spawn()?;
        feed.set_nonblocking(true)?;
        queries.set_nonblocking(true)?;
        let feed = tokio::net::UnixStream::from_std(feed)?;
        let asker = Asker { queries: Arc::new(queries), process: child.id() };
        Ok(Self { child, feed, asker })
    }

    pub(super) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Sends messages of [`super::feed`], the last of which is answered.
    pub(super) async fn send(&mut self, messages: &[u8]) -> io::Result<Progress> {
        self.feed.write_all(messages).await?;
        let mut progress = [0; Progress::BYTES];
        self.feed.read_exact(&mut progress).await?;
        Ok(Progress::from_bytes(progress))
    }

    /// Returns when the process is gone.
    pub(super) async fn ended(&self) {
        // It says nothing without being asked. That there is something to read is only known from trying.
        while self.feed.readable().await.is_ok() {
            match self.feed.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where to ask.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    queries: Arc<UnixStream>,
    process: u32,
}

impl Asker {
    /// The number of the query process.
    pub(super) fn process(&self) -> u32 {
        self.process
    }

    /// Answers a query; if this is dropped, the query ends.
    pub(super) async fn ask(&self, request: &Request, limits: Limits) -> Result<Answer, AskError> {
        let most = limits.time.saturating_add(GRACE);
        match timeout(most, self.exchange(request, limits)).await {
            Ok(Ok(None) | Err(_)) => Err(AskError::Unavailable),
            Ok(Ok(Some(said))) => match Reply::read(said) {
                Some(Reply::Answer(answer)) => Ok(answer),
                Some(Reply::Error(error)) => Err(error.into()),
                Some(Reply::Time) => Err(AskError::Time { limit: limits.time }),
                // Its process ended without a word, or in the middle of one: it was refused memory.
                None => Err(AskError::Memory { limit: limits.memory }),
            },
            Err(_) => Err(AskError::Time { limit: limits.time }),
        }
    }

    /// What the process of the query says; `None` if there is none.
    async fn exchange(&self, request: &Request, limits: Limits) -> io::Result<Option<Vec<u8>>> {
        let (ours, theirs) = UnixStream::pair()?;
        self.hand_over(&theirs)?;
        drop(theirs);
        ours.set_nonblocking(true)?;
        let mut ours = tokio::net::UnixStream::from_std(ours)?;
        ours.write_all(&write_request(request, limits)).await?;
        ours.shutdown().await?;
        if ours.read_u8().await? != HELLO {
            return Ok(None);
        }
        let mut said = Vec::new();
        // A process that is ended while there is something it has not read resets the connection.
        let _ = ours.take(request.bytes.saturating_add(OVERHEAD)).read_to_end(&mut said).await;
        Ok(Some(said))
    }

    fn hand_over(&self, socket: &UnixStream) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sockets = [socket.as_fd()];
        if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(&*self.queries, &[IoSlice::new(&[0])], &mut control, flags)?;
        Ok(())
    }
}
