//! Files with rules: what is read, what is refused and in which words.

use std::{fs, path::Path};

use stratuslab::{
    ChecksumAlgorithm,
    cli::{Failure, Status},
    config::{Config, PolicyConfig},
    trust::Pin,
};

const IDENTIFIER: &str = "CJZY2Oz3kCwb5gfuF2CMS6MDtUR";
const SHA1: &str = "22596363b3de40b06f981fb85d82312e8c0ed511";

fn load(name: &str, content: &str) -> PolicyConfig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    PolicyConfig::load(&path).unwrap()
}

/// Exit status, fact (the folder left out) and hint of what is wrong with a file.
fn failure(name: &str, content: impl AsRef<[u8]>) -> (Status, String, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let failure = Failure::from(PolicyConfig::load(&path).unwrap_err());
    let fact = failure.fact().replace(&format!("{}/", folder.path().display()), "");
    (failure.status(), fact, failure.hint().map(str::to_owned))
}

#[track_caller]
fn refused(name: &str, content: &str, fact: &str, hint: Option<&str>) {
    let expected = (Status::Usage, fact.to_owned(), hint.map(str::to_owned));
    assert_eq!(failure(name, content), expected);
}

const ALL: &str = r#"
    allow_endorsers = ["jane@example.org", "CN=Joe,O=Example", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
    deny_endorsers = "joe@example.org"
    allow_checksums = ["22596363B3DE40B06F981FB85D82312E8C0ED511", "d41d8cd98f00b204e9800998ecf8427e"]
    deny_checksums = ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
    allow_images = ["CJZY2Oz3kCwb5gfuF2CMS6MDtUR"]
    deny_images = ["LwcRbwCa1YSysY1wftQdAj6Bwoi"]
    certificates = ["01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:CD:EF"]
    ca_path = "certificates"
    ca_file = "/etc/ca.pem"
    crl = ["a.crl"]
    minimum_endorsers = 2
    max_age_days = 365
    allow_expired = true
    allow_deprecated = true
    allow_sha1 = true
    required_checksums = ["SHA-512", "sha256"]
    locations = ["https://images.example.org/base/", "s3://images"]
    os = ["ttylinux"]
    os_version = "9.7"
    os_arch = ["i486"]
    kind = ["machine"]
"#;

fn assert_all(policy: &PolicyConfig) {
    let debug = format!("{policy:?}");
    for key in PolicyConfig::KEYS {
        assert!(debug.contains(key), "{key} is not in this test");
    }
    assert!(matches!(
        policy.allow_endorsers.as_deref(),
        Some([Pin::Email(_), Pin::Subject(_), Pin::Fingerprint(_)])
    ));
    let sums: Vec<_> = policy.allow_checksums.iter().flatten().map(stratuslab::Checksum::algorithm).collect();
    assert_eq!(sums, [ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Md5]);
    assert_eq!(policy.allow_checksums.as_ref().unwrap()[0].value(), SHA1);
    assert_eq!(
        policy.required_checksums.as_deref(),
        Some(&[ChecksumAlgorithm::Sha512, ChecksumAlgorithm::Sha256][..])
    );
    assert_eq!((policy.minimum_endorsers, policy.max_age_days), (Some(2), Some(365)));
    assert!(!policy.is_originals() && !policy.is_empty());
}

#[test]
fn a_policy_file_has_the_table_that_the_configuration_may_have() {
    let policy = load("site.TOML", &format!("[policy]\n{ALL}"));
    assert_all(&policy);
    let folder = policy.source().unwrap().parent().unwrap();
    assert_eq!(policy.ca_path, Some(folder.join("certificates")));
    assert_eq!(policy.crl, Some(vec![folder.join("a.crl")]));
    assert!(load("empty.toml", "[policy]").is_empty());
}

#[test]
fn the_configuration_and_its_profiles_have_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let text = format!("[policy]\n{ALL}\n[test.policy]\nkind = 'disk'\nca_file = 'test.pem'\n[other]\n");
    fs::write(&path, text).unwrap();
    let load = |profile| Config::load(Some(&path), profile).unwrap().policy;
    assert_all(&load(None));
    assert_all(&load(Some("other")));
    let profile = load(Some("test"));
    assert_eq!(profile.kind.as_deref(), Some(&["disk".to_owned()][..]));
    // Its anchors replace all anchors.
    assert_eq!((profile.ca_path, profile.ca_file), (None, Some(folder.path().join("test.pem"))));
    assert_eq!(profile.minimum_endorsers, Some(2));
    assert!(load(None).source().is_none());
    assert!(Config::load(Some(&path), Some("policy")).is_err(), "it is no profile");
}

#[test]
fn what_is_wrong_in_a_policy_file_is_told_with_its_line() {
    let toml = |lines: &str, fact: &str, hint| refused("p.toml", lines, fact, hint);
    toml("", "p.toml has no table [policy]", None);
    toml(
        "[policy]\nallow_endorser = ['a@b']\n",
        "p.toml, line 2: unknown key 'allow_endorser'",
        Some("did you mean 'allow_endorsers'?"),
    );
    toml(
        "[policy]\nos = 'x'\n[trust]\nca_file = 'x'\n",
        "p.toml, line 3: 'trust' does not belong in a policy file, where the table [policy] is all that counts",
        None,
    );
    toml(
        "kind = 'disk'\n",
        "p.toml, line 1: 'kind' does not belong in a policy file, where the table [policy] is all that counts",
        Some("put it below a line [policy]"),
    );
    toml("policy = 1\n", "p.toml, line 1: 'policy' is a table, but this is a number", None);
    for (value, fact) in [
        (
            "allow_endorsers = ['jane']",
            "'allow_endorsers' is e-mail addresses, subjects (CN=…,O=…) and SHA-256 fingerprints, not 'jane'",
        ),
        ("deny_endorsers = []", "'deny_endorsers' is one value or several, not '[]'"),
        (
            "allow_checksums = ['1234']",
            "'allow_checksums' is checksums of 32, 40, 64 or 128 hexadecimal digits (MD5, SHA-1, SHA-256, SHA-512), not '1234'",
        ),
        ("deny_images = ['x']", "'deny_images' is identifiers of images (27 characters), not 'x'"),
        (
            "certificates = ['jane@example.org']",
            "'certificates' is SHA-256 fingerprints (64 hexadecimal digits), not 'jane@example.org'",
        ),
        ("required_checksums = ['CRC']", "'required_checksums' is MD5, SHA-1, SHA-256 or SHA-512, not 'CRC'"),
        ("minimum_endorsers = 0", "'minimum_endorsers' is a whole number above 0, not '0'"),
        ("max_age_days = 1.5", "'max_age_days' is a whole number above 0, not '1.5'"),
        ("allow_expired = 'yes'", "'allow_expired' is a boolean, but this is a string"),
        (
            "locations = ['a.example']",
            "'locations': 'a.example' is not the beginning of a URL, SCHEME://HOST[:PORT][/PATH]",
        ),
        (
            "locations = ['https://jane:secret@a.example']",
            "'locations': 'https://…@a.example' has a user or password, which does not belong in it",
        ),
        ("kind = [1]", "'kind' is a string, but this is a number"),
    ] {
        toml(&format!("[policy]\n\n{value}\n"), &format!("p.toml, line 3: {fact}"), None);
    }
    assert!(failure("p.toml", "[policy\n").1.starts_with("p.toml, line 1: "));
}

#[test]
fn the_originals_file_is_read() {
    let policy = load(
        "policy.cfg",
        &format!(
            "# who\n[endorsers]\nwhitelistendorsers = jane@example.org\n   joe%d@example.org\n\n   CN=100%,O=Example\n\
             blacklistendorsers:\n[checksums]\nWhiteListChecksums=\n  {}\n[images]\nblacklistimages: {IDENTIFIER} ; why\n",
            SHA1.to_uppercase()
        ),
    );
    // P9: '%' means itself.
    let endorsers: Vec<_> = policy.allow_endorsers.iter().flatten().map(Pin::to_string).collect();
    assert_eq!(endorsers, ["jane@example.org", "joe%d@example.org", "'CN=100%,O=Example'"]);
    assert_eq!(policy.deny_endorsers, None);
    assert_eq!(policy.allow_checksums.as_ref().unwrap()[0].value(), SHA1);
    assert_eq!(policy.deny_images.as_ref().unwrap()[0].to_string(), IDENTIFIER);
    assert!(policy.is_originals());
    // P2: any section may be missing, and the whole of it may say nothing; the name may be any other.
    for (name, content) in
        [("policy.cfg", ""), ("site.conf", "[images]\n"), ("policy", "[images]\nwhitelistimages=\n")]
    {
        let policy = load(name, content);
        assert!(policy.is_empty() && policy.is_originals());
    }
}

#[test]
fn what_is_wrong_in_the_originals_file_is_told_with_its_line() {
    let ini = |lines: &str, fact: &str, hint| refused("p.cfg", lines, fact, hint);
    ini(
        "[endorsers]\n[checksum]\n",
        "p.cfg, line 2: unknown section [checksum]",
        Some("did you mean [checksums]?"),
    );
    ini("[xyzzy]\n", "p.cfg, line 1: unknown section [xyzzy]", None);
    ini(
        "[endorsers]\nwhitelistendorser = a@b\n",
        "p.cfg, line 2: unknown key 'whitelistendorser'",
        Some("did you mean 'whitelistendorsers'?"),
    );
    // A key in another's section would say nothing.
    assert_eq!(
        failure("p.cfg", "[images]\nwhitelistendorsers = a@b\n").1,
        "p.cfg, line 2: unknown key 'whitelistendorsers'"
    );
    ini("whitelistimages = x\n", "p.cfg, line 1: there is no section before this line", None);
    ini("[images]\nx\n", "p.cfg, line 2: this is neither a section nor 'key = value'", None);
    ini(
        "[images]\nwhitelistimages = x\n",
        "p.cfg, line 2: 'whitelistimages' is identifiers of images (27 characters), not 'x'",
        None,
    );
    ini(
        "[images]\nwhitelistimages =\n[images]\nwhitelistimages =\n",
        "p.cfg, line 4: 'whitelistimages in [images]' is set twice",
        None,
    );
    let (status, fact, _) = failure("p.cfg", b"[images]\n\xff\n");
    assert_eq!((status, fact.as_str()), (Status::Usage, "p.cfg, line 2: the text is not UTF-8"));
}

#[test]
fn a_file_that_cannot_be_read_is_status_3() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &Path| Failure::from(PolicyConfig::load(path).unwrap_err());
    let missing = folder.path().join("policy.cfg");
    let failure = load(&missing);
    assert_eq!(failure.status(), Status::File);
    assert_eq!(failure.fact(), format!("Can't find policy configuration file: {}", missing.display()));
    let failure = load(folder.path());
    assert_eq!(failure.status(), Status::File);
    assert!(failure.fact().starts_with("cannot read the configuration file "), "{}", failure.fact());
}
