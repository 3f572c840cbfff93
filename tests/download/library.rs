//! The one call of the library that whoever starts instances will make.

use std::{fs, sync::Mutex};

use stratuslab::{
    Timestamp,
    cache::{Cache, Check},
    download::{DownloadOptions, Event, Fallback, ImageError, Origin, Provider, Whence},
    marketplace::{Client, ClientOptions},
    policy::Policy,
    trust::Anchors,
};

use crate::site::{Site, content, entry};

#[test]
fn one_call_gives_a_verified_file() {
    let site = Site::new();
    let image = content(100_000);
    let identifier = site.offer(&image);
    let client = Client::new(site.marketplace.base.parse().unwrap(), ClientOptions::default()).unwrap();
    let cache = Cache::open(site.user.path("kept")).unwrap();
    let seen = Mutex::new(0);
    let observe = |event: &Event<'_>| {
        if let Event::Bytes(bytes) = event {
            *seen.lock().unwrap() += bytes;
        }
    };
    let policy = |os: &[&str]| {
        let mut anchors = Anchors::new();
        anchors.add_pem_file(&site.user.path("ca.pem")).unwrap();
        Policy {
            anchors: Some(anchors),
            os: os.iter().map(|&os| os.to_owned()).collect(),
            ..Policy::default()
        }
    };
    let (lenient, strict) = (policy(&[]), policy(&["ubuntu"]));
    let options = DownloadOptions::default();
    let provider = Provider {
        cache: &cache,
        check: Check::Stamp,
        policy: &lenient,
        options: &options,
        offline: false,
        observe: &observe,
    };
    let reference = identifier.parse().unwrap();
    let marketplace = Whence::Marketplace(&client, Fallback::Nothing);
    let obtained = provider.image(Some(&reference), marketplace, Timestamp::now()).unwrap();
    assert!(fs::read(&obtained.image.path).unwrap() == image);
    assert!(matches!(&obtained.origin, Origin::Location(url) if url.ends_with("/image.img")));
    assert_eq!(obtained.entry.identifier.to_string(), identifier);
    assert_eq!(*seen.lock().unwrap(), 100_000);
    // Nobody is asked.
    for check in [Check::Stamp, Check::Content] {
        let offline = Provider { check, offline: true, ..provider };
        let again = offline.image(Some(&reference), Whence::Cache, Timestamp::now()).unwrap();
        assert_eq!((again.origin, &again.image.path), (Origin::Cache, &obtained.image.path));
    }
    // What the policy refuses is not handed out, kept or not.
    let refused =
        Provider { policy: &strict, ..provider }.image(Some(&reference), marketplace, Timestamp::now());
    assert!(matches!(refused, Err(ImageError::Refused(_))));
    let unknown = entry(b"unknown", &[]).identifier().to_string().parse().unwrap();
    let missing = provider.image(Some(&unknown), marketplace, Timestamp::now());
    assert!(matches!(missing, Err(ImageError::NoEntry { .. })));
}
