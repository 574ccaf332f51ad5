//! What is known of the journals in a folder, so that a call need not read each of them again.
//!
//! A journal names its files when it is made, and no others later. So one that is still what it was needs to be read only
//! by a call for one of its files. It is known to be what it was by its length and times; where any of them differs, it is
//! read again. One that is gone, or no longer has what it had, is missed: something may have been sent that nothing shows
//! any more.
//!
//! The index is under the folder's lock. It is made anew where it cannot be believed; an older one is as good, since what
//! it knows stays true.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, JournalReason};
use crate::journal::file::{End, Examined};
use crate::journal::fingerprint::sha256;
use crate::journal::history::History;
use crate::journal::lock::replace;
use crate::model::times::rfc3339;
use crate::system::identity::changed;

const NAME: &str = "addepar-portal-journals.index";

/// The version of the format that is written, and the newest that is read.
const FORMAT: u32 = 1;

/// A file system's clock may tick this slowly: what was written later than that before it was read may have been written
/// once more since without a later time.
const TICK: Duration = Duration::from_secs(3);

/// What is known of a folder's journals, by their names.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    /// The folder's id; empty where it has none.
    folder: String,
    entries: BTreeMap<String, Entry>,
    /// What a person found gone for good, by whatever name.
    forgotten: Vec<Entry>,
    /// Whether a later version of this library wrote it: then it is left alone.
    is_of_later_version: bool,
    has_changed: bool,
}

/// The first line, which vouches for the others.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    about: String,
    format: u32,
    folder: String,
    /// Of all that follows.
    sha256: String,
}

/// What is known of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    journal: String,
    run: String,
    /// The files that it names, whatever the server and the firm: `37-38,40`.
    files: Files,
    /// What it has for certain: lines that were on disk when they were read.
    end: End,
    /// How it was when it was read; `None` if it may have changed since without a sign.
    stamp: Option<Stamp>,
    /// When it was written last, in nanoseconds since 1970, as far as that is known.
    #[serde(default)]
    written: Option<i64>,
    /// That a person found it gone for good.
    forgotten: Option<Forgotten>,
}

/// By what a file is known not to have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    length: u64,
    /// When it was written last, in nanoseconds since 1970.
    modified: i64,
    /// When anything of it changed last, its name included; `None` where the system does not tell.
    changed: Option<i64>,
}

/// Who recorded that a journal is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Forgotten {
    by: Option<String>,
    #[serde(with = "rfc3339::always")]
    at: SystemTime,
}

impl Stamp {
    fn of(file: &Metadata) -> Option<Self> {
        Some(Self { length: file.len(), modified: nanoseconds(file.modified().ok()?), changed: changed(file) })
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    let whole = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => whole(after),
        Err(before) => -whole(before.duration()),
    }
}

impl Entry {
    /// Whether the journal is what it was, as far as the system tells.
    pub(crate) fn is_as_it_was(&self, file: &Metadata) -> bool {
        self.stamp.is_some() && self.stamp == Stamp::of(file)
    }

    /// Whether the journal names one of these files, which are in order.
    pub(crate) fn names_any(&self, wanted: &[u64]) -> bool {
        self.files.include_any(wanted)
    }

    /// What it has for certain.
    pub(crate) fn end(&self) -> &End {
        &self.end
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.journal
    }

    /// The run that it is of.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// The files that it names, in order.
    pub(crate) fn file_ids(&self) -> Vec<u64> {
        self.files.ids()
    }

    /// When somebody recorded that it is gone.
    pub(crate) fn forgotten_at(&self) -> Option<SystemTime> {
        self.forgotten.as_ref().map(|forgotten| forgotten.at)
    }

    /// Who recorded that it is gone, and when.
    #[cfg(feature = "cli")]
    pub(crate) fn forgotten(&self) -> Option<(Option<&str>, SystemTime)> {
        self.forgotten.as_ref().map(|forgotten| (forgotten.by.as_deref(), forgotten.at))
    }

    /// When it was written last, as far as that is known.
    #[cfg(feature = "cli")]
    pub(crate) fn written_at(&self) -> Option<SystemTime> {
        let since_1970 = Duration::from_nanos(u64::try_from(self.written?).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since_1970)
    }
}

/// Files in order of their ids, those that follow one another as one range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Files(Vec<(u64, u64)>);

impl Files {
    fn new(ids: &[u64]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
                _ => ranges.push((id, id)),
            }
        }
        Self(ranges)
    }

    /// Whether any of these, which are in order, is among them.
    fn include_any(&self, wanted: &[u64]) -> bool {
        self.0.iter().any(|(first, last)| {
            let next = wanted.get(wanted.partition_point(|id| id < first));
            next.is_some_and(|id| id <= last)
        })
    }

    fn ids(&self) -> Vec<u64> {
        self.0.iter().flat_map(|(first, last)| *first..=*last).collect()
    }
}

impl From<Files> for String {
    fn from(Files(ranges): Files) -> Self {
        let written = |(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
        ranges.into_iter().map(written).collect::<Vec<_>>().join(",")
    }
}

impl TryFrom<String> for Files {
    type Error = ParseIntError;

    fn try_from(text: String) -> Result<Self, ParseIntError> {
        // A journal may name none: every file of its reports was published already.
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Ok((first.parse()?, last.parse()?))
        };
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl Index {
    /// What is known of the journals in a folder of this id, and why, if less is known than should be.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub(crate) fn load(folder: &Path, id: &str) -> Result<(Self, Option<String>), Error> {
        let path = folder.join(NAME);
        let nothing = || Self {
            path: path.clone(),
            folder: id.to_owned(),
            entries: BTreeMap::new(),
            forgotten: Vec::new(),
            is_of_later_version: false,
            has_changed: true,
        };
        let unreadable = |error: io::Error| {
            Error::of_folder(
                folder,
                JournalReason::CannotRead,
                format!("cannot be used: {NAME} in it cannot be read: {error}"),
            )
        };
        // A pipe has no end, and a link may lead to one.
        let text = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((nothing(), None)),
            Err(error) => return Err(unreadable(error)),
            Ok(found) if !found.is_file() => Vec::new(),
            Ok(_) => fs::read(&path).map_err(unreadable)?,
        };
        let what = match parsed(&text) {
            Parsed::Known { folder, entries } if folder == id || folder.is_empty() || id.is_empty() => {
                let (forgotten, entries): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|entry| entry.forgotten.is_some());
                let entries = entries.into_iter().map(|entry| (entry.journal.clone(), entry)).collect();
                let (has_changed, folder) = if id.is_empty() { (false, folder) } else { (folder != id, id.to_owned()) };
                return Ok((Self { folder, entries, forgotten, has_changed, ..nothing() }, None));
            }
            Parsed::Later => {
                let what = format!("{} is of a later version of this library", path.display());
                return Ok((Self { is_of_later_version: true, ..nothing() }, Some(what)));
            }
            Parsed::Known { .. } => "is of another folder of journals",
            Parsed::Damaged => "was damaged",
        };
        Ok((nothing(), Some(format!("{} {what}", path.display()))))
    }

    /// Whether a folder has one.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(NAME).is_file()
    }

    /// The id of the folder that it is of, where it says one.
    pub(crate) fn folder_id(&self) -> Option<String> {
        Some(self.folder.clone()).filter(|id| !id.is_empty())
    }

    /// Whether it stands in the folder.
    pub(crate) fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    /// That it does not.
    pub(crate) fn is_gone(&self) -> String {
        format!("{} is not there", self.path.display())
    }

    /// What becomes of one that does not say what it should.
    pub(crate) fn consequence(&self) -> &'static str {
        if self.is_of_later_version {
            "so each journal is read. A journal that was removed from the folder before this call is not missed"
        } else {
            "and is made anew. A journal that was removed from the folder before this call is not missed"
        }
    }

    /// What is known of a journal that should be there.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The journals that should be there, with their names.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The journals that a person recorded as gone, those first that were first. Other ones may have their names by now.
    pub(crate) fn forgotten(&self) -> &[Entry] {
        &self.forgotten
    }

    /// Takes in a journal that was read at this time, by the clock of its file system.
    pub(crate) fn learn(&mut self, name: &str, read: &Examined, at: Option<SystemTime>, is_written: bool) {
        let is_quiet = match (read.found.modified(), at) {
            (Ok(modified), Some(at)) => at.duration_since(modified).is_ok_and(|age| age >= TICK),
            _ => false,
        };
        let known = self.get(name).filter(|entry| entry.run == read.history.header().run);
        let known = known.map(|entry| entry.end.clone());
        // What somebody is writing, or was until just now, may not be on disk yet.
        let is_on_disk =
            |end: &&End| is_quiet || known.as_ref() == Some(*end) || (!is_written && read.file.sync_data().is_ok());
        let end = read.end.as_ref().filter(is_on_disk).cloned().or(known.clone()).unwrap_or_else(|| read.start.clone());
        let stamp = Stamp::of(&read.found).filter(|_| is_quiet && read.end.is_some());
        self.put(name, &read.history, end, stamp, read.found.modified().ok());
    }

    /// Takes in a journal that was just made.
    pub(crate) fn add(&mut self, name: &str, history: &History, end: &End) {
        self.put(name, history, end.clone(), None, Some(SystemTime::now()));
    }

    /// Takes in where a journal of this run ends, all of which is on disk.
    pub(crate) fn extend(&mut self, name: &str, run: &str, end: &End) {
        // Another process may have continued it meanwhile.
        let is_behind = |entry: &&mut Entry| entry.run == run && end.is_behind(&entry.end);
        if let Some(entry) = self.entries.get_mut(name).filter(is_behind) {
            (entry.end, entry.stamp, entry.written) = (end.clone(), None, Some(nanoseconds(SystemTime::now())));
            self.has_changed = true;
        }
    }

    fn put(&mut self, name: &str, history: &History, end: End, stamp: Option<Stamp>, written_at: Option<SystemTime>) {
        let entry = Entry {
            journal: name.to_owned(),
            run: history.header().run.clone(),
            files: Files::new(history.request().file_ids()),
            end,
            stamp,
            written: written_at.map(nanoseconds),
            forgotten: None,
        };
        if self.entries.get(name) != Some(&entry) {
            self.entries.insert(name.to_owned(), entry);
            self.has_changed = true;
        }
    }

    /// Misses a journal no longer, since others have all that it had.
    pub(crate) fn remove(&mut self, name: &str) {
        self.has_changed |= self.entries.remove(name).is_some();
    }

    /// Misses a journal no longer, since a person found it gone for good.
    pub(crate) fn forget(&mut self, name: &str, by: Option<String>, at: SystemTime) {
        if let Some(entry) = self.entries.remove(name) {
            self.forgotten.push(Entry { forgotten: Some(Forgotten { by, at }), ..entry });
            self.has_changed = true;
        }
    }

    /// Writes it, if anything has changed.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        if !self.has_changed || self.is_of_later_version {
            return Ok(());
        }
        replace(&self.path, &self.written())?;
        self.has_changed = false;
        Ok(())
    }

    fn written(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        for entry in self.forgotten.iter().chain(self.entries.values()) {
            // Strings and whole numbers: there is nothing here that cannot be written.
            lines.extend(serde_json::to_vec(entry).unwrap_or_default());
            lines.push(b'\n');
        }
        let head = Head {
            about: "What addepar-portal knows of the journals in this folder, so that calls need not read each again."
                .to_owned(),
            format: FORMAT,
            folder: self.folder.clone(),
            sha256: sha256(&lines),
        };
        let mut text = serde_json::to_vec(&head).unwrap_or_default();
        text.push(b'\n');
        text.extend(lines);
        text
    }
}

/// What an index says.
enum Parsed {
    Known {
        folder: String,
        entries: Vec<Entry>,
    },
    /// Nothing that this version knows to read.
    Later,
    Damaged,
}

fn parsed(text: &[u8]) -> Parsed {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let (head, lines) = text.split_at(text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1));
    if serde_json::from_slice::<Version>(head).is_ok_and(|version| version.format > FORMAT) {
        return Parsed::Later;
    }
    match serde_json::from_slice::<Head>(head) {
        Ok(head) if sha256(lines) == head.sha256 => {
            let entries = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let entries: Result<Vec<Entry>, _> = entries.map(serde_json::from_slice).collect();
            entries.map_or(Parsed::Damaged, |entries| Parsed::Known { folder: head.folder, entries })
        }
        _ => Parsed::Damaged,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::journal::file::JournalFile;
    use crate::journal::history;
    use crate::journal::record::{Header, Record};

    #[test]
    fn files_are_found_whatever_ranges_they_stand_in() {
        let files = Files::new(&[40, 7, 38, 37, 1, 2, 3, 9_007_199_254_740_991]);
        assert_eq!(String::from(files.clone()), "1-3,7,37-38,40,9007199254740991");
        assert_eq!(Files::try_from(String::from(files.clone())).unwrap(), files);
        assert_eq!(files.ids(), [1, 2, 3, 7, 37, 38, 40, 9_007_199_254_740_991]);
        for id in 0..50 {
            assert_eq!(files.include_any(&[id]), files.ids().contains(&id), "{id}");
            assert!(files.include_any(&[id, 9_007_199_254_740_991]));
        }
        assert!(!files.include_any(&[4, 5, 6, 8, 39, 41]));
        assert!(!files.include_any(&[]));
        assert!(Files::try_from("1-x".to_owned()).is_err());
        assert_eq!(Files::try_from(String::from(Files::new(&[]))).unwrap(), Files::new(&[]));
    }

    /// What was written a moment ago may be written once more without a later time, or may not be on disk yet.
    #[test]
    fn what_was_just_written_is_read_again() {
        let folder = std::env::temp_dir().join(format!("addepar-portal-index-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.jsonl");
        let (mut journal, _) =
            JournalFile::create(&path, Header::example(), history::chunks(&[37], 1, 1), Vec::new()).unwrap();
        let intent = Record::Intent { chunk: 1, attempt: 1, file_ids: Some(vec![37]), uptime: None };
        journal.append(vec![(intent, SystemTime::now())]).unwrap();
        let read = JournalFile::examine(&path).unwrap();
        let written = read.found.modified().unwrap();
        let (mut index, _) = Index::load(&folder, "").unwrap();
        for (later, is_known) in [(None, false), (Some(0), false), (Some(1), false), (Some(10), true), (Some(0), false)]
        {
            index.learn("run.jsonl", &read, later.map(|seconds| written + Duration::from_secs(seconds)), true);
            let entry = index.get("run.jsonl").unwrap();
            assert_eq!(entry.is_as_it_was(&fs::metadata(&path).unwrap()), is_known, "{later:?}");
            if later.is_none() {
                assert_eq!(entry.end(), &read.start);
            } else if is_known {
                assert_eq!(Some(entry.end()), read.end.as_ref());
            }
        }
        assert_eq!(Some(index.get("run.jsonl").unwrap().end()), read.end.as_ref(), "it knows what it knew");
        fs::remove_dir_all(&folder).unwrap();
    }
}
