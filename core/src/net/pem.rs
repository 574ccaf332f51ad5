//! The certificates of a PEM file. Whatever is wrong with one is said in words of our own: a text that a dependency makes
//! of a file's bytes may show a private key.

use std::borrow::Cow;
use std::mem;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use base64::prelude::{BASE64_STANDARD, Engine as _};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The certificates of a file, in their order. Other things in it, such as keys, are passed over. An error says what is
/// wrong, as a sentence without its subject, which is the file.
pub(crate) fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    for block in blocks(&text(file)?) {
        let certificate = block.der.map(CertificateDer::from).and_then(|der| {
            let is_certificate = RootCertStore::empty().add(der.clone()).is_ok();
            if is_certificate { Ok(der) } else { Err("is not a certificate that this library can read") }
        });
        let number = certificates.len() + 1;
        certificates.push(certificate.map_err(|what| format!("is damaged: its certificate number {number} {what}"))?);
    }
    Ok(certificates)
}

/// The certificates of a system's bundle that can be read. Passed over are those that the system may not trust: with a note
/// about whom they are trusted by, or behind something else in their first line, such as a `#`.
pub(crate) fn bundled(file: &[u8]) -> Vec<CertificateDer<'static>> {
    let text = lossy(file);
    let plain = blocks(&text).filter(|block| block.begins_a_line && block.label == "CERTIFICATE");
    plain.filter_map(|block| block.der.ok().map(CertificateDer::from)).collect()
}

/// A certificate in PEM.
struct Block<'a> {
    begins_a_line: bool,
    label: &'a str,
    der: Result<Vec<u8>, &'static str>,
}

/// The certificates of a text, whatever else it has.
fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let ends_a_line = |before: &str| before.is_empty() || before.ends_with(['\n', '\r']);
    // A mark may stand anywhere: behind a byte-order mark, or behind the end of another file that has no line feed.
    let mut parts = text.split(BEGIN);
    let mut begins_next = parts.next().is_none_or(ends_a_line);
    parts.filter_map(move |part| {
        let begins_a_line = mem::replace(&mut begins_next, ends_a_line(part));
        let (label, rest) = part.split_once(DASHES)?;
        let der = match label.trim() {
            "CERTIFICATE" | "X509 CERTIFICATE" => decoded(label, rest),
            // OpenSSL's own form has something about trust behind the certificate.
            "TRUSTED CERTIFICATE" => decoded(label, rest).and_then(|der| match element(&der) {
                Some(length) => Ok(der.get(..length).unwrap_or_default().to_vec()),
                None => Err("is not a certificate"),
            }),
            _ => return None,
        };
        Some(Block { begins_a_line, label, der })
    })
}

/// What a file without a certificate is instead, as a sentence without its subject.
pub(crate) fn instead(file: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(file);
    if file.is_empty() {
        "is empty"
    } else if file.first() == Some(&0x30) {
        "has no certificate in PEM, but seems to be one in DER: convert it with `openssl x509 -inform der`"
    } else if text.contains("PRIVATE KEY") {
        "has no certificate in PEM, but a private key"
    } else {
        "has no certificate in PEM"
    }
}

fn text(file: &[u8]) -> Result<Cow<'_, str>, String> {
    if file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff") {
        return Err("is in UTF-16: save it as UTF-8".to_owned());
    }
    let text = lossy(file);
    // As it comes out of JSON or of a variable.
    if text.contains(r"-----\n") {
        return Err(r"has \n written out where its lines should end".to_owned());
    }
    Ok(text)
}

/// As `String::from_utf8_lossy`, which reads byte by byte what most files are: UTF-8 as it should be.
fn lossy(file: &[u8]) -> Cow<'_, str> {
    str::from_utf8(file).map_or_else(|_| String::from_utf8_lossy(file), Cow::Borrowed)
}

/// What stands between a block's first line and its last.
fn decoded(label: &str, rest: &str) -> Result<Vec<u8>, &'static str> {
    let (content, end) = rest.split_once(END).ok_or("has no last line")?;
    if !end.starts_with(label) {
        return Err("has no last line");
    }
    let lines: String = content.lines().map(str::trim).collect();
    // In most files lines end in line feeds and have no blanks in them, which is quicker to find out.
    let decoded = BASE64_STANDARD.decode(lines);
    let decoded = decoded.or_else(|_| BASE64_STANDARD.decode(content.split_ascii_whitespace().collect::<String>()));
    decoded.map_err(|_| "has something else than base64 in it")
}

/// How long the DER element is that begins here.
fn element(der: &[u8]) -> Option<usize> {
    let (_, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let of_length = usize::from(first & 0x7f);
    let length = if first & 0x80 == 0 {
        2 + of_length
    } else if of_length <= 4 {
        let length = rest.get(..of_length)?.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
        2 + of_length + length
    } else {
        return None;
    };
    (length <= der.len()).then_some(length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../../../tests/simulator/src/self_signed.pem");

    #[test]
    fn every_certificate_of_a_file_is_found() {
        let twice = [CERTIFICATE.trim_ascii(), CERTIFICATE].concat();
        for (file, expected) in [
            (CERTIFICATE.to_vec(), Some(1)),
            ([b"\xef\xbb\xbf", CERTIFICATE].concat(), Some(1)),
            (twice.clone(), Some(2)),
            ([&twice, b"-----BEGIN PRIVATE KEY-----\nno key\n-----END PRIVATE KEY-----".as_slice()].concat(), Some(2)),
            (b"no certificate".to_vec(), Some(0)),
            (Vec::new(), Some(0)),
            ([&twice, b"-----BEGIN CERTIFICATE-----\nAAAA".as_slice()].concat(), None),
            ([&twice, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".as_slice()].concat(), None),
            (b"\xff\xfe-\0-\0".to_vec(), None),
        ] {
            let found = certificates(&file).ok().map(|found| found.len());
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(&file));
        }
    }

    #[test]
    fn lines_may_end_in_any_way() {
        let text = String::from_utf8(CERTIFICATE.to_vec()).unwrap();
        let expected = certificates(CERTIFICATE).unwrap();
        for other in ["\r\n", "\r", " "] {
            assert_eq!(certificates(text.replace('\n', other).as_bytes()).as_ref(), Ok(&expected), "{other:?}");
        }
        let (before, after) = text.split_at(text.len() / 2);
        assert_eq!(certificates(format!("{before} {after}").as_bytes()), Ok(expected));
    }

    #[test]
    fn a_bundle_has_what_the_system_trusts() {
        let text = String::from_utf8(CERTIFICATE.to_vec()).unwrap();
        assert_eq!(
            bundled(format!("# A name: \u{e9}\n{text}\n{text}").as_bytes()),
            certificates(&[CERTIFICATE, CERTIFICATE].concat()).unwrap()
        );
        assert_eq!(bundled([b"# \xff\n", CERTIFICATE].concat().as_slice()).len(), 1);
        assert!(bundled(format!("#{text}").as_bytes()).is_empty());
        assert!(bundled(text.replace("CERTIFICATE", "TRUSTED CERTIFICATE").as_bytes()).is_empty());
        assert_eq!(bundled(text.replacen('M', "?", 1).as_bytes()), [] as [CertificateDer; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            rng_seed: RngSeed::Fixed(37),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn no_error_shows_what_stands_in_the_file(secret in "[A-Za-z0-9+/]{24,60}", kind in 0..6_usize, end in any::<bool>()) {
            let kinds = ["CERTIFICATE", "PRIVATE KEY", "TRUSTED CERTIFICATE", "X509 CERTIFICATE", "", "CERTIFICATE-----\\n"];
            let label = kinds.get(kind).copied().unwrap_or_default();
            let end = if end { format!("-----END {label}-----") } else { String::new() };
            let file = format!("-----BEGIN {label}-----\n{secret}\n{end}");
            if let Err(told) = certificates(file.as_bytes()) {
                prop_assert!(!told.contains(&secret), "{}", told);
            }
            prop_assert!(!instead(file.as_bytes()).contains(&secret));
        }
    }
}
