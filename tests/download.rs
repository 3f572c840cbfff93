//! From an identifier to a verified file: a real `stratus-marketplace`, a real web server (nginx), an S3 server
//! (moto) and an FTP server (pyftpdlib), all on loopback; and servers that do what no server should.
//!
//! | Fault | Where |
//! | --- | --- |
//! | a location lies about its size, sends other content, stalls, redirects in a circle | `faults.rs` |
//! | a decompression bomb; content that changes between ranges; qcow2 that builds on other files | `faults.rs` |
//! | a part of several fails | `parallel.rs` |
//! | an entry that changes between policy and download | `trust.rs` |
//! | two processes fetch the same image; Ctrl-C anywhere; a disk that is full | `processes.rs` |
//! | a cache that was tampered with | `cache.rs` |

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "download/cache.rs"]
mod cache;
#[path = "server/draft.rs"]
#[allow(dead_code, reason = "some of it is used")]
mod draft;
#[path = "download/faults.rs"]
mod faults;
#[path = "common/folder.rs"]
mod folder;
#[path = "download/library.rs"]
mod library;
mod marketplace;
#[path = "download/nginx.rs"]
mod nginx;
#[path = "download/parallel.rs"]
mod parallel;
#[path = "common/pki.rs"]
mod pki;
#[path = "download/processes.rs"]
mod processes;
#[path = "download/scripted.rs"]
mod scripted;
#[path = "download/session.rs"]
mod session;
#[path = "download/site.rs"]
mod site;
#[path = "download/transports.rs"]
mod transports;
#[path = "download/trust.rs"]
mod trust;
