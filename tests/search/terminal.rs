//! The table, on terminals of all widths.

use std::process::Command;

use crate::{draft::Draft, found::Place};

/// What the command shows on a terminal of so many columns; script(1) of util-linux makes one.
fn on_terminal(place: &Place, columns: u16, arguments: &str) -> Vec<String> {
    let program = assert_cmd::cargo::cargo_bin("stratus-search-images");
    let mut terminal = Command::new("script");
    terminal.args(["-qec", "stty rows 24 cols $WIDTH; exec \"$PROGRAM\" $ARGUMENTS", "/dev/null"]);
    terminal.env_clear().env("HOME", place.folder.path("")).env("SHELL", "/bin/sh").env("TERM", "xterm");
    terminal.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("WIDTH", columns.to_string());
    terminal.env("ARGUMENTS", format!("--marketplace-endpoint {} {arguments}", place.marketplace.base));
    let output = terminal.env("PROGRAM", program).current_dir(place.folder.path("")).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    shown.split("\r\n").filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_table_is_as_wide_as_the_terminal_and_no_line_is_wrapped() {
    use unicode_width::UnicodeWidthStr as _;
    let long = "word ".repeat(60);
    let drafts = [
        Draft::new("1").text("title", &long).text("os-version", "9.7").text("os-arch", "i486"),
        Draft::new("2")
            .text("title", "虚拟机镜像虚拟机镜像虚拟机镜像虚拟机镜像虚拟机镜像虚拟机镜像")
            .text("kind", "disk"),
        Draft::new("3").text("title", "\u{202e}evil\u{200b}").text("tag", "latest"),
    ];
    let place = Place::with(&drafts.each_ref());
    for columns in [200, 120, 80, 60, 40, 20, 5] {
        let lines = on_terminal(&place, columns, "");
        assert_eq!(lines.len(), 4, "{lines:?}");
        for line in &lines {
            assert!(line.width() <= usize::from(columns), "{columns}: {line}");
        }
        if columns >= 40 {
            let identifiers: Vec<_> = drafts.iter().map(|draft| draft.identifier().to_string()).collect();
            assert!(lines[1..].iter().all(|line| identifiers.contains(&line[..27].to_owned())), "{lines:?}");
            assert!(lines[0].starts_with("IDENTIFIER                   VERDICT"), "{lines:?}");
        }
        if columns >= 80 {
            assert!(
                lines[0].contains("  OS") && lines[0].contains("  ENDORSER") && lines[0].contains("  TITLE")
            );
        }
    }
    assert!(on_terminal(&place, 120, "")[0].contains("  ENDORSED  "));
    assert_eq!(on_terminal(&place, 120, "--ids --limit 3").len(), 3);
}
