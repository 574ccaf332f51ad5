//! Calls that e-mail clients and leave no journal, or one in no folder of journals: nothing but this process's own memory
//! shows that one is repeated.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use url::Url;

use crate::config::settings::Config;
use crate::model::attempt::Outcome;
use crate::model::batch::Repeat;
use crate::model::display::{named, time_of_day};
use crate::model::file_result::{FileResult, FileState};
use crate::model::message::{Language, message, name};
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::server::{is_loopback, server};
use crate::protocol::machine::Ending;
use crate::runtime::per_process::PerProcess;

/// How many files are remembered, the last ones of many.
const REMEMBERED: usize = 100_000;

/// What a folder of journals does, after "Set `journal_dir`".
const REFUSES: &str = " to a folder of journals, and what is sent from then on is refused a second time";

/// What this process has sent like that. A forked child begins anew.
static SENT: PerProcess<Mutex<Memory>> = PerProcess::new();

fn memory() -> MutexGuard<'static, Memory> {
    SENT.get(Default::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a server and firm in [`Memory::portals`], and a file there.
type Key = (usize, u64);

#[derive(Debug, Default)]
struct Memory {
    /// Whether it was said that a journal is missing: once is enough.
    has_warned: bool,
    /// Servers and firms, as the guard of journals tells them apart.
    portals: HashMap<String, usize>,
    sent: HashMap<Key, Sent>,
    /// What was sent, in order, each with its number: what was sent again stands there twice.
    order: VecDeque<(Key, u64)>,
    /// How many files were sent.
    count: u64,
}

/// What the journal of a call says of the files that the call is to send.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) run: String,
    /// The files that went out before, and when that was.
    pub(crate) sent_before: HashMap<u64, SystemTime>,
}

impl Own {
    /// Whether this journal shows that the file went out then. A copy from before that has the same run.
    fn shows(&self, file_id: u64, sent: &Sent) -> bool {
        sent.run.as_deref() == Some(&*self.run) && self.sent_before.get(&file_id).is_some_and(|at| *at >= sent.at)
    }
}

#[derive(Debug, Clone)]
struct Sent {
    at: SystemTime,
    number: u64,
    /// Whether it is known what became of it.
    is_known: bool,
    /// The run whose journal alone shows it.
    run: Option<Arc<str>>,
}

impl Memory {
    fn portal(&mut self, name: String) -> usize {
        let next = self.portals.len();
        *self.portals.entry(name).or_insert(next)
    }

    /// Notes that a file goes out. Returns its number, and how it went out before.
    fn note(&mut self, key: Key, at: SystemTime, run: Option<&Arc<str>>) -> (u64, Option<Sent>) {
        self.count += 1;
        let number = self.count;
        let before = self.sent.insert(key, Sent { at, number, is_known: false, run: run.cloned() });
        self.order.push_back((key, number));
        while self.order.len() > REMEMBERED {
            let Some((oldest, number)) = self.order.pop_front() else { break };
            if self.sent.get(&oldest).is_some_and(|sent| sent.number == number) {
                self.sent.remove(&oldest);
            }
        }
        (number, before)
    }

    /// That some of the files went out before, and when, but for what the call's own journal shows. A caller who asked for
    /// that is told where a folder of journals would refuse it as well: of files whose outcome is unknown.
    fn repeated(&self, portal: usize, file_ids: &[u64], own: Option<&Own>, repeat: Repeat) -> Option<String> {
        let sent = file_ids.iter().filter_map(|id| {
            let sent = self.sent.get(&(portal, *id)).filter(|sent| repeat == Repeat::Refuse || !sent.is_known)?;
            (!own.is_some_and(|own| own.shows(*id, sent))).then_some((*id, sent.at))
        });
        let sent: Vec<(u64, SystemTime)> = sent.collect();
        let last = sent.iter().map(|(_, at)| *at).max()?;
        let (count, ids) = (sent.len(), named(sent.iter().map(|(id, _)| *id)));
        let files = match file_ids.len() {
            1 => format!("This file ({ids}) was"),
            all if all == count => format!("These {count} files ({ids}) were"),
            _ if count == 1 => format!("1 of these files ({ids}) was"),
            _ => format!("{count} of these files ({ids}) were"),
        };
        let when = if sent.iter().all(|(_, at)| *at == last) { "at" } else { "last at" };
        Some(format!(
            "{files} already sent by this process {when} {} UTC, and no folder of journals shows it, so that none can refuse \
             it: sent again, clients may be e-mailed twice",
            time_of_day(last),
        ))
    }

    /// Takes back that a file went out, unless it went out once more since.
    fn take_back(&mut self, key: Key, number: u64, before: Option<&Sent>) {
        if let Some(sent) = self.sent.get_mut(&key).filter(|sent| sent.number == number) {
            match before {
                Some(before) => *sent = Sent { number, ..before.clone() },
                None => drop(self.sent.remove(&key)),
            }
        }
    }
}

/// The number of a client's server and firm.
fn portal(config: &Config) -> usize {
    memory().portal(format!("{} {}", server(&config.base_url), config.firm()))
}

/// What somebody should know of a call with a journal before it goes out: that this process has sent some of its files
/// before where no folder of journals shows it, so that nothing refuses them. A `repeat` of such a call is about what
/// journals know.
pub(crate) fn unseen(config: &Config, file_ids: &[u64], own: &Own) -> Option<String> {
    let portal = portal(config);
    memory().repeated(portal, file_ids, Some(own), Repeat::Refuse)
}

/// A call that e-mails clients and leaves no journal, or one in no folder.
#[derive(Debug)]
pub(crate) struct Unjournalled {
    portal: usize,
    run: Option<Arc<str>>,
    is_local: bool,
    language: Language,
    repeat: Repeat,
    file_ids: Vec<u64>,
    /// The number of each file that went out, and how it did before.
    sent: Vec<(u64, Option<Sent>)>,
}

impl Unjournalled {
    /// The call, if it is one.
    pub(crate) fn of(config: &Config, request: &PublishRequest, repeat: Repeat) -> Option<Self> {
        (request.asks().notify && config.journal_dir.is_none()).then(|| Self {
            portal: portal(config),
            run: None,
            is_local: is_loopback(&config.base_url),
            language: config.language,
            repeat,
            file_ids: request.file_ids().to_vec(),
            sent: Vec::new(),
        })
    }

    /// A call that sends these files now, and whose journal is in no folder. No more of them are kept than are remembered.
    pub(crate) fn outside(config: &Config, mut file_ids: Vec<u64>, run: &str) -> Self {
        let file_ids = file_ids.split_off(file_ids.len().saturating_sub(REMEMBERED));
        let mut call = Self {
            portal: portal(config),
            run: Some(run.into()),
            is_local: is_loopback(&config.base_url),
            language: config.language,
            repeat: Repeat::Refuse,
            file_ids,
            sent: Vec::new(),
        };
        call.goes_out(SystemTime::now());
        call
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        self.file_ids.iter().map(|id| (self.portal, *id))
    }

    /// What the caller should know by now, before it goes out.
    pub(crate) fn warning(&self) -> Option<String> {
        self.warning_by(&memory())
    }

    /// The same, for the last time before it goes out: that a journal is missing is not said again.
    pub(crate) fn last_warning(&self) -> Option<String> {
        let mut memory = memory();
        let warning = self.warning_by(&memory);
        memory.has_warned |= !self.is_local;
        warning
    }

    fn warning_by(&self, memory: &Memory) -> Option<String> {
        // A portal on this machine e-mails nobody: there a journal is missed only once something is repeated.
        self.repeated(memory).or_else(|| (!memory.has_warned && !self.is_local).then(|| self.missing()))
    }

    fn missing(&self) -> String {
        message![
            "This call e-mails clients and leaves no journal: made again, it would e-mail them again. Set ",
            name("journal_dir"),
            REFUSES,
        ]
        .in_language(self.language)
    }

    fn repeated(&self, memory: &Memory) -> Option<String> {
        let repeated = memory.repeated(self.portal, &self.file_ids, None, self.repeat)?;
        Some(message![repeated, ". Set ", name("journal_dir"), REFUSES].in_language(self.language))
    }

    /// It goes out now.
    pub(crate) fn goes_out(&mut self, at: SystemTime) {
        // A call that is sent again after a 429 was not processed before.
        self.take_back();
        let mut memory = memory();
        self.sent = self.keys().map(|key| memory.note(key, at, self.run.as_ref())).collect();
    }

    /// It is over: what was proven not to be processed was not sent.
    pub(crate) fn ended(mut self, ending: &Ending) {
        let (outcome, report) = match ending {
            Ending::Reported(report) => (report.outcome(), Some(report.as_ref())),
            Ending::Failed(error) | Ending::Interrupted(Some(error)) => (error.outcome(), error.report()),
            Ending::Interrupted(None) | Ending::Read(_) | Ending::Settled(_) => (Outcome::NotProcessed, None),
        };
        match report {
            _ if outcome == Outcome::NotProcessed => self.take_back(),
            Some(report) => self.know(report),
            None => {}
        }
    }

    /// It is known what became of most files.
    fn know(&self, report: &PublishReport) {
        let own: HashSet<u64> = self.file_ids.iter().copied().collect();
        let states = report.files().iter().filter(|file| own.contains(&file.file_id));
        // One that is to be sent again was not processed this time.
        let state = |file: &FileResult| if file.is_to_be_sent_again() { FileState::NotProcessed } else { file.state };
        let states: HashMap<u64, FileState> = states.map(|file| (file.file_id, state(file))).collect();
        let mut memory = memory();
        for (key, (number, before)) in self.keys().zip(&self.sent) {
            match states.get(&key.1) {
                None | Some(FileState::Unknown) => {}
                Some(FileState::NotProcessed) => memory.take_back(key, *number, before.as_ref()),
                Some(_) => {
                    // Of what went out once more since, that call knows.
                    if let Some(sent) = memory.sent.get_mut(&key).filter(|sent| sent.number == *number) {
                        sent.is_known = true;
                    }
                }
            }
        }
    }

    fn take_back(&mut self) {
        let mut memory = memory();
        for (key, (number, before)) in self.keys().zip(&self.sent) {
            memory.take_back(key, *number, before.as_ref());
        }
        self.sent.clear();
    }
}

/// Forgets what was sent to a server. One that has just started has received nothing, and another one may have had its
/// port before.
pub fn forget_sent_to(base_url: &str) {
    let Ok(base_url) = Url::parse(base_url) else { return };
    let server = server(&base_url) + " ";
    let mut memory = memory();
    let theirs = memory.portals.iter().filter(|(name, _)| name.starts_with(&server));
    let theirs: HashSet<usize> = theirs.map(|(_, portal)| *portal).collect();
    memory.sent.retain(|(portal, _), _| !theirs.contains(portal));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn key(id: u64) -> Key {
        (0, id)
    }

    #[test]
    fn the_last_files_are_remembered() {
        let mut memory = Memory::default();
        let count = REMEMBERED as u64;
        for id in 1..=count + 2 {
            assert!(memory.note(key(id), at(id), None).1.is_none());
        }
        assert_eq!((memory.sent.len(), memory.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!memory.sent.contains_key(&key(2)) && memory.sent.contains_key(&key(3)));
        // What was sent again is as young as that.
        assert_eq!(memory.note(key(3), at(7), None).1.map(|sent| sent.at), Some(at(3)));
        memory.note(key(count + 3), at(8), None);
        assert!(memory.sent.contains_key(&key(3)) && !memory.sent.contains_key(&key(4)));
    }

    #[test]
    fn what_was_not_processed_was_sent_when_it_was_before() {
        let mut memory = Memory::default();
        let (first, before) = memory.note(key(1), at(1), None);
        let (second, again) = memory.note(key(1), at(2), None);
        assert_eq!((before.as_ref().map(|sent| sent.at), again.as_ref().map(|sent| sent.at)), (None, Some(at(1))));
        // Another call has sent it since.
        memory.take_back(key(1), first, before.as_ref());
        assert_eq!(memory.sent.get(&key(1)).map(|sent| sent.at), Some(at(2)));
        memory.take_back(key(1), second, again.as_ref());
        assert_eq!(memory.sent.get(&key(1)).map(|sent| sent.at), Some(at(1)));
        let (third, _) = memory.note(key(2), at(3), None);
        memory.take_back(key(2), third, None);
        assert!(!memory.sent.contains_key(&key(2)));
    }
}
