//! What people come for: to find an image, to publish one, and to see what became of it.

use serde_json::json;

use crate::{
    browser::Browser,
    material::{command, run, signed_by_command, title, with_images},
    server::{self, draft::Draft},
};

const TITLES: &str = ".card h3 a";

#[test]
fn an_image_is_uploaded_found_opened_deprecated_by_command_and_marked() {
    let server = server::start(|_| {});
    let browser = Browser::start(&server.base);
    let folder = tempfile::tempdir().unwrap();
    browser.open("/");
    assert_eq!(browser.path(), "/metadata");
    assert_eq!(browser.text(".empty h3"), "Nothing here yet");

    let draft = Draft::new("an image").text("title", "A fine image").text("os-version", "9.7");
    let file = signed_by_command(&draft, folder.path());
    browser.click("nav a[href='/upload']");
    browser.script("window.here = true", &[]);
    browser.type_into("#file", file.to_str().unwrap());
    browser.click("#upload button");
    assert_eq!(browser.text("#verdict .notice h1"), "Published");
    assert_eq!(browser.script("return window.here", &[]), json!(true), "the page stays");
    let passed = browser.texts("#verdict .checks .passed");
    assert!(passed.iter().any(|check| check.contains("signature is genuine")), "{passed:?}");

    browser.click("#verdict .notice a");
    browser.until_true("the entry is shown", || browser.texts("h1") == ["A fine image"]);
    let entry = browser.path();
    assert!(
        entry.starts_with(&format!("/metadata/{}/jane.tester@example.org/", draft.identifier())),
        "{entry}"
    );
    assert_eq!(browser.text("#signature"), "Signature is genuine");
    assert!(browser.text(".signer").contains("CN=Jane Tester,O=StratusLab,C=FR"));
    assert_eq!(browser.text(".headline .badge"), "Valid");
    let pieces = browser.texts(".sums code");
    assert!(pieces.contains(&draft.identifier().sha1_hex()), "{pieces:?}");
    let commands = browser.texts("pre code").join("\n");
    assert!(commands.contains(&format!("{}{entry}", server.base)), "{commands}");

    browser.open("/metadata?q=fine");
    assert_eq!(browser.texts(TITLES), ["A fine image"]);

    let printed = run(command("stratus-deprecate-metadata", folder.path()).args([
        "--p12-cert=jane.p12",
        "--p12-password=secret",
        &format!("--marketplace-endpoint={}", server.base),
        "--reason=It has a hole",
        "--",
        &draft.identifier().to_string(),
    ]));
    browser.open("/metadata");
    assert_eq!(browser.texts(TITLES), [""; 0], "deprecated images are not listed unless asked for");
    assert_eq!(browser.text(".empty h3"), "No image is like that");
    browser.open("/metadata?status=deprecated");
    assert_eq!(browser.texts(".card .badge"), ["Deprecated"]);
    assert_eq!(browser.texts(".card .why"), ["Deprecated: It has a hole"]);
    browser.click(TITLES);
    browser.until_true("its reason is shown", || browser.texts(".notice.bad p") == ["It has a hole"]);
    assert_eq!(format!("{}{}", server.base, browser.path()), printed);
    // The first entry says that it is not the last word, and leads to it.
    assert_eq!(browser.texts("tbody .badge"), ["Deprecated", "Superseded"]);
    browser.open(&entry);
    assert_eq!(browser.text(".headline .badge"), "Superseded");
    browser.click(".notice.old a");
    browser.until_true("the newest is shown", || format!("{}{}", server.base, browser.path()) == printed);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_refused_upload_is_explained_check_by_check_where_it_was_made() {
    let server = server::start(|_| {});
    let browser = Browser::start(&server.base);
    let folder = tempfile::tempdir().unwrap();
    let draft = Draft::new("an image").text("title", "A title");
    let signed = String::from_utf8(draft.signed()).unwrap();
    for (name, document, said) in [
        ("changed.xml", signed.replace("A title", "Another"), "signature"),
        ("unsigned.xml", draft.unsigned(), "no signature"),
        ("broken.xml", "<rdf:RDF".to_owned(), "unable to parse metadata"),
        ("empty.xml", String::new(), "no valid file uploaded"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, document).unwrap();
        browser.open("/upload");
        browser.type_into("#file", file.to_str().unwrap());
        browser.click("#upload button");
        assert_eq!(browser.text("#verdict .notice h1"), "Refused", "{name}");
        let verdict = browser.text("#verdict");
        assert!(verdict.contains(said) || name == "empty.xml", "{name}: {verdict}");
        assert_eq!(browser.path(), "/upload");
    }
    browser.open("/metadata?status=all");
    assert_eq!(browser.text("#count"), "No images");
}

#[test]
fn lists_are_paged_through_to_their_end_and_back() {
    let (_server, browser, drafts) = with_images(23);
    browser.open("/metadata?length=10");
    let newest_first: Vec<String> = (0..drafts.len()).rev().map(title).collect();
    let shown = |titles: &[String]| {
        browser.until_true("the page is shown", || browser.texts(TITLES) == titles);
    };
    shown(&newest_first[..10]);
    browser.click(".pager [rel=next]");
    shown(&newest_first[10..20]);
    browser.click(".pager [rel=next]");
    shown(&newest_first[20..]);
    assert!(browser.all(".pager [rel=next]").is_empty());
    browser.click(".pager [rel=prev]");
    shown(&newest_first[10..20]);
    browser.click(".pager [rel=prev]");
    shown(&newest_first[..10]);
    assert!(browser.all(".pager [rel=prev]").is_empty());
}

#[test]
fn filters_work_while_one_types_and_are_all_in_the_address() {
    let (_server, browser, _drafts) = with_images(12);
    browser.open("/metadata");
    browser.script("window.here = true", &[]);
    assert_eq!(browser.text("#count"), "12 images");
    browser.type_into("#os", "ubuntu");
    browser.until_true("the list follows", || browser.texts("#count") == ["4 images"]);
    assert_eq!(browser.path(), "/metadata?os=ubuntu");
    assert_eq!(browser.script("return document.activeElement.id", &[]), json!("os"), "the focus stays");
    assert_eq!(browser.script("return document.getElementById('live').textContent", &[]), json!("4 images"));
    browser.type_into("#q", "nr3.");
    browser.until_true("the list follows", || browser.texts(TITLES) == [title(3)]);
    assert_eq!(browser.path(), "/metadata?q=nr3.&os=ubuntu");
    assert_eq!(browser.texts(".chips a b"), ["nr3.", "ubuntu"]);
    assert_eq!(browser.script("return window.here", &[]), json!(true), "the page stays");

    // The address alone says it all.
    let address = browser.path();
    browser.open(&address);
    assert_eq!(browser.texts(TITLES), [title(3)]);
    assert_eq!(browser.script("return document.getElementById('os').value", &[]), json!("ubuntu"));

    browser.open("/metadata?os=ttylinux&sort=title&length=10");
    browser.script(
        "const s = document.getElementById('sort'); s.value = '-created'; s.dispatchEvent(new Event('change', {bubbles: true}))",
        &[],
    );
    browser.until_true("the order follows", || browser.path() == "/metadata?os=ttylinux&length=10");
    assert_eq!(browser.texts(TITLES), [11, 8, 5, 2].map(title));
    browser.open("/metadata?status=nonsense");
    assert_eq!(browser.text("h1"), "That request cannot be answered");
    assert_eq!(browser.complaints().len(), 1, "the status of that page, and nothing else");
}

#[test]
fn checksums_are_copied_by_a_button() {
    let (server, browser, drafts) = with_images(1);
    let _ = &server;
    browser.open(&drafts[0].path());
    browser.script(
        "window.copied = []; navigator.clipboard.writeText = async text => { window.copied.push(text) }",
        &[],
    );
    browser.click("[aria-label='Copy identifier']");
    browser.click("[aria-label='Copy SHA-1']");
    let copied = browser.script("return window.copied", &[]);
    assert_eq!(copied, json!([drafts[0].identifier().to_string(), drafts[0].identifier().sha1_hex()]));
    assert_eq!(browser.text("[aria-label='Copy SHA-1']"), "Copied");
}

#[test]
fn a_file_that_is_dropped_is_the_one_uploaded() {
    let server = server::start(|_| {});
    let browser = Browser::start(&server.base);
    let document = String::from_utf8(Draft::new("dropped").signed()).unwrap();
    browser.open("/upload");
    browser.script(
        "const data = new DataTransfer(); data.items.add(new File([arguments[0]], 'entry.xml'));
         document.getElementById('upload').dispatchEvent(new DragEvent('drop', {dataTransfer: data, cancelable: true}))",
        &[json!(document)],
    );
    browser.click("#upload button");
    assert_eq!(browser.text("#verdict .notice h1"), "Published");
}

#[test]
fn endorsers_are_searched_and_their_history_and_tags_lead_to_images() {
    let server = server::start(|_| {});
    let tagged =
        Draft::new("tagged").created_in(-60).text("title", "A tagged one").text("tag", "a \"b\" & <c>/d");
    server.publish(tagged.signed());
    server.publish(Draft::new("other").email("joe@example.org").created_in(-60).signed());
    let browser = Browser::start(&server.base);
    browser.open("/endorsers");
    assert_eq!(browser.text("#count"), "2 endorsers");
    browser.type_into("#q", "jane");
    browser.until_true("the table follows", || browser.texts("#count") == ["1 endorser"]);
    browser.click(".links a:nth-child(2)");
    browser.until_true("the history is shown", || browser.texts("tbody th a") == ["A tagged one"]);
    browser.open("/endorsers/jane.tester@example.org/tags");
    assert_eq!(browser.texts(".taglist a"), ["a \"b\" & <c>/d"]);
    browser.click(".taglist a");
    browser.until_true("the image is shown", || browser.texts("h1") == ["A tagged one"]);
    // W3: its other formats are those of the entry, wherever it was reached from.
    let formats = browser.script(
        "return [...document.querySelectorAll('link[rel=alternate]')].map(l => l.getAttribute('href'))",
        &[],
    );
    assert_eq!(
        formats,
        json!([format!("{}?media=xml", tagged.path()), format!("{}?media=json", tagged.path())])
    );
    assert_eq!(browser.complaints(), [""; 0]);
}
