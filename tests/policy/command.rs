//! `stratus-policy-image`, against a Marketplace and on files.

use std::process::Command;

use serde_json::Value;
use stratuslab::{ChecksumAlgorithm, ImageDigests, Timestamp};

use crate::{
    authority::List,
    draft::Draft,
    folder::{Done, Folder},
    marketplace::Marketplace,
    site::{ANN, JANE, JOE, Signed as _, by, ca, fingerprint, impostor, member},
};

const REFUSED: &str = "Image isn't valid according to site policy\n";
const NO_POLICY: &str =
    "warning: no policy is configured, and nothing limits who endorses: anyone can make an entry\n";

/// An open Marketplace, and a folder with the authority's certificate.
struct Place {
    folder: Folder,
    marketplace: Marketplace,
}

fn place() -> Place {
    let folder = Folder::new();
    folder.write("ca.pem", ca().certificate_pem());
    Place { folder, marketplace: Marketplace::start(&["--open"]) }
}

/// An entry that is current now.
fn draft(email: &str) -> Draft {
    by(email, "image").valid("2999-01-01T00:00:00Z")
}

fn identifier() -> String {
    draft(JANE).identifier().to_string()
}

fn name(draft: &Draft) -> String {
    draft.path().trim_start_matches("/metadata/").to_owned()
}

impl Place {
    fn publish(&self, document: &[u8]) {
        let answer = self.marketplace.upload(document);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    fn ask(&self, arguments: &[&str]) -> Done {
        self.ask_for(&identifier(), arguments)
    }

    fn ask_for(&self, image: &str, arguments: &[&str]) -> Done {
        let endpoint = ["--marketplace-endpoint", &self.marketplace.base, image];
        self.folder.run("policy-image", &[arguments, &endpoint].concat())
    }

    /// Asks with these rules.
    fn by_rules(&self, rules: &str) -> Done {
        self.folder.write("policy.toml", format!("[policy]\n{rules}\n"));
        self.ask(&["--policy", "policy.toml"])
    }

    fn url(&self, draft: &Draft) -> String {
        format!("{}{}\n", self.marketplace.base, draft.path())
    }
}

/// What is said last, and before that.
fn last(done: &Done) -> (&str, &str) {
    let said = done.stderr.strip_suffix(REFUSED).unwrap_or_else(|| unreachable!("{}", done.stderr));
    (said, said.trim_end().rsplit('\n').next().unwrap())
}

#[test]
fn the_url_of_the_entry_is_all_that_is_printed() {
    let place = place();
    place.publish(&draft(JANE).by_member(JANE));
    place.ask(&[]).ended(0, &place.url(&draft(JANE)), NO_POLICY);
    place.ask(&["--ca-file", "ca.pem"]).ended(0, &place.url(&draft(JANE)), "");
    place.by_rules("ca_file = 'ca.pem'").ended(0, &place.url(&draft(JANE)), "");
    // P5: as the URL that was asked for has it, with any number of slashes.
    let base = &place.marketplace.base;
    for url in [
        format!("{base}/metadata/{}", identifier()),
        format!("{base}//metadata/{}/", identifier()),
        format!("{base}/metadata/{}/{JANE}", identifier()),
        // P4: one entry, not in a list.
        format!("{base}{}", draft(JANE).path()),
    ] {
        let arguments = ["--ca-file", "ca.pem", "--marketplace-endpoint", "http://127.0.0.1:1", &url];
        place.folder.run("policy-image", &arguments).ended(0, &place.url(&draft(JANE)), "");
    }
}

#[test]
fn a_refusal_lists_every_decision_and_prints_nothing() {
    let place = place();
    place.publish(&draft(JANE).by_member(JANE));
    place.folder.write("policy.cfg", "[endorsers]\nblacklistendorsers = jane@example.org\n");
    let done = place.ask(&["--policy", "policy.cfg"]);
    let name = name(&draft(JANE));
    done.failed(
        1,
        &format!(
            "{name} is signed by 'CN={JANE},O=StratusLab,C=FR', keeping entry\n\
             email endorser {JANE} is blacklisted, rejecting entry\n{REFUSED}"
        ),
    );
    // --explain tells the same of what is approved.
    let done = place.ask(&["--explain", "--ca-file", "ca.pem"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(0), place.url(&draft(JANE)).as_str()));
    let lines: Vec<_> = done.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[1].starts_with(&format!("{name} is trusted (a path leads to 'CN=Grid CA,")),
        "{}",
        lines[1]
    );
    assert_eq!(lines[2], format!("{name} is valid until 2999-01-01T00:00:00Z, keeping entry"));
}

#[test]
fn the_originals_policy_is_read_with_a_warning_about_its_addresses() {
    let place = place();
    place.publish(&draft(JANE).by_member(JANE));
    place.folder.write("policy.cfg", "[endorsers]\nwhitelistendorsers = jane@example.org\n");
    let warning = "warning: policy.cfg: without trust anchors an e-mail address proves nothing: anyone can make an \
                   entry with it\n";
    place.ask(&["--policy", "policy.cfg"]).ended(0, &place.url(&draft(JANE)), warning);
    let trusted = ["--policy", "policy.cfg", "--ca-file", "ca.pem"];
    place.ask(&trusted).ended(0, &place.url(&draft(JANE)), "");
    // Somebody else's certificate with her address passes only where nobody is trusted.
    let spoofed = draft(JANE).created("2012-04-01T00:00:00Z");
    place.publish(&spoofed.signed_by(&impostor(JANE)));
    place.ask(&["--policy", "policy.cfg"]).ended(0, &place.url(&spoofed), warning);
    let done = place.ask(&trusted);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
    assert!(last(&done).1.contains("is not trusted (no path to a trust anchor: "), "{}", done.stderr);
}

#[test]
fn a_spoofed_address_by_a_self_signed_certificate_is_refused() {
    let place = place();
    place.publish(&draft(JANE).signed_by(&impostor(JANE)));
    let done = place.by_rules("allow_endorsers = ['jane@example.org']\nca_file = 'ca.pem'");
    assert_eq!(done.status, Some(1));
    assert!(last(&done).1.contains("is not trusted"), "{}", done.stderr);
    // The one that is trusted is found beside it.
    place.publish(&draft(JOE).created("2011-01-01T00:00:00Z").by_member(JOE));
    let done =
        place.by_rules("allow_endorsers = ['jane@example.org', 'joe@example.org']\nca_file = 'ca.pem'");
    done.ended(0, &place.url(&draft(JOE).created("2011-01-01T00:00:00Z")), "");
}

#[test]
fn pinned_certificates_need_no_anchors() {
    let place = place();
    let jane = impostor(JANE);
    place.publish(&draft(JANE).signed_by(&jane));
    for rules in [
        format!("certificates = ['{}']", fingerprint(&jane)),
        format!("allow_endorsers = ['{}']", fingerprint(&jane)),
    ] {
        place.by_rules(&rules).ended(0, &place.url(&draft(JANE)), "");
    }
    let done = place.by_rules(&format!("certificates = ['{}']", fingerprint(&member(JANE))));
    assert_eq!(done.status, Some(1));
    assert!(last(&done).1.ends_with(" is not one of those pinned, rejecting entry"), "{}", done.stderr);
    let by = ["--endorsed-by", &fingerprint(&jane)];
    place.ask(&by).ended(0, &place.url(&draft(JANE)), "");
}

#[test]
fn several_endorsers_have_to_agree() {
    let place = place();
    let rules = "minimum_endorsers = 2\nca_file = 'ca.pem'";
    place.publish(&draft(JANE).by_member(JANE));
    place.publish(&draft(ANN).created("2013-01-01T00:00:00Z").signed_by(&impostor(ANN)));
    let done = place.by_rules(rules);
    assert_eq!(done.status, Some(1));
    let expected = format!("{} has 1 of the 2 endorsers wanted, rejecting entry", name(&draft(JANE)));
    assert_eq!(last(&done).1, expected);
    place.publish(&draft(JOE).by_member(JOE));
    place.by_rules(rules).ended(0, &place.url(&draft(JANE)), "");
    // Also if one of them is asked for: the others are fetched as well.
    let joe = format!("{}/{JOE}", identifier());
    let file = ["--policy", "policy.toml"];
    place.ask_for(&joe, &file).ended(0, &place.url(&draft(JOE)), "");
    place.ask_for(&name(&draft(JOE)), &file).ended(0, &place.url(&draft(JOE)), "");
}

#[test]
fn each_rule_refuses() {
    let place = place();
    let recent = |days| Timestamp::now().checked_add_days(days).unwrap().to_string();
    let entry = draft(JANE).created(&recent(-10)).text("os-arch", "x86_64");
    let entry = entry.locations(&["https://images.example.org/base/x.gz"]);
    place.publish(&entry.by_member(JANE));
    let name = name(&entry);
    for (kept, broken, fact) in [
        ("max_age_days = 11", "max_age_days = 9", "NAME was endorsed more than 9 days ago"),
        (
            "required_checksums = ['SHA-256']",
            "required_checksums = ['SHA-512']",
            "NAME states no SHA-512 checksum",
        ),
        (
            "locations = ['https://images.example.org/base']",
            "locations = ['https://images.example.org/bas']",
            "NAME has no location that is allowed",
        ),
        ("os = ['TTYLINUX']", "os = ['ubuntu']", "NAME: os ttylinux is not one of those allowed"),
        ("os_arch = 'x86_64'", "os_arch = 'i486'", "NAME: os-arch x86_64 is not one of those allowed"),
        ("kind = 'machine'", "kind = 'disk'", "NAME: kind machine is not one of those allowed"),
    ] {
        place.by_rules(kept).ended(0, &place.url(&entry), "");
        let done = place.by_rules(broken);
        assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
        assert_eq!(last(&done).1, format!("{}, rejecting entry", fact.replace("NAME", &name)));
    }
    let deny = format!("deny_images = ['{}']", identifier());
    let done = place.by_rules(&deny);
    let expected = format!("image identifier {} is blacklisted, rejecting entry", identifier());
    assert_eq!((done.status, last(&done).1), (Some(1), expected.as_str()));
}

#[test]
fn what_has_expired_or_is_deprecated_or_superseded_is_refused() {
    let place = place();
    let soon = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + 2).unwrap();
    let expiring = by(JANE, "image").valid(&soon.to_string());
    place.publish(&expiring.by_member(JANE));
    let deprecated = draft(JOE).created("2012-05-01T00:00:00Z").deprecated("bad <one>");
    place.publish(&draft(JOE).by_member(JOE));
    place.publish(&deprecated.by_member(JOE));
    while Timestamp::now() <= soon {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let done = place.by_rules("");
    assert_eq!(done.status, Some(1));
    assert!(done.stderr.contains(&format!("{} expired at {soon}, rejecting entry\n", name(&expiring))));
    let message = format!("{} is deprecated (bad <one>), rejecting entry\n", name(&deprecated));
    assert!(done.stderr.contains(&message), "{}", done.stderr);
    place.by_rules("allow_expired = true").ended(0, &place.url(&expiring), "");
    place.by_rules("allow_deprecated = true").ended(0, &place.url(&deprecated), "");
    // The one before is there, and deprecated since.
    let dated = name(&draft(JOE));
    place.by_rules("");
    let done = place.ask_for(&dated, &["--policy", "policy.toml"]);
    assert_eq!(done.status, Some(1));
    let message = format!(
        "{dated} is superseded by the entry of 2012-05-01T00:00:00Z, which deprecates the image, rejecting entry"
    );
    assert_eq!(last(&done).1, message);
    // What was merely replaced may be asked for.
    place.publish(&draft(ANN).by_member(ANN));
    place.publish(&draft(ANN).created("2012-05-01T00:00:00Z").by_member(ANN));
    let dated = name(&draft(ANN));
    let done = place.ask_for(&dated, &["--policy", "policy.toml", "--explain"]);
    assert_eq!((done.status, done.stdout), (Some(0), place.url(&draft(ANN))));
    let message =
        "is superseded by the entry of 2012-05-01T00:00:00Z, but was asked for by its date, keeping entry";
    assert!(done.stderr.contains(message), "{}", done.stderr);
}

#[test]
fn json_tells_the_verdict_and_every_decision() {
    let place = place();
    let entry = draft(JANE);
    place.publish(&entry.by_member(JANE));
    let done = place.ask(&["--json", "-qq"]);
    let json = done.json();
    let object = json[0].as_object().unwrap();
    let keys: Vec<_> = object.keys().map(String::as_str).collect();
    assert_eq!(keys, ["identifier", "verdict", "url", "entry", "decisions"]);
    assert_eq!(json[0]["identifier"], identifier());
    assert_eq!(json[0]["verdict"], "approved");
    assert_eq!(json[0]["url"], place.url(&entry).trim_end());
    assert_eq!(json[0]["entry"], name(&entry));
    let first = &json[0]["decisions"][0];
    assert_eq!((&first["rule"], &first["kept"]), (&"valid".into(), &true.into()));
    assert_eq!(first["entry"], name(&entry));
    assert_eq!(json.as_array().unwrap().len(), 1);
    let done = place.ask(&["--json", "-qq", "--endorsed-by", &fingerprint(&member(JANE)).replace('a', "b")]);
    assert_eq!(done.status, Some(1));
    let json = done.json();
    assert_eq!(
        (&json[0]["verdict"], &json[0]["url"], &json[0]["entry"]),
        (&"refused".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(json[0]["decisions"].as_array().unwrap().last().unwrap()["rule"], "endorsed-by");
}

#[test]
fn files_are_judged_without_a_marketplace() {
    let folder = Folder::new();
    let (jane, joe) =
        (draft(JANE).by_member(JANE), draft(JOE).created("2013-01-01T00:00:00Z").by_member(JOE));
    let body = |document: &[u8]| {
        let text = String::from_utf8(document.to_vec()).unwrap();
        text.split_once("?>").unwrap().1.to_owned()
    };
    folder.write("jane.xml", &jane);
    folder.write("both.xml", format!("<metadata>{}{}</metadata>", body(&jane), body(&joe)));
    folder.write("ca.pem", ca().certificate_pem());
    let run =
        |arguments: &[&str]| folder.run("policy-image", &[&["--ca-file", "ca.pem"], arguments].concat());
    let line = |draft: &Draft| format!("{}\n", name(draft));
    run(&["--metadata-file", "jane.xml"]).ended(0, &line(&draft(JANE)), "");
    let joes = draft(JOE).created("2013-01-01T00:00:00Z");
    run(&["--metadata-file", "both.xml"]).ended(0, &line(&joes), "");
    let asked = format!("{}/{JANE}", identifier());
    run(&["--metadata-file", "both.xml", &asked]).ended(0, &line(&draft(JANE)), "");
    run(&["--metadata-file", "jane.xml", "--metadata-file", "both.xml"]).ended(0, &line(&joes), "");
    let json = run(&["--json", "--metadata-file", "jane.xml"]).json();
    assert_eq!((&json[0]["url"], &json[0]["entry"]), (&Value::Null, &name(&draft(JANE)).into()));
    run(&["--metadata-file", "none.xml"])
        .failed(3, "error: cannot read none.xml: No such file or directory\n");
    let other = by(JANE, "other").identifier().to_string();
    let done = run(&["--metadata-file", "jane.xml", &other]);
    assert_eq!(done.status, Some(1));
    assert!(last(&done).1.ends_with(&format!(" is about another image than {other}, rejecting entry")));
}

#[test]
fn p10_what_went_wrong_is_told_apart() {
    let place = place();
    let (base, id) = (&place.marketplace.base, identifier());
    place.ask(&["-qq"]).failed(1, &format!("error: there is no entry for {id} at {base}\n"));
    let nowhere = ["-qq", "--marketplace-endpoint", "http://127.0.0.1:1", &id];
    let done = place.folder.run("policy-image", &nowhere);
    assert_eq!((done.status, done.stdout.as_str()), (Some(5), ""));
    assert!(done.stderr.starts_with("error: cannot connect to http://127.0.0.1:1/"), "{}", done.stderr);
    let wrong = format!("{base}/nowhere");
    let done = place.folder.run("policy-image", &["-qq", "--marketplace-endpoint", &wrong, &id]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(5), ""), "{}", done.stderr);
    assert!(done.stderr.starts_with(&format!("error: {wrong}")), "{}", done.stderr);
}

#[test]
fn each_rule_of_a_file_decides() {
    let place = place();
    let entry = draft(JANE).text("os-version", "9.7").text("os-arch", "i486");
    place.publish(&entry.by_member(JANE));
    place.folder.write("theirs.pem", impostor("nobody@example.org").certificate_pem());
    let (id, other_id) = (identifier(), "LwcRbwCa1YSysY1wftQdAj6Bwoi");
    let digests = ImageDigests::read(&b"image"[..], &[ChecksumAlgorithm::Sha256]).unwrap();
    let own = digests.checksum(ChecksumAlgorithm::Sha256).unwrap().value().to_owned();
    let other = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (rule, passing, refusing) in [
        ("allow_checksums", own.as_str(), other),
        ("deny_checksums", other, &own),
        ("allow_images", &id, other_id),
        ("deny_images", other_id, &id),
        ("required_checksums", "SHA-256", "MD5"),
        ("os", "ttylinux", "ubuntu"),
        ("os_version", "9.7", "9.8"),
        ("os_arch", "i486", "x86_64"),
        ("kind", "machine", "disk"),
        ("locations", "http://example.org/", "http://example.com/"),
        ("ca_file", "ca.pem", "theirs.pem"),
    ] {
        let passed = place.by_rules(&format!("{rule} = '{passing}'"));
        assert_eq!(passed.status, Some(0), "{rule}: {}", passed.stderr);
        let refused = place.by_rules(&format!("{rule} = '{refusing}'"));
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{rule}: {}", refused.stderr);
        let (said, _) = last(&refused);
        assert!(said.contains("rejecting entry"), "{rule}: {said}");
    }
    // The originals' names.
    for (section, rule, passing, refusing) in [
        ("checksums", "whitelistchecksums", own.as_str(), other),
        ("checksums", "blacklistchecksums", other, &own),
        ("images", "whitelistimages", &id, other_id),
        ("images", "blacklistimages", other_id, &id),
    ] {
        for (value, status) in [(passing, 0), (refusing, 1)] {
            place.folder.write("policy.cfg", format!("[{section}]\n{rule} = {value}\n"));
            let done = place.ask(&["--policy", "policy.cfg"]);
            assert_eq!(done.status, Some(status), "{rule} = {value}: {}", done.stderr);
        }
    }
}

#[test]
fn p6_p7_wrong_arguments_and_files_are_told_first() {
    let folder = Folder::new();
    let id = identifier();
    let run = |arguments: &[&str]| folder.run("policy-image", arguments);
    for arguments in [&[][..], &[id.as_str(), &id], &["no-identifier"]] {
        let done = run(arguments);
        assert_eq!((done.status, done.stdout.as_str()), (Some(2), ""), "{}", done.stderr);
    }
    run(&["--policy", "none.cfg", &id]).failed(3, "error: Can't find policy configuration file: none.cfg\n");
    // P7: the configuration is read.
    folder.write("wrong.toml", "[policy]\nkinds = 'x'\n");
    run(&["-c", "wrong.toml", &id])
        .failed(2, "error: wrong.toml, line 2: unknown key 'kinds'\nhint: did you mean 'kind'?\n");
    folder.write("config.toml", "[policy]\nallow_endorsers = 'jane@example.org'\n");
    let hint = "hint: ca_path or ca_file in [policy] names the authorities that are trusted, as do --ca-path and \
                --ca-file; the SHA-256 fingerprint of a certificate needs none\n";
    let fact = "error: the policy allows the endorser jane@example.org, but there are no trust anchors to say who that \
                is\n";
    run(&["-c", "config.toml", &id]).failed(2, &format!("{fact}{hint}"));
    folder.write("config.toml", "[policy]\nminimum_endorsers = 2\n");
    run(&["-c", "config.toml", &id]).failed(
        2,
        "error: the policy wants 2 endorsers, but no more than 1 can count\n\
         hint: an endorser counts who is on each list there is, and without trust anchors by the SHA-256 fingerprint of \
         the certificate only\n",
    );
    folder.write("config.toml", "[policy]\ncrl = 'x.crl'\n");
    run(&["-c", "config.toml", &id])
        .failed(2, "error: crl in [policy] is of no use without ca_path or ca_file there\n");
    folder.write("config.toml", "[policy]\nca_file = 'none.pem'\n");
    run(&["-c", "config.toml", &id]).failed(3, "error: cannot read none.pem: No such file or directory\n");
}

#[test]
fn the_policy_s_anchors_come_before_all_others() {
    let place = place();
    let jane = impostor(JANE);
    place.publish(&draft(JANE).signed_by(&jane));
    place.folder.write("jane.pem", jane.certificate_pem());
    place.folder.write("policy.toml", "[policy]\nca_file = 'ca.pem'\n");
    let done = place.ask(&["--policy", "policy.toml", "--ca-file", "jane.pem"]);
    assert_eq!(done.status, Some(1));
    let warning = "warning: --ca-path and --ca-file are not used: the policy names its own trust anchors\n";
    assert!(done.stderr.starts_with(warning), "{}", done.stderr);
    // Without any, those of the command line count, then those of [trust].
    place.folder.write("policy.toml", "[policy]\nallow_endorsers = 'jane@example.org'\n");
    let file = ["--policy", "policy.toml", "--ca-file", "jane.pem"];
    place.ask(&file).ended(0, &place.url(&draft(JANE)), "");
    place.folder.write("config.toml", "[trust]\nca_file = 'jane.pem'\n");
    let configured = ["-c", "config.toml", "--policy", "policy.toml"];
    place.ask(&configured).ended(0, &place.url(&draft(JANE)), "");
    // A file counts instead of the configuration's table, not beside it.
    place.folder.write("config.toml", "[trust]\nca_file = 'jane.pem'\n[policy]\nkind = 'disk'\n");
    place.ask(&configured).ended(0, &place.url(&draft(JANE)), "");
    assert_eq!(place.ask(&["-c", "config.toml"]).status, Some(1));
}

#[test]
fn whose_certificate_was_revoked_does_not_count() {
    let place = place();
    place.publish(&draft(JANE).by_member(JANE));
    let (authority, jane, joe) = (ca(), member(JANE), member(JOE));
    let now = Timestamp::now();
    let [this, next] = [-1, 1].map(|days| now.checked_add_days(days).unwrap().to_string());
    for (revoked, status) in [(&joe, 0), (&jane, 1)] {
        let mut list = List { this_update: &this, next_update: Some(&next), ..List::of(&authority) };
        list.revoked = vec![(revoked, "2010-01-01T00:00:00Z")];
        place.folder.write("a.crl", list.der());
        let done = place.by_rules("ca_file = 'ca.pem'\ncrl = 'a.crl'");
        assert_eq!(done.status, Some(status), "{}", done.stderr);
        assert_eq!(done.stderr.contains("revoked"), status == 1, "{}", done.stderr);
    }
    // One that is named on the command line is more to go by.
    let mut list = List { this_update: &this, next_update: Some(&next), ..List::of(&authority) };
    list.revoked = vec![(&joe, "2010-01-01T00:00:00Z")];
    place.folder.write("policy.toml", "[policy]\nca_file = 'ca.pem'\n");
    place.folder.write("a.crl", list.der());
    place.ask(&["--policy", "policy.toml", "--crl", "a.crl"]).ended(0, &place.url(&draft(JANE)), "");
    list.revoked = vec![(&jane, "2010-01-01T00:00:00Z")];
    place.folder.write("a.crl", list.der());
    assert_eq!(place.ask(&["--policy", "policy.toml", "--crl", "a.crl"]).status, Some(1));
}

#[test]
fn a_site_has_its_policy_in_etc() {
    let place = place();
    place.publish(&draft(JANE).by_member(JANE));
    place.folder.write("policy.cfg", "[endorsers]\nblacklistendorsers = jane@example.org\n");
    place.folder.write("policy.toml", "[policy]\nos = 'ubuntu'\n");
    let ask = place.folder.command("policy-image");
    for (name, rule) in
        [("policy.cfg", "is blacklisted"), ("policy.toml", "os ttylinux is not one of those allowed")]
    {
        let script = format!(
            "mount -t tmpfs tmpfs /etc || exit 99; mkdir /etc/stratuslab; cp {name} /etc/stratuslab/; exec \"$@\""
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", &script, "sh"]).arg(ask.get_program());
        command.args(["--marketplace-endpoint", &place.marketplace.base, &identifier()]);
        command.current_dir(place.folder.path("")).env("HOME", place.folder.path(""));
        let done = Done::from(command.output().unwrap());
        if done.status == Some(99) || done.stderr.starts_with("unshare: ") {
            eprintln!("skipped: no file system can be mounted here");
            return;
        }
        assert!(done.status == Some(1) && done.stderr.contains(rule), "{name}: {}", done.stderr);
    }
}
