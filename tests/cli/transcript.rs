//! Transcripts: files with commands and what they print, compared with what they do print.
//!
//! A line that starts with `$ ` is a command (continued after `\`), `2> ` is before each line on
//! standard error, `1>` is an empty line on standard output, `? N` gives an exit status other than
//! 0, `# ` is a remark. Set `SNAPSHOTS=overwrite` to write what the commands print into the files.

use std::{fmt::Write as _, path::Path};

use snapbox::{Assert, Data, data::DataFormat};
use stratuslab::Timestamp;

use crate::place::{Done, Place};

/// Runs the commands of `tests/cli/NAME.transcript` in `place`, with these environment variables.
/// Where the value of one is printed, `$VARIABLE` stands for it; for times near now, `[NOW]`.
pub(crate) fn play(name: &str, place: &Place, variables: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/{name}.transcript"));
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut actual = String::new();
    let mut lines = expected.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            actual += line;
            while let Some(start) = command.strip_suffix('\\') {
                let next = lines.next().unwrap();
                command = format!("{start}{}", next.trim_start());
                let _ = write!(actual, "\n{next}");
            }
            actual += "\n";
            actual += &told(&place.shell(&command, variables), variables);
        } else if line.is_empty() || line.starts_with("# ") {
            let _ = writeln!(actual, "{line}");
        }
    }
    compare(&actual, &path);
}

/// Fails unless `actual` is what stands in the file.
fn compare(actual: &str, path: &Path) {
    let expected = Data::read_from(path, Some(DataFormat::Text)).raw();
    Assert::new().action_env("SNAPSHOTS").eq(actual.to_owned(), expected);
}

/// What a command printed, and its status.
fn told(done: &Done, variables: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for line in done.stdout.lines() {
        let _ = writeln!(text, "{}", if line.is_empty() { "1>" } else { line });
    }
    for line in done.stderr.lines() {
        let _ = writeln!(text, "{}", format!("2> {line}").trim_end());
    }
    match done.status {
        Some(0) => {}
        Some(status) => writeln!(text, "? {status}").unwrap(),
        None => text += "? signal\n",
    }
    hide(&text, variables)
}

/// `text` with what differs from run to run replaced.
fn hide(text: &str, variables: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        text = text.replace(value, &format!("${name}"));
    }
    without_times(&text)
}

fn without_times(text: &str) -> String {
    const LENGTH: usize = "2011-09-13T09:58:54Z".len();
    const TWO_YEARS: i64 = 2 * 366 * 86_400;
    let now = Timestamp::now().unix_seconds();
    let (mut result, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let time = rest.get(..LENGTH).and_then(|word| word.parse::<Timestamp>().ok());
        let length = if time.is_some_and(|time| (time.unix_seconds() - now).abs() < TWO_YEARS) {
            result += "[NOW]";
            LENGTH
        } else {
            result.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    result
}
