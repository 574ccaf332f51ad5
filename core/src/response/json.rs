//! A pull reader for JSON texts (RFC 8259): the caller walks the text and takes what it knows.
//!
//! Answers are read liberally, member by member, and with serde half of the time went into skipping
//! what nobody reads. The reader handles the whole grammar, allocates only for strings with escapes,
//! and checks what it skips. It is compared with `serde_json` on generated, broken and hostile texts;
//! unlike that it reads half of a surrogate pair, as U+FFFD: it spoils one text, not the answer.

use std::borrow::Cow;
use std::fmt;

/// How deep values may be nested, as in `serde_json`.
const MAX_DEPTH: u8 = 127;

/// The kind of the value that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Why and where a text is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

type Result<T> = std::result::Result<T, Malformed>;

#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The error for what stands here.
    pub(crate) fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// What comes next.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<Kind> {
        Ok(match self.space() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            Some(b'n') => Kind::Null,
            Some(_) => return Err(self.malformed("no JSON value")),
            None => return Err(self.malformed("the text is cut")),
        })
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<()> {
        if self.space().is_none() { Ok(()) } else { Err(self.malformed("text after the end")) }
    }

    /// Reads an object; `member` is called with each key and must read its value.
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.enter(b'{')?;
        if self.space() == Some(b'}') {
            return self.leave();
        }
        loop {
            if self.space() != Some(b'"') {
                return Err(self.malformed("no key"));
            }
            let key = self.string()?;
            if self.space() != Some(b':') {
                return Err(self.malformed("no colon"));
            }
            self.at += 1;
            member(self, &key)?;
            match self.space() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.leave(),
                Some(_) => return Err(self.malformed("no comma")),
                None => return Err(self.malformed("the text is cut")),
            }
        }
    }

    /// Reads an array; `element` is called for each value and must read it.
    pub(crate) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.enter(b'[')?;
        if self.space() == Some(b']') {
            return self.leave();
        }
        loop {
            element(self)?;
            match self.space() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.leave(),
                Some(_) => return Err(self.malformed("no comma")),
                None => return Err(self.malformed("the text is cut")),
            }
        }
    }

    fn enter(&mut self, bracket: u8) -> Result<()> {
        if self.space() != Some(bracket) {
            return Err(self.malformed("another kind of value"));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.malformed("nested too deep"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps, reason = "the last step of every walk")]
    fn leave(&mut self) -> Result<()> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// Reads a value of any kind and forgets it.
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            Kind::Object => self.object(|reader, _| reader.skip()),
            Kind::Array => self.array(Self::skip),
            Kind::String => self.skip_string(),
            Kind::Number => self.number().map(drop),
            Kind::True => self.word("true"),
            Kind::False => self.word("false"),
            Kind::Null => self.word("null"),
        }
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.rest().starts_with(word) {
            return Err(self.malformed("no JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// The text from here on.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Goes on behind what the caller read itself.
    pub(crate) fn advance(&mut self, length: usize) {
        self.at += length;
    }

    /// Reads a number, as it is written.
    pub(crate) fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<()> {
        let digits = self.bytes().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.malformed("no digit"));
        }
        self.at += digits;
        Ok(())
    }

    /// Reads a string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        self.plain();
        if self.byte() == Some(b'"') {
            let plain = self.text.get(start..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(start).map(Cow::Owned)
    }

    fn skip_string(&mut self) -> Result<()> {
        self.at += 1;
        let start = self.at;
        self.plain();
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(());
        }
        self.escaped(start).map(drop)
    }

    /// The rest of a string that is not plain.
    #[cold]
    fn escaped(&mut self, start: usize) -> Result<String> {
        let mut string = self.text.get(start..self.at).unwrap_or_default().to_owned();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                Some(_) => return Err(self.malformed("a control character in a string")),
                None => return Err(self.malformed("the text is cut")),
            }
            let start = self.at;
            self.plain();
            string.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
    }

    /// Goes on to the next quote, backslash or control character, eight bytes at a time.
    fn plain(&mut self) {
        const ONES: u64 = u64::from_ne_bytes([1; 8]);
        const HIGH: u64 = ONES << 7;
        let bytes = self.text.as_bytes();
        // Whether some byte is zero, or below 32: exact for the lowest such byte.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        while let Some(chunk) = bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            let stops = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
            if stops != 0 {
                self.at += stops.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        let tail = self.bytes();
        let stop = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        self.at += stop.unwrap_or(tail.len());
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char> {
        let Some(byte) = self.byte() else { return Err(self.malformed("the text is cut")) };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.malformed("an escape that JSON does not have")),
        })
    }

    /// What stands behind `\u`, with its second half if it is a surrogate.
    fn unicode(&mut self) -> Result<char> {
        let first = self.hex()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) && self.bytes().starts_with(b"\\u") {
            let behind_first = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            } else {
                self.at = behind_first;
            }
        }
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = self.bytes().first_chunk::<4>();
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        let code = code.ok_or_else(|| self.malformed("no four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

/// Both readers side by side, for tests and for fuzzing.
#[cfg(any(test, fuzzing))]
pub(crate) mod comparison {
    use super::{Kind, Reader, Result};
    use serde_json::{Map, Value};

    /// The whole text as a value, by way of every method of the reader.
    fn value(reader: &mut Reader<'_>) -> Result<Value> {
        Ok(match reader.peek()? {
            Kind::Object => {
                let mut members = Map::new();
                reader.object(|reader, key| {
                    members.insert(key.to_owned(), value(reader)?);
                    Ok(())
                })?;
                Value::Object(members)
            }
            Kind::Array => {
                let mut elements = Vec::new();
                reader.array(|reader| {
                    elements.push(value(reader)?);
                    Ok(())
                })?;
                Value::Array(elements)
            }
            Kind::String => Value::String(reader.string()?.into_owned()),
            // What is a number but fits no float, serde_json refuses: told apart below.
            Kind::Number => serde_json::from_str(reader.number()?).unwrap_or(Value::from("out of range")),
            kind => {
                reader.skip()?;
                match kind {
                    Kind::True => true.into(),
                    Kind::False => false.into(),
                    _ => Value::Null,
                }
            }
        })
    }

    fn whole<'a, T>(text: &'a str, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
        let mut reader = Reader::new(text);
        let read = read(&mut reader)?;
        reader.end()?;
        Ok(read)
    }

    /// The same text with the escape of U+FFFD for each half of a surrogate pair. Behind a backslash outside of strings
    /// neither reader looks.
    fn without_halves(text: &str) -> String {
        let code = |text: &str| u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
        let (mut whole, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('\\') {
            let (before, escape) = rest.split_at(at);
            let second = || escape.get(6..).and_then(code);
            let (kept, length) = match code(escape) {
                Some(0xd800..0xdc00) if second().is_some_and(|code| (0xdc00..0xe000).contains(&code)) => (None, 12),
                Some(0xd800..0xe000) => (Some("\\ufffd"), 6),
                _ => (None, escape.char_indices().nth(2).map_or(escape.len(), |(at, _)| at)),
            };
            let (escape, behind) = escape.split_at(length);
            whole.extend([before, kept.unwrap_or(escape)]);
            rest = behind;
        }
        whole + rest
    }

    /// Asserts that a text is read as `serde_json` reads it, and refused where that refuses it; save that half of a
    /// surrogate pair is U+FFFD. Of members that stand twice both take the last: code that walks an object here has to
    /// expect them.
    pub(crate) fn same(text: &str) {
        let read = whole(text, value);
        assert_eq!(read.as_ref().map(drop), whole(text, Reader::skip).as_ref().copied(), "{text}");
        match (read, serde_json::from_str::<Value>(&without_halves(text))) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
            (Ok(_), Err(theirs)) => assert!(theirs.to_string().starts_with("number out of range"), "{text}: {theirs}"),
            (Err(ours), Ok(theirs)) => assert_eq!(ours.to_string(), "", "{text}: {theirs}"),
            (Err(_), Err(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use super::comparison::same;

    const TEXTS: [&str; 29] = [
        r#"{"data":[{"id":"37","type":"publish_files_result","attributes":{"file_id":37,"notify_status":"success"}}]}"#,
        r#" { "a" : [ 1 , -0.5e+10 , true , false , null , "x\ny\u00e9\ud83d\ude00\\\"\/\b\f\r\t" ] , "b" : { } } "#,
        r#"["\ud83d"]"#,
        r#"["\ud83dx"]"#,
        r#"["\ud83d\u0041"]"#,
        r#"["\udc00"]"#,
        r#"["\udc00\ud83d\ud83d\ude00\ude00"]"#,
        r#"["\ud83d\uzz"]"#,
        r#"["\\ud83d"]"#,
        r#"{"\ud83d":1,"\udc00":2,"\\\ud83d\n":3}"#,
        r#"["\ud83d\"#,
        r#"["\u12G4"]"#,
        r#"["\u+123"]"#,
        r#"["\x"]"#,
        "[\"a\tb\"]",
        "[\"long enough for a chunk of eight \u{7f}ü€😀 and more\"]",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e400",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "tru",
        "",
        "[1] x",
    ];

    #[test]
    fn half_of_a_surrogate_pair_is_a_replacement_character() {
        for (text, read) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""a\udc00b""#, "a\u{fffd}b"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\ud83d\ude00\ude00""#, "\u{fffd}\u{1f600}\u{fffd}"),
            (r#""\\ud83d""#, "\\ud83d"),
        ] {
            assert_eq!(Reader::new(text).string().as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in TEXTS {
            same(text);
        }
        for depth in [1, 126, 127, 128, 129, 200_000] {
            same(&("[".repeat(depth) + &"]".repeat(depth)));
            same(&("{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)));
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads_of_the_corpus() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/json");
        let files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
        assert!(!files.is_empty(), "no corpus in {folder}");
        for file in files {
            same(&String::from_utf8_lossy(&std::fs::read(file.path()).unwrap_or_default()));
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads_of_broken_texts() {
        let mut random = fastrand::Rng::with_seed(37);
        let pieces: Vec<char> = "{}[]\",:\\/u0123456789abcdefDE+-. \ntrufalsn\u{1}\u{7f}é😀".chars().collect();
        for _ in 0..100_000 {
            let mut text: Vec<char> =
                TEXTS.get(random.usize(..TEXTS.len())).map(|text| text.chars().collect()).unwrap_or_default();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..=text.len());
                match random.u8(..3) {
                    0 => text.insert(at, pieces.get(random.usize(..pieces.len())).copied().unwrap_or(' ')),
                    1 => text.truncate(at),
                    _ => drop(text.drain(at..(at + random.usize(..5)).min(text.len()))),
                }
            }
            same(&text.into_iter().collect::<String>());
        }
    }
}
