//! Who is believed: the entry that is used is the one that was verified and judged, and nothing else is.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    pki::{Kind, Request, new_key},
    scripted::{Act, Scripted, answer},
    site::{JANE, Site, content, entry, jane},
};

/// A Marketplace that answers a list with these documents, the first time and later.
fn fickle(first: &[u8], later: &[u8]) -> Scripted {
    let asked = AtomicUsize::new(0);
    let list = |document: &[u8]| {
        let text = std::str::from_utf8(document).unwrap();
        let entry = &text[text.find("<rdf:RDF").unwrap()..];
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><metadata>{entry}</metadata>");
        answer(
            "200 OK",
            &format!("Content-Type: application/xml\nContent-Length: {}", body.len()),
            body.as_bytes(),
        )
    };
    let (first, later) = (list(first), list(later));
    Scripted::start(move |_| {
        Act::Send(if asked.fetch_add(1, Ordering::SeqCst) == 0 { first.clone() } else { later.clone() })
    })
}

#[test]
fn an_entry_that_changes_between_policy_and_download_is_not_used() {
    let site = Site::new();
    let (good, evil) = (content(5000), content(6000));
    let good_url = site.web.serve("good.img", &good);
    let evil_url = site.web.serve("evil.img", &evil);
    let draft = entry(&good, &[&good_url]);
    let stranger =
        Request::new("Jane Tester").email(JANE).days(-10_000, 365).self_signed(&new_key(Kind::P256));
    let honest = draft.signed_by(&jane());
    let forged = entry(&good, &[&evil_url]).signed_by(&stranger);
    // The documents are asked for once: what was judged is what is used.
    let marketplace = fickle(&honest, &forged);
    let identifier = draft.identifier().to_string();
    let done = site.download(&["--marketplace-endpoint", &marketplace.base, "-o", "image.img", &identifier]);
    done.ended(0, "", "");
    assert!(fs::read(site.user.path("image.img")).unwrap() == good);
    assert_eq!(marketplace.log().len(), 1);
    // With the forged one first, nothing is fetched.
    let site = Site::new();
    let marketplace = fickle(&forged, &honest);
    site.download(&["--marketplace-endpoint", &marketplace.base, &identifier]).refused();
    assert_eq!(site.cached(), Vec::<String>::new());
    // Between two commands: the policy approved an entry, and the Marketplace gives another under its name.
    let withdrawn = draft.clone().deprecated("it has a hole").signed_by(&jane());
    for other in [forged, withdrawn] {
        let marketplace = fickle(&honest, &other);
        let approved = site.user.run(
            "policy-image",
            &["--marketplace-endpoint", &marketplace.base, "--ca-file", "ca.pem", &identifier],
        );
        let url = approved.succeeded();
        site.download(&[url.trim_end()]).refused();
        assert_eq!(site.cached(), Vec::<String>::new());
    }
}

#[test]
fn an_entry_of_another_image_is_not_used() {
    let site = Site::new();
    let (one, two) = (content(5000), content(6000));
    let url = site.web.serve("two.img", &two);
    let other = entry(&two, &[&url]).signed_by(&jane());
    let marketplace = fickle(&other, &other);
    let identifier = entry(&one, &[]).identifier().to_string();
    site.download(&["--marketplace-endpoint", &marketplace.base, &identifier]).refused();
    assert_eq!(site.web.log(), Vec::<String>::new());
}

#[test]
fn a_policy_decides_what_is_fetched_and_from_where() {
    let site = Site::new();
    let image = content(5000);
    let url = site.web.serve("image.img", &image);
    let other = format!("{}/elsewhere/image.img", site.web.base.replace("127.0.0.1", "localhost"));
    let identifier = site.publish(&entry(&image, &[&other, &url]));
    let policy = |text: &str| site.user.write("policy.toml", text);
    policy("[policy]\nos = [\"ubuntu\"]\n");
    let done = site.download(&["--policy", "policy.toml", &identifier]);
    assert!(done.stderr.contains("ttylinux"), "{}", done.stderr);
    done.refused();
    assert_eq!(site.web.log(), Vec::<String>::new());
    policy(&format!("[policy]\nos = [\"ttylinux\"]\nlocations = [\"{}\"]\n", site.web.base));
    assert!(fs::read(site.fetched(&["--policy", "policy.toml", &identifier])).unwrap() == image);
    assert_eq!(site.web.log(), ["GET /image.img - 200"], "nothing else was asked");
    // Nor does a redirect lead to where an image may not lie.
    let to = url.clone();
    let server = Scripted::start(move |_| {
        Act::Send(answer("302 Found", &format!("Location: {to}\nContent-Length: 0"), b""))
    });
    let redirecting = server.url("/image.img");
    let second = content(6000);
    let redirected = site.publish(&entry(&second, &[&redirecting]));
    policy(&format!("[policy]\nlocations = [\"{}\"]\n", server.base));
    site.download(&["--policy", "policy.toml", &redirected]).failed(
        5,
        &format!(
            "error: {redirecting} redirects to {url}, which is not followed\nhint: name the URL of the image itself\n"
        ),
    );
    // None that is allowed.
    policy("[policy]\nlocations = [\"https://images.example.org\"]\n");
    site.download(&["--policy", "policy.toml", "--cache", "other", &identifier]).refused();
    // In the configuration, too.
    site.user.write("c.toml", "[policy]\ndeny_endorsers = [\"jane@example.org\"]\n");
    site.download(&["-c", "c.toml", &identifier]).refused();
    let object = &site.download(&["-c", "c.toml", "--json", &identifier]).json()[0];
    assert_eq!(object["verdict"], "refused");
    assert!(object["decisions"].as_array().unwrap().iter().any(|decision| decision["kept"] == false));
}

#[test]
fn what_was_withdrawn_is_not_handed_out_though_it_is_cached() {
    let site = Site::new();
    let image = content(5000);
    let url = site.web.serve("image.img", &image);
    let draft = entry(&image, &[&url]);
    let identifier = site.publish(&draft);
    site.fetched(&[&identifier]);
    let withdrawn = draft.clone().created("2012-04-04T05:06:07Z").deprecated("it has a hole");
    site.publish(&withdrawn);
    let done = site.download(&[&identifier]);
    assert!(done.stderr.contains("it has a hole"), "{}", done.stderr);
    done.refused();
    // Not by its date either, nor when the Marketplace cannot be asked any more, or pretends not to know.
    let dated = format!("{identifier}/{JANE}/2012-03-04T05:06:07Z");
    site.download(&[&dated]).refused();
    site.download(&["--offline", &identifier]).refused();
    let old = draft.signed_by(&jane());
    site.user.write("old.xml", &old);
    site.download(&["--metadata-file", "old.xml"]).refused();
    let rolled_back = fickle(&old, &old);
    site.download(&["--marketplace-endpoint", &rolled_back.base, &identifier]).refused();
}

#[test]
fn files_about_several_images_need_a_name() {
    let site = Site::new();
    let (one, two) = (content(5000), content(6000));
    for (name, image) in [("one", &one), ("two", &two)] {
        let url = site.web.serve(name, image);
        site.user.write(&format!("{name}.xml"), entry(image, &[&url]).signed_by(&jane()));
    }
    let files = ["--metadata-file", "one.xml", "--metadata-file", "two.xml"];
    let done = site.download(&files);
    assert_eq!((done.status, done.stdout.as_str()), (Some(2), ""));
    assert!(
        done.stderr.starts_with("error: there are entries of 2 images\nhint: name one of them, such as "),
        "{}",
        done.stderr
    );
    let second = entry(&two, &[]).identifier().to_string();
    assert!(fs::read(site.fetched(&[&files[..], &[&second]].concat())).unwrap() == two);
}

#[test]
fn junk_does_not_crowd_out_a_withdrawal() {
    let site = Site::new();
    let image = content(5000);
    let url = site.web.serve("image.img", &image);
    let draft = entry(&image, &[&url]);
    let identifier = site.publish(&draft);
    site.fetched(&[&identifier]);
    // Anyone can say anything of it.
    for number in 0..40 {
        let email = format!("nobody.{number}@example.org");
        let stranger =
            Request::new(&email).email(&email).days(-10_000, 365).self_signed(&new_key(Kind::P256));
        site.publish_by(&draft.clone().email(&email), &stranger);
    }
    site.fetched(&[&identifier]);
    let remembered = || site.cached().iter().filter(|name| name.starts_with("entries/")).count();
    assert_eq!(remembered(), 1, "what nobody believes is not remembered");
    site.publish(&draft.clone().created("2012-04-04T05:06:07Z").deprecated("it has a hole"));
    site.download(&[&identifier]).refused();
    assert_eq!(remembered(), 2);
    site.download(&["--offline", &identifier]).refused();
}

#[test]
fn every_endorser_that_counts_has_to_be_right() {
    let site = Site::new();
    let image = content(5000);
    let url = site.web.serve("image.img", &image);
    let joe = Request::new("Joe Tester").email("joe@example.org").days(-10_000, 365);
    let joe = joe.issued_by(&crate::site::authority(), &new_key(Kind::P256));
    let identifier = site.publish(&entry(&image, &[&url]));
    site.user.write("policy.toml", "[policy]\nminimum_endorsers = 2\n");
    site.download(&["--policy", "policy.toml", &identifier]).refused();
    site.publish_by(
        &entry(&image, &["http://127.0.0.1:9/x"]).email("joe@example.org").created("2012-02-04T05:06:07Z"),
        &joe,
    );
    let path = site.fetched(&["--policy", "policy.toml", &identifier]);
    assert!(fs::read(path).unwrap() == image);
    // One of them asked for by name: the other counts all the same.
    site.fetched(&["--policy", "policy.toml", &format!("{identifier}/{JANE}")]);
    // One of them is wrong about it, in what the other does not say.
    let site = Site::new();
    site.user.write("policy.toml", "[policy]\nminimum_endorsers = 2\n");
    let url = site.web.serve("image.img", &image);
    let of = |digests: &str| {
        let document = entry(&image, &[&url]).unsigned();
        let kept = document.split("<slreq:checksum").collect::<Vec<_>>();
        assert_eq!(kept.len(), 5, "{document}");
        let mut text = kept[0].to_owned();
        let mut rest = "";
        for part in &kept[1..] {
            let (own, after) = part.split_at(part.find("</slreq:checksum>").unwrap() + 17);
            if own.contains(digests) || own.contains("SHA-1<") {
                text.push_str("<slreq:checksum");
                text.push_str(own);
            }
            rest = after;
        }
        text + rest
    };
    let joes = of("SHA-512");
    let stated =
        joes.split("SHA-512").nth(1).unwrap().split("value>").nth(1).unwrap().split('<').next().unwrap();
    let joes = joes.replace(stated, &"0f".repeat(64)).replace(JANE, "joe@example.org");
    let sign = |document: &str, by: &crate::pki::Identity, email: &str| {
        let signed =
            crate::draft::sign(document.as_bytes(), by, email, crate::draft::time("2012-03-04T05:06:07Z"));
        let answer = site.marketplace.upload(&signed);
        assert_eq!(answer.status, 201, "{answer:?}");
    };
    sign(&of("SHA-256"), &jane(), JANE);
    sign(&joes, &joe, "joe@example.org");
    let done = site.download(&["--policy", "policy.toml", "-o", "image.img", &identifier]);
    assert_eq!(done.status, Some(1), "{}", done.stderr);
    let wrong = format!("the SHA-512 checksum is stated as {} but the image's is {stated}", "0f".repeat(64));
    assert!(done.stderr.contains(&wrong), "{}", done.stderr);
    assert!(!site.user.path("image.img").exists() && site.cached().is_empty());
}

#[test]
fn authorities_may_lie_in_a_folder() {
    let site = Site::new();
    let image = content(5000);
    let identifier = site.offer(&image);
    let run = |folder: &str, certificate: &[u8]| {
        site.user.write(&format!("{folder}/ca.pem"), certificate);
        let rehash = Command::new("openssl").arg("rehash").arg(site.user.path(folder)).status().unwrap();
        assert!(rehash.success());
        let arguments = ["--marketplace-endpoint", &site.marketplace.base, "--ca-path", folder, "-o"];
        site.user.run("download-image", &[&arguments[..], &[&format!("{folder}.img"), &identifier]].concat())
    };
    run("ours", &crate::site::authority().certificate_pem()).ended(0, "", "");
    assert!(fs::read(site.user.path("ours.img")).unwrap() == image);
    let stranger = Request::new("Grid CA").ca().days(-10_000, 3650).self_signed(&new_key(Kind::P256));
    run("theirs", &stranger.certificate_pem()).refused();
    site.user.write("flat/ca.pem", stranger.certificate_pem());
    site.user.run("download-image", &["--ca-path", "flat", &identifier]).failed(
        3,
        "error: there is no certificate named HASH.0 in flat\n\
         hint: 'openssl rehash DIR' makes such names; --ca-file takes a file of certificates\n",
    );
}
