//! A journal on disk: one writer, and nothing is believed that was not synced.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use serde_json::Value;

use crate::clock;
use crate::error::Error;
use crate::journal::history::History;
use crate::journal::record::{Chunk, FORMAT, Header, Line, Record};
use crate::plan::sha256;

/// A journal that this process alone may append to.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    file: File,
    history: History,
    /// The hash of the last line.
    last: Option<String>,
    length: u64,
    /// Whose it is: a forked child must not append.
    pid: u32,
    /// Why nothing can be appended any more.
    broken: Option<String>,
    /// None: it was released.
    lock: Option<Lock>,
}

/// The right to append to a journal, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// The open files that hold it.
    files: Vec<File>,
    pid: u32,
}

impl Drop for Lock {
    /// To close the files is not enough: a child that was forked meanwhile has them open as well.
    fn drop(&mut self) {
        if self.pid == process::id() {
            for file in &self.files {
                let _ = file.unlock();
            }
        }
    }
}

impl Lock {
    fn new(file: File) -> Self {
        Self { files: vec![file], pid: process::id() }
    }

    /// Whether somebody writes a journal, as far as can be seen.
    pub(crate) fn is_taken(path: &Path) -> bool {
        match File::open(lock_path(path)) {
            Ok(file) => file.try_lock_shared().is_err(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Locks the journal itself too: it may have a second name, and somebody may remove the file beside it.
    fn with(mut self, path: &Path, journal: &File) -> Result<Self, Error> {
        // Elsewhere a locked file cannot be read by others.
        if cfg!(unix) {
            let unusable = |error: io::Error| Error::journal(path, &format!("cannot be locked: {error}"));
            journal.try_lock().map_err(|error| match error {
                TryLockError::WouldBlock => Error::journal(path, "is being written: one writer at a time"),
                TryLockError::Error(error) => unusable(error),
            })?;
            self.files.push(journal.try_clone().map_err(unusable)?);
        }
        Ok(self)
    }

    fn open(path: &Path) -> Result<File, Error> {
        let file = private().read(true).create(true).truncate(false).open(lock_path(path));
        file.map_err(|error| Error::journal(path, &format!("cannot be locked: {error}")))
    }

    /// Takes a lock that nobody holds for long.
    pub(crate) fn wait(path: &Path) -> Result<Self, Error> {
        let file = Self::open(path)?;
        file.lock().map_err(|error| Error::journal(path, &format!("cannot be locked: {error}")))?;
        Ok(Self::new(file))
    }

    /// Takes the lock of a journal, or says who has it.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let unusable = |error: io::Error| Error::journal(path, &format!("cannot be locked: {error}"));
        let mut file = Self::open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let by = if holder.is_empty() { String::new() } else { format!(" by {holder}") };
                return Err(Error::journal(path, &format!("is being written{by}: one writer at a time")));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let host = host().map(|host| format!(" on {host}")).unwrap_or_default();
        let holder = format!("process {}{host} since {}\n", process::id(), clock::text(SystemTime::now()));
        file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(unusable)?;
        Ok(Self::new(file))
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    path.with_file_name(name)
}

/// This machine's name.
pub(crate) fn host() -> Option<String> {
    gethostname::gethostname().into_string().ok().filter(|name| !name.is_empty())
}

/// How files are opened that only their owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Windows has no way to sync a folder, and needs none.
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

/// Makes a folder that only its owner may read, so that it is there after a crash too.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    missing.into_iter().filter(|folder| !folder.as_os_str().is_empty()).try_for_each(sync_folder)
}

impl JournalFile {
    /// Makes a journal that begins with these records: wholly, or not at all.
    pub(crate) fn create(path: &Path, header: Header, chunks: Vec<Chunk>) -> Result<Self, Error> {
        let lock = Lock::take(path)?;
        if path.exists() {
            return Err(Error::journal(path, "is there already"));
        }
        let history = History::begin(header.clone(), &chunks).map_err(|misfit| Error::journal(path, &misfit))?;
        let (mut text, mut last) = (Vec::new(), None);
        for record in [Record::Header(header), Record::Plan { chunks }] {
            let at = clock::now();
            let (line, hash) = Line { record, at, prev: last.take() }.encode();
            text.extend(line);
            last = Some(hash);
        }
        let write = || {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(".new");
            let new = path.with_file_name(name);
            let mut file = private().read(true).create(true).truncate(true).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            sync_folder(path)?;
            Ok(file)
        };
        let file = write().map_err(|error: io::Error| Error::journal(path, &format!("cannot be written: {error}")))?;
        let lock = lock.with(path, &file)?;
        let length = text.len() as u64;
        Ok(Self::new(path, file, Reading { history, last, length, rest: Rest::Nothing }, lock))
    }

    fn new(path: &Path, file: File, Reading { history, last, length, .. }: Reading, lock: Lock) -> Self {
        let (path, pid) = (path.to_owned(), process::id());
        Self { path, file, history, last, length, pid, broken: None, lock: Some(lock) }
    }

    /// Opens a journal to go on with it; what a crash left of its last line is cut off.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unusable = |error: io::Error| Error::journal(path, &format!("cannot be opened: {error}"));
        let mut file = open_file(path, OpenOptions::new().read(true).write(true))?;
        let lock = Lock::take(path)?.with(path, &file)?;
        let mut reading = read(path, &file)?;
        file.seek(SeekFrom::Start(reading.length)).map_err(unusable)?;
        let mended = match reading.rest {
            Rest::Nothing => Ok(()),
            Rest::Torn => file.set_len(reading.length).and_then(|()| file.sync_all()),
            Rest::LineFeed => file.write_all(b"\n").and_then(|()| file.sync_all()),
        };
        mended.map_err(unusable)?;
        reading.length += u64::from(reading.rest == Rest::LineFeed);
        Ok(Self::new(path, file, reading, lock))
    }

    /// Reads a journal, which another process may be writing.
    pub(crate) fn look(path: &Path) -> Result<History, Error> {
        let file = open_file(path, OpenOptions::new().read(true))?;
        Ok(read(path, &file)?.history)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn into_history(self) -> History {
        self.history
    }

    /// Lets others write; nothing more is appended here.
    pub(crate) fn release(&mut self) {
        self.lock = None;
    }

    /// Takes note of what could not be written, so that the report is true.
    pub(crate) fn unwritten(&mut self, record: &Record) {
        let _ = self.history.apply(record, clock::now());
    }

    /// Appends a record; it is on disk when this returns, or there is an error and nothing may rely on it.
    ///
    /// A record that cannot follow those before it is not written.
    pub(crate) fn append(&mut self, record: Record) -> Result<(), Error> {
        self.append_all([record])
    }

    /// Appends several records, or none of them.
    pub(crate) fn append_all(&mut self, records: impl IntoIterator<Item = Record>) -> Result<(), Error> {
        if self.pid != process::id() {
            return Err(Error::journal(
                &self.path,
                "belongs to the parent process: a forked child does not append to it",
            ));
        }
        if self.lock.is_none() {
            return Err(Error::journal(&self.path, "was released already"));
        }
        if let Some(reason) = &self.broken {
            return Err(Error::journal(&self.path, reason));
        }
        let mut text = Vec::new();
        for record in records {
            let at = clock::now();
            self.history
                .apply(&record, at)
                .map_err(|misfit| Error::journal(&self.path, &format!("refuses {misfit}")))?;
            let (line, hash) = Line { record, at, prev: self.last.take() }.encode();
            self.last = Some(hash);
            text.extend(line);
        }
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            let reason = format!("cannot be written: {error}");
            // Half a line would make the next one unreadable.
            let _ = self.file.set_len(self.length).and_then(|()| self.file.sync_data());
            self.broken = Some(reason.clone());
            return Err(Error::journal(&self.path, &reason));
        }
        self.length += text.len() as u64;
        Ok(())
    }
}

/// Opens a file, but nothing that has no end or waits for a writer, such as a device or a pipe.
fn open_file(path: &Path, options: &OpenOptions) -> Result<File, Error> {
    let unusable = |error: io::Error| Error::journal(path, &format!("cannot be opened: {error}"));
    if !fs::metadata(path).map_err(unusable)?.is_file() {
        return Err(Error::journal(path, "is no file"));
    }
    options.open(path).map_err(unusable)
}

/// What is read, and what is left after mending, of a journal in memory.
#[cfg(test)]
pub(crate) fn read_bytes(path: &Path, bytes: &[u8]) -> Result<(History, Option<String>, Vec<u8>), Error> {
    let Reading { history, last, length, rest } = read(path, bytes)?;
    let whole = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).unwrap_or(bytes);
    let line_feed: &[u8] = if rest == Rest::LineFeed { b"\n" } else { b"" };
    Ok((history, last, [whole, line_feed].concat()))
}

struct Reading {
    history: History,
    last: Option<String>,
    /// How far the whole lines reach.
    length: u64,
    rest: Rest,
}

/// What a crash left to mend behind the whole lines.
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
    let (mut last, mut length, mut rest) = (None, 0, Rest::Nothing);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let count = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::journal(path, &format!("cannot be read: {error}")))?;
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
            return Err(Error::journal(path, &reason));
        }
        take(&line, last.as_ref(), &mut header, &mut history).map_err(|reason| {
            let advice = "It was damaged or edited: restore it from a copy; it is not gone on with";
            Error::journal(path, &format!("is not as it was written, at line {number}: {reason}. {advice}"))
        })?;
        last = Some(sha256(&line));
        length += count as u64;
    }
    match history {
        Some(history) => Ok(Reading { history, last, length, rest }),
        None => Err(Error::journal(path, "is no journal of this library: it has no header and plan")),
    }
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
    let Line { record, at, prev } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if prev.as_ref() != last {
        return Err("the line before is not the one that was there when it was written".to_owned());
    }
    match (record, &mut *history, header.take()) {
        (record, Some(history), _) => history.apply(&record, at)?,
        (Record::Header(first), None, None) => *header = Some(first),
        (Record::Plan { chunks }, None, Some(first)) => *history = Some(History::begin(first, &chunks)?),
        _ => return Err("it does not begin with a header and a plan".to_owned()),
    }
    Ok(())
}
