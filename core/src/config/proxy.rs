//! The proxy: what its URL says, and for which servers it is passed by. No I/O.

use std::net::IpAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::config::secret::Secret;

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// An IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether the proxy itself is spoken to by TLS.
    pub(crate) is_secure: bool,
    /// User and password, as the header has them.
    pub(crate) authorization: Option<Secret>,
}

const FORM: &str = "must be the URL of an HTTP proxy, such as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT";

impl Proxy {
    /// Reads a proxy's URL. An error goes on after the setting's name; the URL may hold a password, so it is never shown.
    pub(crate) fn read(given: &str) -> Result<Self, String> {
        let (scheme, rest) = given.split_once("://").unwrap_or(("http", given));
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other if other.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) => {
                return Err(format!("must be an http or https proxy, not {other}"));
            }
            _ => return Err(FORM.to_owned()),
        };
        // The URL's own rules would take what stands before it for the host.
        if rest.contains('\\') {
            return Err("must not have a backslash: in the name of a user it is written %5C".to_owned());
        }
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| FORM.to_owned())?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            let ends_as_script = url.path().to_ascii_lowercase().ends_with(".pac");
            return Err(if ends_as_script {
                "must be the URL of an HTTP proxy; a PAC file, which chooses one, is not read".to_owned()
            } else {
                format!("{FORM}, without a path or a query. Other signs in a password are written as %2F and the like")
            });
        }
        let (Some(host), Some(port @ 1..)) = (bare(url.host()), url.port_or_known_default()) else {
            return Err(FORM.to_owned());
        };
        Ok(Self { host, port, is_secure, authorization: authorization(&url) })
    }

    /// Host and port, for a message.
    pub(crate) fn shown(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// A host as it is looked up.
pub(crate) fn bare(host: Option<Host<&str>>) -> Option<String> {
    match host? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

fn authorization(url: &Url) -> Option<Secret> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut user: Vec<u8> = percent_decode_str(url.username()).collect();
    user.push(b':');
    user.extend(percent_decode_str(url.password().unwrap_or_default()));
    Some(Secret::from(BASE64_STANDARD.encode(user)))
}

/// Whether a list such as `NO_PROXY` names a server: by its name or that of a domain above it (`x.com`, `.x.com` and
/// `*.x.com` are the same), by its address or a range of them (`10.0.0.0/8`), each with a port or without, or by `*`.
pub(crate) fn is_passed_by(list: &str, server: &Url) -> bool {
    let (Some(host), Some(port)) = (bare(server.host()), server.port_or_known_default()) else { return false };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let entries = list.split(|sign: char| sign == ',' || sign.is_whitespace()).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| {
        let (named, its_port) = split_port(entry);
        its_port.is_none_or(|its_port| its_port == port) && names(named, &host)
    })
}

/// An entry without its port. An IPv6 address has colons of its own, and a port only behind brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn names(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return match entry.split_once('/') {
            Some((range, bits)) => {
                matches!((range.parse(), bits.parse()), (Ok(range), Ok(bits)) if is_within(address, range, bits))
            }
            None => entry.parse() == Ok(address),
        };
    }
    let domain = entry.strip_prefix('*').unwrap_or(entry).trim_matches('.');
    // A name in letters of its own is written in ASCII in a URL.
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return false };
    host.strip_suffix(&*domain).is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

fn is_within(address: IpAddr, range: IpAddr, bits: u32) -> bool {
    let (address, range, width) = match (address, range) {
        (IpAddr::V4(address), IpAddr::V4(range)) => (u128::from(address.to_bits()), u128::from(range.to_bits()), 32),
        (IpAddr::V6(address), IpAddr::V6(range)) => (address.to_bits(), range.to_bits(), 128),
        _ => return false,
    };
    bits <= width && (address ^ range).checked_shr(width - bits).unwrap_or_default() == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_servers_as_users_of_other_programs_write_it() {
        for (list, server, expected) in [
            ("*", "https://firm.addepar.com", true),
            ("example.com, *", "https://10.1.2.3", true),
            ("addepar.com", "https://firm.addepar.com", true),
            ("addepar.com", "https://addepar.com", true),
            ("addepar.com", "https://notaddepar.com", false),
            (".addepar.com", "https://firm.addepar.com", true),
            (".addepar.com", "https://addepar.com", true),
            ("*.addepar.com", "https://firm.addepar.com", true),
            ("*.addepar.com", "https://firm.sandbox.addepar.com", true),
            ("*.addepar.com", "https://notaddepar.com", false),
            ("*addepar.com", "https://firm.addepar.com", true),
            ("addepar.com.", "https://firm.addepar.com", true),
            ("addepar.com", "https://firm.addepar.com.", true),
            ("FIRM.Addepar.COM", "https://firm.addepar.com", true),
            ("firm.addepar.com:443", "https://firm.addepar.com", true),
            ("firm.addepar.com:8443", "https://firm.addepar.com", false),
            ("*.addepar.com:443", "https://firm.addepar.com", true),
            (" example.com   addepar.com ", "https://firm.addepar.com", true),
            ("example.com\taddepar.com", "https://firm.addepar.com", true),
            ("example.com,, addepar.com,", "https://firm.addepar.com", true),
            ("firm", "https://firm.addepar.com", false),
            ("b\u{fc}cher.example", "https://x.b\u{fc}cher.example", true),
            ("", "https://firm.addepar.com", false),
            (",", "https://firm.addepar.com", false),
            (".", "https://firm.addepar.com", false),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3:443", "https://10.1.2.3", true),
            ("10.1.2.3:80", "https://10.1.2.3", false),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/16", "https://10.1.2.3", false),
            ("10.1.2.3/32", "https://10.1.2.3", true),
            ("0.0.0.0/0", "https://10.1.2.3", true),
            ("10.0.0.0/33", "https://10.1.2.3", false),
            ("10.0.0.0/x", "https://10.1.2.3", false),
            ("10.0.0.0/8", "https://firm.addepar.com", false),
            ("2.3", "https://10.1.2.3", false),
            ("2001:db8::1", "https://[2001:db8::1]", true),
            ("[2001:db8::1]", "https://[2001:db8:0::1]", true),
            ("[2001:db8::1]:443", "https://[2001:db8::1]", true),
            ("[2001:db8::1]:80", "https://[2001:db8::1]", false),
            ("2001:db8::/32", "https://[2001:db8::1]", true),
            ("2001:db8::/32", "https://10.1.2.3", false),
            ("::/0", "https://[2001:db8::1]", true),
        ] {
            assert_eq!(is_passed_by(list, &Url::parse(server).unwrap()), expected, "{list:?} for {server}");
        }
    }

    #[test]
    fn a_proxy_is_read_or_refused_without_its_password() {
        for (given, host, port) in [
            ("proxy.corp:8080", "proxy.corp", 8080),
            ("http://proxy.corp", "proxy.corp", 80),
            ("https://proxy.corp/", "proxy.corp", 443),
            ("HTTP://10.1.2.3:3128", "10.1.2.3", 3128),
            ("http://[2001:db8::1]:3128", "2001:db8::1", 3128),
            ("http://CORP%5Cuser:p%40ss@proxy.corp:8080", "proxy.corp", 8080),
            ("user:pass@proxy.corp:8080", "proxy.corp", 8080),
        ] {
            let proxy = Proxy::read(given).unwrap();
            assert_eq!((proxy.host.as_str(), proxy.port), (host, port), "{given}");
        }
        let user = |given| Proxy::read(given).unwrap().authorization.map(|secret| secret.expose().to_owned());
        assert_eq!(user(r"http://CORP%5Cuser:p%40ss@proxy"), Some(BASE64_STANDARD.encode(r"CORP\user:p@ss")));
        assert_eq!(user("http://user@proxy"), Some(BASE64_STANDARD.encode("user:")));
        assert_eq!(user("http://proxy"), None);
        for given in [
            r"http://CORP\user:hunter2@proxy.corp:8080",
            r"CORP\user:hunter2@proxy.corp:8080",
            "http://user:hunter2@proxy.corp:8080/path",
            "http://user:hunter2/@proxy.corp:8080",
            "http://user:hunter2#@proxy.corp:8080",
            "http://user:hunter2?@proxy.corp:8080",
            "http://hunter2.corp/proxy.pac",
            "http://hunter2.corp:8080?x",
            "http://user:hunter2@",
            "http://user:hunter2@proxy:port",
            "http://user:hunter2@proxy:0",
            "http://[::hunter2",
            "user:hunter2@socks://proxy",
            "socks5://user:hunter2@proxy.corp",
            "",
        ] {
            let refused = Proxy::read(given).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
            assert!(refused.starts_with("must "), "{given}: {refused}");
        }
        assert!(Proxy::read("http://x/proxy.pac").unwrap_err().contains("PAC"));
        assert!(Proxy::read(r"http://CORP\user@x").unwrap_err().contains("%5C"));
        assert!(Proxy::read("socks5://x").unwrap_err().contains("socks5"));
    }
}
