//! Rows of an answer that differ in nothing but their id.
//!
//! Most rows say success, and what one says is known from the row before: it is the same text with
//! another id. So it is compared, not read, which takes a fifth of the time.

use crate::model::id;

/// The text of a row that was read, cut wherever its id stands.
#[derive(Debug)]
pub(crate) struct Pattern<'a> {
    first: &'a str,
    rest: Vec<&'a str>,
}

impl<'a> Pattern<'a> {
    /// The pattern of a row of this id, if any other row of it says the same about its own id.
    ///
    /// That holds where each number is the id or has nothing of it, and no escape has digits: with the
    /// digits of another id in their place the text is JSON as before, and none of its words changes.
    pub(crate) fn of(text: &'a str, id: u64) -> Option<Self> {
        let digits = id.to_string();
        let mut pieces = text.split(digits.as_str());
        let first = pieces.next()?;
        let rest: Vec<&str> = pieces.collect();
        let (last, before_last) = rest.split_last()?;
        let is_digit = |c: char| c.is_ascii_digit();
        let cut_within_a_number = first.ends_with(is_digit)
            || last.starts_with(is_digit)
            || before_last
                .iter()
                .any(|piece| piece.is_empty() || piece.starts_with(is_digit) || piece.ends_with(is_digit));
        (!cut_within_a_number && !text.contains('\\')).then_some(Self { first, rest })
    }

    /// The id of the row that begins here and how long it is, if it is of this pattern.
    pub(crate) fn find(&self, text: &str) -> Option<(u64, usize)> {
        let rest = text.strip_prefix(self.first)?;
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..count).filter(|digits| !digits.starts_with('0'))?;
        let id = id::parse(digits)?;
        let mut left = rest;
        for piece in &self.rest {
            left = left.strip_prefix(digits)?.strip_prefix(piece)?;
        }
        Some((id, text.len() - left.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_with_another_id_is_known_again() {
        let pattern = Pattern::of(r#"{"id":"37","file_id":37,"self":"/37"}"#, 37).map(|pattern| {
            [
                r#"{"id":"1038","file_id":1038,"self":"/1038"},{"id":"#,
                r#"{"id":"38","file_id":39,"self":"/38"}"#,
                r#"{"id":"38","file_id":380,"self":"/38"}"#,
                r#"{"id":"038","file_id":038,"self":"/038"}"#,
                r#"{"id":"38","file_id":38,"self":"/38" }"#,
                r#"{"id":"9007199254740992","file_id":9007199254740992,"self":"/9007199254740992"}"#,
                r#"{"id":"38","file_id":38,"#,
                "",
            ]
            .map(|text| pattern.find(text))
        });
        assert_eq!(pattern, Some([Some((1038, 43)), None, None, None, None, None, None, None]));
    }

    #[test]
    fn a_row_that_could_mean_something_else_has_no_pattern() {
        for (text, id) in [
            (r#"{"\u0069d":"69"}"#, 69),
            (r#"{"id":"37","file_id":90071992547409937}"#, 37),
            (r#"{"id":"37","file_id":370}"#, 37),
            (r#"{"id":"37","other":3737}"#, 37),
            (r#"{"id":"37"}"#, 38),
        ] {
            assert!(Pattern::of(text, id).is_none(), "{text}");
        }
    }
}
