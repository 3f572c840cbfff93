//! Images of an original Marketplace, and of one that lies.

use serde_json::{Value, json};

use crate::{
    draft::{Draft, EMAIL},
    folder::{Done, Folder},
    found::{broken, list, run, titled},
    liar::{self, Says},
};

fn show(base: &str, arguments: &[&str]) -> Done {
    run(&Folder::new(), base, "show-image", arguments)
}

/// Originals answer any path that they do not know with a page.
fn original(documents: Vec<Vec<u8>>) -> String {
    liar::start(move |target| {
        if !target.starts_with("/metadata/") {
            return Says::status(200);
        }
        if documents.is_empty() {
            return Says { status: 404, ..Says::xml("<error>no metadata matching query found</error>") };
        }
        Says::xml(list(&documents))
    })
    .0
}

/// A Marketplace with one entry, that tells this history.
fn with_history(draft: &Draft, history: Says) -> String {
    let document = draft.signed();
    let answer = move |target: &str| {
        let is_list = target.starts_with("/metadata/");
        if is_list { Says::xml(list(std::slice::from_ref(&document))) } else { history.clone() }
    };
    liar::start(answer).0
}

#[test]
fn an_original_tells_no_history() {
    let draft = Draft::new("x");
    let shown = show(&original(vec![draft.signed()]), &[&draft.identifier().to_string()]).succeeded();
    assert!(shown.ends_with("\nhistory: not told by this Marketplace\n"), "{shown}");
    let base = original(Vec::new());
    let id = draft.identifier().to_string();
    show(&base, &[&id]).failed(1, &format!("error: there is no entry of {id} in {base}\n"));
}

#[test]
fn an_entry_of_another_image_is_not_shown() {
    let (draft, other) = (Draft::new("x"), Draft::new("y"));
    let base = original(vec![other.signed()]);
    let id = draft.identifier().to_string();
    let expected = format!(
        "error: there is no entry of {id} in {base}\nhint: entries that were not asked for are there: 1\n"
    );
    show(&base, &[&id]).failed(1, &expected);
    let both = original(vec![other.signed(), draft.signed()]);
    let json = show(&both, &["--json", &id]).json();
    assert_eq!(
        (&json[0]["identifier"], json[0]["endorsements"].as_array().unwrap().len()),
        (&id.as_str().into(), 1)
    );
    // Nor one of another endorser.
    assert_eq!(show(&both, &[&format!("{id}/joe@example.org")]).status, Some(1));
}

#[test]
fn what_does_not_verify_is_shown_as_such() {
    let draft = Draft::new("x");
    let id = draft.identifier().to_string();
    let bad = show(&original(vec![broken(&draft.signed())]), &[&id]);
    assert_eq!(bad.status, Some(1));
    assert!(bad.stdout.starts_with("verdict: invalid\nreason: "), "{}", bad.stdout);
    assert!(bad.stdout.contains(&format!("\n  2012-03-04T05:06:07Z {EMAIL}: invalid: ")), "{}", bad.stdout);
    let hostile = titled(&draft, "a&#x9b;31m\u{202e}\nverdict: trusted");
    let shown = show(&original(vec![hostile]), &[&id]).succeeded();
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(shown.contains("\ntitle: a\\u{9b}31m\\u{202e}\n  verdict: trusted\n"), "{shown}");
}

#[test]
fn a_history_that_makes_no_sense_is_a_warning() {
    let draft = Draft::new("x");
    let id = draft.identifier().to_string();
    for says in [
        Says::json(&json!({ "identifier": "AAAAAAAAAAAAAAAAAAAAAAAAAAA", "entries": [], "complete": true })),
        Says::json(&Value::from("x".repeat(9 << 20))),
        Says { content_type: "application/json", ..Says::status(500) },
    ] {
        let done = show(&with_history(&draft, says), &[&id]);
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        assert!(
            done.stderr.starts_with("warning: the history cannot be had: http://127.0.0.1:"),
            "{}",
            done.stderr
        );
        assert!(done.stdout.starts_with("verdict: valid\n"));
        assert!(done.stdout.ends_with("\nhistory: not told by this Marketplace\n"));
    }
    let entry = json!({
        "identifier": id, "email": EMAIL, "created": "2010-01-01T00:00:00Z", "state": "superseded",
        "deprecated": "\u{1b}]0;x\u{7}a\nb",
    });
    let told = json!({ "identifier": id, "entries": [entry], "complete": false });
    let shown = show(&with_history(&draft, Says::json(&told)), &[&id]).succeeded();
    let expected = format!(
        "history, as this Marketplace tells it:\n  2010-01-01T00:00:00Z {EMAIL} superseded, deprecated: ]0;xa b\n  and older ones\n"
    );
    assert!(shown.ends_with(&expected), "{shown}");
}
