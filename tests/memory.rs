//! How much memory the largest documents take: those within the limits that cost most.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "a test without its material has failed")]

#[path = "common/entry.rs"]
mod entry;
#[path = "forgery/forge.rs"]
mod forge;
#[path = "common/pki.rs"]
mod pki;

use std::{fs, process::Command};

use forge::Forgery;
use stratuslab::xml::{Limits, MAX_DOCUMENT_BYTES, MAX_NODES};

/// How many times its size a document may take.
const MAX_RATIO: usize = 20;
/// What a signature and the rest of the entry take, of all that a document may have.
const REST: usize = 16_000;

const INSTALL: &str = "install it (Debian: apt-get install time), or set STRATUSLAB_SKIP_PEERS to go without";

const VALIDATE: &str = env!("CARGO_BIN_EXE_stratus-validate-metadata");

/// What is in a document besides an entry. Each is as long as it may be; what else it has most of
/// comes first, and then text.
fn worst() -> [(&'static str, String); 6] {
    let length = MAX_DOCUMENT_BYTES - REST;
    let filled = |content: &str, filler: &str| {
        let count = (length - content.len()) / filler.len();
        format!("{content}<y>{}</y>", filler.repeat(count))
    };
    // The parser has to keep values apart that are not as they are written.
    let names: Vec<_> = ('a'..='z').chain('A'..='Z').map(|name| format!(" {name}='\t'")).collect();
    let names = names.concat();
    let attributes = format!("<x{names}/>").repeat((Limits::ENTRY.all_attributes - 100) / 52);
    let nodes = "<x>&gt;</x>".repeat((MAX_NODES - 1_000) / 3);
    [
        ("text that grows in the canonical form", filled("", ">")),
        ("text of references", filled("", "&#60;")),
        ("an attribute that grows", format!("<x y='{}'/>", "\"".repeat(length))),
        ("attributes, and text that grows", filled(&attributes, ">")),
        ("nodes, and text that grows", filled(&nodes, ">")),
        ("text in parts", filled(&"<![CDATA[>]]>".repeat(MAX_NODES - 1_000), ">")),
    ]
}

#[test]
fn the_largest_document_takes_less_than_twenty_times_its_size() {
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        return eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, nobody measures");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entry.xml");
    let mut forgery = Forgery::new();
    let entry = forgery.content.clone();
    for (what, content) in worst() {
        // The rules do not forbid what they do not know.
        let place = "</rdf:Description>";
        let content = format!("<z:z xmlns:z='urn:z'>{content}</z:z>{place}");
        forgery.content = entry.replacen(place, &content, 1);
        let document = forgery.document();
        let size = document.len();
        assert!(size <= MAX_DOCUMENT_BYTES && size > MAX_DOCUMENT_BYTES - REST, "{what}: {size}");
        fs::write(&file, document).unwrap();
        // GNU time says on the last line how many KiB were resident at most.
        let run = Command::new("/usr/bin/time").args(["-f", "%M", VALIDATE]).arg(&file).output();
        let run = run.unwrap_or_else(|error| panic!("time does not run ({error}): {INSTALL}"));
        let told = String::from_utf8_lossy(&run.stderr);
        // It was not refused early.
        assert!(!told.contains("signature") && !told.contains("more than"), "{what}: {told}");
        let resident: usize = told.lines().last().unwrap().parse().unwrap();
        println!("{what}: {} tenths of its size", resident * 10 * 1024 / size);
        assert!(resident * 1024 < MAX_RATIO * size, "{what}: {resident} KiB for {size} bytes");
    }
}
