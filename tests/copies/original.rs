//! An original Marketplace, as the example has it.

#[path = "../../examples/loopback-marketplace/judge.rs"]
mod judge;
#[path = "../../examples/loopback-marketplace/server.rs"]
mod server;

/// Starts it, and gives its base URL.
pub(crate) fn start() -> String {
    let options = server::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        prefix: "/marketplace".to_owned(),
        confirm: false,
        read_only: false,
        folder: None,
        tls: None,
        faults: Vec::new(),
        observe: Box::new(|_| {}),
        judge: Box::new(judge::judge),
    };
    server::start(options).unwrap()
}
