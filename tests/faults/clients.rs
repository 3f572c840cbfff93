//! Clients that upload until nobody answers, and remember what they were told.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    draft::Draft,
    marketplace::{Answer, PATIENCE},
};

/// A document that was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) document: String,
    /// A word that is in it and in no other.
    pub(crate) word: String,
    /// 0 if there was no answer.
    pub(crate) status: u16,
}

/// Uploads a document as curl does; the status is 0 if there is no answer.
pub(crate) fn upload(address: SocketAddr, document: &str) -> Answer {
    ask(
        address,
        "POST",
        "/metadata",
        "Content-Type: application/xml\r\nAccept: application/xml\r\n",
        document,
    )
}

/// Asks, whether or not somebody listens.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, fields: &str, body: &str) -> Answer {
    let nothing = || Answer { status: 0, head: String::new(), body: String::new() };
    let Ok(mut stream) = TcpStream::connect(address) else { return nothing() };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    // It may go away meanwhile, or answer at once.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    Answer::read(stream)
}

/// What several clients sent, and what each time came back.
#[derive(Default)]
pub(crate) struct Crowd {
    sent: Mutex<Vec<Sent>>,
    taken: AtomicUsize,
    number: AtomicUsize,
}

const GOING_ON: usize = 0;
const ENDING: usize = 1;
const ENDED: usize = 2;

/// Images of each client: later entries of one supersede the earlier ones.
const IMAGES: usize = 6;

impl Crowd {
    /// `clients` upload to these addresses in turn; when `enough` more have been taken, `then` is called. From
    /// then on each ends when it gets no answer, or 503, and all do when `then` has ended.
    pub(crate) fn upload(&self, clients: usize, to: &[SocketAddr], enough: usize, then: impl FnOnce()) {
        let over = AtomicUsize::new(GOING_ON);
        thread::scope(|scope| {
            for client in 0..clients {
                let (over, to) = (&over, to[client % to.len()]);
                scope.spawn(move || {
                    loop {
                        let status = self.one(client, to);
                        assert!(matches!(status, 0 | 201 | 503), "{status}");
                        match over.load(Ordering::Acquire) {
                            ENDED => return,
                            ENDING if status != 201 => return,
                            _ => {}
                        }
                    }
                });
            }
            self.wait_for(enough);
            over.store(ENDING, Ordering::Release);
            then();
            over.store(ENDED, Ordering::Release);
        });
    }

    /// Waits until so many more have been taken.
    pub(crate) fn wait_for(&self, more: usize) {
        let (before, start) = (self.taken.load(Ordering::Acquire), Instant::now());
        while self.taken.load(Ordering::Acquire) < before + more {
            assert!(start.elapsed() < PATIENCE, "nothing is taken any more");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Uploads the next document of a client.
    fn one(&self, client: usize, to: SocketAddr) -> u16 {
        let number = self.number.fetch_add(1, Ordering::AcqRel);
        let (minute, second) = (number / 60, number % 60);
        let word = format!("word{number}end");
        let draft = Draft::new(&format!("image {} of {client}", number % IMAGES))
            .email(&format!("client{client}@example.org"))
            .created(&format!("2013-01-01T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60))
            .text("description", &format!("It has {word}. {}", "Some text. ".repeat(number % 300)));
        let document = String::from_utf8(draft.signed()).unwrap();
        let status = upload(to, &document).status;
        self.sent.lock().unwrap().push(Sent { path: draft.path(), document, word, status });
        if status == 201 {
            self.taken.fetch_add(1, Ordering::AcqRel);
        }
        status
    }

    /// All that was sent.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}
