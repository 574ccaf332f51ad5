//! A journal, for people who look at a run and decide about files whose outcome is unknown.

use addepar_portal::{Error, Journal as Core};
use napi::bindgen_prelude::{AsyncTask, Either, Float64Array};
use napi::{Env, Task};
use napi_derive::napi;
use serde_json::json;

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

    /// Records what a person found out. As JSON: the files whose earlier decision that replaces, and what the caller is
    /// warned of.
    #[napi]
    pub fn decide(
        &mut self,
        file_ids: Ids,
        decision: String,
        by: String,
        evidence: Option<String>,
    ) -> Either<String, Failure> {
        let given = id::raw(file_ids).and_then(|file_ids| Ok((file_ids, decision.parse()?)));
        let decided = given
            .map_err(|refused| self.0.not_recorded(refused))
            .and_then(|(file_ids, verdict)| self.0.decide(file_ids, verdict, &by, evidence.as_deref()));
        let warning = self.0.take_warning();
        or_failure(decided.map(|replaced| json!({ "replaced": replaced, "warning": warning }).to_string()))
    }

    /// This journal with what `settle` has recorded about these files, which is read on a thread of Node's pool.
    #[napi]
    pub fn settled(&self, file_ids: Float64Array) -> AsyncTask<Settled> {
        AsyncTask::new(Settled { journal: self.0.clone(), file_ids: id::known(&file_ids) })
    }

    /// What it is about, `files`, `chunks` and `undecided`, as JSON.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

/// A journal that is being read: no event loop waits for a disk.
pub struct Settled {
    journal: Core,
    file_ids: Vec<u64>,
}

impl Task for Settled {
    type Output = Result<Core, Error>;
    type JsValue = Either<Journal, Failure>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(self.journal.settled(&self.file_ids))
    }

    fn resolve(&mut self, _: Env, read: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(or_failure(read.map(Journal)))
    }
}

impl Journal {
    pub(crate) fn inner(&self) -> &Core {
        &self.0
    }
}
