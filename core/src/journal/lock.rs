//! Locks, and the other files that stand beside a journal: never written through a link or a leftover.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::iter;
use std::path::{self, Path, PathBuf};
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::UnboundedSender;

use crate::error::{Error, JournalReason};
use crate::model::message::{lasting, message};
use crate::model::times;
use crate::runtime::per_process::PerProcess;
use crate::system::folder_sync::sync_folder;
use crate::system::identity::{has_one_name, is_same};
use crate::system::locks::{JOURNALS_CAN_BE_LOCKED, hides_contents};
use crate::system::permissions::{private_file, private_folder};

/// The beginning of what a holder writes into its lock.
const HOLDER: &str = "process ";
/// How long a call waits for a folder, which nobody holds for long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// After how long a wait is worth a warning.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);
/// How long somebody may hold a lock who only looks whether it is taken.
const GLANCE: Duration = Duration::from_millis(300);

/// The right to append to a journal, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// The lock's own file.
    file: File,
    /// The journal itself, and every file that had its name before, none of which anybody else may continue; of a folder,
    /// its mark.
    journals: Vec<File>,
    pid: u32,
}

impl Drop for Lock {
    /// To close the files is not enough: a child that was forked meanwhile has them open as well.
    fn drop(&mut self) {
        if self.pid == process::id() {
            let _ = self.file.unlock();
            self.unlock_journals();
        }
    }
}

impl Lock {
    fn new(file: File) -> Self {
        Self { file, journals: Vec::new(), pid: process::id() }
    }

    /// Writes who holds it, for those who wait for it.
    fn held(mut self) -> io::Result<Self> {
        let holder = format!("{}{}\n", this_process(), times::text(SystemTime::now()));
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(holder.as_bytes())?;
        Ok(self)
    }

    fn unlock_journals(&mut self) {
        for journal in self.journals.drain(..) {
            let _ = journal.unlock();
        }
    }

    /// Whether somebody writes a journal, as far as can be seen: the file beside it may have been removed.
    pub(crate) fn is_taken(path: &Path) -> bool {
        let is_locked = |path: &Path| match File::open(path) {
            Ok(file) => file.try_lock_shared().is_err(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        is_locked(&beside(path, ".lock")) || (JOURNALS_CAN_BE_LOCKED && is_locked(path))
    }

    /// Locks the journal itself too: it may have a second name, and somebody may remove the file beside it.
    pub(crate) fn with(mut self, path: &Path, journal: &File) -> Result<Self, Error> {
        match self.lock_journal(journal) {
            Ok(true) => Ok(self),
            Ok(false) => {
                // The writer's own lock was removed: this new one must not say that its writer is this process.
                let _ = self.file.set_len(0);
                Err(Error::of_journal(path, JournalReason::Busy, "is being written: one writer at a time"))
            }
            Err(error) => Err(Error::of_journal(path, JournalReason::CannotWrite, &cannot_be_locked(&error))),
        }
    }

    /// Locks the file that has the journal's name, beside those that had it before. `false`: somebody else writes it.
    pub(crate) fn lock_journal(&mut self, journal: &File) -> io::Result<bool> {
        if !JOURNALS_CAN_BE_LOCKED {
            return Ok(true);
        }
        if !acquire(journal, GLANCE, || false)? {
            // Where a file has another number each time it is looked at, the lock that is in the way may be this one's.
            self.unlock_journals();
            if !acquire(journal, GLANCE, || false)? {
                return Ok(false);
            }
        }
        self.journals.push(journal.try_clone()?);
        Ok(true)
    }

    /// Takes the lock of a folder of journals, which a call holds while it looks into them. Within its patience the caller
    /// receives the wait once, when that has lasted for [`SILENCE`], and may leave. The folder's mark is locked too:
    /// somebody may remove the file of the lock, and a folder without its mark is refused.
    pub(crate) fn of_folder(folder: &Path, mark: &Path, patience: Duration, caller: &Caller) -> Result<Self, Error> {
        let unlockable = |what: String| Error::of_folder(folder, JournalReason::CannotWrite, what);
        let cannot_be_locked = |error: io::Error| unlockable(cannot_be_locked(&error));
        // What it has is let go of where it does not get both.
        let mut lock = Self::new(open_lock(&folder.join("folder")).map_err(unlockable)?);
        // A mark that is another user's, who alone can open it, leaves it at the lock.
        let mark = if JOURNALS_CAN_BE_LOCKED { File::options().read(true).write(true).open(mark).ok() } else { None };
        lock.journals.extend(mark);
        let started = Instant::now();
        let mut acquired = lock.acquire(patience.min(SILENCE), || false).map_err(cannot_be_locked)?;
        if !acquired && patience > SILENCE {
            caller.warn(format!(
                "Waiting for the folder of journals {}, which is locked{}. Nothing was sent yet",
                folder.display(),
                lock.other_holder(),
            ));
            let patience = patience.saturating_sub(started.elapsed());
            acquired = lock.acquire(patience, || caller.has_left()).map_err(cannot_be_locked)?;
        }
        if acquired {
            return lock.held().map_err(cannot_be_locked);
        }
        let waited = lasting(started.elapsed(), 0);
        let locked = format!("is locked{}, and was for the ", lock.other_holder());
        Err(Error::of_folder(folder, JournalReason::Busy, message![locked, waited, " that this waited"]))
    }

    /// Locks all of its files, those again that it has.
    fn acquire(&self, patience: Duration, is_given_up: impl Fn() -> bool) -> io::Result<bool> {
        let started = Instant::now();
        for file in iter::once(&self.file).chain(&self.journals) {
            if !acquire(file, patience.saturating_sub(started.elapsed()), &is_given_up)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Who holds it that this does not get, where its file says so: a new one, in the place of one that was removed, does not.
    fn other_holder(&mut self) -> String {
        if self.file.try_lock().is_err() {
            return holder(&mut self.file);
        }
        // Not every system lets a file be locked once more.
        let _ = self.file.unlock();
        String::new()
    }

    /// Takes the lock of a journal, or says who has it.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let unlockable = |what: String| Error::of_journal(path, JournalReason::CannotWrite, &what);
        let mut file = open_lock(path).map_err(|what| match folder_of(path) {
            folder if !folder.exists() => Error::without_folder(path, folder),
            _ => unlockable(what),
        })?;
        match acquire(&file, GLANCE, || false) {
            Ok(true) => Self::new(file).held().map_err(|error| unlockable(cannot_be_locked(&error))),
            Ok(false) => {
                let what = format!("is being written{}: one writer at a time", holder(&mut file));
                Err(Error::of_journal(path, JournalReason::Busy, &what))
            }
            Err(error) => Err(unlockable(cannot_be_locked(&error))),
        }
    }

    /// When it was taken, by the clock of the file system that it is on.
    pub(crate) fn taken_at(&self) -> Option<SystemTime> {
        self.file.metadata().and_then(|file| file.modified()).ok()
    }
}

/// The call for which a journal is opened, on another thread than its own.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Option<UnboundedSender<String>>);

impl Caller {
    /// One that receives warnings as long as it waits.
    pub(crate) fn new(warnings: UnboundedSender<String>) -> Self {
        Self(Some(warnings))
    }

    /// One that receives nothing, and never leaves.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Says what the caller should know before the journal is open.
    pub(crate) fn warn(&self, warning: String) {
        if let Some(warnings) = &self.0 {
            let _ = warnings.send(warning);
        }
    }

    /// Whether the call was dropped: what is opened for it then is for nobody.
    pub(crate) fn has_left(&self) -> bool {
        self.0.as_ref().is_some_and(UnboundedSender::is_closed)
    }
}

/// The journals of this process that calls have dropped, and that their threads are about to let go of.
static LETTING_GO: PerProcess<(Mutex<Dropped>, Condvar)> = PerProcess::new();

#[derive(Debug, Default)]
struct Dropped {
    /// How many there were so far.
    count: u64,
    journals: Vec<(u64, PathBuf)>,
}

/// A journal that its thread is about to let go of, until this is dropped.
#[derive(Debug)]
pub(crate) struct LettingGo(u64);

/// Those that were dropped before some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(u64);

impl LettingGo {
    fn all() -> MutexGuard<'static, Dropped> {
        LETTING_GO.get(Default::default).0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a journal, by the path that it was opened by. It does no I/O.
    pub(crate) fn of(path: &Path) -> Self {
        let mut all = Self::all();
        all.count += 1;
        let number = all.count;
        all.journals.push((number, path.to_owned()));
        Self(number)
    }

    /// Those that were dropped until now.
    pub(crate) fn until_now() -> Before {
        Before(Self::all().count)
    }
}

impl Before {
    /// Waits until nobody is about to let go of this journal any more, but not for ever.
    pub(crate) fn wait(self, path: &Path) {
        let (_, changed) = LETTING_GO.get(Default::default);
        let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let is_held = |all: &mut Dropped| all.journals.iter().any(|(number, held)| *number <= self.0 && *held == path);
        let _ = changed.wait_timeout_while(LettingGo::all(), PATIENCE, is_held);
    }
}

impl Drop for LettingGo {
    fn drop(&mut self) {
        Self::all().journals.retain(|(number, _)| *number != self.0);
        LETTING_GO.get(Default::default).1.notify_all();
    }
}

/// Locks a file; `false`: somebody had it all the time, or this was given up.
fn acquire(file: &File, patience: Duration, is_given_up: impl Fn() -> bool) -> io::Result<bool> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if started.elapsed() >= patience || is_given_up() => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn cannot_be_locked(error: &io::Error) -> String {
    format!("cannot be locked: {error}")
}

/// ` by process 1 on …`, where the lock says so.
fn holder(file: &mut File) -> String {
    let mut holder = String::new();
    let _ = file.rewind().and_then(|()| file.take(500).read_to_string(&mut holder));
    // One that is being written says half of it.
    let holder = if holder.ends_with('\n') { holder.trim() } else { "" };
    match holder {
        "" => String::new(),
        holder if is_this_process(holder) => format!(" by {holder}, which is this process"),
        holder => format!(" by {holder}"),
    }
}

/// How a holder's words begin where it is this process.
fn this_process() -> String {
    let host = host().map(|host| format!(" on {host}")).unwrap_or_default();
    format!("{HOLDER}{}{host} since ", process::id())
}

fn is_this_process(holder: &str) -> bool {
    holder.starts_with(&this_process())
}

/// Whether it is this process that writes a journal; `None` if its lock does not say, as where it was removed meanwhile.
pub(crate) fn is_held_here(path: &Path) -> Option<bool> {
    let holder = fs::read_to_string(beside(path, ".lock")).ok()?;
    holder.starts_with(HOLDER).then(|| is_this_process(&holder))
}

/// Opens the file beside a journal that is locked: a new one, or one that an earlier run of this library left. Or says why
/// it cannot, as it goes on after the journal's name.
fn open_lock(path: &Path) -> Result<File, String> {
    let lock = beside(path, ".lock");
    let unusable = |error: io::Error| cannot_be_locked(&error);
    match private_file().read(true).create_new(true).open(&lock) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        opened => return opened.map_err(unusable),
    }
    let foreign = || format!("cannot be locked: {} is not a lock of this library. Move it away", lock.display());
    let there = fs::symlink_metadata(&lock).map_err(unusable)?;
    if !there.is_file() {
        return Err(foreign());
    }
    let file = private_file().read(true).open(&lock).map_err(unusable)?;
    let opened = file.metadata().map_err(unusable)?;
    let mut start = Vec::new();
    match (&file).take(HOLDER.len() as u64).read_to_end(&mut start) {
        Err(error) if !hides_contents(&error) => return Err(unusable(error)),
        _ => {}
    }
    let is_ours =
        is_same(&there, &opened) != Some(false) && has_one_name(&opened) && HOLDER.as_bytes().starts_with(&start);
    if is_ours { Ok(file) } else { Err(foreign()) }
}

/// The path of a file beside another one: its name and something more.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// This machine's name.
pub(crate) fn host() -> Option<String> {
    gethostname::gethostname().into_string().ok().filter(|name| !name.is_empty())
}

/// Who uses this machine, as far as it says.
pub(crate) fn operator() -> Option<String> {
    let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    variable("USER").or_else(|| variable("USERNAME"))
}

/// Writes a file that is not there yet, wholly or not at all.
pub(crate) fn write_new(path: &Path, text: &[u8]) -> io::Result<File> {
    let file = put(path, &beside(path, &format!(".{:016x}.new", fastrand::u64(..))), text)?;
    sync_folder(folder_of(path)).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })?;
    Ok(file)
}

/// Writes a file anew, wholly or not at all, whatever has its name. After a crash the one before may be back. The caller holds
/// the folder's lock: what a killed process has left of it is in nobody's use.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    put(path, &new, text).map(drop)
}

/// Writes a file under a new name, then gives it its own.
fn put(path: &Path, new: &Path, text: &[u8]) -> io::Result<File> {
    let write = || {
        let mut file = private_file().read(true).create_new(true).open(new)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(new, path)?;
        Ok(file)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(new);
    })
}

/// Makes a folder that only its owner may read, so that it is there after a crash too. The one above it has to be there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match private_folder().create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| sync_folder(folder_of(path))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn a_folder_is_waited_for_with_one_warning_and_not_for_ever() {
        let folder = env::temp_dir().join(format!("addepar-portal-lock-{}", process::id()));
        make_folder(&folder).unwrap();
        let mark = folder.join("mark");
        File::create(&mark).unwrap();
        let held = Lock::of_folder(&folder, &mark, SILENCE, &Caller::none()).unwrap();
        let (warn, mut warnings) = unbounded_channel();
        let caller = Caller::new(warn);
        let error = Lock::of_folder(&folder, &mark, SILENCE * 2, &caller).unwrap_err().message();
        let by = format!("locked by process {}", process::id());
        assert!(error.contains(&by) && error.contains(" since "), "{error}");
        assert!(warnings.try_recv().unwrap().contains(&by));
        assert!(warnings.try_recv().is_err(), "one warning is enough");
        // A caller who has left does not wait for the rest.
        drop(warnings);
        let started = Instant::now();
        Lock::of_folder(&folder, &mark, PATIENCE, &caller).unwrap_err();
        assert!(started.elapsed() < PATIENCE / 2);
        // Somebody tidies up.
        if JOURNALS_CAN_BE_LOCKED {
            fs::remove_file(folder.join("folder.lock")).unwrap();
            Lock::of_folder(&folder, &mark, GLANCE, &Caller::none()).unwrap_err();
        }
        drop(held);
        Lock::of_folder(&folder, &mark, SILENCE, &caller).unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
