//! Mail servers on loopback: a real one (aiosmtpd), and some that misbehave.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

/// Longer than anyone would wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running mail server; it ends with this.
pub(crate) struct Smtp {
    pub(crate) port: u16,
    child: Child,
    _stdin: ChildStdin,
    mails: Receiver<Value>,
}

/// A mail that it took.
#[derive(Debug)]
pub(crate) struct Mail {
    /// Of the envelope.
    pub(crate) from: String,
    /// Of the envelope.
    pub(crate) to: Vec<String>,
    /// Names in lower case and values, unfolded, in their order.
    pub(crate) headers: Vec<(String, String)>,
    /// With line feeds.
    pub(crate) body: String,
    /// Did it come over TLS?
    pub(crate) tls: bool,
    /// Who logged in.
    pub(crate) user: Option<String>,
}

impl Smtp {
    /// A mail server without TLS and users.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A mail server with these arguments of `tests/python/smtp_server.py`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(root.join("target/peers/bin/python"))
            .args(["-W", "ignore"])
            .arg(root.join("tests/python/smtp_server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("no Python with aiosmtpd ({error}): run `tests/setup.sh tests`"));
        let stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().expect("aiosmtpd does not start: run `tests/setup.sh tests`").unwrap();
        let (sender, mails) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                drop(sender.send(serde_json::from_str(&line).unwrap()));
            }
        });
        Self { port: port.parse().unwrap(), child, _stdin: stdin, mails }
    }

    /// The next mail.
    pub(crate) fn mail(&self) -> Mail {
        let mail = self.mails.recv_timeout(PATIENCE).expect("no mail came");
        let text = |name: &str| mail[name].as_str().map(ToOwned::to_owned);
        let content = text("content").unwrap();
        let (head, body) = content.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let headers = head.split("\r\n").map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Mail {
            from: text("from").unwrap(),
            to: mail["to"].as_array().unwrap().iter().map(|to| to.as_str().unwrap().to_owned()).collect(),
            headers: headers.collect(),
            body: body.replace("\r\n", "\n"),
            tls: mail["tls"].as_bool().unwrap(),
            user: text("user"),
        }
    }

    /// Whether all mails it took have been looked at.
    pub(crate) fn is_silent(&self) -> bool {
        self.mails.try_recv().is_err()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Mail {
    /// The one value of a header.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str());
        let value = values.next().unwrap_or_default();
        assert_eq!(values.next(), None, "{name} twice: {self:?}");
        value
    }

    /// The paths of the links to confirm, abort and report abuse, below what links must begin with.
    #[track_caller]
    pub(crate) fn links(&self, base: &str) -> Links {
        let link = |command: &str| {
            let line = self.body.lines().find(|line| line.ends_with(&format!("/{command}/"))).unwrap();
            line.trim().strip_prefix(base).unwrap_or_else(|| panic!("not below {base}: {line}")).to_owned()
        };
        Links { confirm: link("confirm"), abort: link("abort"), abuse: link("abuse") }
    }
}

/// Paths.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) confirm: String,
    pub(crate) abort: String,
    pub(crate) abuse: String,
}

/// A port at which nobody listens.
pub(crate) fn gone() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A server that accepts connections and says `greeting`, then nothing.
pub(crate) fn stalled(greeting: &'static [u8]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                drop(stream.write_all(greeting));
                // Until the other side has had enough.
                let mut rest = [0; 1024];
                while TcpStream::read(&mut stream, &mut rest).is_ok_and(|count| count > 0) {}
            });
        }
    });
    port
}
