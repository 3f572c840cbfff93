//! A server that does what a test says, one request a connection.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use openssl::ssl::SslAcceptor;

/// What came of a request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    head: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Where the range begins that is asked for.
    pub(super) fn start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What is done to a request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and keeps the connection open in silence.
    Stall(Vec<u8>),
    /// Sends these bytes in so many parts, each after a pause.
    Drip(Vec<u8>, usize, Duration),
    /// Closes the connection before all of the request is read, which resets it.
    Reset,
}

pub(super) type Log = Arc<Mutex<Vec<Request>>>;

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// Starts a server; its address, such as `127.0.0.1:4711`, and what it was asked.
pub(super) fn start(
    tls: Option<SslAcceptor>,
    mut act: impl FnMut(&Request) -> Act + Send + 'static,
) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let log = Log::default();
    let kept = Arc::clone(&log);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            let plain = socket.try_clone().unwrap();
            let mut stream: Box<dyn Stream> = match &tls {
                // A client that trusts nobody hangs up.
                Some(tls) => match tls.accept(socket) {
                    Ok(stream) => Box::new(stream),
                    Err(_) => continue,
                },
                None => Box::new(socket),
            };
            serve(&mut *stream, &plain, &kept, &mut act);
        }
    });
    (address, log)
}

fn serve(stream: &mut dyn Stream, socket: &TcpStream, log: &Log, act: &mut dyn FnMut(&Request) -> Act) {
    let Some(received) = receive(stream) else { return };
    log.lock().unwrap().push(received.clone());
    let act = act(&received);
    if !matches!(act, Act::Reset) {
        let _ = stream.read(&mut [0]);
    }
    // A client that has seen enough hangs up at any time.
    match act {
        Act::Send(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Act::Stall(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0]);
        }
        Act::Drip(bytes, parts, pause) => {
            for part in bytes.chunks(bytes.len().div_ceil(parts)) {
                let _ = stream.write_all(part);
                thread::sleep(pause);
            }
        }
        Act::Reset => return,
    }
    let _ = socket.shutdown(Shutdown::Write);
}

/// The head of a request but for its last byte.
fn receive(stream: &mut dyn Stream) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1)?.to_owned();
    assert!(head.starts_with("GET "), "{head}");
    Some(Request { path, head })
}

/// An answer: status line, headers, body.
pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    for header in headers.lines() {
        answer.extend(format!("{}\r\n", header.trim()).bytes());
    }
    answer.extend(b"\r\n");
    answer.extend(body);
    answer
}

/// `body` in chunks, with the last one.
pub(super) fn chunked(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    for chunk in body.chunks(300) {
        coded.extend(format!("{:x}\r\n", chunk.len()).bytes());
        coded.extend(chunk);
        coded.extend(b"\r\n");
    }
    coded.extend(b"0\r\n\r\n");
    coded
}
