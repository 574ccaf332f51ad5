//! Every send of every file across the journals of a folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use reqwest::Url;

use crate::error::Error;
use crate::journal::Journal;
use crate::journal::file::JournalFile;
use crate::journal::record::{Header, Line, Record, Verdict};
use crate::report::FileState;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Every intent for every file, by file and time.
    pub(crate) sends: Vec<Sent>,
    /// How many journals were read.
    pub(crate) journals: usize,
    /// Why some could not be.
    pub(crate) unreadable: Vec<String>,
}

/// A file that was about to be sent, and what that ended in.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) file_id: u64,
    /// Server and firm: another firm's file of the same id is another file.
    pub(crate) firm_id: Arc<str>,
    server: Arc<str>,
    pub(crate) run: Arc<str>,
    pub(crate) chunk: u32,
    pub(crate) attempt: u32,
    pub(crate) at: SystemTime,
    pub(crate) ending: Ending,
    /// What a person found out about it.
    pub(crate) decision: Option<Verdict>,
}

/// What a send ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing was recorded: the process ended, or it is being sent now.
    Open,
    In(FileState),
}

impl Sent {
    /// Whether it may have reached clients.
    fn counts(&self) -> bool {
        self.ending != Ending::In(FileState::NotProcessed) && self.decision != Some(Verdict::NotPublished)
    }

    fn is_undecided(&self) -> bool {
        matches!(self.ending, Ending::Open | Ending::In(FileState::Unknown)) && self.decision.is_none()
    }
}

impl Audit {
    /// Reads the journals of a folder, whatever their names; only the sends of one file if it is given.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn of(folder: &Path, file_id: Option<u64>) -> Result<Self, Error> {
        let mut audit = Self::default();
        for path in candidates(folder)? {
            let read = JournalFile::look(&path).and_then(|_| sends(&path));
            match read {
                Ok(sends) => {
                    audit.journals += 1;
                    audit.sends.extend(sends.into_iter().filter(|sent| file_id.is_none_or(|id| id == sent.file_id)));
                }
                Err(error) => audit.unreadable.push(error.message().to_owned()),
            }
        }
        // A copy of a journal shows the same sends once more; the one that went on knows how they ended.
        audit.sends.sort_by_key(|sent| (sent.file_id, sent.at, sent.ending == Ending::Open, sent.decision.is_none()));
        audit.sends.dedup_by(|copy, sent| {
            (copy.file_id, &copy.run, copy.chunk, copy.attempt) == (sent.file_id, &sent.run, sent.chunk, sent.attempt)
        });
        Ok(audit)
    }

    /// The files that were sent more than once, sends that provably came to nothing apart.
    pub(crate) fn sent_twice(&self) -> Vec<u64> {
        let mut counts = BTreeMap::<_, usize>::new();
        for sent in self.sends.iter().filter(|sent| sent.counts()) {
            *counts.entry((sent.file_id, &sent.server, &sent.firm_id)).or_default() += 1;
        }
        let twice = counts.into_iter().filter(|(_, count)| *count > 1).map(|((file_id, ..), _)| file_id);
        twice.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The files about some send of which a person has to decide.
    pub(crate) fn undecided(&self) -> Vec<u64> {
        let undecided = self.sends.iter().filter(|sent| sent.is_undecided()).map(|sent| sent.file_id);
        undecided.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The server of a base URL, which may be written in several ways.
fn origin(base_url: &str) -> Arc<str> {
    Url::parse(base_url).map_or_else(|_| base_url.into(), |url| url.origin().ascii_serialization().into())
}

/// The files of a folder that are journals, or should be one by their name.
fn candidates(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unusable = |error| Error::journal(folder, &format!("cannot be read: {error}"));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        let ends_in = |extension: &str| path.extension().is_some_and(|found| found == extension);
        // What is left of a journal that was not made to the end says nothing.
        if path.is_file() && !ends_in("new") && (ends_in("jsonl") || begins_like_a_journal(&path)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn begins_like_a_journal(path: &Path) -> bool {
    const START: &[u8] = b"{\"type\":\"header\"";
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == START
}

/// The sends of a journal that was found to be whole. What another process has written since may be torn.
fn sends(path: &Path) -> Result<Vec<Sent>, Error> {
    let file = File::open(path).map_err(|error| Error::journal(path, &format!("cannot be opened: {error}")))?;
    let mut reading = Reading::default();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|error| Error::journal(path, &format!("cannot be read: {error}")))?;
        let Ok(Line { record, at, .. }) = serde_json::from_slice(&line) else { break };
        reading.take(record, at);
    }
    Ok(reading.sends)
}

#[derive(Default)]
struct Reading {
    server: Arc<str>,
    firm_id: Arc<str>,
    run: Arc<str>,
    chunks: HashMap<u32, Vec<u64>>,
    /// The last send of each file.
    last: HashMap<u64, usize>,
    sends: Vec<Sent>,
}

impl Reading {
    fn take(&mut self, record: Record, at: SystemTime) {
        match record {
            Record::Header(Header { base_url, firm_id, run, .. }) => {
                (self.server, self.firm_id, self.run) = (origin(&base_url), firm_id.into(), run.into());
            }
            Record::Plan { chunks } => {
                self.chunks.extend(chunks.into_iter().map(|chunk| (chunk.chunk, chunk.file_ids)));
            }
            Record::Intent { chunk, attempt } => {
                for file_id in self.chunks.get(&chunk).into_iter().flatten().copied() {
                    self.last.insert(file_id, self.sends.len());
                    let (server, firm_id, run) = (self.server.clone(), self.firm_id.clone(), self.run.clone());
                    let (ending, decision) = (Ending::Open, None);
                    self.sends.push(Sent { file_id, firm_id, server, run, chunk, attempt, at, ending, decision });
                }
            }
            Record::NotProcessed { chunk, .. } => {
                for file_id in self.chunks.get(&chunk).cloned().unwrap_or_default() {
                    self.ends(file_id, FileState::NotProcessed);
                }
            }
            Record::Outcome { files, .. } => {
                for file in files {
                    self.ends(file.file_id, file.state);
                }
            }
            Record::Decision { file_id, decision, .. } => {
                if let Some(sent) = self.last(file_id) {
                    sent.decision = Some(decision);
                }
            }
        }
    }

    fn last(&mut self, file_id: u64) -> Option<&mut Sent> {
        self.sends.get_mut(*self.last.get(&file_id)?)
    }

    fn ends(&mut self, file_id: u64, state: FileState) {
        if let Some(sent) = self.last(file_id) {
            sent.ending = Ending::In(state);
        }
    }
}

impl Journal {
    /// What the run is about.
    pub(crate) fn header(&self) -> &Header {
        self.history.header()
    }
}
