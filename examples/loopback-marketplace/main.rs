//! A Marketplace for trying things out: `cargo run --example loopback-marketplace`.
//!
//! It answers as the originals do, keeps the very bytes it is sent, and can be told what to get
//! wrong: `--fault 503 --fault hang-up` spoils the first two requests.

mod judge;
mod server;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    thread,
};

use clap::Parser;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};

/// A Marketplace on a loopback socket
#[derive(Parser)]
#[command(name = "loopback-marketplace")]
struct Args {
    /// Listen here; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Serve below this path
    #[arg(long, value_name = "PATH", default_value = "")]
    prefix: String,
    /// Keep entries in this folder, and serve those already there
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Park uploads until they are confirmed, which never happens
    #[arg(long)]
    confirm: bool,
    /// Refuse uploads
    #[arg(long)]
    read_only: bool,
    /// Speak TLS with the certificate and the key in this PEM file
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// Get this wrong with the next request, such as 503, hang-up or slow
    #[arg(long, value_name = "FAULT")]
    fault: Vec<server::fault::Fault>,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let tls = args.tls.map(|file| -> Result<_, openssl::error::ErrorStack> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
        acceptor.set_certificate_chain_file(&file)?;
        acceptor.set_private_key_file(&file, SslFiletype::PEM)?;
        Ok(acceptor.build())
    });
    let base = server::start(server::Options {
        listen: args.listen,
        prefix: args.prefix.trim_end_matches('/').to_owned(),
        confirm: args.confirm,
        read_only: args.read_only,
        folder: args.folder,
        tls: tls.transpose()?,
        faults: args.fault,
        observe: Box::new(|request| eprintln!("{} {} {}", request.method, request.path, request.query)),
        judge: Box::new(judge::judge),
    })?;
    println!("listening on {base}");
    io::stdout().flush()?;
    loop {
        thread::park();
    }
}
