//! As much HTTP/1.1 as the clients of a Marketplace need: one request a connection.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
};

/// Largest request head, in bytes.
const HEAD_LIMIT: usize = 32 << 10;
/// Largest request body, in bytes.
const BODY_LIMIT: usize = 16 << 20;

/// A connection, with or without TLS.
pub(crate) trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

/// A request, as received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer, to be sent with its length.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one request; `None` if the peer hangs up before it.
    pub(crate) fn read(connection: &mut dyn Connection) -> io::Result<Option<Self>> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut bytes = Vec::new();
        loop {
            if !fill(connection, &mut bytes)? {
                return Ok(None);
            }
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Request::new(&mut headers);
            let length = match head.parse(&bytes) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) if bytes.len() < HEAD_LIMIT => continue,
                Ok(httparse::Status::Partial) => return Err(invalid("request head too large")),
                Err(error) => return Err(invalid(&error.to_string())),
            };
            // A proxy is asked for whole URLs (RFC 9112 §3.2.2).
            let target = head.path.unwrap_or_default();
            let local = match target.split_once("://") {
                Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
                None => target,
            };
            let (path, query) = local.split_once('?').unwrap_or((local, ""));
            let mut request = Self {
                method: head.method.unwrap_or_default().to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                headers: head
                    .headers
                    .iter()
                    .map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned()))
                    .collect(),
                body: Vec::new(),
            };
            let size = request.header("content-length").map_or(Ok(0), str::parse::<usize>);
            let size = size.map_err(|_| invalid("bad Content-Length"))?;
            if size > BODY_LIMIT {
                return Err(invalid("request body too large"));
            }
            request.body = bytes.split_off(length);
            while request.body.len() < size {
                if !fill(connection, &mut request.body)? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            return Ok(Some(request));
        }
    }

    /// The value of a header, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, v)| v)
    }
}

impl Response {
    /// An answer of a media type.
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", kind.to_owned())], body: body.into() }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends the answer and says that the connection ends with it.
    pub(crate) fn write(&self, connection: &mut dyn Connection) -> io::Result<()> {
        connection.write_all(self.head().as_bytes())?;
        connection.write_all(&self.body)?;
        connection.flush()
    }

    /// What goes before the body.
    pub(crate) fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, phrase(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len());
        head
    }
}

/// The reason phrase of a status.
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        415 => "Unsupported Media Type",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

fn fill(connection: &mut dyn Connection, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 8 << 10];
    let count = connection.read(&mut chunk)?;
    bytes.extend(chunk.iter().take(count));
    Ok(count > 0)
}
