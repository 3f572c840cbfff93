//! A server from its start to its end.

use std::{io, net::SocketAddr, time::Duration};

use axum::middleware;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::timeout,
};

use crate::cli;

use super::{
    confirm,
    connection::{self, Limits},
    health, log,
    mail::MailerError,
    marketplace::Marketplace,
    query::Program,
    remind,
    router::router,
    settings::Settings,
    store::{Store, StoreError},
};

/// File descriptors that are not for connections: the database's, the log's, and some to spare.
const OTHER_FILES: usize = 128;

/// How long threads that still work may take to end when everything else has ended.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Why there is no server, or none any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is taken, or is none of this machine's.
    #[error("cannot listen at {address}: {}", cli::reason(cause))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        cause: io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No mail can be sent with these settings.
    #[error("{0}")]
    Mail(String),
    /// The system refuses threads, signals or the like.
    #[error("cannot start: {}", cli::reason(.0))]
    System(#[from] io::Error),
    /// A second signal ended it before the requests in progress had ended.
    #[error("interrupted")]
    Interrupted,
}

/// A server that has just become ready.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it shows its metrics, if that is somewhere else.
    pub metrics: Option<SocketAddr>,
}

/// Runs a Marketplace until SIGTERM, SIGINT or SIGHUP asks it to stop; `ready` is called when it can be used.
///
/// # Errors
/// [`ServeError`] if it cannot start, or is ended by a second signal.
pub fn run(settings: Settings, ready: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    let files = raise_file_limit();
    let runtime = runtime::Builder::new_multi_thread().enable_all().thread_name("marketplace").build()?;
    let result = runtime.block_on(serve(settings, files, ready));
    runtime.shutdown_timeout(LAST_MOMENT);
    result
}

async fn serve(settings: Settings, files: usize, ready: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    let mut signals = Signals::new()?;
    let limits = Limits {
        connections: settings.max_connections.min(files.saturating_sub(OTHER_FILES)).max(1),
        client_timeout: settings.client_timeout,
        shutdown: settings.shutdown,
    };
    if limits.connections < settings.max_connections {
        tracing::info!(
            connections = limits.connections,
            "fewer connections at a time than wanted: the system allows {files} open files"
        );
    }
    // First what fails at once and touches nothing.
    let listener = listen(settings.listen)?;
    let metrics_listener = settings.metrics_listen.map(listen).transpose()?;
    let address = listener.local_addr()?;
    let metrics = metrics_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let store = tokio::select! {
        store = Store::open(&settings.database) => store?,
        () = signals.next() => return Ok(()),
    };
    let marketplace = Marketplace::new(settings, store.clone());
    marketplace.mailer().map_err(told)?;
    let (stop, stopped) = watch::channel(false);
    let mut work = tokio::task::JoinSet::new();
    background(&marketplace, &mut work)?;
    if let Some(listener) = metrics_listener {
        let router = health::metrics().with_state(marketplace.clone());
        let (counted, stopped) = (marketplace.metrics().clone(), stopped.clone());
        work.spawn(async move {
            let _ = connection::serve(listener, router, limits, counted, stopped).await;
        });
    }
    let layer = middleware::from_fn_with_state(marketplace.metrics().clone(), log::request);
    let router = router(marketplace.clone()).layer(layer);
    let counted = marketplace.metrics().clone();
    let mut serving = tokio::spawn(connection::serve(listener, router, limits, counted, stopped));
    ready(&Ready { address, metrics });
    tell_systemd(&[NotifyState::Ready]);
    signals.next().await;
    tell_systemd(&[NotifyState::Stopping]);
    tracing::info!("stopping: requests in progress may end");
    let _ = stop.send(true);
    let in_time = tokio::select! {
        in_time = &mut serving => in_time.unwrap_or(false),
        () = signals.next() => return Err(ServeError::Interrupted),
    };
    work.shutdown().await;
    let _ = timeout(LAST_MOMENT, store.close()).await;
    if in_time {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped, with requests in progress that took too long");
    }
    Ok(())
}

/// What goes on beside the requests.
fn background(marketplace: &Marketplace, work: &mut tokio::task::JoinSet<()>) -> io::Result<()> {
    let settings = marketplace.settings();
    let queries = marketplace.queries().clone();
    work.spawn(queries.follow(marketplace.store().clone(), Program::this()?));
    if let Some(anchors) = settings.anchors.clone() {
        work.spawn(anchors.follow());
    }
    if settings.confirmation.is_some() {
        work.spawn(confirm::expire(marketplace.clone()));
    }
    if settings.reminders {
        work.spawn(remind::run(marketplace.clone()));
    }
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    connection::listen(address).map_err(|cause| ServeError::Listen { address, cause })
}

fn told(error: &MailerError) -> ServeError {
    ServeError::Mail(error.to_string())
}

/// Tells systemd, if it started this process and wants to know.
fn tell_systemd(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// Allows this process as many open files as it may allow itself: each connection is one. Gives their number.
fn raise_file_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current };
    allowed.map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap_or(usize::MAX))
}

/// The signals that ask a server to stop, but for those that are ignored: `nohup` has it so.
struct Signals(Vec<Signal>);

impl Signals {
    fn new() -> io::Result<Self> {
        let signals = cli::heeded_signals().into_iter().map(|number| signal(SignalKind::from_raw(number)));
        signals.collect::<io::Result<_>>().map(Self)
    }

    async fn next(&mut self) {
        let received = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        let received: Vec<_> = received.collect();
        if received.is_empty() {
            std::future::pending::<()>().await;
        }
        futures_util::future::select_all(received).await;
    }
}
