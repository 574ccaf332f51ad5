//! The head of an answer, read so that an odd header costs nobody the status. No I/O.
//!
//! A header that is malformed is passed over. What delimits the body is never passed over: where it cannot be read, or
//! contradicts itself, nobody can tell a whole body from one that is cut.

/// A head as far as this library wants to know it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    headers: Vec<(String, String)>,
}

/// Where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Nothing,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk; `announced`: the length that the head says as well.
    Chunks { announced: Option<u64> },
    /// With the connection.
    UntilClose,
    /// Nobody can tell; a sentence's end says why.
    Unclear(&'static str),
}

const UNREADABLE: Framing = Framing::Unclear("what the answer says of its body's length cannot be read");
const CONTRADICTORY: Framing = Framing::Unclear("what the answer says of its body's length contradicts itself");

/// The names of what delimits a body.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// Whether an answer may begin with these bytes.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"HTTP/1.";
    let seen = bytes.len().min(BEGINNING.len());
    bytes.get(..seen) == BEGINNING.get(..seen)
}

/// How long the head is that begins here, with its empty line; `None`: it is not whole. `from`: where an earlier look at
/// fewer bytes ended.
pub(crate) fn length(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    let rest = bytes.get(from..)?;
    let ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).find_map(|next| match rest.get(next..)? {
        [b'\n', ..] => Some(from + next + 1),
        [b'\r', b'\n', ..] => Some(from + next + 2),
        _ => None,
    })
}

impl Head {
    /// Reads a whole head. An error says why it is not one, as a sentence's end.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let (status, is_http_1_0) =
            lines.next().and_then(status).ok_or("the answer does not begin with a status of HTTP/1.1")?;
        let mut fields = Fields::default();
        for line in lines.filter(|line| !line.is_empty()) {
            if line.starts_with(b"HTTP/") {
                return Err("the answer has a second status line inside its head");
            }
            fields.take(line);
        }
        let (headers, is_clear) = fields.finish();
        let framing = match status {
            100..200 | 204 | 304 => Framing::Nothing,
            _ if !is_clear => UNREADABLE,
            _ => framing(&headers, is_http_1_0),
        };
        Ok(Self { status, framing, headers })
    }

    /// Every value of a header, in the order in which they came.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        values(&self.headers, name)
    }

    /// Whether another head follows, which is the answer.
    pub(crate) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn values<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    let named = headers.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

/// The status, and whether the line says HTTP/1.0.
fn status(line: &[u8]) -> Option<(u16, bool)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let (number, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let status = digits(str::from_utf8(number).ok()?).and_then(|status| u16::try_from(status).ok())?;
    let ends = matches!(reason.first(), None | Some(b' '));
    (minor.is_ascii_digit() && status >= 100 && ends).then_some((status, *minor == b'0'))
}

/// The headers so far.
#[derive(Default)]
struct Fields {
    headers: Vec<(String, String)>,
    /// The header that a next line may continue.
    current: Option<(String, Vec<u8>)>,
    /// Whether a line that is passed over may say where the body ends.
    hides_framing: bool,
}

impl Fields {
    fn take(&mut self, line: &[u8]) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            // A folded line. Others may have read it as a header of its own.
            self.hides_framing |= may_delimit(line);
            if let Some((_, value)) = &mut self.current {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            return;
        }
        self.close();
        match line.iter().position(|byte| *byte == b':').and_then(|colon| line.split_at_checked(colon)) {
            Some((name, value)) if is_name(name.trim_ascii_end()) => {
                let name = String::from_utf8_lossy(name.trim_ascii_end()).into_owned();
                self.current = Some((name, value.get(1..).unwrap_or_default().trim_ascii().to_vec()));
            }
            _ => self.hides_framing |= may_delimit(line),
        }
    }

    fn close(&mut self) {
        let Some((name, value)) = self.current.take() else { return };
        match String::from_utf8(value) {
            Ok(value) if value.bytes().all(|byte| byte == b'\t' || byte.is_ascii_graphic() || byte == b' ') => {
                self.headers.push((name, value));
            }
            Ok(value) => self.pass_over(&name, value.as_bytes()),
            Err(error) => self.pass_over(&name, error.as_bytes()),
        }
    }

    fn pass_over(&mut self, name: &str, value: &[u8]) {
        // A header may hide behind a carriage return.
        self.hides_framing |= may_delimit(name.as_bytes()) || value.split(|byte| *byte == b'\r').any(may_delimit);
    }

    /// The headers, and whether nothing that delimits the body was passed over.
    fn finish(mut self) -> (Vec<(String, String)>, bool) {
        self.close();
        (self.headers, !self.hides_framing)
    }
}

/// A token, as RFC 9110 has it.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Whether a line that is not a header was meant to be one that delimits the body.
fn may_delimit(line: &[u8]) -> bool {
    line.split(|byte| *byte == b'\r').any(|line| {
        let letters = line.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
        let word: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
        FRAMING.iter().any(|name| word.starts_with(name.as_bytes()))
    })
}

fn framing(headers: &[(String, String)], is_http_1_0: bool) -> Framing {
    let [lengths, encodings] = FRAMING.map(|name| values(headers, name).flat_map(|value| value.split(',')));
    let mut announced = None;
    for length in lengths {
        let Some(length) = digits(length.trim_ascii()) else { return UNREADABLE };
        if announced.replace(length).is_some_and(|other| other != length) {
            return CONTRADICTORY;
        }
    }
    let mut is_chunked = false;
    for encoding in encodings.map(str::trim_ascii) {
        if encoding.eq_ignore_ascii_case("chunked") && !is_http_1_0 {
            is_chunked = true;
        } else if !encoding.eq_ignore_ascii_case("identity") {
            return UNREADABLE;
        }
    }
    match (is_chunked, announced) {
        (true, announced) => Framing::Chunks { announced },
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    }
}

/// A number of digits alone: `parse` would take a sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn read(lines: &[u8]) -> Result<Head, &'static str> {
        Head::read(&[lines, b"\r\n\r\n"].concat())
    }

    fn framing_of(lines: &str) -> Framing {
        read(format!("HTTP/1.1 200 OK\r\n{lines}").as_bytes()).unwrap().framing
    }

    #[test]
    fn a_status_is_read_or_the_head_is_none() {
        for (line, expected) in [
            ("HTTP/1.1 200 OK", Some(200)),
            ("HTTP/1.1 200", Some(200)),
            ("HTTP/1.1 200 ", Some(200)),
            ("HTTP/1.0 403 For\u{1}bidd\u{fc}n", Some(403)),
            ("HTTP/1.7 999 Odd", Some(999)),
            ("HTTP/1.1 099 Odd", None),
            ("HTTP/1.1 1000 Odd", None),
            ("HTTP/1.1 20 Odd", None),
            ("HTTP/1.1  200 OK", None),
            ("HTTP/1.1\t200 OK", None),
            ("HTTP/1.x 200 OK", None),
            ("HTTP/2 200 OK", None),
            ("http/1.1 200 OK", None),
            ("SSH-2.0-OpenSSH", None),
            ("", None),
        ] {
            assert_eq!(read(line.as_bytes()).ok().map(|head| head.status), expected, "{line:?}");
        }
        assert!(read(b"HTTP/1.1 403 Forbidden\r\nHTTP/1.1 200 OK").is_err());
    }

    #[test]
    fn an_odd_header_costs_itself_and_no_other() {
        let head = read(
            b"HTTP/1.1 429 Slow\r\n  folded: 1\r\nX\x00: 1\r\nA:one\r\n\ttwo \r\n: 1\r\nno colon\r\nB: \x01\r\na : three\n\
              C: \xff\r\nD:\r\nX Y: 1\r\nE: \x7f",
        )
        .unwrap();
        assert_eq!(head.values("a").collect::<Vec<_>>(), ["one two", "three"]);
        assert_eq!(head.headers.len(), 3);
        assert_eq!(head.values("d").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn what_delimits_the_body_is_read_or_unclear() {
        use Framing::{Chunks, Length, UntilClose};
        for (lines, expected) in [
            ("X: 1", UntilClose),
            ("Content-Length: 5", Length(5)),
            ("content-length : 5 ", Length(5)),
            ("Content-Length:\r\n 5", Length(5)),
            ("Content-Length: 5, 5\r\nContent-Length:5", Length(5)),
            ("Content-Length: 5\r\nContent-Length: 6", CONTRADICTORY),
            ("Content-Length: 5, 6", CONTRADICTORY),
            ("Content-Length: 5,", UNREADABLE),
            ("Content-Length:", UNREADABLE),
            ("Content-Length: +5", UNREADABLE),
            ("Content-Length: -5", UNREADABLE),
            ("Content-Length: 0x5", UNREADABLE),
            ("Content-Length: 5 5", UNREADABLE),
            ("Content-Length: 5\u{1}", UNREADABLE),
            ("Content-Length: 5\u{fc}", UNREADABLE),
            ("Content-Length: 99999999999999999999", UNREADABLE),
            ("Content-Length 5", UNREADABLE),
            ("Content-Length\u{0}: 5", UNREADABLE),
            ("\u{1}Content-Length: 5", UNREADABLE),
            ("X: 1\rContent-Length: 5", UNREADABLE),
            ("X\rContent-Length: 5", UNREADABLE),
            ("X: 1\r\n Content-Length: 5", UNREADABLE),
            (" Content-Length: 5", UNREADABLE),
            ("Content-Length: 5\r\n Transfer-Encoding: chunked", UNREADABLE),
            ("Transfer-Encoding: chunked", Chunks { announced: None }),
            ("Transfer-Encoding: Chunked, chunked", Chunks { announced: None }),
            ("Transfer-Encoding:\r\n\tchunked", Chunks { announced: None }),
            ("Transfer-Encoding: identity\r\nContent-Length: 5", Length(5)),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", Chunks { announced: Some(5) }),
            ("Transfer-Encoding: gzip, chunked", UNREADABLE),
            ("Transfer-Encoding: xchunked", UNREADABLE),
            ("Transfer-Encoding:", UNREADABLE),
        ] {
            assert_eq!(framing_of(lines), expected, "{lines:?}");
        }
        for status in [100, 101, 199, 204, 304] {
            let head = read(format!("HTTP/1.1 {status}\r\nContent-Length: x").as_bytes()).unwrap();
            assert_eq!(head.framing, Framing::Nothing);
        }
        assert_eq!(read(b"HTTP/1.0 200\r\nTransfer-Encoding: chunked").unwrap().framing, UNREADABLE);
    }

    #[test]
    fn a_head_ends_with_an_empty_line_however_it_comes() {
        for head in
            ["HTTP/1.1 200\r\nA: 1\r\n\r\n", "HTTP/1.1 200\nA: 1\n\n", "HTTP/1.1 200\n\r\n", "HTTP/1.1 200\r\n\n"]
        {
            let bytes = [head.as_bytes(), b"\r\n\r\nbody"].concat();
            let mut looked = 0;
            for end in 0..=bytes.len() {
                let expected = (end >= head.len()).then_some(head.len());
                assert_eq!(length(&bytes[..end], looked.min(head.len() - 1)), expected, "{head:?} up to {end}");
                looked = end;
            }
        }
        assert!(may_begin(b"") && may_begin(b"HTT") && may_begin(b"HTTP/1.1 200"));
        assert!(!may_begin(b"\r\n") && !may_begin(b"HTTP/2") && !may_begin(b"SSH"));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 5_000,
            rng_seed: RngSeed::Fixed(37),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Whatever stands between two headers that say where the body ends: no panic, and neither is passed over.
        #[test]
        fn any_bytes_cost_no_more_than_themselves(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                proptest::collection::vec(proptest::sample::select(b"Ab: \t\r\n\x00".to_vec()), 0..40),
            ],
        ) {
            let _ = Head::read(&bytes);
            let _ = length(&bytes, bytes.len() / 2);
            let lines = [b"HTTP/1.1 403 No\r\nContent-Length: 5\r\nX: ".as_slice(), &bytes, b"\r\nRetry-After: 7"].concat();
            if let Ok(head) = read(&lines) {
                prop_assert_eq!(head.status, 403);
                prop_assert!(matches!(head.framing, Framing::Length(5) | Framing::Unclear(_)));
                prop_assert!(head.values("retry-after").any(|value| value == "7"));
            }
        }
    }
}
