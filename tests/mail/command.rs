//! Our own commands at a Marketplace that asks by mail.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

use crate::{
    server::Server,
    site::{JANE, PUBLIC, is_there, janes, press, start},
    smtp::{self, Smtp},
};

fn command(server: &Server, name: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin(name));
    command.env_clear().env("HOME", server.folder.path()).current_dir(server.folder.path());
    command.args(["--marketplace-endpoint", &format!("{}/marketplace", server.base)]);
    command
}

#[test]
fn upload_prints_the_url_to_come_and_says_that_it_is_to_be_confirmed() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    let entry = janes("command", 60);
    fs::write(server.folder.path().join("entry.xml"), entry.signed()).unwrap();
    let output = command(&server, "stratus-upload-metadata").arg("entry.xml").output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert_eq!(out, format!("{}/marketplace{}\n", server.base, entry.path()));
    assert!(
        err.contains(&format!("confirmation e-mail sent to {JANE}; the entry appears once it is confirmed")),
        "{err}"
    );
    let links = smtp.mail().links(PUBLIC);
    assert_eq!(press(&server, &links.confirm).status, 201);
    assert!(is_there(&server, &entry));

    // Once more: it is there, and nobody is asked.
    let output = command(&server, "stratus-upload-metadata").args(["--json", "entry.xml"]).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said[0]["state"], "created", "{said}");
    assert!(smtp.is_silent());
}

#[test]
fn upload_tells_as_json_what_is_pending() {
    let smtp = Smtp::start();
    let server = start(smtp.port);
    fs::write(server.folder.path().join("entry.xml"), janes("pending", 60).signed()).unwrap();
    let output = command(&server, "stratus-upload-metadata").args(["--json", "entry.xml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said[0]["state"], "pending", "{said}");
    assert_eq!(said[0]["message"], "confirmation email sent for new metadata entry", "{said}");
    assert_eq!(smtp.mail().to, [JANE]);
}

#[test]
fn upload_fails_where_no_mail_can_be_sent() {
    let server = start(smtp::gone());
    let entry = janes("gone", 60);
    fs::write(server.folder.path().join("entry.xml"), entry.signed()).unwrap();
    let mut upload = command(&server, "stratus-upload-metadata");
    let output = upload.args(["--timeout", "1", "entry.xml"]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), &b""[..]), "{err}");
    assert!(err.contains("no mail can be sent now; try again later"), "{err}");
    assert!(!is_there(&server, &entry));
}
