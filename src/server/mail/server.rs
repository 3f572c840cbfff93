//! Where mail is given to, and how that is protected.

use std::{fmt, net::IpAddr, str::FromStr};

/// A mail server: `smtps://HOST[:PORT]`, `smtp://HOST[:PORT]` or `smtp+insecure-plain://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    security: Security,
    /// A name or an address, without the brackets of IPv6.
    host: String,
    port: Option<u16>,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// `smtps`: TLS from the first octet (RFC 8314 §3.3).
    Tls,
    /// `smtp`: nothing is sent before STARTTLS (RFC 3207) succeeded; a server without it is refused, unless it
    /// is on this very machine.
    StartTls,
    /// `smtp+insecure-plain`: whoever is on the way can read mail and password, and confirm entries.
    InsecurePlain,
}

/// Why a text is no mail server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailServerError {
    /// Another scheme, or none.
    #[error(
        "the mail server must begin with smtps:// (TLS), smtp:// (STARTTLS) or smtp+insecure-plain:// (neither)"
    )]
    Scheme,
    /// A user or password before the host; it is not repeated.
    #[error("a user or password does not belong in the URL of the mail server, but in settings of their own")]
    UserInfo,
    /// No host, or one with characters that none has, or more behind it than a port.
    #[error("'{value}' is no host with an optional port: smtps://HOST:PORT")]
    Host {
        /// What stands behind the scheme.
        value: String,
    },
}

const SCHEMES: [(&str, Security); 3] = [
    ("smtps", Security::Tls),
    ("smtp", Security::StartTls),
    ("smtp+insecure-plain", Security::InsecurePlain),
];

impl MailServer {
    /// How the way there is protected.
    pub fn security(&self) -> Security {
        self.security
    }

    /// Its name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port: what was given, else 465 with TLS, 587 with STARTTLS (RFC 8314, RFC 6409), 25 on this machine
    /// or without protection.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::Tls => 465,
            Security::StartTls if !self.is_loopback() => 587,
            _ => 25,
        })
    }

    /// Is it on this very machine?
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for MailServer {
    type Err = MailServerError;

    fn from_str(text: &str) -> Result<Self, MailServerError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(MailServerError::Scheme)?;
        let known = SCHEMES.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name));
        let (_, security) = *known.ok_or(MailServerError::Scheme)?;
        if rest.contains('@') {
            return Err(MailServerError::UserInfo);
        }
        let wrong = || MailServerError::Host { value: rest.to_owned() };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((host, port)) => {
                host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) })
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(name) {
            return Err(wrong());
        }
        let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            Some(port) if digits(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?),
            Some(_) => return Err(wrong()),
            None => None,
        };
        Ok(Self { security, host: host.to_owned(), port })
    }
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme =
            SCHEMES.iter().find(|(_, security)| *security == self.security).map_or("", |(name, _)| name);
        let host = &self.host;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{}", self.port())
        } else {
            write!(f, "{scheme}://{host}:{}", self.port())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_the_port_of_its_protection() {
        for (text, shown) in [
            ("smtps://mail.example.org", "smtps://mail.example.org:465"),
            ("smtp://mail.example.org", "smtp://mail.example.org:587"),
            ("SMTP://mail.example.org:25/", "smtp://mail.example.org:25"),
            ("smtp://localhost", "smtp://localhost:25"),
            ("smtp://127.0.0.3", "smtp://127.0.0.3:25"),
            ("smtp://[::1]", "smtp://[::1]:25"),
            ("smtps://[2001:db8::1]:2465", "smtps://[2001:db8::1]:2465"),
            ("smtp+insecure-plain://mail.example.org", "smtp+insecure-plain://mail.example.org:25"),
        ] {
            let server: MailServer = text.parse().unwrap();
            assert_eq!(server.to_string(), shown);
            assert_eq!(shown.parse::<MailServer>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_server_is_refused_and_a_password_not_repeated() {
        for scheme in ["mail.example.org", "http://mail.example.org", "smtp+plain://h", "", "://h"] {
            assert_eq!(scheme.parse::<MailServer>(), Err(MailServerError::Scheme), "{scheme}");
        }
        for host in [
            "", ":25", "h:", "h:0", "h:65536", "h:+25", "h:25:25", "h/x", "h h", "h\r\nx", "[::1", "[h]",
            "::1", "h?x",
        ] {
            let error = format!("smtp://{host}").parse::<MailServer>();
            assert!(matches!(error, Err(MailServerError::Host { .. })), "{host}: {error:?}");
        }
        let error = "smtp://user:secret@h".parse::<MailServer>().unwrap_err();
        assert_eq!(error, MailServerError::UserInfo);
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn only_this_very_machine_is_loopback() {
        for (host, is) in [
            ("localhost", true),
            ("127.1.2.3", true),
            ("[::1]", true),
            ("localhost.example.org", false),
            ("10.0.0.1", false),
        ] {
            let server: MailServer = format!("smtp://{host}").parse().unwrap();
            assert_eq!(server.is_loopback(), is, "{host}");
        }
    }
}
