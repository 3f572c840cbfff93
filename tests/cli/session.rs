//! The session every user has, as it is documented.

use crate::{
    loopback::start,
    place::{Place, endorser},
    transcript,
};

#[test]
fn the_session_runs_as_it_is_written() {
    let (place, marketplace) = (Place::new(), start(&[], |_| ()));
    place.grid_p12().uses(&marketplace);
    place.write("cert.p12", endorser().pkcs12("XXXXXX"));
    place.write("ttylinux-9.7-i486-base-1.3.img", "an image\n");
    transcript::play("session", &place, &[("MARKETPLACE", &marketplace.base)]);

    let asked: Vec<_> = marketplace.requests.try_iter().map(|request| request.method).collect();
    assert_eq!(asked, ["POST", "GET", "POST", "GET"]);
}
