//! Why a value cannot be sent.

use std::fmt;

use crate::model::message::{Language, Message};

/// A value that the API or a journal does not take, or that is not what its name says. Nothing was sent.
///
/// It becomes an [`Error`](crate::Error) of the kind [`ErrorKind::Input`](crate::ErrorKind::Input) where `?` meets one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidInput {
    problem: Message,
    /// Whether it was to be recorded, and not sent.
    is_of_decision: bool,
}

impl InvalidInput {
    pub(crate) fn new(problem: impl Into<Message>) -> Self {
        Self { problem: problem.into(), is_of_decision: false }
    }

    /// The same of a value that was to be recorded in a journal.
    pub(crate) fn of_decision(problem: impl Into<Message>) -> Self {
        Self { problem: problem.into(), is_of_decision: true }
    }

    pub(crate) fn is_of_decision(&self) -> bool {
        self.is_of_decision
    }

    pub(crate) fn into_message(self) -> Message {
        self.problem
    }

    /// What is wrong and what is allowed, in words.
    #[must_use]
    pub fn message(&self) -> String {
        self.problem.in_language(Language::Rust)
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Nothing was {}.", self.problem, if self.is_of_decision { "recorded" } else { "sent" })
    }
}

impl std::error::Error for InvalidInput {}
