//! The unit for systemd: systemd understands it, finds it hardened, and it starts a server.

use std::{fs, path::Path, process::Command, sync::Arc};

use crate::marketplace::{Marketplace, command};

const UNIT: &str = include_str!("../../systemd/stratus-marketplace.service");

/// How much a service may be exposed, in tenths: systemd's scale ends at 100, and a network costs 8.
const EXPOSURE: &str = "15";

/// The line that starts the server.
fn start() -> &'static str {
    UNIT.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap()
}

fn analyze(verb: &[&str], unit: &Path) -> String {
    let output = Command::new("systemd-analyze").args(verb).arg(unit).env("SYSTEMD_COLORS", "0").output();
    let missing = "there is no systemd-analyze: install it (Debian: apt-get install systemd)";
    let output = output.unwrap_or_else(|error| unreachable!("{missing}: {error}"));
    let told =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{told}");
    told
}

#[test]
fn systemd_understands_the_unit_and_finds_it_hardened() {
    let folder = tempfile::tempdir().unwrap();
    let program = command(folder.path()).get_program().to_owned().into_string().unwrap();
    let (installed, _) = start().split_once(' ').unwrap();
    let unit = folder.path().join("stratus-marketplace.service");
    fs::write(&unit, UNIT.replace(installed, &program)).unwrap();
    assert_eq!(analyze(&["verify", "--man=no"], &unit), "");
    analyze(&["security", "--offline=yes", "--no-pager", "--threshold", EXPOSURE], &unit);
    // Nothing of its line is forgotten that it means by a comment.
    let unknown = UNIT.replace("NoNewPrivileges", "NoNewPrivilege").replace(installed, &program);
    fs::write(&unit, unknown).unwrap();
    assert!(analyze(&["verify", "--man=no"], &unit).contains("NoNewPrivilege"));
}

#[test]
fn the_line_of_the_unit_starts_a_server() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut server = command(folder.path());
    server.args(start().split(' ').skip(1));
    server
        .env("STATE_DIRECTORY", folder.path().join("state"))
        .env("STRATUSLAB_MARKETPLACE_LISTEN", "127.0.0.1:0");
    let marketplace = Marketplace::run(server, &folder);
    assert_eq!(marketplace.get("/readyz").status, 200);
    assert!(folder.path().join("state/marketplace.sqlite").exists());
    assert_eq!(marketplace.stop().status, Some(0));
}
