//! All of it works without JavaScript.

use crate::{
    material::{signed_by_command, with_images},
    server::draft::Draft,
};

const TITLES: &str = ".card h3 a";

#[test]
fn without_javascript_images_are_found_filtered_opened_and_uploaded() {
    let (_server, browser, _drafts) = with_images(12);
    browser.without_scripts(true);
    browser.open("/metadata");
    browser.type_into("#q", "nr7.");
    browser.click("#filter button");
    browser.until_true("the answer is shown", || browser.all(TITLES).len() == 1);
    let asked = browser.path();
    assert!(asked.starts_with("/metadata?q=nr7."), "{asked}");
    browser.click(".chips a");
    browser.until_true("the condition is gone", || browser.all(TITLES).len() == 12);
    browser.type_into("#os-arch", "aarch64");
    browser.click(".filters button");
    browser.until_true("the answer is shown", || browser.all(TITLES).len() == 4);
    browser.click(TITLES);
    browser.until_true("the entry is shown", || !browser.all("#signature").is_empty());
    assert!(browser.all(".copy").is_empty(), "buttons that would do nothing are not there");

    let folder = tempfile::tempdir().unwrap();
    let file = signed_by_command(&Draft::new("more").text("title", "One more"), folder.path());
    browser.open("/upload");
    browser.type_into("#file", file.to_str().unwrap());
    browser.click("#upload button");
    browser.until_true("the verdict is shown", || !browser.all(".notice.good").is_empty());
    assert_eq!(browser.path(), "/metadata");
    browser.click(".notice a");
    browser.until_true("the entry is shown", || !browser.all("#signature").is_empty());

    // On a phone the filters are behind a switch.
    browser.look(390, 844, "light");
    browser.open("/metadata");
    assert!(!browser.is_visible("#os"));
    browser.click(".opener");
    assert!(browser.is_visible("#os"));
}
