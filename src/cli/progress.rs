//! A progress bar on a terminal, with rate and time left.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Session;

/// The bar on the terminal now, for messages beside it and for an interrupt.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// How far a long operation on bytes has come. Removed from the terminal when dropped.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar on stderr if that is a terminal and neither `-q` nor `--json` is given; `total` is
    /// in bytes, `None` if it cannot be known.
    pub fn bar(session: &Session, total: Option<u64>) -> Self {
        if !session.watched() {
            return Self(None);
        }
        let template = match total {
            Some(_) => "{wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            None => "{spinner} {bytes}  {bytes_per_sec}",
        };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // A stalled disk still shows that the command lives.
        bar.enable_steady_tick(Duration::from_millis(250));
        *shown() = Some(bar.clone());
        Self(Some(bar))
    }

    /// `bytes` more are done.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    /// `bytes` are done in all.
    pub fn set_position(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
        }
    }

    /// Removes the bar.
    pub fn finish(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            shown().take();
            bar.finish_and_clear();
        }
    }
}

/// Calls `write` while the bar is off the terminal.
pub(super) fn suspended(write: impl FnOnce()) {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Removes the bar because the process ends.
pub(super) fn abandon() {
    if let Some(bar) = shown().take() {
        bar.finish_and_clear();
    }
}

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
