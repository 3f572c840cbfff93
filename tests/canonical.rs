//! Canonical forms against libxml2's and the JDK's: generated documents, all six algorithms, whole
//! documents and subtrees, byte for byte. What differs is shrunk before it is shown.
//!
//! `STRATUSLAB_CASES` says how many documents. Where the judges differ the standard decides:
//!
//! - libxml2 leaves `&` in namespace names as it is; the JDK alone judges those (C14N 1.0 §2.3);
//! - the JDK drops comments and processing instructions behind a root that is empty; libxml2 alone
//!   judges those (C14N 1.0 §2.1);
//! - of an `xml:` attribute that several ancestors of a subtree have, the JDK takes over the outermost
//!   in C14N 1.0, where the nearest counts (§2.4);
//! - the JDK lets the attributes `xml:…` that are none of lang, space, base and id be inherited in
//!   C14N 1.1 too, where they are ordinary attributes (§2.4);
//! - joining values of `xml:base`, the JDK leaves a second slash, or fails, where `..` leads above the
//!   root of an absolute path (RFC 3986 §5.2.4);
//! - in C14N 1.1 both drop an `xml:base` that is empty, the JDK of subtrees alone, although only one
//!   that was joined may go (§2.4): xmllint gets none, and the JDK no subtree with one inside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "canonical/document.rs"]
mod document;
#[path = "canonical/jdk.rs"]
mod jdk;
#[path = "canonical/xmllint.rs"]
mod xmllint;

use std::{fmt::Debug, thread};

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner},
};
use stratuslab::{
    dsig::c14n::{self, Canonicalization, Mode},
    xml::{Limits, Source},
};

use document::{Document, Kind, document};
use jdk::Jdk;
use xmllint::{ALGORITHMS, Xmllint};

const CASES: u32 = 10_000;
/// How many documents xmllint gets in one run.
const BATCH: u32 = 50;
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Of how many elements of a document the subtree is judged.
const SUBTREES: usize = 1;

#[test]
fn canonical_forms_are_those_of_libxml2() {
    judged(
        CASES / BATCH,
        BATCH,
        || vec(document(Kind::Xmllint), 1..2 * BATCH as usize),
        |xmllint: &mut Xmllint, documents| {
            for comments in [true, false] {
                // It keeps comments, so that it gets documents without to make the form without.
                let judged: Vec<String> =
                    documents.iter().map(|document| document.written(comments)).collect();
                let files = xmllint.write(judged.iter().map(String::as_str));
                for (mode, option) in ALGORITHMS {
                    let mut algorithm = Canonicalization::new(mode);
                    algorithm.comments = comments;
                    let ours = documents.iter().map(|document| whole(&document.text(), &algorithm));
                    let ours = ours.collect::<Vec<_>>().concat();
                    let theirs = Xmllint::run(option, &files);
                    prop_assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
                    same(&ours, &theirs.stdout, option)?;
                }
            }
            Ok(())
        },
    );
}

#[test]
fn canonical_forms_are_those_of_the_jdk() {
    judged(CASES, 1, || document(Kind::Jdk), judged_by_the_jdk);
}

/// It escapes `&` in namespace names.
#[test]
fn ampersands_in_namespace_names_are_escaped_as_the_jdk_does() {
    judged(CASES / 10, 1, || document(Kind::JdkAmpersands), judged_by_the_jdk);
}

fn judged_by_the_jdk(jdk: &mut Jdk, document: &Document) -> TestCaseResult {
    let text = document.text();
    let source = Source::read(text.as_bytes()).unwrap();
    let tree = source.parse().unwrap();
    let algorithms = algorithms();
    let elements: Vec<_> = tree.descendants().filter(roxmltree::Node::is_element).collect();
    let root = tree.root_element();
    let last = tree.root().children().rfind(|node| !node.is_text());
    let mut jobs: Vec<jdk::Job> = Vec::new();
    for algorithm in &algorithms {
        if root.has_children() || last == Some(root) {
            jobs.push((algorithm, None));
        }
        for number in 0..elements.len().min(SUBTREES) {
            // Every part of the document in turn.
            let number = (number * 7 + text.len()) % elements.len();
            if !mistaken(elements[number], algorithm.mode) {
                jobs.push((algorithm, Some(number)));
            }
        }
    }
    for ((algorithm, element), theirs) in jobs.iter().zip(jdk.canonical(text.as_bytes(), &jobs)) {
        let ours = match element {
            None => c14n::document(tree.root(), algorithm, None),
            Some(element) => c14n::subtree(elements[*element], algorithm),
        };
        let theirs = theirs.unwrap_or_else(String::into_bytes);
        let what = format!(
            "{algorithm:?} of {}",
            element.map_or("all".into(), |e| format!("{:?}", elements[e].range()))
        );
        same(&ours.unwrap(), &theirs, what)?;
    }
    Ok(())
}

/// Whether the JDK is known to get the attributes wrong that this element inherits.
fn mistaken(apex: roxmltree::Node, mode: Mode) -> bool {
    let inherited = |name| apex.ancestors().skip(1).filter(move |element| element.has_attribute((XML, name)));
    match mode {
        Mode::Inclusive => ["lang", "space", "base", "id", "x"]
            .into_iter()
            .any(|name| !apex.has_attribute((XML, name)) && inherited(name).count() > 1),
        Mode::Inclusive11 => {
            let mut elements = apex.descendants();
            let empty = elements.any(|element| element.attribute((XML, "base")) == Some(""));
            let bases = || apex.ancestors().filter_map(|element| element.attribute((XML, "base")));
            let rooted = bases().any(|base| base.starts_with('/') || base.contains("//"));
            inherited("x").count() > 0 || empty || (rooted && bases().any(|base| base.starts_with("..")))
        }
        Mode::Exclusive => false,
    }
}

/// All six, and exclusive ones with `InclusiveNamespaces`.
fn algorithms() -> Vec<Canonicalization> {
    let plain = ALGORITHMS.map(|(mode, _)| Canonicalization::new(mode));
    let commented = plain.clone().map(Canonicalization::with_comments);
    let listed = [vec!["a", "é"], vec!["", "b", "never"], vec![""]].map(|prefixes| {
        let mut listed = Canonicalization::new(Mode::Exclusive);
        listed.inclusive_prefixes = prefixes.into_iter().map(str::to_owned).collect();
        listed
    });
    plain.into_iter().chain(commented).chain(listed).collect()
}

/// Documents with a character or two wrong: what is still accepted here, libxml2 accepts, and it
/// understands the same.
#[test]
fn what_is_accepted_libxml2_accepts() {
    judged(CASES / 2, 1, mutants, |xmllint: &mut Xmllint, mutant| {
        let Ok(source) = Source::read(mutant.as_bytes()) else { return Ok(()) };
        let Ok(tree) = source.parse() else { return Ok(()) };
        let theirs = Xmllint::run("--c14n", &xmllint.write([mutant.as_str()]));
        let complaint = String::from_utf8_lossy(&theirs.stderr);
        if complaint.contains("is not a valid URI") {
            return Ok(()); // libxml2 takes no empty port, which RFC 3986 §3.2.3 allows
        }
        prop_assert!(theirs.status.success(), "{}", complaint);
        let algorithm = Canonicalization::new(Mode::Inclusive).with_comments();
        let ours = c14n::document(tree.root(), &algorithm, None).unwrap();
        same(&ours, &theirs.stdout, "--c14n")
    });
}

/// Neither the stack nor the time is the document's to choose.
#[test]
fn documents_far_beyond_an_entry_have_a_canonical_form() {
    let levels = Limits::LARGE.depth;
    let deep = format!("{}{}", "<a xmlns='urn:a'>".repeat(levels), "</a>".repeat(levels));
    let canonical = format!("<a xmlns=\"urn:a\">{}{}", "<a>".repeat(levels - 1), "</a>".repeat(levels));
    let wide = format!("<p:a xmlns:p='urn:a'>{}</p:a>", "<p:b z='' a=''/>".repeat(1_000_000));
    let canonical_wide =
        format!("<p:a xmlns:p=\"urn:a\">{}</p:a>", "<p:b a=\"\" z=\"\"></p:b>".repeat(1_000_000));
    for (document, expected) in [(deep, canonical), (wide, canonical_wide)] {
        for (mode, _) in ALGORITHMS {
            assert!(whole(&document, &Canonicalization::new(mode)) == expected.as_bytes(), "{mode:?}");
        }
    }
}

/// C14N 1.1 §2.4, the example there, and one where an ancestor has the last word.
#[test]
fn the_bases_of_several_ancestors_are_joined() {
    for (document, expected) in [
        ("<a xml:base='foo/bar'><b xml:base='..'><c xml:base='..'><d xml:base='x'/></c></b></a>", "../x"),
        ("<a><b xml:base='x/'><c xml:base='y/'><d/></c></b></a>", "x/y/"),
        ("<a xml:base='http://a.org/b/c'><c xml:base='y/'><d xml:base='?q'/></c></a>", "http://a.org/b/y/?q"),
    ] {
        let source = Source::read(document.as_bytes()).unwrap();
        let tree = source.parse().unwrap();
        let last = tree.descendants().next_back().unwrap();
        let canonical = c14n::subtree(last, &Canonicalization::new(Mode::Inclusive11)).unwrap();
        assert_eq!(String::from_utf8(canonical).unwrap(), format!("<d xml:base=\"{expected}\"></d>"));
    }
}

/// `examples/c14n.rs`
#[test]
#[cfg(feature = "cli")]
fn the_example_prints_the_canonical_form_and_nothing_after_it() {
    use std::process::Command;

    let folder = tempfile::tempdir().unwrap();
    let run = |document: &str, arguments: &[&str]| {
        let file = folder.path().join("document.xml");
        std::fs::write(&file, document).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--locked", "--example", "c14n", "--"]).args(arguments);
        let output = command.arg(&file).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        let error = error.replace(file.to_str().unwrap(), "FILE");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), error)
    };
    let document = "<a xmlns='urn:a' xmlns:b='urn:b'><!-- c --><b:c z='1' b='2'/></a>";
    let done = |form: &str| (0, form.to_owned(), String::new());
    let inclusive = r#"<a xmlns="urn:a" xmlns:b="urn:b"><b:c b="2" z="1"></b:c></a>"#;
    assert_eq!(run(document, &[]), done(inclusive));
    assert_eq!(run(document, &["--mode", "c14n11"]), done(inclusive));
    let exclusive = r#"<a xmlns="urn:a"><!-- c --><b:c xmlns:b="urn:b" b="2" z="1"></b:c></a>"#;
    assert_eq!(run(document, &["--mode", "exc", "--comments"]), done(exclusive));
    assert_eq!(run(document, &["--mode", "exc", "--prefixes", "#default b"]), done(inclusive));
    let ill_formed = "error: FILE: not well-formed XML: the root node was opened but never closed\n";
    assert_eq!(run("<a>", &[]), (1, String::new(), ill_formed.to_owned()));
    let doctype = "error: FILE: the document has a DOCTYPE, which is not accepted\n";
    assert_eq!(run("<!DOCTYPE a><a/>", &[]), (1, String::new(), doctype.to_owned()));
    assert_eq!(run(document, &["--mode", "none"]).0, 2);
    assert_eq!(run(document, &["--prefixes", "a"]).0, 2);
    let missing = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--example", "c14n", "--", "/nowhere"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(3));
}

/// Documents with a character or two wrong.
fn mutants() -> impl Strategy<Value = String> {
    let wrong = vec![
        "<",
        ">",
        "/",
        "\"",
        "'",
        "=",
        "&",
        ";",
        ":",
        "#",
        "!",
        "?",
        "-",
        "--",
        "]]>",
        "[",
        "]",
        " ",
        "x",
        "xmlns",
        "xml",
        "\u{85}",
        "&#0;",
        "&#xFFFE;",
        "&#x1F;",
        "\u{b}",
        "\u{ffff}",
        "<a>",
        "</a>",
        "<!-",
        "<?",
        "?>",
        "<![CDATA[",
        "\u{300}",
        "·",
        "\u{feff}",
        "",
    ];
    let place = (any::<prop::sample::Index>(), 0_usize..3, select(wrong));
    (document(Kind::Xmllint), vec(place, 1..3)).prop_map(|(document, places)| {
        let mut characters: Vec<String> = document.text().chars().map(String::from).collect();
        for (index, length, by) in places {
            let start = index.index(characters.len());
            let end = characters.len().min(start + length);
            characters.splice(start..end, [by.to_owned()]);
        }
        characters.concat()
    })
}

trait Judge {
    fn start() -> Self;
}

impl Judge for Jdk {
    fn start() -> Self {
        Self::start()
    }
}

impl Judge for Xmllint {
    fn start() -> Self {
        Self::new()
    }
}

/// Has generated documents judged, `cases` times `size` of them unless `STRATUSLAB_CASES` says how many,
/// by as many threads as there are cores. The smallest that fails is shown.
fn judged<J: Judge, T: Debug, S: Strategy<Value = T>>(
    cases: u32,
    size: u32,
    strategy: impl Fn() -> S + Sync,
    judge: impl Fn(&mut J, &T) -> TestCaseResult + Sync,
) {
    if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
        return eprintln!("SKIPPED: STRATUSLAB_SKIP_PEERS is set, nobody judges");
    }
    let wanted = std::env::var("STRATUSLAB_CASES").map(|cases| cases.parse::<u32>().unwrap().div_ceil(size));
    let cases = wanted.unwrap_or(cases);
    let workers = u32::try_from(thread::available_parallelism().map_or(1, usize::from)).unwrap();
    thread::scope(|scope| {
        for worker in 0..workers {
            let (strategy, judge) = (&strategy, &judge);
            scope.spawn(move || {
                let config = Config {
                    cases: cases.div_ceil(workers),
                    failure_persistence: None,
                    max_shrink_iters: 10_000,
                    ..Config::default()
                };
                let seed = [u8::try_from(worker % 256).unwrap(); 32];
                let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
                let judging = std::cell::RefCell::new(J::start());
                let result = TestRunner::new_with_rng(config, random)
                    .run(&strategy(), |document| judge(&mut judging.borrow_mut(), &document));
                if let Err(error) = result {
                    panic!("{error}");
                }
            });
        }
    });
    println!("about {} documents", cases * size);
}

fn whole(document: &str, algorithm: &Canonicalization) -> Vec<u8> {
    let source = Source::read_within(document.as_bytes(), &Limits::LARGE).unwrap();
    c14n::document(source.parse().unwrap().root(), algorithm, None).unwrap()
}

/// Shows where the two begin to differ, and a little before it.
fn same(ours: &[u8], theirs: &[u8], what: impl std::fmt::Display) -> TestCaseResult {
    if ours == theirs {
        return Ok(());
    }
    let start = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count().saturating_sub(20);
    let shown = |text: &[u8]| String::from_utf8_lossy(&text[start..text.len().min(start + 200)]).into_owned();
    Err(TestCaseError::fail(format!("{what}\nours: {:?}\ntheirs: {:?}", shown(ours), shown(theirs))))
}
