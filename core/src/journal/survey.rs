//! What the journals of a folder show of files that are to be sent, and how a call is refused for it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Error;
use crate::journal::file::is_beginning_of;
use crate::journal::history::{Decision, File, History};
use crate::journal::lock::is_held_here;
use crate::model::batch::Repeat;
use crate::model::display::{counted, listed};
use crate::model::file_result::{FileResult, FileState, Verdict};
use crate::model::message::{Message, choice, decide, in_programs, message, name, resume};
use crate::model::report::PublishReport;
use crate::model::request::{Asks, PublishRequest};
use crate::model::times;
use crate::system::identity::is_same;

/// What another journal shows of a file that is to be sent. The greater one matters more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
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
pub(crate) struct Found {
    pub(crate) finding: Finding,
    pub(crate) sent_at: Option<SystemTime>,
    pub(crate) result: FileResult,
    pub(crate) decision: Option<Decision>,
    /// What that run asked for.
    asked: PublishRequest,
    run: String,
    pub(crate) path: PathBuf,
}

impl Found {
    /// The later of two that matter alike.
    pub(crate) fn key(&self) -> (Finding, Option<SystemTime>) {
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

/// How a person continues with what was refused.
#[derive(Clone, Copy)]
pub(crate) enum WayOn<'a> {
    /// By another call.
    Call,
    /// By this journal, in which the files can be decided about.
    Journal(&'a Path),
}

/// What a call sends again of files that were sent before.
#[derive(Clone, Copy)]
pub(crate) struct Repeats<'a> {
    pub(crate) repeat: Repeat,
    /// What the call's own journal shows, if it is there: its `repeat` is of what was sent before it was made.
    pub(crate) own: Option<&'a History>,
}

impl Repeats<'_> {
    /// Whether what a journal shows of a file is refused. To `repeat` allows what is known and was before the call's own journal
    /// was made: a file that was sent since, or found to be published, is refused.
    pub(crate) fn refuses(self, found: &Found) -> bool {
        let decided_at = found.decision.as_ref().map(|decision| decision.at);
        let at = found.sent_at.max(decided_at);
        let is_later = || self.own.zip(at).is_some_and(|(own, at)| own.was_made_before(at));
        self.repeat == Repeat::Refuse || found.finding > Finding::Sent || is_later()
    }
}

/// A journal of a folder, as it was read.
pub(crate) struct Read {
    pub(crate) path: PathBuf,
    pub(crate) history: History,
    /// Of a copy of one that had more and was recorded as gone: when that was.
    pub(crate) forgotten_at: Option<SystemTime>,
}

/// What the journals of a folder show of some files at one server and firm.
#[derive(Default)]
pub(crate) struct Survey {
    sends: HashMap<u64, Vec<Found>>,
    /// Why some journal cannot be read: it may show any file.
    pub(crate) unreadable: Option<Error>,
}

impl Survey {
    /// Takes in what was read of a folder. An older copy beside its journal shows nothing that this does not; `own`: the call's
    /// own journal.
    pub(crate) fn take_all(&mut self, read: &[Read], wanted: &HashSet<u64>, own: Option<&Path>) {
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
            let mut finding = finding(file, history).filter(|_| !is_own).unwrap_or(Finding::Nothing);
            let mut result = history.result(file);
            if finding == Finding::InFlight {
                result.await_another_call();
            }
            // To record that its journal is gone is to leave it at that with what was sent until then: nobody decides here any more.
            let is_forgotten = sent_at.zip(*forgotten_at).is_some_and(|(sent, forgotten)| sent < forgotten);
            if is_forgotten && matches!(finding, Finding::Left | Finding::Undecided) {
                finding = Finding::Sent;
                result.decision = Some(Verdict::Leave);
            }
            let this = Found {
                finding,
                sent_at,
                result,
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

    /// Of the sends of a file for which it is refused, the one that matters most.
    pub(crate) fn refused(&self, file_id: u64, repeats: Repeats<'_>) -> Option<&Found> {
        let counting = self.sends.get(&file_id)?.iter().filter(|found| found.finding > Finding::Nothing);
        counting.filter(|found| repeats.refuses(found)).max_by_key(|found| found.key())
    }

    /// The same report with what these journals show of the files that are refused: the others are yet to be sent. What a journal
    /// that cannot be read shows, nobody knows.
    pub(crate) fn complete(&self, report: &PublishReport, repeats: Repeats<'_>) -> PublishReport {
        let found = |file_id: u64| self.refused(file_id, repeats);
        let result = |file: &FileResult| match found(file.file_id) {
            Some(found) => found.result.clone(),
            None if self.unreadable.is_some() && file.state == FileState::NotProcessed => {
                FileResult::unanswered(file.file_id, FileState::Unknown)
            }
            None => file.clone(),
        };
        let results: HashMap<u64, FileResult> =
            report.files().iter().map(|file| (file.file_id, result(file))).collect();
        // Also what another call is about to send: what becomes of that is to be awaited as well.
        let in_flight = |id: &u64| found(*id).is_some_and(|found| found.finding == Finding::InFlight);
        let mut all: Vec<u64> = report.in_flight().to_vec();
        all.extend(report.request().file_ids().iter().filter(|id| in_flight(id)));
        // What the report shows already was sent as it says.
        let shown = report.files().iter().any(|file| file.state != FileState::NotProcessed);
        let mut asked: Vec<PublishRequest> = shown.then(|| report.request().clone()).into_iter().collect();
        for found in report.request().file_ids().iter().filter_map(|id| found(*id)) {
            if !asked.iter().any(|asked| asked.asks_the_same_as(&found.asked)) {
                asked.push(found.asked.clone());
            }
        }
        report.with_results(&results).with_in_flight(all).sent_as(&asked)
    }
}

/// Whether two paths lead to one file: it may have a second name, or a link may lead to it.
pub(crate) fn is_the_same_file(one: &Path, other: &Path) -> bool {
    let is_one = || Ok::<_, io::Error>(is_same(&fs::metadata(one)?, &fs::metadata(other)?) == Some(true));
    // The numbers alone are not reliable on every file system.
    one == other || (is_one().unwrap_or(false) && is_beginning_of(one, other).unwrap_or(false))
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
pub(crate) fn refusal(refused: &[&Found], worst: &Found, request: &PublishRequest, way_on: WayOn<'_>) -> Message {
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
            let (by, ended) = match is_held_here(&worst.path) {
                Some(true) => ("another call of this process", "that call has ended"),
                Some(false) => ("a call of another process", "that call has ended, or its process"),
                None => ("another call", "that call has ended, or its process"),
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
