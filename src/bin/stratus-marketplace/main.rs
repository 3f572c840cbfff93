//! Runs a Marketplace.

fn main() {}
