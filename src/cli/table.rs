//! A table on a terminal, never wider than it is.

use std::io;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What stands between two columns.
const GAP: usize = 2;
/// The columns of a terminal that does not tell.
const USUAL_WIDTH: usize = 80;
/// The most characters of a cell for each of its columns: marks that take no room (accents, joiners) could
/// otherwise be heaped up without end.
const CHARACTERS: usize = 4;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    /// To how many columns of the terminal it may be cut; `None` if it is of no use unless it is whole.
    pub(super) least: Option<usize>,
    /// Which is left out first where there is no room: the one with the greatest.
    pub(super) rank: u8,
}

/// The lines of a table, with its headings first, none longer than `width`. The cells are on one line each and
/// drive no terminal. A column that has nothing in it is left out.
pub(super) fn lines(columns: &[Column], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let cells = |at: usize| rows.iter().filter_map(move |row| row.get(at));
    let mut shown: Vec<(usize, Column)> = columns.iter().copied().enumerate().collect();
    shown.retain(|(at, _)| cells(*at).any(|cell| !cell.is_empty()));
    let natural: Vec<usize> = (0..columns.len())
        .map(|at| cells(at).map(|cell| cell.width()).chain([columns[at].heading.width()]).max().unwrap_or(0))
        .collect();
    let widths = loop {
        let mut widths: Vec<usize> = shown.iter().map(|(at, _)| natural[*at]).collect();
        if narrowed(&mut widths, &shown, width) || shown.len() <= 1 {
            break widths;
        }
        let least =
            shown.iter().enumerate().max_by_key(|(_, (_, column))| column.rank).map(|(place, _)| place);
        shown.remove(least.unwrap_or_default());
    };
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for (place, ((at, _), &room)) in shown.iter().zip(&widths).enumerate() {
            let cut = cut(cells.get(*at).copied().unwrap_or_default(), room.min(width));
            line.push_str(&cut);
            if place + 1 < shown.len() {
                line.push_str(&" ".repeat(room.saturating_sub(cut.width()) + GAP));
            }
        }
        line.truncate(line.trim_end().len());
        line
    };
    let headings = line(&columns.iter().map(|column| column.heading).collect::<Vec<_>>());
    let rows = rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    std::iter::once(headings).chain(rows).collect()
}

/// Takes from the widest columns, so that they end up alike, until all fit; whether they do.
fn narrowed(widths: &mut [usize], columns: &[(usize, Column)], width: usize) -> bool {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let can_be_cut = |(room, (_, column)): &(&mut usize, &(usize, Column))| {
            column.least.is_some_and(|least| **room > least)
        };
        let widest = widths.iter_mut().zip(columns).filter(can_be_cut).max_by_key(|(room, _)| **room);
        match widest {
            Some((room, _)) => *room -= 1,
            None => return false,
        }
    }
    true
}

/// As much of a text as fits, ending with `…` if that is not all.
fn cut(text: &str, room: usize) -> String {
    if text.width() <= room && text.chars().count() <= room * CHARACTERS {
        return text.to_owned();
    }
    let (mut kept, mut left) = (String::new(), room.saturating_sub(1));
    for character in text.chars().take(room * CHARACTERS) {
        let wide = character.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        kept.push(character);
    }
    // Some characters are wider in a row than alone: emoji that a selector asks for.
    while kept.width() >= room.max(1) {
        kept.pop();
    }
    kept.truncate(kept.trim_end().len());
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// How wide the terminal on standard output is.
pub(super) fn terminal_width() -> usize {
    let size = tcgetwinsize(io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(USUAL_WIDTH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { heading: "ID", least: None, rank: 0 },
        Column { heading: "KIND", least: Some(4), rank: 9 },
        Column { heading: "TITLE", least: Some(6), rank: 1 },
    ];

    fn rows(rows: &[[&str; 3]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn the_least_important_column_gives_way_and_the_widest_are_cut() {
        let rows = rows(&[["0123456789", "machine", "a title of some length"], ["9", "", "short"]]);
        assert_eq!(
            lines(&COLUMNS, &rows, 80),
            [
                "ID          KIND     TITLE",
                "0123456789  machine  a title of some length",
                "9                    short"
            ]
        );
        assert_eq!(
            lines(&COLUMNS, &rows, 30),
            ["ID          KIND     TITLE", "0123456789  machine  a title…", "9                    short"]
        );
        assert_eq!(
            lines(&COLUMNS, &rows, 20),
            ["ID          TITLE", "0123456789  a title…", "9           short"]
        );
        assert_eq!(lines(&COLUMNS, &rows, 12), ["ID", "0123456789", "9"]);
        assert_eq!(lines(&COLUMNS, &rows, 5), ["ID", "0123…", "9"]);
    }

    #[test]
    fn wide_characters_and_heaps_of_marks_take_the_room_they_take() {
        let heap = format!("e{}", "\u{301}".repeat(1000));
        let rows = rows(&[["1", "", "虚拟机镜像"], ["2", "", &heap]]);
        let lines = lines(&COLUMNS, &rows, 12);
        assert_eq!(lines[1], "1   虚拟机…");
        assert!(lines.iter().all(|line| line.width() <= 12), "{lines:?}");
        assert!(lines[2].chars().count() < 100);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            texts in prop::collection::vec(prop::array::uniform3("[a-z 虚é]{0,40}"), 0..5),
            width in 1_usize..120,
        ) {
            let rows: Vec<Vec<String>> = texts.into_iter().map(|row| row.to_vec()).collect();
            for line in lines(&COLUMNS, &rows, width) {
                prop_assert!(line.width() <= width, "{line:?} in {width}");
            }
        }
    }
}
