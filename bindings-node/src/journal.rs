//! A journal, for people who look at a run and decide about files whose outcome is unknown.

use addepar_portal::Journal as Core;
use napi::bindgen_prelude::{Either, Float64Array};
use napi_derive::napi;

use crate::failure::Failure;
use crate::report::Report;

/// A journal as it was when it was read.
#[napi]
pub struct Journal(Core);

#[napi]
impl Journal {
    /// Reads a journal.
    #[napi]
    pub fn open(path: String) -> Either<Journal, Failure> {
        match Core::open(path) {
            Ok(journal) => Either::A(Self(journal)),
            Err(error) => Either::B(error.into()),
        }
    }

    /// The run so far.
    #[napi]
    pub fn report(&self) -> Report {
        self.0.report().into()
    }

    /// Records what a person found out.
    #[napi]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "validated ids: whole, positive, below 2^53"
    )]
    pub fn decide(
        &mut self,
        file_ids: Float64Array,
        decision: String,
        by: String,
        evidence: Option<String>,
    ) -> Option<Failure> {
        let file_ids: Vec<u64> = file_ids.iter().map(|id| *id as u64).collect();
        let decided = decision.parse().and_then(|verdict| self.0.decide(file_ids, verdict, &by, evidence.as_deref()));
        decided.err().map(Failure::from)
    }

    /// What it is about, `files`, `chunks` and `undecided`, as JSON.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}
