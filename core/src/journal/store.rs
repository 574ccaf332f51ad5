//! Where a call's records go: a seam, so that the machine that decides knows no file.

use std::time::SystemTime;

use crate::error::{Error, JournalReason};
use crate::journal::record::Record;

/// A record and when it was made.
pub(crate) type Dated = (Record, SystemTime);

/// What takes the records of one run, and nobody else's meanwhile. Its methods may block.
pub(crate) trait Store: Send {
    /// Takes records, all of them or none: they are safe when this returns.
    fn record(&mut self, records: Vec<Dated>) -> Result<(), Unrecorded>;

    /// Saves a whole run anew whose records were lost. It cannot be recorded to any more; says why.
    fn rescue(&mut self, records: Vec<Dated>) -> Unrecorded;

    /// Lets others take this run over. Nothing can be recorded any more.
    fn release(&mut self);
}

/// Why records were not taken. Nothing is taken any more.
#[derive(Debug)]
pub(crate) enum Unrecorded {
    /// `is_saved`: the records before and, where they tell what has happened, these are safe all the same.
    Failed { error: Error, is_saved: bool },
    /// The records before are lost as well: the run has to be saved anew.
    Lost,
}

/// The store of a run that is only looked at: it takes nothing.
pub(crate) struct Unwritten;

impl Store for Unwritten {
    fn record(&mut self, _: Vec<Dated>) -> Result<(), Unrecorded> {
        Err(self.rescue(Vec::new()))
    }

    fn rescue(&mut self, _: Vec<Dated>) -> Unrecorded {
        let error = Error::about_journal(JournalReason::CannotWrite, "The journal was opened to be read only.");
        Unrecorded::Failed { error, is_saved: true }
    }

    fn release(&mut self) {}
}
