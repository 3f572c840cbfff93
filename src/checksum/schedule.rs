//! Who hashes what next: every worker takes the next chunk of some chain.
//!
//! A chain is one checksum over one stream of chunks; its chunks must be hashed in order, one at a
//! time, but by whichever worker is free. So the work is shared by chunk, not by checksum, and
//! no worker idles while another is busy with the slowest of the checksums. Nothing in here knows
//! threads or time, which lets a test run it by a clock of its own.

/// The state of all chains.
#[derive(Debug)]
pub(super) struct Schedule {
    chains: Vec<Chain>,
    /// Chunks that each stream has had so far.
    available: Vec<u64>,
}

#[derive(Debug)]
struct Chain {
    stream: usize,
    /// The next chunk, counted from the start of the stream.
    next: u64,
    busy: bool,
}

/// A chunk to be hashed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// Which chain.
    pub(super) chain: usize,
    /// The chain's stream.
    pub(super) stream: usize,
    /// Which chunk of the stream.
    pub(super) chunk: u64,
}

impl Schedule {
    /// Chains over `streams` streams, each over the stream given; the slowest chain had better
    /// come first.
    pub(super) fn new(streams: usize, chains: impl IntoIterator<Item = usize>) -> Self {
        let chains = chains.into_iter().map(|stream| Chain { stream, next: 0, busy: false });
        Self { chains: chains.collect(), available: vec![0; streams] }
    }

    /// There is another chunk in the stream.
    pub(super) fn publish(&mut self, stream: usize) {
        self.available[stream] += 1;
    }

    /// Takes the next chunk of the chain that is furthest behind, if any is free.
    ///
    /// The window of chunks ahead is limited, so the chain furthest behind is the one that would
    /// hold up the others first; with a core for each chain, it is the slowest, which must never
    /// wait.
    pub(super) fn take(&mut self) -> Option<Job> {
        let behind = |chain: &Chain| self.available[chain.stream] - chain.next;
        let free = self.chains.iter().enumerate().filter(|(_, chain)| !chain.busy && behind(chain) > 0);
        // Of equals, the first.
        let (index, _) = free.max_by_key(|(index, chain)| (behind(chain), usize::MAX - index))?;
        let chain = &mut self.chains[index];
        chain.busy = true;
        Some(Job { chain: index, stream: chain.stream, chunk: chain.next })
    }

    /// A chunk that was taken has been hashed.
    pub(super) fn done(&mut self, job: Job) {
        let chain = &mut self.chains[job.chain];
        chain.busy = false;
        chain.next += 1;
    }

    /// Whether [`Schedule::take`] would give a job.
    pub(super) fn has_work(&self) -> bool {
        self.chains.iter().any(|chain| !chain.busy && chain.next < self.available[chain.stream])
    }

    /// Whether every chain has hashed every chunk there is.
    pub(super) fn is_done(&self) -> bool {
        self.chains.iter().all(|chain| chain.next == self.available[chain.stream])
    }

    /// The first chunk of the stream that some chain still has to hash.
    pub(super) fn oldest_needed(&self, stream: usize) -> u64 {
        let chains = self.chains.iter().filter(|chain| chain.stream == stream);
        chains.map(|chain| chain.next).min().unwrap_or(self.available[stream])
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, reason = "numbers of chunks are small")]
mod tests {
    use super::*;
    use crate::checksum::pool::{CHUNK, WINDOW};

    /// MB/s of one core, as issue 3 of the project has them: MD5, SHA-512, SHA-256, SHA-1.
    const SPEEDS: [f64; 4] = [656.0, 664.0, 1555.0, 1640.0];

    /// MB/s of a run in which `workers` ideal cores hash `chunks` chunks, chain `i` at `speeds[i]`,
    /// read in no time.
    fn rate(workers: usize, chunks: u64, speeds: &[f64]) -> f64 {
        let megabytes = CHUNK as f64 / 1e6;
        let mut schedule = Schedule::new(1, speeds.iter().map(|_| 0));
        let mut published = 0;
        let mut now = 0.0;
        // When each busy worker will be done, and with what.
        let mut busy: Vec<(f64, Job)> = Vec::new();
        loop {
            while published < chunks && published - schedule.oldest_needed(0) < WINDOW as u64 {
                schedule.publish(0);
                published += 1;
            }
            while busy.len() < workers {
                let Some(job) = schedule.take() else { break };
                busy.push((now + megabytes / speeds[job.chain], job));
            }
            let Some(first) = (0..busy.len()).min_by(|&a, &b| busy[a].0.total_cmp(&busy[b].0)) else { break };
            let (time, job) = busy.swap_remove(first);
            now = time;
            schedule.done(job);
        }
        assert!(schedule.is_done());
        megabytes * chunks as f64 / now
    }

    /// What no schedule can beat: all cores always busy, or the slowest chain never waiting.
    fn limit(workers: usize, speeds: &[f64]) -> f64 {
        let all: f64 = speeds.iter().map(|speed| 1.0 / speed).sum();
        let slowest = speeds.iter().copied().fold(f64::INFINITY, f64::min);
        (workers as f64 / all).min(slowest)
    }

    #[test]
    fn the_schedule_reaches_the_limit_on_any_number_of_cores() {
        for speeds in [&SPEEDS[..], &[500.0; 4], &[100.0, 2000.0, 2000.0, 2000.0], &SPEEDS[..2], &SPEEDS[3..]]
        {
            for workers in 1..=8 {
                // A GiB: what is lost at the end does not count.
                let (rate, limit) = (rate(workers, (1 << 30) / CHUNK as u64, speeds), limit(workers, speeds));
                assert!(rate <= limit * 1.000_001, "{workers} workers: {rate} of {limit}");
                assert!(rate > 0.99 * limit, "{workers} workers, {speeds:?}: {rate} of {limit}");
            }
        }
    }

    #[test]
    fn with_a_core_for_each_the_slowest_checksum_is_the_limit() {
        for workers in [4, 5, 64] {
            assert!(rate(workers, 4096, &SPEEDS) > 0.999 * SPEEDS[0]);
        }
    }

    #[test]
    fn a_chain_hashes_its_chunks_in_order_and_one_at_a_time() {
        let mut schedule = Schedule::new(2, [0, 0, 1]);
        assert_eq!(schedule.take(), None);
        schedule.publish(0);
        schedule.publish(0);
        schedule.publish(1);
        let first = schedule.take().unwrap();
        let second = schedule.take().unwrap();
        let third = schedule.take().unwrap();
        assert_eq!(first, Job { chain: 0, stream: 0, chunk: 0 });
        assert_eq!(second, Job { chain: 1, stream: 0, chunk: 0 });
        assert_eq!(third, Job { chain: 2, stream: 1, chunk: 0 });
        assert!(schedule.take().is_none() && !schedule.has_work());
        schedule.done(second);
        assert_eq!(schedule.oldest_needed(0), 0);
        assert_eq!(schedule.take(), Some(Job { chain: 1, stream: 0, chunk: 1 }));
        schedule.done(first);
        assert_eq!(schedule.oldest_needed(0), 1);
        schedule.done(third);
        assert_eq!(schedule.oldest_needed(1), 1);
        assert!(!schedule.is_done());
    }
}
