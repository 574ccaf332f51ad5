//! A journal, for people who look at a run and decide about files whose outcome is unknown.

use addepar_portal::Journal as Core;
use napi::bindgen_prelude::{Either, Float64Array};
use napi_derive::napi;

use crate::failure::{Failure, or_failure};
use crate::id::{self, Ids};
use crate::report::Report;

/// Sets a folder up for journals, once; its id.
#[napi]
pub fn init_journal_dir(folder: String) -> Either<String, Failure> {
    or_failure(addepar_portal::init_journal_dir(folder))
}

/// Records that a journal is gone for good; the files that it named.
#[napi]
pub fn forget_journal(path: String) -> Either<Float64Array, Failure> {
    or_failure(addepar_portal::forget_journal(path).map(|file_ids| id::numbers(&file_ids)))
}

/// A journal as it was when it was read.
#[napi]
pub struct Journal(Core);

#[napi]
impl Journal {
    /// Reads a journal.
    #[napi]
    pub fn open(path: String) -> Either<Journal, Failure> {
        or_failure(Core::open(path).map(Self))
    }

    /// The run so far.
    #[napi]
    pub fn report(&self) -> Report {
        self.0.report().into()
    }

    /// Records what a person found out.
    #[napi]
    pub fn decide(&mut self, file_ids: Ids, decision: String, by: String, evidence: Option<String>) -> Option<Failure> {
        let decided =
            id::raw(file_ids).and_then(|file_ids| self.0.decide(file_ids, decision.parse()?, &by, evidence.as_deref()));
        decided.err().map(Failure::from)
    }

    /// Reads it again: what is in the file now.
    #[napi]
    pub fn reread(&mut self) -> Option<Failure> {
        Core::open(self.0.path()).map(|journal| self.0 = journal).err().map(Failure::from)
    }

    /// What it is about, `files`, `chunks` and `undecided`, as JSON.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

impl Journal {
    pub(crate) fn inner(&self) -> &Core {
        &self.0
    }
}
