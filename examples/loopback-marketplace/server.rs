//! A small Marketplace on a loopback socket: it keeps entries and answers as the originals do.

#[path = "fault.rs"]
pub(crate) mod fault;
#[path = "http.rs"]
pub(crate) mod http;

use std::{
    collections::BTreeMap,
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use fault::Fault;
use http::{Connection, Request, Response};
use openssl::ssl::SslAcceptor;

/// What a Marketplace must know of an entry to keep and to list it.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) identifier: String,
    pub(crate) email: String,
    /// Of the endorsement, `YYYY-MM-DDThh:mm:ssZ`.
    pub(crate) created: String,
    pub(crate) valid: Option<String>,
    pub(crate) deprecated: bool,
}

/// Says what a document is, or why it is refused.
pub(crate) type Judge = Box<dyn Fn(&[u8]) -> Result<Facts, String> + Send + Sync>;

/// How the Marketplace is set up.
pub(crate) struct Options {
    /// Where it listens; port 0 is any free one.
    pub(crate) listen: SocketAddr,
    /// Path before `/metadata`, such as `/marketplace`.
    pub(crate) prefix: String,
    /// Parks uploads until they are confirmed by e-mail, which never happens here.
    pub(crate) confirm: bool,
    /// Refuses uploads, as a replica does.
    pub(crate) read_only: bool,
    /// Where entries are kept as files; without it, in memory.
    pub(crate) folder: Option<PathBuf>,
    /// Speaks TLS.
    pub(crate) tls: Option<SslAcceptor>,
    /// What goes wrong with the first requests, one each.
    pub(crate) faults: Vec<Fault>,
    /// Told of each request before it is answered.
    pub(crate) observe: Box<dyn Fn(&Request) + Send + Sync>,
    /// What uploads must satisfy.
    pub(crate) judge: Judge,
}

/// Listens until its process ends, and tells where.
pub(crate) fn start(options: Options) -> io::Result<String> {
    let listener = TcpListener::bind(options.listen)?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{}", listener.local_addr()?);
    let base = format!("{origin}{}", options.prefix);
    let mut marketplace =
        Marketplace { entries: Mutex::default(), faults: Mutex::default(), base: base.clone(), options };
    marketplace.faults = Mutex::new(marketplace.options.faults.drain(..).rev().collect());
    marketplace.load()?;
    let marketplace = Arc::new(marketplace);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let marketplace = Arc::clone(&marketplace);
            // A peer that breaks off is its own affair.
            thread::spawn(move || marketplace.serve(stream));
        }
    });
    Ok(base)
}

/// (identifier, e-mail, created)
type Key = (String, String, String);

struct Entry {
    facts: Facts,
    bytes: Vec<u8>,
}

struct Marketplace {
    entries: Mutex<BTreeMap<Key, Entry>>,
    /// The next one last.
    faults: Mutex<Vec<Fault>>,
    base: String,
    options: Options,
}

impl Marketplace {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection: Box<dyn Connection> = match &self.options.tls {
            Some(acceptor) => Box::new(acceptor.accept(stream).map_err(io::Error::other)?),
            None => Box::new(stream),
        };
        let request = match Request::read(&mut *connection) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(cause) => return Response::new(400, "text/plain", cause.to_string()).write(&mut *connection),
        };
        (self.options.observe)(&request);
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match fault {
            Some(fault) => fault.play(&mut *connection, &request, |request| self.answer(request)),
            None => self.answer(&request).write(&mut *connection),
        }
    }

    fn answer(&self, request: &Request) -> Response {
        if !matches!(request.method.as_str(), "GET" | "POST") {
            return error(request, 405, "method not allowed");
        }
        let path = request.path.replace("//", "/");
        let Some(rest) = path.strip_prefix(self.options.prefix.as_str()) else {
            return Response::new(200, "text/html", "<html><head><title>Elsewhere</title></head></html>");
        };
        let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["metadata", filters @ ..]) if filters.len() < 3 => self.upload(request),
            ("GET", ["metadata", identifier, email, created]) if !rest.ends_with('/') => {
                let key = ((*identifier).to_owned(), (*email).to_owned(), (*created).to_owned());
                match self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
                    Some(entry) => {
                        Response::new(200, "application/rdf+xml; charset=UTF-8", entry.bytes.clone())
                            .with("Content-Disposition", format!("attachment; filename={identifier}.xml"))
                    }
                    None => error(request, 404, "metadata entry not found.\n"),
                }
            }
            ("GET", ["metadata", filters @ ..]) if filters.len() < 3 => self.list(request, filters),
            ("GET", _) => {
                Response::new(200, "text/html", "<html><head><title>StratusLab</title></head></html>")
            }
            _ => error(request, 405, "method not allowed"),
        }
    }

    fn upload(&self, request: &Request) -> Response {
        if self.options.read_only {
            return error(request, 403, "read-only repository");
        }
        let kind = request.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !matches!(kind, "application/xml" | "application/rdf+xml" | "text/xml") {
            return error(request, 415, "unsupported media type");
        }
        if request.body.is_empty() {
            return error(request, 400, "post with null entity");
        }
        let facts = match (self.options.judge)(&request.body) {
            Ok(facts) if facts.valid.is_none() => {
                return error(request, 400, "invalid metadata: no dcterms:valid");
            }
            Ok(facts) => facts,
            Err(reason) => return error(request, 400, &format!("invalid metadata: {reason}")),
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if newest(&entries, &facts).is_some_and(|newest| facts.created < newest) {
            return error(request, 400, "invalid metadata: older than latest entry");
        }
        if self.options.confirm {
            return Response::new(202, "text/plain", "confirmation email sent for new metadata entry\n");
        }
        let key = (facts.identifier.clone(), facts.email.clone(), facts.created.clone());
        if let Err(cause) = self.keep(&key, &request.body) {
            return error(request, 500, &cause.to_string());
        }
        let url = format!("{}/metadata/{}/{}/{}", self.base, key.0, key.1, key.2);
        entries.insert(key, Entry { facts, bytes: request.body.clone() });
        // S1: the originals name the entry here and not in Location.
        Response::new(201, "text/plain", "metadata entry created").with("Content-Location", url)
    }

    /// The entries that satisfy every filter, each classified by its shape.
    fn list(&self, request: &Request, filters: &[&str]) -> Response {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let named = ["identifier", "email", "created"].into_iter().filter_map(|name| request.parameter(name));
        let filters: Vec<&str> =
            filters.iter().copied().chain(named).filter(|f| !matches!(*f, "" | "null")).collect();
        let is_date = |filter: &str| filter.len() == 20 && filter.ends_with('Z') && filter.contains('T');
        let dated = filters.iter().any(|filter| is_date(filter));
        let status = request.parameter("status").unwrap_or("valid");
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut body = br#"<?xml version="1.0" encoding="UTF-8" standalone="no"?><metadata>"#.to_vec();
        let empty = body.len();
        for Entry { facts, bytes } in entries.values() {
            let expired = facts.valid.as_ref().is_some_and(|valid| *valid < now);
            let wanted = match status {
                "valid" => !expired && !facts.deprecated,
                "expired" => expired && !facts.deprecated,
                "deprecated" => facts.deprecated,
                _ => true,
            };
            let matches = filters.iter().all(|filter| {
                let value = if filter.contains('@') {
                    &facts.email
                } else if is_date(filter) {
                    &facts.created
                } else {
                    &facts.identifier
                };
                value == filter
            });
            let latest = newest(&entries, facts).is_some_and(|newest| newest == facts.created);
            if wanted && matches && (dated || latest) {
                body.extend(without_declaration(bytes));
            }
        }
        if body.len() == empty {
            return error(request, 404, "no metadata matching query found");
        }
        body.extend(b"</metadata>");
        Response::new(200, "application/xml", body)
    }

    fn keep(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        let Some(folder) = &self.options.folder else { return Ok(()) };
        let folder = folder.join(&key.0).join(&key.1);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{}.xml", key.2)), bytes)
    }

    fn load(&self) -> io::Result<()> {
        let Some(folder) = &self.options.folder else { return Ok(()) };
        let mut pending = vec![folder.clone()];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                for child in fs::read_dir(path)? {
                    pending.push(child?.path());
                }
            } else if path.extension().is_some_and(|extension| extension == "xml") {
                let bytes = fs::read(path)?;
                if let Ok(facts) = (self.options.judge)(&bytes) {
                    let key = (facts.identifier.clone(), facts.email.clone(), facts.created.clone());
                    self.entries
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(key, Entry { facts, bytes });
                }
            }
        }
        Ok(())
    }
}

/// The date of the latest entry for an image by an endorser; dates compare as text.
fn newest(entries: &BTreeMap<Key, Entry>, facts: &Facts) -> Option<String> {
    let same = |known: &&Facts| known.identifier == facts.identifier && known.email == facts.email;
    entries.values().map(|entry| &entry.facts).filter(same).map(|known| known.created.clone()).max()
}

fn without_declaration(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(2).position(|pair| pair == b"?>").map_or(0, |at| at + 2);
    if bytes.starts_with(b"<?xml") { bytes.get(end..).unwrap_or_default() } else { bytes }
}

/// An error in the form of the first media type accepted; S14: XML is not escaped.
fn error(request: &Request, status: u16, message: &str) -> Response {
    let accept = request.header("accept").unwrap_or_default();
    match accept.split([',', ';']).next().unwrap_or_default().trim() {
        "text/xml" | "application/xml" | "application/rdf+xml" => Response::new(
            status,
            "application/xml",
            format!(r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?><error>{message}</error>"#),
        ),
        "application/json" => {
            let message = message.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            Response::new(status, "application/json", format!(r#"{{"{status}" : "{message}"}}"#))
        }
        _ => Response::new(
            status,
            "text/html",
            format!(
                "<html><head><title>{}</title></head><body><table><tr><td>{message}</td></tr></table></body></html>",
                http::phrase(status)
            ),
        ),
    }
}
