//! `stratus-upload-metadata` against a Marketplace, and against a loopback one for what goes wrong.
#![cfg(feature = "marketplace")]

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod marketplace;

use std::{
    fs,
    path::Path,
    process::{self, Stdio},
    time::Duration,
};

use assert_cmd::assert::Assert;
use loopback::{EMAIL, IDENTIFIER, Marketplace, credentials, entry, signed, start, unsigned};
use openssl::{
    ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod, SslVerifyMode},
    x509::{X509, store::X509StoreBuilder},
};
use stratuslab::{
    dsig::{
        AlgorithmPolicy,
        SignatureMethod::{RsaSha1, RsaSha256},
        verify,
    },
    marketplace::{Client, ClientOptions},
};

const CREATED: &str = "2011-09-13T09:58:54Z";

fn upload(folder: &Path, base: &str) -> assert_cmd::Command {
    let mut command = loopback::command("stratus-upload-metadata", folder);
    command.args(["--marketplace-endpoint", base]);
    command
}

/// A folder with one valid entry in `image.xml`.
#[cfg(test)]
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("image.xml"), entry(CREATED, RsaSha256)).unwrap();
    folder
}

fn url(base: &str) -> String {
    format!("{base}/metadata/{IDENTIFIER}/{EMAIL}/{CREATED}")
}

/// `stratus-marketplace` itself.
#[cfg(test)]
fn real(arguments: &[&str]) -> marketplace::Marketplace {
    marketplace::Marketplace::start(arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stderr(assert: &Assert) -> String {
    text(&assert.get_output().stderr)
}

#[test]
fn c14_an_entry_with_the_least_is_uploaded_and_its_url_printed_alone() {
    let (folder, marketplace) = (folder(), real(&[]));
    let done = upload(folder.path(), &marketplace.base).arg("image.xml").assert().success();
    assert_eq!(text(&done.get_output().stdout), url(&marketplace.base) + "\n");
    assert_eq!(stderr(&done), "");
    let sent = fs::read(folder.path().join("image.xml")).unwrap();
    let path = format!("/metadata/{IDENTIFIER}/{EMAIL}/{CREATED}");
    assert_eq!(marketplace.ask("GET", &path, "Accept: application/xml\r\n", b"").body, text(&sent));
    // The same again, from standard input, is harmless.
    upload(folder.path(), &marketplace.base).arg("-").write_stdin(sent).assert().success();
}

#[test]
fn what_was_uploaded_is_fetched_by_its_date_or_as_the_newest() {
    let marketplace = real(&[]);
    let mut options = ClientOptions::default();
    options.connection.proxy_from_environment = false;
    let client = Client::new(marketplace.base.parse().unwrap(), options).unwrap();
    let policy = AlgorithmPolicy::default();
    let (first, second) = (entry(CREATED, RsaSha256), entry("2012-01-01T00:00:00Z", RsaSha256));
    for document in [&first, &second] {
        let uploaded = client.upload(&verify(document, &policy).unwrap()).unwrap();
        assert!(uploaded.url.starts_with(&marketplace.base), "{}", uploaded.url);
    }
    let fetch =
        |created| client.fetch(&IDENTIFIER.parse().unwrap(), &EMAIL.parse().unwrap(), created).unwrap();
    assert!(fetch(Some(CREATED.parse().unwrap())) == first);
    // In a list an entry stands without its XML declaration.
    assert!(text(&second).trim_end().ends_with(&text(&fetch(None))));
    verify(&fetch(None), &policy).unwrap();
}

#[test]
fn c15_a_pending_confirmation_is_told_on_stderr() {
    let (folder, marketplace) = (folder(), start(&[], |options| options.confirm = true));
    let done = upload(folder.path(), &marketplace.base).arg("image.xml").assert().success();
    assert_eq!(text(&done.get_output().stdout), url(&marketplace.base) + "\n");
    assert_eq!(
        stderr(&done),
        format!("warning: confirmation e-mail sent to {EMAIL}; the entry appears once it is confirmed\n")
    );
    // Who wants no notes has to know as well.
    let done = upload(folder.path(), &marketplace.base).args(["-q", "image.xml"]).assert().success();
    assert!(stderr(&done).starts_with("warning: confirmation e-mail sent"), "{}", stderr(&done));
}

#[test]
fn c29_a_refusal_is_one_error_on_stderr_with_the_servers_reason() {
    let (folder, marketplace) = (folder(), real(&[]));
    upload(folder.path(), &marketplace.base).arg("image.xml").assert().success();
    fs::write(folder.path().join("older.xml"), entry("2010-01-01T00:00:00Z", RsaSha256)).unwrap();
    let failed = upload(folder.path(), &marketplace.base).arg("older.xml").assert().code(5).stdout("");
    assert_eq!(
        stderr(&failed),
        format!(
            "error: {}/metadata answers 400 Bad Request: invalid metadata: older than latest entry\n\
             hint: sign the document again, so that its endorsement is the newest\n",
            marketplace.base
        )
    );
    let replica = real(&["--read-only"]);
    let failed = upload(folder.path(), &replica.base).arg("image.xml").assert().code(5).stdout("");
    assert!(stderr(&failed).contains("answers 403 Forbidden: read-only repository\n"));
}

#[test]
fn nothing_is_sent_that_a_marketplace_would_refuse() {
    let (folder, marketplace) = (folder(), real(&[]));
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let invisible = unsigned(None);
    write("unsigned.xml", invisible.as_bytes());
    write("s10.xml", &signed(&invisible, CREATED, RsaSha256));
    write("changed.xml", text(&entry(CREATED, RsaSha256)).replace("2999", "2998").as_bytes());
    write("other.xml", b"<metadata/>");
    write("no.xml", b"\0");
    for (file, fact) in [
        ("unsigned.xml", "no signature\nhint: sign it with stratus-sign-metadata"),
        ("s10.xml", "there is no dcterms:valid"),
        ("changed.xml", ""),
        ("other.xml", ""),
        ("no.xml", ""),
    ] {
        let failed = upload(folder.path(), &marketplace.base).arg(file).assert().code(1).stdout("");
        let expected = format!("error: {file} is not uploaded: {fact}");
        assert!(stderr(&failed).starts_with(&expected), "{}", stderr(&failed));
    }
    // Not one request was made but this.
    assert!(!marketplace.get("/metrics").body.contains("method=\"POST\""));
}

#[test]
fn sha1_is_uploaded_only_when_asked_for() {
    let (folder, marketplace) = (folder(), real(&["--allow-sha1"]));
    fs::write(folder.path().join("old.xml"), entry(CREATED, RsaSha1)).unwrap();
    let failed = upload(folder.path(), &marketplace.base).arg("old.xml").assert().code(1);
    assert!(stderr(&failed).contains("hint: --allow-sha1"), "{}", stderr(&failed));
    upload(folder.path(), &marketplace.base).args(["--allow-sha1", "old.xml"]).assert().success();
    fs::write(folder.path().join("c.toml"), "allow_sha1 = true\n").unwrap();
    upload(folder.path(), &marketplace.base).args(["-c", "c.toml", "old.xml"]).assert().success();
}

#[test]
fn every_file_is_tried_and_json_tells_each() {
    let (folder, marketplace) = (folder(), real(&[]));
    fs::write(folder.path().join("bad.xml"), "<a/>").unwrap();
    let files = ["bad.xml", "absent.xml", "image.xml"];
    let done = upload(folder.path(), &marketplace.base).args(files).assert().code(3);
    assert_eq!(text(&done.get_output().stdout), url(&marketplace.base) + "\n");
    let done = upload(folder.path(), &marketplace.base).arg("--json").args(files).assert().code(3);
    let array: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(array[0]["file"], "bad.xml");
    assert_eq!(array[1]["error"]["fact"], "cannot read absent.xml: No such file or directory");
    assert_eq!(array[2]["url"], url(&marketplace.base).as_str());
    assert_eq!((&array[2]["state"], &array[2]["endorser"]["email"]), (&"created".into(), &EMAIL.into()));
    assert_eq!((&array[2]["identifier"], &array[2]["endorsed"]), (&IDENTIFIER.into(), &CREATED.into()));
}

#[test]
fn c34_c35_the_endpoint_comes_from_the_configuration_too() {
    let (folder, marketplace) = (folder(), real(&[]));
    let nowhere = "https://nowhere.invalid";
    let command = || loopback::command("stratus-upload-metadata", folder.path());
    for key in ["marketplace", "marketplace_endpoint"] {
        let config = format!("{key} = '{}/'\n[other]\n{key} = '{nowhere}'\n", marketplace.base);
        fs::write(folder.path().join("c.toml"), config).unwrap();
        command().args(["-c", "c.toml", "image.xml"]).assert().success();
    }
    // Precedence: command line, environment, configuration.
    command()
        .env("STRATUSLAB_MARKETPLACE_ENDPOINT", &marketplace.base)
        .args(["-c", "c.toml", "-S", "other", "image.xml"])
        .assert()
        .success();
    upload(folder.path(), &marketplace.base)
        .env("STRATUSLAB_MARKETPLACE_ENDPOINT", nowhere)
        .arg("image.xml")
        .assert()
        .success();
}

#[test]
fn what_is_wrong_with_arguments_and_configuration_is_said_before_anything_is_sent() {
    let folder = folder();
    let failed = |endpoint: &str, more: &[&str], code| {
        stderr(&upload(folder.path(), endpoint).args(more).arg("image.xml").assert().code(code).stdout(""))
    };
    assert!(failed("ftp://example.org", &[], 2).starts_with("error: invalid endpoint 'ftp://example.org'"));
    let secret = failed("https://jane:secret@example.org", &[], 2);
    assert!(secret.contains("hint: put username and password in the configuration file"), "{secret}");
    assert!(!secret.contains("secret@"), "{secret}");
    assert!(failed("example.org", &["--timeout", "0"], 2).contains("--timeout"));
    assert!(failed("example.org", &["--ca-file", "absent.pem"], 3).contains("absent.pem: No such file"));
    assert!(failed("example.org", &["--ca-file", "image.xml"], 3).contains("no CA certificate in image.xml"));
    for (config, code, fact) in [
        ("username = 'jane'", 2, "the configuration has username but no password"),
        ("client_key = 'k.pem'", 2, "the configuration has client_key but no client_certificate"),
        (
            "client_key = 'k.pem'\nclient_certificate = 'c.pem'\nmarketplace_endpoint = 'example.org'",
            3,
            "c.pem: No such file or directory",
        ),
    ] {
        fs::write(folder.path().join("c.toml"), config).unwrap();
        let told = failed("example.org", &["-c", "c.toml"], code);
        assert!(told.contains(fact), "{told}");
    }
}

#[test]
fn c17_the_standard_proxy_variables_are_heeded() {
    let (folder, proxy) = (folder(), start(&[], |_| ()));
    let address = proxy.base.strip_suffix("/marketplace").unwrap();
    // NO_PROXY was unset, or compared by substring.
    for exempt in ["", "market", "place.test", "example.org"] {
        upload(folder.path(), "http://marketplace.test/marketplace")
            .env("http_proxy", address)
            .env("NO_PROXY", exempt)
            .arg("image.xml")
            .assert()
            .success();
        assert_eq!(proxy.requests.recv().unwrap().header("host"), Some("marketplace.test"));
    }
    let failed = upload(folder.path(), "https://marketplace.test")
        .env("HTTPS_PROXY", address)
        .arg("image.xml")
        .assert()
        .code(5);
    assert_eq!(proxy.requests.recv().unwrap().method, "CONNECT");
    assert!(
        stderr(&failed)
            .contains("through the proxy: it refuses to connect\nhint: the proxy is named in HTTPS_PROXY")
    );

    // A proxy that is down: tcpmux, where nobody listens.
    for (variable, base) in
        [("http_proxy", "http://marketplace.test"), ("HTTPS_PROXY", "https://marketplace.test")]
    {
        let failed = upload(folder.path(), base)
            .env(variable, "http://jane:secret@127.0.0.1:1")
            .args(["-q", "--timeout", "3", "image.xml"])
            .assert()
            .code(5);
        let expected = format!(
            "error: cannot connect to the proxy 127.0.0.1:1 for {base}/metadata: Connection refused\n\
             hint: the proxy is named in {variable}; NO_PROXY lists hosts to reach without it\n"
        );
        assert_eq!(stderr(&failed), expected);
    }

    let direct = start(&[], |_| ());
    upload(folder.path(), &direct.base)
        .envs([("ALL_PROXY", "http://127.0.0.1:1"), ("no_proxy", "example.org, 127.0.0.1")])
        .arg("image.xml")
        .assert()
        .success();
}

#[test]
fn without_tls_no_certificates_are_read() {
    let (folder, plain) = (folder(), start(&[], |_| ()));
    // Whoever opens it waits for a writer, who never comes.
    let pipe = folder.path().join("certificates");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let upload = |base: &str, limit| {
        let mut command = upload(folder.path(), base);
        command.env("SSL_CERT_FILE", &pipe).args(["--timeout", "1", "image.xml"]);
        command.timeout(Duration::from_secs(limit)).assert()
    };
    upload(&plain.base, 60).success();
    upload("https://127.0.0.1:1", 10).interrupted();
}

#[test]
fn c31_the_real_cause_is_told_with_what_to_do() {
    let folder = folder();
    // tcpmux: nobody listens there.
    let free = "127.0.0.1:1";
    let failed = upload(folder.path(), &format!("http://{free}"))
        .args(["--timeout", "1", "image.xml"])
        .assert()
        .code(5);
    let told = stderr(&failed);
    assert!(
        told.contains(&format!("error: cannot connect to http://{free}/metadata: Connection refused")),
        "{told}"
    );
    assert!(told.contains("hint: check --marketplace-endpoint and the network\n"), "{told}");
    assert_eq!(told.matches("error:").count(), 1);
}

#[test]
fn c31_http_to_a_server_that_speaks_https_is_suspected() {
    let folder = folder();
    let (acceptor, _) = acceptor(folder.path());
    let secure = start(&[], |options| options.tls = Some(acceptor.build()));
    let told = |base: &str| {
        let args = ["-q", "--timeout", "1", "image.xml"];
        stderr(&upload(folder.path(), &base.replace("https:", "http:")).args(args).assert().code(5))
    };
    // As nginx has it.
    let talking = start(&[], |options| {
        options.judge = Box::new(|_| Err("The plain HTTP request was sent to HTTPS port".to_owned()));
    });
    for base in [&secure.base, &talking.base] {
        let told = told(base);
        assert!(told.ends_with("hint: does this server speak https instead of http?\n"), "{told}");
    }
}

#[test]
fn m4_a_marketplace_that_knows_rsa_sha1_only_is_recognised() {
    let folder = folder();
    fs::write(folder.path().join("old.xml"), entry(CREATED, RsaSha1)).unwrap();
    let hint = "hint: old Marketplaces accept only what is signed with --signature-algorithm rsa-sha1\n";
    for (reason, hinted) in [
        ("signature validation: falsecontent (ref='') validity: true", true),
        ("the keyselector did not find a validation key", true),
        ("KeySelector: no key", true),
        ("The requested algorithm rsa-sha256 is not supported", true),
        ("endorser inconsistency (email): a@example.org != b@example.org", false),
    ] {
        let marketplace = start(&[], |options| options.judge = Box::new(move |_| Err(reason.to_owned())));
        let told =
            |args: &[&str]| stderr(&upload(folder.path(), &marketplace.base).args(args).assert().code(5));
        let told_of_new = told(&["image.xml"]);
        assert!(told_of_new.contains(reason), "{told_of_new}");
        assert_eq!(told_of_new.ends_with(hint), hinted, "{told_of_new}");
        assert!(!told(&["--allow-sha1", "old.xml"]).contains("hint:"));
    }
}

#[test]
fn c16_giving_up_verification_is_warned_of() {
    let (folder, marketplace) = (folder(), real(&[]));
    let done = upload(folder.path(), &marketplace.base)
        .args(["--insecure-no-tls-verify", "image.xml"])
        .assert()
        .success();
    assert!(stderr(&done).starts_with("warning: the server's certificate is not verified"));
}

/// TLS with the endorser's certificate, and that certificate in `c.pem`.
#[cfg(test)]
fn acceptor(folder: &Path) -> (SslAcceptorBuilder, X509) {
    let credentials = credentials();
    let certificate = X509::from_der(credentials.certificate().der()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(credentials.key().unwrap()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    fs::write(folder.join("c.pem"), certificate.to_pem().unwrap()).unwrap();
    (acceptor, certificate)
}

#[test]
fn c16_a_folder_of_cas_comes_from_the_command_line_or_the_configuration() {
    let folder = folder();
    fs::create_dir(folder.path().join("cas")).unwrap();
    fs::create_dir(folder.path().join("none")).unwrap();
    let (acceptor, _) = acceptor(&folder.path().join("cas"));
    let marketplace = start(&[], |options| options.tls = Some(acceptor.build()));
    fs::write(folder.path().join("c.toml"), "ca_path = 'cas'\n").unwrap();
    fs::write(folder.path().join("none.toml"), "ca_path = 'none'\n").unwrap();
    let run = |args: &[&str], code| {
        stderr(&upload(folder.path(), &marketplace.base).args(args).arg("image.xml").assert().code(code))
    };
    run(&["--ca-path", "cas"], 0);
    run(&["-c", "c.toml"], 0);
    run(&["-c", "none.toml", "--ca-path", "cas"], 0);
    assert!(run(&["-c", "none.toml"], 3).contains("no CA certificate in none"));
    let told = run(&[], 5);
    assert!(told.contains("name its certificate with --ca-file or --ca-path"), "{told}");
}

#[test]
fn login_and_client_certificate_go_to_the_configured_marketplace_only() {
    let folder = folder();
    let (acceptor, _) = acceptor(folder.path());
    let own = start(&[], |options| options.tls = Some(acceptor.build()));
    let (other, third) = (start(&[], |_| ()), start(&[], |_| ()));
    let login = "username = 'jane'\npassword = 'secret'\n";
    // Not even read where it is not sent.
    let client = "client_certificate = 'absent.pem'\nclient_key = 'k.pem'\n";
    let config = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let named = format!("marketplace_endpoint = '{}'\nca_file = 'c.pem'\n", own.base);
    config("own.toml", format!("{named}{login}"));
    config("all.toml", format!("{named}{login}{client}"));
    config("client.toml", format!("{named}{client}"));
    config("default.toml", login.to_owned());
    let run = |base: &str, config: &str| {
        stderr(&upload(folder.path(), base).args(["-c", config, "image.xml"]).assert().success())
    };
    let sent = |marketplace: &Marketplace| {
        marketplace.requests.recv().unwrap().header("authorization").map(str::to_owned)
    };
    assert!(!run(&own.base, "own.toml").contains("not sending"));
    assert_eq!(sent(&own).as_deref(), Some("Basic amFuZTpzZWNyZXQ="));
    for (config, what, of) in [
        ("own.toml", "user and password", own.base.as_str()),
        ("all.toml", "user, password and client certificate", &own.base),
        ("client.toml", "client certificate", &own.base),
        ("default.toml", "user and password", "https://marketplace.stratuslab.eu"),
    ] {
        let told = run(&other.base, config);
        let expected = format!(
            "warning: not sending the configuration's {what} to {}: its Marketplace is {of}\n",
            other.base
        );
        assert!(told.contains(&expected), "{told}");
        assert!(!told.contains("unencrypted"), "{told}");
        assert_eq!(sent(&other), None);
    }
    // The environment names another one just as well.
    loopback::command("stratus-upload-metadata", folder.path())
        .env("STRATUSLAB_MARKETPLACE_ENDPOINT", &third.base)
        .args(["-c", "own.toml", "image.xml"])
        .assert()
        .success();
    assert_eq!(sent(&third), None);
}

#[test]
fn c16_trust_identity_and_login_come_from_the_configuration() {
    let (folder, credentials) = (folder(), credentials());
    let (mut acceptor, certificate) = acceptor(folder.path());
    let mut known = X509StoreBuilder::new().unwrap();
    known.add_cert(certificate.clone()).unwrap();
    acceptor.set_verify_cert_store(known.build()).unwrap();
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let marketplace = start(&[], |options| options.tls = Some(acceptor.build()));
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    let named = format!("marketplace_endpoint = '{}'\n", marketplace.base);
    let client = "client_certificate = 'c.pem'\nclient_key = 'k.pem'\n";
    write("k.pem", &credentials.key().unwrap().private_key_to_pem_pkcs8().unwrap());
    write(
        "all.toml",
        format!("{named}{client}ca_file = 'c.pem'\nusername = 'jane'\npassword = 'secret'\n").as_bytes(),
    );
    write("trust.toml", b"ca_file = 'c.pem'\n");
    let run = |config: &str, code| {
        let mut command = upload(folder.path(), &marketplace.base);
        stderr(&command.args(["-c", config, "image.xml"]).assert().code(code))
    };
    run("all.toml", 0);
    let request = marketplace.requests.recv().unwrap();
    assert_eq!(request.header("authorization"), Some("Basic amFuZTpzZWNyZXQ="));
    let told = run("trust.toml", 5);
    assert!(told.contains("hint: this server wants a client certificate"), "{told}");
    // Nor is it shown to another Marketplace than it is for, on another port.
    let other = format!("marketplace_endpoint = 'https://127.0.0.1:1'\nca_file = 'c.pem'\n{client}");
    write("other.toml", other.as_bytes());
    let told = run("other.toml", 5);
    assert!(told.contains("warning: not sending the configuration's client certificate"), "{told}");
    assert!(told.contains("hint: this server wants a client certificate"), "{told}");
    upload(folder.path(), &marketplace.base).arg("image.xml").assert().code(5);
    // The command line's trust replaces the configuration's, key by key.
    write("wrong.toml", format!("{named}{client}ca_file = 'image.xml'\n").as_bytes());
    upload(folder.path(), &marketplace.base)
        .args(["-c", "wrong.toml", "--ca-file", "c.pem", "image.xml"])
        .assert()
        .success();
}

#[test]
fn c30_an_interrupt_ends_with_130() {
    let (folder, marketplace) = (folder(), start(&["silent"], |_| ()));
    let program = assert_cmd::cargo::cargo_bin("stratus-upload-metadata");
    let child = std::process::Command::new(program)
        .args(["--marketplace-endpoint", &marketplace.base, "image.xml"])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    marketplace.requests.recv().unwrap();
    let kill = format!("kill -INT {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
}
