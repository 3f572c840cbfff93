//! What is kept: shown, checked, filled and emptied; and never handed out if it is not what it was.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    folder::{Done, compressed},
    site::{Site, content, entry, jane},
};

fn cache(site: &Site, arguments: &[&str]) -> Done {
    site.user.run("cache", arguments)
}

/// Writes to a file that cannot be written to.
fn tamper(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
}

/// Whether a download says that what was cached was altered, and gives the right image again.
#[track_caller]
fn is_fetched_again(site: &Site, identifier: &str, image: &[u8], options: &[&str]) {
    let asked = site.web.log().len();
    let done = site.download(&[options, &[identifier]].concat());
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let aside = done.stderr.strip_prefix("warning: the image in the cache was altered; it is now ");
    let aside = aside.unwrap_or_else(|| panic!("{}", done.stderr)).trim_end();
    assert!(Path::new(aside).symlink_metadata().is_ok(), "it may be somebody's work");
    assert!(fs::read(done.stdout.trim_end()).unwrap() == image);
    assert_eq!(site.web.log().len(), asked + 1);
}

#[test]
fn what_was_altered_is_not_handed_out() {
    let site = Site::new();
    let image = content(200_000);
    let identifier = site.offer(&image);
    let path = site.fetched(&[&identifier]);
    tamper(&path, |bytes| bytes[100] ^= 1);
    is_fetched_again(&site, &identifier, &image, &[]);
    tamper(&path, |bytes| bytes.push(0));
    is_fetched_again(&site, &identifier, &image, &[]);
    tamper(&path, |bytes| bytes.truncate(5));
    is_fetched_again(&site, &identifier, &image, &["--verify-cache=always"]);
    // Whoever puts the time back cannot put back when it was changed.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    tamper(&path, |bytes| bytes[100] ^= 1);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    is_fetched_again(&site, &identifier, &image, &[]);
    // Another file in its place, or a link to one.
    fs::remove_file(&path).unwrap();
    site.user.write("evil", content(200_001));
    fs::copy(site.user.path("evil"), &path).unwrap();
    is_fetched_again(&site, &identifier, &image, &[]);
    fs::remove_file(&path).unwrap();
    symlink(site.user.path("evil"), &path).unwrap();
    is_fetched_again(&site, &identifier, &image, &[]);
    // It is not left out of what can be removed.
    assert_eq!(site.cached().iter().filter(|name| name.starts_with("altered/")).count(), 6);
    cache(&site, &["-q", "prune", "--max-size=0"]);
    assert_eq!(site.cached(), Vec::<String>::new());
}

/// Makes the record of an altered file say that it always was like that.
fn forge_record(path: &Path) {
    let (record, found) = (path.with_extension("json"), fs::metadata(path).unwrap());
    let mut value: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    value["inode"] = found.ino().into();
    value["modified"] = json!([found.mtime(), found.mtime_nsec()]);
    value["changed"] = json!([found.ctime(), found.ctime_nsec()]);
    fs::write(record, value.to_string()).unwrap();
}

#[test]
fn what_no_time_tells_is_found_by_reading() {
    let site = Site::new();
    let image = content(200_000);
    let identifier = site.offer(&image);
    let path = site.fetched(&[&identifier]);
    let alter = || {
        tamper(&path, |bytes| bytes[100] ^= 1);
        forge_record(&path);
    };
    alter();
    // A disk that fails leaves no trace in an inode either.
    assert_eq!(site.fetched(&["--verify-cache=mtime", &identifier]), path);
    assert!(fs::read(&path).unwrap() != image);
    is_fetched_again(&site, &identifier, &image, &["--verify-cache=always"]);
    alter();
    let done = cache(&site, &["verify"]);
    let altered = format!("Altered: {}\nit is now ", path.display());
    assert!(done.status == Some(1) && done.stderr.starts_with(&altered), "{}", done.stderr);
    assert!(!path.exists());
}

#[test]
fn a_record_that_is_wrong_is_no_record() {
    let site = Site::new();
    let image = content(3000);
    let identifier = site.offer(&image);
    let path = site.fetched(&[&identifier]);
    let record = path.with_file_name(format!("{}.json", path.file_name().unwrap().to_str().unwrap()));
    for wrong in ["", "{}", "[1]", "{\"bytes\": -1}"] {
        fs::write(&record, wrong).unwrap();
        assert_eq!(site.fetched(&[&identifier]), path, "{wrong}");
    }
    // A record of something else does not make it the image.
    let forged = fs::read_to_string(&record).unwrap().replace("\"bytes\": 3000", "\"bytes\": 3001");
    fs::write(&record, forged).unwrap();
    assert_eq!(site.fetched(&[&identifier]), path);
    assert_eq!(site.web.log().len(), 6);
}

#[test]
fn what_was_only_touched_is_read_once_more() {
    let site = Site::new();
    let image = content(3000);
    let identifier = site.offer(&image);
    let path = site.fetched(&[&identifier]);
    File::open(&path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(9)).unwrap();
    for how in ["mtime", "mtime", "always"] {
        assert_eq!(site.fetched(&["--verify-cache", how, &identifier]), path);
    }
    assert_eq!(site.web.log().len(), 1);
    site.user.write("c.toml", "verify_cache = \"always\"\ncache = \"kept\"\n");
    let elsewhere = site.fetched(&["-c", "c.toml", &identifier]);
    assert!(elsewhere.starts_with(site.user.path("kept")), "{}", elsewhere.display());
}

#[test]
fn a_cache_that_others_can_write_to_is_refused() {
    let site = Site::new();
    let identifier = site.offer(&content(3000));
    let shared = site.user.path("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o775)).unwrap();
    let fact = format!(
        "error: the cache {} can be written to by others\nhint: chmod go-w takes that away\n",
        shared.display()
    );
    site.download(&["--cache", "shared", &identifier]).failed(3, &fact);
    assert_eq!(fs::read_dir(&shared).unwrap().count(), 0);
    // What is made is open to nobody else, whatever the user's files are.
    let script = "umask 0; exec \"$@\"";
    let download = site.command(&["--cache", "mine", &identifier]);
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(download.get_program()).args(download.get_args());
    assert!(
        command.current_dir(site.user.path("")).env("HOME", site.user.path("")).status().unwrap().success()
    );
    let open = Command::new("find")
        .arg(site.user.path("mine"))
        .args(["-perm", "/022", "-type", "d"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(open.stdout).unwrap(), "");
}

#[test]
fn a_cache_of_somebody_else_is_refused() {
    let site = Site::new();
    let identifier = site.offer(&content(3000));
    fs::create_dir(site.user.path("theirs")).unwrap();
    if chown(site.user.path("theirs"), Some(65_534), None).is_err() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let done = site.download(&["--cache", "theirs", &identifier]);
    let fact = format!(
        "error: the cache {} belongs to another user, who could alter what is in it\n",
        site.user.path("theirs").display()
    );
    assert!(done.status == Some(3) && done.stderr.starts_with(&fact), "{}", done.stderr);
}

#[test]
fn the_cache_lies_where_the_user_says() {
    let site = Site::new();
    let identifier = site.offer(&content(3000));
    for (variable, place) in [("XDG_CACHE_HOME", "xdg/stratuslab"), ("STRATUSLAB_CACHE", "named")] {
        let base = site.user.path(place.split('/').next().unwrap());
        let output = site.command(&[&identifier]).env(variable, base).output().unwrap();
        let path = String::from_utf8(output.stdout).unwrap();
        assert!(Path::new(path.trim_end()).starts_with(site.user.path(place)), "{path}");
    }
}

#[test]
fn what_is_kept_can_be_read_as_any_file_can() {
    // Root may keep images for others.
    let site = Site::new();
    let identifier = site.offer(&content(3000));
    let path = site.fetched(&[&identifier]);
    let any = fs::metadata(site.user.path("ca.pem")).unwrap().mode();
    let entries = site.user.path(&format!(".cache/stratuslab/entries/{identifier}"));
    let entry = fs::read_dir(entries).unwrap().next().unwrap().unwrap().path();
    for kept in [path.with_extension("json"), entry] {
        assert_eq!(fs::metadata(&kept).unwrap().mode(), any, "{}", kept.display());
    }
}

#[test]
fn images_are_listed_verified_and_pruned() {
    let site = Site::new();
    let (one, two) = (content(300_000), content(400_000));
    let first = site.offer(&one);
    let url = site.web.serve("two.img", &two);
    let second = site.publish(&entry(&two, &[&url]));
    let (one_path, two_path) = (site.fetched(&[&first]), site.fetched(&[&second]));
    let list = cache(&site, &["list", "-q"]).succeeded();
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains(&format!("{first}   292.97 KiB  20")), "{list}");
    assert!(list.contains(&format!("Z  {}\n", two_path.display())), "{list}");
    let objects = cache(&site, &["list", "--json", "-q"]).json();
    let bytes: Vec<_> =
        objects.as_array().unwrap().iter().map(|object| object["bytes"].as_u64().unwrap()).collect();
    assert!(bytes.contains(&300_000) && bytes.contains(&400_000));
    assert_eq!(objects[0]["checksums"].as_object().unwrap().len(), 4);

    let done = cache(&site, &["verify"]);
    let mut lines: Vec<_> = done.stdout.lines().map(str::to_owned).collect();
    lines.sort();
    let mut expected =
        [format!("Unaltered: {}", one_path.display()), format!("Unaltered: {}", two_path.display())];
    expected.sort();
    assert_eq!((done.status, lines), (Some(0), expected.to_vec()));
    tamper(&one_path, |bytes| bytes[7] ^= 1);
    let done = cache(&site, &["verify", "--json"]);
    assert_eq!(done.status, Some(1));
    assert!(
        done.stderr.starts_with(&format!("Altered: {}\nit is now ", one_path.display())),
        "{}",
        done.stderr
    );
    assert_eq!(
        done.json().as_array().unwrap().iter().filter(|object| object["verdict"] == "altered").count(),
        1
    );

    // What was used longest ago goes first.
    cache(&site, &["-q", "prune", "--max-size=0"]);
    let one_path = site.fetched(&[&first]);
    let two_path = site.fetched(&[&second]);
    let record = |path: &Path| path.with_extension("json");
    let hour = Duration::from_hours(1);
    File::options()
        .append(true)
        .open(record(&two_path))
        .unwrap()
        .set_modified(SystemTime::now() - hour)
        .unwrap();
    let done = cache(&site, &["prune", "--max-size", "400K"]);
    assert_eq!(done.stdout, format!("Removed: {}\n", two_path.display()));
    assert!(one_path.exists() && !two_path.exists());
    // What was said of it is remembered, until nothing at all is to be kept.
    let said = |identifier: &str| site.cached().into_iter().filter(|name| name.contains(identifier)).count();
    assert_eq!(said(&second), 1);
    cache(&site, &["-q", "prune", "--max-size=0"]);
    assert_eq!((said(&first), said(&second)), (0, 0));
    let done = cache(&site, &["prune", "--max-size", "much"]);
    assert_eq!(done.status, Some(2), "{}", done.stderr);
    assert_eq!(cache(&site, &["prune"]).status, Some(2));
    assert_eq!(cache(&site, &[]).status, Some(2));
}

#[test]
fn a_removable_disk_fills_the_cache() {
    let site = Site::new();
    let (one, two) = (content(30_000), content(40_000));
    site.user.write("disk/one.img.gz", compressed("gz", &one).unwrap());
    site.user.write("disk/deep/two.img", &two);
    site.user.write("disk/README", b"no image");
    site.user.write("disk/one.xml", entry(&one, &["http://h/i"]).signed_by(&jane()));
    let list = [
        b"<metadata>".to_vec(),
        bare(&entry(&two, &["http://h/i"]).signed_by(&jane())),
        b"</metadata>".to_vec(),
    ];
    site.user.write("disk/deep/list.xml", list.concat());
    let mut broken = entry(&two, &["http://h/j"]).signed_by(&jane());
    let at = broken.windows(10).position(|window| window == b"http://h/j").unwrap();
    broken[at + 9] = b'k';
    site.user.write("disk/broken.xml", broken);
    let bomb = compressed("gz", &vec![0; 64 << 20]).unwrap();
    site.user.write("disk/bomb.gz", bomb);
    assert!(Command::new("mkfifo").arg(site.user.path("disk/a-pipe")).status().unwrap().success());
    symlink("/dev/zero", site.user.path("disk/link")).unwrap();
    symlink("nothing", site.user.path("disk/dangling")).unwrap();
    let done = cache(&site, &["add", "disk"]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout.lines().count(), 2, "{}", done.stdout);
    assert!(done.stderr.starts_with("warning: disk/broken.xml: entry 1 is not kept: "), "{}", done.stderr);
    assert!(done.stderr.ends_with("note: 2 entries kept for use without a Marketplace\n"), "{}", done.stderr);
    // A bomb beside them, a pipe and a link do nothing, and what cannot be read hides nothing.
    assert!(site.cached().iter().all(|name| !name.starts_with("partial/")));
    // Nobody has to be asked for these.
    for image in [&one, &two] {
        let identifier = entry(image, &[]).identifier().to_string();
        let path = site.fetched(&["--offline", &identifier]);
        assert!(fs::read(&path).unwrap() == *image);
        assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
    }
    // An image that is named needs no entry to be kept, but one to be handed out.
    let three = content(50_000);
    site.user.write("three.img", &three);
    let done = cache(&site, &["-q", "add", "three.img"]);
    assert!(done.stdout.starts_with("Added: three.img: "), "{}", done.stdout);
    let identifier = entry(&three, &[]).identifier().to_string();
    assert_eq!(site.download(&["--offline", &identifier]).status, Some(1));
    let published = site.publish(&entry(&three, &["http://127.0.0.1:9/nowhere"]));
    assert!(fs::read(site.fetched(&[&published])).unwrap() == three);
    cache(&site, &["add", "missing"]).failed(3, "error: cannot read missing: No such file or directory\nnote: 0 entries kept for use without a Marketplace\n");
}

#[test]
fn a_compressed_file_that_is_the_image_is_added_as_it_is() {
    let packed = compressed("gz", &content(30_000)).unwrap();
    let draft = entry(&packed, &["http://127.0.0.1:9/nowhere"]);
    let identifier = draft.identifier().to_string();
    for paths in [&["disk"][..], &["disk/image.xml", "disk/image.gz"]] {
        let site = Site::new();
        site.user.write("disk/image.gz", &packed);
        site.user.write("disk/image.xml", draft.signed_by(&jane()));
        let done = cache(&site, &[&["-q", "add"], paths].concat());
        assert!(done.stdout.starts_with("Added: disk/image.gz: "), "{}{}", done.stdout, done.stderr);
        assert!(fs::read(site.fetched(&["--offline", &identifier])).unwrap() == packed);
    }
}

#[test]
fn what_was_left_behind_is_pruned() {
    let site = Site::new();
    let identifier = site.offer(&content(300_000));
    let path = site.fetched(&[&identifier]);
    // An image of which nothing is known any more, and a transfer that nobody went on with.
    fs::remove_file(path.with_extension("json")).unwrap();
    let left = site.user.path(".cache/stratuslab/partial/LwcRbwCa1YSysY1wftQdAj6Bwoi");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("0f.part"), content(9000)).unwrap();
    let done = cache(&site, &["-q", "prune", "--max-size=0"]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!(site.cached(), Vec::<String>::new());
    assert!(!left.exists());
}

/// A document without its XML declaration, as it is in a list.
fn bare(document: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(document).unwrap();
    document[text.find("<rdf:RDF").unwrap()..].to_vec()
}
