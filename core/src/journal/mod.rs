//! The journal: what was planned, sent and answered, on disk before anything relies on it.
//!
//! JSON Lines, one record a line, each with the hash of the line before. `record` knows the lines and
//! `history` what they add up to, both without I/O; `file` writes and locks; [`Journal`] is for people
//! who look at a run and decide about files whose outcome is unknown.

#[cfg(feature = "cli")]
pub(crate) mod audit;
pub(crate) mod file;
pub(crate) mod fingerprint;
pub(crate) mod folder;
pub(crate) mod history;
pub(crate) mod index;
pub(crate) mod lock;
pub(crate) mod look;
pub(crate) mod record;
pub(crate) mod settle;
pub(crate) mod store;
pub(crate) mod survey;
#[cfg(test)]
mod tests;
pub(crate) mod view;
pub(crate) mod writer;
