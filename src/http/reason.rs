//! Why a server refuses, from whatever body it says so in.

use crate::xml::Source;

/// Longest text shown from an answer, in characters.
const REASON_LIMIT: usize = 1000;

/// The reason in the body of a refusal, in one printable line, empty if there is none.
///
/// Marketplaces answer `<error>REASON</error>`, unescaped in the originals and so at times
/// ill-formed, or `{"400" : "REASON"}`; proxies before them answer HTML or plain text.
pub(crate) fn reason(body: &[u8], status: u16) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let found = if text.starts_with('{') {
        from_json(text, status)
    } else if text.starts_with('<') {
        from_xml(text).or_else(|| Some(from_html(text)))
    } else {
        None
    };
    printable(&found.unwrap_or_else(|| text.to_owned()))
}

/// One line that cannot drive a terminal: white space is folded, control characters and
/// those that turn the direction of writing are dropped, and the length is bounded.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::new();
    let (mut length, mut gap) = (0, false);
    for character in text.chars() {
        if character.is_whitespace() {
            gap = true;
            continue;
        }
        if character.is_control()
            || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        {
            continue;
        }
        if length >= REASON_LIMIT {
            line.push('…');
            break;
        }
        if std::mem::take(&mut gap) && !line.is_empty() {
            line.push(' ');
            length += 1;
        }
        line.push(character);
        length += 1;
    }
    line
}

fn from_json(text: &str, status: u16) -> Option<String> {
    let serde_json::Value::Object(object) = serde_json::from_str(text).ok()? else { return None };
    let named = [status.to_string().as_str(), "error", "message", "detail", "reason", "rMsg"]
        .iter()
        .find_map(|&name| object.get(name).and_then(|value| value.as_str()).map(str::to_owned));
    named.or_else(|| object.values().find_map(|value| value.as_str().map(str::to_owned)))
}

/// The text of the root element `error`, between its tags if the document is ill-formed; of what S3 says
/// the message alone, since beside it is what the request was signed with.
fn from_xml(text: &str) -> Option<String> {
    let source = Source::read(text.as_bytes()).ok();
    if let Some(document) = source.as_ref().and_then(|source| source.parse().ok()) {
        let root = document.root_element();
        if root.has_tag_name("Error") {
            let message = root.children().find(|child| child.has_tag_name("Message"));
            return Some(message.and_then(|message| message.text()).unwrap_or_default().to_owned());
        }
        return root.has_tag_name("error").then(|| {
            let texts = root.descendants().filter(roxmltree::Node::is_text);
            texts.filter_map(|node| node.text()).collect()
        });
    }
    let (_, inside) = text.split_once("<error>")?;
    let inside = inside.rsplit_once("</error>").map_or(inside, |(inside, _)| inside);
    Some(unescaped(inside))
}

/// `TITLE: TEXT` of a page, the text without the title's repetition.
fn from_html(text: &str) -> String {
    let (mut title, mut shown) = (String::new(), String::new());
    // The element whose text is being passed over or kept apart.
    let mut within: Option<&str> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let (before, tag_on) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        match within {
            Some("title") => title.push_str(before),
            Some(_) => {}
            None => shown.push_str(before),
        }
        let end = if tag_on.starts_with("<!--") {
            tag_on.find("-->").map(|at| at + 3)
        } else {
            tag_on.find('>').map(|at| at + 1)
        };
        let (tag, after) = tag_on.split_at(end.unwrap_or(tag_on.len()));
        let name = tag.trim_start_matches('<').split(|c: char| !c.is_ascii_alphanumeric() && c != '/').next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        match within {
            Some(open) if name.strip_prefix('/') == Some(open) => within = None,
            Some(_) => {}
            None => within = ["title", "script", "style"].into_iter().find(|&kept| kept == name),
        }
        shown.push(' ');
        rest = after;
    }
    let (title, shown) = (printable(&unescaped(&title)), printable(&unescaped(&shown)));
    let shown = shown.strip_prefix(title.as_str()).unwrap_or(&shown).trim();
    match (title.is_empty(), shown.is_empty()) {
        (false, false) => format!("{title}: {shown}"),
        (false, true) => title,
        (true, _) => shown.to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_xml_error_is_read_well_formed_or_not() {
        let head = r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>"#;
        for (body, expected) in [
            ("<error>invalid metadata: no signature</error>", "invalid metadata: no signature"),
            ("<error>a &lt;b&gt; &amp; c</error>\n", "a <b> & c"),
            // S14: the message is not escaped.
            (
                "<error>unable to parse metadata: The element type \"a\" must be terminated by \"</a>\".</error>",
                "unable to parse metadata: The element type \"a\" must be terminated by \"</a>\".",
            ),
            ("<error>a & b < c", "a & b < c"),
            ("<error/>", ""),
        ] {
            assert_eq!(reason(format!("{head}{body}").as_bytes(), 400), expected);
        }
    }

    #[test]
    fn of_what_s3_says_only_the_message_is_told() {
        let body = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.\
                    </Message><AWSAccessKeyId>AKIA</AWSAccessKeyId><SignatureProvided>5ec</SignatureProvided></Error>";
        assert_eq!(reason(body.as_bytes(), 403), "It does not match.");
        assert_eq!(reason(b"<Error><Code>NoSuchKey</Code></Error>", 404), "");
    }

    #[test]
    fn json_is_read_by_status_then_by_custom() {
        assert_eq!(reason(br#"{"400" : "older than latest entry"}"#, 400), "older than latest entry");
        assert_eq!(reason(br#"{"code": 1, "message": "no"}"#, 400), "no");
        assert_eq!(reason(br#"{"other": "why"}"#, 400), "why");
        assert_eq!(reason(b"{broken", 400), "{broken");
    }

    #[test]
    fn html_gives_title_and_text() {
        let page = "<!DOCTYPE html><html><head><title>Bad Request</title><style>p{}</style></head>\
                    <body><!-- <p>no</p> --><table><tr><td>invalid &amp; unread</td></tr></table><script>a<b</script></body></html>";
        assert_eq!(reason(page.as_bytes(), 400), "Bad Request: invalid & unread");
        let nginx = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n\
                     <center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx</center></body></html>";
        assert_eq!(reason(nginx.as_bytes(), 413), "413 Request Entity Too Large: nginx");
    }

    #[test]
    fn nothing_that_drives_a_terminal_is_shown() {
        assert_eq!(reason(b"bad\x1b[2J\r\n  \x07entry\x9b\xff", 400), "bad[2J entry\u{fffd}\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{85}c\u{2028}d"), "ab c d");
        assert_eq!(printable(&"x".repeat(5000)).chars().count(), REASON_LIMIT + 1);
        assert_eq!(reason(b"", 500), "");
    }

    proptest::proptest! {
        #[test]
        fn any_body_gives_a_bounded_line(body: Vec<u8>, markup in "[<>/a-z!&;{}\" -]{0,200}") {
            for body in [body, markup.into_bytes()] {
                let line = reason(&body, 400);
                proptest::prop_assert!(line.chars().count() <= REASON_LIMIT + 1);
                proptest::prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }
}
