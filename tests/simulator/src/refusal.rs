//! What is wrong with a command or an option, in words for the person who wrote it.

use serde_json::error::Category;

/// What serde found to be wrong: what is known and what stands there, without its own terms. A test compares each form.
pub(crate) fn in_words(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let told = told.strip_suffix(&place).unwrap_or(&told);
    if let Some(expected) = told.strip_prefix("invalid value: expected key to be ") {
        return format!("a key must be {expected}");
    }
    if matches!(error.classify(), Category::Syntax | Category::Eof) {
        return format!("it must be JSON, and is not at column {}", error.column());
    }
    let known = |list: &str| list.trim_start_matches("one of ").replace(" or ", ", ");
    if let Some((found, expected)) = split(told, "unknown variant ", ", expected ") {
        format!("{found} is not known: it must be one of {}", known(expected))
    } else if let Some((found, expected)) = split(told, "unknown field ", ", expected ") {
        format!("{found} does not belong there: what does is {}", known(expected))
    } else if let Some((found, _)) = split(told, "unknown field ", ", there are no fields") {
        format!("{found} does not belong there: nothing does")
    } else if let Some(name) = told.strip_prefix("missing field ") {
        format!("{name} is missing")
    } else if let Some((found, expected)) =
        split(told, "invalid type: ", ", expected ").or_else(|| split(told, "invalid value: ", ", expected "))
    {
        format!("{found} stands where {} belongs", kind(expected))
    } else {
        told.to_owned()
    }
}

fn split<'a>(told: &'a str, prefix: &str, middle: &str) -> Option<(&'a str, &'a str)> {
    told.strip_prefix(prefix)?.split_once(middle)
}

fn kind(expected: &str) -> &str {
    match expected {
        "u16" | "u64" | "usize" => "a whole number from 0",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        _ if expected.contains("string") => "a text",
        _ if ["struct", "map", "enum"].iter().any(|kind| expected.contains(kind)) => "an object",
        _ => expected,
    }
}
