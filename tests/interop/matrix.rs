//! Who exchanges which algorithm with us, in both directions.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
};

use stratuslab::dsig::SignatureMethod;

use crate::{
    judges::Outcome,
    ours,
    peers::{self, Peer, knows},
    theirs,
};

/// What the peers say they do not know, and why; everything else they know.
const UNKNOWN: [(Peer, SignatureMethod, &str); 5] = {
    use SignatureMethod::{Ed25519, RsaPssSha256, RsaPssSha384, RsaPssSha512};
    const PSS: &str = "xmlsec1 before 1.3 has no RSASSA-PSS";
    [
        (Peer::Xmlsec1, RsaPssSha256, PSS),
        (Peer::Xmlsec1, RsaPssSha384, PSS),
        (Peer::Xmlsec1, RsaPssSha512, PSS),
        (Peer::Xmlsec1, Ed25519, "xmlsec1 before 1.3 has no EdDSA"),
        (Peer::Signxml, Ed25519, "signxml has no EdDSA"),
    ]
};

const DSA: &str =
    "signxml makes r and s longer than XML-DSig §6.4.1 has them, which we refuse, as xmlsec1 does";

#[test]
fn each_peer_knows_what_the_table_says() {
    if peers::skipped("what the peers know") {
        return;
    }
    for peer in Peer::ALL {
        for method in SignatureMethod::ALL {
            let unknown = reason(peer, method);
            assert_eq!(knows(peer, method), unknown.is_none(), "{} on {method}", peer.name());
        }
    }
}

#[test]
fn every_algorithm_is_exchanged_in_both_directions() {
    if peers::skipped("the matrix") {
        return;
    }
    let mut notes = Vec::new();
    let rows: Vec<Row> = SignatureMethod::ALL.into_iter().map(|method| Row::of(method, &mut notes)).collect();
    let table = table(&rows, &notes);
    // Past the test harness, which keeps to itself what passing tests print.
    io::stdout().write_all(table.as_bytes()).unwrap();
    for row in rows {
        for direction in row.cells {
            let exchanged = direction.iter().filter_map(|cell| cell.as_ref().ok());
            assert!(exchanged.clone().count() > 0, "nobody to exchange {} with\n{table}", row.name);
            assert!(exchanged.into_iter().all(|(count, _)| *count > 0), "{}\n{table}", row.name);
        }
    }
}

/// What is known of an algorithm.
struct Row {
    name: &'static str,
    /// For both directions and each peer, how many documents agreed and in how many ways they were
    /// signed; or the number of the note that says why there are none.
    cells: [[Result<(usize, usize), usize>; Peer::ALL.len()]; 2],
}

impl Row {
    fn of(method: SignatureMethod, notes: &mut Vec<&'static str>) -> Self {
        let name = method.name();
        let mut note = |why: &'static str| {
            notes.iter().position(|note| *note == why).unwrap_or_else(|| {
                notes.push(why);
                notes.len() - 1
            })
        };
        let ways = |outcome: &Outcome| outcome.ways.get(name).map_or(0, BTreeSet::len);
        let there = Peer::ALL.map(|peer| {
            reason(peer, method).map_or_else(
                || {
                    let count = ours::outcome().verified.get(&(peer, name));
                    Ok((count.copied().unwrap_or_default(), ways(ours::outcome())))
                },
                |why| Err(note(why)),
            )
        });
        let here = Peer::ALL.map(|peer| {
            let why = reason(peer, method).or((!theirs::signs(peer, method)).then_some(DSA));
            why.map_or_else(
                || {
                    let outcome = theirs::outcome(peer);
                    Ok((outcome.signed.get(name).copied().unwrap_or_default(), ways(outcome)))
                },
                |why| Err(note(why)),
            )
        });
        Self { name, cells: [there, here] }
    }
}

fn reason(peer: Peer, method: SignatureMethod) -> Option<&'static str> {
    UNKNOWN.into_iter().find(|(who, what, _)| (*who, *what) == (peer, method)).map(|(.., why)| why)
}

fn table(rows: &[Row], notes: &[&str]) -> String {
    let peers = Peer::ALL.map(|peer| format!("{:11}", peer.name())).concat();
    let mut lines = vec![
        String::new(),
        format!("{:17}{:33}| {}", "", "signed here, verified by", "signed by, verified here"),
        format!("{:17}{peers}| {peers}", ""),
    ];
    for Row { name, cells } in rows {
        let directions = cells.each_ref().map(|cells| {
            let cells = cells.each_ref().map(|cell| match cell {
                Ok((documents, ways)) => format!("{documents} ({ways})"),
                Err(note) => format!("- {}", note + 1),
            });
            cells.map(|cell| format!("{cell:11}")).concat()
        });
        lines.push(format!("{name:17}{}", directions.join("| ")));
    }
    lines.push(
        "Documents that agreed, and in how many ways they were signed (digest, canonicalizations).".into(),
    );
    lines.extend(notes.iter().enumerate().map(|(number, note)| format!("{}: {note}", number + 1)));
    lines.iter().map(|line| line.trim_end()).chain([""]).collect::<Vec<_>>().join("\n")
}
