//! Questions in SPARQL, asked and answered on a page.

use stratuslab::server::query::Program;

use crate::{
    browser::Browser,
    material::images,
    server::{self, Server, draft::Draft},
};

/// A server that answers queries over what is there now.
pub(crate) fn answering(server: &Server) {
    let (engine, store) = (server.marketplace.queries().clone(), server.marketplace.store().clone());
    let program = Program(env!("CARGO_BIN_EXE_stratus-marketplace").into());
    server.wait(async {
        let (_, newest) = store.feed().await.unwrap();
        tokio::spawn(engine.clone().follow(store, program));
        engine.has(newest).await;
    });
}

#[test]
fn the_examples_are_answered_in_tables_that_lead_to_entries_and_mistakes_are_told_in_place() {
    let server = server::start(|_| {});
    images(&server, 6);
    let bad = Draft::new("bad").text("title", "Holes").created_in(-60).deprecated("It has a hole");
    let bad = server.publish(bad.signed());
    answering(&server);
    let browser = Browser::start(&server.base);
    browser.open("/query");
    let examples = browser.all(".examples a").len();
    for number in 1..=examples {
        browser.open("/query");
        browser.click(&format!(".examples li:nth-child({number}) a"));
        browser.until_true("it is answered", || !browser.all("#answer").is_empty());
    }
    browser.open("/query");
    browser.click(".examples li:nth-child(1) a");
    browser.until_true("systems are counted", || browser.texts("tbody tr:first-child td").len() == 3);
    assert_eq!(browser.text("#answer"), "3 results");
    browser.open("/query");
    browser.click(".examples li:nth-child(3) a");
    browser.until_true("deprecations are listed", || browser.text("tbody").contains("It has a hole"));
    browser.click("tbody a");
    browser.until_true("the entry is shown", || browser.path() == bad);

    browser.open("/query");
    browser.script("document.getElementById('query').value = ''", &[]);
    browser.type_into("#query", "ASK { ?image <http://purl.org/dc/terms/title> \"Holes\" }");
    // With the keyboard.
    browser.type_into("#query", "\u{e009}\u{e007}\u{e000}");
    browser.until_true("it is answered", || browser.texts("#answer") == ["Answer: yes"]);
    browser.script("document.getElementById('query').value = 'SELECT <script>'", &[]);
    browser.click("#query-form button");
    browser.until_true("the mistake is told", || !browser.all(".notice.bad").is_empty());
    assert_eq!(browser.script("return document.getElementById('query').value", &[]), "SELECT <script>");
}
