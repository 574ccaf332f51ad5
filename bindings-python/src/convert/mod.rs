//! Plain Python values as the core takes them, and what a class needs to be pickled.

pub(crate) mod arguments;
pub(crate) mod ids;
pub(crate) mod json;
pub(crate) mod pickle;
mod refusal;

pub(crate) use refusal::Refusal;
