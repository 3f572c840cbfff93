//! What the server does, in numbers, as Prometheus reads them (text exposition format 0.0.4).

use std::{fs, sync::Arc, time::Duration};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::Collector,
};
use rustix::process::{Resource, getrlimit};

/// What every name begins with, but for those that all servers have.
const PREFIX: &str = "stratuslab_marketplace";

/// Upper bounds of the classes of latency, in seconds.
const LATENCIES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The numbers of a server. Cheap to clone.
#[derive(Clone, Debug)]
// There are none only if a name below is none of Prometheus, which a test would tell.
pub struct Metrics(Option<Arc<Numbers>>);

#[derive(Debug)]
struct Numbers {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    panics: IntCounter,
    uploads: IntCounterVec,
    mails: IntCounterVec,
    connections: IntGauge,
    database: IntGauge,
    entries: IntGauge,
    indexed: IntGauge,
    memory: IntGauge,
    files: IntGauge,
    most_files: IntGauge,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// An entry was made.
    Created,
    /// The same entry was there.
    Same,
    /// Its endorser is asked by mail.
    Parked,
    /// It is no entry, or none that may be here.
    Refused,
    /// It could not be judged or kept.
    Failed,
}

impl Default for Metrics {
    fn default() -> Self {
        Self(Numbers::new().ok().map(Arc::new))
    }
}

impl Metrics {
    /// A request was answered: `route` is the pattern of its path, of which there are few.
    pub fn request(&self, route: &str, method: &str, status: u16, took: Duration) {
        if let Some(numbers) = &self.0 {
            numbers.requests.with_label_values(&[route, method, status.to_string().as_str()]).inc();
            numbers.latency.with_label_values(&[route, method]).observe(took.as_secs_f64());
        }
    }

    /// A request could not be answered because of a mistake in the server.
    pub fn panicked(&self) {
        if let Some(numbers) = &self.0 {
            numbers.panics.inc();
        }
    }

    /// A document was uploaded, by any of the ways there are.
    pub fn upload(&self, upload: Upload) {
        let outcome = match upload {
            Upload::Created => "created",
            Upload::Same => "same",
            Upload::Parked => "parked",
            Upload::Refused => "refused",
            Upload::Failed => "failed",
        };
        self.count(|numbers| &numbers.uploads, outcome);
    }

    /// A mail was given to the mail server, or was not taken.
    pub fn mail(&self, sent: bool) {
        self.count(|numbers| &numbers.mails, if sent { "sent" } else { "failed" });
    }

    /// The SPARQL index is as new as the entry of this number.
    pub fn indexed(&self, sequence: i64) {
        self.set(|numbers| &numbers.indexed, sequence);
    }

    /// The database answers, and the number of its newest entry; or it does not.
    pub fn database(&self, newest: Option<i64>) {
        self.set(|numbers| &numbers.database, newest.is_some().into());
        if let Some(newest) = newest {
            self.set(|numbers| &numbers.entries, newest);
        }
    }

    /// Counts a connection until it is dropped.
    pub fn connection(&self) -> Counted {
        let gauge = self.0.as_ref().map(|numbers| numbers.connections.clone());
        if let Some(gauge) = &gauge {
            gauge.inc();
        }
        Counted(gauge)
    }

    /// All of it, and what the process takes.
    pub fn text(&self) -> String {
        let Some(numbers) = &self.0 else { return String::new() };
        numbers.look_at_process();
        TextEncoder::new().encode_to_string(&numbers.registry.gather()).unwrap_or_default()
    }

    fn count(&self, counters: fn(&Numbers) -> &IntCounterVec, label: &str) {
        if let Some(numbers) = &self.0 {
            counters(numbers).with_label_values(&[label]).inc();
        }
    }

    fn set(&self, gauge: fn(&Numbers) -> &IntGauge, value: i64) {
        if let Some(numbers) = &self.0 {
            gauge(numbers).set(value);
        }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Counted(Option<IntGauge>);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }
}

impl Numbers {
    fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let in_all = |name: &str, help: &str, labels: &[&str]| {
            let opts = Opts::new(format!("{PREFIX}_{name}"), help);
            registered(&registry, IntCounterVec::new(opts, labels)?)
        };
        let now = |name: String, help: &str| registered(&registry, IntGauge::new(name, help)?);
        let ours = |name: &str, help: &str| now(format!("{PREFIX}_{name}"), help);
        let latency = HistogramOpts::new(
            format!("{PREFIX}_request_duration_seconds"),
            "From the head of a request to the head of its answer.",
        );
        let latency = HistogramVec::new(latency.buckets(LATENCIES.to_vec()), &["route", "method"])?;
        let panics =
            IntCounter::new(format!("{PREFIX}_panics_total"), "Mistakes in the server that were caught.")?;
        Ok(Self {
            requests: in_all(
                "requests_total",
                "Requests that were answered.",
                &["route", "method", "status"],
            )?,
            latency: registered(&registry, latency)?,
            panics: registered(&registry, panics)?,
            uploads: in_all("uploads_total", "Documents that were uploaded.", &["outcome"])?,
            mails: in_all("mails_total", "Mails to endorsers and the administrator.", &["outcome"])?,
            connections: ours("connections", "Connections that are open.")?,
            database: ours("database_up", "Whether the database answers.")?,
            entries: ours("newest_entry", "The number of the newest entry; entries are numbered from 1.")?,
            indexed: ours("indexed_entry", "The number of the newest entry that /query knows.")?,
            memory: now("process_resident_memory_bytes".to_owned(), "Resident memory size in bytes.")?,
            files: now("process_open_fds".to_owned(), "Number of open file descriptors.")?,
            most_files: now("process_max_fds".to_owned(), "Maximum number of open file descriptors.")?,
            registry,
        })
    }

    /// The few numbers of the process that matter here, from proc(5).
    fn look_at_process(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix(" kB"));
        if let Some(kilobytes) = resident.and_then(|number| number.trim().parse::<i64>().ok()) {
            self.memory.set(kilobytes.saturating_mul(1024));
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder itself.
            self.files.set(i64::try_from(files.count()).unwrap_or(i64::MAX) - 1);
        }
        let most = getrlimit(Resource::Nofile).current;
        self.most_files.set(most.and_then(|most| i64::try_from(most).ok()).unwrap_or(-1));
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_there_is_to_count_is_counted() {
        let metrics = Metrics::default();
        metrics.request("/metadata", "GET", 200, Duration::from_millis(2));
        metrics.upload(Upload::Created);
        metrics.mail(false);
        metrics.panicked();
        metrics.indexed(7);
        metrics.database(Some(8));
        let connection = metrics.connection();
        let text = metrics.text();
        for line in [
            "stratuslab_marketplace_requests_total{method=\"GET\",route=\"/metadata\",status=\"200\"} 1",
            "stratuslab_marketplace_request_duration_seconds_bucket{method=\"GET\",route=\"/metadata\",le=\"0.0025\"} 1",
            "stratuslab_marketplace_uploads_total{outcome=\"created\"} 1",
            "stratuslab_marketplace_mails_total{outcome=\"failed\"} 1",
            "stratuslab_marketplace_panics_total 1",
            "stratuslab_marketplace_indexed_entry 7",
            "stratuslab_marketplace_newest_entry 8",
            "stratuslab_marketplace_database_up 1",
            "stratuslab_marketplace_connections 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
            let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
            assert!(value.parse::<u64>().unwrap() > 0, "{name} {value}");
        }
        drop(connection);
        metrics.database(None);
        let text = metrics.text();
        assert!(
            text.contains("connections 0\n")
                && text.contains("database_up 0\n")
                && text.contains("entry 8\n")
        );
    }
}
