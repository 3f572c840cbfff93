//! All of it works without a mouse.

use serde_json::json;

use crate::{
    browser::Browser,
    material::{title, with_images},
};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Goes on with the tabulator until `css` has the focus, which must be seen there.
fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..60 {
        browser.keys(TAB);
        if browser.script("return document.activeElement.matches(arguments[0])", &[json!(css)]) == json!(true)
        {
            let outline = "return getComputedStyle(document.activeElement).outlineStyle";
            assert_ne!(browser.script(outline, &[]), json!("none"), "{css}");
            return;
        }
    }
    panic!("the tabulator does not lead to {css}");
}

#[test]
fn an_image_is_found_and_opened_with_the_keyboard_alone() {
    let (_server, browser, _drafts) = with_images(5);
    browser.open("/metadata");
    tab_to(&browser, ".skip");
    browser.keys(ENTER);
    browser.until_true("the content has the focus", || {
        browser.script("return document.activeElement.id", &[]) == json!("main")
    });
    tab_to(&browser, "#q");
    browser.keys("nr2.");
    browser.keys(ENTER);
    browser.until_true("the list follows", || browser.texts(".card h3 a") == [title(2)]);
    tab_to(&browser, "#status");
    tab_to(&browser, ".card h3 a");
    browser.keys(ENTER);
    browser.until_true("the entry is shown", || browser.texts("h1") == [title(2)]);
    tab_to(&browser, "summary, .copy");
    tab_to(&browser, "nav a[href='/query'], footer a");
}

#[test]
fn on_a_phone_the_filters_open_with_the_keyboard() {
    let (_server, browser, _drafts) = with_images(1);
    browser.look(390, 844, "dark");
    browser.open("/metadata");
    for _ in 0..60 {
        browser.keys(TAB);
        if browser.script("return document.activeElement.id", &[]) == json!("filters-shown") {
            browser.keys(" ");
            assert!(browser.is_visible("#os"));
            return;
        }
    }
    panic!("the tabulator does not lead to the filters");
}
