//! A folder of journals, in which every call of a firm leaves one: what it shows is not sent again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::iter;
use std::mem;
use std::path::{self, Path, PathBuf};
use std::str;
use std::time::{Duration, SystemTime};

use serde_json::json;
use url::Url;

use crate::error::{Error, JournalReason};
use crate::journal::file::{
    End, JournalFile, begins_like_a_journal, displaced, displaced_prefix, format_of, is_beginning_of, is_link,
    open_to_read, refuse_displaced,
};
use crate::journal::history::History;
use crate::journal::index::{Entry, Index};
use crate::journal::lock::{Caller, Lock, SILENCE, beside, folder_of, make_folder, operator, write_new};
use crate::journal::record::{FORMAT, Record};
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::journal::survey::{Found, Read, Repeats, Survey, WayOn, is_the_same_file, refusal};
use crate::model::file_result::{FileResult, FileState};
use crate::model::message::{Message, command, message, name};
use crate::model::report::PublishReport;
use crate::model::times;
use crate::system::folder_sync::sync_folder;

/// What tells a folder of journals from one that is empty because its share is not mounted.
const MARKER: &str = "addepar-portal-journals.json";

/// How long a call that is over waits for its folder.
const MOMENT: Duration = Duration::from_millis(200);

/// Whether a folder was set up for journals.
pub(crate) fn is_set_up(folder: &Path) -> bool {
    folder.join(MARKER).is_file() || Index::is_in(folder)
}

/// Sets a folder up for journals, once: it is made if it is missing, and marked. Returns the folder's id; a folder that
/// was set up before keeps its own. The folder above it has to be there: a disk that is not mounted must not become a new
/// folder of journals.
///
/// # Errors
/// [`ErrorKind::Journal`](crate::ErrorKind::Journal) where it cannot be made or written.
pub fn init_journal_dir(folder: impl AsRef<Path>) -> Result<String, Error> {
    let folder = folder.as_ref();
    let unusable =
        |error: io::Error| Error::of_folder(folder, JournalReason::CannotWrite, format!("cannot be set up: {error}"));
    if folder.starts_with("~") {
        let reason = "cannot be set up: `~` is the shell's, so write the whole path";
        return Err(Error::of_folder(folder, JournalReason::Refused, reason));
    }
    if is_journal(folder) {
        let reason = "cannot be set up: its name is that of a journal. Name the folder that it is in";
        return Err(Error::of_folder(folder, JournalReason::Refused, reason));
    }
    if !folder_of(folder).is_dir() {
        let reason = "cannot be set up: the folder above it does not exist, as where a disk is not mounted. If it is new, make it";
        return Err(Error::of_folder(folder, JournalReason::Missing, reason));
    }
    make_folder(folder).map_err(unusable)?;
    let marker = folder.join(MARKER);
    let known = || match fs::read(&marker) {
        Ok(text) => Ok(Some(id_of(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error)),
    };
    if let Some(id) = known()? {
        return Ok(id);
    }
    let _lock = Lock::of_folder(folder, &marker, SILENCE, &Caller::none())?;
    if let Some(id) = known()? {
        return Ok(id);
    }
    // An index that is there already keeps its folder's id: what it knows is missed.
    let known = Index::load(folder, "").ok().and_then(|(index, _)| index.folder_id());
    let id = known.unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)));
    let about = json!({
        "about": "A folder of journals of addepar-portal: what they show as sent is not sent again. Keep it and them.",
        "format": 1,
        "id": id,
        "created": times::text(SystemTime::now()),
    });
    write_new(&marker, format!("{about}\n").as_bytes()).map_err(unusable)?;
    // From now on it is missed as well. One that is there says more, or a call warns of it.
    let (mut index, _) = Index::load(folder, &id)?;
    if !index.is_there() {
        index.save().map_err(unusable)?;
    }
    Ok(id)
}

/// Records that a journal is gone for good, or will not have again what it lost: calls with its folder refuse to send
/// anything until then. Returns the files that it named: any of them may have been published and e-mailed, so check
/// each in Addepar before it is sent again.
///
/// # Errors
/// [`ErrorKind::Journal`](crate::ErrorKind::Journal) where no call misses anything of it, what is left of it is still there, or
/// its folder cannot be used.
pub fn forget_journal(path: impl AsRef<Path>) -> Result<Vec<u64>, Error> {
    forget(path.as_ref(), |_| true)
}

/// The same, if what is known of it is still what somebody agreed to.
#[cfg(feature = "cli")]
pub(crate) fn forget_as_shown(path: &Path, shown: &Entry) -> Result<Vec<u64>, Error> {
    forget(path, |missed| missed == shown)
}

fn forget(path: &Path, is_meant: impl Fn(&Entry) -> bool) -> Result<Vec<u64>, Error> {
    let path = absolute(path);
    let (mut folder, missed) = Folder::that_misses(&path)?;
    if !is_meant(&missed) {
        let what = "has changed since it was shown";
        return Err(Error::of_journal(&path, JournalReason::Outdated, what)
            .with_advice("Look again at what is known of it.")
            .recording_nothing());
    }
    folder.index.forget(missed.name(), operator(), SystemTime::now());
    let unusable = |error: io::Error| {
        Error::of_folder(&folder.path, JournalReason::CannotWrite, format!("cannot be written: {error}"))
            .recording_nothing()
    };
    folder.index.save().and_then(|()| sync_folder(&folder.path)).map_err(unusable)?;
    Ok(missed.file_ids())
}

/// What is known of a journal that calls miss, which can be forgotten.
#[cfg(feature = "cli")]
pub(crate) fn missed(path: &Path) -> Result<Entry, Error> {
    Ok(Folder::that_misses(&absolute(path))?.1)
}

/// The folder's lock names it, whatever the working directory is.
fn absolute(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn id_of(marker: &[u8]) -> String {
    let marker: serde_json::Value = serde_json::from_slice(marker).unwrap_or_default();
    marker.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// What a folder knows of its journals, without its lock; and why, if that is less than it should be.
pub(crate) fn index(folder: &Path) -> Result<(Index, Option<String>), Error> {
    Index::load(folder, &id_of(&fs::read(folder.join(MARKER)).unwrap_or_default()))
}

/// A journal by its own name, where a link leads to it: its folder, its lock and what was saved beside it are there. Only where the
/// link lies in a folder of journals and the journal does not, it stays a journal of that folder.
pub(crate) fn by_its_own_name(path: &Path) -> PathBuf {
    let own = if is_link(path) { fs::canonicalize(path).ok() } else { None };
    let own = own.filter(|own| is_set_up(folder_of(own)) || !is_set_up(folder_of(path)));
    own.unwrap_or_else(|| path.to_owned())
}

/// What a folder has.
pub(crate) fn entries(folder: &Path) -> Result<fs::ReadDir, Error> {
    fs::read_dir(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => Error::of_file(folder, JournalReason::CannotRead, "is not a folder"),
        _ => Error::of_folder(folder, JournalReason::of_reading(&error), format!("cannot be read: {error}")),
    })
}

/// The files of a folder that have a journal's name, in order.
fn named(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unusable = |error| Error::of_folder(folder, JournalReason::CannotRead, format!("cannot be read: {error}"));
    let paths = entries(folder)?.map(|entry| Ok(entry.map_err(unusable)?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.as_ref().map_or(true, |path| is_journal(path))).collect::<Result<_, Error>>()?;
    paths.sort();
    Ok(paths)
}

/// Whether a file in the folder is taken for a journal, by its name.
pub(crate) fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

/// Whether a file has a journal's name and never was one: what macOS keeps beside a file on foreign disks, an empty file,
/// another program's. One that this library has locked, or named, was a journal, whatever its first bytes are by now.
pub(crate) fn is_foreign(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    if name.starts_with(b"._") {
        return true;
    }
    let is_known = beside(path, ".lock").exists() || is_own_name(name);
    !is_known && begins_like_a_journal(path).is_ok_and(|is_one| !is_one)
}

/// Whether calls have used a folder without a mark: only they leave an index, and journals that they named; earlier versions
/// made no mark. Other journals may lie in any folder, as where a disk is not mounted.
fn was_used(folder: &Path) -> Result<bool, Error> {
    let is_own = |path: &Path| path.file_name().is_some_and(|name| is_own_name(name.as_encoded_bytes()));
    let is_earlier = |path: &Path| format_of(path).is_some_and(|format| format < FORMAT.into());
    Ok(Index::is_in(folder) || named(folder)?.iter().any(|path| is_own(path) || is_earlier(path)))
}

/// Whether a name is one that this library gives: [`Folder::new_path`]'s, or that of what was displaced.
fn is_own_name(name: &[u8]) -> bool {
    let Ok(name) = str::from_utf8(name) else { return false };
    let run = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_new = name.strip_suffix(".jsonl").and_then(|name| name.split_once('-')).is_some_and(|(time, id)| {
        run(id) && time.len() == 16 && time.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z'))
    });
    is_new || name.contains(".displaced-")
}

/// A file's name, where it is text: one that is not is never in the index.
fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// What became of a journal that is not as its folder knows it.
const LOST_LINES: &str = "lost lines that it had: something cut or edited it, or put an older copy in its place";

/// What became of a journal that its folder knows.
const GONE: &str = "is not there any more";

/// Why nobody knows what became of a file.
const DOUBT: &str = "A journal that is gone, or lost lines, may show it as sent.";

/// What a folder has of a run.
#[derive(Debug)]
pub(crate) enum OfRun {
    /// A whole journal of it.
    There(PathBuf),
    /// One that it misses, and whether another one has all that that had.
    Missed(PathBuf, bool),
    /// One that was recorded as gone.
    Forgotten(PathBuf),
}

/// The same report with what the journals of a folder show of its files, as far as they can be read. `own`: the journal that
/// it is of, and that one's run.
pub(crate) fn completed(
    report: &PublishReport,
    folder: &Path,
    server: (&Url, &str),
    own: Option<(&Path, &str)>,
    repeats: Repeats<'_>,
) -> PublishReport {
    // Those that its own journal shows as sent are known.
    let unsent = report.files().iter().filter(|file| file.state == FileState::NotProcessed);
    let wanted: HashSet<u64> = unsent.map(|file| file.file_id).collect();
    if wanted.is_empty() || !folder.is_dir() {
        return report.clone();
    }
    // Without its lock: nothing is sent.
    let mut survey = Survey::default();
    let paths = named(folder).unwrap_or_else(|error| {
        survey.unreadable = Some(error);
        Vec::new()
    });
    let names: BTreeSet<&str> = paths.iter().filter_map(|path| name_of(path)).collect();
    // What is true stands beside it.
    let is_displaced = |path: &Path| name_of(path).is_some_and(|name| has_displaced(&names, name));
    let is_own = |path: &Path| own.is_some_and(|(own, _)| is_the_same_file(own, path));
    let index = index(folder).ok().map(|(index, _)| index);
    let (mut read, mut runs) = (Vec::new(), HashMap::<String, Vec<PathBuf>>::new());
    for path in paths.iter().filter(|path| !is_foreign(path)) {
        match JournalFile::observe(path) {
            Ok(history) => {
                let run = &history.header().run;
                runs.entry(run.clone()).or_default().push(path.clone());
                if !is_own(path) && history.header().is_of(server.0, server.1) {
                    let forgotten_at = index.as_ref().and_then(|index| forgotten_at(index, path, run));
                    read.push(Read { path: path.clone(), history, forgotten_at });
                }
            }
            Err(_) if is_own(path) || is_displaced(path) => {}
            Err(error) => survey.unreadable = survey.unreadable.or(Some(error)),
        }
    }
    survey.take_all(&read, &wanted, None);
    let completed = survey.complete(report, repeats);
    let Some(index) = index else { return completed };
    let missed = all_missed(folder, &index, &runs).unwrap_or_default().into_iter().map(|(entry, _)| entry);
    let missed = missed.filter(|entry| stands_at(entry, folder).is_none());
    let outlived = own.and_then(|(own, run)| outlived(&index, own, run));
    doubted(&completed, missed.chain(outlived))
}

/// A folder of journals that no other process looks into or adds a journal to meanwhile.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: Lock,
    index: Index,
    caller: Caller,
}

/// Why a journal is not what its folder knows, and what that is.
type Missed = (Error, Entry);

/// For whom, and for which files, a folder is looked into.
pub(crate) struct Query<'a> {
    pub(crate) base_url: &'a Url,
    pub(crate) firm_id: &'a str,
    pub(crate) file_ids: &'a [u64],
    /// The files' states without the other journals.
    pub(crate) report: &'a PublishReport,
    /// The call's own journal, if it is there.
    pub(crate) own: Option<&'a Path>,
    pub(crate) repeats: Repeats<'a>,
    pub(crate) way_on: WayOn<'a>,
}

impl Folder {
    /// Waits for a folder, but not for ever. One that was not set up is refused: where a share is not mounted, its mount
    /// point looks like an empty folder, and nothing would be known of what was sent.
    pub(crate) fn open(path: &Path, patience: Duration, caller: Caller) -> Result<Self, Error> {
        let refused = |what: &str| {
            Error::config(message![
                name("journal_dir"),
                format!(
                    " must be a folder that was set up for journals, and {} {what}. Was it moved, or is its disk not \
                     mounted? Only it shows what earlier calls have sent. If it is new, set it up once: ",
                    path.display(),
                ),
                command("journal init", path),
                ".",
            ])
            .nothing_sent_now()
        };
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(refused("does not exist")),
            Err(error) => {
                return Err(Error::of_folder(path, JournalReason::CannotRead, format!("cannot be read: {error}")));
            }
            Ok(found) if !found.is_dir() => return Err(refused("is not a folder")),
            Ok(_) => {}
        }
        let mark = path.join(MARKER);
        let marker = fs::read(&mark);
        if let Err(error) = &marker {
            if error.kind() != io::ErrorKind::NotFound {
                let what = format!("cannot be used: {MARKER} in it cannot be read: {error}");
                return Err(Error::of_folder(path, JournalReason::CannotRead, what));
            }
            if !was_used(path)? {
                return Err(refused("has not the mark of one"));
            }
            caller.warn(format!(
                "{} has lost the mark of a folder of journals ({MARKER}): is its disk mounted? `addepar-portal journal init` \
                 marks it again",
                path.display(),
            ));
        }
        let lock = Lock::of_folder(path, &mark, patience, &caller)?;
        let (index, mut doubt) = Index::load(path, &id_of(&marker.unwrap_or_default()))?;
        if doubt.is_none() && !index.is_there() && named(path)?.iter().any(|path| !is_foreign(path)) {
            doubt = Some(index.is_gone());
        }
        if let Some(doubt) = doubt {
            caller.warn(format!("{doubt}, {}", index.consequence()));
        }
        Ok(Self { path: path.to_owned(), lock, index, caller })
    }

    /// The folder of a journal that calls miss, and what it knows of that.
    fn that_misses(path: &Path) -> Result<(Self, Entry), Error> {
        let folder = Self::open(folder_of(path), SILENCE, Caller::none()).map_err(Error::recording_nothing)?;
        let refused = |what: &str| Error::journal_refuses(path, what).recording_nothing();
        let entry = name_of(path).and_then(|name| folder.index.get(name)).cloned();
        let entry = entry.ok_or_else(|| refused("is not missed: its folder knows of no journal of that name"))?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let what = format!("cannot be looked at: {error}");
                return Err(Error::of_journal(path, JournalReason::CannotRead, &what).recording_nothing());
            }
            Ok(_) => match JournalFile::examine(path) {
                Ok(read) if entry.end().is_in(&read.file).unwrap_or(false) => {
                    return Err(refused("is there, and has all that it had"));
                }
                Ok(read) if read.history.header().run != entry.run() => {}
                // It would show files as unsent that were sent.
                Ok(_) => {
                    return Err(refused(
                        "is there without all that it had: move it away first, and do not bring it back",
                    ));
                }
                Err(_) => {
                    return Err(refused(
                        "is there and cannot be read, so calls refuse it in any case: move it away first",
                    ));
                }
            },
        }
        match lies_below(&entry, &folder.path).map_err(Error::recording_nothing)? {
            Some(other) => Err(refused(&format!(
                "is not gone: {} has all that it had. Give that its place and name back, or a name there that no journal had \
                 before",
                other.display(),
            ))),
            None => Ok((folder, entry)),
        }
    }

    /// Refuses files that some journal of the same server and firm shows as sent, or as about to be; `repeat` lets those
    /// through whose outcome is known. Refuses any while a journal is missed, or cannot be read.
    pub(crate) fn refuse_repeats(&mut self, query: &Query<'_>) -> Result<(), Error> {
        let mut wanted = query.file_ids.to_vec();
        wanted.sort_unstable();
        let all: HashSet<u64> = wanted.iter().copied().collect();
        let paths = named(&self.path)?;
        let names: BTreeSet<&str> = paths.iter().filter_map(|path| name_of(path)).collect();
        let mut survey = Survey::default();
        // What a journal showed that lost lines, its entry names.
        let (mut read, mut lost, mut is_rest_readable) = (Vec::new(), Vec::new(), true);
        for path in &paths {
            match self.look(path, &names, &wanted) {
                Ok(None) => {}
                Ok(Some((history, missed))) => {
                    // What is missed, this does not show; where it lies elsewhere, that does.
                    if let Some((error, entry)) = missed {
                        lost.extend(stands_at(&entry, &self.path).is_none().then_some(entry));
                        survey.unreadable = survey.unreadable.or(Some(error));
                    }
                    if history.header().is_of(query.base_url, query.firm_id) {
                        let forgotten_at = forgotten_at(&self.index, path, &history.header().run);
                        read.push(Read { path: path.clone(), history, forgotten_at });
                    }
                }
                // The others are looked into all the same, so that the next call need not.
                Err(mut error) => {
                    let known = name_of(path).and_then(|name| self.index.get(name));
                    match (known, error.reason()) {
                        (Some(_), Some(JournalReason::Damaged))
                            if !name_of(path).is_some_and(|name| has_displaced(&names, name)) =>
                        {
                            is_rest_readable = false;
                            error = error.with_advice(to_forget(path));
                        }
                        _ => is_rest_readable = false,
                    }
                    survey.unreadable = survey.unreadable.or(Some(error));
                }
            }
        }
        survey.take_all(&read, &all, query.own);
        let unreadable = survey.unreadable.take();
        let gone = self.take_missed(&names);
        let run = query.repeats.own.map(|own| &own.header().run);
        let outlived = query.own.zip(run).and_then(|(own, run)| outlived(&self.index, own, run));
        let doubts = lost.iter().chain(&gone).chain(outlived);
        let report = || doubted(&survey.complete(query.report, query.repeats), doubts);
        match unreadable {
            None if gone.is_empty() => {}
            None => {
                let missed: Vec<PathBuf> = gone.iter().map(|entry| self.path.join(entry.name())).collect();
                return Err(Error::missed(&missed, JournalReason::Missing, GONE).with_earlier(report()));
            }
            Some(error) if is_rest_readable => return Err(error.with_earlier(report())),
            Some(error) => return Err(error),
        }
        let refused: Vec<&Found> = query.file_ids.iter().filter_map(|id| survey.refused(*id, query.repeats)).collect();
        let Some(worst) = refused.iter().max_by_key(|found| found.key()) else { return Ok(()) };
        let refused_ids = refused.iter().map(|found| found.result.file_id).collect();
        let report = survey.complete(query.report, query.repeats);
        let problem = refusal(&refused, worst, query.report.request(), query.way_on);
        let journal = Some(&worst.path).filter(|path| refused.iter().all(|found| found.path == **path));
        Err(Error::already_sent(problem, refused_ids, journal.map(PathBuf::as_path), report))
    }

    /// Looks at a journal: what it shows, if it names any of the files or is not what it was; then also what is missed.
    fn look(
        &mut self,
        path: &Path,
        names: &BTreeSet<&str>,
        wanted: &[u64],
    ) -> Result<Option<(History, Option<Missed>)>, Error> {
        let name = name_of(path);
        let known = name.and_then(|name| self.index.get(name));
        match known {
            Some(known)
                if !known.names_any(wanted) && fs::metadata(path).is_ok_and(|found| known.is_as_it_was(&found)) =>
            {
                return Ok(None);
            }
            None if is_foreign(path) => {
                self.caller.warn(format!("{} is not a journal, and is passed over", path.display()));
                return Ok(None);
            }
            _ => {}
        }
        // Its writer may let go of it between the reading and the look at its lock.
        let was_written = Lock::is_taken(path);
        let mut read = JournalFile::examine(path)?;
        let is_written = Lock::is_taken(path);
        if was_written && !is_written {
            read = JournalFile::examine(path)?;
        }
        let missed = known.filter(|known| is_missed(known, Some(&read.file), names, iter::empty()));
        let missed = missed.map(|known| {
            let error = if known.run() == read.history.header().run {
                Error::missed(&[path.to_owned()], JournalReason::Changed, LOST_LINES)
            } else {
                self.replaced(known)
            };
            (error, known.clone())
        });
        match name {
            // What is true stands beside it.
            Some(name) if has_displaced(names, name) => self.index.remove(name),
            Some(name) if missed.is_none() => self.index.learn(name, &read, self.lock.taken_at(), is_written),
            _ => {}
        }
        Ok(Some((read.history.written_by_another(is_written), missed)))
    }

    /// The error of a journal whose name another run's has now.
    fn replaced(&self, entry: &Entry) -> Error {
        let path = self.path.join(entry.name());
        match stands_at(entry, &self.path) {
            Some(other) => {
                let what = format!("has another run's journal in its place, and lies at {} now", other.display());
                Error::of_journal(&path, JournalReason::Changed, &what)
                    .with_advice("Give each its name back, or one that no journal had before.")
            }
            None => Error::missed(&[path], JournalReason::Changed, "is gone, and another run's journal has its name"),
        }
    }

    /// The journals that are missed under their names, and under others as well. What is found there has another entry.
    fn take_missed(&mut self, names: &BTreeSet<&str>) -> Vec<Entry> {
        let gone = self.index.expected().filter(|(name, _)| !names.contains(name));
        let (missed, found): (Vec<_>, Vec<_>) = gone
            .map(|(_, entry)| entry.clone())
            .partition(|entry| is_missed(entry, None, names, of_the_run_of(entry, &self.index, &self.path, names)));
        for entry in found {
            self.index.remove(entry.name());
        }
        missed
    }

    /// Refuses a journal of it that shows less than another one of its run. What is left in it may have been sent.
    pub(crate) fn refuse_older(&self, path: &Path, history: &History) -> Result<(), Error> {
        let refused = name_of(path).map_or(Ok(()), |name| refuse_one_that_lacks(&self.index, path, name, history));
        refused.map_err(|error| match outlived(&self.index, path, &history.header().run) {
            Some(entry) => error.with_earlier(doubted(&history.report(), [entry].into_iter())),
            None => error,
        })
    }

    /// What it has of the run of a journal that it does not show. One that was displaced is an error.
    pub(crate) fn of_run(&self, run: &str, path: &Path) -> Result<Option<OfRun>, Error> {
        let expected = self.index.expected().map(|(_, entry)| entry);
        let known = expected.chain(self.index.forgotten()).filter(|entry| entry.run() == run);
        let known = known.reduce(|most, entry| if entry.end().is_behind(most.end()) { entry } else { most });
        let own = known.map(|entry| self.path.join(entry.name()));
        own.as_deref().map_or(Ok(()), refuse_displaced)?;
        let has_all = |path: &Path| known.is_none_or(|entry| is_whole(entry, path));
        let is_of_it = |path: &PathBuf| {
            !is_foreign(path)
                && has_all(path)
                && JournalFile::look(path).is_ok_and(|history| history.header().run == run)
        };
        let length = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
        let there = named(&self.path)?.into_iter().filter(is_of_it).max_by_key(length);
        Ok(match (there, known.zip(own)) {
            (Some(there), _) => Some(OfRun::There(there)),
            (None, Some((entry, own))) if entry.forgotten_at().is_some() => Some(OfRun::Forgotten(own)),
            (None, Some((_, own))) => Some(OfRun::Missed(own, has_all(path))),
            (None, None) => None,
        })
    }

    /// Takes in a journal that was just made in it.
    pub(crate) fn add(&mut self, path: &Path, journal: &JournalFile, history: &History) {
        if let Some(name) = name_of(path) {
            self.index.add(name, history, journal.end());
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a new journal in it.
    pub(crate) fn new_path(&self, run: &str) -> PathBuf {
        let time: String = times::text(SystemTime::now()).chars().filter(char::is_ascii_alphanumeric).collect();
        self.path.join(format!("{time}-{run}.jsonl"))
    }
}

impl Drop for Folder {
    /// What was found is kept for the next call, whatever became of this one.
    fn drop(&mut self) {
        if let Err(error) = self.index.save() {
            let folder = self.path.display();
            self.caller
                .warn(format!("The index of {folder} cannot be written ({error}): calls read its journals again"));
        }
    }
}

/// A journal in a folder. The folder takes in where it ends with each request, since its process may be killed, and once its run is
/// over; it misses the journal if that loses lines afterwards.
#[derive(Debug)]
struct InFolder {
    journal: JournalFile,
    run: String,
    path: PathBuf,
    /// Whether somebody may have a copy without the next request. Of one call's journal nobody has: it was made for that request.
    may_be_copied: bool,
    is_whole: bool,
}

/// The store of a journal that is in a folder of journals.
pub(crate) fn store(journal: JournalFile, history: &History, path: &Path, may_be_copied: bool) -> Box<dyn Store> {
    let run = history.header().run.clone();
    Box::new(InFolder { journal, run, path: path.to_owned(), may_be_copied, is_whole: true })
}

/// Takes in where a journal of this run ends, if its folder was set up. Nobody waits long for it, and nothing depends on it: a
/// later call takes it in as well, once it looks.
pub(crate) fn take_in(path: &Path, run: &str, end: &End) {
    let _ = in_index(path, |index, name| index.extend(name, run, end));
}

/// Changes what the folder of a journal knows of it. One that is gone is not made anew here: a call warns of that.
fn in_index(path: &Path, change: impl FnOnce(&mut Index, &str)) -> Option<()> {
    let folder = folder_of(path);
    // Where a disk is no longer mounted, nothing is made.
    let mark = folder.join(MARKER);
    let marker =
        fs::read(&mark).or_else(|error| if Index::is_in(folder) { Ok(Vec::new()) } else { Err(error) }).ok()?;
    let _lock = Lock::of_folder(folder, &mark, MOMENT, &Caller::none()).ok()?;
    let (mut index, None) = Index::load(folder, &id_of(&marker)).ok()? else { return None };
    change(&mut index, name_of(path)?);
    index.is_there().then(|| index.save().ok())?
}

impl Store for InFolder {
    fn record(&mut self, records: Vec<Dated>) -> Result<(), Unrecorded> {
        let is_request = records.iter().any(|(record, _)| matches!(record, Record::Intent { .. }));
        self.journal.record(records).inspect_err(|_| self.is_whole = false)?;
        if is_request && mem::replace(&mut self.may_be_copied, true) {
            take_in(&self.path, &self.run, self.journal.end());
        }
        Ok(())
    }

    fn rescue(&mut self, records: Vec<Dated>) -> Unrecorded {
        self.is_whole = false;
        let unrecorded = self.journal.rescue(records);
        // What is saved beside it has other lines, and is put in its place: it is missed instead.
        if let Ok(Some(saved)) = displaced(&self.path)
            && let Ok(read) = JournalFile::examine(&saved)
        {
            let _ = in_index(&self.path, |index, name| {
                if let Some(saved) = name_of(&saved) {
                    index.learn(saved, &read, None, false);
                    index.remove(name);
                }
            });
        }
        unrecorded
    }

    fn release(&mut self) {
        self.journal.release();
        if mem::take(&mut self.is_whole) {
            take_in(&self.path, &self.run, self.journal.end());
        }
    }
}

/// Refuses a journal of which its folder knows that it had more lines, or that another one of its run has all its lines and
/// more: it would show files as unsent that were sent, and what is recorded in it would be lost once the whole one is put back.
pub(crate) fn refuse_one_that_lacks_lines(path: &Path, history: &History) -> Result<(), Error> {
    known(path).map_or(Ok(()), |(index, name)| refuse_one_that_lacks(&index, path, &name, history))
}

/// The same as an index knows it.
fn refuse_one_that_lacks(index: &Index, path: &Path, name: &str, history: &History) -> Result<(), Error> {
    let folder = folder_of(path);
    let is_of_its_run = |entry: &Entry| entry.run() == history.header().run;
    if index.get(name).is_some_and(|own| is_of_its_run(own) && lacks(path, own)) {
        return Err(Error::missed(&[path.to_owned()], JournalReason::Changed, LOST_LINES));
    }
    let others = index.expected().filter(|(other, entry)| *other != name && is_of_its_run(entry));
    for (other, entry) in others.filter(|(_, entry)| lacks(path, entry)) {
        let other = folder.join(other);
        let refused = |what: String, advice: Message| {
            Err(Error::of_journal(path, JournalReason::Changed, &what).with_advice(advice))
        };
        // Where both went on, neither is older than the other.
        if is_beginning_of(path, &other).unwrap_or(false) {
            let what = format!("is an older copy of {}, which has more lines", other.display());
            return refused(what, "Look at that one. Where it is gone, put it back as it was.".into());
        }
        if stands_at(entry, folder).is_none() {
            let what = format!(
                "lacks lines of its run that {} had, which is gone: nobody knows what else that showed as sent",
                other.display()
            );
            let advice = message![
                "Put that back as it was. If it is gone for good, record that it is, which names its files: ",
                command("journal forget", &other),
                ".",
            ];
            return refused(what, advice);
        }
    }
    match outlived(index, path, &history.header().run) {
        Some(entry) => {
            let what = format!(
                "lacks lines of its run that {} had, which was recorded as gone: what is left in it may have been sent",
                folder.join(entry.name()).display(),
            );
            let advice = "Check its files in Addepar, and publish only what is missing with a journal of another name.";
            Err(Error::of_journal(path, JournalReason::Changed, &what).with_advice(advice))
        }
        None => Ok(()),
    }
}

/// The journal of the same run that was recorded as gone, and had more than this one.
fn outlived<'a>(index: &'a Index, path: &Path, run: &str) -> Option<&'a Entry> {
    index.forgotten().iter().find(|entry| entry.run() == run && lacks(path, entry))
}

/// When it was recorded as gone, if it did not come back.
pub(crate) fn forgotten_at(index: &Index, path: &Path, run: &str) -> Option<SystemTime> {
    let entry = outlived(index, path, run).filter(|entry| stands_at(entry, folder_of(path)).is_none());
    entry.and_then(Entry::forgotten_at)
}

/// Whether a journal has not all that the folder knows of one.
fn lacks(path: &Path, entry: &Entry) -> bool {
    open_to_read(path).is_ok_and(|file| !entry.end().is_in(&file).unwrap_or(true))
}

/// Which journal of a folder has all that it knows of one, whatever that was called.
pub(crate) fn stands_at(entry: &Entry, folder: &Path) -> Option<PathBuf> {
    named(folder).ok()?.into_iter().find(|path| !is_foreign(path) && is_whole(entry, path))
}

/// Which file in a folder or those in it has all that the folder knows of a journal, whatever it is called. A folder that
/// cannot be read may have it.
fn lies_below(entry: &Entry, folder: &Path) -> Result<Option<PathBuf>, Error> {
    let unreadable = |error: io::Error| {
        let what = format!("cannot be read: {error}, and it may have the journal {}", entry.name());
        Error::of_folder(folder, JournalReason::of_reading(&error), what)
    };
    for found in fs::read_dir(folder).map_err(unreadable)? {
        let found = found.map_err(unreadable)?;
        // A link to a folder may lead round in a circle.
        if found.file_type().map_err(unreadable)?.is_dir() {
            if let Some(below) = lies_below(entry, &found.path())? {
                return Ok(Some(below));
            }
            continue;
        }
        match open_to_read(&found.path()) {
            Ok(file) if entry.end().is_in(&file).map_err(unreadable)? => return Ok(Some(found.path())),
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
                return Err(unreadable(error));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether a file has every line that a journal is known to have had.
pub(crate) fn is_whole(entry: &Entry, path: &Path) -> bool {
    open_to_read(path).is_ok_and(|file| entry.end().is_in(&file).unwrap_or(false))
}

/// What the other journals of a folder show of some files, at the server and firm of this one, as far as they can be read. A copy
/// of it is another one: somebody may have decided there.
pub(crate) fn others_about(path: &Path, history: &History, file_ids: impl Iterator<Item = u64>) -> Vec<History> {
    let folder = folder_of(path);
    let mut wanted: Vec<u64> = file_ids.collect();
    wanted.sort_unstable();
    if wanted.is_empty() || !Index::is_in(folder) {
        return Vec::new();
    }
    let Some((index, _)) = known(path) else { return Vec::new() };
    let may_name =
        |path: &PathBuf| name_of(path).and_then(|name| index.get(name)).is_none_or(|known| known.names_any(&wanted));
    let others = named(folder).unwrap_or_default().into_iter().filter(|other| other != path);
    let others = others.filter(|other| may_name(other) && !is_foreign(other));
    let others = others.filter_map(|other| JournalFile::look(&other).ok());
    others.filter(|other| other.header().is_of_the_firm_of(history.header())).collect()
}

/// Opens a journal to append to it; one that is gone from its folder is refused in words that say what follows.
pub(crate) fn open_journal(path: &Path) -> Result<(JournalFile, History), Error> {
    JournalFile::open(path).map_err(|error| unopened(path, error))
}

/// Reads a whole journal in the same way, and finds out whether somebody else is writing it.
pub(crate) fn observe_journal(path: &Path) -> Result<History, Error> {
    refuse_displaced(path)?;
    let history = JournalFile::observe(path).map_err(|error| unopened(path, error))?;
    refuse_one_that_lacks_lines(path, &history)?;
    Ok(history)
}

/// Why a journal cannot be opened: of one that is gone from its folder or was damaged, also what to do.
fn unopened(path: &Path, error: Error) -> Error {
    let is_missed = |index: &Index, name: &str| {
        let folder = folder_of(path);
        let (Some(entry), Ok(found)) = (index.get(name), named(folder)) else { return false };
        let names: BTreeSet<&str> = found.iter().filter_map(|path| name_of(path)).collect();
        is_missed(entry, None, &names, of_the_run_of(entry, index, folder, &names))
    };
    match (error.reason(), known(path)) {
        (Some(JournalReason::Missing), Some((index, name))) if is_missed(&index, &name) => {
            Error::missed(&[path.to_owned()], JournalReason::Missing, GONE)
        }
        (Some(JournalReason::Damaged), Some((index, name))) if index.get(&name).is_some() => {
            error.with_advice(to_forget(path))
        }
        _ => error,
    }
}

/// What becomes of a journal of a folder that nobody can read any more.
fn to_forget(path: &Path) -> Message {
    message![
        "Where there is no copy of it, move it away and record that it is gone, which names its files: ",
        command("journal forget", path),
        ".",
    ]
}

/// What the folder of a journal knows, without its lock, and the journal's name there.
fn known(path: &Path) -> Option<(Index, String)> {
    let folder = folder_of(path);
    let name = name_of(path)?;
    let (index, None) = index(folder).ok()? else { return None };
    Some((index, name.to_owned()))
}

/// The states of files, of which nobody knows what these journals showed: what is left of them, such as an older copy, may show a
/// file as it was before it was sent.
fn doubted<'a>(report: &PublishReport, entries: impl Iterator<Item = &'a Entry>) -> PublishReport {
    let entries: Vec<&Entry> = entries.collect();
    let is_final = |file: &FileResult| matches!(file.state, FileState::Ok | FileState::Failed);
    let named = |id: &u64| entries.iter().any(|entry| entry.names_any(&[*id]));
    let unknown = report.files().iter().filter(|file| !is_final(file)).map(|file| file.file_id).filter(named);
    report.with_results(&unknown.map(|id| (id, FileResult::unknown(id, DOUBT))).collect())
}

/// Whether calls miss a journal: it is gone, or lacks lines that it had, and what is true of it does not stand elsewhere.
/// `file`: what has its name, if anything has; `others`: what else is of its run.
fn is_missed(
    entry: &Entry,
    file: Option<&fs::File>,
    names: &BTreeSet<&str>,
    mut others: impl Iterator<Item = PathBuf>,
) -> bool {
    let is_found = match file {
        Some(file) => entry.end().is_in(file).unwrap_or(false),
        None => others.any(|path| is_whole(entry, &path)),
    };
    !is_found && !has_displaced(names, entry.name())
}

/// The files of a folder that are of the run of a journal.
fn of_the_run_of(entry: &Entry, index: &Index, folder: &Path, names: &BTreeSet<&str>) -> impl Iterator<Item = PathBuf> {
    let of_its_run = index.expected().filter(|(name, other)| names.contains(name) && other.run() == entry.run());
    of_its_run.map(|(name, _)| folder.join(name))
}

/// The journals that calls with a folder miss, without its lock, and whether a file of that name is there. `paths`: the
/// journals that were read, by their runs. What cannot be read, nobody can tell.
pub(crate) fn all_missed<'a>(
    folder: &Path,
    index: &'a Index,
    paths: &HashMap<String, Vec<PathBuf>>,
) -> Result<Vec<(&'a Entry, bool)>, Error> {
    let found = named(folder)?;
    let names: BTreeSet<&str> = found.iter().filter_map(|path| name_of(path)).collect();
    let mut missed = Vec::new();
    for (name, entry) in index.expected() {
        let is_there = names.contains(name);
        let file = match open_to_read(&folder.join(name)) {
            Err(_) if is_there => continue,
            file => file.ok(),
        };
        let of_its_run = paths.get(entry.run()).into_iter().flatten();
        let others = of_its_run.filter(|path| found.contains(path)).cloned();
        if is_missed(entry, file.as_ref(), &names, others) {
            missed.push((entry, is_there));
        }
    }
    Ok(missed)
}

/// Whether what is true of a journal stands beside it, since it was displaced.
fn has_displaced(names: &BTreeSet<&str>, name: &str) -> bool {
    let prefix = displaced_prefix(name);
    names.range(prefix.as_str()..).next().is_some_and(|name| name.starts_with(&prefix))
}
