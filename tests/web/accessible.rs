//! axe-core finds nothing serious on any page, at any width, light or dark.
//!
//! `STRATUSLAB_SCREENSHOTS=DIR` keeps pictures of all of them.

use std::{env, fs, path::PathBuf};

use axum::{http::StatusCode, middleware, routing::get};
use serde_json::{Value, json};
use stratuslab::{
    Timestamp,
    server::{
        key::EntryKey,
        web::{
            action::{self, Asked, Command},
            headers, routes,
            upload::{self, Answer},
        },
    },
    validate::{Check, Options, Requirement, validate},
};

use crate::{
    browser::Browser,
    material::images,
    queries,
    server::{self, draft::Draft},
};

/// axe-core, from tests/setup.sh.
fn axe() -> String {
    let library = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/lib");
    let versions = fs::read_dir(&library).expect("target/peers (tests/setup.sh tests makes it)");
    let file = versions
        .map(|version| version.unwrap().path().join("site-packages/axe_playwright_python/axe.min.js"))
        .find(|file| file.exists())
        .expect("axe.min.js (tests/setup.sh tests fetches it)");
    fs::read_to_string(file).unwrap()
}

/// What it holds against the page that is shown, if that is serious.
fn faults(browser: &Browser, axe: &str) -> Vec<Value> {
    browser.script(axe, &[]);
    let found = browser.async_script(
        "const done = arguments[arguments.length - 1];
         axe.run(document, {resultTypes: ['violations']}).then(result => done(result.violations), error => done([{impact: 'critical', help: String(error)}]))",
        &[],
    );
    let serious = |fault: &&Value| matches!(fault["impact"].as_str(), Some("serious" | "critical"));
    let told = |fault: &Value| {
        let nodes = fault["nodes"].as_array().cloned().unwrap_or_default();
        json!([
            fault["id"],
            fault["help"],
            nodes.iter().map(|node| &node["html"]).take(3).collect::<Vec<_>>()
        ])
    };
    found.as_array().unwrap().iter().filter(serious).map(told).collect()
}

/// Looks at a page at every width, light and dark.
fn judge(browser: &Browser, axe: &str, name: &str, path: &str) {
    let pictures = env::var_os("STRATUSLAB_SCREENSHOTS").map(PathBuf::from);
    for (width, height) in [(390, 844), (1280, 900)] {
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme);
            browser.open(path);
            let faults = faults(browser, axe);
            let told = serde_json::to_string_pretty(&faults).unwrap();
            assert!(faults.is_empty(), "{name} {width} {scheme}: {told}");
            let wide = browser.script("return document.documentElement.scrollWidth", &[]);
            assert!(wide.as_u64() <= Some(width.into()), "{name} is {wide} wide at {width}");
            if let Some(folder) = &pictures {
                browser.picture(&folder.join(format!("{name}-{width}-{scheme}.png")));
            }
        }
    }
}

#[test]
fn axe_finds_nothing_serious_on_any_page_at_any_width_light_or_dark() {
    let server = server::start(|_| {});
    let drafts = images(&server, 30);
    let deprecated = Draft::new("bad")
        .created_in(-40)
        .text("title", "One with a hole")
        .deprecated("It has a hole: CVE-2026-1");
    let bad = server.publish(deprecated.signed());
    let expired =
        Draft::new("late").created("2020-01-01T00:00:00Z").valid("2020-07-01T00:00:00Z").text("os", "centos");
    let late = server.publish(expired.signed());
    let rich = Draft::new("image 1")
        .email("joe@example.org")
        .created_in(-86_400 * 3)
        .text("title", "Debian 12 with a web server")
        .text("tag", "debian-web")
        .text("description", &"A small system with a web server, for trying things out. ".repeat(40))
        .locations(&[
            "https://images.example.org/debian-12.qcow2.gz",
            "ftp://mirror.example.org/debian-12.qcow2.gz",
            "pdisk:vmdisk.example.org:8445:5ba8b3e0",
        ]);
    let rich = server.publish(rich.signed());
    queries::answering(&server);
    let browser = Browser::start(&server.base);
    let axe = axe();
    let old = drafts[1].path();
    for (name, path) in [
        ("list", "/metadata"),
        ("list-filtered", "/metadata?q=image&os=debian&status=all&length=10&sort=title"),
        ("list-deprecated", "/metadata?status=all"),
        ("list-none", "/metadata?q=nothing-is-like-this"),
        ("entry", &rich),
        ("entry-plain", &old),
        ("entry-deprecated", &bad),
        ("entry-expired", &late),
        ("endorsers", "/endorsers"),
        ("endorser", "/endorsers/joe@example.org"),
        ("tags", "/endorsers/joe@example.org/tags"),
        ("upload", "/upload"),
        ("query", "/query"),
        ("query-answered", "/query?query=SELECT%20%2A%20WHERE%20%7B%20%3Fs%20%3Fp%20%3Fo%20%7D%20LIMIT%2020"),
        ("query-wrong", "/query?query=SELECT"),
        ("about", "/about"),
        ("missing", "/no/such/page"),
    ] {
        judge(&browser, &axe, name, path);
    }
}

#[test]
fn axe_finds_nothing_serious_on_the_pages_of_uploads_and_confirmations() {
    let server = server::start(|_| {});
    let key: EntryKey = Draft::new("an image").path()["/metadata/".len()..].parse().unwrap();
    let mut options = Options::new(Timestamp::now());
    options.require = vec![Requirement::Dated];
    let signed = validate(&Draft::new("an image").signed(), &options);
    let unsigned = validate(Draft::new("an image").undated().unsigned().as_bytes(), &options);
    let verdict = |status: u16, message: &str, checks: &[Check]| {
        let key = (status == 201).then_some(&key);
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), message, key, checks };
        upload::verdict(&server.marketplace, &answer).unwrap()
    };
    let ask = |command: Command, deprecated: Option<&str>| {
        let path = format!("/action/6f8d/{}", command.name());
        let expires = Timestamp::now().checked_add_days(2).unwrap();
        let asked = Asked { command, path: &path, key: &key, deprecated, expires };
        action::page(&server.marketplace, &asked).unwrap()
    };
    let done =
        |command, key| action::done(&server.marketplace, command, "metadata entry created", key).unwrap();
    let pages = [
        ("verdict-published", verdict(201, "metadata entry created", signed.checks())),
        ("verdict-waiting", verdict(202, "confirmation email sent for new metadata entry", signed.checks())),
        ("verdict-refused", verdict(400, "invalid metadata: no signature", unsigned.checks())),
        ("action-confirm", ask(Command::Confirm, None)),
        ("action-abort", ask(Command::Abort, Some("It has a hole"))),
        ("action-abuse", ask(Command::Abuse, Some(""))),
        ("action-confirmed", done(Command::Confirm, Some(&key))),
        ("action-aborted", done(Command::Abort, None)),
    ];
    let mut routes = routes();
    for (name, page) in pages.clone() {
        routes = routes.route(&format!("/{name}"), get(async || page));
    }
    let service = routes.layer(middleware::from_fn(headers::add)).with_state(server.marketplace.clone());
    let address = server.wait(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, service).await });
        address
    });
    let (browser, axe) = (Browser::start(&format!("http://{address}")), axe());
    for (name, _) in pages {
        judge(&browser, &axe, name, &format!("/{name}"));
    }
    assert_eq!(browser.complaints(), [""; 0]);
}
