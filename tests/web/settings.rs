//! Pages of servers that are set up in other ways.

use stratuslab::{server::settings::PublicUrl, trust::Anchors};

use crate::{
    browser::Browser,
    material::images,
    pki::{Kind, Request, authority, new_key},
    server::{self, draft::Draft},
};

#[test]
fn below_a_prefix_every_link_form_and_asset_is_found() {
    let server = server::start(|settings| {
        settings.public_url = Some(PublicUrl {
            origin: "https://marketplace.example.org".to_owned(),
            prefix: "/marketplace".to_owned(),
        });
    });
    let drafts = images(&server, 3);
    let browser = Browser::start(&server.base);
    browser.open("/marketplace/metadata");
    browser.type_into("#q", "nr1.");
    browser.until_true("the list follows", || browser.texts("#count") == ["1 image"]);
    assert_eq!(browser.path(), "/marketplace/metadata?q=nr1.");
    browser.click(".card h3 a");
    let entry = format!("/marketplace{}", drafts[1].path());
    browser.until_true("the entry is shown", || browser.path() == entry);
    // Commands go to where everybody finds it.
    let commands = browser.texts("pre code").join("\n");
    assert!(commands.contains(&format!("https://marketplace.example.org{entry}")), "{commands}");
    for link in
        ["/marketplace/endorsers", "/marketplace/upload", "/marketplace/about", "/marketplace/metadata"]
    {
        browser.click(&format!("nav [href='{link}']"));
        browser.until_true("the page is shown", || browser.path() == link && !browser.all("h1").is_empty());
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn who_is_trusted_is_told_with_the_path_to_an_authority() {
    let authority = authority();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.certificate_pem()).unwrap();
    let mut anchors = Anchors::new();
    anchors.add_pem_file(&file).unwrap();
    let server = server::start(|settings| settings.anchors = Some(anchors.into()));
    let draft = Draft::new("trusted").created_in(-60);
    let email = "jane.tester@example.org";
    let jane = Request::new("Jane Tester").email(email).issued_by(&authority, &new_key(Kind::P256));
    let path = server.publish(draft.signed_by(&jane));
    let browser = Browser::start(&server.base);
    browser.open(&path);
    assert_eq!(browser.text("#signature"), "Signed and trusted");
    assert_eq!(browser.texts(".signer ol li"), ["CN=Test CA,O=StratusLab,C=FR"]);
}

#[test]
fn a_copy_for_reading_offers_no_form() {
    let server = server::start(|settings| settings.read_only = true);
    let browser = Browser::start(&server.base);
    browser.open("/upload");
    assert_eq!(browser.text(".notice h2"), "Nothing is taken here");
    assert!(browser.all("form").is_empty());
    browser.open("/about");
    assert!(browser.text("main").contains("a copy for reading"));
}
