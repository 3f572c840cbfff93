//! W1, S31: documents are hostile text, and stay text.

use serde_json::json;

use crate::{
    browser::Browser,
    server::{self, draft::Draft},
};

const ATTACK: &str = "\"'><script>window.pwned=1</script><img src=x onerror=window.pwned=2>{{7*7}}<!--";

#[test]
fn w1_s31_what_documents_say_is_text_on_every_page() {
    let server = server::start(|_| {});
    let escaped = ATTACK.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut draft = Draft::new("hostile").created_in(-60).locations(&[
        "javascript:window.pwned=3",
        &format!("http://example.org/{ATTACK}"),
        "pdisk:<script>window.pwned=4</script>",
        "https://user@evil.example/",
    ]);
    for name in ["title", "description", "tag", "os", "os-version", "os-arch", "kind", "version"] {
        draft = draft.text(name, ATTACK);
    }
    for name in ["dcterms:publisher", "slterms:hypervisor", "dcterms:replaces"] {
        draft = draft.extra(&format!("<{name}>{escaped}</{name}>"));
    }
    let path = server.publish(draft.clone().signed());
    server.publish(Draft::new("deprecated").created_in(-50).deprecated(ATTACK).signed());
    let browser = Browser::start(&server.base);
    let encoded = "%22%27%3E%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E";
    for (page, shows) in [
        ("/metadata".to_owned(), true),
        ("/metadata?status=all".to_owned(), true),
        (format!("/metadata?q={encoded}&os={encoded}&kind={encoded}&endorser={encoded}"), true),
        (path, true),
        ("/endorsers".to_owned(), false),
        (format!("/endorsers?q={encoded}&sort={encoded}"), false),
        ("/endorsers/jane.tester@example.org".to_owned(), true),
        ("/endorsers/jane.tester@example.org/tags".to_owned(), true),
        ("/upload".to_owned(), false),
        ("/about".to_owned(), false),
        (format!("/{encoded}"), false),
        (format!("/metadata?status={encoded}"), false),
    ] {
        browser.open(&page);
        assert_eq!(browser.script("return window.pwned ?? null", &[]), json!(null), "{page}");
        let foreign = "return document.querySelectorAll('main script, main img, [onerror], [href^=\"javascript\" i], [href*=\"user@\"]').length";
        assert_eq!(browser.script(foreign, &[]), json!(0), "{page}");
        let text = browser.script("return document.body.innerText", &[]);
        assert_eq!(
            text.as_str().unwrap().contains("<script>window.pwned=1</script>"),
            shows,
            "{page}: {text}"
        );
        let forbidden: Vec<_> =
            browser.complaints().into_iter().filter(|said| !said.contains("status of 4")).collect();
        assert_eq!(forbidden, [""; 0], "{page}");
    }
}

#[test]
fn text_that_reorders_and_text_without_end_does_not_spoil_a_page() {
    let server = server::start(|_| {});
    let draft = Draft::new("long")
        .text("title", &format!("gpj\u{202e}exe.{}", "W".repeat(3_000)))
        .text("description", &"endless ".repeat(20_000))
        .locations(&[&format!("http://example.org/{}", "a".repeat(1_500))]);
    let path = server.publish(draft.signed());
    let browser = Browser::start(&server.base);
    for width in [390, 1280] {
        browser.look(width, 900, "light");
        for page in ["/metadata", &path] {
            browser.open(page);
            let wide = browser.script("return document.documentElement.scrollWidth", &[]);
            assert!(wide.as_u64().unwrap() <= u64::from(width), "{page} is {wide} wide at {width}");
            assert!(browser.text(if page == "/metadata" { ".card h3" } else { "h1" }).contains("⟨U+202E⟩"));
            let bytes = browser.script("return document.documentElement.outerHTML.length", &[]);
            assert!(bytes.as_u64().unwrap() < 60_000, "{page} has {bytes} characters");
        }
    }
}
