//! `stratus-validate-metadata` with people to trust.

use stratuslab::Timestamp;

use crate::{
    anchors::hash,
    authority::{Draft, INHERIT_ALL, List, authority, certificate, date, draft, proxy},
    entries::{entry, rsa},
    folder::{Done, Folder},
    pki::{Identity, Kind, new_key},
};

const NAME: &str = "CN=Jane,O=StratusLab,C=FR";
const EMAIL: &str = "jane@example.org";
/// Entries of 2011 have expired meanwhile; that is said of every one.
const EXPIRED: &str = "note: entry.xml: the entry expired at 2011-07-25T09:59:42Z\n";

/// A folder with an entry by Jane, the certificates in `ca.pem` and `certificates/`, and CRLs.
struct Place {
    folder: Folder,
    root: Identity,
    jane: Draft,
    end_entity: Identity,
}

fn place() -> Place {
    let folder = Folder::new();
    let root = authority("Root", None).self_signed();
    let jane = rsa(draft("Jane").email(EMAIL));
    let end_entity = jane.issued_by(&root);
    folder.write("entry.xml", entry(&end_entity, &[&end_entity]));
    folder.write("ca.pem", root.certificate_pem());
    folder.write(&format!("certificates/{}.0", hash(&root)), root.certificate_pem());
    folder.write("other.pem", authority("Other", None).self_signed().certificate_pem());
    Place { folder, root, jane, end_entity }
}

impl Place {
    fn run(&self, arguments: &[&str]) -> Done {
        self.folder.run("validate-metadata", &[arguments, &["-q", "entry.xml"]].concat())
    }

    #[track_caller]
    fn valid(&self, arguments: &[&str]) {
        assert_eq!(self.run(arguments).succeeded(), "Valid: entry.xml\n");
    }

    #[track_caller]
    fn invalid(&self, arguments: &[&str], reason: &str) {
        self.run(arguments).failed(1, &format!("Invalid: entry.xml\n{reason}\n"));
    }

    /// A CRL that is current for a day more, or was until yesterday.
    fn crl(&self, name: &str, current: bool, revoked: &[&Identity]) {
        let now = Timestamp::now();
        let days = if current { (-1, 1) } else { (-2, -1) };
        let [this, next] = [days.0, days.1].map(|days| now.checked_add_days(days).unwrap().to_string());
        let mut list = List { this_update: &this, next_update: Some(&next), ..List::of(&self.root) };
        list.revoked = revoked.iter().map(|certificate| (*certificate, "2018-01-01T00:00:00Z")).collect();
        self.folder.write(name, list.der());
    }
}

#[test]
fn trusted_is_required_of_files_and_directories() {
    let place = place();
    let trusted = ["--require", "trusted"];
    for anchors in [["--ca-file", "ca.pem"], ["--ca-path", "certificates"]] {
        place.valid(&[&trusted[..], &anchors].concat());
    }
    let reason = format!(
        "no path to a trust anchor: '{NAME}' was issued by 'CN=Root,O=StratusLab,C=FR', who is not the trust anchor"
    );
    let hint = "a path ends at a self-signed certificate in --ca-path or --ca-file; those on the way may be \
                there too, or in the entry (--include-chain)";
    place.invalid(&[&trusted[..], &["--ca-file", "other.pem"]].concat(), &format!("{reason}\nhint: {hint}"));
    // A note where it is not required.
    let done = place.folder.run("validate-metadata", &["--ca-file", "other.pem", "entry.xml"]);
    done.ended(0, "Valid: entry.xml\n", &format!("{EXPIRED}note: entry.xml: {reason}\n"));
    let done = place.folder.run("validate-metadata", &["--require", "trusted", "entry.xml"]);
    done.failed(
        2,
        "error: --require trusted needs trust anchors\nhint: --ca-path DIR or --ca-file FILE names the authorities that \
         are trusted, as do these keys in [trust]\n",
    );
    let done = place.folder.run("validate-metadata", &["--crl", "x", "entry.xml"]);
    assert_eq!(done.status, Some(2), "{}", done.stderr);
}

#[test]
fn verbose_output_and_json_tell_the_path() {
    let place = place();
    let arguments = ["-v", "--require", "trusted", "--ca-file", "ca.pem", "entry.xml"];
    let done = place.folder.run("validate-metadata", &arguments);
    let line = "  trusted passed: a path leads to 'CN=Root,O=StratusLab,C=FR'; without CRLs, revocation was not checked\n";
    assert!(done.stderr.contains(line), "{}", done.stderr);
    let json = place.run(&["--json", "--ca-file", "ca.pem"]).json();
    let object = &json[0];
    let fingerprint = |value: &serde_json::Value| value["sha256_fingerprint"].as_str().unwrap().to_owned();
    let path: Vec<String> = object["path"].as_array().unwrap().iter().map(fingerprint).collect();
    let expected =
        [&place.end_entity, &place.root].map(|identity| certificate(identity).sha256_fingerprint());
    assert_eq!(path, expected);
    assert_eq!(fingerprint(&object["endorser_certificate"]), expected[0]);
    assert_eq!(object["revocation_checked"], false);
    let json = place.run(&["--json", "--ca-file", "other.pem"]).json();
    assert_eq!(json[0]["path"], serde_json::Value::Null);
    let check =
        json[0]["checks"].as_array().unwrap().iter().find(|check| check["name"] == "trusted").unwrap();
    assert_eq!(check["outcome"], "noted");
}

#[test]
fn revoked_certificates_are_refused_until_somebody_says_insecure() {
    let place = place();
    let trusted = ["--require", "trusted", "--ca-path", "certificates"];
    place.crl("good.crl", true, &[]);
    place.valid(&[&trusted[..], &["--crl", "good.crl"]].concat());
    let name = format!("certificates/{}.r0", hash(&place.root));
    place.crl(&name, true, &[&place.end_entity]);
    let done = place.run(&trusted);
    assert_eq!(done.status, Some(1));
    let serial = certificate(&place.end_entity).serial();
    let start = format!(
        "Invalid: entry.xml\n'{NAME}', serial number {serial}, was revoked at 2018-01-01T00:00:00Z, says the CRL of "
    );
    assert!(done.stderr.starts_with(&start), "{}", done.stderr);
    let hint =
        "\nhint: a time stamp from before would count: --tsa-ca-file names who is trusted to make it\n";
    assert!(done.stderr.ends_with(hint), "{}", done.stderr);
    place.crl(&name, false, &[]);
    let done = place.run(&trusted);
    assert!(done.stderr.contains("is out of date"), "{}", done.stderr);
    assert!(
        done.stderr.ends_with(
            "\nhint: fetch-crl brings the CRLs of a directory up to date; --crl FILE names others\n"
        ),
        "{}",
        done.stderr
    );
    let done = place.run(&[&trusted[..], &["--insecure-no-crl"]].concat());
    done.ended(
        0,
        "Valid: entry.xml\n",
        "warning: CRLs are not looked at: an endorser whose certificate was revoked is trusted\n",
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let place = place();
    place.folder.write("empty/README", "text");
    for (arguments, message) in [
        (["--ca-file", "absent"], "error: cannot read absent: No such file or directory\n"),
        (["--ca-path", "absent"], "error: cannot read absent: No such file or directory\n"),
        (
            ["--ca-file", "empty/README"],
            "error: there is no certificate in empty/README\nhint: certificates of authorities are wanted, in PEM or one in DER\n",
        ),
        (
            ["--ca-path", "empty"],
            "error: there is no certificate named HASH.0 in empty\n\
             hint: 'openssl rehash DIR' makes such names; --ca-file takes a file of certificates\n",
        ),
    ] {
        place.run(&arguments).failed(3, message);
    }
    for (crl, message) in [
        (
            "empty/README",
            "error: there is no CRL in empty/README\nhint: CRLs are wanted, in PEM or one in DER\n",
        ),
        ("ca.pem", "error: there is no CRL in ca.pem\nhint: CRLs are wanted, in PEM or one in DER\n"),
        ("absent", "error: cannot read absent: No such file or directory\n"),
    ] {
        place.run(&["--ca-file", "ca.pem", "--crl", crl]).failed(3, message);
    }
    place.folder.write("certificates/00000000.0", "text");
    place.run(&["--require", "trusted", "--ca-path", "certificates"]).ended(
        0,
        "Valid: entry.xml\n",
        "warning: there is no certificate in certificates/00000000.0\n",
    );
}

#[test]
fn endorsers_are_pinned_by_name_address_or_certificate() {
    let place = place();
    let fingerprint = format!("sha256:{}", certificate(&place.end_entity).sha256_fingerprint());
    for who in [EMAIL, NAME, &fingerprint] {
        place.valid(&["--endorsed-by", "joe@example.org", "--endorsed-by", who, "--ca-file", "ca.pem"]);
    }
    place.valid(&["--endorsed-by", &fingerprint]);
    place.invalid(
        &["--endorsed-by", "joe@example.org", "--endorsed-by", "CN=Joe", "--ca-file", "ca.pem"],
        &format!("the entry is endorsed by '{NAME}' <{EMAIL}>, not by joe@example.org or 'CN=Joe'"),
    );
    place.invalid(
        &["--endorsed-by", EMAIL],
        &format!(
            "the certificate of '{NAME}' has the name of {EMAIL}, but there are no trust anchors to judge its certificate by\n\
             hint: --ca-path DIR or --ca-file FILE names the authorities that are trusted, as do these keys in [trust]"
        ),
    );
    let done = place.run(&["--endorsed-by", "jane"]);
    assert_eq!(done.status, Some(2));
    assert!(done.stderr.contains("'jane' is no e-mail address, no subject"), "{}", done.stderr);
}

#[test]
fn the_configuration_trusts_too_and_arguments_replace_it() {
    let place = place();
    place.folder.write(
        ".config/stratuslab/config.toml",
        format!(
            "[trust]\nca_file = \"{0}\"\nendorsed_by = [\"{EMAIL}\"]\n\
             [other.trust]\nca_path = \"{1}\"\nendorsed_by = \"CN=Joe\"\n[strict]\n",
            place.folder.path("ca.pem").display(),
            place.folder.path("others").display(),
        ),
    );
    let other = authority("Other", None).self_signed();
    place.folder.write(&format!("others/{}.0", hash(&other)), other.certificate_pem());
    place.valid(&["--require", "trusted"]);
    place.valid(&["--require", "trusted", "-S", "strict"]);
    // Anchors of one place only.
    for arguments in [&["--ca-file", "other.pem"][..], &["--ca-path", "others"], &["-S", "other"]] {
        let done = place.run(&[&["--require", "trusted"], arguments].concat());
        assert!(done.stderr.contains("who is not the trust anchor"), "{}", done.stderr);
    }
    let done = place.run(&["-S", "other", "--ca-file", "ca.pem"]);
    assert!(done.stderr.contains("not by 'CN=Joe'"), "{}", done.stderr);
    place.valid(&["-S", "other", "--ca-file", "ca.pem", "--endorsed-by", NAME]);
}

#[test]
fn a_proxy_is_accepted_for_its_end_entity() {
    let place = place();
    let leaf =
        proxy(&place.jane, "1", INHERIT_ALL, None).key(&new_key(Kind::Rsa2048)).issued_by(&place.end_entity);
    place.folder.write("entry.xml", entry(&place.end_entity, &[&leaf, &place.end_entity]));
    place.invalid(
        &["--ca-file", "ca.pem"],
        &format!(
            "endorser inconsistency (subject): the certificate has 'CN=1,{NAME}', the document '{NAME}'\n\
             hint: it was signed with a proxy certificate, which counts only with --require trusted"
        ),
    );
    let trusted = ["--require", "trusted", "--ca-file", "ca.pem", "--endorsed-by", EMAIL];
    place.valid(&trusted);
    let json = place.run(&[&["--json"], &trusted[..]].concat()).json();
    assert_eq!(json[0]["certificate"]["subject"], format!("CN=1,{NAME}"));
    assert_eq!(json[0]["endorser_certificate"]["subject"], NAME);
    assert_eq!(json[0]["path"].as_array().unwrap().len(), 3);
}

#[test]
fn an_endorsement_ahead_of_the_clock_is_refused() {
    let place = place();
    let late = Timestamp::now().checked_add_days(1).unwrap().to_string();
    let forgery = crate::forge::Forgery::of(&place.end_entity);
    let content = forgery.content.replace(crate::entry::ENDORSED, &late);
    assert_ne!(content, forgery.content);
    place.folder.write("entry.xml", crate::forge::Forgery { content, ..forgery }.document());
    let done = place.run(&["--require", "trusted", "--ca-file", "ca.pem"]);
    let start = format!(
        "Invalid: entry.xml\nthe endorsement is of {late}, more than 5 minutes ahead of now, which is "
    );
    assert!(done.stderr.starts_with(&start), "{}", done.stderr);
    assert!(date(&late) > Timestamp::now());
}

#[test]
fn the_authorities_of_servers_have_other_names() {
    let place = place();
    let done = place.run(&["--image", "https://127.0.0.1:1/image", "--tls-ca-file", "absent"]);
    assert_eq!(done.status, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("cannot read CA certificates from absent"), "{}", done.stderr);
    place.valid(&["--tls-ca-path", "unused"]);
}
