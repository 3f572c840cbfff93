//! A progress bar on a terminal, with rate and time left.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use rustix::termios::tcgetwinsize;

use super::Session;

/// The bar on the terminal now, for messages beside it and for an interrupt.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// The columns of a terminal that does not tell.
const USUAL_WIDTH: usize = 80;

/// What a bar must be worth, in columns; words give way to it.
const BAR_WIDTH: usize = 8;

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
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = if total.is_some() { "{wide_bar}{words}" } else { "{spinner}{words}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("words", write_words));
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
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            shown().take();
            bar.finish_and_clear();
        }
    }
}

/// Writes what the terminal, as wide as it is now, has room for.
fn write_words(state: &ProgressState, out: &mut dyn fmt::Write) {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate to be looked at")]
    let rate = HumanBytes(state.per_sec() as u64);
    let (done, left) = (HumanBytes(state.pos()), HumanDuration(state.eta()));
    let words = match state.len() {
        Some(total) => {
            let percent = state.pos().saturating_mul(100).checked_div(total).unwrap_or(100);
            vec![
                format!(" {done}/{}  {rate}/s  {left:#} left", HumanBytes(total)),
                format!(" {percent}%  {rate}/s  {left:#} left"),
                format!(" {percent}%  {left:#} left"),
                format!(" {percent}%"),
            ]
        }
        None => vec![format!(" {done}  {rate}/s"), format!(" {done}")],
    };
    // There is nobody to tell that words cannot be drawn.
    let _ = out.write_str(fitting(&words, width()));
}

/// The first of the words, the longest, that leave the bar its room.
fn fitting(words: &[String], width: usize) -> &str {
    words.iter().find(|words| words.len() + BAR_WIDTH <= width).map_or("", String::as_str)
}

fn width() -> usize {
    let size = tcgetwinsize(io::stderr()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(USUAL_WIDTH)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_give_way_to_the_bar() {
        let words = ["x".repeat(40), "x".repeat(20), "x".repeat(4)];
        let length = |width| fitting(&words, width).len();
        assert_eq!([80, 48, 47, 28, 27, 12, 11, 0].map(length), [40, 40, 20, 20, 4, 4, 0, 0]);
    }
}
