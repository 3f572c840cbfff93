//! An HTTP server that does what a test says, one request a connection.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use openssl::ssl::{SslAcceptor, SslMethod};

use crate::pki::Identity;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(crate) type Log = Arc<Mutex<Vec<Request>>>;

/// Starts a server; its address, such as `127.0.0.1:4711`, and what it was asked.
pub(crate) fn start(answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static) -> (String, Log) {
    start_with(None, answer)
}

/// The same, with TLS if there is a certificate for it.
pub(crate) fn start_with(
    tls: Option<&Identity>,
    mut answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static,
) -> (String, Log) {
    let acceptor = tls.map(|identity| {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        builder.set_certificate(&identity.certificate).unwrap();
        builder.set_private_key(&identity.key).unwrap();
        builder.build()
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let log = Log::default();
    let kept = Arc::clone(&log);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            match &acceptor {
                // A client that trusts nobody hangs up.
                Some(acceptor) => {
                    if let Ok(mut stream) = acceptor.accept(socket) {
                        serve(&mut stream, &kept, &mut answer);
                    }
                }
                None => serve(&mut socket, &kept, &mut answer),
            }
        }
    });
    (address, log)
}

fn serve(stream: &mut (impl Read + Write), log: &Log, answer: &mut impl FnMut(&Request) -> Vec<u8>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let mut request = Request { line, head, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body = vec![0; length];
    if stream.read_exact(&mut request.body).is_ok() {
        log.lock().unwrap().push(request.clone());
        // A client that has seen enough hangs up at any time.
        let _ = stream.write_all(&answer(&request));
    }
}

/// An answer: status, headers, body.
pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let lines: Vec<_> = headers.iter().chain([&"Connection: close", &length.as_str()]).copied().collect();
    [format!("HTTP/1.1 {status}\r\n{}\r\n\r\n", lines.join("\r\n")).as_bytes(), body].concat()
}

/// The answer that brings a time stamp.
pub(crate) fn reply(body: &[u8]) -> Vec<u8> {
    answer("200 OK", &["Content-Type: application/timestamp-reply"], body)
}
