//! Entries that are uploaded, over so many connections at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use stratuslab::Timestamp;

use crate::drafts;

/// So many entries that no server has yet: of images beyond all that were made before.
pub(crate) fn fresh(count: usize) -> Vec<Vec<u8>> {
    static NEXT: AtomicUsize = AtomicUsize::new(10_000_000);
    let endorsers = drafts::Endorsers::new();
    let first = NEXT.fetch_add(count, Ordering::Relaxed) as u64;
    let now = Timestamp::now();
    (first..first + count as u64)
        .into_par_iter()
        .filter_map(|image| drafts::image(1, image, now, &endorsers).into_iter().next())
        .map(|entry| entry.document().to_vec())
        .collect()
}

/// Uploads all; every one must be taken.
pub(crate) fn upload(base: &str, entries: &[Vec<u8>], connections: usize) {
    let (next, client) = (AtomicUsize::new(0), reqwest::blocking::Client::new());
    let url = format!("{base}/metadata");
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let request =
                        client.post(&url).header("Content-Type", "application/xml").body(entry.clone());
                    let answer = request.send().unwrap();
                    assert_eq!(answer.status(), 201, "{:?}", answer.text());
                }
            });
        }
    });
}
