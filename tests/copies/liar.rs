//! A Marketplace that says what it is told to say, right or wrong.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What is answered to one request.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// How many bytes of the body are sent before the connection is closed; all if it is `None`.
    pub(crate) cut: Option<usize>,
}

impl Says {
    pub(crate) fn json(body: &serde_json::Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { status: 200, content_type: "application/json", body, cut: None }
    }

    pub(crate) fn xml(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: "application/xml", body: body.into(), cut: None }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, content_type: "text/html", body: b"<html/>".to_vec(), cut: None }
    }

    pub(crate) fn cut(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }
}

/// Starts it; `answer` is given the target of each request. Its base URL, and the targets so far.
pub(crate) fn start(
    answer: impl Fn(&str) -> Says + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let targets = Arc::new(Mutex::new(Vec::new()));
    let (answer, seen) = (Arc::new(answer), Arc::clone(&targets));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
            thread::spawn(move || serve(stream, &*answer, &seen));
        }
    });
    (base, targets)
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str) -> Says + Send + Sync),
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let target = first.split(' ').nth(1)?.to_owned();
    while !lines.next()?.ok()?.is_empty() {}
    seen.lock().unwrap().push(target.clone());
    let Says { status, content_type, body, cut } = answer(&target);
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body[..cut.unwrap_or(body.len())]).ok()
}
