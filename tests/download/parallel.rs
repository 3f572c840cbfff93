//! Parts of an image side by side: how many, and what becomes of the others when one fails.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use crate::{
    folder::Done,
    processes::{ended, interrupt, partial, started, until},
    scripted::{Act, Request, Scripted, answer, honest, whole},
    site::{Site, content, entry},
};

const ETAG: &str = "ETag: \"one\"";

/// A site and an image that comes in parts.
struct Case {
    site: Site,
    image: Arc<Vec<u8>>,
}

impl Case {
    fn new(bytes: usize) -> Self {
        Self { site: Site::new(), image: Arc::new(content(bytes)) }
    }

    fn fetch(&self, options: &[&str], url: &str) -> Done {
        let identifier = self.site.publish(&entry(&self.image, &[url]));
        let more = ["--timeout", "3", "--force", "-o", "image.img", &identifier];
        self.site.download(&[options, &more].concat())
    }

    #[track_caller]
    fn is_there(&self) {
        assert!(fs::read(self.site.user.path("image.img")).unwrap() == *self.image);
    }

    /// A server that does this to each request for a part, counted from 0; `None` is an honest answer.
    fn server(&self, act: impl Fn(&Request, usize) -> Option<Act> + Send + Sync + 'static) -> Scripted {
        let (image, parts) = (Arc::clone(&self.image), AtomicUsize::new(0));
        Scripted::start(move |request| {
            let act = request.range().and_then(|_| act(request, parts.fetch_add(1, SeqCst)));
            act.unwrap_or_else(|| Act::Send(honest(request, &image, ETAG)))
        })
    }
}

#[test]
fn so_many_parts_are_asked_for_at_a_time() {
    for (options, expected) in [
        (&[][..], 4),
        (&["--connections", "2"], 2),
        (&["--connections", "1"], 1),
        (&["--connections=99"], 16),
    ] {
        // Enough for each to have something to do.
        let case = Case::new(if expected == 16 { 200 << 20 } else { 72 << 20 });
        let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&most);
        let server = case.server(move |_, _| {
            counted.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            thread::sleep(Duration::from_millis(400));
            now.fetch_sub(1, SeqCst);
            None
        });
        case.fetch(options, &server.url("/image")).ended(0, "", "");
        case.is_there();
        // The first answer, for all of it, may be one of them as long as it gives the first part.
        let most = most.load(SeqCst);
        assert!((expected - 1..=expected).contains(&most), "{options:?}: {most}");
        assert!(expected > 1 || most == 0, "one connection asks for no parts");
    }
}

#[test]
fn a_part_that_fails_is_asked_for_again() {
    for what in ["cut", "stalled", "refused", "closed"] {
        let case = Case::new(48 << 20);
        let image = Arc::clone(&case.image);
        let done_wrong = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done_wrong);
        let server = case.server(move |request, number| {
            counted.fetch_add(usize::from(number == 1), SeqCst);
            let mut bytes = honest(request, &image, ETAG);
            bytes.truncate(3 << 20);
            match (number, what) {
                (1, "cut") => Some(Act::Send(bytes)),
                (1, "stalled") => Some(Act::Stall(bytes)),
                (1, "refused") => {
                    Some(Act::Send(answer("503 Service Unavailable", "Content-Length: 0", b"")))
                }
                (1, _) => Some(Act::Send(Vec::new())),
                _ => None,
            }
        });
        let done = case.fetch(&[], &server.url("/image"));
        assert_eq!(done.status, Some(0), "{what}: {}", done.stderr);
        assert_eq!(done_wrong.load(SeqCst), 1, "{what}");
        case.is_there();
    }
}

#[test]
fn a_part_that_never_comes_is_given_up() {
    for what in ["cut", "stalled"] {
        let case = Case::new(48 << 20);
        let server = case.server(move |request, _| match request.range() {
            Some((first, _)) if first > 20 << 20 => Some(match what {
                "cut" => Act::Send(Vec::new()),
                _ => Act::Stall(Vec::new()),
            }),
            _ => None,
        });
        let done = case.fetch(&[], &server.url("/image"));
        assert_eq!((done.status, done.stdout.as_str()), (Some(5), ""), "{what}: {}", done.stderr);
        assert!(done.stderr.contains(&format!("error: {}", server.url("/image"))), "{what}: {}", done.stderr);
        assert!(!case.site.user.path("image.img").exists());
        assert!(case.site.cached().iter().all(|name| name.starts_with("partial/")));
    }
}

#[test]
fn an_interrupted_transfer_in_parts_is_taken_up() {
    let case = Case::new(64 << 20);
    let stalls = Arc::new(AtomicUsize::new(1));
    let still = Arc::clone(&stalls);
    // From some place on, nothing comes the first time.
    let server = case.server(move |request, _| {
        let late = request.range().is_some_and(|(first, _)| first > 30 << 20);
        (late && still.load(SeqCst) == 1).then(|| Act::Stall(Vec::new()))
    });
    let identifier = case.site.publish(&entry(&case.image, &[&server.url("/image")]));
    for signal in ["-INT", "-KILL"] {
        let asked = server.log().len();
        let child = started(case.site.command(&[&identifier]));
        until("it goes on", || server.log().len() > asked && partial(&case.site) > 16 << 20);
        interrupt(&child, signal);
        let _ = ended(child);
        assert!(case.site.cached().iter().all(|name| name.starts_with("partial/")));
    }
    let held = partial(&case.site);
    assert!(held >= 16 << 20, "{held}");
    stalls.store(0, SeqCst);
    let done = case.site.download(&["-o", "image.img", &identifier]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert!(done.stderr.starts_with("note: an earlier transfer left "), "{}", done.stderr);
    case.is_there();
}

#[test]
fn parts_come_side_by_side_and_are_put_together() {
    let case = Case::new(50 << 20);
    let image = Arc::clone(&case.image);
    let server = Scripted::start(move |request| Act::Send(honest(request, &image, ETAG)));
    let url = server.url("/image");
    case.fetch(&[], &url).ended(0, "", "");
    case.is_there();
    let log = server.log();
    assert!(
        log.iter().skip(1).all(|request| request.header("if-range") == Some("\"one\"")),
        "each proves what it is of"
    );
    let ranges = log.iter().filter(|request| request.range().is_some()).count();
    assert!(ranges >= 4, "{ranges} parts of 8 MiB");
    // One that offers parts and gives none is asked for the rest.
    let case = Case::new(50 << 20);
    let image = Arc::clone(&case.image);
    let server = Scripted::start(move |request| match request.range() {
        Some((_, Some(_))) => Act::Send(whole(&image, &format!("Accept-Ranges: bytes\n{ETAG}"))),
        _ => Act::Send(honest(request, &image, ETAG)),
    });
    case.fetch(&[], &server.url("/image")).ended(0, "", "");
    case.is_there();
    // nginx, with and without ranges.
    for place in ["image.img", "single/image.img"] {
        let case = Case::new(50 << 20);
        case.site.web.serve("image.img", &case.image);
        let url = format!("{}/{place}", case.site.web.base);
        case.fetch(&[], &url).ended(0, "", "");
        let parts = case.site.web.log().iter().filter(|line| line.ends_with(" 206")).count();
        assert_eq!(parts > 0, place == "image.img", "{:?}", case.site.web.log());
    }
}

#[test]
fn a_server_that_has_had_enough_gives_one_part_at_a_time() {
    // Only one connection at a time, or one part of another mirror.
    for refusal in ["403 Forbidden", "429 Too Many Requests"] {
        let case = Case::new(40 << 20);
        let image = Arc::clone(&case.image);
        let server = Scripted::start(move |request| match request.range() {
            Some((_, Some(_))) => Act::Send(answer(refusal, "Content-Length: 0", b"")),
            _ => Act::Send(honest(request, &image, ETAG)),
        });
        let done = case.fetch(&[], &server.url("/image"));
        assert_eq!(done.status, Some(0), "{refusal}: {}", done.stderr);
        case.is_there();
    }
    // Mirrors that take turns.
    let case = Case::new(40 << 20);
    let image = Arc::clone(&case.image);
    let mirrors: Vec<_> = (0..3)
        .map(|_| {
            let image = Arc::clone(&image);
            Scripted::start(move |request| Act::Send(honest(request, &image, ETAG)))
        })
        .collect();
    let urls: Vec<_> = mirrors.iter().map(|mirror| mirror.url("/image")).collect();
    let turn = AtomicUsize::new(0);
    let server = Scripted::start(move |_| {
        let next = &urls[turn.fetch_add(1, SeqCst) % urls.len()];
        Act::Send(answer("302 Found", &format!("Location: {next}\nContent-Length: 0"), b""))
    });
    case.fetch(&[], &server.url("/image")).ended(0, "", "");
    case.is_there();
    assert_eq!(server.log().len(), 1, "the parts come from where the first did");
}
