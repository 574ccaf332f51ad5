//! Which server a base URL means, and which firm an id.

use url::{Host, Url};

/// The server that a base URL means, the same for every way of writing it. A firm's host and `api.addepar.com` are the
/// same production server; everything else, a gateway too, is a server of its own.
pub(crate) fn server(base_url: &Url) -> String {
    let label = base_url.host_str().and_then(|host| host.strip_suffix(".addepar.com"));
    if label.is_some_and(|label| !label.is_empty() && !label.contains('.')) {
        return "https://api.addepar.com".to_owned();
    }
    base_url.origin().ascii_serialization()
}

/// The firm that an id means, the same with leading zeros and without; nothing is left of one of zeros alone.
pub(crate) fn firm(id: &str) -> &str {
    if id.bytes().all(|byte| byte.is_ascii_digit()) { id.trim_start_matches('0') } else { id }
}

/// Whether the URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_firm_s_host_is_the_same_production_server() {
        let server = |url: &str| server(&Url::parse(url).unwrap());
        let production = server("https://api.addepar.com");
        for url in
            ["https://examplefirm.addepar.com/api", "https://Other.addepar.com", "https://examplefirm.addepar.com:8443"]
        {
            assert_eq!(server(url), production, "{url}");
        }
        for url in [
            "https://addepar.com",
            "https://examplefirm.clientdev.addepar.com/api",
            "https://partner.sandbox.addepar.com/api",
            "https://gateway.example.com/addepar",
            "https://evil-addepar.com",
            "http://127.0.0.1:9/api",
        ] {
            assert_ne!(server(url), production, "{url}");
        }
        assert_ne!(server("http://127.0.0.1:9/api"), server("http://127.0.0.1:10/api"));
    }

    #[test]
    fn a_firm_is_the_same_with_leading_zeros() {
        assert_eq!(["1234", "01234", "0", "0x1", "", "10"].map(firm), ["1234", "1234", "", "0x1", "", "10"]);
    }
}
