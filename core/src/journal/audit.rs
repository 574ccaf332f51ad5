//! Every send of every file across the journals of a folder.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, DirEntry, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Error, JournalReason};
use crate::journal::file::{JournalFile, begins_like_a_journal};
use crate::journal::folder;
use crate::journal::history::History;
use crate::journal::index::Entry;
use crate::journal::lock::folder_of;
use crate::journal::record::{Chunk, Line, Record};
use crate::model::batch::Repeat;
use crate::model::file_result::{FileState, Verdict};
use crate::model::server;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Every intent for every file, by file and time.
    pub(crate) sends: Vec<Sent>,
    /// How many journals were read.
    pub(crate) journals: usize,
    /// Why some could not be.
    pub(crate) unreadable: Vec<String>,
    /// Files that have a journal's name and never were one.
    pub(crate) foreign: Vec<PathBuf>,
    /// Journals that calls miss.
    pub(crate) missing: Vec<Missing>,
    /// Journals that a person recorded as gone, and what their folder knows of them.
    pub(crate) forgotten: Vec<(PathBuf, Entry)>,
}

/// A journal that is gone, or is not what it was.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) path: PathBuf,
    /// What its folder knows of it.
    pub(crate) entry: Entry,
    pub(crate) loss: Loss,
    /// Where it lies, all of it, among what was looked through.
    pub(crate) elsewhere: Option<PathBuf>,
}

/// What calls miss of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// All of it.
    Whole,
    /// All of it, or where it lies: another run's journal has its name.
    Name { lies_at: Option<PathBuf> },
    /// Lines that it had.
    Lines,
    /// What has its name cannot be read.
    Unreadable,
}

/// A file that was about to be sent, and what that ended in.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) file_id: u64,
    /// Server and firm: another firm's file of the same id is another file.
    pub(crate) firm_id: Arc<str>,
    server: Arc<str>,
    run: Arc<str>,
    /// The journal that shows it.
    pub(crate) journal: Arc<Path>,
    pub(crate) chunk: u32,
    pub(crate) attempt: u32,
    pub(crate) at: SystemTime,
    pub(crate) ending: Ending,
    /// What a person found out about it.
    pub(crate) decision: Option<Verdict>,
    /// From when on that was `not_published`, and until when: a later decision may be about what was done then.
    not_published: Option<(SystemTime, Option<SystemTime>)>,
    /// Whether it was meant to be possible that the file had been sent before.
    pub(crate) is_repeat: bool,
}

/// What a send ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing was recorded, and nobody writes the journal: the process ended.
    Open,
    /// It is being sent at this moment.
    InFlight,
    In(FileState),
}

impl Sent {
    /// By what the same send is known again in a copy of its journal.
    fn identity(&self) -> (u64, &str, &str, &str, u32, u32, SystemTime) {
        (self.file_id, &self.server, &self.firm_id, &self.run, self.chunk, self.attempt, self.at)
    }

    /// Whether it may have reached clients, as far as the server's answer goes.
    pub(crate) fn may_have_reached(&self) -> bool {
        self.ending != Ending::In(FileState::NotProcessed)
    }

    fn is_decided_not_published(&self) -> bool {
        self.decision == Some(Verdict::NotPublished)
    }

    /// Whether it may have reached clients.
    fn counts(&self) -> bool {
        self.may_have_reached() && !self.is_decided_not_published()
    }

    /// Whether another send was made since this one had been found not to be published.
    fn led_to(&self, other: &Self) -> bool {
        let stood = |(from, until): (SystemTime, Option<SystemTime>)| {
            from <= other.at && until.is_none_or(|until| other.at < until)
        };
        other.may_have_reached() && self.not_published.is_some_and(stood)
    }

    /// Whether it counts among all sends of its file.
    fn counts_among(&self, sends: &[&Self]) -> bool {
        self.counts() && !sends.iter().any(|other| self.led_to(other))
    }

    fn is_undecided(&self) -> bool {
        matches!(self.ending, Ending::Open | Ending::In(FileState::Unknown)) && self.decision.is_none()
    }
}

impl Audit {
    /// Reads the journals of a folder and those in it, whatever their names; of one file alone if it is given. What was
    /// sent stands in the journals; what a folder knows of them only says which are missing.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn of(folder: &Path, file_id: Option<u64>) -> Result<Self, Error> {
        let Candidates { folders, journals, foreign, unreadable } = Candidates::of(folder)?;
        let mut audit = Self { unreadable, foreign, ..Self::default() };
        let mut runs: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for path in journals {
            let read = JournalFile::observe(&path).and_then(|history| Ok((sends(&path, &history)?, history)));
            match read {
                Ok((sends, history)) => {
                    audit.journals += 1;
                    runs.entry(history.header().run.clone()).or_default().push(path);
                    audit.sends.extend(sends.into_iter().filter(|sent| file_id.is_none_or(|id| id == sent.file_id)));
                }
                Err(error) => audit.unreadable.push(error.message()),
            }
        }
        let mut forgotten = HashMap::new();
        for folder in folders {
            forgotten.extend(audit.look_for_missing(&folder, file_id, &runs));
        }
        // A copy of a journal shows the same sends once more, at the same times; where both went on, the times differ. The
        // copy that went on knows how a send ended; of decisions that differ, the one counts that leaves it a send.
        let is_forgotten = |sent: &Sent| forgotten.get(&*sent.journal).is_some_and(|at| sent.at < *at);
        // Of copies that show the same, the longest one takes decisions.
        let lengths: HashMap<&Path, u64> =
            runs.values().flatten().map(|path| (&**path, fs::metadata(path).map_or(0, |file| file.len()))).collect();
        let length = |sent: &Sent| lengths.get(&*sent.journal).copied().unwrap_or_default();
        let weight = |sent: &Sent| {
            let is_open = sent.ending == Ending::Open;
            (is_open, sent.decision.is_none(), is_forgotten(sent), !sent.counts(), Reverse(length(sent)))
        };
        audit.sends.sort_by(|one, other| (one.identity(), weight(one)).cmp(&(other.identity(), weight(other))));
        audit.sends.dedup_by(|copy, sent| copy.identity() == sent.identity());
        // To record that a journal is gone is to leave what it showed at that: nobody decides in an older copy any more.
        for sent in audit.sends.iter_mut().filter(|sent| sent.is_undecided() && is_forgotten(sent)) {
            sent.decision = Some(Verdict::Leave);
        }
        audit.sends.sort_by_key(|sent| (sent.file_id, sent.at));
        Ok(audit)
    }

    /// Looks for the journals that a folder knows; `runs`: those that were read, by their runs. The older copies of those that were
    /// recorded as gone, and when that was.
    fn look_for_missing(
        &mut self,
        folder: &Path,
        file_id: Option<u64>,
        runs: &HashMap<String, Vec<PathBuf>>,
    ) -> HashMap<PathBuf, SystemTime> {
        let index = match folder::index(folder) {
            Ok((index, None)) => index,
            Ok((_, Some(doubt))) => {
                self.unreadable.push(format!("{doubt}: nobody can tell whether a journal is missing."));
                return HashMap::new();
            }
            Err(error) => {
                self.unreadable.push(error.message());
                return HashMap::new();
            }
        };
        let is_wanted = |entry: &&Entry| file_id.is_none_or(|id| entry.names_any(&[id]));
        match folder::all_missed(folder, &index, runs) {
            Ok(missed) => {
                let missed = missed.into_iter().filter(|(entry, _)| is_wanted(entry));
                self.missing.extend(missed.map(|(entry, is_there)| {
                    let path = folder.join(entry.name());
                    let loss = match JournalFile::look(&path) {
                        _ if !is_there => Loss::Whole,
                        Ok(history) if history.header().run != entry.run() => {
                            Loss::Name { lies_at: folder::stands_at(entry, folder) }
                        }
                        Ok(_) => Loss::Lines,
                        Err(_) => Loss::Unreadable,
                    };
                    let mut of_its_run = runs.get(entry.run()).into_iter().flatten();
                    let elsewhere = of_its_run.find(|other| **other != path && folder::is_whole(entry, other)).cloned();
                    Missing { path, entry: entry.clone(), loss, elsewhere }
                }));
            }
            Err(error) => self.unreadable.push(error.message()),
        }
        let forgotten = index.forgotten().iter().filter(is_wanted);
        self.forgotten.extend(forgotten.map(|entry| (folder.join(entry.name()), entry.clone())));
        let copies = runs.iter().flat_map(|(run, paths)| paths.iter().map(move |path| (run, path)));
        let copies = copies.filter(|(_, path)| folder_of(path) == folder);
        copies.filter_map(|(run, path)| Some((path.clone(), folder::forgotten_at(&index, path, run)?))).collect()
    }

    /// The files that were sent more than once: sends apart that provably came to nothing, and those that were made
    /// with `repeat="allow"`.
    pub(crate) fn sent_twice(&self) -> Vec<u64> {
        let mut twice =
            self.with(|sends| sends.iter().filter(|sent| sent.counts_among(sends) && !sent.is_repeat).count() > 1);
        twice.extend(self.sent_by_two_copies());
        twice.sort_unstable();
        twice.dedup();
        twice
    }

    /// The files that one run sent more than once, which no run does and `repeat` does not mean: two copies of its journal
    /// both went on.
    fn sent_by_two_copies(&self) -> impl Iterator<Item = u64> {
        let mut seen = HashSet::new();
        let counting = self.sends.iter().filter(|sent| sent.counts());
        counting
            .filter(move |sent| !seen.insert((sent.file_id, &sent.server, &sent.firm_id, &sent.run)))
            .map(|sent| sent.file_id)
    }

    /// The files that `repeat="allow"` sent although they had been sent before.
    pub(crate) fn repeated(&self) -> Vec<u64> {
        self.with(|sends| {
            let counting = || sends.iter().filter(|sent| sent.counts_among(sends));
            counting().count() > 1 && counting().any(|sent| sent.is_repeat)
        })
    }

    /// The files that were sent again since they had been found not to be published. Whether that was so, no journal knows.
    pub(crate) fn sent_after_a_decision(&self) -> Vec<u64> {
        self.with(|sends| {
            let reached: Vec<_> = sends.iter().filter(|sent| sent.may_have_reached()).collect();
            reached.split_last().is_some_and(|(_, before)| {
                let led = |sent: &Sent| sent.is_decided_not_published() || sends.iter().any(|other| sent.led_to(other));
                before.iter().any(|sent| led(sent))
            })
        })
    }

    /// The files of which a server and firm have such sends, in the order of their times.
    fn with(&self, wanted: impl Fn(&[&Sent]) -> bool) -> Vec<u64> {
        let mut files = BTreeMap::<_, Vec<&Sent>>::new();
        for sent in &self.sends {
            files.entry((sent.file_id, &sent.server, &sent.firm_id)).or_default().push(sent);
        }
        let files = files.into_iter().filter(|(_, sends)| wanted(sends)).map(|((file_id, ..), _)| file_id);
        files.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The files about some send of which a person has to decide.
    pub(crate) fn undecided(&self) -> Vec<u64> {
        self.files_of(Sent::is_undecided)
    }

    /// The same, by the journals in which that is recorded. Copies of a journal that is gone take no decision.
    pub(crate) fn undecided_by_journal(&self) -> BTreeMap<&Path, Vec<u64>> {
        let mut journals: BTreeMap<&Path, Vec<u64>> = BTreeMap::new();
        let gone = || self.missing.iter().filter(|missing| missing.elsewhere.is_none());
        let is_gone = |sent: &Sent| {
            let is_it = |Missing { path, entry, .. }: &Missing| {
                entry.run() == &*sent.run && folder_of(path) == folder_of(&sent.journal)
            };
            gone().any(is_it)
        };
        for sent in self.sends.iter().filter(|sent| sent.is_undecided() && !is_gone(sent)) {
            journals.entry(&sent.journal).or_default().push(sent.file_id);
        }
        journals
    }

    /// The files that are being sent at this moment.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        self.files_of(|sent| sent.ending == Ending::InFlight)
    }

    fn files_of(&self, wanted: impl Fn(&Sent) -> bool) -> Vec<u64> {
        let files = self.sends.iter().filter(|sent| wanted(sent)).map(|sent| sent.file_id);
        files.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What a folder and those in it have: files that are journals, or should be one by their name.
#[derive(Debug, Default)]
struct Candidates {
    folders: Vec<PathBuf>,
    journals: Vec<PathBuf>,
    /// Files that have a journal's name and never were one.
    foreign: Vec<PathBuf>,
    unreadable: Vec<String>,
}

impl Candidates {
    fn of(folder: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        let entries = folder::entries(folder)?;
        found.take(folder, entries);
        found.folders.sort();
        found.journals.sort();
        Ok(found)
    }

    fn take(&mut self, folder: &Path, entries: fs::ReadDir) {
        self.folders.push(folder.to_owned());
        for entry in entries {
            match entry {
                Ok(entry) => self.take_entry(&entry),
                Err(error) => self.cannot_read(folder, &error),
            }
        }
    }

    fn take_entry(&mut self, entry: &DirEntry) {
        let path = entry.path();
        let ends_in = |extension: &str| path.extension().is_some_and(|found| found == extension);
        match entry.file_type() {
            Err(error) => self.cannot_read(&path, &error),
            // A link to a folder may lead round in a circle.
            Ok(kind) if kind.is_dir() => match fs::read_dir(&path) {
                Ok(entries) => self.take(&path, entries),
                Err(error) => self.cannot_read(&path, &error),
            },
            // What is left of a journal that was not made to the end says nothing.
            Ok(_) if ends_in("new") || path.is_dir() => {}
            Ok(_) if ends_in("jsonl") => {
                if folder::is_foreign(&path) {
                    self.foreign.push(path);
                } else {
                    self.journals.push(path);
                }
            }
            Ok(_) => match begins_like_a_journal(&path) {
                Ok(true) => self.journals.push(path),
                Ok(false) => {}
                Err(error) => self.cannot_read(&path, &error),
            },
        }
    }

    fn cannot_read(&mut self, path: &Path, error: &io::Error) {
        self.unreadable.push(format!("{} cannot be read: {error}.", path.display()));
    }
}

/// The sends of a journal that was found to be whole. What another process has written since may be torn.
fn sends(path: &Path, history: &History) -> Result<Vec<Sent>, Error> {
    let file = File::open(path).map_err(|error| Error::unopened(path, &error))?;
    let mut reading = Reading::of(path);
    for line in BufReader::new(file).split(b'\n') {
        let line = line
            .map_err(|error| Error::of_journal(path, JournalReason::CannotRead, &format!("cannot be read: {error}")))?;
        let Ok(Line { record, at, .. }) = serde_json::from_slice(&line) else { break };
        reading.take(record, at);
    }
    for sent in reading.sends.iter_mut().filter(|sent| sent.is_undecided()) {
        if sent.ending == Ending::Open && history.is_written() {
            sent.ending = Ending::InFlight;
        }
    }
    Ok(reading.sends)
}

struct Reading {
    journal: Arc<Path>,
    server: Arc<str>,
    firm_id: Arc<str>,
    run: Arc<str>,
    is_repeat: bool,
    chunks: HashMap<u32, Vec<u64>>,
    /// The last send of each file.
    last: HashMap<u64, usize>,
    /// The one before that, where it may have reached clients: it is the last again once this came to nothing.
    before: HashMap<u64, usize>,
    sends: Vec<Sent>,
}

impl Reading {
    fn of(path: &Path) -> Self {
        Self {
            journal: path.into(),
            server: Arc::default(),
            firm_id: Arc::default(),
            run: Arc::default(),
            is_repeat: false,
            chunks: HashMap::new(),
            last: HashMap::new(),
            before: HashMap::new(),
            sends: Vec::new(),
        }
    }

    fn take(&mut self, record: Record, at: SystemTime) {
        match record {
            Record::Header(header) => {
                self.server = header.server().into();
                self.is_repeat = header.repeat == Repeat::Allow;
                (self.firm_id, self.run) = (server::firm(&header.firm_id).into(), header.run.into());
            }
            Record::Plan { chunks } => {
                self.chunks.extend(chunks.into_iter().map(|Chunk { chunk, file_ids }| (chunk, file_ids)));
            }
            Record::Intent { chunk, attempt, file_ids, .. } => {
                if let Some(file_ids) = file_ids {
                    self.chunks.insert(chunk, file_ids);
                }
                for file_id in self.chunks.get(&chunk).into_iter().flatten().copied() {
                    let before = self.last.insert(file_id, self.sends.len());
                    if let Some(before) =
                        before.filter(|before| self.sends.get(*before).is_some_and(Sent::may_have_reached))
                    {
                        self.before.insert(file_id, before);
                    }
                    let (server, firm_id, run) = (self.server.clone(), self.firm_id.clone(), self.run.clone());
                    let journal = self.journal.clone();
                    let (ending, decision, not_published, is_repeat) = (Ending::Open, None, None, self.is_repeat);
                    self.sends.push(Sent {
                        file_id,
                        firm_id,
                        server,
                        run,
                        journal,
                        chunk,
                        attempt,
                        at,
                        ending,
                        decision,
                        not_published,
                        is_repeat,
                    });
                }
            }
            Record::NotProcessed { chunk, .. } => {
                for file_id in self.chunks.get(&chunk).cloned().unwrap_or_default() {
                    self.ends(file_id, FileState::NotProcessed);
                    // What is decided from now on is about the send before.
                    if let Some(before) = self.before.remove(&file_id) {
                        self.last.insert(file_id, before);
                    }
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
                    sent.not_published = match (sent.not_published, decision) {
                        (Some((from, None)), Verdict::Published | Verdict::Leave) => Some((from, Some(at))),
                        (None | Some((_, Some(_))), Verdict::NotPublished) => Some((at, None)),
                        (stood, _) => stood,
                    };
                }
            }
            Record::Look { .. } => {}
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
