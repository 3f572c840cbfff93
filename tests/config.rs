//! The configuration file: what is read, what is refused and in which words.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its files has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stratuslab::cli::{Failure, Status};
use stratuslab::config::{
    Config, Hours, LogFormat, MAX_CONFIG_BYTES, MarketplaceConfig, PolicyConfig, Size, TrustConfig,
    VerifyCache,
};
use stratuslab::dsig::SignatureMethod;
use stratuslab::trust::Pin;
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../config.example.toml");

/// A file of this name and content that only its owner may read.
fn file(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    (folder, path)
}

fn load(name: &str, content: &str, profile: Option<&str>) -> Config {
    let (_folder, path) = file(name, content);
    Config::load(Some(&path), profile).unwrap()
}

/// Exit status, fact (the folder left out) and hint of what is wrong with a file.
fn failure(name: &str, content: impl AsRef<[u8]>, profile: Option<&str>) -> (Status, String, Option<String>) {
    let (folder, path) = file(name, content);
    let failure = Failure::from(Config::load(Some(&path), profile).unwrap_err());
    let fact = failure.fact().replace(&format!("{}/", folder.path().display()), "");
    (failure.status(), fact, failure.hint().map(str::to_owned))
}

fn fact(name: &str, content: impl AsRef<[u8]>) -> String {
    let (status, fact, _) = failure(name, content, None);
    assert_eq!(status, Status::Usage, "{fact}");
    fact
}

#[test]
fn every_key_has_its_type() {
    let config = load(
        "config.toml",
        r#"
            marketplace_endpoint = "https://mp.example.org/marketplace"
            username = "jane"
            password = "open sesame"
            ca_file = "/etc/ca.pem"
            ca_path = "/etc/certificates"
            client_certificate = "/c.pem"
            client_key = "/k.pem"
            timeout = 2.5
            p12_certificate = "/u.p12"
            p12_password = ""
            p12_password_file = "-"
            pem_certificate = "/u.pem"
            pem_key = "/k.pem"
            pkcs11_uri = "pkcs11:token=Jane?pin-value=sesame"
            pkcs11_module = "m.so"
            email = "jane@example.org"
            signature_algorithm = "rsa-sha1"
            timestamp_url = "https://tsa.example.org/"
            include_chain = true
            allow_sha1 = true
            output_manifest_file = "out.xml"
            cache = "kept"
            verify_cache = "always"
            author = "Jane"
            publisher = "Example"
        "#,
        None,
    );
    assert_eq!(config.marketplace_endpoint.as_deref(), Some("https://mp.example.org/marketplace"));
    assert_eq!(config.username.as_deref(), Some("jane"));
    assert_eq!(config.password.as_ref().unwrap().as_str(), "open sesame");
    assert_eq!(config.timeout, Some(Duration::from_millis(2500)));
    assert_eq!(config.p12_password.as_ref().unwrap().as_str(), "", "an empty password is one (C38)");
    assert_eq!(config.p12_password_file.as_deref(), Some(Path::new("-")));
    assert_eq!(config.pkcs11_uri.as_ref().unwrap().to_string(), "pkcs11:token=Jane");
    assert!(config.pkcs11_module.as_ref().unwrap().ends_with("m.so"));
    assert_eq!(config.email.as_ref().unwrap().as_str(), "jane@example.org");
    assert_eq!(config.signature_algorithm, Some(SignatureMethod::RsaSha1));
    assert_eq!(config.timestamp_url.as_deref(), Some("https://tsa.example.org/"));
    assert_eq!((config.include_chain, config.allow_sha1), (Some(true), Some(true)));
    assert_eq!(config.output_manifest_file.as_deref(), Some(Path::new("out.xml")));
    assert!(config.cache.as_ref().unwrap().ends_with("kept"));
    assert_eq!(config.verify_cache, Some(VerifyCache::Always));
    let debug = format!("{config:?}");
    for key in Config::KEYS {
        assert!(debug.contains(key), "{key} is not in this test");
    }
    assert!(!debug.contains("sesame"), "{debug}");
}

#[test]
fn trust_is_a_table_of_its_own() {
    let (_folder, path) = file(
        "config.toml",
        r#"
            ca_file = "/tls.pem"
            [trust]
            ca_path = "certificates"
            ca_file = "~/ca.pem"
            crl = ["/a.crl", "b.crl"]
            endorsed_by = "jane@example.org"
            tsa_ca_file = "/tsa.pem"
            [one]
            author = "one"
            [one.trust]
            endorsed_by = ["CN=Joe,O=Example", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
            [two.trust]
            ca_file = "/two.pem"
        "#,
    );
    let folder = path.parent().unwrap();
    let load = |profile| Config::load(Some(&path), profile).unwrap();
    let config = load(None);
    let debug = format!("{:?}", config.trust);
    for key in TrustConfig::KEYS {
        assert!(debug.contains(key), "{key} is not in this test");
    }
    assert_eq!(config.ca_file.as_deref(), Some(Path::new("/tls.pem")));
    assert_eq!(config.trust.ca_path, Some(folder.join("certificates")));
    assert_eq!(config.trust.ca_file, dirs::home_dir().map(|home| home.join("ca.pem")));
    assert_eq!(config.trust.crl, Some(vec![PathBuf::from("/a.crl"), folder.join("b.crl")]));
    assert_eq!(config.trust.endorsed_by, Some(vec!["jane@example.org".parse().unwrap()]));
    assert_eq!(config.trust.tsa_ca_file.as_deref(), Some(Path::new("/tsa.pem")));
    // A profile's list replaces the other, and its anchors all anchors.
    let one = load(Some("one"));
    assert!(matches!(one.trust.endorsed_by.as_deref(), Some([Pin::Subject(_), Pin::Fingerprint(_)])));
    assert_eq!((one.author.as_deref(), &one.trust.ca_path), (Some("one"), &config.trust.ca_path));
    let two = load(Some("two")).trust;
    assert_eq!((two.ca_file.as_deref(), &two.ca_path), (Some(Path::new("/two.pem")), &None));
    assert_eq!(two.endorsed_by, config.trust.endorsed_by);
    // It is no profile.
    assert!(Config::load(Some(&path), Some("trust")).is_err());
    assert_eq!(
        fact("config.toml", "trust = 'x'"),
        "config.toml, line 1: 'trust' is a table, but this is a string"
    );
    assert_eq!(
        fact("config.toml", "[trust]\nendorsed_by = []"),
        "config.toml, line 2: 'endorsed_by' is one value or several, not '[]'"
    );
    assert_eq!(
        fact("config.toml", "[trust]\nendorsed_by = ['x']"),
        "config.toml, line 2: 'endorsed_by' is e-mail addresses, subjects (CN=…,O=…) and SHA-256 fingerprints, not 'x'"
    );
    let (_, told, hint) = failure("config.toml", "[one.trust]\nca_fil = 'x'", None);
    assert_eq!(
        (told.as_str(), hint.as_deref()),
        ("config.toml, line 2: unknown key 'ca_fil'", Some("did you mean 'ca_file'?"))
    );
}

#[test]
fn ones_own_marketplace_is_a_table_too() {
    let (_folder, path) = file(
        "config.toml",
        r#"
            allow_sha1 = true
            ca_file = "/tls.pem"
            [trust]
            ca_path = "/certificates"
            [marketplace]
            listen = "[::1]:80"
            metrics_listen = "127.0.0.1:9"
            data = "entries"
            public_url = "https://h/p"
            read_only = true
            open = false
            max_entry_bytes = "10k"
            ca_path = "certificates"
            ca_file = "~/ca.pem"
            crl = "a.crl"
            endorsed_by = "jane@example.org"
            confirm_email = true
            confirm_not_for = ["joe@example.org"]
            confirm_expires = 24
            mail_server = "smtps://h"
            mail_admin = "admin@example.org"
            mail_user = "sesame"
            mail_password = "sesame"
            mail_ca_file = "/mail.pem"
            reminders = true
            query_timeout = 0.5
            query_memory = 1048576
            query_rows = 7
            client_timeout = 1
            shutdown_timeout = 2
            max_connections = 3
            log_format = "json"
            [one.marketplace]
            database = "postgres://jane:sesame@h/d"
            mail_password_file = "-"
            ca_file = "/one.pem"
            allow_sha1 = true
        "#,
    );
    let folder = path.parent().unwrap();
    let load = |profile| Config::load(Some(&path), profile).unwrap().marketplace;
    let (all, one) = (load(None), load(Some("one")));
    let debug = format!("{all:?}{one:?}");
    for key in MarketplaceConfig::KEYS {
        assert!(debug.contains(key), "{key} is not in this test");
    }
    assert!(!debug.contains("sesame"), "{debug}");
    assert_eq!(all.listen, Some("[::1]:80".parse().unwrap()));
    assert_eq!((all.data, all.ca_path), (Some(folder.join("entries")), Some(folder.join("certificates"))));
    assert_eq!((all.max_entry_bytes, all.query_memory), (Some(Size(10240)), Some(Size(1 << 20))));
    assert_eq!((all.query_rows, all.max_connections), (Some(7), Some(3)));
    assert_eq!((all.confirm_expires, all.log_format), (Some(Hours(24)), Some(LogFormat::Json)));
    assert_eq!(all.allow_sha1, None, "the other commands' keys do not count");
    // What a profile gives in another way replaces the other.
    assert_eq!((one.data, one.database.map(|url| url.as_str().len())), (None, Some(26)));
    assert_eq!((one.mail_password.is_none(), one.mail_password_file), (true, Some("-".into())));
    assert_eq!((one.ca_path, one.ca_file), (None, Some("/one.pem".into())));
    assert_eq!(one.listen, all.listen);
    // It is no profile; as a key it is still the endpoint's other name (C34).
    assert!(Config::load(Some(&path), Some("marketplace")).is_err());
    for (content, expected) in [
        (
            "listen = 'localhost:80'",
            "'listen' is an address and a port such as 127.0.0.1:8081, not 'localhost:80'",
        ),
        (
            "max_entry_bytes = 1.5",
            "'max_entry_bytes' is a number of bytes such as 10485760 or \"10M\", not '1.5'",
        ),
        ("query_rows = 0", "'query_rows' is a whole number above 0, not '0'"),
        ("query_rows = '7'", "'query_rows' is a number, but this is a string"),
        ("confirm_expires = 9000", "'confirm_expires' is a whole number of hours from 1 to 8760, not '9000'"),
        ("log_format = 'xml'", "'log_format' is text or json, not 'xml'"),
        ("public_url = 'https://a:sesame@h/'", "'public_url': invalid URL 'https://…@h/'"),
        ("listn = ''", "unknown key 'listn'"),
    ] {
        let fact = fact("config.toml", format!("[marketplace]\n{content}"));
        assert!(fact.starts_with(&format!("config.toml, line 2: {expected}")), "{fact}");
    }
    let (_, _, hint) = failure("config.toml", "[marketplace]\nread-only = true", None);
    assert_eq!(hint.as_deref(), Some("did you mean 'read_only'?"));
}

#[test]
fn trust_is_a_section_of_the_originals_file_too() {
    let ini = "[default]\nca_file = /tls.pem\n".to_owned()
        + "[trust]\nca_path = /certificates\ncrl = /a.crl\n  /b.crl\nendorsed_by =\n  jane@example.org\n  CN=Joe,O=Example\n[one]\nauthor = x\n";
    for profile in [None, Some("one")] {
        let trust = load("user.cfg", &ini, profile).trust;
        assert_eq!(trust.ca_path.as_deref(), Some(Path::new("/certificates")));
        assert_eq!(trust.crl, Some(vec![PathBuf::from("/a.crl"), PathBuf::from("/b.crl")]));
        assert!(matches!(trust.endorsed_by.as_deref(), Some([Pin::Email(_), Pin::Subject(_)])));
    }
    assert!(fact("user.cfg", &(ini + "[trust]\nx = y\n")).ends_with("unknown key 'x'"));
}

#[test]
fn c11_a_profile_covers_the_defaults_key_by_key() {
    let text = r#"
        author = "default"
        publisher = "default"
        timeout = 5
        [one]
        author = "one"
        timeout = 60
        [two]
        publisher = ""
    "#;
    let config = load("config.toml", text, None);
    assert_eq!(config.author.as_deref(), Some("default"));
    let config = load("config.toml", text, Some("one"));
    assert_eq!(config.author.as_deref(), Some("one"));
    assert_eq!(config.publisher.as_deref(), Some("default"));
    // The built-in default, written down, is a value like any other.
    assert_eq!(config.timeout, Some(Duration::from_mins(1)));
    // C12: an empty value counts.
    assert_eq!(load("config.toml", text, Some("two")).publisher.as_deref(), Some(""));
    // The file selects, an argument selects over it.
    let text = format!("selected_section = 'one'\n{text}");
    assert_eq!(load("config.toml", &text, None).author.as_deref(), Some("one"));
    assert_eq!(load("config.toml", &text, Some("two")).author.as_deref(), Some("default"));
}

#[test]
fn a_profile_replaces_what_the_defaults_give_in_another_way() {
    let p12 = "p12_certificate = '/u.p12'\n";
    let pem = "pem_certificate = '/u.pem'\npem_key = '/k.pem'\n";
    let password = "p12_password = 'x'\n";
    let password_file = "p12_password_file = '/p'\n";
    let set = |defaults: &str, profile: &str| {
        let config = load("config.toml", &format!("{defaults}[test]\n{profile}"), Some("test"));
        let debug = format!("{config:?}");
        debug.split_once("set: ").unwrap().1.split(']').next().unwrap().to_owned()
    };
    assert_eq!(set(pem, p12), r#"["p12_certificate""#);
    assert_eq!(set(p12, pem), r#"["pem_certificate", "pem_key""#);
    assert_eq!(set(password, password_file), r#"["p12_password_file""#);
    assert_eq!(set(password_file, password), r#"["p12_password""#);
    assert_eq!(set(&format!("{pem}{password_file}"), p12), r#"["p12_certificate", "p12_password_file""#);
    assert_eq!(set(pem, "pem_key = '/other'"), r#"["pem_certificate", "pem_key""#);
    let (token, token_and_pem) =
        ("pkcs11_uri = 'pkcs11:'\n", "pem_certificate = '/c.pem'\npkcs11_uri = 'pkcs11:'\n");
    assert_eq!(set(&format!("{p12}{pem}"), token), r#"["pkcs11_uri""#);
    assert_eq!(set(token, p12), r#"["p12_certificate""#);
    assert_eq!(set(token, pem), r#"["pem_certificate", "pem_key""#);
    assert_eq!(set(pem, token_and_pem), r#"["pem_certificate", "pkcs11_uri""#);
    // Both in one section contradict each other, which whoever signs is told.
    assert_eq!(set("", &format!("{p12}{pem}")), r#"["p12_certificate", "pem_certificate", "pem_key""#);
    assert_eq!(set(p12, &format!("{p12}{pem}")), r#"["p12_certificate", "pem_certificate", "pem_key""#);
}

#[test]
fn c34_marketplace_is_another_name_of_marketplace_endpoint() {
    for (name, text) in [
        ("config.toml", "marketplace = 'mp.example.org'"),
        ("user.cfg", "[default]\nmarketplace = mp.example.org"),
    ] {
        assert_eq!(load(name, text, None).marketplace_endpoint.as_deref(), Some("mp.example.org"));
    }
    assert_eq!(
        fact("config.toml", "marketplace = 'a'\nmarketplace_endpoint = 'b'"),
        "config.toml, line 2: 'marketplace_endpoint' is set twice"
    );
}

#[test]
fn c12_a_key_that_means_nothing_is_refused_with_the_nearest() {
    for (content, line, key, nearest) in [
        ("p12_cert = 'x'", 1, "p12_cert", Some("p12_certificate")),
        ("\n\n[test]\n\nendpoint = 'x'", 5, "endpoint", Some("marketplace_endpoint")),
        ("'e-mail' = 'x'", 1, "e-mail", Some("email")),
        ("[a]\n[b]\nTimeout = 1", 3, "Timeout", Some("timeout")),
        ("[a]\nselected_section = 'a'", 2, "selected_section", None),
        ("xyzzy = 1", 1, "xyzzy", None),
    ] {
        let expected = format!("config.toml, line {line}: unknown key '{key}'");
        let hint = nearest.map(|nearest| format!("did you mean '{nearest}'?"));
        assert_eq!(failure("config.toml", content, None), (Status::Usage, expected, hint));
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    for (content, expected) in [
        ("author = 1", "'author' is a string, but this is a number"),
        ("email = ['a@b']", "'email' is a string, but this is an array"),
        ("email = 'jane'", "'email' is an e-mail address, not 'jane'"),
        ("allow_sha1 = 'yes'", "'allow_sha1' is a boolean, but this is a string"),
        ("timeout = '5'", "'timeout' is a number, but this is a string"),
        ("timeout = 1e-300", "'timeout' is a number of seconds above 0, at most 86400, not"),
        ("timeout = 86400.5", "'timeout' is a number of seconds above 0, at most 86400, not '86400.5'"),
        ("timeout = 0", "'timeout' is a number of seconds above 0, at most 86400, not '0'"),
        ("timeout = -1", "'timeout' is a number of seconds above 0, at most 86400, not '-1'"),
        ("timeout = nan", "'timeout' is a number of seconds above 0, at most 86400, not 'NaN'"),
        ("timeout = 1e300", "'timeout' is a number of seconds above 0, at most 86400, not"),
        ("timeout = 0x10", "'timeout' is a number, but this is a number that is not decimal"),
        ("timeout = 1979-05-27", "'timeout' is a number, but this is a date"),
        ("pem_key = ''", "'pem_key' is a path, not ''"),
        ("p12_password = 12345", "'p12_password' is a string, but this is a number"),
        ("signature_algorithm = 'md5'", "'signature_algorithm' is rsa-sha256, rsa-sha384,"),
        ("[email]\nx = 1", "'email' is a string, but this is a table"),
        ("[test]\n[test.deeper]\n", "unknown key 'deeper'"),
        ("[[test]]\n", "unknown key 'test'"),
        ("selected_section = 1", "'selected_section' is a string, but this is a number"),
    ] {
        let fact = fact("config.toml", content);
        let (_, found) = fact.split_once(": ").unwrap();
        assert!(found.starts_with(expected), "{content}: {fact}");
        assert!(!fact.contains("12345"), "a password is shown: {fact}");
    }
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    for (content, line) in [("a b", 1), ("\n\nauthor = \"x", 3), ("author = 'a'\nauthor = 'b'", 2), ("[a", 1)]
    {
        let fact = fact("config.toml", content);
        assert!(fact.starts_with(&format!("config.toml, line {line}: ")), "{content}: {fact}");
        assert!(!fact.contains('\n'), "{fact}");
    }
    let deep = format!("author = {}", "[".repeat(100_000));
    assert!(fact("config.toml", deep).starts_with("config.toml, line 1: "));
}

#[test]
fn a_profile_that_is_not_there_is_told_with_those_that_are() {
    let (status, fact, _) = failure("config.toml", "[one]\n[two]\n", Some("three"));
    assert_eq!(status, Status::Usage);
    assert_eq!(fact, "there is no profile 'three' in config.toml, which has 'one', 'two'");
    let (_, fact, _) = failure("config.toml", "selected_section = 'x'", None);
    assert_eq!(fact, "there is no profile 'x' in config.toml, which has none");
    let (_, fact, hint) = failure("config.toml", "[default]\nauthor = 'x'", None);
    assert_eq!(fact, "config.toml, line 1: a profile cannot be called 'default'");
    assert_eq!(hint.as_deref(), Some("put the defaults at the top of the file, before the first table"));
}

#[test]
fn a_file_that_cannot_be_read_is_status_3() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    let read = |path: &Path| Failure::from(Config::load(Some(path), None).unwrap_err());
    let missing = read(&folder.path().join("none.toml"));
    assert_eq!(missing.status(), Status::File);
    let expected = format!("cannot read the configuration file {shown}/none.toml: No such file or directory");
    assert_eq!(missing.fact(), expected);
    let directory = read(folder.path());
    assert_eq!(directory.status(), Status::File);
    assert_eq!(directory.fact(), format!("cannot read the configuration file {shown}: Is a directory"));
}

#[test]
fn content_that_is_no_configuration_is_status_2() {
    assert_eq!(fact("config.toml", b"author = 'x'\n# \xe9\n"), "config.toml, line 2: the text is not UTF-8");
    let limit = usize::try_from(MAX_CONFIG_BYTES).unwrap();
    let large = "#".repeat(limit + 1);
    assert_eq!(fact("config.toml", &large), "the configuration file config.toml is larger than 1024 KiB");
    assert_eq!(load("config.toml", &large[1..], None).author, None);
    // UTF-8 with a byte order mark is UTF-8.
    assert_eq!(load("config.toml", "\u{feff}author = 'x'", None).author.as_deref(), Some("x"));
}

#[test]
fn paths_start_from_home_from_the_file_or_from_the_current_folder() {
    let content =
        "p12_certificate = 'u.p12'\nca_path = '/etc'\npem_key = '~/k.pem'\npem_certificate = '~jane/u.pem'";
    let (folder, path) = file("config.toml", content);
    let config = Config::load(Some(&path), None).unwrap();
    assert_eq!(config.p12_certificate, Some(folder.path().join("u.p12")));
    assert_eq!(config.ca_path.as_deref(), Some(Path::new("/etc")));
    assert_eq!(config.pem_key, dirs::home_dir().map(|home| home.join("k.pem")));
    assert_eq!(config.pem_certificate, Some(folder.path().join("~jane/u.pem")));
    // In the originals' file nothing else changes.
    let config = load("user.cfg", "[default]\np12_certificate = u.p12\nca_file = ~/ca.pem", None);
    assert_eq!(config.p12_certificate.as_deref(), Some(Path::new("u.p12")));
    assert_eq!(config.ca_file, dirs::home_dir().map(|home| home.join("ca.pem")));
}

#[test]
fn a_password_others_may_read_is_warned_about() {
    let warned = |content: &str, mode: u32| {
        let (_folder, path) = file("config.toml", content);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let link = path.with_extension("link.toml");
        symlink(&path, &link).unwrap();
        Config::load(Some(&link), None).unwrap().warnings().len()
    };
    assert_eq!(warned("p12_password = 'x'", 0o600), 0);
    assert_eq!(warned("p12_password = 'x'", 0o640), 1);
    assert_eq!(warned("password = 'x'\np12_password = 'x'", 0o604), 1);
    assert_eq!(warned("[other]\npassword = 'x'", 0o644), 1, "the profile need not be the selected one");
    assert_eq!(warned("[marketplace]\nmail_password = 'x'", 0o644), 1);
    assert_eq!(warned("[marketplace]\ndatabase = 'postgres://a:x@h/'", 0o644), 1);
    assert_eq!(warned("[marketplace]\ndatabase = 'postgres://a@h/'", 0o644), 0);
    assert_eq!(warned("author = 'x'", 0o644), 0);
}

/// As the originals install it, with the dialect of their parser.
const ORIGINAL: &str = "\
# StratusLab user configuration
; another comment
[default]
selected_section = lal
endpoint_timeout: 5
Email = jane@example.org   ; her only one

[lal]
name = \"StratusLab Cloud\"
country = \"France\"
endpoint = https://cloud.example.org/one-proxy/xmlrpc
pdisk_endpoint = https://pdisk.example.org/pdisk
marketplace_endpoint = https://mp.example.org/marketplace
username = jane
password = hers
pem_key = ~/.globus/userkey.pem
pem_certificate = ~/.globus/usercert.pem
user_public_key_file = ~/.ssh/id_rsa.pub
p12_certificate = ~/.globus/usercert.p12
p12_password = 100%%

[instance_types]
huge = (8, 16384, 8192)
";

#[test]
fn the_originals_file_is_read() {
    let config = load("stratuslab-user.cfg", ORIGINAL, None);
    assert_eq!(config.marketplace_endpoint.as_deref(), Some("https://mp.example.org/marketplace"));
    assert_eq!(config.email.as_ref().unwrap().as_str(), "jane@example.org");
    // They are for the cloud, and no Marketplace may learn them.
    assert!(config.username.is_none() && config.password.is_none());
    // What signs is the PKCS#12 file; the PEM files are the cloud's as well.
    assert_eq!(config.p12_certificate, dirs::home_dir().map(|home| home.join(".globus/usercert.p12")));
    assert_eq!(config.p12_password.as_ref().unwrap().as_str(), "100%");
    assert!(config.pem_certificate.is_none() && config.pem_key.is_none());
    let config = load("stratuslab-user.cfg", ORIGINAL, Some("default"));
    assert_eq!(config.marketplace_endpoint, None);
}

#[test]
fn values_of_the_originals_file_are_what_python_read() {
    let password = |value: &str| {
        let config = load("user.cfg", &format!("[default]\np12_password = {value}\nauthor = me\n"), None);
        config.p12_password.map(|password| password.as_str().to_owned())
    };
    for (value, expected) in [
        ("100%%", "100%"),
        ("%%(author)s", "%(author)s"),
        ("by %(author)s", "by me"),
        ("a=b:c", "a=b:c"),
        ("#a;b", "#a;b"),
        ("a ;b", "a"),
        (r"C:\n\", r"C:\n\"),
        ("'quoted'", "'quoted'"),
        ("a b", "a b"),
    ] {
        assert_eq!(password(value).as_deref(), Some(expected));
    }
    assert_eq!(password(""), None, "an empty value says nothing there");
    assert_eq!(password("\"\""), None);
    let config = load("user.cfg", "[default]\nauthor = a\n  b\n", None);
    assert_eq!(config.author.as_deref(), Some("a\nb"));
    let config = load("user.cfg", "[default]\nallow_sha1 = Yes\ntimeout = 7\nauthor = a\nAuthor = b\n", None);
    assert_eq!((config.allow_sha1, config.timeout), (Some(true), Some(Duration::from_secs(7))));
    assert_eq!(config.author.as_deref(), Some("b"), "the last one counts");
}

#[test]
fn what_is_wrong_in_the_originals_file_is_told_with_its_line() {
    for (content, expected) in [
        ("", "user.cfg has no section [default]"),
        ("[other]\n", "user.cfg has no section [default]"),
        ("author = x\n", "user.cfg, line 1: there is no section before this line"),
        ("[default]\n\nauthor\n", "user.cfg, line 3: this is neither a section nor 'key = value'"),
        ("[default\n", "user.cfg, line 1: the section's name does not end"),
        (
            "[default]\np12_password = 50%\n",
            "user.cfg, line 2: in the value of 'p12_password', '%' must be written '%%'",
        ),
        ("[default]\nauthor = %(x)s\n", "user.cfg, line 2: in the value of 'author', '%(…)s' names no key"),
        (
            "[default]\nauthor = %(publisher)s\npublisher = %(author)s%(author)s\n",
            "user.cfg, line 3: in the value of 'publisher', '%(…)s' leads to too many others, or back to itself",
        ),
        (
            "[default]\nallow_sha1 = perhaps\n",
            "user.cfg, line 2: 'allow_sha1' is true or false, not 'perhaps'",
        ),
        ("[default]\n[test]\np12_certficate = x\n", "user.cfg, line 3: unknown key 'p12_certficate'"),
        ("[default]\nselected_section = x\n", "there is no profile 'x' in user.cfg, which has 'default'"),
    ] {
        assert_eq!(fact("user.cfg", content), expected);
    }
}

#[test]
fn the_format_is_told_by_name_then_by_content() {
    let ini = "[default]\nauthor = x\n";
    for name in ["user.cfg", "user.INI", "stratuslab", "stratuslab.conf"] {
        assert_eq!(load(name, ini, None).author.as_deref(), Some("x"), "{name}");
    }
    for name in ["config.toml", "stratuslab", "stratuslab.conf"] {
        assert_eq!(load(name, "author = 'x'", None).author.as_deref(), Some("x"), "{name}");
    }
    assert!(fact("config.toml", ini).starts_with("config.toml, line 2: "));
}

#[test]
fn the_example_documents_every_key_and_its_default() {
    let commented = |line: &str| {
        let line = line.strip_prefix('#')?;
        line.starts_with(|c: char| c.is_ascii_lowercase()).then(|| line.to_owned())
    };
    let assignments: Vec<String> =
        EXAMPLE.lines().filter_map(commented).filter(|line| line.contains(" = ")).collect();
    let tables = [Config::KEYS, TrustConfig::KEYS, PolicyConfig::KEYS, MarketplaceConfig::KEYS];
    for key in tables.iter().copied().flatten().chain(&["selected_section"]) {
        let there = assignments.iter().filter(|line| line.starts_with(&format!("{key} = "))).count();
        // In the profile at the end some are there once more.
        let sections = tables.iter().filter(|keys| keys.contains(key)).count();
        assert!(there >= sections.max(1), "{key} is not there");
    }
    // As it is it says nothing; with the comment signs gone it is right.
    assert!(!format!("{:?}", load("config.toml", EXAMPLE, None)).contains("author"));
    let opened: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("#[") {
            Some(table) => format!("[{table}\n"),
            None => commented(line).unwrap_or_default() + "\n",
        })
        .collect();
    let config = load("config.toml", &opened, None);
    assert_eq!(config.marketplace_endpoint.as_deref(), Some("https://marketplace.example.org/marketplace"));
    assert_eq!(config.ca_file.as_deref(), Some(Path::new("/etc/grid-security/ca.pem")));
    assert_eq!(config.trust.ca_path.as_deref(), Some(Path::new("/etc/grid-security/certificates")));
    let debug = format!("{:?}", config.marketplace);
    let opened: Vec<_> = MarketplaceConfig::KEYS.iter().filter(|key| debug.contains(*key)).collect();
    assert_eq!(opened.len(), MarketplaceConfig::KEYS.len(), "{debug}");
    let debug = format!("{:?}", config.policy);
    let opened: Vec<_> = PolicyConfig::KEYS.iter().filter(|key| debug.contains(*key)).collect();
    assert_eq!(opened.len(), PolicyConfig::KEYS.len(), "{debug}");
    // Those without the mark are the built-in ones.
    let marked = |line: &&str| line.contains("# example") || line.contains("example.org");
    let table = |line: &str| {
        ["[policy]", "[marketplace]"].into_iter().find(|table| line.strip_prefix('#') == Some(*table))
    };
    let lines = EXAMPLE.lines().map(|line| (table(line).map(str::to_owned), commented(line)));
    let lines = lines.filter_map(|(table, assignment)| {
        table.or_else(|| assignment.filter(|line| line.contains(" = ") && !marked(&line.as_str())))
    });
    let defaults = lines.collect::<Vec<_>>().join("\n");
    let config = load("config.toml", &defaults, None);
    let debug = format!("{config:?}");
    let set = debug.split_once("set: ").unwrap().1;
    assert_eq!(
        set,
        "[\"marketplace_endpoint\", \"timeout\", \"p12_certificate\", \"pem_certificate\", \"pem_key\", \
         \"include_chain\", \"allow_sha1\", \"verify_cache\", \"publisher\"], trust: TrustConfig { set: [], .. }, \
         marketplace: MarketplaceConfig { set: [\"listen\", \"read_only\", \"open\", \"max_entry_bytes\", \
         \"allow_sha1\", \"confirm_email\", \"confirm_expires\", \"reminders\", \"query_timeout\", \
         \"query_memory\", \"query_rows\", \"client_timeout\", \"shutdown_timeout\", \"max_connections\", \
         \"log_format\"], .. }, policy: PolicyConfig { set: [\"minimum_endorsers\", \"allow_expired\", \
         \"allow_deprecated\", \"allow_sha1\"], .. }, .. }"
    );
    let home = |path: &str| dirs::home_dir().map(|home| home.join(path));
    assert_eq!(config.p12_certificate, home(".globus/usercert.p12"));
    assert_eq!(config.pem_certificate, home(".globus/usercert.pem"));
    assert_eq!(config.pem_key, home(".globus/userkey.pem"));
    assert_eq!(config.allow_sha1, Some(stratuslab::dsig::AlgorithmPolicy::default().allow_sha1));
    assert_eq!(config.publisher.as_deref(), Some("StratusLab"));
    let client = stratuslab::marketplace::ClientOptions::default();
    assert_eq!(config.timeout, Some(client.total_timeout));
    assert_eq!(config.marketplace_endpoint.as_deref(), Some(stratuslab::cli::network::DEFAULT_ENDPOINT));
}
