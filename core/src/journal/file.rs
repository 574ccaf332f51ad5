//! A journal on disk: one writer, and nothing is believed that was not synced.
//!
//! What is appended goes into the file that has the journal's name, behind the line that was written last. An editor, a
//! sync client or a person may have put another file there meanwhile: then nothing more is sent, and what is true is
//! saved beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, JournalReason};
use crate::journal::fingerprint::sha256;
use crate::journal::history::History;
use crate::journal::lock::{Lock, beside, folder_of, write_new};
use crate::journal::record::{Chunk, FORMAT, Header, Line, Record, START};
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::model::json;
use crate::runtime::clock;
use crate::system::identity::is_same;

/// A journal that this process alone may append to.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    /// The file that had the journal's name when it was written last.
    file: File,
    /// The run that it is of.
    run: String,
    end: End,
    /// Whose it is: a forked child must not append.
    pid: u32,
    /// Why nothing can be appended any more.
    broken: Option<(JournalReason, String)>,
    /// `None` once it was released.
    lock: Option<Lock>,
}

/// Where a journal ends, or ended once. Each line has the hash of the one before: a journal that has this end has all that
/// stood before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    /// The hash of the last line.
    last: Option<String>,
    /// How long the last line is, with its line feed.
    tail: u64,
    length: u64,
}

impl End {
    const START: Self = Self { last: None, tail: 0, length: 0 };

    /// The text of these records behind this end, and the end behind them.
    fn with(&self, records: impl IntoIterator<Item = (Record, SystemTime)>) -> (Vec<u8>, Self) {
        let (mut text, mut end) = (Vec::new(), self.clone());
        for (record, at) in records {
            let (line, hash) = Line { record, at, prev: end.last.take() }.encode();
            end = Self { last: Some(hash), tail: line.len() as u64, length: end.length + line.len() as u64 };
            text.extend(line);
        }
        (text, end)
    }

    /// Whether a file has this end, and maybe more behind it; its last line may lack the line feed, which some editors drop.
    pub(crate) fn is_in(&self, mut file: &File) -> io::Result<bool> {
        file.seek(SeekFrom::Start(self.length.saturating_sub(self.tail)))?;
        let mut line = Vec::new();
        file.take(self.tail).read_to_end(&mut line)?;
        Ok(Some(sha256(line.strip_suffix(b"\n").unwrap_or(&line))) == self.last)
    }

    /// Whether more of the same journal is before it than before another end.
    pub(crate) fn is_behind(&self, other: &Self) -> bool {
        self.length > other.length
    }

    /// Whether a file ends here.
    fn is_of(&self, file: &File) -> io::Result<bool> {
        if file.metadata()?.len() != self.length {
            return Ok(false);
        }
        self.is_in(file)
    }
}

/// A journal that was read.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) history: History,
    /// Where its beginning ends, which was on disk before anything was sent.
    pub(crate) start: End,
    /// Where it ends; `None` if its last line lacks a line feed, which will be added.
    pub(crate) end: Option<End>,
    pub(crate) file: File,
    /// The file as it was before it was read.
    pub(crate) found: fs::Metadata,
}

/// Why nothing can be appended to a journal.
enum Unwritable {
    /// The name has another file now, or none; in words that follow the name.
    Displaced(&'static str),
    /// The file cannot be written.
    Failed(io::Error),
}

/// What became of the records of a journal whose name has another file now.
enum Saved {
    /// They stand beside it.
    Beside(PathBuf),
    /// They could not be saved there.
    Not(PathBuf, io::Error),
}

impl From<io::Error> for Unwritable {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl JournalFile {
    /// Makes a journal that begins with these records: wholly, or not at all. `looks`: at generated reports, before.
    pub(crate) fn create(
        path: &Path,
        header: Header,
        chunks: Vec<Chunk>,
        looks: Vec<Dated>,
    ) -> Result<(Self, History), Error> {
        let lock = Lock::take(path)?;
        if exists(path)? {
            return Err(Error::of_journal(path, JournalReason::Busy, "was made by another call meanwhile"));
        }
        let refused = |what: String| Error::journal_refuses(path, &what);
        let now = clock::now().utc();
        let mut history = History::begin(header.clone(), &chunks).map_err(refused)?.made_at(now);
        for (look, at) in &looks {
            history.apply(look, *at).map_err(refused)?;
        }
        let records = [(Record::Header(header), now), (Record::Plan { chunks }, now)];
        let (text, end) = End::START.with(records.into_iter().chain(looks));
        let file = write_new(path, &text).map_err(|error| {
            Error::of_journal(path, JournalReason::CannotWrite, &format!("cannot be written: {error}"))
        })?;
        let lock = lock.with(path, &file)?;
        Ok((Self::new(path, file, &history, end, lock), history))
    }

    fn new(path: &Path, file: File, history: &History, end: End, lock: Lock) -> Self {
        let (path, run, pid) = (path.to_owned(), history.header().run.clone(), process::id());
        Self { path, file, run, end, pid, broken: None, lock: Some(lock) }
    }

    /// Removes a journal that was made for a call that has left meanwhile: it has nothing but its plan.
    pub(crate) fn discard(self) {
        let is_there = || Ok::<_, io::Error>(is_same(&fs::metadata(&self.path)?, &self.file.metadata()?));
        if matches!(is_there(), Ok(Some(true))) {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Opens a journal to append to it; what a crash left of its last line is cut off.
    pub(crate) fn open(path: &Path) -> Result<(Self, History), Error> {
        let unusable = |error: io::Error| unopened(path, &error);
        refuse_displaced(path)?;
        let mut file = open_file(path, OpenOptions::new().read(true).write(true))?;
        // What has a lock was a journal, so nothing else gets one.
        if !begins_like_a_journal(path).map_err(unusable)? && !beside(path, ".lock").exists() {
            read(path, &file)?;
            file.rewind().map_err(unusable)?;
        }
        let lock = Lock::take(path)?.with(path, &file)?;
        let Reading { history, mut end, rest, .. } = read(path, &file)?;
        file.seek(SeekFrom::Start(end.length)).map_err(unusable)?;
        let repaired = match rest {
            Rest::Nothing => Ok(()),
            Rest::Torn => file.set_len(end.length).and_then(|()| file.sync_all()),
            Rest::LineFeed => file.write_all(b"\n").and_then(|()| file.sync_all()),
        };
        repaired.map_err(unusable)?;
        if rest == Rest::LineFeed {
            (end.tail, end.length) = (end.tail + 1, end.length + 1);
        }
        Ok((Self::new(path, file, &history, end, lock), history))
    }

    /// Reads a journal, and finds out whether somebody else is writing it.
    pub(crate) fn observe(path: &Path) -> Result<History, Error> {
        // Its writer may let go of it between the reading and the look at its lock.
        let was_written = Lock::is_taken(path);
        let mut history = Self::look(path)?;
        let is_written = Lock::is_taken(path);
        if was_written && !is_written {
            history = Self::look(path)?;
        }
        Ok(history.written_by_another(is_written))
    }

    /// Reads a journal, which another process may be writing.
    pub(crate) fn look(path: &Path) -> Result<History, Error> {
        Ok(Self::examine(path)?.history)
    }

    /// Reads a journal, and what it can be known again by.
    pub(crate) fn examine(path: &Path) -> Result<Examined, Error> {
        let file = open_file(path, OpenOptions::new().read(true))?;
        let unusable =
            |error: io::Error| Error::of_journal(path, JournalReason::CannotRead, &format!("cannot be read: {error}"));
        // What is appended while it is read makes it another one than this.
        let found = file.metadata().map_err(unusable)?;
        let Reading { history, start, end, rest } = read(path, &file)?;
        let end = (rest != Rest::LineFeed).then_some(end);
        Ok(Examined { history, start, end, file, found })
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> &End {
        &self.end
    }

    /// Appends records, all of them or none; they are on disk when this returns, or nothing may rely on them.
    pub(crate) fn append(&mut self, records: Vec<Dated>) -> Result<(), Unrecorded> {
        let refused = |reason, what: &str| {
            Err(Unrecorded::Failed { error: Error::of_journal(&self.path, reason, what), is_saved: false })
        };
        if self.pid != process::id() {
            return refused(
                JournalReason::CannotWrite,
                "belongs to the parent process: a forked child does not append to it",
            );
        }
        if self.lock.is_none() {
            return refused(JournalReason::CannotWrite, "was released already");
        }
        if let Some((reason, what)) = &self.broken {
            return refused(*reason, what);
        }
        let is_past = records.iter().all(|(record, _)| record.is_past());
        let (text, end) = self.end.with(records);
        match self.locate().and_then(|()| self.write(&text, &end)) {
            Ok(()) => {
                self.end = end;
                Ok(())
            }
            // What was about to be done is not done without a journal. What was done is true wherever it is written.
            Err(unwritable) => Err(self.give_up(unwritable, if is_past { &text } else { &[] })),
        }
    }

    /// Nothing is appended any more; `text` is what is true beside what was written.
    fn give_up(&mut self, unwritable: Unwritable, text: &[u8]) -> Unrecorded {
        match unwritable {
            Unwritable::Failed(error) => {
                // Half a line would make the next one unreadable.
                let _ = self.file.set_len(self.end.length).and_then(|()| self.file.sync_data());
                self.broken(JournalReason::CannotWrite, format!("cannot be written: {error}"), false)
            }
            Unwritable::Displaced(how) => {
                let Ok(own) = self.own_text() else {
                    // What was overwritten in its place cannot be read any more: what it came to has to be written anew.
                    self.broken = Some((JournalReason::Changed, how.to_owned()));
                    return Unrecorded::Lost;
                };
                let saved = self.save(&[&own, text].concat(), text);
                self.displaced(how, saved)
            }
        }
    }

    fn displaced(&mut self, how: &str, saved: Saved) -> Unrecorded {
        match saved {
            Saved::Beside(path) => self.broken(
                JournalReason::Changed,
                format!(
                    "{how}. What is true was saved as {}: put it in the place of the journal before anything else is \
                     published",
                    path.display(),
                ),
                true,
            ),
            Saved::Not(path, error) => self.broken(
                JournalReason::Changed,
                format!("{how}. What is true could not be saved as {} ({error})", path.display()),
                false,
            ),
        }
    }

    fn broken(&mut self, reason: JournalReason, what: String, is_saved: bool) -> Unrecorded {
        let error = Error::of_journal(&self.path, reason, &what);
        self.broken = Some((reason, what));
        Unrecorded::Failed { error, is_saved }
    }

    /// Writes behind the last line of the file that has the journal's name, and looks whether it is still there.
    fn write(&mut self, text: &[u8], end: &End) -> Result<(), Unwritable> {
        self.file.seek(SeekFrom::Start(self.end.length))?;
        self.file.write_all(text)?;
        self.file.sync_data()?;
        let is_there = match fs::metadata(&self.path) {
            Ok(there) if there.len() == end.length && is_same(&there, &self.file.metadata()?) == Some(true) => true,
            // Some systems tell no number, some file systems another one each time: the end tells.
            Ok(there) if there.len() == end.length => end.is_of(&open_to_write(&self.path)?)?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => false,
        };
        if is_there {
            return Ok(());
        }
        Err(Unwritable::Displaced("was moved, removed or replaced while it was written"))
    }

    /// Finds the file that has the journal's name, whichever that is by now, if it ends as this one does.
    fn locate(&mut self) -> Result<(), Unwritable> {
        let found = match open_to_write(&self.path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Unwritable::Displaced("was moved or removed while the run went on"));
            }
            // No descriptor is left: the one at hand will do, if it is still the one.
            Err(_) if is_same(&fs::metadata(&self.path)?, &self.file.metadata()?) == Some(true) => None,
            Err(error) => return Err(error.into()),
        };
        if !self.end.is_of(found.as_ref().unwrap_or(&self.file))? {
            return Err(Unwritable::Displaced("was changed by something else while the run went on"));
        }
        let Some(found) = found else { return Ok(()) };
        // An equal copy has its place: the journal goes on in it.
        if is_same(&found.metadata()?, &self.file.metadata()?) != Some(true)
            && let Some(lock) = &mut self.lock
            && !lock.lock_journal(&found)?
        {
            return Err(Unwritable::Displaced("was replaced by a file that somebody else writes"));
        }
        self.file = found;
        Ok(())
    }

    /// Saves what is true beside a journal that is not this run's any more. Behind the end of the file that lost its name
    /// stands only what is true: `more` of it, if it could be saved nowhere else.
    fn save(&mut self, text: &[u8], more: &[u8]) -> Saved {
        let has_length = self.file.metadata().is_ok_and(|file| file.len() >= self.end.length);
        let own = has_length && self.end.is_in(&self.file).unwrap_or(false);
        let path = beside(&self.path, &format!("{}{}.jsonl", displaced_prefix(""), self.run));
        let written = write_new(&path, text);
        if own {
            // What was written behind its end was not sent, or stands in the saved file.
            let _ = self.file.set_len(self.end.length);
            if written.is_err() && !more.is_empty() {
                // Its folder may have been moved: then it is still the journal.
                let _ = self.file.seek(SeekFrom::Start(self.end.length));
                let _ = self.file.write_all(more).and_then(|()| self.file.sync_data());
            }
        }
        match written {
            Ok(_) => Saved::Beside(path),
            Err(error) => Saved::Not(path, error),
        }
    }

    /// The lines that this run knows to be written, from the file that may have lost its name.
    fn own_text(&self) -> Result<Vec<u8>, Error> {
        let unusable = |error: io::Error| {
            Error::of_journal(&self.path, JournalReason::CannotRead, &format!("cannot be read: {error}"))
        };
        let mut text = Vec::new();
        let mut file = &self.file;
        file.rewind().map_err(unusable)?;
        file.take(self.end.length).read_to_end(&mut text).map_err(unusable)?;
        let reading = read(&self.path, text.as_slice())?;
        if reading.end == self.end {
            Ok(text)
        } else {
            Err(Error::of_journal(&self.path, JournalReason::Changed, "has another end"))
        }
    }
}

impl Store for JournalFile {
    fn record(&mut self, records: Vec<Dated>) -> Result<(), Unrecorded> {
        self.append(records)
    }

    fn rescue(&mut self, records: Vec<Dated>) -> Unrecorded {
        let how = self.broken.take().map_or_else(|| "was overwritten".to_owned(), |(_, how)| how);
        let saved = self.save(&End::START.with(records).0, &[]);
        self.displaced(&how, saved)
    }

    fn release(&mut self) {
        self.lock = None;
    }
}

/// How the names begin of what is saved beside a journal that was displaced.
pub(crate) fn displaced_prefix(name: &str) -> String {
    format!("{name}.displaced-")
}

/// What was saved beside a journal that was displaced.
pub(crate) fn displaced(path: &Path) -> io::Result<Option<PathBuf>> {
    let prefix = beside(path, &displaced_prefix(""));
    let prefix = prefix.file_name().unwrap_or_default().as_encoded_bytes();
    let entries = match fs::read_dir(folder_of(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        // Who decides in it leaves a lock beside it.
        if name.starts_with(prefix) && name.ends_with(b".jsonl") {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Refuses a name whose journal was displaced: what is true stands beside it.
pub(crate) fn refuse_displaced(path: &Path) -> Result<(), Error> {
    match displaced(path) {
        Ok(None) => Ok(()),
        Ok(Some(saved)) => {
            let reason = format!(
                "was moved, removed or changed by something else while a run wrote it. What is true was saved as {}: \
                 put it in the place of the journal, then resume it",
                saved.display(),
            );
            Err(Error::of_journal(path, JournalReason::Changed, &reason))
        }
        Err(error) => Err(Error::of_journal(
            path,
            JournalReason::CannotRead,
            &format!("cannot be opened: its folder cannot be read: {error}"),
        )),
    }
}

/// Whether there is a journal. One that was displaced is an error, and so is a link that leads nowhere: its share may not
/// be mounted.
pub(crate) fn exists(path: &Path) -> Result<bool, Error> {
    refuse_displaced(path)?;
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_link(path) => Ok(false),
        Err(error) => Err(unopened(path, &error)),
    }
}

/// Whether a link has this path, wherever that leads.
pub(crate) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// A journal, or a link to one, that cannot be opened.
fn unopened(path: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound && is_link(path) {
        let what = "is a link to a file that is not there: was that moved, or is its share not mounted? If it is gone for good, \
                    remove the link";
        return Error::of_journal(path, JournalReason::Missing, what);
    }
    Error::unopened(path, error)
}

fn open_to_write(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    OpenOptions::new().read(true).write(true).open(path)
}

/// Opens a file, but nothing that has no end or waits for a writer, such as a device or a pipe.
fn open_file(path: &Path, options: &OpenOptions) -> Result<File, Error> {
    let unusable = |error: io::Error| unopened(path, &error);
    if !fs::metadata(path).map_err(unusable)?.is_file() {
        return Err(Error::of_journal(path, JournalReason::CannotRead, "is not a file"));
    }
    options.open(path).map_err(unusable)
}

/// Whether a file's first bytes are a journal's.
pub(crate) fn begins_like_a_journal(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    match open_to_read(path) {
        // A pipe or a device may have no end.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(false),
        file => file?.take(START.len() as u64).read_to_end(&mut start)?,
    };
    Ok(start == START)
}

/// Whether a journal has nothing that another one has not: its last bytes, with the hash of the line before, tell.
pub(crate) fn is_beginning_of(path: &Path, other: &Path) -> io::Result<bool> {
    const TAIL: u64 = 1 << 12;
    let (file, other) = (open_to_read(path)?, open_to_read(other)?);
    let start = file.metadata()?.len().saturating_sub(TAIL);
    let tail = |mut file: &File, length| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(&mut bytes).map(|_| bytes)
    };
    let own = tail(&file, TAIL)?;
    Ok(tail(&other, own.len() as u64)? == own)
}

/// Opens what may be a journal; a pipe has no end.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

/// What is read, and what is left after its end was repaired, of a journal in memory.
#[cfg(test)]
pub(crate) fn read_bytes(path: &Path, bytes: &[u8]) -> Result<(History, Option<String>, Vec<u8>), Error> {
    let Reading { history, end: End { last, length, .. }, rest, .. } = read(path, bytes)?;
    let whole = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).unwrap_or(bytes);
    let line_feed: &[u8] = if rest == Rest::LineFeed { b"\n" } else { b"" };
    Ok((history, last, [whole, line_feed].concat()))
}

struct Reading {
    history: History,
    /// Where header and plan end.
    start: End,
    /// How far the whole lines reach.
    end: End,
    rest: Rest,
}

/// What a crash left to repair behind the whole lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// A piece of a line.
    Torn,
    /// The last line lacks its line feed, and nothing else.
    LineFeed,
}

fn read(path: &Path, file: impl Read) -> Result<Reading, Error> {
    let mut reader = BufReader::new(file);
    let (mut header, mut history) = (None, None);
    let (mut start, mut end, mut rest) = (None, End::START, Rest::Nothing);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let count = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::of_journal(path, JournalReason::CannotRead, &format!("cannot be read: {error}")))?;
        if count == 0 {
            break;
        }
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            // Some editors drop the last line feed: the intent of a request that went out must not go with it.
            if serde_json::from_slice::<Line>(&line).is_err() {
                rest = Rest::Torn;
                break;
            }
            rest = Rest::LineFeed;
        }
        if number == 1
            && let Some(newer) = format(&line).filter(|format| *format > FORMAT.into())
        {
            let reason =
                format!("has format {newer}, of a newer version of this library: this one reads up to {FORMAT}");
            return Err(Error::of_journal(path, JournalReason::NewerFormat, &reason));
        }
        take(&line, end.last.as_ref(), &mut header, &mut history).map_err(|reason| {
            if number == 1 && !line.starts_with(START) {
                return foreign(path, "it does not begin as one does");
            }
            let advice = "It was damaged or edited: restore it from a copy of what was written last; an older one would \
                          have files sent again. It is not resumed";
            Error::of_journal(
                path,
                JournalReason::Damaged,
                &format!("is not as it was written, at line {number}: {reason}. {advice}"),
            )
        })?;
        end = End { last: Some(sha256(&line)), tail: count as u64, length: end.length + count as u64 };
        if history.is_some() && start.is_none() {
            start = Some(end.clone());
        }
    }
    match (history, start) {
        (Some(history), Some(start)) => Ok(Reading { history, start, end, rest }),
        _ if end == End::START && rest == Rest::Nothing => Err(foreign(path, "it is empty")),
        _ => Err(foreign(path, "it has no header and plan")),
    }
}

/// What has a journal's name and may never have been one; `why` says what tells.
fn foreign(path: &Path, why: &str) -> Error {
    let reason = format!(
        "is not a journal of this library: {why}. If it never was one, move it away or name another file. If it was one, it was \
         damaged or edited: restore it from a copy of what was written last; an older one would have files sent again. It is \
         not resumed"
    );
    Error::of_file(path, JournalReason::Damaged, &reason)
}

/// The version of the format of a journal, if its first line can be read.
pub(crate) fn format_of(path: &Path) -> Option<u64> {
    const LONGEST: u64 = 1 << 16;
    let mut line = Vec::new();
    BufReader::new(open_to_read(path).ok()?.take(LONGEST)).read_until(b'\n', &mut line).ok()?;
    format(&line)
}

/// The version of a journal's format, if the line is a header.
fn format(header: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(header).ok()?.get("format")?.as_u64()
}

fn take(
    line: &[u8],
    last: Option<&String>,
    header: &mut Option<Header>,
    history: &mut Option<History>,
) -> Result<(), String> {
    let Line { record, at, prev } = json::read(line)?;
    if prev.as_ref() != last {
        return Err("the line before is not the one that was there when it was written".to_owned());
    }
    match (record, &mut *history, header.take()) {
        (record, Some(history), _) => history.apply(&record, at)?,
        (Record::Header(first), None, None) => *header = Some(first),
        (Record::Plan { chunks }, None, Some(first)) => {
            *history = Some(History::begin(first, &chunks)?.made_at(at));
        }
        _ => return Err("it does not begin with a header and a plan".to_owned()),
    }
    Ok(())
}
