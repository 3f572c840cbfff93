//! What a user does: an identifier becomes a file, and a second time needs no network.

use std::{fs, os::unix::fs::MetadataExt as _, process::Command};

use crate::{
    draft::Draft,
    folder::compressed,
    pki::{Kind, Request, new_key},
    site::{JANE, Site, content, entry, fingerprint, jane},
};

#[test]
fn an_identifier_becomes_a_file_and_a_second_time_needs_no_network() {
    let site = Site::new();
    let image = content(100_000);
    let identifier = site.offer(&image);
    let path = site.fetched(&[&identifier]);
    assert_eq!(fs::read(&path).unwrap(), image);
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.mode() & 0o777, found.nlink()), (0o444, 1));
    assert!(path.starts_with(site.user.path(".cache/stratuslab/images")), "{}", path.display());
    assert_eq!(site.web.log(), ["GET /image.img - 200"]);
    // The Marketplace is asked whether the entry still holds, the web server nothing.
    assert_eq!(site.fetched(&[&identifier]), path);
    assert_eq!(site.web.log().len(), 1);
    assert_eq!(site.fetched(&["--offline", &identifier]), path);

    // Without any network.
    let Site { marketplace, web, user } = site;
    let gone = marketplace.base.clone();
    drop((marketplace, web));
    let run = |more: &[&str]| {
        let arguments = [&["--marketplace-endpoint", &gone, "--ca-file", "ca.pem"], more].concat();
        user.run("download-image", &arguments)
    };
    let done = run(&[&identifier]);
    let printed = format!("{}\n", path.display());
    let url = format!("{gone}/metadata/{identifier}?status=all");
    let said = format!(
        "warning: cannot connect to {url}: Connection refused; using what the Marketplace said before\n"
    );
    done.ended(0, &printed, &said);
    run(&["--offline", &identifier]).ended(0, &printed, "");
    run(&["--offline=always", "-qq", "-o", "copy.img", &identifier]).ended(0, "", "");
    assert_eq!(fs::read(user.path("copy.img")).unwrap(), image);
    let refused = run(&["--offline=never", &identifier]);
    assert_eq!(refused.status, Some(5), "{}", refused.stderr);
    let fact = format!("error: cannot connect to {url}: Connection refused\n");
    assert!(refused.stderr.contains(&fact), "{}", refused.stderr);
    // What is cached is judged each time.
    run(&["--offline", "--endorsed-by", "joe@example.org", &identifier]).refused();
}

#[test]
fn entries_are_named_in_every_way() {
    let site = Site::new();
    let image = content(5000);
    let draft = entry(&image, &[&site.web.serve("image.img", &image)]);
    let identifier = site.publish(&draft);
    let path = site.fetched(&[&identifier]);
    let full = format!("{identifier}/{JANE}/2012-03-04T05:06:07Z");
    for reference in
        [format!("{identifier}/{JANE}"), full.clone(), format!("{}/metadata/{full}", site.marketplace.base)]
    {
        assert_eq!(site.fetched(&[&reference]), path, "{reference}");
    }
    // A URL names its Marketplace.
    let url = format!("{}/metadata/{full}", site.marketplace.base);
    let by_url = site.user.run(
        "download-image",
        &["--marketplace-endpoint", "http://127.0.0.1:9", "--ca-file", "ca.pem", &url],
    );
    assert_eq!(by_url.succeeded().trim_end(), path.display().to_string());
    // A file is an entry as well.
    site.user.write("entry.xml", draft.signed_by(&jane()));
    assert_eq!(site.fetched(&["--metadata-file", "entry.xml"]), path);
    let object = &site.download(&["--json", &identifier]).json()[0];
    assert_eq!(object["path"], path.display().to_string());
    assert_eq!(object["entry"], full);
    assert_eq!(object["from"]["cache"], true);
    assert_eq!(object["bytes"], 5000);
}

#[test]
fn what_is_not_there_is_told_apart() {
    let site = Site::new();
    let base = &site.marketplace.base;
    let nobodys = Draft::new("nobody's").identifier().to_string();
    site.download(&[&nobodys]).failed(1, &format!("error: there is no entry for {nobodys} at {base}\n"));
    site.download(&["--offline", &nobodys]).failed(1, &format!("error: there is no entry for {nobodys}\n"));
    let done = site.download(&["not-an-identifier"]);
    assert_eq!(
        (done.status, done.stderr.as_str()),
        (Some(2), "error: invalid identifier 'not-an-identifier': 17 characters instead of 27\n")
    );
    // Known, but not fetched yet.
    let image = content(100);
    let identifier = site.publish(&entry(&image, &[]));
    site.download(&[&identifier]).failed(1, "error: the entry states no location of the image\n");
    site.user.write("entry.xml", entry(&image, &["http://h/i"]).signed_by(&jane()));
    site.user.run("cache", &["add", "entry.xml"]);
    site.download(&["--offline", "--metadata-file", "entry.xml"]).failed(
        1,
        &format!(
            "error: the image {identifier} is not in the cache\nhint: without --offline it is fetched\n"
        ),
    );
    site.download(&["--offline", &identifier]).failed(
        1,
        &format!(
            "error: the image {identifier} is not in the cache\nhint: without --offline it is fetched\n"
        ),
    );
}

#[test]
fn every_compression_is_expanded_and_zeros_take_no_room() {
    let site = Site::new();
    let mut image = content(40_000);
    image.resize(8 << 20, 0);
    image.extend(content(10));
    let url = site.web.serve("raw", &image);
    let identifier = site.publish(&entry(&image, &[&url]));
    let path = site.fetched(&[&identifier]);
    assert_eq!(fs::read(&path).unwrap(), image);
    assert!(fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20, "it is sparse");
    for extension in ["gz", "bz2", "xz", "zst"] {
        let Some(packed) = compressed(extension, &image) else { continue };
        // The name says nothing.
        let url = site.web.serve(&format!("as-{extension}.img"), &packed);
        site.user
            .write("entry.xml", entry(&image, &[&url]).text("compression", extension).signed_by(&jane()));
        let cache = format!("cache-{extension}");
        let path = site.fetched(&["--cache", &cache, "--metadata-file", "entry.xml"]);
        assert_eq!(fs::read(&path).unwrap(), image, "{extension}");
        assert!(fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20, "{extension}: it is sparse");
        let left = fs::read_dir(site.user.path(&cache).join("partial")).unwrap().count();
        assert_eq!(left, 0, "nothing is left of the transfer");
        // A copy is as sparse.
        site.download(&["--cache", &cache, "--metadata-file", "entry.xml", "--force", "-o", "copy"])
            .ended(0, "", "");
        assert_eq!(fs::read(site.user.path("copy")).unwrap(), image);
        assert!(fs::metadata(site.user.path("copy")).unwrap().blocks() * 512 < 1 << 20);
    }
}

#[test]
fn an_image_may_be_a_compressed_file_itself() {
    let site = Site::new();
    let packed = compressed("gz", &content(3000)).unwrap();
    // The entry is about the octets of the file, and says nothing of a compression.
    let identifier = site.offer(&packed);
    assert_eq!(fs::read(site.fetched(&[&identifier])).unwrap(), packed);
}

#[test]
fn a_copy_is_a_file_of_its_own() {
    let site = Site::new();
    let image = content(70_000);
    let identifier = site.offer(&image);
    site.download(&["-o", "image.img", &identifier]).ended(0, "", "");
    let copy = fs::metadata(site.user.path("image.img")).unwrap();
    assert_eq!((copy.mode() & 0o222, copy.nlink()), (0o200, 1));
    let kept = site.fetched(&[&identifier]);
    assert_ne!(fs::metadata(&kept).unwrap().ino(), copy.ino());
    // Whoever writes to the copy does not write to what is kept.
    fs::write(site.user.path("image.img"), b"mine").unwrap();
    assert_eq!(fs::read(&kept).unwrap(), image);
    // A file that is there stays, unless it may go.
    site.download(&["-o", "image.img", &identifier]).failed(
        3,
        "error: image.img exists already\nhint: overwrite it with --force, or name another file with --output\n",
    );
    assert_eq!(fs::read(site.user.path("image.img")).unwrap(), b"mine");
    site.download(&["--force", "-v", "-o", "image.img", &identifier])
        .stderr_has("Downloaded image to: image.img\n");
    assert_eq!(fs::read(site.user.path("image.img")).unwrap(), image);
    // Standard output is the image and nothing else, also into a file.
    let piped = site.command(&["-o", "-", &identifier]).output().unwrap();
    assert_eq!(
        (piped.status.code(), piped.stdout == image, piped.stderr.as_slice()),
        (Some(0), true, &b""[..])
    );
    let file = fs::File::create(site.user.path("redirected")).unwrap();
    assert!(site.command(&["-o", "-", &identifier]).stdout(file).status().unwrap().success());
    assert_eq!(fs::read(site.user.path("redirected")).unwrap(), image);
    let both = site.download(&["--json", "-o", "-", &identifier]);
    assert_eq!(both.status, Some(2));
    let fact = "error: the image and --json cannot both go to standard output\n";
    assert!(both.stderr.starts_with(fact), "{}", both.stderr);
}

#[test]
fn an_image_is_not_for_a_terminal() {
    let site = Site::new();
    let identifier = site.offer(b"an image");
    let download = site.command(&["-o", "-", &identifier]);
    let words: Vec<_> = std::iter::once(download.get_program()).chain(download.get_args()).collect();
    let line = words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(site.user.path("")).env("HOME", site.user.path(""));
    let output = script.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.starts_with("error: an image is not for a terminal\r\nhint: "), "{shown}");
}

#[test]
fn a_copy_is_by_reference_where_the_file_system_can() {
    let site = Site::new();
    let image = content(40 << 20);
    let identifier = site.offer(&image);
    site.user.sparse("xfs.img", 320 << 20);
    let download = site.command(&["--cache", "xfs/cache", "-o", "xfs/image.img", &identifier]);
    let script = "mkfs.xfs -q -m reflink=1 xfs.img && mkdir xfs && mount -o loop xfs.img xfs || exit 99; \
                  \"$@\" || exit; stat -c %h xfs/image.img && cmp xfs/image.img xfs/cache/images/*/*[!n] && \
                  filefrag -v xfs/image.img; umount xfs";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(download.get_program()).args(download.get_args());
    command.current_dir(site.user.path("")).env("HOME", site.user.path(""));
    let output = command.output().unwrap();
    let (said, failed) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    if output.status.code() == Some(99) || failed.starts_with("unshare: ") {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    assert_eq!((output.status.code(), failed.as_str()), (Some(0), ""), "{said}");
    assert!(said.starts_with("1\n"), "it has one name: {said}");
    assert!(said.contains("shared"), "{said}");
}

#[test]
fn without_a_cache_there_is_the_file_alone() {
    let site = Site::new();
    let image = content(300_000);
    let identifier = site.offer(&image);
    let before = site.user.names();
    site.download(&["--no-cache", "-o", "image.img", &identifier]).ended(0, "", "");
    assert_eq!(fs::read(site.user.path("image.img")).unwrap(), image);
    assert_eq!(fs::metadata(site.user.path("image.img")).unwrap().mode() & 0o222, 0o200);
    let mut expected = before;
    expected.push("image.img".to_owned());
    expected.sort();
    assert_eq!(site.user.names(), expected);
    let piped = site.command(&["--no-cache", "-o", "-", &identifier]).output().unwrap();
    assert!(piped.status.success() && piped.stdout == image);
    assert_eq!(site.user.names(), expected);
    // Wherever the variable says that images are kept.
    let mut command = site.command(&["--no-cache", "--force", "-o", "image.img", &identifier]);
    assert!(command.env("STRATUSLAB_CACHE", "elsewhere").status().unwrap().success());
    assert_eq!(site.user.names(), expected);
    assert_eq!(site.download(&["--no-cache", "--cache", "c", "-o", "x", &identifier]).status, Some(2));
    // It needs a place.
    let done = site.download(&["--no-cache", &identifier]);
    assert_eq!(done.status, Some(2), "{}", done.stderr);
}

#[test]
fn anyone_may_be_trusted_but_that_is_said() {
    let site = Site::new();
    let image = content(2000);
    let url = site.web.serve("image.img", &image);
    let stranger = Request::new("Nobody")
        .email("nobody@example.org")
        .days(-10_000, 365)
        .self_signed(&new_key(Kind::P256));
    let identifier = site.publish_by(&entry(&image, &[&url]).email("nobody@example.org"), &stranger);
    // Those who trust an authority do not get it.
    site.download(&[&identifier]).refused();
    assert_eq!(site.web.log(), Vec::<String>::new());
    let anyone = |more: &[&str]| {
        let arguments = [&["--marketplace-endpoint", &site.marketplace.base, &identifier], more].concat();
        site.user.run("download-image", &arguments)
    };
    let done = anyone(&[]);
    assert_eq!(done.status, Some(0));
    assert_eq!(
        done.stderr,
        "warning: no policy is configured, and nothing limits who endorses: anyone can make an entry\n"
    );
    // A certificate is known by its fingerprint.
    assert_eq!(anyone(&["--endorsed-by", &fingerprint(&stranger)]).succeeded(), done.stdout);
}
