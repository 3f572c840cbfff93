//! How it starts, and where its settings come from.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    sync::Arc,
};

use stratuslab::server::settings::Settings;

use crate::marketplace::{Marketplace, PATIENCE, command};

#[test]
fn it_works_without_any_configuration() {
    // The port is the one thing that a test must not take.
    assert_eq!(Settings::default().listen.to_string(), "127.0.0.1:8081");
    let marketplace = Marketplace::start(&[]);
    assert_eq!(marketplace.ready, format!("listening on http://{}/\n", marketplace.address));
    assert_eq!(marketplace.get("/healthz").body, "ok\n");
    let data = marketplace.folder.path().join(".local/share/stratuslab/marketplace");
    assert!(data.join("marketplace.sqlite").exists());
    assert_eq!(fs::metadata(data).unwrap().permissions().mode() & 0o777, 0o700);
    let ended = marketplace.stop();
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), ""), "one line, and no more");
}

#[test]
fn what_it_was_given_is_there_after_a_restart() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let draft = crate::draft::Draft::new("an image");
    let first = Marketplace::start_in(&folder, &[]);
    assert_eq!(first.upload(&draft.signed()).status, 201);
    assert_eq!(first.stop().status, Some(0));
    let again = Marketplace::start_in(&folder, &[]);
    assert_eq!(again.ask("GET", &draft.path(), "Accept: application/xml\r\n", b"").status, 200);
}

#[test]
fn the_line_and_the_json_name_the_public_url() {
    let public = ["--public-url", "https://mp.example.org/marketplace/"];
    let marketplace = Marketplace::start(&public);
    let expected =
        format!("listening on http://{}/ for https://mp.example.org/marketplace/\n", marketplace.address);
    assert_eq!(marketplace.ready, expected);
    assert_eq!(marketplace.get("/marketplace/healthz").status, 200);
    let warning =
        "warning: anyone who reaches https://mp.example.org/marketplace/ can supersede and deprecate";
    assert!(marketplace.log().contains(warning), "{}", marketplace.log());
    let meant = Marketplace::start(&[&public[..], &["--open"]].concat());
    assert!(!meant.log().contains("warning"), "{}", meant.log());
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut json = command(folder.path());
    json.args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--json"]).args(public);
    let mut child = json.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        line
    };
    assert_eq!(line(), "[\n");
    let object: serde_json::Value = serde_json::from_str(&line()).unwrap();
    assert_eq!(object["public_url"], "https://mp.example.org/marketplace/");
    assert!(object["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert!(object["metrics_url"].as_str().unwrap().ends_with("/metrics"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_command_line_covers_the_environment_and_that_the_configuration() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let file = folder.path().join(".config/stratuslab/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(
        &file,
        "[marketplace]\nlisten = '127.0.0.2:0'\ndata = 'file'\nread_only = true\n\
         [other.marketplace]\nlisten = '127.0.0.3:0'\ndata = 'profile'\n",
    )
    .unwrap();
    let started = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(folder.path());
        command.arg("serve").args(arguments).envs(variables.iter().copied());
        Marketplace::run(command, &folder)
    };
    let listening = |arguments: &[&str], variables: &[(&str, &str)]| {
        started(arguments, variables).address.ip().to_string()
    };
    let variable = [("STRATUSLAB_MARKETPLACE_LISTEN", "127.0.0.4:0")];
    assert_eq!(listening(&[], &[]), "127.0.0.2");
    assert_eq!(listening(&["-S", "other"], &[]), "127.0.0.3");
    assert_eq!(listening(&["-S", "other"], &variable), "127.0.0.4");
    assert_eq!(listening(&["--listen", "127.0.0.5:0"], &variable), "127.0.0.5");
    // An empty variable is none.
    assert_eq!(listening(&[], &[("STRATUSLAB_MARKETPLACE_LISTEN", "")]), "127.0.0.2");
    let config = folder.path().join(".config/stratuslab");
    assert!(
        config.join("file/marketplace.sqlite").exists() && config.join("profile/marketplace.sqlite").exists()
    );
    // A variable may say no, too.
    let status = |marketplace: &Marketplace| marketplace.upload(b"<x/>").status;
    assert_eq!(status(&started(&[], &[])), 403);
    assert_eq!(status(&started(&[], &[("STRATUSLAB_MARKETPLACE_READ_ONLY", "false")])), 400);
    // And a directory covers a database of the configuration, and the other way round.
    fs::write(&file, "[marketplace]\nlisten = '127.0.0.1:0'\ndatabase = 'postgres://127.0.0.1:1/none'\n")
        .unwrap();
    let data = folder.path().join("mine");
    drop(started(
        &["--data", data.to_str().unwrap()],
        &[("STRATUSLAB_MARKETPLACE_DATABASE", "postgres://x")],
    ));
    assert!(data.join("marketplace.sqlite").exists());
}

#[test]
fn systemd_says_where_the_state_is_and_is_told_when_it_is_ready() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let socket = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let state = folder.path().join("state");
    let mut command = command(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &socket)
        .env("STATE_DIRECTORY", &state);
    let marketplace = Marketplace::run(command, &folder);
    let told = || {
        let mut message = [0; 100];
        let length = systemd.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).trim_end().to_owned()
    };
    assert_eq!(told(), "READY=1");
    assert!(state.join("marketplace.sqlite").exists());
    assert_eq!(marketplace.stop().status, Some(0));
    assert_eq!(told(), "STOPPING=1");
}
