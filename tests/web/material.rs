//! What the pages show in these tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    browser::Browser,
    pki::jane,
    server::{Server, draft::Draft},
};

/// So many images of different systems; the last one is the newest.
pub(crate) fn images(server: &Server, count: usize) -> Vec<Draft> {
    let systems = [("ubuntu", "24.04", "x86_64"), ("debian", "12", "aarch64"), ("ttylinux", "9.7", "i486")];
    let drafts: Vec<Draft> = (0..count)
        .map(|number| {
            let (os, version, arch) = systems[number % systems.len()];
            Draft::new(&format!("image {number}"))
                .created(&format!("2012-03-{:02}T05:{:02}:07Z", 1 + number / 60, number % 60))
                .text("title", &title(number))
                .text("os", os)
                .text("os-version", version)
                .text("os-arch", arch)
                .text("description", "A small system with a web server, for trying things out.")
        })
        .collect();
    for draft in &drafts {
        assert_eq!(server.upload(draft.signed()).status, 201);
    }
    drafts
}

/// What the image of that number is called: nothing else has its number and a point in it.
pub(crate) fn title(number: usize) -> String {
    format!("Image nr{number}.")
}

/// A command of ours, in `folder`, which is also its home.
pub(crate) fn command(name: &str, folder: &Path) -> Command {
    let program = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join(name);
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("HOME", folder).env("LC_ALL", "C");
    command
}

/// Runs it to its end, which must be good, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The description of an image in `folder/image.xml`, signed by our command with Jane's certificate in
/// `folder/jane.p12`.
pub(crate) fn signed_by_command(draft: &Draft, folder: &Path) -> PathBuf {
    std::fs::write(folder.join("jane.p12"), jane().pkcs12("secret")).unwrap();
    let file = folder.join("image.xml");
    std::fs::write(&file, draft.unsigned()).unwrap();
    run(command("stratus-sign-metadata", folder).args([
        "--p12-cert=jane.p12",
        "--p12-password=secret",
        "image.xml",
    ]));
    file
}

/// A server with images, and a browser for it.
pub(crate) fn with_images(count: usize) -> (Server, Browser, Vec<Draft>) {
    let server = crate::server::start(|_| {});
    let drafts = images(&server, count);
    let browser = Browser::start(&server.base);
    (server, browser, drafts)
}
