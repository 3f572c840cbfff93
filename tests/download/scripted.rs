//! A server that does to each request what a test says, and remembers what it was asked.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What came of a request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    head: String,
}

/// What is done to a request.
pub(crate) enum Act {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and keeps the connection open in silence.
    Stall(Vec<u8>),
}

pub(crate) struct Scripted {
    pub(crate) base: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// First and last byte of the range that is asked for.
    pub(crate) fn range(&self) -> Option<(usize, Option<usize>)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()))
    }
}

impl Scripted {
    /// Starts a server; connections are served side by side.
    pub(crate) fn start(act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::<Mutex<Vec<Request>>>::default();
        let (kept, act) = (Arc::clone(&log), Arc::new(act));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, act) = (Arc::clone(&kept), Arc::clone(&act));
                thread::spawn(move || serve(stream.unwrap(), &log, &*act));
            }
        });
        Self { base, log }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn log(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Request>>, act: &(dyn Fn(&Request) -> Act + Send + Sync)) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let request = Request { path, head };
    log.lock().unwrap().push(request.clone());
    // A client that has seen enough hangs up at any time.
    match act(&request) {
        Act::Send(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Act::Stall(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut byte);
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
}

/// An answer: status, headers, body.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    for header in headers.lines() {
        answer.extend(format!("{}\r\n", header.trim()).bytes());
    }
    answer.extend(b"\r\n");
    answer.extend(body);
    answer
}

/// All of an object.
pub(crate) fn whole(object: &[u8], headers: &str) -> Vec<u8> {
    answer("200 OK", &format!("Content-Length: {}\n{headers}", object.len()), object)
}

/// What is asked for of an object, as a good server answers.
pub(crate) fn honest(request: &Request, object: &[u8], headers: &str) -> Vec<u8> {
    let headers = format!("Accept-Ranges: bytes\n{headers}");
    match request.range() {
        None => whole(object, &headers),
        Some((first, last)) => {
            let last = last.unwrap_or(object.len() - 1).min(object.len() - 1);
            let part = &object[first..=last];
            let headers = format!(
                "Content-Length: {}\nContent-Range: bytes {first}-{last}/{}\n{headers}",
                part.len(),
                object.len()
            );
            answer("206 Partial Content", &headers, part)
        }
    }
}
