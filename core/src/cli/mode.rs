//! A mode out of three: what may have been meant where it is none of them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, Error};
use clap::{Arg, Command};

/// The modes that there are.
#[derive(Clone)]
pub(super) struct Mode {
    words: [&'static str; 3],
    parser: PossibleValuesParser,
}

impl Mode {
    pub(super) fn of(words: [&'static str; 3]) -> Self {
        Self { words, parser: PossibleValuesParser::new(words) }
    }
}

impl TypedValueParser for Mode {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        // As everywhere: Addepar's own page writes them in capitals.
        if let Some(word) = self.words.iter().find(|word| value.eq_ignore_ascii_case(word)) {
            return Ok((*word).to_owned());
        }
        self.parser.parse_ref(command, argument, value).map_err(|mut error| {
            // Hyphens are further from a word than clap looks.
            let meant = value.to_string_lossy().to_ascii_lowercase().replace(['-', ' '], "_");
            if let Some(word) = self.words.iter().find(|word| **word == meant) {
                error.insert(ContextKind::SuggestedValue, ContextValue::String((*word).to_owned()));
            }
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.parser.possible_values()
    }
}
