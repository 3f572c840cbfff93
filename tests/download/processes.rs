//! Several processes, interrupts and full disks: what is kept is whole, and what was begun is taken up.

use std::{
    fs,
    io::Read as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    faults::with_small_files,
    scripted::{Act, Scripted, honest},
    site::{Site, content, entry},
};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for something.
#[track_caller]
pub(crate) fn until(what: &str, mut happens: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happens() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn started(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn ended(mut child: Child) -> (Option<i32>, String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (child.wait().unwrap().code(), stdout, stderr)
}

pub(crate) fn interrupt(child: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Publishes an image that takes some seconds to come, where this lies; its URL and its identifier.
fn offered_slowly(site: &Site, image: &[u8], what_lies_there: &[u8]) -> (String, String) {
    site.web.serve("image.img", what_lies_there);
    let url = format!("{}/slow/image.img", site.web.base);
    let identifier = site.publish(&entry(image, &[&url]));
    (url, identifier)
}

/// Bytes of the transfers that were begun.
pub(crate) fn partial(site: &Site) -> u64 {
    let partial = site.cached().into_iter().filter(|name| name.strip_suffix(".part").is_some());
    partial
        .map(|name| fs::metadata(site.user.path(".cache/stratuslab").join(name)).map_or(0, |it| it.len()))
        .sum()
}

#[test]
fn two_processes_fetch_an_image_once() {
    let site = Site::new();
    let image = content(16 << 20);
    let (_, identifier) = offered_slowly(&site, &image, &image);
    let first = started(site.command(&[&identifier]));
    until("it begins", || partial(&site) > 0);
    let others: Vec<_> = (0..2).map(|_| started(site.command(&[&identifier]))).collect();
    let (status, path, said) = ended(first);
    assert_eq!((status, said.as_str()), (Some(0), ""));
    for other in others {
        let waited = "note: another process is fetching the image; waiting for it\n".to_owned();
        assert_eq!(ended(other), (Some(0), path.clone(), waited));
    }
    assert!(fs::read(path.trim_end()).unwrap() == image);
    let begun = site.web.log().into_iter().filter(|line| line.contains(" - ")).count();
    assert_eq!(begun, 1, "{:?}", site.web.log());
}

#[test]
fn if_the_first_process_is_killed_the_second_goes_on() {
    let site = Site::new();
    let image = content(6 << 20);
    let (_, identifier) = offered_slowly(&site, &image, &image);
    let first = started(site.command(&[&identifier]));
    until("it begins", || partial(&site) > 0);
    let mut second = started(site.command(&[&identifier]));
    let mut waits = [0; 5];
    second.stderr.as_mut().unwrap().read_exact(&mut waits).unwrap();
    assert_eq!(&waits, b"note:");
    interrupt(&first, "-KILL");
    assert_eq!(ended(first).0, None);
    let (status, path, said) = ended(second);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("note: an earlier transfer left "), "{said}");
    assert!(fs::read(path.trim_end()).unwrap() == image);
}

#[test]
fn an_interrupted_transfer_is_taken_up_where_it_broke_off() {
    for (kind, extension) in [("raw", None), ("compressed", Some("gz"))] {
        let site = Site::new();
        let image = content(6 << 20);
        let packed = extension.map(|extension| crate::folder::compressed(extension, &image).unwrap());
        let (slow, identifier) = offered_slowly(&site, &image, packed.as_ref().unwrap_or(&image));
        for signal in ["-INT", "-TERM", "-KILL"] {
            let before = partial(&site);
            let child = started(site.command(&["-o", "image.img", &identifier]));
            until("it goes on", || partial(&site) > before + (100 << 10));
            interrupt(&child, signal);
            let (status, stdout, stderr) = ended(child);
            let expected = if signal == "-KILL" { None } else { Some(130) };
            assert_eq!((status, stdout.as_str()), (expected, ""));
            let resumed = before == 0 || stderr.starts_with("note: an earlier transfer left ");
            assert!(resumed && stderr.lines().count() < 2, "{stderr}");
            assert_eq!(site.user.names(), [".cache", "ca.pem"], "{kind}: nothing under a final name");
            assert!(!site.cached().iter().any(|name| name.starts_with("images/")));
        }
        let held = partial(&site);
        let done = site.download(&["-o", "image.img", &identifier]);
        assert_eq!(done.status, Some(0), "{kind}: {}", done.stderr);
        assert!(
            done.stderr.ends_with(&format!(" of {slow}; going on from there\n")),
            "{kind}: {}",
            done.stderr
        );
        assert!(fs::read(site.user.path("image.img")).unwrap() == image);
        let log = site.web.log();
        assert!(log.last().unwrap().contains(&format!(" bytes={held}-")), "{kind}: {log:?}");
        assert_eq!(partial(&site), 0);
    }
}

#[test]
fn what_was_begun_is_given_up_if_the_image_there_is_another() {
    let site = Site::new();
    let image = content(6 << 20);
    let mut other = image.clone();
    other[10] ^= 1;
    // First the wrong one, slowly.
    let (_, identifier) = offered_slowly(&site, &image, &other);
    let child = started(site.command(&[&identifier]));
    until("it begins", || partial(&site) > 100 << 10);
    interrupt(&child, "-INT");
    assert_eq!(ended(child).0, Some(130));
    // Then the right one, of which the server says that it is another.
    thread::sleep(Duration::from_millis(1100));
    site.web.serve("image.img", &image);
    let path = site.fetched(&[&identifier]);
    assert!(fs::read(path).unwrap() == image);
    // A server that says nothing is found out by the checksums, and asked again.
    let site = Site::new();
    let (right, wrong) = (image.clone(), other);
    let server = Scripted::start(move |request| match request.range() {
        None if request.path == "/first" => {
            let mut bytes = honest(request, &wrong, "ETag: \"one\"");
            bytes.truncate(2 << 20);
            Act::Stall(bytes)
        }
        _ => Act::Send(honest(request, &right, "ETag: \"one\"")),
    });
    let identifier = site.publish(&entry(&image, &[&server.url("/first")]));
    let child = started(site.command(&[&identifier]));
    until("it begins", || partial(&site) > 1 << 20);
    interrupt(&child, "-INT");
    assert_eq!(ended(child).0, Some(130));
    let done = site.download(&["--timeout", "2", &identifier]);
    let again = format!(
        "note: what an earlier transfer left is not the beginning of what is at {}; beginning again\n",
        server.url("/first")
    );
    assert!(done.stderr.contains(&again), "{}", done.stderr);
    assert_eq!(
        (done.status, done.stdout.as_str()),
        (Some(1), ""),
        "what it gives from the beginning is wrong as well"
    );
}

#[test]
fn whatever_is_waited_for_can_be_interrupted() {
    let site = Site::new();
    let image = content(6 << 20);
    let (_, identifier) = offered_slowly(&site, &image, &image);
    let first = started(site.command(&[&identifier]));
    until("it begins", || partial(&site) > 0);
    // For another process.
    let mut second = started(site.command(&[&identifier]));
    let mut said = [0; 5];
    second.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"note:");
    interrupt(&second, "-INT");
    assert_eq!(ended(second).0, Some(130));
    let (status, path, _) = ended(first);
    assert_eq!(status, Some(0));
    // For whoever reads the image.
    let mut child = started(site.command(&["-o", "-", &identifier]));
    child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    interrupt(&child, "-INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    // For a Marketplace that says nothing, and a location that does not either.
    let silent = Scripted::start(|_| Act::Stall(Vec::new()));
    for arguments in [
        vec!["--cache", "other", "--marketplace-endpoint", &silent.base, &identifier],
        vec!["--cache", "other", "--metadata-file", "silent.xml", "-o", "image.img"],
    ] {
        let draft = entry(&image, &[&silent.url("/image.img")]);
        site.user.write("silent.xml", draft.signed_by(&crate::site::jane()));
        let asked = silent.log().len();
        let child = started(site.command(&arguments));
        until("it asks", || silent.log().len() > asked);
        interrupt(&child, "-INT");
        assert_eq!(ended(child), (Some(130), String::new(), String::new()));
        assert!(!site.user.names().contains(&"image.img".to_owned()));
    }
    assert!(fs::read(path.trim_end()).unwrap() == image);
}

#[test]
fn an_interrupt_leaves_no_copy_and_no_scratch() {
    let site = Site::new();
    let image = content(6 << 20);
    let (_, identifier) = offered_slowly(&site, &image, &image);
    let child = started(site.command(&["--no-cache", "-o", "image.img", &identifier]));
    until("it begins", || site.user.names().iter().any(|name| name.starts_with(".stratus-")));
    until("it goes on", || !site.web.log().is_empty() || site.user.names().len() > 1);
    thread::sleep(Duration::from_millis(300));
    interrupt(&child, "-INT");
    assert_eq!(ended(child).0, Some(130));
    assert_eq!(site.user.names(), ["ca.pem"]);
}

/// A command in a name space of its own, with a small file system at `small`; `None` where that is not
/// allowed.
fn on_a_small_disk(site: &Site, bytes: &str, arguments: &[&str]) -> Option<(Option<i32>, String)> {
    fs::create_dir_all(site.user.path("small")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size={bytes} tmpfs small || exit 99; \"$@\"; status=$?; \
         find small -type f ! -path '*/locks/*' ! -name CACHEDIR.TAG >&2; exit $status"
    );
    let download = site.command(arguments);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script, "sh"]);
    command.arg(download.get_program()).args(download.get_args());
    command.current_dir(site.user.path("")).env("HOME", site.user.path(""));
    let output = command.output().ok()?;
    if output.status.code() == Some(99)
        || output.status.code() == Some(1)
            && output.stdout.is_empty()
            && String::from_utf8_lossy(&output.stderr).starts_with("unshare: ")
    {
        eprintln!("skipped: no file system can be mounted here");
        return None;
    }
    Some((output.status.code(), String::from_utf8(output.stderr).unwrap()))
}

#[test]
fn a_full_disk_is_told_and_does_not_stay_full() {
    let site = Site::new();
    let image = content(6 << 20);
    let identifier = site.offer(&image);
    let Some((status, said)) = on_a_small_disk(&site, "2m", &["--cache", "small/cache", &identifier]) else {
        return;
    };
    assert_eq!(status, Some(3), "{said}");
    assert!(said.starts_with("error: cannot write /") && said.contains("/small/cache/partial/"), "{said}");
    assert!(said.ends_with(": No space left on device\n"), "nothing is left: {said}");
    // The copy does not fit.
    let path = site.fetched(&[&identifier]);
    let (status, said) = on_a_small_disk(&site, "2m", &["-o", "small/image.img", &identifier]).unwrap();
    assert_eq!(status, Some(3), "{said}");
    assert!(said.starts_with("error: cannot write small/image.img: "), "{said}");
    assert!(said.ends_with(": No space left on device\n"), "nothing is left: {said}");
    assert!(path.exists());
}

#[test]
fn a_file_that_would_be_too_large_is_told() {
    let site = Site::new();
    let identifier = site.offer(&content(6 << 20));
    // As with a quota (setrlimit(2)).
    let done = with_small_files(&site, 1 << 10, &["--cache", "other", &identifier]);
    assert_eq!(done.status, Some(3), "{}", done.stderr);
    assert!(
        done.stderr.contains("/other/partial/") && done.stderr.ends_with(": File too large\n"),
        "{}",
        done.stderr
    );
    assert_eq!(partial(&site), 0);
}

#[test]
fn wherever_an_image_goes_the_disk_may_be_full() {
    let site = Site::new();
    let image = content(6 << 20);
    let packed = crate::folder::compressed("gz", &image).unwrap();
    let url = site.web.serve("image.gz", &packed);
    let identifier = site.publish(&entry(&image, &[&url]));
    for (size, arguments) in [
        // The octets find room, and the content beside them does not.
        ("8m", &["--cache", "small/cache"][..]),
        ("2m", &["--no-cache", "-o", "small/image.img"]),
        ("2m", &["--cache", "small/cache", "-o", "image.img"]),
    ] {
        let Some((status, said)) = on_a_small_disk(&site, size, &[arguments, &[&identifier]].concat()) else {
            return;
        };
        assert_eq!(status, Some(3), "{arguments:?}: {said}");
        assert!(said.starts_with("error: cannot write "), "{arguments:?}: {said}");
        assert!(said.ends_with(": No space left on device\n"), "nothing is left, {arguments:?}: {said}");
        assert_eq!(site.user.names(), ["ca.pem", "small"]);
    }
}

#[test]
fn what_an_interrupted_transfer_left_is_not_believed() {
    let site = Site::new();
    let image = content(6 << 20);
    let (_, identifier) = offered_slowly(&site, &image, &image);
    let child = started(site.command(&[&identifier]));
    until("it begins", || partial(&site) > 100 << 10);
    interrupt(&child, "-KILL");
    let _ = ended(child);
    let left = site.cached().into_iter().find(|name| name.strip_suffix(".part").is_some()).unwrap();
    let left = site.user.path(".cache/stratuslab").join(left);
    let mut bytes = fs::read(&left).unwrap();
    bytes[1000] ^= 1;
    fs::write(&left, bytes).unwrap();
    let done = site.download(&["-o", "image.img", &identifier]);
    assert!(done.status == Some(0) && done.stderr.contains("; beginning again\n"), "{}", done.stderr);
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
}

#[test]
fn an_image_is_expanded_while_it_arrives() {
    let site = Site::new();
    let image = content(6 << 20);
    let packed = crate::folder::compressed("gz", &image).unwrap();
    let half = packed.len() / 2;
    // The other half does not come.
    let server = Scripted::start(move |request| {
        let mut bytes = honest(request, &packed, "ETag: \"one\"");
        bytes.truncate(half);
        Act::Stall(bytes)
    });
    let identifier = site.publish(&entry(&image, &[&server.url("/image.gz")]));
    let child = started(site.command(&[&identifier]));
    let expanded = || {
        let content = site.cached().into_iter().find(|name| name.strip_suffix(".content").is_some());
        content.and_then(|name| fs::metadata(site.user.path(".cache/stratuslab").join(name)).ok())
    };
    until("some of it is there", || expanded().is_some_and(|found| found.len() > 2 << 20));
    interrupt(&child, "-INT");
    assert_eq!(ended(child).0, Some(130));
}

#[test]
fn whoever_asks_can_be_interrupted() {
    let site = Site::new();
    let silent = Scripted::start(|_| Act::Stall(Vec::new()));
    let identifier = entry(b"an image", &[]).identifier().to_string();
    for (command, arguments) in [
        ("search-images", &["ubuntu"][..]),
        ("show-image", &[identifier.as_str()]),
        ("manifest", &["-e", "title", &identifier]),
        ("policy-image", &["--ca-file", "ca.pem", &identifier]),
        ("download-image", &["--ca-file", "ca.pem", &identifier]),
    ] {
        let asked = silent.log().len();
        let mut process = site.user.command(command);
        process.args(["--marketplace-endpoint", &silent.base]).args(arguments);
        let child = started(process);
        until("it asks", || silent.log().len() > asked);
        interrupt(&child, "-INT");
        assert_eq!(ended(child), (Some(130), String::new(), String::new()), "{command}");
    }
}

#[test]
fn adding_an_image_can_be_interrupted() {
    let site = Site::new();
    site.user.sparse("big.img", 64 << 30);
    let mut add = site.user.command("cache");
    add.args(["add", "big.img"]);
    let child = site.user.start_reading(&mut add, "big.img");
    interrupt(&child, "-INT");
    assert_eq!(ended(child), (Some(130), String::new(), String::new()));
    // What it had begun to write goes when the next one comes, at the latest.
    site.user.write("small.img", content(100));
    assert_eq!(site.user.run("cache", &["-q", "add", "small.img"]).status, Some(0));
    assert!(site.cached().iter().all(|name| !name.starts_with("partial/")), "{:?}", site.cached());
}

#[test]
fn whoever_empties_the_cache_harms_nobody() {
    let site = Site::new();
    let image = content(3 << 20);
    let identifier = site.offer(&image);
    for _ in 0..4 {
        let downloads: Vec<_> = (0..4)
            .map(|number| {
                let output = format!("{number}.img");
                (started(site.command(&["-q", "--force", "-o", &output, &identifier])), output)
            })
            .collect();
        let prunes: Vec<_> = (0..6)
            .map(|_| {
                let mut prune = site.user.command("cache");
                prune.args(["-qq", "prune", "--max-size=0"]);
                thread::sleep(Duration::from_millis(30));
                started(prune)
            })
            .collect();
        for prune in prunes {
            assert_eq!(ended(prune).0, Some(0));
        }
        for (download, output) in downloads {
            let (status, _, said) = ended(download);
            assert_eq!(status, Some(0), "{said}");
            assert!(fs::read(site.user.path(&output)).unwrap() == image);
        }
    }
}
