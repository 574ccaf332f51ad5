//! What a journal's records add up to: the state of every file, and what may be done next. No I/O.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::time::{Duration, SystemTime};

use crate::journal::look::Look;
use crate::journal::record::{Chunk, Header, Record};
use crate::model::attempt::Attempt;
use crate::model::attempt::Outcome;
use crate::model::file_result::{FileResult, FileState, Verdict};
use crate::model::moment::Uptime;
use crate::model::report::{Beside, PublishReport};
use crate::model::request::{Asks, PublishRequest};

/// Why a file is unknown that was about to be sent when the records end.
const NO_OUTCOME: &str = "It was about to be sent, and no outcome was recorded.";

/// Why a record cannot follow those before it, in words.
pub(crate) type InvalidRecord = String;

/// The records so far.
#[derive(Debug, Clone)]
pub(crate) struct History {
    header: Header,
    /// When the journal was made, if it was read or made here.
    made_at: Option<SystemTime>,
    request: PublishRequest,
    files: Vec<File>,
    /// How many files are in which state, in the order of [`FileState`].
    counts: [usize; 4],
    positions: HashMap<u64, usize>,
    chunks: Vec<ChunkHistory>,
    attempts: Vec<Attempt>,
    /// Whether somebody else wrote the journal when it was read: what was being sent is in flight.
    is_written: bool,
    looks: Vec<Look>,
    /// In whose name and on what evidence was decided, in the order in which that was said first.
    said: HashMap<Words, usize>,
    /// Each decision: about which file, in which of these words, and when.
    decisions: Vec<(u64, usize, SystemTime)>,
    /// What was known before their last request of the files that were sent again, by their positions: proof that this one
    /// was not processed takes them back to that.
    before: HashMap<usize, Before>,
}

/// A file whose outcome nobody knew, and that somebody found not to be published.
#[derive(Debug, Clone)]
struct Before {
    answer: Option<Box<FileResult>>,
    decision: Option<Box<Decision>>,
}

/// Who decided, and on what evidence.
type Words = (String, Option<String>);

/// The same, without the blanks around: a text of blanks is none.
fn words(by: &str, evidence: Option<&str>) -> Words {
    let evidence = evidence.map(str::trim).filter(|evidence| !evidence.is_empty());
    (by.trim().to_owned(), evidence.map(str::to_owned))
}

/// The name under which decisions stand in a journal that was written anew, about files that went out again.
const REWRITER: &str = "addepar-portal, after the journal was overwritten";

#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: u64,
    pub(crate) state: FileState,
    /// What was answered, where it is more than the state: most files need no room for it.
    answer: Option<Box<FileResult>>,
    /// The chunk that it was put into last, from 1.
    pub(crate) chunk: u32,
    /// The last decision about it; few files have one.
    decision: Option<Box<Decision>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) by: String,
    pub(crate) evidence: Option<String>,
    pub(crate) at: SystemTime,
    /// The chunk whose outcome it is about.
    chunk: u32,
    /// How many decisions in other words about the same outcome stand before it.
    others: u32,
}

impl Decision {
    /// Whether it is in the same words as another one.
    fn says_the_same_as(&self, other: &Self) -> bool {
        self.verdict == other.verdict && self.by == other.by && self.evidence == other.evidence
    }
}

/// What has happened to a file since somebody read the records.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since<'a> {
    /// It was sent, at this time.
    Sent(SystemTime),
    /// Somebody decided about it.
    Decided(&'a Decision),
    /// It is to be sent after all; since then a request with it may have come to nothing.
    ToBeSent,
}

/// Where a chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It was never sent, or provably not processed: it may be sent.
    Ready,
    /// It is being sent, or was when the journal ends.
    Sending,
    Processed,
    Unknown,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "not_processed",
            Self::Sending | Self::Unknown => "unknown",
            Self::Processed => "processed",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ChunkHistory {
    /// Its files when it was planned.
    planned: Vec<usize>,
    /// Those that went out last: the others had been published in some other way by then.
    sent: Option<Vec<usize>>,
    pub(crate) stage: Stage,
    pub(crate) attempts: u32,
    /// When it was sent last.
    pub(crate) sent_at: Option<SystemTime>,
    /// How long the machine had been running then.
    pub(crate) uptime: Option<Uptime>,
    /// How many looks at generated reports stand before that.
    pub(crate) looks: usize,
    /// In how many words had been decided before that, about any file.
    said: usize,
    /// When its last attempt was over, if that was recorded.
    pub(crate) over_at: Option<SystemTime>,
    /// What its outcome has beside the files, if one was recorded.
    beside: Option<Beside>,
}

impl ChunkHistory {
    /// The files that are in it: those that went out, or are to.
    pub(crate) fn positions(&self) -> &[usize] {
        self.sent.as_deref().unwrap_or(&self.planned)
    }
}

impl File {
    /// A file about which there is nothing to say but its state.
    fn plain(id: u64, state: FileState, asks: Asks) -> FileResult {
        match state {
            FileState::Ok => FileResult::succeeded(id, asks),
            FileState::Unknown => FileResult::unknown(id, NO_OUTCOME),
            FileState::Failed | FileState::NotProcessed => FileResult::unanswered(id, state),
        }
    }

    fn put(&mut self, result: FileResult, asks: Asks, counts: &mut [usize; 4]) {
        for (state, count) in
            [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed].iter().zip(counts)
        {
            *count += usize::from(result.state == *state);
            *count -= usize::from(self.state == *state);
        }
        self.state = result.state;
        self.answer = (result != Self::plain(self.id, self.state, asks)).then(|| Box::new(result));
    }

    /// Whether nobody knows what became of it, and nobody has said what to do about that.
    pub(crate) fn is_undecided(&self) -> bool {
        self.state == FileState::Unknown && self.verdict().is_none()
    }

    /// Whether nobody knows what became of it, and a person decided to leave it at that.
    pub(crate) fn is_left_unknown(&self) -> bool {
        self.state == FileState::Unknown && self.verdict() == Some(Verdict::Leave)
    }

    /// The decision about its last outcome: one about an earlier send says nothing about a later one.
    pub(crate) fn decision(&self) -> Option<&Decision> {
        self.decision.as_deref().filter(|decision| decision.chunk == self.chunk)
    }

    fn verdict(&self) -> Option<Verdict> {
        self.decision().map(|decision| decision.verdict)
    }

    /// Whether a person found that it has yet to be published.
    fn is_to_be_sent_again(&self) -> bool {
        self.state == FileState::Unknown && self.verdict() == Some(Verdict::NotPublished)
    }

    /// Whether a person found that it was published, or may stay as it is.
    fn is_left_out(&self) -> bool {
        matches!(self.verdict(), Some(Verdict::Published | Verdict::Leave))
    }

    /// The same of one that was never sent here.
    pub(crate) fn is_done_elsewhere(&self) -> bool {
        self.state == FileState::NotProcessed && self.is_left_out()
    }

    /// Whether sending it once more could publish it twice.
    pub(crate) fn may_be_published(&self) -> bool {
        match self.state {
            FileState::NotProcessed => self.is_done_elsewhere(),
            _ => !self.is_to_be_sent_again(),
        }
    }
}

impl History {
    /// A history that begins with a header and the first plan.
    pub(crate) fn begin(header: Header, chunks: &[Chunk]) -> Result<Self, InvalidRecord> {
        let ids = chunks.iter().flat_map(|chunk| chunk.file_ids.iter().copied());
        let make = if header.skipped.is_empty() { PublishRequest::for_batch } else { PublishRequest::for_what_is_left };
        let request = make(ids, header.portal_publishing, header.contact_notification)
            .and_then(|request| request.with_override_contacts(header.publish_override_contact_ids.iter().copied()))
            .map_err(|error| error.message())?
            .with_portfolio_names(header.portfolio_names.clone());
        let file = |id: &u64| File { id: *id, state: FileState::NotProcessed, answer: None, chunk: 0, decision: None };
        let mut history = Self {
            files: request.file_ids().iter().map(file).collect(),
            counts: [0, 0, 0, request.file_ids().len()],
            positions: request.file_ids().iter().copied().zip(0..).collect(),
            header,
            made_at: None,
            request,
            chunks: Vec::new(),
            attempts: Vec::new(),
            is_written: false,
            looks: Vec::new(),
            said: HashMap::new(),
            decisions: Vec::new(),
            before: HashMap::new(),
        };
        history.plan(chunks)?;
        Ok(history)
    }

    /// The same, of a journal that was made then.
    pub(crate) fn made_at(mut self, at: SystemTime) -> Self {
        self.made_at = Some(at);
        self
    }

    /// Whether something was after the journal was made.
    pub(crate) fn was_made_before(&self, at: SystemTime) -> bool {
        self.made_at.is_some_and(|made_at| made_at < at)
    }

    /// Takes in the next record, if it can follow.
    pub(crate) fn apply(&mut self, record: &Record, at: SystemTime) -> Result<(), InvalidRecord> {
        match record {
            Record::Header(_) => Err("a second header".to_owned()),
            Record::Plan { chunks } => self.plan(chunks),
            Record::Intent { chunk, attempt, file_ids, uptime } => {
                self.intent(*chunk, *attempt, file_ids.as_deref(), at)?;
                self.chunk_mut(*chunk)?.uptime.clone_from(uptime);
                Ok(())
            }
            Record::NotProcessed { chunk, attempt, result, .. } => {
                self.end(*chunk, *attempt, Stage::Ready, at)?;
                self.attempts.extend(result.clone());
                self.take_back(*chunk);
                Ok(())
            }
            Record::Outcome { chunk, attempt, outcome, result, files, beside, .. } => {
                let stage = match outcome {
                    Outcome::Processed => Stage::Processed,
                    Outcome::Unknown => Stage::Unknown,
                    Outcome::NotProcessed => return Err("an outcome that is none".to_owned()),
                };
                self.end(*chunk, *attempt, stage, at)?;
                self.attempts.push(result.clone());
                self.chunk_mut(*chunk)?.beside = Some(beside.clone());
                for position in self.sent_in(*chunk) {
                    self.before.remove(&position);
                }
                self.answered(*chunk, files)
            }
            Record::Decision { file_id, decision, by, evidence } => {
                let decided = Decision {
                    verdict: *decision,
                    by: by.clone(),
                    evidence: evidence.clone(),
                    at,
                    chunk: 0,
                    others: 0,
                };
                self.decided(*file_id, decided)
            }
            Record::Look { .. } => {
                self.looks.extend(Look::of(record, at));
                Ok(())
            }
        }
    }

    fn decided(&mut self, file_id: u64, decision: Decision) -> Result<(), InvalidRecord> {
        let about = |what: &str| format!("a decision about file {file_id}, {what}");
        let position = *self.positions.get(&file_id).ok_or_else(|| about("which is not of this run"))?;
        let file = self.files.get(position).ok_or_else(|| about("which is not of this run"))?;
        let (number, state, is_decided) = (file.chunk, file.state, file.decision().is_some());
        let chunk = self.chunk_mut(number)?;
        match state {
            FileState::NotProcessed if chunk.stage != Stage::Ready || !chunk.positions().contains(&position) => {
                return Err(about("whose chunk went out without it"));
            }
            FileState::NotProcessed if decision.verdict == Verdict::NotPublished && !is_decided => {
                return Err(about("which is yet to be sent anyway"));
            }
            FileState::Unknown | FileState::NotProcessed => {}
            FileState::Ok | FileState::Failed => return Err(about("whose outcome is known")),
        }
        // Who decides takes it that the request is over: no end of it may follow.
        if chunk.stage == Stage::Sending {
            chunk.stage = Stage::Unknown;
        }
        if decision.by != REWRITER {
            let order = self.said.len();
            let order = *self.said.entry(words(&decision.by, decision.evidence.as_deref())).or_insert(order);
            self.decisions.push((file_id, order, decision.at));
        }
        if let Some(file) = self.files.get_mut(position) {
            let others = match &file.decision {
                Some(before) => before.others + u32::from(!decision.says_the_same_as(before)),
                None => 0,
            };
            file.decision = Some(Box::new(Decision { chunk: number, others, ..decision }));
        }
        Ok(())
    }

    fn plan(&mut self, chunks: &[Chunk]) -> Result<(), InvalidRecord> {
        for Chunk { chunk, file_ids } in chunks {
            if usize::try_from(*chunk).ok() != Some(self.chunks.len() + 1) {
                return Err(format!("chunk {chunk} is not the next one"));
            }
            let mut planned = Vec::with_capacity(file_ids.len());
            for id in file_ids {
                planned.push(self.place(*id, *chunk)?);
            }
            self.chunks.push(ChunkHistory {
                planned,
                sent: None,
                stage: Stage::Ready,
                attempts: 0,
                sent_at: None,
                uptime: None,
                looks: 0,
                said: 0,
                over_at: None,
                beside: None,
            });
        }
        Ok(())
    }

    /// Puts a file into a chunk: for the first time, or because it is to be sent again. What is known of it stays until then.
    fn place(&mut self, id: u64, chunk: u32) -> Result<usize, InvalidRecord> {
        let position = *self.positions.get(&id).ok_or_else(|| format!("file {id} was not asked for"))?;
        let may_be_planned =
            self.files.get(position).is_some_and(|file| file.chunk == 0 || self.is_to_be_planned(file));
        let file = self.files.get_mut(position).filter(|_| may_be_planned);
        let file = file.ok_or_else(|| format!("file {id} is planned twice"))?;
        file.chunk = chunk;
        if let Some(decision) = &mut file.decision {
            decision.chunk = chunk;
        }
        Ok(position)
    }

    /// Whether a file is to be sent again, and no chunk is there for that: the last one went out, or goes on without it.
    fn is_to_be_planned(&self, file: &File) -> bool {
        let waits = |chunk: &ChunkHistory| chunk.stage == Stage::Ready && self.has_position(chunk, file);
        file.is_to_be_sent_again() && self.chunk(file.chunk).is_some_and(|chunk| !waits(chunk))
    }

    /// Whether a file is in a chunk that went out, or is to.
    fn has_position(&self, chunk: &ChunkHistory, file: &File) -> bool {
        self.positions.get(&file.id).is_some_and(|position| chunk.positions().contains(position))
    }

    /// The last chunk that went out with a file, unless that provably came to nothing.
    fn last_sent(&self, file: &File) -> Option<(u32, &ChunkHistory)> {
        let last = self.chunk(file.chunk).filter(|chunk| chunk.stage != Stage::Ready).map(|chunk| (file.chunk, chunk));
        match file.state {
            FileState::NotProcessed => None,
            FileState::Unknown if file.decision.is_some() => {
                let chunks = (1..).zip(&self.chunks);
                chunks.filter(|(_, chunk)| chunk.stage != Stage::Ready && self.has_position(chunk, file)).last()
            }
            // Nobody has decided to leave it out.
            FileState::Ok | FileState::Failed | FileState::Unknown => last,
        }
    }

    /// The chunk with which a file went out last, unless that provably came to nothing; else the one in which it is.
    #[cfg(feature = "cli")]
    pub(crate) fn last_chunk(&self, file: &File) -> u32 {
        self.last_sent(file).map_or(file.chunk, |(number, _)| number)
    }

    /// When a file went out last, unless that provably came to nothing.
    pub(crate) fn last_sent_at(&self, file: &File) -> Option<SystemTime> {
        self.last_sent(file)?.1.sent_at
    }

    /// Whether a file is to be sent again, by a chunk that is there.
    fn is_planned_again(&self, file: &File) -> bool {
        file.is_to_be_sent_again() && !self.is_to_be_planned(file)
    }

    /// The words of decisions before the last requests went out: they say nothing of these.
    fn said_before_requests(&self) -> Vec<&Words> {
        let went_out = self.chunks.iter().filter(|chunk| chunk.stage != Stage::Ready);
        let before = went_out.map(|chunk| chunk.said).max().unwrap_or_default();
        let mut said: Vec<_> = self.said.iter().filter(|(_, order)| **order < before).collect();
        said.sort_unstable_by_key(|(_, order)| **order);
        said.into_iter().map(|(words, _)| words).collect()
    }

    /// The positions of the files that went out with a chunk last, or are to.
    fn sent_in(&self, chunk: u32) -> Vec<usize> {
        self.chunk(chunk).map(|chunk| chunk.positions().to_vec()).unwrap_or_default()
    }

    fn chunk_mut(&mut self, chunk: u32) -> Result<&mut ChunkHistory, InvalidRecord> {
        let position = usize::try_from(chunk).ok().and_then(|chunk| chunk.checked_sub(1));
        position
            .and_then(|position| self.chunks.get_mut(position))
            .ok_or_else(|| format!("chunk {chunk} was not planned"))
    }

    fn intent(
        &mut self,
        number: u32,
        attempt: u32,
        file_ids: Option<&[u64]>,
        at: SystemTime,
    ) -> Result<(), InvalidRecord> {
        let sendable = self.chunk(number).map(|chunk| self.sendable(chunk)).unwrap_or_default();
        let named = self.ids(&sendable);
        let (looks, said) = (self.looks.len(), self.said.len());
        let chunk = self.chunk_mut(number)?;
        if chunk.stage != Stage::Ready || attempt != chunk.attempts + 1 {
            return Err(format!("attempt {attempt} of chunk {number}, which may not be sent"));
        }
        if file_ids.is_some_and(|file_ids| file_ids != named) {
            return Err(format!("attempt {attempt} of chunk {number} with files that are not those to send"));
        }
        chunk.sent = Some(sendable);
        chunk.stage = Stage::Sending;
        chunk.attempts = attempt;
        chunk.sent_at = Some(at);
        chunk.looks = looks;
        chunk.said = said;
        chunk.over_at = None;
        let asks = self.request.asks();
        for position in self.sent_in(number) {
            let Some(file) = self.files.get_mut(position) else { continue };
            // What was decided about an earlier outcome says nothing about this one.
            let decision = file.decision.take();
            if file.state == FileState::Unknown {
                self.before.insert(position, Before { answer: file.answer.take(), decision });
            }
            file.put(File::plain(file.id, FileState::Unknown, asks), asks, &mut self.counts);
        }
        Ok(())
    }

    /// The last request of a chunk was not processed: what was known of its files before is known again.
    fn take_back(&mut self, chunk: u32) {
        let asks = self.request.asks();
        for position in self.sent_in(chunk) {
            let Some(file) = self.files.get_mut(position) else { continue };
            match self.before.remove(&position) {
                Some(Before { answer, decision }) => (file.answer, file.decision) = (answer, decision),
                None => file.put(File::plain(file.id, FileState::NotProcessed, asks), asks, &mut self.counts),
            }
        }
    }

    fn end(&mut self, number: u32, attempt: u32, stage: Stage, at: SystemTime) -> Result<(), InvalidRecord> {
        let chunk = self.chunk_mut(number)?;
        if chunk.stage != Stage::Sending || attempt != chunk.attempts {
            return Err(format!("an end of attempt {attempt} of chunk {number}, which was not under way"));
        }
        chunk.stage = stage;
        chunk.over_at = Some(at);
        Ok(())
    }

    fn answered(&mut self, chunk: u32, files: &[FileResult]) -> Result<(), InvalidRecord> {
        let asks = self.request.asks();
        let sent: HashSet<usize> = self.sent_in(chunk).into_iter().collect();
        for result in files {
            let position = self.positions.get(&result.file_id).filter(|position| sent.contains(*position));
            let file = position.and_then(|position| self.files.get_mut(*position));
            // Those that went out are unknown so far.
            let file = file.filter(|file| file.chunk == chunk && file.state == FileState::Unknown);
            let file =
                file.ok_or_else(|| format!("a result of file {}, which is not of chunk {chunk}", result.file_id))?;
            file.put(result.clone().limited_to(asks), asks, &mut self.counts);
        }
        Ok(())
    }

    /// What the run is about.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Whether these are records of the same run.
    pub(crate) fn is_of_the_run_of(&self, other: &Self) -> bool {
        self.header.run == other.header.run
    }

    /// What was asked, all chunks together.
    pub(crate) fn request(&self) -> &PublishRequest {
        &self.request
    }

    /// Whether a file is of this run.
    pub(crate) fn has(&self, file_id: u64) -> bool {
        self.positions.contains_key(&file_id)
    }

    /// What generated reports showed, look by look.
    pub(crate) fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// How many files are ok, failed, unknown and not processed.
    pub(crate) fn counts(&self) -> [usize; 4] {
        self.counts
    }

    pub(crate) fn file(&self, file_id: u64) -> Option<&File> {
        self.positions.get(&file_id).and_then(|position| self.files.get(*position))
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// What became of a file, and what a person made of that.
    pub(crate) fn result(&self, file: &File) -> FileResult {
        let plain = || File::plain(file.id, file.state, self.request.asks());
        let result = file.answer.as_deref().cloned().unwrap_or_else(plain);
        let portfolio_name = self.request.portfolio_name(file.id).map(str::to_owned);
        FileResult { decision: file.verdict(), portfolio_name, ..result }
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = (u32, &ChunkHistory, Vec<u64>)> {
        (1..).zip(&self.chunks).map(|(number, chunk)| (number, chunk, self.ids(chunk.positions())))
    }

    pub(crate) fn chunk(&self, number: u32) -> Option<&ChunkHistory> {
        self.chunks.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub(crate) fn ids(&self, positions: &[usize]) -> Vec<u64> {
        positions.iter().filter_map(|position| self.files.get(*position)).map(|file| file.id).collect()
    }

    /// The files of a chunk that go out with it.
    fn sendable(&self, chunk: &ChunkHistory) -> Vec<usize> {
        let to_send = |position: &&usize| self.files.get(**position).is_some_and(|file| !file.is_left_out());
        chunk.positions().iter().filter(to_send).copied().collect()
    }

    /// The chunks that may be sent, each with its files: none of which all files are done in some other way.
    fn ready(&self) -> impl Iterator<Item = (u32, &ChunkHistory, Vec<u64>)> {
        let ready = (1..).zip(&self.chunks).filter(|(_, chunk)| chunk.stage == Stage::Ready);
        ready
            .map(|(number, chunk)| (number, chunk, self.ids(&self.sendable(chunk))))
            .filter(|(.., file_ids)| !file_ids.is_empty())
    }

    /// What has happened to a file since these records were as `shown`, which knows it. What somebody has decided meanwhile,
    /// or sent, a later decision must not overturn unseen.
    pub(crate) fn since(&self, shown: &Self, file_id: u64) -> Option<Since<'_>> {
        let (file, before) = (self.file(file_id)?, shown.file(file_id)?);
        let sent = |history: &Self, file| history.last_sent(file).map(|(number, chunk)| (number, chunk.attempts));
        if sent(self, file).is_some_and(|sent_now| sent(shown, before) != Some(sent_now)) {
            return Some(Since::Sent(self.last_sent_at(file)?));
        }
        // The same words once more are nothing new, unless others stood between.
        let is_news = |decided: &&Decision| {
            let is_known = |known: &Decision| decided.says_the_same_as(known) && decided.others == known.others;
            !before.decision.as_deref().is_some_and(is_known)
        };
        if let Some(decided) = file.decision.as_deref().filter(is_news) {
            return Some(Since::Decided(decided));
        }
        // A request ends a decision that the file is to be sent after all, also one that came to nothing.
        (before.decision().is_some() && file.decision().is_none()).then_some(Since::ToBeSent)
    }

    /// Whether these words, or none, can be about the last request with a file whose outcome is unknown: those that were
    /// said before it went out are of a script that runs again, and not of somebody who looked again.
    pub(crate) fn can_be_about_it(&self, file_id: u64, by: &str, evidence: Option<&str>) -> bool {
        let file = self.file(file_id).filter(|file| file.state == FileState::Unknown);
        let chunk = file.and_then(|file| self.last_sent(file)).map(|(_, chunk)| chunk);
        let Some(chunk) = chunk.filter(|chunk| chunk.said > 0) else { return true };
        let words = words(by, evidence);
        words.1.is_some() && self.said.get(&words).is_none_or(|said| *said >= chunk.said)
    }

    /// When a file whose outcome is unknown here went out last.
    pub(crate) fn unknown_since(&self, file_id: u64) -> Option<SystemTime> {
        self.last_sent_at(self.file(file_id).filter(|file| file.state == FileState::Unknown)?)
    }

    /// The same of a file about which nobody has decided.
    pub(crate) fn undecided_since(&self, file_id: u64) -> Option<SystemTime> {
        self.last_sent_at(self.file(file_id).filter(|file| file.is_undecided())?)
    }

    /// Whether anything was decided about a file, or about any, in these words, or at all if they are none, before this time.
    pub(crate) fn has_said(&self, file_id: Option<u64>, by: &str, evidence: Option<&str>, before: SystemTime) -> bool {
        let words = words(by, evidence);
        let known = self.said.get(&words);
        let is_same = |order: &usize| words.1.is_none() || known == Some(order);
        let is_about = |id: u64| file_id.is_none_or(|wanted| wanted == id);
        self.decisions.iter().any(|(id, order, at)| is_about(*id) && *at < before && is_same(order))
    }

    /// The files that are to be sent and went out before, and when that was.
    pub(crate) fn sent_before(&self) -> HashMap<u64, SystemTime> {
        let sent = (1..).zip(&self.chunks).filter(|(_, chunk)| chunk.stage != Stage::Ready);
        let sent = sent.filter_map(|(number, chunk)| Some((number, chunk, chunk.sent_at?)));
        let again = sent.flat_map(|(number, chunk, at): (u32, _, _)| {
            let files = chunk.positions().iter().filter_map(|position| self.files.get(*position));
            files.filter(move |file| file.chunk != number || file.is_to_be_sent_again()).map(move |file| (file.id, at))
        });
        again.collect()
    }

    /// Whether nothing of the run was published, or may have been, as far as anybody knows.
    pub(crate) fn came_to_nothing(&self) -> bool {
        self.files.iter().all(|file| file.state == FileState::NotProcessed && !file.may_be_published())
    }

    /// Whether a request of the run went out, or was about to.
    pub(crate) fn has_begun(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.attempts > 0)
    }

    /// When a chunk was sent last.
    pub(crate) fn sent_at(&self, chunk: u32) -> Option<SystemTime> {
        self.chunk(chunk)?.sent_at
    }

    /// The same, of a journal that somebody else was writing when it was read.
    pub(crate) fn written_by_another(mut self, is_written: bool) -> Self {
        self.is_written = is_written;
        self
    }

    /// Whether somebody else was writing the journal when it was read.
    pub(crate) fn is_written(&self) -> bool {
        self.is_written
    }

    /// Whether a file is being sent by somebody else: nobody has to decide about it.
    pub(crate) fn is_in_flight(&self, file: &File) -> bool {
        self.is_written
            && file.is_undecided()
            && self.chunk(file.chunk).is_some_and(|chunk| chunk.stage == Stage::Sending)
    }

    /// The files that somebody else is sending.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        self.files.iter().filter(|file| self.is_in_flight(file)).map(|file| file.id).collect()
    }

    /// Where a chunk stands, in a word.
    pub(crate) fn state_of(&self, chunk: &ChunkHistory) -> &'static str {
        if self.is_written && chunk.stage == Stage::Sending { "in_flight" } else { chunk.stage.as_str() }
    }

    /// How long ago requests went out, in no order.
    pub(crate) fn sent_ago(&self, now: SystemTime) -> impl Iterator<Item = Duration> {
        let unanswered =
            self.chunks.iter().filter(|chunk| chunk.stage == Stage::Sending).filter_map(|chunk| chunk.sent_at);
        let sent = self.attempts.iter().filter_map(|attempt| attempt.sent_at).chain(unanswered);
        sent.filter_map(move |at| now.duration_since(at).ok())
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// The files about which a person has to decide before anything goes on.
    pub(crate) fn undecided(&self) -> Vec<u64> {
        let undecided = self.files.iter().filter(|file| file.is_undecided() && !self.is_in_flight(file));
        undecided.map(|file| file.id).collect()
    }

    /// The files that going on would send, at once or after others.
    pub(crate) fn to_be_sent(&self) -> Vec<u64> {
        self.files.iter().filter(|file| !file.may_be_published()).map(|file| file.id).collect()
    }

    /// The next chunk that may be sent, with its files and the number of its next attempt.
    pub(crate) fn next_chunk(&self) -> Option<(u32, u32, Vec<u64>)> {
        self.ready().next().map(|(number, chunk, file_ids)| (number, chunk.attempts + 1, file_ids))
    }

    /// A plan for the files that a person found not to be published, if there are any.
    pub(crate) fn further_plan(&self, chunk_size: usize) -> Option<Record> {
        let again: Vec<u64> =
            self.files.iter().filter(|file| self.is_to_be_planned(file)).map(|file| file.id).collect();
        let first = u32::try_from(self.chunks.len() + 1).ok()?;
        (!again.is_empty()).then(|| Record::Plan { chunks: chunks(&again, chunk_size, first) })
    }

    /// What going on sends, request by request, if nothing comes in between.
    #[cfg(feature = "cli")]
    pub(crate) fn to_come(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = self.ready().map(|(chunk, _, file_ids)| Chunk { chunk, file_ids }).collect();
        if let Some(Record::Plan { chunks: again }) = self.further_plan(self.chunk_size()) {
            chunks.extend(again);
        }
        chunks
    }

    /// How large the chunks of the first plan are.
    pub(crate) fn chunk_size(&self) -> usize {
        self.chunks.first().map_or(1, |chunk| chunk.planned.len().max(1))
    }

    /// What this run shows of another run's request at the same server and firm: each file as it is here, with what this run
    /// asked for.
    pub(crate) fn report_on(&self, other: &PublishRequest) -> PublishReport {
        let result = |id: &u64| {
            self.file(*id)
                .map_or_else(|| FileResult::unanswered(*id, FileState::NotProcessed), |file| self.result(file))
        };
        let files = other.file_ids().iter().map(result).collect();
        let in_flight: HashSet<u64> = self.in_flight().into_iter().collect();
        let in_flight = other.file_ids().iter().copied().filter(|id| in_flight.contains(id)).collect();
        let report = PublishReport::new(other.clone(), files, Beside::default(), String::new());
        let is_shown = other.file_ids().iter().any(|id| self.has(*id));
        let asked = is_shown.then(|| self.request.clone());
        report.with_in_flight(in_flight).sent_as(asked.as_slice())
    }

    /// The records that come to the same: for a journal whose lines were lost. The raw answers are lost with them.
    pub(crate) fn rewritten(&self, now: SystemTime) -> Vec<(Record, SystemTime)> {
        let decision = |file: &File, verdict, by: &str, evidence| Record::Decision {
            file_id: file.id,
            decision: verdict,
            by: by.to_owned(),
            evidence,
        };
        let own =
            |file: &File, decided: &Decision| decision(file, decided.verdict, &decided.by, decided.evidence.clone());
        let mut records = vec![(Record::Header(self.header.clone()), now)];
        let mut covered = 0;
        let plans = self.chunks.iter().take_while(|chunk| {
            let is_first = covered < self.files.len();
            covered += chunk.planned.len();
            is_first
        });
        let first = plans.count();
        let planned = |number: u32, chunk: &ChunkHistory| Chunk { chunk: number, file_ids: self.ids(&chunk.planned) };
        let chunks = (1..).zip(self.chunks.iter().take(first)).map(|(number, chunk)| planned(number, chunk)).collect();
        records.push((Record::Plan { chunks }, now));
        let mut looks = self.looks.iter();
        let mut said = self.said_before_requests();
        for (number, chunk) in (1..).zip(&self.chunks) {
            let at = chunk.sent_at.unwrap_or(now);
            let files = || chunk.planned.iter().filter_map(|position| self.files.get(*position));
            if number as usize > first {
                records.push((Record::Plan { chunks: vec![planned(number, chunk)] }, at));
            }
            let sent = self.ids(chunk.positions());
            // What was decided about a file that was not sent stands before the chunk that went out without it.
            let is_left_out = |file: &File| file.is_left_out() && !sent.contains(&file.id);
            for file in files().filter(|file| file.chunk == number && is_left_out(file)) {
                records.extend(file.decision().map(|decided| (own(file, decided), decided.at)));
            }
            let file_ids = Some(sent.clone());
            let seen = chunk.looks.saturating_sub(self.looks.len() - looks.len());
            records.extend(looks.by_ref().take(seen).map(|look| (look.record(), look.at)));
            // Words that were said before later requests stand before the first: about which files they were is lost.
            let first_sent = files().find(|file| sent.contains(&file.id));
            if let Some(file) = first_sent.filter(|_| chunk.attempts > 0 && !said.is_empty()) {
                for (by, evidence) in mem::take(&mut said) {
                    records.push((decision(file, Verdict::Leave, by, evidence.clone()), at));
                }
                records.push((decision(file, Verdict::NotPublished, REWRITER, None), at));
            }
            // Somebody has decided anew about those that were left out then.
            let was_left_out = |file: &&File| !sent.contains(&file.id) && (file.chunk != number || !is_left_out(file));
            if chunk.attempts > 0 {
                let left_out = files().filter(was_left_out);
                records.extend(left_out.map(|file| (decision(file, Verdict::Leave, REWRITER, None), at)));
            }
            for attempt in 1..=chunk.attempts {
                records.push((
                    Record::Intent { chunk: number, attempt, file_ids: file_ids.clone(), uptime: chunk.uptime.clone() },
                    at,
                ));
                if attempt < chunk.attempts || chunk.stage == Stage::Ready {
                    let reason = "it was not processed".to_owned();
                    records.push((Record::NotProcessed { chunk: number, attempt, result: None, reason }, at));
                }
            }
            records.extend(self.outcome_again(number, chunk, at));
            for file in files() {
                let led_to_it = file.decision().filter(|_| self.is_planned_again(file));
                // It is in a later chunk, so it was found not to be published.
                if file.chunk != number {
                    records.push(match led_to_it {
                        Some(decided) => (own(file, decided), decided.at),
                        None => (decision(file, Verdict::NotPublished, REWRITER, None), at),
                    });
                } else if let Some(decided) = file.decision().filter(|_| !is_left_out(file) && led_to_it.is_none()) {
                    // That a file is to be sent after all replaces a decision that it need not be.
                    if file.state == FileState::NotProcessed && decided.verdict == Verdict::NotPublished {
                        records.push((decision(file, Verdict::Leave, REWRITER, None), decided.at));
                    }
                    records.push((own(file, decided), decided.at));
                }
            }
        }
        records.extend(looks.map(|look| (look.record(), look.at)));
        records
    }

    /// The outcome of a chunk as a record, if it has one. Its raw answer is lost.
    fn outcome_again(&self, number: u32, chunk: &ChunkHistory, at: SystemTime) -> Option<(Record, SystemTime)> {
        let beside = chunk.beside.clone()?;
        let sent = chunk.positions().iter().filter_map(|position| self.files.get(*position));
        // Of a file that went out once more, only what became of it then is known.
        let result = |file: &File| match self.last_sent(file) {
            Some((last, _)) if last == number => FileResult { decision: None, ..self.result(file) },
            _ => FileResult::unanswered(file.id, FileState::Unknown),
        };
        let outcome = if chunk.stage == Stage::Processed { Outcome::Processed } else { Outcome::Unknown };
        let result_of_attempt = Attempt {
            sent_at: chunk.sent_at,
            answered_at: None,
            http_status: None,
            request_id: None,
            elapsed: Duration::ZERO,
            outcome,
            retry_after: None,
        };
        let ended = Record::Outcome {
            chunk: number,
            attempt: chunk.attempts,
            outcome,
            result: result_of_attempt,
            files: sent.map(result).collect(),
            beside,
            raw: String::new(),
        };
        Some((ended, chunk.over_at.unwrap_or(at)))
    }

    /// The whole run as a report. Raw answers stay in the journal.
    pub(crate) fn report(&self) -> PublishReport {
        let positions = self.request.file_ids().iter().filter_map(|id| self.positions.get(id));
        let files = positions.filter_map(|position| self.files.get(*position)).map(|file| self.result(file)).collect();
        let report = PublishReport::new(self.request.clone(), files, self.beside(), String::new());
        report.with_attempts(self.attempts.clone()).with_in_flight(self.in_flight())
    }

    /// What the answers have beside the files.
    pub(crate) fn beside(&self) -> Beside {
        let mut beside = Beside::default();
        self.chunks.iter().filter_map(|chunk| chunk.beside.as_ref()).for_each(|other| beside.extend(other));
        beside
    }

    /// The same run with its files in another order: that in which somebody asks for them now.
    pub(crate) fn in_order_of(mut self, request: &PublishRequest) -> Self {
        self.request = request.clone();
        self
    }

    /// Whether the first plan has chunks of this size.
    pub(crate) fn is_planned_in(&self, chunk_size: usize) -> bool {
        self.chunk_size() == chunk_size.min(self.files.len())
    }
}

/// Files in chunks, numbered on from `first`.
pub(crate) fn chunks(file_ids: &[u64], chunk_size: usize, first: u32) -> Vec<Chunk> {
    let pieces = file_ids.chunks(chunk_size.max(1));
    (first..).zip(pieces).map(|(chunk, file_ids)| Chunk { chunk, file_ids: file_ids.to_vec() }).collect()
}
