//! A folder of journals, in which every call of a firm leaves one: what it shows is not sent again.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use reqwest::Url;

use crate::clock;
use crate::error::Error;
use crate::journal::file::{self, JournalFile, Lock};
use crate::journal::history::{File, History};
use crate::journal::record::Header;

/// The journals of a folder, in order of their names.
pub(crate) fn journals(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unusable = |error| Error::journal(folder, &format!("cannot be read: {error}"));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        if is_journal(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file in the folder is taken for a journal, by its name.
pub(crate) fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

/// The path of a new journal.
pub(crate) fn new_path(folder: &Path, run: &str) -> PathBuf {
    let time: String = clock::text(SystemTime::now()).chars().filter(char::is_ascii_alphanumeric).collect();
    folder.join(format!("{time}-{run}.jsonl"))
}

/// Keeps other processes from adding a journal to the folder meanwhile.
pub(crate) fn lock(folder: &Path) -> Result<Lock, Error> {
    file::make_folder(folder).map_err(|error| Error::journal(folder, &format!("cannot be made: {error}")))?;
    Lock::wait(&folder.join("folder"))
}

/// Refuses files that some journal of the same server and firm shows as sent, or as about to be.
pub(crate) fn refuse_repeats(
    folder: &Path,
    base_url: &Url,
    firm_id: &str,
    file_ids: &[u64],
    own: Option<&Path>,
) -> Result<(), Error> {
    let wanted: HashSet<u64> = file_ids.iter().copied().collect();
    // The send to look at: one that waits for a decision, else the last one.
    let mut found = None;
    for path in journals(folder)? {
        if own.is_some_and(|own| own == path) {
            continue;
        }
        let history = JournalFile::look(&path)?;
        let header = history.header();
        if !header.is_of(base_url, firm_id) {
            continue;
        }
        let sent = history.files().iter().filter(|file| wanted.contains(&file.id) && file.may_be_published());
        let key = |file: &&File| (file.is_undecided(), history.sent_at(file.chunk));
        if let Some(file) = sent.max_by_key(key) {
            let (key, error) = (key(&file), repeated(file, &history, header, &path));
            if found.as_ref().is_none_or(|(last, _)| *last < key) {
                found = Some((key, error));
            }
            continue;
        }
        let planned = history.files().iter().find(|file| wanted.contains(&file.id));
        if let Some(file) = planned
            && Lock::is_taken(&path)
        {
            return Err(Error::input(format!(
                "File {} is about to be sent by another process, which writes the journal {}.",
                file.id,
                path.display(),
            )));
        }
    }
    found.map_or(Ok(()), |(_, error)| Err(error))
}

fn repeated(file: &File, history: &History, header: &Header, path: &Path) -> Error {
    let sent_at = history.sent_at(file.chunk).map(clock::text).unwrap_or_default();
    Error::input(format!(
        "File {} was sent at {sent_at} in run {} (state {}; journal {}): sending it again may e-mail clients twice. \
         Leave it out, or pass repeat=\"allow\" to publish_files or publish_batch if you mean it.",
        file.id,
        header.run,
        file.state.as_str(),
        path.display(),
    ))
}
