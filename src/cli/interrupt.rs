//! An interrupt at any point leaves no temporary file, no half-done renaming and a usable
//! terminal (C30: the originals ended with 0).

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::Status;

/// What an interrupt has to clear up. Whoever holds the lock is in a critical section: the
/// interrupt waits for it.
static PENDING: Mutex<Pending> = Mutex::new(Pending { files: Vec::new(), terminal: None });

/// Is there somebody else who acts on signals?
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// See [`PENDING`].
pub(super) struct Pending {
    files: Vec<PathBuf>,
    terminal: Option<(fs::File, Termios)>,
}

impl Pending {
    /// Has `path`, a file or a directory, removed if the command is interrupted.
    pub(super) fn add(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    /// The opposite of [`Pending::add`], once `path` has its final name or is gone.
    pub(super) fn remove(&mut self, path: &Path) {
        self.files.retain(|file| file != path);
    }
}

/// Enters a critical section.
pub(super) fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A terminal that shows nothing of what is typed, put back as it was when dropped or when an
/// interrupt comes first.
pub(super) struct TerminalGuard(());

impl TerminalGuard {
    /// Silences the controlling terminal before anything is asked on it: whoever types at once
    /// would otherwise see the beginning of the password.
    pub(super) fn new() -> io::Result<Self> {
        let terminal = fs::File::options().read(true).write(true).open("/dev/tty")?;
        let modes = tcgetattr(&terminal)?;
        let mut silent = modes.clone();
        // As the prompt will set them, so that no key means two things.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        let mut pending = pending();
        tcsetattr(&terminal, OptionalActions::Now, &silent)?;
        pending.terminal = Some((terminal, modes));
        Ok(Self(()))
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore_terminal(&mut pending());
    }
}

/// Ends the line of a prompt that the user has not ended.
pub(super) fn end_line() {
    if let Some((terminal, _)) = &mut pending().terminal {
        let _ = terminal.write_all(b"\n");
    }
}

/// Nothing better can be done about a terminal that has gone than to go on.
fn restore_terminal(pending: &mut Pending) {
    if let Some((terminal, modes)) = pending.terminal.take() {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &modes);
    }
}

/// Handles SIGINT, SIGTERM and SIGHUP in a thread of their own, and lets a file-size limit be
/// an error of the write (EFBIG) instead of the end of the process.
pub(super) fn handle() {
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new(heeded()) else { return };
    // Without the thread the signals would go unheard; their default is then better.
    let started = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().find(|_| !HANDED_OVER.load(Ordering::SeqCst)) {
            // The prompt ends its line itself on Ctrl-C.
            if signal != SIGINT {
                end_line();
            }
            exit();
        }
    });
    if started.is_err() {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let _ = signal_hook::flag::register_conditional_default(signal, Arc::new(AtomicBool::new(true)));
        }
    }
}

/// From now on the command itself acts on signals.
pub(super) fn hand_over() {
    HANDED_OVER.store(true, Ordering::SeqCst);
}

/// Clears up and ends the process as an interrupt does.
pub(super) fn exit() -> ! {
    let mut pending = pending();
    for file in pending.files.drain(..) {
        let _ = fs::remove_file(&file).or_else(|_| fs::remove_dir_all(&file));
    }
    restore_terminal(&mut pending);
    super::progress::abandon();
    // The lock is held to the end, so that nothing is renamed or created after this; and no
    // exit handler of a library runs under threads that are still at work.
    signal_hook::low_level::exit(Status::Interrupted as i32)
}

/// The signals that end a command, and were not ignored when it started: `nohup` and shells without job
/// control start commands with signals ignored; that stays.
pub(crate) fn heeded() -> Vec<i32> {
    static HEEDED: OnceLock<Vec<i32>> = OnceLock::new();
    let heeded = HEEDED.get_or_init(|| {
        let ignored = ignored_signals();
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0).collect()
    });
    heeded.clone()
}

/// The mask of signals ignored when the process started, as Linux tells it.
fn ignored_signals() -> u64 {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
