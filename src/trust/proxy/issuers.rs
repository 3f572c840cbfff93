//! For whom a proxy stands by the certificates that come with it. Nobody vouches for them: a signer
//! names itself with it, and readers trust a path alone.

use x509_cert::ext::pkix::KeyUsage;

use super::{ProxyError, check, forbidden, is_proxy, legacy, too_many};
use crate::{Certificate, trust::extension::Extensions};

/// The most proxies, each issued by the next: with the end entity's, as many certificates as a
/// signature carries.
pub(super) const MAX_PROXIES: usize = 15;

/// Who issued a proxy, who issued that one if it is a proxy too, and so on to the end entity, the last;
/// nobody for a certificate that is no proxy.
///
/// All that RFC 3820 §3 asks of proxies and their issuers holds for them, and each proxy was signed
/// with its issuer's key. Validity periods are not looked at, nor who issued the end entity's.
///
/// # Errors
/// [`ProxyError`]: the first thing that does not hold, from the certificate given to the end entity.
pub(crate) fn issuers<'a>(
    certificate: &'a Certificate,
    candidates: &'a [Certificate],
) -> Result<Vec<&'a Certificate>, ProxyError> {
    let (mut proxies, mut issuers) = (Vec::new(), Vec::new());
    let mut current = certificate;
    loop {
        if let Some(legacy) = legacy([current])
            && !is_issued_by_authority(current, candidates)
        {
            return Err(legacy);
        }
        if !is_proxy(current) {
            break;
        }
        if proxies.len() == MAX_PROXIES {
            return Err(ProxyError::TooMany { proxy: certificate.subject().clone() });
        }
        let issuer = issuer(current, candidates)?;
        check_issued(current, issuer)?;
        proxies.push(current.clone());
        issuers.push(issuer);
        current = issuer;
    }
    proxies.reverse();
    too_many(&proxies).map_or(Ok(issuers), Err)
}

/// Authorities may give end entities the names that Globus 2 gave proxies.
fn is_issued_by_authority(certificate: &Certificate, candidates: &[Certificate]) -> bool {
    candidates.iter().filter(|candidate| candidate.subject() == certificate.issuer()).any(is_authority)
}

fn is_authority(certificate: &Certificate) -> bool {
    Extensions::of(certificate.der()).is_ok_and(|extensions| extensions.is_authority())
}

/// Of a renewed certificate and the one before with the same key, the later.
fn issuer<'a>(proxy: &Certificate, candidates: &'a [Certificate]) -> Result<&'a Certificate, ProxyError> {
    let named = || candidates.iter().filter(|candidate| candidate.subject() == proxy.issuer());
    let issuer = named().filter(|issuer| proxy.is_signed_by(issuer)).max_by_key(|issuer| issuer.not_after());
    issuer.ok_or_else(|| {
        let (proxy, issuer) = (proxy.subject().clone(), proxy.issuer().clone());
        match named().next() {
            Some(_) => ProxyError::IssuerKey { proxy, issuer },
            None => ProxyError::NoIssuer { proxy, issuer },
        }
    })
}

/// What OpenSSL checks in a path as well.
fn check_issued(proxy: &Certificate, issuer: &Certificate) -> Result<(), ProxyError> {
    check(proxy)?;
    if let Some(forbidden) = forbidden(proxy) {
        return Err(forbidden);
    }
    let (subject, name) = (proxy.subject().clone(), issuer.subject().clone());
    if !is_named_after(subject.as_str(), name.as_str()) {
        return Err(ProxyError::Name { proxy: subject, issuer: name });
    }
    if is_authority(issuer) {
        return Err(ProxyError::Authority { proxy: subject, issuer: name });
    }
    let signs = |extensions: Extensions| extensions.allows(KeyUsage::digital_signature);
    if !Extensions::of(issuer.der()).is_ok_and(signs) {
        return Err(ProxyError::KeyUsage { proxy: subject, issuer: name });
    }
    Ok(())
}

/// Whether a name is another one and one commonName more, in the form of RFC 2253: the last is written
/// first, and what would end a value is escaped.
fn is_named_after(name: &str, issuer: &str) -> bool {
    let before = name.strip_suffix(issuer).and_then(|before| before.strip_suffix(','));
    let Some(value) = before.and_then(|before| before.strip_prefix("CN=")) else { return false };
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.next().is_some() => {}
            '\\' | ',' | '+' => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_named_after;

    #[test]
    fn a_proxy_has_one_common_name_more_than_its_issuer() {
        let issuer = "CN=Jane,O=StratusLab";
        for name in ["CN=1,", "CN=,", "CN=a\\,b\\+c\\\\,", "CN=\\ x,"] {
            assert!(is_named_after(&format!("{name}{issuer}"), issuer), "{name}");
        }
        for name in ["", "CN=1", "OU=1,", "CN=2,CN=1,", "CN=1+OU=2,", "UID=x+CN=1,", "CN=1\\,", ",", "X"] {
            assert!(!is_named_after(&format!("{name}{issuer}"), issuer), "{name}");
        }
        assert!(!is_named_after("CN=1,CN=Joe,O=StratusLab", issuer));
    }
}
