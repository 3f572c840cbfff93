//! Images in buckets and on FTP servers.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    folder::{Done, compressed},
    processes::{ended, interrupt, partial, started, until},
    scripted::{Act, Scripted, answer, whole},
    site::{Site, content, entry},
};

/// A server of tests/python; it ends when this is dropped.
struct Server {
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
    child: Child,
    _stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts a script; `None`, with a remark, where its packages are not installed.
    fn start(script: &str, folder: &Path, options: &[&str]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/peers/bin/python");
        if !python.exists() {
            eprintln!("skipped: tests/setup.sh tests installs what {script} needs");
            return None;
        }
        let mut command = Command::new(python);
        command.arg(root.join("tests/python").join(script)).arg(folder).args(options);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdin = child.stdin.take();
        let mut stdout: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        stdout.read_line(&mut port).unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&log);
        thread::spawn(move || stdout.lines().for_each(|line| kept.lock().unwrap().push(line.unwrap())));
        Some(Self { port: port.trim().parse().unwrap(), log, child, _stdin: stdin })
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A download with the environment that tools of AWS have.
fn from_bucket(site: &Site, server: &Server, credentials: Option<(&str, &str)>, arguments: &[&str]) -> Done {
    let mut command = site.command(arguments);
    command
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.port))
        .env("AWS_REGION", "us-east-1");
    if let Some((key, secret)) = credentials {
        command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
    }
    command.output().unwrap().into()
}

#[test]
fn an_image_in_a_bucket_is_fetched_in_signed_parts() {
    let site = Site::new();
    let image = content(20 << 20);
    fs::create_dir(site.user.path("bucket")).unwrap();
    site.user.write("bucket/big image+1.img", &image);
    let Some(server) = Server::start("s3_server.py", &site.user.path("bucket"), &[]) else { return };
    let jane = Some(("JANE", "secret"));
    let private = site.publish(&entry(&image, &["s3://private/images/big image+1.img"]));
    let done = from_bucket(&site, &server, jane, &["-o", "image.img", &private]);
    done.ended(0, "", "");
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
    let log = server.log();
    assert!(log.len() >= 3, "it comes in parts: {log:?}");
    assert!(
        log.iter()
            .all(|line| line.starts_with("GET /private/images/big image+1.img ") && line.ends_with(" True")),
        "{log:?}"
    );
    // What is signed with is never told.
    let done =
        from_bucket(&site, &server, Some(("JANE", "wrong-secret")), &["--cache", "a", "-vv", &private]);
    let url = format!("http://127.0.0.1:{}/private/images/big%20image%2B1.img", server.port);
    assert!(
        done.stderr.contains(&format!(
            "error: s3://private/images/big image+1.img: {url} answers 403 Forbidden: The request signature we \
             calculated does not match.\nhint: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say who asks; "
        )),
        "{}",
        done.stderr
    );
    assert_eq!(done.status, Some(5));
    for secret in ["wrong-secret", "Signature=", "5ec2e7", "X-Amz"] {
        assert!(!done.stderr.contains(secret), "{}", done.stderr);
    }
    // Nobody in particular may read what is public, and nothing else.
    let done = from_bucket(&site, &server, None, &["--cache", "b", &private]);
    assert!(done.status == Some(5) && done.stderr.contains(" answers 403 "), "{}", done.stderr);
    site.user.write(
        "p.xml",
        entry(&image, &["s3://public/images/big image+1.img"]).signed_by(&crate::site::jane()),
    );
    let done = from_bucket(
        &site,
        &server,
        None,
        &["--cache", "c", "--metadata-file", "p.xml", "--force", "-o", "image.img"],
    );
    done.ended(0, "", "");
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
    assert!(server.log().last().unwrap().ends_with(" False"), "unsigned");
    // Nor what somebody put where it does not belong.
    let mut odd = site.command(&["--cache", "e", &private]);
    odd.env("AWS_ENDPOINT_URL", format!("http://jane:secret@127.0.0.1:{}", server.port));
    let said = String::from_utf8(odd.output().unwrap().stderr).unwrap();
    let fact = format!(
        "error: cannot make a request for s3://private/images/big image+1.img: invalid URL \
         'http://…@127.0.0.1:{}': a user or password does not belong in it\n",
        server.port
    );
    assert_eq!(said, fact);
    // What is not there.
    site.user
        .write("m.xml", entry(&image, &["s3://public/images/missing.img"]).signed_by(&crate::site::jane()));
    let done = from_bucket(&site, &server, jane, &["--cache", "d", "--metadata-file", "m.xml"]);
    assert!(done.status == Some(5) && done.stderr.contains(" answers 404 "), "{}", done.stderr);
}

#[test]
fn an_image_on_an_ftp_server_is_fetched() {
    let site = Site::new();
    let image = content(3 << 20);
    fs::create_dir(site.user.path("pub")).unwrap();
    site.user.write("pub/an image.img", &image);
    site.user.write("pub/image.img.gz", compressed("gz", &image).unwrap());
    let fetch = |options: &[&str], path: &str| {
        let server = Server::start("ftp_server.py", &site.user.path("pub"), options)?;
        let url = format!("ftp://127.0.0.1:{}/{path}", server.port);
        site.user.write("e.xml", entry(&image, &[&url]).signed_by(&crate::site::jane()));
        let _ = fs::remove_dir_all(site.user.path("cache"));
        let done =
            site.download(&["--cache", "cache", "--metadata-file", "e.xml", "--force", "-o", "image.img"]);
        Some((done, server.log(), url))
    };
    let Some((done, log, _)) = fetch(&[], "an%20image.img") else { return };
    done.ended(0, "", "");
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
    assert!(log.contains(&"USER anonymous".to_owned()) && log.contains(&"TYPE I".to_owned()), "{log:?}");
    assert!(log.contains(&"EPSV".to_owned()) && log.contains(&"RETR an image.img".to_owned()), "{log:?}");
    let (done, _, _) = fetch(&[], "image.img.gz").unwrap();
    done.ended(0, "", "");
    // Old servers know less, and lead elsewhere: the data come from the server itself all the same.
    let (done, log, _) = fetch(&["--no-epsv", "--no-facts", "--elsewhere"], "an%20image.img").unwrap();
    done.ended(0, "", "");
    assert!(log.contains(&"PASV".to_owned()), "{log:?}");
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
    // A transfer that is cut is taken up.
    let (done, log, url) = fetch(&["--cut", "1000000"], "an%20image.img").unwrap();
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert!(
        done.stderr.starts_with(&format!("note: {url} closed the connection half-way: ")),
        "{}",
        done.stderr
    );
    assert!(log.iter().any(|line| line.starts_with("REST ")), "{log:?}");
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
    // Without a proof that it is the same file it is not.
    let (done, _, url) = fetch(&["--cut", "1000000", "--no-facts"], "an%20image.img").unwrap();
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(
        done.stderr.contains("; without its size and time of change, the rest cannot be asked for"),
        "{url} {}",
        done.stderr
    );
    // What is not there.
    let (done, _, url) = fetch(&[], "missing.img").unwrap();
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stderr.starts_with(&format!("error: {url} answers 550 ")), "{}", done.stderr);
}

#[test]
fn a_store_may_lie_and_fall_silent_too() {
    let image = content(5000);
    let mut other = image.clone();
    other[4000] ^= 1;
    for (act, status, what) in [
        (Act::Send(whole(&other, "")), 1, "it is not the image that the entry describes"),
        (Act::Send(whole(&content(6000), "")), 1, "6000 bytes lie there, but the image has 5000"),
        (Act::Stall(answer("200 OK", "Content-Length: 5000", &image[..100])), 5, "gave no data within 2 s"),
        (
            Act::Send(answer("200 OK", "Content-Length: 5000", &image[..100])),
            5,
            "closed the connection half-way",
        ),
        (
            Act::Send(answer("302 Found", "Location: /elsewhere/image\nContent-Length: 0", b"")),
            5,
            "redirects more than 10 times",
        ),
    ] {
        let site = Site::new();
        let server = Scripted::start(move |_| match &act {
            Act::Send(bytes) => Act::Send(bytes.clone()),
            Act::Stall(bytes) => Act::Stall(bytes.clone()),
        });
        let identifier = site.publish(&entry(&image, &["s3://bucket/image.img"]));
        let mut command = site.command(&["--timeout", "2", "-o", "image.img", &identifier]);
        command.env("AWS_ENDPOINT_URL", &server.base);
        let done = Done::from(command.output().unwrap());
        assert_eq!(done.status, Some(status), "{}", done.stderr);
        assert!(done.stderr.contains(what), "{}", done.stderr);
        assert!(!site.user.path("image.img").exists());
        assert!(site.cached().iter().all(|name| name.starts_with("partial/")));
    }
}

#[test]
fn an_ftp_server_may_lie_and_fall_silent_too() {
    let site = Site::new();
    let image = content(3 << 20);
    let mut other = image.clone();
    other[4000] ^= 1;
    fs::create_dir(site.user.path("pub")).unwrap();
    site.user.write("pub/image.img", &image);
    site.user.write("pub/other.img", &other);
    site.user.write("pub/longer.img", content(4 << 20));
    let Some(server) = Server::start("ftp_server.py", &site.user.path("pub"), &["--stall", "1000000"]) else {
        return;
    };
    let offer = |name: &str| {
        let url = format!("ftp://127.0.0.1:{}/{name}", server.port);
        site.user.write("e.xml", entry(&image, &[&url]).signed_by(&crate::site::jane()));
        url
    };
    let fetch = ["--timeout", "2", "--metadata-file", "e.xml", "-o", "image.img"];
    let nothing_is_final = || {
        assert!(!site.user.path("image.img").exists());
        assert!(site.cached().iter().all(|name| name.starts_with("partial/")));
    };
    // Another process goes on where the server fell silent and this one was interrupted.
    let url = offer("image.img");
    let child = started(site.command(&["--metadata-file", "e.xml"]));
    until("it begins", || partial(&site) == 1_000_000);
    interrupt(&child, "-INT");
    assert_eq!(ended(child).0, Some(130));
    nothing_is_final();
    let done = site.download(&fetch);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert!(done.stderr.ends_with(&format!(" of {url}; going on from there\n")), "{}", done.stderr);
    assert!(server.log().contains(&"REST 1000000".to_owned()), "{:?}", server.log());
    assert!(fs::read(site.user.path("image.img")).unwrap() == image);
    fs::remove_file(site.user.path("image.img")).unwrap();
    site.user.run("cache", &["-q", "prune", "--max-size=0"]);
    // What lies there is something else.
    for (name, what) in [
        ("other.img", "it is not the image that the entry describes".to_owned()),
        ("longer.img", format!("{} bytes lie there, but the image has {}", 4 << 20, 3 << 20)),
    ] {
        offer(name);
        let done = site.download(&fetch);
        assert!(done.status == Some(1) && done.stderr.contains(&what), "{name}: {}", done.stderr);
        nothing_is_final();
    }
    // Nobody interrupts it.
    let stalling = Server::start("ftp_server.py", &site.user.path("pub"), &["--stall", "1000000"]).unwrap();
    let url = format!("ftp://127.0.0.1:{}/image.img", stalling.port);
    site.user.write("e.xml", entry(&image, &[&url]).signed_by(&crate::site::jane()));
    let done = site.download(&fetch);
    // It is asked for the rest, which comes.
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains(&format!("{url} gave no data within 2 s")), "{}", done.stderr);
}
