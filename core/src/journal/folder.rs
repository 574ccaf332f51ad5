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
use crate::journal::history::{Decision, File, History};
use crate::journal::index::{Entry, Index};
use crate::journal::lock::{Caller, Lock, SILENCE, beside, folder_of, is_held_here, make_folder, operator, write_new};
use crate::journal::record::{FORMAT, Record};
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::model::batch::Repeat;
use crate::model::display::{counted, listed};
use crate::model::file_result::{FileResult, FileState, Verdict};
use crate::model::message::{Message, choice, command, decide, in_programs, message, name, resume};
use crate::model::report::PublishReport;
use crate::model::request::{Asks, PublishRequest};
use crate::model::times;
use crate::system::folder_sync::sync_folder;
use crate::system::identity::is_same;

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

/// Whether two paths lead to one file: it may have a second name, or a link may lead to it.
fn is_the_same_file(one: &Path, other: &Path) -> bool {
    let is_one = || Ok::<_, io::Error>(is_same(&fs::metadata(one)?, &fs::metadata(other)?) == Some(true));
    // The numbers alone are not reliable on every file system.
    one == other || (is_one().unwrap_or(false) && is_beginning_of(one, other).unwrap_or(false))
}

/// What another journal shows of a file that is to be sent. The greater one matters more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// It may be sent, as far as this journal knows.
    Nothing,
    /// It was sent, and what became of it is known, or a person found that it was published.
    Sent,
    /// Its outcome is unknown, and a person decided to leave it at that.
    Left,
    /// Its outcome is unknown, and nobody has decided.
    Undecided,
    /// Another process sends it, or is about to.
    InFlight,
}

/// A file that another journal shows, and how that journal names it.
struct Found {
    finding: Finding,
    sent_at: Option<SystemTime>,
    result: FileResult,
    decision: Option<Decision>,
    /// What that run asked for.
    asked: PublishRequest,
    run: String,
    path: PathBuf,
}

impl Found {
    /// The later of two that matter alike.
    fn key(&self) -> (Finding, Option<SystemTime>) {
        (self.finding, self.sent_at)
    }

    fn is_the_same_send_as(&self, other: &Self) -> bool {
        self.run == other.run && self.sent_at == other.sent_at
    }

    /// The one of the same send that knows more has the greater: who writes it, then who knows the server's answer, then who
    /// has a decision. Of decisions that differ, the one counts that refuses more; where there is none, the call's own journal.
    fn knowledge(&self) -> (bool, bool, bool, Finding, bool) {
        let (is_answered, is_decided) = (self.result.state != FileState::Unknown, self.decision.is_some());
        let decided = if is_decided { self.finding } else { Finding::Nothing };
        (self.finding == Finding::InFlight, is_answered, is_decided, decided, self.finding == Finding::Nothing)
    }
}

/// What became of a journal that is not as its folder knows it.
const LOST_LINES: &str = "lost lines that it had: something cut it, or put an older copy in its place";

/// What became of a journal that its folder knows.
const GONE: &str = "is not there any more";

/// How a person continues with what was refused.
#[derive(Clone, Copy)]
pub(crate) enum WayOn<'a> {
    /// By another call.
    Call,
    /// By this journal, in which the files can be decided about.
    Journal(&'a Path),
}

/// A journal of a folder, as it was read.
struct Read {
    path: PathBuf,
    history: History,
    /// Of a copy of one that had more and was recorded as gone: when that was.
    forgotten_at: Option<SystemTime>,
}

/// What the journals of a folder show of some files at one server and firm.
#[derive(Default)]
struct Survey {
    sends: HashMap<u64, Vec<Found>>,
    /// Why some journal cannot be read: it may show any file.
    unreadable: Option<Error>,
}

impl Survey {
    /// Without the folder's lock and its index: for what can be known of a call that sends nothing.
    fn of(folder: &Path, (base_url, firm_id): (&Url, &str), file_ids: &[u64], own: Option<&Path>) -> Self {
        let mut survey = Self::default();
        let wanted: HashSet<u64> = file_ids.iter().copied().collect();
        let paths = named(folder).unwrap_or_else(|error| {
            survey.unreadable = Some(error);
            Vec::new()
        });
        let is_own = |path: &Path| own.is_some_and(|own| is_the_same_file(own, path));
        let index = index(folder).ok().map(|(index, _)| index);
        let mut read = Vec::new();
        for path in paths.into_iter().filter(|path| !is_own(path) && !is_foreign(path)) {
            match JournalFile::observe(&path) {
                Ok(history) if history.header().is_of(base_url, firm_id) => {
                    let forgotten_at =
                        index.as_ref().and_then(|index| outlived(index, &path, &history)?.forgotten_at());
                    read.push(Read { path, history, forgotten_at });
                }
                Ok(_) => {}
                Err(error) => survey.unreadable = survey.unreadable.or(Some(error)),
            }
        }
        survey.take_all(&read, &wanted, None);
        survey
    }

    /// Takes in what was read of a folder. An older copy beside its journal shows nothing that this does not; `own`: the call's
    /// own journal.
    fn take_all(&mut self, read: &[Read], wanted: &HashSet<u64>, own: Option<&Path>) {
        let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let is_older = |Read { path, history, .. }: &Read| {
            let mut others = read.iter().filter(|other| other.path != *path && other.history.is_of_the_run_of(history));
            others
                .any(|other| length(path) < length(&other.path) && is_beginning_of(path, &other.path).unwrap_or(false))
        };
        // Somebody who writes in one is about to send what it shows as unsent.
        for read in read.iter().filter(|read| read.history.is_written() || !is_older(read)) {
            let is_own = own.is_some_and(|own| is_the_same_file(own, &read.path));
            self.take(read, wanted, is_own);
        }
    }

    /// `is_own`: it is the call's own journal, which refuses nothing.
    fn take(&mut self, Read { path, history, forgotten_at }: &Read, wanted: &HashSet<u64>, is_own: bool) {
        for file in history.files().iter().filter(|file| wanted.contains(&file.id)) {
            let sent_at = history.last_sent_at(file);
            // To record that its journal is gone is to look after each file that was sent until then.
            let is_looked_after = sent_at.zip(*forgotten_at).is_some_and(|(sent, forgotten)| sent < forgotten);
            let counts = |finding: &Finding| !(is_own || is_looked_after && *finding == Finding::Undecided);
            let finding = finding(file, history).filter(counts).unwrap_or(Finding::Nothing);
            let this = Found {
                finding,
                sent_at,
                result: history.result(file),
                decision: file.decision().cloned(),
                asked: history.request().clone(),
                run: history.header().run.clone(),
                path: path.clone(),
            };
            // Two journals of one run show the same send, and one of them may know less, as an older copy does.
            let sends = self.sends.entry(file.id).or_default();
            match sends.iter_mut().find(|other| other.is_the_same_send_as(&this)) {
                Some(other) if other.knowledge() < this.knowledge() => *other = this,
                Some(_) => {}
                None => sends.push(this),
            }
        }
    }

    /// Of the sends of a file, the one that matters most.
    fn found(&self, file_id: u64) -> Option<&Found> {
        self.found_among(file_id, |_| true)
    }

    /// The same of those that are wanted.
    fn found_among(&self, file_id: u64, is_wanted: impl Fn(&Found) -> bool) -> Option<&Found> {
        let counting = self.sends.get(&file_id)?.iter().filter(|found| found.finding > Finding::Nothing);
        counting.filter(|found| is_wanted(found)).max_by_key(|found| found.key())
    }

    /// The same report with what these journals show. What a journal that cannot be read shows, nobody knows.
    fn complete(&self, report: &PublishReport) -> PublishReport {
        let result = |file: &FileResult| match self.found(file.file_id) {
            Some(found) => found.result.clone(),
            None if self.unreadable.is_some() && file.state == FileState::NotProcessed => {
                FileResult::unanswered(file.file_id, FileState::Unknown)
            }
            None => file.clone(),
        };
        let results: HashMap<u64, FileResult> =
            report.files().iter().map(|file| (file.file_id, result(file))).collect();
        // Also what another call is about to send: what becomes of that is to be awaited as well.
        let in_flight = |id: &u64| self.found(*id).is_some_and(|found| found.finding == Finding::InFlight);
        let mut all: Vec<u64> = report.in_flight().to_vec();
        all.extend(report.request().file_ids().iter().filter(|id| in_flight(id)));
        // What the report shows already was sent as it says.
        let shown = report.files().iter().any(|file| file.state != FileState::NotProcessed);
        let mut asked: Vec<PublishRequest> = shown.then(|| report.request().clone()).into_iter().collect();
        for found in report.request().file_ids().iter().filter_map(|id| self.found(*id)) {
            if !asked.iter().any(|asked| asked.asks_the_same_as(&found.asked)) {
                asked.push(found.asked.clone());
            }
        }
        report.with_results(&results).with_in_flight(all).sent_as(&asked)
    }
}

/// The same report with what the journals of a folder show of its files, as far as they can be read.
pub(crate) fn completed(
    report: &PublishReport,
    folder: &Path,
    server: (&Url, &str),
    own: Option<&Path>,
) -> PublishReport {
    // Those that its own journal shows as sent are known.
    let left: Vec<u64> = report.left().map(|file| file.file_id).collect();
    if left.is_empty() || !folder.is_dir() {
        return report.clone();
    }
    Survey::of(folder, server, &left, own).complete(report)
}

/// A folder of journals that no other process looks into or adds a journal to meanwhile.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: Lock,
    index: Index,
    caller: Caller,
}

/// For whom, and for which files, a folder is looked into.
pub(crate) struct Query<'a> {
    pub(crate) base_url: &'a Url,
    pub(crate) firm_id: &'a str,
    pub(crate) file_ids: &'a [u64],
    /// The files' states without the other journals.
    pub(crate) report: &'a PublishReport,
    /// The call's own journal, if it is there.
    pub(crate) own: Option<&'a Path>,
    /// What that shows: its `repeat` is of what was sent before it was made.
    pub(crate) history: Option<&'a History>,
    pub(crate) repeat: Repeat,
    pub(crate) way_on: WayOn<'a>,
}

impl Query<'_> {
    /// Whether what a journal shows of a file is refused. To `repeat` allows what is known and was before the call's own journal
    /// was made: a file that was sent since, or found to be published, is refused.
    fn refuses(&self, found: &Found) -> bool {
        let decided_at = found.decision.as_ref().map(|decision| decision.at);
        let at = found.sent_at.max(decided_at);
        let is_later = || self.history.zip(at).is_some_and(|(own, at)| own.was_made_before(at));
        self.repeat == Repeat::Refuse || found.finding > Finding::Sent || is_later()
    }
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
        match stands_at(&entry, &folder.path) {
            Some(other) => Err(refused(&format!(
                "is not gone: {} has all that it had. Give that its name back, or one that no journal had before",
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
                Ok(Some(history)) if history.header().is_of(query.base_url, query.firm_id) => {
                    let forgotten_at = outlived(&self.index, path, &history).and_then(Entry::forgotten_at);
                    read.push(Read { path: path.clone(), history, forgotten_at });
                }
                Ok(_) => {}
                // The others are looked into all the same, so that the next call need not.
                Err(mut error) => {
                    let known = name_of(path).and_then(|name| self.index.get(name));
                    match (known, error.reason()) {
                        // Where it lies elsewhere, that shows its files.
                        (Some(entry), Some(JournalReason::Changed)) => {
                            lost.extend(stands_at(entry, &self.path).is_none().then(|| entry.clone()));
                        }
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
        match survey.unreadable.take() {
            None => self.refuse_missed(&names, query, &survey)?,
            Some(error) if is_rest_readable => {
                let report = survey.complete(query.report);
                let report = doubted(&report, lost.iter(), "A journal that lost lines may show it as sent.");
                return Err(error.with_earlier(report));
            }
            Some(error) => return Err(error),
        }
        let refused: Vec<&Found> =
            query.file_ids.iter().filter_map(|id| survey.found_among(*id, |found| query.refuses(found))).collect();
        let Some(worst) = refused.iter().max_by_key(|found| found.key()) else { return Ok(()) };
        let refused_ids = refused.iter().map(|found| found.result.file_id).collect();
        let report = survey.complete(query.report);
        let problem = refusal(&refused, worst, query.report.request(), query.way_on);
        let journal = Some(&worst.path).filter(|path| refused.iter().all(|found| found.path == **path));
        Err(Error::already_sent(problem, refused_ids, journal.map(PathBuf::as_path), report))
    }

    /// Looks at a journal: what it shows, if it names any of the files.
    fn look(&mut self, path: &Path, names: &BTreeSet<&str>, wanted: &[u64]) -> Result<Option<History>, Error> {
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
        match name {
            // What is true stands beside it.
            Some(name) if has_displaced(names, name) => self.index.remove(name),
            Some(_) if known.is_some_and(|known| is_missed(known, Some(&read.file), names, iter::empty())) => {
                let replaced = known.filter(|known| known.run() != read.history.header().run);
                return Err(replaced.map_or_else(
                    || Error::missed(&[path.to_owned()], JournalReason::Changed, LOST_LINES),
                    |known| self.replaced(known),
                ));
            }
            Some(name) => self.index.learn(name, &read, self.lock.taken_at(), is_written),
            None => {}
        }
        Ok(Some(read.history.written_by_another(is_written)))
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

    /// Refuses any call while a journal is missed that is not there under another name either.
    fn refuse_missed(&mut self, names: &BTreeSet<&str>, query: &Query<'_>, survey: &Survey) -> Result<(), Error> {
        let gone = self.index.expected().filter(|(name, _)| !names.contains(name));
        let (found, missed): (Vec<_>, Vec<_>) =
            gone.map(|(name, entry)| (name.to_owned(), entry)).partition(|(_, entry)| {
                !is_missed(entry, None, names, of_the_run_of(entry, &self.index, &self.path, names))
            });
        let found: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
        let entries = missed.iter().map(|(_, entry)| *entry);
        let report = survey.complete(query.report);
        let report = doubted(&report, entries, "A journal that is gone may show it as sent.");
        let missed: Vec<PathBuf> = missed.into_iter().map(|(name, _)| self.path.join(name)).collect();
        for name in &found {
            self.index.remove(name);
        }
        if missed.is_empty() {
            return Ok(());
        }
        Err(Error::missed(&missed, JournalReason::Missing, GONE).with_earlier(report))
    }

    /// Refuses a journal of it that shows less than another one of its run. What is left in it may have been sent.
    pub(crate) fn refuse_older(&self, path: &Path, history: &History) -> Result<(), Error> {
        let refused = name_of(path).map_or(Ok(()), |name| refuse_one_that_lacks(&self.index, path, name, history));
        refused.map_err(|error| match outlived(&self.index, path, history) {
            Some(entry) => {
                let reason = "A journal that was recorded as gone may have shown it as sent.";
                error.with_earlier(doubted(&history.report(), [entry].into_iter(), reason))
            }
            None => error,
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
    match outlived(index, path, history) {
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
fn outlived<'a>(index: &'a Index, path: &Path, history: &History) -> Option<&'a Entry> {
    index.forgotten().iter().find(|entry| entry.run() == history.header().run && lacks(path, entry))
}

/// Whether a journal has not all that the folder knows of one.
fn lacks(path: &Path, entry: &Entry) -> bool {
    open_to_read(path).is_ok_and(|file| !entry.end().is_in(&file).unwrap_or(true))
}

/// Which journal of a folder has all that it knows of one, whatever that was called.
pub(crate) fn stands_at(entry: &Entry, folder: &Path) -> Option<PathBuf> {
    let has_its_lines = |path: &Path| open_to_read(path).is_ok_and(|file| entry.end().is_in(&file).unwrap_or(false));
    named(folder).ok()?.into_iter().find(|path| has_its_lines(path))
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
fn doubted<'a>(report: &PublishReport, entries: impl Iterator<Item = &'a Entry>, reason: &str) -> PublishReport {
    let entries: Vec<&Entry> = entries.collect();
    let is_final = |file: &FileResult| matches!(file.state, FileState::Ok | FileState::Failed);
    let named = |id: &u64| entries.iter().any(|entry| entry.names_any(&[*id]));
    let unknown = report.files().iter().filter(|file| !is_final(file)).map(|file| file.file_id).filter(named);
    report.with_results(&unknown.map(|id| (id, FileResult::unknown(id, reason))).collect())
}

/// Whether calls miss a journal: it is gone, or lacks lines that it had, and what is true of it does not stand elsewhere.
/// `file`: what has its name, if anything has; `others`: what else is of its run.
fn is_missed(
    entry: &Entry,
    file: Option<&fs::File>,
    names: &BTreeSet<&str>,
    mut others: impl Iterator<Item = PathBuf>,
) -> bool {
    let has_its_lines = |file: &fs::File| entry.end().is_in(file).unwrap_or(false);
    let is_found = match file {
        Some(file) => has_its_lines(file),
        None => others.any(|path| open_to_read(&path).is_ok_and(|file| has_its_lines(&file))),
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
#[cfg(feature = "cli")]
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

fn finding(file: &File, history: &History) -> Option<Finding> {
    if file.may_be_published() {
        return Some(match file.is_undecided() {
            true if history.is_in_flight(file) => Finding::InFlight,
            true => Finding::Undecided,
            false if file.is_left_unknown() => Finding::Left,
            false => Finding::Sent,
        });
    }
    history.is_written().then_some(Finding::InFlight)
}

/// How many files are in each state.
fn states<'a>(found: &(impl Iterator<Item = &'a &'a Found> + Clone)) -> String {
    let counted = |state: FileState| {
        let count = found.clone().filter(|found| found.result.state == state).count();
        (count > 0).then(|| format!("{count} {}", state.as_str()))
    };
    let states = [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed];
    states.into_iter().filter_map(counted).collect::<Vec<_>>().join(", ")
}

/// When, how and in which run the files were sent, and how the call is continued.
fn refusal(refused: &[&Found], worst: &Found, request: &PublishRequest, way_on: WayOn<'_>) -> Message {
    let same = refused.iter().filter(|found| found.finding == worst.finding);
    let ids = listed(same.clone().map(|found| found.result.file_id).collect::<Vec<_>>().into_iter());
    let id = worst.result.file_id;
    let (files, are, were, it, they, it_is) = match same.clone().count() {
        1 => (format!("File {id}"), "is", "was", "it", "it", "it is"),
        count => (format!("{count} files{ids}"), "are", "were", "them", "they", "they are"),
    };
    let the_files = if it == "it" { format!("file {id}") } else { files.clone() };
    let sent_at = match worst.sent_at {
        // Its chunk may have met a refusal: it was published in some other way.
        Some(at) if worst.result.state != FileState::NotProcessed => {
            format!("sent at {}{}, ", times::text(at), differing(&worst.asked, request))
        }
        _ => String::new(),
    };
    let decision = worst.decision.as_ref().map_or_else(String::new, |Decision { verdict, by, at, .. }| {
        format!(", decided: {} (by {by} at {})", verdict.as_str(), times::text(*at))
    });
    let (state, run, journal) = (worst.result.state.as_str(), &worst.run, worst.path.display());
    let shown = format!("file {id}: {sent_at}state {state}{decision}, run {run}, journal {journal}");
    let last = if it == "it" { shown } else { format!("{}; such as {shown}", states(&same)) };
    let problem = match worst.finding {
        Finding::InFlight => {
            // A service's process does not end, and a process that was killed leaves its call behind.
            let (by, ended) = if is_held_here(&worst.path) {
                ("another call of this process", "that call has ended")
            } else {
                ("a call of another process", "that call has ended, or its process")
            };
            format!("{files} {are} being sent by {by}, or about to be ({last}). Wait until {ended}.").into()
        }
        Finding::Undecided => {
            let again = match way_on {
                WayOn::Call => "Then publish again only what was not published.".into(),
                WayOn::Journal(path) => message!["Then resume with ", resume(path), "."],
            };
            Message::from(format!(
                "{files} {were} sent before, and nobody knows what became of {it} ({last}). Check {it} in Addepar, 90 \
                 seconds after {they} {were} sent or later, and record what you find with "
            ))
            .followed_by(decided_in(&same.copied().collect::<Vec<_>>()))
            .followed_by(".")
            .and(again)
        }
        Finding::Left => {
            let way_on = match way_on {
                WayOn::Call => Message::from(format!("Leave {it} out, or record what became of {it} with "))
                    .followed_by(decided_in(&same.copied().collect::<Vec<_>>()))
                    .followed_by("."),
                WayOn::Journal(path) => need_not_be_sent(they, path),
            };
            Message::from(format!(
                "{files} {were} sent before, nobody knows what became of {it}, and a person decided to leave {it} at \
                 that ({last}): {it_is} not sent any more.",
            ))
            .and(way_on)
        }
        Finding::Sent | Finding::Nothing => {
            let way_on = match way_on {
                WayOn::Call => message![
                    format!("Leave {it} out"),
                    in_programs(message![
                        ", or pass ",
                        choice("repeat", "allow"),
                        " to ",
                        name("publish_files"),
                        " or ",
                        name("publish_batch"),
                        " if you mean it",
                    ]),
                    ".",
                ],
                WayOn::Journal(path) => need_not_be_sent(they, path),
            };
            let was_not_sent = refused.iter().all(|found| found.result.state == FileState::NotProcessed);
            let all = |verdict| was_not_sent && refused.iter().all(|found| found.result.decision == Some(verdict));
            if all(Verdict::Leave) {
                let left_out = format!("A person left {the_files} out, and {they} {were} not processed ({last}).");
                return Message::from(left_out).and(way_on).and(by_journal(refused));
            }
            // What that run did not do is not done twice.
            let now = request.asks();
            let twice = |does: fn(Asks) -> bool| does(now) && refused.iter().any(|found| does(found.asked.asks()));
            let twice = if twice(|asks| asks.notify) {
                "may e-mail clients twice"
            } else if twice(|asks| asks.publish) {
                "may publish the same to clients twice"
            } else if request.asks_the_same_as(&worst.asked) {
                "repeats what was done"
            } else {
                "does what was not done then"
            };
            let what = if all(Verdict::Published) {
                format!("A person found that {the_files} {were} published in some other way ({last})")
            } else {
                format!("{files} {were} sent before ({last})")
            };
            Message::from(format!("{what}: sending {it} again {twice}.")).and(way_on)
        }
    };
    problem.and(others_too(refused, worst)).and(by_journal(refused))
}

/// That files of which less is to be said are refused as well.
fn others_too(refused: &[&Found], worst: &Found) -> Message {
    let others = refused.iter().filter(|found| found.finding != worst.finding);
    let ids: Vec<u64> = others.map(|found| found.result.file_id).collect();
    let are = if ids.len() == 1 { "is" } else { "are" };
    let said = || format!("{} {are} refused, too{}.", counted(ids.len(), "other file"), listed(ids.iter().copied()));
    if ids.is_empty() { Message::default() } else { said().into() }
}

/// How a run was asked for that differs from a call, as the rest of a sentence: ` with do_not_notify`.
fn differing(there: &PublishRequest, here: &PublishRequest) -> String {
    let mut differing = Vec::new();
    let (publishing, notification) = (there.portal_publishing(), there.contact_notification());
    // Both modes have a value of this name.
    let named = |mode: &str, name: &str| {
        if mode == "use_contact_preference" { format!("{name} {mode}") } else { mode.to_owned() }
    };
    if publishing != here.portal_publishing() {
        differing.push(named(publishing.as_str(), "portal_publishing"));
    }
    if notification != here.contact_notification() {
        differing.push(named(notification.as_str(), "contact_notification"));
    }
    if there.publish_override_contact_ids() != here.publish_override_contact_ids() {
        differing.push(match there.publish_override_contact_ids().len() {
            0 => "no override contacts".to_owned(),
            count => counted(count, "override contact"),
        });
    }
    if differing.is_empty() { String::new() } else { format!(" with {}", differing.join(" and ")) }
}

/// How the journal of a run goes on without files that were sent by another one.
fn need_not_be_sent(they: &str, path: &Path) -> Message {
    message![
        format!("Record that {they} need not be sent (published or leave) with "),
        decide(path),
        ", then resume with ",
        resume(path),
        ".",
    ]
}

/// Where to decide about files: in each journal that shows some of them.
fn decided_in(files: &[&Found]) -> Message {
    match files {
        [first, others @ ..] if others.iter().all(|found| found.path == first.path) => message![decide(&first.path)],
        files => each_journal(files, |path| message![decide(path)]),
    }
}

/// Which journals show the files, where it is more than one.
fn by_journal(files: &[&Found]) -> Message {
    let Some((first, others)) = files.split_first() else { return Message::default() };
    if others.iter().all(|found| found.path == first.path) {
        return Message::default();
    }
    Message::from("The files are in several journals: ")
        .followed_by(each_journal(files, |path| path.display().to_string().into()))
        .followed_by(".")
}

/// The journals that show files, the first ones of many, each with its files.
fn each_journal(files: &[&Found], named: impl Fn(&Path) -> Message) -> Message {
    const NAMED: usize = 5;
    let mut ids_of: HashMap<&Path, Vec<u64>> = HashMap::new();
    let mut journals = Vec::new();
    for found in files {
        let ids = ids_of.entry(&found.path).or_default();
        if ids.is_empty() {
            journals.push(found.path.as_path());
        }
        ids.push(found.result.file_id);
    }
    let more = journals.len().saturating_sub(NAMED);
    let mut text = Message::default();
    for (number, path) in journals.into_iter().take(NAMED).enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let ids = ids_of.remove(path).unwrap_or_default();
        text = text.followed_by(comma).followed_by(named(path)).followed_by(listed(ids.into_iter()));
    }
    if more > 0 { text.followed_by(format!(" and {more} more")) } else { text }
}
