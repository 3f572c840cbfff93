//! The certificates read last, with their keys. A Marketplace has thousands of entries and dozens
//! of endorsers; to read a certificate and make its key ready takes a tenth of what an entry takes.

use std::cell::RefCell;

use openssl::pkey::{PKey, Public};

use super::{Certificate, CertificateError};

/// How many are kept, by each thread.
const MAX_KEPT: usize = 32;
/// The longest certificate kept, in bytes.
const MAX_KEPT_BYTES: usize = 8 * 1024;

thread_local! {
    /// The last used first.
    static RECENT: RefCell<Vec<(Certificate, PKey<Public>)>> = const { RefCell::new(Vec::new()) };
}

/// The certificate and its key. What is kept has these very bytes, so that it says the same.
pub(super) fn read(der: &[u8]) -> Result<(Certificate, PKey<Public>), CertificateError> {
    RECENT.with_borrow_mut(|recent| {
        let kept = recent.iter().position(|(certificate, _)| certificate.der() == der);
        let last_used = if let Some(place) = kept {
            recent.remove(place)
        } else {
            let certificate = Certificate::from_der(der)?;
            let key = certificate.public_key()?;
            if der.len() > MAX_KEPT_BYTES {
                return Ok((certificate, key));
            }
            (certificate, key)
        };
        recent.truncate(MAX_KEPT - 1);
        recent.insert(0, last_used.clone());
        Ok(last_used)
    })
}

#[cfg(test)]
mod tests {
    use openssl::x509::X509;

    use super::{super::fresh, *};

    fn certificate(name: &str) -> Vec<u8> {
        fresh::self_signed(name, None).to_der().unwrap()
    }

    #[test]
    fn what_is_kept_is_what_was_read() {
        let all: Vec<Vec<u8>> =
            (0..MAX_KEPT + 8).map(|number| certificate(&format!("{number:02}"))).collect();
        for round in 0..2 {
            for (number, der) in all.iter().enumerate() {
                for _ in 0..2 {
                    let (certificate, key) = read(der).unwrap();
                    assert_eq!(certificate.der(), der);
                    assert_eq!(certificate.subject().as_str(), format!("CN={number:02}"));
                    assert!(key.public_eq(&X509::from_der(der).unwrap().public_key().unwrap()));
                }
                let read_so_far = round * all.len() + number + 1;
                assert_eq!(RECENT.with_borrow(Vec::len), MAX_KEPT.min(read_so_far));
            }
        }
        let last: Vec<Vec<u8>> =
            RECENT.with_borrow(|recent| recent.iter().rev().map(|(kept, _)| kept.der().to_vec()).collect());
        assert_eq!(last, all[8..]);
    }

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        let mut der = certificate("x");
        read(&der).unwrap();
        der.pop();
        for _ in 0..2 {
            assert!(read(&der).is_err());
        }
        assert_eq!(RECENT.with_borrow(Vec::len), 1);
    }
}
