//! Why a value cannot be sent.

use std::fmt;

use crate::model::message::{Language, Message};

/// A value that the API does not take, or that is not what its name says. Nothing was sent.
///
/// It becomes an [`Error`](crate::Error) of the kind [`ErrorKind::Input`](crate::ErrorKind::Input) where `?` meets one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidInput(Message);

impl InvalidInput {
    pub(crate) fn new(problem: impl Into<Message>) -> Self {
        Self(problem.into())
    }

    pub(crate) fn into_message(self) -> Message {
        self.0
    }

    /// What is wrong and what is allowed, in words.
    #[must_use]
    pub fn message(&self) -> String {
        self.0.in_language(Language::Rust)
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Nothing was sent.", self.0)
    }
}

impl std::error::Error for InvalidInput {}
