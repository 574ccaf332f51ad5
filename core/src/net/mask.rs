//! Secrets in what comes back: a server that repeats a request's headers, or a proxy that does, repeats its credentials.
//!
//! They are masked before anything is kept, in the bytes: so they are in no raw text, no error object, no request id, no
//! log and no journal. Nothing else is changed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::secret::Secret;
use crate::protocol::exchange::{Answer, Exchange};

/// How many stars stand in the place of a secret.
const STARS: usize = 3;
/// A shorter secret may be an ordinary word or number of an answer, which has to be read as it came.
const SHORTEST: usize = 8;
/// As many as four escapes of a quotation mark, one around the other, have: an answer may have any number.
const MOST_BACKSLASHES: usize = 16;

/// The secrets of one request.
pub(crate) struct Mask(Vec<Vec<u8>>);

impl Mask {
    /// Of an API key: its secret, alone and as the header has it.
    pub(crate) fn of_key(id: &str, secret: &Secret) -> Self {
        Self(Vec::new()).and(pair(id, secret.expose()))
    }

    /// Of an access token.
    pub(crate) fn of_token(token: &Secret) -> Self {
        Self(Vec::new()).and(vec![token.expose().to_owned()])
    }

    /// The same, with the password of a proxy, alone and as the header has it.
    pub(crate) fn and_proxy(self, authorization: Option<&Secret>) -> Self {
        let Some(authorization) = authorization else { return self };
        let pair = STANDARD.decode(authorization.expose()).unwrap_or_default();
        let pair = String::from_utf8(pair).unwrap_or_default();
        let password = pair.split_once(':').map(|(_, password)| password.to_owned());
        self.and(password.into_iter().chain([authorization.expose().to_owned()]).collect())
    }

    fn and(mut self, secrets: Vec<String>) -> Self {
        self.0.extend(secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).map(String::into_bytes));
        self
    }

    /// The same, without the secrets.
    pub(crate) fn applied(&self, exchange: Exchange) -> Exchange {
        match exchange {
            Exchange::Lost { fault, cause } => {
                Exchange::Lost { fault, cause: cause.with_texts(&|text| self.text(text)) }
            }
            Exchange::Answered(answer) => Exchange::Answered(Answer {
                request_id: answer.request_id.map(|id| self.text(id)),
                body: self.bytes(answer.body),
                broken: answer.broken.map(|broken| self.text(broken)),
                ..answer
            }),
        }
    }

    fn text(&self, text: String) -> String {
        String::from_utf8(self.bytes(text.into_bytes())).unwrap_or_default()
    }

    fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.0.iter().fold(bytes, |bytes, secret| without(secret, bytes))
    }
}

/// A password, and how a header has it together with its name.
fn pair(name: &str, password: &str) -> Vec<String> {
    vec![password.to_owned(), STANDARD.encode(format!("{name}:{password}"))]
}

/// In place: what stands for a secret is no longer, and an answer may be large.
fn without(secret: &[u8], mut bytes: Vec<u8>) -> Vec<u8> {
    if is_plainly_without(secret, &bytes) {
        return bytes;
    }
    let (mut read, mut written) = (0, 0);
    while let Some(rest @ [first, ..]) = bytes.get(read..) {
        let (length, kept, count) = match length_of(secret, rest) {
            Some(length) => (length, b'*', STARS),
            // A backslash that is escaped escapes nothing.
            None if rest.starts_with(br"\\") => (2, b'\\', 2),
            None => (1, *first, 1),
        };
        if let Some(places) = bytes.get_mut(written..written + count) {
            places.fill(kept);
        }
        read += length;
        written += count;
    }
    bytes.truncate(written);
    bytes
}

/// The quick way, for almost every answer.
fn is_plainly_without(secret: &[u8], bytes: &[u8]) -> bool {
    let texts = (std::str::from_utf8(secret), std::str::from_utf8(bytes));
    matches!(texts, (Ok(secret), Ok(text)) if !text.contains(['\\', '%']) && !text.contains(secret))
}

/// How long the secret is that `bytes` begin with, as it is or in the escapes of JSON or of URLs, which may be escaped themselves. What
/// looks like an escape of a URL may stand in the secret itself.
fn length_of(secret: &[u8], bytes: &[u8]) -> Option<usize> {
    [false, true].into_iter().find_map(|in_url| escaped_length(secret, bytes, in_url))
}

fn escaped_length(secret: &[u8], bytes: &[u8], in_url: bool) -> Option<usize> {
    let mut rest = bytes;
    for wanted in secret {
        // A backslash before the secret stays one.
        let most = if rest.len() == bytes.len() { 1 } else { usize::MAX };
        let escaped = match rest {
            [b'\\', ..] => behind_escape_of_json(*wanted, rest, most),
            [b'%', rest @ ..] if in_url => behind_escape_of_url(*wanted, rest),
            _ => None,
        };
        rest = escaped.or_else(|| rest.strip_prefix(&[*wanted]))?;
    }
    Some(bytes.len() - rest.len())
}

/// JSON in a text of JSON has the backslashes of its escapes escaped. `most`: how many may stand before a character that needs none.
fn behind_escape_of_json(wanted: u8, bytes: &[u8], most: usize) -> Option<&[u8]> {
    let count = bytes.iter().take(MOST_BACKSLASHES).take_while(|byte| **byte == b'\\').count();
    match bytes.get(count..)? {
        [b'u', b'0', b'0', high, low, rest @ ..] if hexadecimal(*high, *low) == Some(wanted) => Some(rest),
        [byte @ (b'"' | b'/'), rest @ ..] if *byte == wanted && count <= most => Some(rest),
        _ if wanted == b'\\' => bytes.strip_prefix(br"\\"),
        _ => None,
    }
}

/// `%2F`, or `%252F` where that was escaped once more.
fn behind_escape_of_url(wanted: u8, mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        match bytes {
            [high, low, rest @ ..] if hexadecimal(*high, *low) == Some(wanted) => return Some(rest),
            [b'2', b'5', rest @ ..] => bytes = rest,
            _ => return None,
        }
    }
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(mask: &Mask, text: &str) -> String {
        mask.text(text.to_owned())
    }

    fn of_token(token: &str) -> Mask {
        Mask::of_token(&Secret::from(token))
    }

    #[test]
    fn a_key_is_masked_alone_and_as_its_header_has_it() {
        let proxy = Secret::from(STANDARD.encode("operator:proxy-password"));
        let mask = Mask::of_key("key-id", &Secret::from("key/secret")).and_proxy(Some(&proxy));
        let header = STANDARD.encode("key-id:key/secret");
        for (text, expected) in [
            ("the secret key/secret, of key-id", "the secret ***, of key-id".to_owned()),
            (&format!("Authorization: Basic {header}"), "Authorization: Basic ***".to_owned()),
            (
                r#"{"a":"key\/secret","b":"key\u002Fsecret","c":"\u006bey/secret"}"#,
                r#"{"a":"***","b":"***","c":"***"}"#.to_owned(),
            ),
            ("operator:proxy-password", "operator:***".to_owned()),
            ("key/secrekey/secret", "key/secre***".to_owned()),
            (r#"{"path":"\\key\/secret","line":"\nkey/secret"}"#, r#"{"path":"\\***","line":"\n***"}"#.to_owned()),
            ("nothing of it: key\\nsecret", "nothing of it: key\\nsecret".to_owned()),
        ] {
            assert_eq!(masked(&mask, text), expected);
        }
    }

    #[test]
    fn a_token_is_masked_however_json_escapes_it() {
        let masked = |text| masked(&of_token(r#"to"ken\with=signs"#), text);
        assert_eq!(masked(r#"{"said":"to\"ken\\with=signs."}"#), r#"{"said":"***."}"#);
        assert_eq!(masked(r#"{"said":"to\"ken\u005cwith\u003dsigns."}"#), r#"{"said":"***."}"#);
        assert_eq!(masked(r#"to"ken\with=signs"#), "***");
    }

    #[test]
    fn a_token_is_masked_however_a_url_escapes_it() {
        let masked = |text| masked(&of_token("k/9+vQ2=100%"), text);
        assert_eq!(masked("/login?t=k%2F9%2BvQ2%3D100%25&u=1"), "/login?t=***&u=1");
        assert_eq!(masked("/login?t=k%2f9%2bvQ2=100%25%2F"), "/login?t=***%2F");
        assert_eq!(masked("k/9+vQ2=100%"), "***");
        let like_an_escape = of_token("ab/d%25efgh").text(r"ab/d%25efgh, ab\/d%25efgh, ab%2Fd%2525efgh".to_owned());
        assert_eq!(like_an_escape, "***, ***, ***");
        assert_eq!(masked("/v1/files?page%5Bsize%5D=2"), "/v1/files?page%5Bsize%5D=2");
    }

    #[test]
    fn a_token_is_masked_in_escapes_that_were_escaped() {
        let masked = |text| masked(&of_token("=ab/cd+ef\"gh="), text);
        let once = r#"{\"said\":\"\\u003dab\\/cd\\u002bef\\\"gh\\u003d.\"}"#;
        assert_eq!(masked(once), r#"{\"said\":\"***.\"}"#);
        assert_eq!(masked(r#"\\\\u003dab\\\\/cd+ef\\\\\\\"gh="#), "***");
        assert_eq!(masked("t=%253Dab%252Fcd%25252bef%22gh%3d&u"), "t=***&u");
    }

    #[test]
    fn an_answer_of_backslashes_is_read_once() {
        let answer = "\\".repeat(1 << 20);
        assert_eq!(masked(&of_token("=long-token"), &answer), answer);
    }

    #[test]
    fn a_backslash_that_is_escaped_stays_one() {
        assert_eq!(masked(&of_token("/a/long/token"), r#"["\\/a/long/token","\/a/long/token"]"#), r#"["\\***","***"]"#);
    }

    #[test]
    fn what_a_short_secret_has_in_common_with_an_answer_stays() {
        let answer = r#"{"publish_status":"success"}"#;
        assert_eq!(masked(&of_token("success"), answer), answer);
    }

    #[test]
    fn bytes_that_are_not_text_are_masked_as_well() {
        assert_eq!(of_token("secret-token").bytes(b"\xff secret-token \xff".to_vec()), b"\xff *** \xff");
    }
}
