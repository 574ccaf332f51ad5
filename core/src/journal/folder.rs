//! A folder of journals, in which every call of a firm leaves one: what it shows is not sent again.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str;
use std::time::SystemTime;

use serde_json::json;
use url::Url;

use crate::error::Error;
use crate::journal::file::JournalFile;
use crate::journal::history::{File, History};
use crate::journal::lock::{Lock, beside, make_folder, write_new};
use crate::model::batch::Repeat;
use crate::model::display::listed;
use crate::model::file_result::{FileResult, FileState};
use crate::model::message::{Message, choice, decide, message, name, resume};
use crate::model::report::PublishReport;
use crate::model::request::{Asks, PublishRequest};
use crate::model::times;

/// What tells a folder of journals from one that is empty because its share is not mounted.
const MARKER: &str = "addepar-portal-journals.json";

/// Sets a folder up for journals, once: it is made if it is missing, and marked. Returns the folder's id; a folder that
/// was set up before keeps its own.
///
/// # Errors
/// [`ErrorKind::Journal`](crate::ErrorKind::Journal) where it cannot be made or written.
pub fn init_journal_dir(folder: impl AsRef<Path>) -> Result<String, Error> {
    let folder = folder.as_ref();
    let unusable = |error: io::Error| Error::of_journal(folder, &format!("cannot be set up: {error}"));
    make_folder(folder).map_err(unusable)?;
    let _lock = Lock::wait(&folder.join("folder"))?;
    let marker = folder.join(MARKER);
    match fs::read(&marker) {
        Ok(text) => return Ok(id_of(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(error)),
    }
    let id = format!("{:032x}", fastrand::u128(..));
    let about = json!({
        "about": "A folder of journals of addepar-portal: what they show as sent is not sent again. Keep it and them.",
        "format": 1,
        "id": id,
        "created": times::text(SystemTime::now()),
    });
    write_new(&marker, format!("{about}\n").as_bytes()).map_err(unusable)?;
    Ok(id)
}

fn id_of(marker: &[u8]) -> String {
    let marker: serde_json::Value = serde_json::from_slice(marker).unwrap_or_default();
    marker.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// The journals of a folder, in order of their names: every file that is one by its name, save what never was one.
pub(crate) fn journals(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unusable = |error| Error::of_journal(folder, &format!("cannot be read: {error}"));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        if is_journal(&path) && !is_foreign(&path) {
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

/// Whether a name is one that this library gives: [`new_path`]'s, or that of what was displaced.
fn is_own_name(name: &[u8]) -> bool {
    let Ok(name) = str::from_utf8(name) else { return false };
    let run = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_new = name.strip_suffix(".jsonl").and_then(|name| name.split_once('-')).is_some_and(|(time, id)| {
        run(id) && time.len() == 16 && time.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z'))
    });
    is_new || name.contains(".displaced-")
}

/// Whether a file's first bytes are a journal's.
pub(crate) fn begins_like_a_journal(path: &Path) -> io::Result<bool> {
    const START: &[u8] = b"{\"type\":\"header\"";
    // A pipe or a device may have no end.
    if !fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut start = Vec::new();
    fs::File::open(path)?.take(START.len() as u64).read_to_end(&mut start)?;
    Ok(start == START)
}

/// The path of a new journal.
pub(crate) fn new_path(folder: &Path, run: &str) -> PathBuf {
    let time: String = times::text(SystemTime::now()).chars().filter(char::is_ascii_alphanumeric).collect();
    folder.join(format!("{time}-{run}.jsonl"))
}

/// Keeps other processes from adding a journal to the folder meanwhile. A folder that was not set up is refused: where a
/// share is not mounted, its mount point looks like an empty folder, and nothing would be known of what was sent.
pub(crate) fn lock(folder: &Path) -> Result<Lock, Error> {
    let refused = |what: &str| {
        Error::config(format!(
            "`journal_dir` must be a folder that was set up for journals, and {} {what}. If it is on a share, see that \
             the share is mounted; if it is new, set it up once: addepar-portal journal init {}.",
            folder.display(),
            folder.display(),
        ))
    };
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(refused("does not exist")),
        Err(error) => return Err(Error::of_journal(folder, &format!("cannot be read: {error}"))),
        Ok(found) if !found.is_dir() => return Err(refused("is not a folder")),
        Ok(_) => {}
    }
    if fs::metadata(folder.join(MARKER)).is_err() && journals(folder)?.is_empty() {
        return Err(refused("has neither the mark of one nor a journal"));
    }
    Lock::wait(&folder.join("folder"))
}

/// What another journal shows of a file that is to be sent. The greater one matters more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// It was sent, and what became of it is known or decided.
    Sent,
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
    run: String,
    path: PathBuf,
}

impl Found {
    /// The later of two that matter alike.
    fn key(&self) -> (Finding, Option<SystemTime>) {
        (self.finding, self.sent_at)
    }
}

/// How a person continues with what was refused.
#[derive(Clone, Copy)]
pub(crate) enum WayOn<'a> {
    /// By another call.
    Call,
    /// By this journal, in which the files can be decided about.
    Journal(&'a Path),
}

/// What the journals of a folder show of some files at one server and firm.
struct Survey {
    found: HashMap<u64, Found>,
    /// Why some journal cannot be read: it may show any file.
    unreadable: Option<Error>,
}

impl Survey {
    fn of(folder: &Path, (base_url, firm_id): (&Url, &str), file_ids: &[u64], own: Option<&Path>) -> Self {
        let mut survey = Self { found: HashMap::new(), unreadable: None };
        let wanted: HashSet<u64> = file_ids.iter().copied().collect();
        let paths = journals(folder).unwrap_or_else(|error| {
            survey.unreadable = Some(error);
            Vec::new()
        });
        for path in paths.into_iter().filter(|path| own.is_none_or(|own| own != path)) {
            match JournalFile::observe(&path) {
                Ok(history) if history.header().is_of(base_url, firm_id) => survey.take(&history, &path, &wanted),
                Ok(_) => {}
                Err(error) => survey.unreadable = survey.unreadable.or(Some(error)),
            }
        }
        survey
    }

    fn take(&mut self, history: &History, path: &Path, wanted: &HashSet<u64>) {
        for file in history.files().iter().filter(|file| wanted.contains(&file.id)) {
            let Some(finding) = finding(file, history) else { continue };
            let this = Found {
                finding,
                sent_at: history.sent_at(file.chunk),
                result: history.result(file),
                run: history.header().run.clone(),
                path: path.to_owned(),
            };
            if self.found.get(&file.id).is_none_or(|other| other.key() < this.key()) {
                self.found.insert(file.id, this);
            }
        }
    }

    /// The same report with what these journals show. What a journal that cannot be read shows, nobody knows.
    fn complete(&self, report: &PublishReport) -> PublishReport {
        let result = |file: &FileResult| match self.found.get(&file.file_id) {
            Some(found) => found.result.clone(),
            None if self.unreadable.is_some() && file.state == FileState::NotProcessed => {
                FileResult::unanswered(file.file_id, FileState::Unknown)
            }
            None => file.clone(),
        };
        let results: HashMap<u64, FileResult> =
            report.files().iter().map(|file| (file.file_id, result(file))).collect();
        let in_flight = |id: &u64| {
            let found = self.found.get(id).filter(|found| found.result.is_undecided());
            found.is_some_and(|found| found.finding == Finding::InFlight)
        };
        let mut all: Vec<u64> = report.in_flight().to_vec();
        all.extend(report.request().file_ids().iter().filter(|id| in_flight(id)));
        report.with_results(&results).with_in_flight(all)
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

/// Refuses files that some journal of the same server and firm shows as sent, or as about to be. `repeat` lets those
/// through whose outcome is known. `report` has the files' states without the other journals.
pub(crate) fn refuse_repeats(
    folder: &Path,
    server: (&Url, &str),
    file_ids: &[u64],
    report: &PublishReport,
    own: Option<&Path>,
    repeat: Repeat,
    way_on: WayOn<'_>,
) -> Result<(), Error> {
    let mut survey = Survey::of(folder, server, file_ids, own);
    if let Some(error) = survey.unreadable.take() {
        return Err(error);
    }
    let refused: Vec<&Found> = file_ids
        .iter()
        .filter_map(|id| survey.found.get(id))
        .filter(|found| repeat == Repeat::Refuse || found.finding > Finding::Sent)
        .collect();
    let Some(worst) = refused.iter().max_by_key(|found| found.key()) else { return Ok(()) };
    let refused_ids = refused.iter().map(|found| found.result.file_id).collect();
    let report = survey.complete(report);
    Err(Error::already_sent(refusal(&refused, worst, report.request(), way_on), refused_ids, report))
}

fn finding(file: &File, history: &History) -> Option<Finding> {
    if file.may_be_published() {
        return Some(match file.is_undecided() {
            true if history.is_in_flight(file) => Finding::InFlight,
            true => Finding::Undecided,
            false => Finding::Sent,
        });
    }
    history.is_written().then_some(Finding::InFlight)
}

/// When, how and in which run the files were sent, and how the call is continued.
fn refusal(refused: &[&Found], worst: &Found, request: &PublishRequest, way_on: WayOn<'_>) -> Message {
    let same = refused.iter().filter(|found| found.finding == worst.finding);
    let ids = listed(same.clone().map(|found| found.result.file_id));
    let id = worst.result.file_id;
    let (files, are, were, it, they) = match same.count() {
        1 => (format!("File {id}"), "is", "was", "it", "it"),
        count => (format!("{count} files{ids}"), "are", "were", "them", "they"),
    };
    let sent_at = match (worst.result.state, worst.result.decision, worst.sent_at) {
        // Its chunk may have met a refusal: it was published in some other way.
        (FileState::NotProcessed, Some(decision), _) => format!("recorded by a person as {}, ", decision.as_str()),
        (_, _, Some(at)) => format!("sent at {}, ", times::text(at)),
        (_, _, None) => String::new(),
    };
    let (run, journal) = (&worst.run, worst.path.display());
    let last = format!("file {id}: {sent_at}state {}, run {run}, journal {journal}", worst.result.state.as_str());
    match worst.finding {
        Finding::InFlight => format!(
            "{files} {are} being sent by another process, or about to be ({last}). Wait until that process has ended."
        )
        .into(),
        Finding::Undecided => Message::from(format!(
            "{files} {were} sent before, and nobody knows what became of {it} ({last}). Check {it} in Addepar, and \
             record what you find with "
        ))
        .followed_by(message![decide(&worst.path), "."]),
        Finding::Sent => {
            let way_on = match way_on {
                WayOn::Call => message![
                    format!("Leave {it} out, or pass "),
                    choice("repeat", "allow"),
                    " to ",
                    name("publish_files"),
                    " or ",
                    name("publish_batch"),
                    " if you mean it.",
                ],
                WayOn::Journal(path) => message![
                    format!("Record that {they} need not be sent (published or leave) with "),
                    decide(path),
                    ", then resume with ",
                    resume(path),
                    ".",
                ],
            };
            let twice = match request.asks() {
                Asks { notify: true, .. } => "may e-mail clients twice",
                Asks { publish: true, .. } => "may publish the same to clients twice",
                Asks { .. } => "repeats what was done",
            };
            Message::from(format!("{files} {were} sent before ({last}): sending {it} again {twice}.")).and(way_on)
        }
    }
}
