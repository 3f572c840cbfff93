//! `stratus-sign-metadata --timestamp`.

use std::{fs, os::unix::fs::symlink, time::Duration};

use stratuslab::Timestamp;

use crate::{
    authority::{Authority, Profile, Role, certified},
    desk::{Desk, unsigned},
    forge::{Forge, granted},
    pki::{Kind, key},
    server::{self, Request, answer, reply},
};

/// The names in the folder of a desk before anything is done.
const BEFORE: [&str; 3] = ["a.xml", "image", "jane.pem"];

#[test]
fn the_time_stamp_is_one_of_the_signature_and_openssl_agrees() {
    for kind in [Kind::P256, Kind::Rsa2048] {
        for intermediate in [false, true] {
            let desk = Desk::new(&Profile { intermediate, ..Profile::new(kind) });
            desk.stamp();
            assert_eq!(desk.folder.names(), ["a.xml", "a.xml.orig", "a.xml.tsr", "image", "jane.pem"]);
            let authority = desk.authority.lock().unwrap();
            let (verified, told) = authority.judge(&desk.path("a.xml.tsr"), &desk.signature_value("a.xml"));
            assert!(verified, "{told}");
            let (verified, _) = authority.judge(&desk.path("a.xml.tsr"), b"anything else");
            assert!(!verified);
            let asked = desk.log.lock().unwrap();
            let [request] = asked.as_slice() else { unreachable!("{asked:?}") };
            assert_eq!(request.line, "POST /tsr");
            assert_eq!(request.header("content-type"), Some("application/timestamp-query"));
            assert_eq!(request.header("accept"), Some("application/timestamp-reply"));
            assert!(request.header("authorization").is_none());
        }
    }
}

#[test]
fn each_file_has_its_own() {
    let desk = Desk::usual();
    for name in ["b.xml", "c.xml"] {
        desk.folder.write(name, unsigned());
    }
    desk.sign(&["--timestamp", &desk.url, "a.xml", "b.xml", "c.xml"]).succeeded();
    let files = ["a.xml", "b.xml", "c.xml"];
    for name in files {
        let stamp = desk.path(&format!("{name}.tsr"));
        for other in files {
            let octets = desk.signature_value(other);
            let (verified, told) = desk.authority.lock().unwrap().judge(&stamp, &octets);
            assert_eq!(verified, name == other, "{name} {other} {told}");
        }
    }
    let nonces: Vec<_> = desk.log.lock().unwrap().iter().map(|request| request.body.clone()).collect();
    assert!(nonces[0] != nonces[1] && nonces[1] != nonces[2]);
}

#[test]
fn it_lies_beside_the_output() {
    let desk = Desk::usual();
    let done = desk.sign(&["--json", "--timestamp", &desk.url, "--output", "out.xml", "a.xml"]);
    let [object] = done.json().as_array().unwrap().clone().try_into().unwrap();
    assert_eq!(desk.folder.names(), ["a.xml", "image", "jane.pem", "out.xml", "out.xml.tsr"]);
    let stamp = &object["timestamp"];
    assert_eq!(stamp["file"], "out.xml.tsr");
    assert_eq!(stamp["tsa"]["subject"], "CN=TSA,O=StratusLab");
    assert_eq!((&stamp["policy"], &stamp["serial"]), (&"1.2.3.4.1".into(), &"0101".into()));
    let [time, latest, endorsed] =
        [&stamp["time"], &stamp["latest"], &object["endorsed"]].map(|time| time.as_str().unwrap());
    assert!(endorsed <= time && time < latest, "{object}");
    // Beside what a link leads to, as the original is.
    let linked = Desk::usual();
    fs::create_dir(linked.path("store")).unwrap();
    fs::rename(linked.path("a.xml"), linked.path("store/entry")).unwrap();
    symlink("store/entry", linked.path("a.xml")).unwrap();
    linked.stamp();
    assert!(linked.path("store/entry.tsr").exists() && linked.path("store/entry.orig").exists());
    linked.timestamped(&[]).succeeded();
}

#[test]
fn it_needs_something_to_lie_beside() {
    let desk = Desk::usual();
    desk.sign(&["--timestamp", &desk.url, "--output", "-", "a.xml"]).failed(
        2,
        "error: a time stamp cannot be kept beside standard output\n\
         hint: write the entry to a file, or ask for no time stamp with --no-timestamp\n",
    );
    desk.sign(&["--timestamp", &desk.url, "--output", "/dev/null", "a.xml"]).failed(
        2,
        "error: a time stamp cannot be kept beside /dev/null: it is not a regular file\n\
         hint: write the entry to a file, or ask for no time stamp with --no-timestamp\n",
    );
    fs::create_dir(desk.path("a.xml.tsr")).unwrap();
    desk.sign(&["--timestamp", &desk.url, "a.xml"])
        .failed(3, "error: a.xml: cannot write a.xml.tsr: it is a directory\n");
    assert_eq!(desk.bytes("a.xml"), unsigned().as_bytes());
}

#[test]
fn the_configuration_names_an_authority_and_the_command_line_decides() {
    let desk = Desk::usual();
    desk.folder.write("config.toml", format!("timestamp_url = '{}'\n", desk.url));
    desk.sign(&["--config", "config.toml", "--no-timestamp", "--output", "b.xml", "a.xml"]).succeeded();
    assert!(!desk.path("b.xml.tsr").exists());
    desk.sign(&["--config", "config.toml", "--output", "b.xml", "a.xml"]).succeeded();
    assert!(desk.path("b.xml.tsr").exists());
    let elsewhere = ["--config", "config.toml", "--timestamp", "http://127.0.0.1:1/", "a.xml"];
    let done = desk.sign(&elsewhere);
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stderr.contains("error: a.xml: cannot connect to http://127.0.0.1:1/"), "{}", done.stderr);
}

#[test]
fn one_of_an_earlier_signature_is_replaced_or_warned_of() {
    let desk = Desk::usual();
    desk.stamp();
    let first = desk.bytes("a.xml.tsr");
    let warning = "warning: a.xml.tsr is the time stamp of an earlier signature: \
                   remove it, or sign with --timestamp\n";
    let done = desk.sign(&["a.xml"]);
    done.ended(0, "Manifest file successfully signed: a.xml\n", warning);
    assert_eq!(desk.bytes("a.xml.tsr"), first);
    let done = desk.timestamped(&[]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
    let reason = "Invalid: a.xml\nthe time stamp is of another signature: sha256 of this one is ";
    assert!(done.stderr.starts_with(reason), "{}", done.stderr);
    desk.stamp();
    assert_ne!(desk.bytes("a.xml.tsr"), first);
    desk.timestamped(&[]).succeeded();
}

#[test]
fn a_url_is_one_and_holds_no_password() {
    let desk = Desk::usual();
    for (url, error) in [
        ("http://jane:secret@127.0.0.1/", "'http://…@127.0.0.1/': a user or password does not belong in it"),
        ("ftp://127.0.0.1/", "'ftp://127.0.0.1/': 'ftp' is neither http nor https"),
        ("tsa.example.org", "'tsa.example.org': it does not begin with http:// or https://"),
        ("", "'': it does not begin with http:// or https://"),
    ] {
        desk.sign(&["--timestamp", url, "a.xml"])
            .failed(2, &format!("error: time-stamp authority: invalid URL {error}\n"));
    }
    assert_eq!(desk.folder.names(), BEFORE);
}

/// What is told of an answer; nothing has changed then, and it was asked once.
#[track_caller]
fn refused(answer: impl Fn(&Authority, &Request) -> Vec<u8> + Send + 'static) -> String {
    let desk = Desk::answering(&Profile::new(Kind::P256), answer);
    let done = desk.sign(&["--timestamp", &desk.url, "a.xml"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(5), ""), "{}", done.stderr);
    assert_eq!(
        (desk.folder.names(), desk.bytes("a.xml")),
        (BEFORE.map(str::to_owned).into(), unsigned().into())
    );
    assert_eq!(desk.log.lock().unwrap().len(), 1, "{}", done.stderr);
    done.stderr.replace(&desk.url, "URL")
}

#[test]
fn what_is_no_answer_leaves_everything_as_it_was() {
    const TYPE: &str = "Content-Type: application/timestamp-reply";
    let check = "hint: check --timestamp\n";
    assert_eq!(
        refused(|_, _| answer("404 Not Found", &[], b"<html><title>gone</title></html>")),
        format!("error: a.xml: URL answers 404 Not Found: gone\n{check}")
    );
    assert_eq!(
        refused(|_, _| answer("500 Internal Server Error", &[], b"")),
        "error: a.xml: URL answers 500 Internal Server Error\n"
    );
    assert_eq!(
        refused(|_, _| answer("200 OK", &["Content-Type: text/html"], b"<p>welcome</p>")),
        format!("error: a.xml: URL answers with text/html, not application/timestamp-reply\n{check}")
    );
    assert_eq!(
        refused(|authority, request| answer("200 OK", &[], &authority.reply(&request.body))),
        format!("error: a.xml: URL answers with no type, not application/timestamp-reply\n{check}")
    );
    assert_eq!(
        refused(|_, _| reply(&vec![0; 300 << 10])),
        "error: a.xml: URL answers with more than 262144 bytes\n"
    );
    assert_eq!(
        refused(|authority, request| {
            let whole = reply(&authority.reply(&request.body));
            whole[..whole.len() - 100].to_vec()
        })
        .split_once(": end")
        .map_or_else(String::new, |(told, _)| told.to_owned()),
        "error: a.xml: URL closed the connection half-way"
    );
    assert!(refused(|_, _| reply(b"")).starts_with("error: a.xml: URL: malformed time stamp: "));
    assert_eq!(
        refused(|_, _| answer("302 Found", &["Location: /other", TYPE], b"")).split_once(" and ").unwrap().0,
        "error: a.xml: URL answers 302 Found"
    );
    assert_eq!(
        refused(|_, _| answer("308 Permanent Redirect", &["Location: ftp://127.0.0.1/"], b"")),
        "error: a.xml: URL answers 308 Permanent Redirect and points to ftp://127.0.0.1/, which is not followed\n\
         hint: name its new address with --timestamp\n"
    );
}

#[test]
fn what_is_no_good_answer_leaves_everything_as_it_was() {
    let told = |reason: &str| format!("error: a.xml: URL: {reason}");
    let other = refused(|authority, request| {
        let mut changed = request.body.clone();
        // The nonce is right before certReq, three octets.
        let place = changed.len() - 4;
        changed[place] ^= 1;
        reply(&authority.reply(&changed))
    });
    assert!(other.starts_with(&told("the answer is to the request ")), "{other}");
    let imprint = refused(|authority, request| {
        let mut changed = request.body.clone();
        let place = changed.windows(2).position(|window| window == [0x04, 0x20]).unwrap();
        changed[place + 2] ^= 1;
        reply(&authority.reply(&changed))
    });
    assert!(imprint.starts_with(&told("the time stamp is of another signature: sha256 of")), "{imprint}");
    let damaged = refused(|authority, request| {
        let mut stamp = authority.reply(&request.body);
        *stamp.last_mut().unwrap() ^= 1;
        reply(&stamp)
    });
    assert_eq!(damaged, told("the token's signature does not verify with the key of CN=TSA,O=StratusLab\n"));
    // Whoever's clock is wrong: it would never be accepted.
    for (days, said) in [(400, " ahead of now, which is "), (-400, ", before the endorsement, which is of ")]
    {
        let off = refused(move |authority, request| {
            let time = Timestamp::now().checked_add_days(days).unwrap().to_string();
            let mut forge = Forge::new(&authority.tsa, b"", &time.replace(['-', ':', 'T'], ""));
            let start = request.body.windows(2).position(|window| window == [0x04, 0x20]).unwrap() + 2;
            forge.info.digest = Some(request.body[start..start + 32].to_vec());
            // Before certReq, the nonce as it came.
            let nonce = request.body[start + 32..request.body.len() - 3].to_vec();
            forge.info.rest = nonce;
            reply(&granted(forge.token()))
        });
        assert!(off.starts_with("error: a.xml: the time stamp is of ") && off.contains(said), "{off}");
        assert!(off.ends_with("hint: compare the clocks of this machine and of the authority\n"), "{off}");
    }
    // Without a nonce, an answer of last year would do.
    let forged = refused(|authority, request| {
        let start = request.body.windows(2).position(|window| window == [0x04, 0x20]).unwrap() + 2;
        let mut forge = Forge::new(&authority.tsa, b"", "20261124120000Z");
        forge.info.digest = Some(request.body[start..start + 32].to_vec());
        reply(&granted(forge.token()))
    });
    assert!(forged.starts_with(&told("the answer is to the request without a nonce, not ")), "{forged}");
    let desk = Desk::new(&Profile { config: "digests = sha512", ..Profile::new(Kind::P256) });
    desk.sign(&["--timestamp", &desk.url, "a.xml"]).failed(
        5,
        &format!(
            "error: a.xml: {}: the time-stamp authority answers 'rejection': badAlg: \
             Message digest algorithm is not supported.\n",
            desk.url
        ),
    );
    assert_eq!(desk.folder.names(), BEFORE);
}

#[test]
fn redirects_that_keep_it_a_post_are_followed_and_transient_failures_tried_again() {
    let desk = Desk::answering(&Profile::new(Kind::P256), {
        let tries = std::sync::atomic::AtomicU32::new(0);
        move |authority, request| match request.line.as_str() {
            "POST /tsr" => answer("307 Temporary Redirect", &["Location: /moved"], b""),
            _ if tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
                answer("503 Service Unavailable", &["Retry-After: 0"], b"")
            }
            _ => reply(&authority.reply(&request.body)),
        }
    });
    let done = desk.sign(&["--timestamp", &desk.url, "a.xml"]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("answers 503 Service Unavailable; trying again in "), "{}", done.stderr);
    desk.timestamped(&[]).succeeded();
    let lines: Vec<_> = desk.log.lock().unwrap().iter().map(|request| request.line.clone()).collect();
    assert_eq!(lines, ["POST /tsr", "POST /moved", "POST /tsr", "POST /moved"]);
    let endless = Desk::answering(&Profile::new(Kind::P256), |_, _| {
        answer("308 Permanent Redirect", &["Location: /tsr"], b"")
    });
    endless.sign(&["--timestamp", &endless.url, "a.xml"]).failed(
        5,
        &format!("error: a.xml: {} redirects more than 5 times\nhint: check --timestamp\n", endless.url),
    );
}

#[test]
fn tls_is_verified_and_never_left() {
    let desk = Desk::usual();
    let server = certified("Server", &key(Kind::Rsa2048), None, Role::Server, (-1, 10));
    desk.folder.write("server.pem", server.certificate_pem());
    let authority = std::sync::Arc::clone(&desk.authority);
    let plain = desk.url.clone();
    let (address, _) = server::start_with(Some(&server), move |request| match request.line.as_str() {
        "POST /plain" => answer("307 Temporary Redirect", &[&format!("Location: {plain}")], b""),
        _ => reply(&authority.lock().unwrap().reply(&request.body)),
    });
    let url = format!("https://{address}/tsr");
    desk.sign(&["--timestamp", &url, "a.xml"]).failed(
        5,
        &format!(
            "error: a.xml: no secure connection to {url}: certificate verify failed: self-signed certificate\n\
             hint: if you know the CA of this server, name its certificate with --ca-file or --ca-path\n"
        ),
    );
    let left = format!("https://{address}/plain");
    desk.sign(&["--timestamp", &left, "--ca-file", "server.pem", "a.xml"]).failed(
        5,
        &format!(
            "error: a.xml: {left} answers 307 Temporary Redirect and points to {}, which is not followed\n\
             hint: name its new address with --timestamp\n",
            desk.url
        ),
    );
    assert_eq!(desk.bytes("a.xml"), unsigned().as_bytes());
    desk.sign(&["--timestamp", &url, "--ca-file", "server.pem", "a.xml"]).succeeded();
    desk.timestamped(&[]).succeeded();
    let warning = "warning: the server's certificate is not verified: what is sent can be read and changed on \
                   the way\n";
    desk.sign(&["--timestamp", &url, "--insecure-no-tls-verify", "a.xml"]).ended(
        0,
        "Manifest file successfully signed: a.xml\n",
        warning,
    );
    assert!(desk.log.lock().unwrap().is_empty());
}

#[test]
fn an_authority_is_not_waited_for_without_end() {
    let desk = Desk::answering(&Profile::new(Kind::P256), |_, _| {
        std::thread::sleep(Duration::from_secs(30));
        Vec::new()
    });
    desk.sign(&["--timestamp", &desk.url, "--timeout", "0.5", "a.xml"]).failed(
        5,
        &format!(
            "error: a.xml: {} gave no complete answer within 0.5 s\n\
             hint: --timeout SECONDS allows it more time\n",
            desk.url
        ),
    );
    assert_eq!(desk.folder.names(), BEFORE);
}

#[test]
fn an_interrupt_while_an_authority_is_silent_leaves_everything_as_it_was() {
    let (sender, asked) = std::sync::mpsc::channel();
    let desk = Desk::answering(&Profile::new(Kind::P256), move |_, _| {
        sender.send(()).unwrap();
        std::thread::sleep(Duration::from_mins(1));
        Vec::new()
    });
    let mut command = desk.folder.command("sign-metadata");
    command.args(["--pem-cert", "jane.pem", "--timestamp", &desk.url, "a.xml"]);
    let mut child = command.spawn().unwrap();
    asked.recv().unwrap();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(
        (desk.folder.names(), desk.bytes("a.xml")),
        (BEFORE.map(str::to_owned).into(), unsigned().into())
    );
}
