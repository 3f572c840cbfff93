//! The progress bar, on terminals of all widths and without one.

use std::fs::File;
use std::path::Path;

use crate::{BUILD, BUILD_ARGS, folder, isolated, program, run, text};

/// What a command shows on a terminal of so many columns; script(1) of util-linux makes one.
fn on_terminal(folder: &Path, columns: u16, args: &[&str]) -> String {
    let mut terminal = isolated(Path::new("script"), folder);
    terminal.args(["-qec", "stty rows 24 cols $WIDTH; exec \"$PROGRAM\" $ARGUMENTS", "/dev/null"]);
    terminal
        .env("WIDTH", columns.to_string())
        .env("PROGRAM", program(BUILD))
        .env("ARGUMENTS", args.join(" "));
    terminal.env("SHELL", "/bin/sh").env("TERM", "xterm");
    let output = terminal.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines of what was shown on a terminal, without what moves its cursor (ECMA-48 §5.4).
fn lines_shown(shown: &str) -> Vec<String> {
    let mut parts = shown.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        let end = part.find(|c: char| ('@'..='~').contains(&c)).unwrap();
        text + "\n" + &part[end + 1..]
    });
    text.split(['\r', '\n']).map(str::to_owned).collect()
}

#[test]
fn a_terminal_shows_how_far_an_image_is_read_and_nothing_else_does() {
    let folder = folder();
    // Long enough to be drawn, and no space on the disk.
    File::create(folder.path().join("image")).unwrap().set_len(64 << 20).unwrap();
    let args = [&BUILD_ARGS[..], &["--force", "--location=https://example.org/image"]].concat();
    for columns in [200, 80, 40, 30, 20, 10] {
        let lines = lines_shown(&on_terminal(folder.path(), columns, &args));
        let drawn: Vec<_> = lines.iter().filter(|line| line.contains('█') || line.contains('░')).collect();
        assert!(!drawn.is_empty(), "{columns}: {lines:?}");
        for line in drawn {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line:?}");
            if columns >= 80 {
                assert!(
                    line.contains("/64.00 MiB  ") && line.contains("B/s  ") && line.ends_with(" left"),
                    "{line:?}"
                );
            }
        }
    }
    for option in ["-q", "--json"] {
        let shown = on_terminal(folder.path(), 80, &[&args[..], &[option]].concat());
        assert!(!shown.contains('█') && !shown.contains('░') && !shown.contains(" left"), "{shown}");
    }
    let (status, stdout, stderr) = run(BUILD, folder.path(), &args);
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (0, "", ""));
}
