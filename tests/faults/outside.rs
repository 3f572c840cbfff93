//! Whatever is uploaded, and under whatever name: no file comes to be but the database's.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use crate::{
    draft::{Draft, identity, sign, time},
    marketplace::{Marketplace, command},
};

/// Every file below a folder, with what is in it; of the database only that it is there.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                files.insert(name + "/", Vec::new());
                folders.push(path);
            } else if name.starts_with("home/data/marketplace.sqlite") {
                files.insert("the database".to_owned(), Vec::new());
            } else {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn no_upload_makes_or_changes_a_file_outside_the_database() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    for name in ["tmp", "data", "beside"] {
        fs::create_dir(home.join(name)).unwrap();
    }
    for name in ["home/beside/entry.xml", "victim.xml"] {
        fs::write(folder.path().join(name), "as it was").unwrap();
    }
    let mut serve = command(&home);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(home.join("data"));
    serve.env("TMPDIR", home.join("tmp"));
    let marketplace = Marketplace::run(serve, &folder);
    let before = tree(folder.path());

    let good = |image: &str| Draft::new(image).signed();
    let form = |name: &str, document: &[u8]| {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"{name}\"\r\n\r\n");
        [head.as_bytes(), document, b"\r\n--b--\r\n"].concat()
    };
    let names =
        ["../../victim.xml", "/victim.xml", "..\\..\\victim.xml", "../beside/entry.xml\0", "CON", "."];
    for (number, name) in names.into_iter().enumerate() {
        let fields = "Content-Type: multipart/form-data; boundary=b\r\n";
        let body = form(name, &good(&format!("named {number}")));
        let answer = marketplace.ask("POST", "/metadata", fields, &body);
        assert!([201, 400].contains(&answer.status), "{name:?}: {}", answer.body);
    }
    // S7: signed, and with parts of its key that lead elsewhere.
    let person = identity("jane@example.org");
    let signed = |from: &str, to: &str| {
        let unsigned = Draft::new("crafted").unsigned();
        let whole = sign(unsigned.as_bytes(), &person, "jane@example.org", time("2012-03-04T05:06:07Z"));
        String::from_utf8(whole).unwrap().replace(from, to).into_bytes()
    };
    let identifier = Draft::new("crafted").identifier().to_string();
    for document in [
        signed("jane@example.org", "../../../../victim@example.org"),
        signed("2012-03-04T05:06:07Z", "../../victim"),
        signed(&identifier, "../../../../../../../victim"),
    ] {
        assert_eq!(marketplace.upload(&document).status, 400);
    }
    for path in
        ["/metadata/../../victim.xml", "/metadata/%2e%2e/%2e%2e/victim.xml", "/metadata/..%2f..%2fvictim/a/b"]
    {
        let answer = marketplace.ask("POST", path, "Content-Type: application/xml\r\n", &good(path));
        assert!([201, 400, 404, 405].contains(&answer.status), "{path}: {}", answer.body);
        assert!(!marketplace.get(path).body.contains("as it was"));
    }
    // What is more than memory would keep of a form elsewhere.
    let large = Draft::new("large").text("description", &"x".repeat(3_000_000)).signed();
    assert_eq!(marketplace.upload(&large).status, 201);
    assert_eq!(tree(folder.path()), before);
    assert_eq!(marketplace.stop().status, Some(0));
    assert_eq!(tree(folder.path()), before);
}
