//! A Marketplace that asks by mail, on a real socket, and entries for it.

use std::{net::SocketAddr, sync::OnceLock, time::Duration};

use axum::Router;
use openssl::pkey::{PKey, Private};
use reqwest::{
    blocking::{Client, Response},
    header::{ACCEPT, CONTENT_TYPE, HOST},
    redirect,
};
use stratuslab::{
    ChecksumAlgorithm, Credentials, Email, ImageDigests, Metadata, Timestamp,
    dsig::{SignRequest, sign},
    metadata::rules::Leniency,
    server::{
        mail,
        marketplace::Marketplace,
        router::router,
        settings::{Confirmation, Database, Mail, PublicUrl, Settings},
        store::Store,
    },
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::pki::{self, Identity, Kind, Request};

/// What links in mails begin with.
pub(crate) const PUBLIC: &str = "https://market.example.org/marketplace";
pub(crate) const ADMIN: &str = "admin@market.example.org";
pub(crate) const JANE: &str = "jane@example.org";

/// A running Marketplace.
pub(crate) struct Site {
    pub(crate) marketplace: Marketplace,
    address: SocketAddr,
    client: Client,
    runtime: Runtime,
    _folder: TempDir,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl Site {
    /// One that asks everyone, by the mail server at this port of loopback.
    pub(crate) fn start(smtp: u16) -> Self {
        Self::start_with(smtp, |_| ())
    }

    /// The same with other settings.
    pub(crate) fn start_with(smtp: u16, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (origin, prefix) = PUBLIC.rsplit_once('/').unwrap();
        let mut settings = Settings {
            database: Database::Sqlite(folder.path().join("marketplace.sqlite")),
            public_url: Some(PublicUrl { origin: origin.to_owned(), prefix: format!("/{prefix}") }),
            confirmation: Some(Confirmation { not_for: Vec::new(), expires: Duration::from_hours(24) }),
            mail: Some(self::mail(&format!("smtp://127.0.0.1:{smtp}"))),
            ..Settings::default()
        };
        change(&mut settings);
        let runtime = Runtime::new().unwrap();
        let (marketplace, address) = runtime.block_on(async {
            let store = Store::open(&settings.database).await.unwrap();
            let marketplace = Marketplace::new(settings, store);
            marketplace.mailer().unwrap();
            let address = listen(router(marketplace.clone())).await;
            (marketplace, address)
        });
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(Duration::from_mins(1));
        Self { marketplace, address, client: client.build().unwrap(), runtime, _folder: folder }
    }

    /// Another process, as it were, over the same database.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/marketplace{path}", self.address)
    }

    /// Runs a future of the server's.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn upload(&self, document: &[u8]) -> Answer {
        let request = self.client.post(self.url("/metadata")).header(CONTENT_TYPE, "application/xml");
        // Who uploads could say anything here (S37).
        let request = request.header(ACCEPT, "application/xml").header(HOST, "evil.example.net");
        Answer::from(request.body(document.to_owned()).send().unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::from(self.client.get(self.url(path)).header(ACCEPT, "text/html").send().unwrap())
    }

    pub(crate) fn post(&self, path: &str) -> Answer {
        Answer::from(self.client.post(self.url(path)).header(HOST, "evil.example.net").send().unwrap())
    }

    pub(crate) fn send(&self, method: &str, path: &str, accept: &str) -> Response {
        let method = method.parse().unwrap();
        self.client.request(method, self.url(path)).header(ACCEPT, accept).send().unwrap()
    }

    /// The keys of all entries, whatever their state, newest first.
    pub(crate) fn listed(&self) -> Vec<String> {
        let answer = self.client.get(self.url("/metadata?status=all")).header(ACCEPT, "application/xml");
        let answer = Answer::from(answer.send().unwrap());
        if answer.status == 404 {
            return Vec::new();
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        let document = roxmltree::Document::parse(&answer.body).unwrap();
        let text = |entry: roxmltree::Node<'_, '_>, name: &str| {
            let mut named = entry.descendants().filter(|node| node.tag_name().name() == name);
            named.next_back().and_then(|node| node.text()).unwrap_or_default().to_owned()
        };
        let entries = document.root_element().children().filter(roxmltree::Node::is_element);
        entries.map(|entry| format!("{}/{}", text(entry, "identifier"), text(entry, "email"))).collect()
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let (location, retry_after) = (header("location"), header("retry-after"));
        assert_eq!(location, header("content-location"));
        Self {
            status: response.status().as_u16(),
            location,
            retry_after: retry_after.map(|seconds| seconds.parse().unwrap()),
            body: response.text().unwrap(),
        }
    }
}

async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Mail through this server, which may take three seconds.
pub(crate) fn mail(server: &str) -> Mail {
    Mail {
        server: server.parse().unwrap(),
        admin: ADMIN.parse().unwrap(),
        user: None,
        password: None,
        ca_file: None,
        timeout: mail::TIMEOUT,
    }
}

fn key() -> &'static PKey<Private> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    KEY.get_or_init(|| pki::new_key(Kind::P256))
}

/// Somebody with a certificate of their own making.
pub(crate) fn somebody(email: &str) -> Identity {
    Request::new("Jane Tester").email(email).self_signed(key())
}

/// `now`, earlier by some seconds.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() - seconds).unwrap()
}

/// An entry of an image, with `change` made to what it says, by the holder of a certificate.
pub(crate) fn entry_of(
    image: &str,
    by: &Identity,
    created: Timestamp,
    change: impl FnOnce(&mut Metadata),
) -> Vec<u8> {
    signed(image, by, None, created, change)
}

/// The same with another address than the certificate's.
pub(crate) fn signed(
    image: &str,
    by: &Identity,
    email: Option<&str>,
    created: Timestamp,
    change: impl FnOnce(&mut Metadata),
) -> Vec<u8> {
    let digests = ImageDigests::read(image.as_bytes(), &ChecksumAlgorithm::ALL).unwrap();
    let built = Metadata::builder(&digests)
        .os("ttylinux")
        .os_version("9.7")
        .os_arch("i486")
        .version("1.3")
        .kind("machine")
        .created(created)
        .description("an image")
        .valid(created.checked_add_days(30).unwrap());
    let mut metadata = built.build();
    change(&mut metadata);
    let credentials = Credentials::from_pem(&by.certificate_pem(), &by.key_pem(), None).unwrap();
    let email: Option<Email> = email.map(|email| email.parse().unwrap());
    let request = SignRequest {
        credentials: &credentials,
        method: None,
        email: email.as_ref(),
        created,
        leniency: Leniency::Strict,
        include_chain: false,
    };
    sign(metadata.to_rdf().unwrap().as_bytes(), &request).unwrap().document().to_owned()
}

/// An entry of Jane's, endorsed so many seconds ago.
pub(crate) fn janes(image: &str, seconds: i64) -> Vec<u8> {
    entry_of(image, &somebody(JANE), ago(seconds), |_| ())
}

/// The identifier of an image.
pub(crate) fn identifier(image: &str) -> String {
    ImageDigests::read(image.as_bytes(), &ChecksumAlgorithm::ALL).unwrap().identifier().to_string()
}
