//! Large documents of several shapes.

use std::fmt::Write as _;

type Make = fn(usize) -> String;

/// A name, and what makes such a document of about so many bytes.
pub(crate) const SHAPES: [(&str, Make); 6] = [
    ("prose", prose),
    ("prose full of references", references),
    ("tags", tags),
    ("attributes", attributes),
    ("namespaces", namespaces),
    ("many namespaces in scope", in_scope),
];

const WORDS: [&str; 11] =
    ["alpha", "beta", "gamma", "delta", "café", "eta", "theta", "iota", "lorem", "ipsum", "dolor"];

fn filled(root: &str, size: usize, mut part: impl FnMut(usize, &mut String)) -> String {
    let mut document = format!("<doc{root}>\n");
    for number in 0.. {
        if document.len() >= size {
            break;
        }
        part(number, &mut document);
    }
    document.push_str("</doc>\n");
    document
}

fn prose(size: usize) -> String {
    filled("", size, |number, out| {
        out.push_str("<p>");
        for word in 0..40 {
            out.push_str(WORDS[(number + word * word) % WORDS.len()]);
            out.push(' ');
        }
        // One paragraph in four has a reference.
        out.push_str(if number % 4 == 0 { "this &amp; that</p>\n" } else { "and so on</p>\n" });
    })
}

fn references(size: usize) -> String {
    filled("", size, |number, out| {
        out.push_str("<p>");
        for word in 0..400 {
            out.push_str(match word % 20 {
                7 => "&amp;",
                13 => "&lt;",
                19 => ">",
                _ => WORDS[(number + word * word) % WORDS.len()],
            });
            out.push(' ');
        }
        out.push_str("</p>\n");
    })
}

fn tags(size: usize) -> String {
    filled("", size, |_, out| out.push_str("<a><b/><c>x</c><d><e/></d></a>\n"))
}

fn attributes(size: usize) -> String {
    filled(" xmlns:r='urn:r' xmlns:s='http://example.org/s#'", size, |number, out| {
        writeln!(
            out,
            "<r:e z=\"{number}\" b=\"two\" s:a=\"x &amp; y\" r:k=\"v\" xml:lang=\"en\" id=\"i{number}\">\
             <f w=\"0\" k=\"a value of several words\"/></r:e>"
        )
        .unwrap();
    })
}

fn namespaces(size: usize) -> String {
    filled("", size, |number, out| {
        let number = number % 100;
        writeln!(
            out,
            "<q:f xmlns:q=\"http://example.org/{number}\" q:a=\"1\" xmlns=\"urn:d\"><g xmlns=\"\"/></q:f>"
        )
        .unwrap();
    })
}

fn in_scope(size: usize) -> String {
    let mut root = String::new();
    for number in 0..20 {
        write!(root, " xmlns:n{number}='http://example.org/ns/{number}'").unwrap();
    }
    filled(&root, size, |number, out| {
        let (one, other, third) = (number % 20, (number + 3) % 20, number % 100);
        writeln!(
            out,
            "<n{one}:a n{other}:b=\"x\"><x:c xmlns:x=\"http://example.org/x/{third}\"/><d/></n{one}:a>"
        )
        .unwrap();
    })
}
