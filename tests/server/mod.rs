//! A Marketplace on a loopback socket in this process, for the tests of its parts.
//!
//! ```ignore
//! let server = server::start(|settings| settings.read_only = true);
//! let answer = server.get("/metadata").header("accept", "application/json").send();
//! ```

#![allow(clippy::unwrap_used, reason = "a test that cannot have its server has failed")]
#![allow(dead_code, reason = "each test needs some of it")]

pub(crate) mod draft;
pub(crate) mod raw;

use std::{net::SocketAddr, time::Duration};

use reqwest::{
    StatusCode,
    blocking::{Client, RequestBuilder, Response},
    redirect::Policy,
};
use stratuslab::server::{
    marketplace::Marketplace,
    router::router,
    settings::{Database, Settings},
    store::Store,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A running Marketplace; it ends when this is dropped.
pub(crate) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    pub(crate) address: SocketAddr,
    /// What it serves, to look behind the scenes.
    pub(crate) marketplace: Marketplace,
    pub(crate) client: Client,
    runtime: Option<Runtime>,
    /// With the SQLite file in it.
    pub(crate) folder: TempDir,
}

/// Starts a Marketplace over a fresh SQLite file.
pub(crate) fn start(change: impl FnOnce(&mut Settings)) -> Server {
    start_on(None, change)
}

/// Starts a Marketplace over this database; without, over a fresh SQLite file.
pub(crate) fn start_on(database: Option<Database>, change: impl FnOnce(&mut Settings)) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let database = database.unwrap_or_else(|| Database::Sqlite(folder.path().join("marketplace.sqlite")));
    let mut settings = settings(database);
    change(&mut settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (marketplace, listener) = runtime.block_on(async {
        let store = Store::open(&settings.database).await.unwrap();
        let listener = tokio::net::TcpListener::bind(settings.listen).await.unwrap();
        (Marketplace::new(settings, store), listener)
    });
    let address = listener.local_addr().unwrap();
    let service = router(marketplace.clone());
    runtime.spawn(async move { axum::serve(listener, service).await });
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_mins(1));
    Server {
        base: format!("http://{address}"),
        address,
        marketplace,
        client: client.build().unwrap(),
        runtime: Some(runtime),
        folder,
    }
}

/// Open to all, on a free port of loopback.
pub(crate) fn settings(database: Database) -> Settings {
    Settings { listen: ([127, 0, 0, 1], 0).into(), database, ..Settings::default() }
}

impl Server {
    /// A request for a path.
    pub(crate) fn get(&self, path: &str) -> Asking {
        Asking(self.client.get(format!("{}{path}", self.base)))
    }

    pub(crate) fn head(&self, path: &str) -> Asking {
        Asking(self.client.head(format!("{}{path}", self.base)))
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Asking {
        let request = self.client.post(format!("{}{path}", self.base)).body(body.into());
        Asking(request).header("content-type", content_type)
    }

    /// Uploads a document as the commands do.
    pub(crate) fn upload(&self, document: impl Into<Vec<u8>>) -> Answer {
        self.post("/metadata", "application/xml", document).header("accept", "application/xml").send()
    }

    /// Uploads a document that is taken, and gives its path.
    pub(crate) fn publish(&self, document: impl Into<Vec<u8>>) -> String {
        let answer = self.upload(document);
        assert_eq!((answer.status, answer.text().as_str()), (201, "metadata entry created"));
        answer.header("location").strip_prefix(&self.base).unwrap().to_owned()
    }

    /// Waits for what is async.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that fails must not wait for its server.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A request that is being written.
pub(crate) struct Asking(RequestBuilder);

impl Asking {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn accept(self, value: &str) -> Self {
        self.header("accept", value)
    }

    pub(crate) fn send(self) -> Answer {
        Answer::read(self.0.send().unwrap())
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(response: Response) -> Self {
        let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
        Self { status: status.as_u16(), headers, body: response.bytes().unwrap().to_vec() }
    }

    /// The values of a header, joined; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
