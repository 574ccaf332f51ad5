//! The journal of a call: found or made, and refused where it must not be continued.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use url::Url;

use crate::config::settings::Config;
use crate::error::{Error, ErrorKind, JournalReason};
use crate::journal::file::{self, JournalFile};
use crate::journal::fingerprint;
use crate::journal::folder::{self, Folder, OfRun, Query};
use crate::journal::history::{self, History};
use crate::journal::lock::{self, Caller, Lock, PATIENCE, folder_of, is_held_here};
use crate::journal::record::{Chunk, FORMAT, Header};
use crate::journal::store::{Dated, Store, Unrecorded, Unwritten};
use crate::journal::survey::{Repeats, WayOn};
use crate::model::batch::{BatchOptions, DEFAULT_CHUNK_SIZE, Repeat};
use crate::model::display::counted;
use crate::model::file_result::FileState;
use crate::model::generated_report::{self, GeneratedReport};
use crate::model::message::{Message, Part, leave, message, name, resume};
use crate::model::ranges;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::server::{self, is_loopback};
use crate::protocol::machine::Opened;
use crate::protocol::pace::{PUBLISHED, Pace};
use crate::protocol::reading::Looked;
use crate::runtime::clock;
use crate::system::boot::boot;

/// A journal that is open: where its records go, and what is known of it.
pub(crate) type Session = (Box<dyn Store>, Opened);

/// How a journal is opened, on a thread that may block.
pub(crate) struct Opening {
    /// Where it is; `None` if it has yet to be named.
    pub(crate) path: Option<PathBuf>,
    pub(crate) open: Open,
}

type Open = Box<dyn FnOnce(&Caller, Result<Vec<Looked>, Error>) -> Result<Session, Error> + Send>;

fn session((journal, history): (JournalFile, History), path: &Path, folder: Option<&Folder>, pace: Pace) -> Session {
    let store: Box<dyn Store> = match folder {
        Some(_) => folder::store(journal, &history, path, true),
        None => Box::new(journal),
    };
    (store, Opened { history, path: path.to_owned(), is_in_folder: folder.is_some(), pace, boot: boot() })
}

/// The journal of one call, in the folder.
pub(crate) fn single(
    config: &Config,
    request: &PublishRequest,
    repeat: Repeat,
    folder: &Path,
    caller: &Caller,
) -> Result<Session, Error> {
    let mut folder = open_for_one(config, request, repeat, folder, caller)?;
    let header = header(config, request, repeat);
    let path = folder.new_path(&header.run);
    let chunks = history::chunks(request.file_ids(), usize::MAX, 1);
    let (journal, history) = created(&path, header, (chunks, Vec::new()), Some(&mut folder), caller)?;
    let store = folder::store(journal, &history, &path, false);
    Ok((store, Opened { history, path, is_in_folder: true, pace: Pace::default(), boot: boot() }))
}

/// The folder of one call, unless it shows that some of the files were sent.
fn open_for_one(
    config: &Config,
    request: &PublishRequest,
    repeat: Repeat,
    folder: &Path,
    caller: &Caller,
) -> Result<Folder, Error> {
    let mut folder = Folder::open(folder, PATIENCE, caller.clone())?;
    let report = PublishReport::uniform(request, FileState::NotProcessed, String::new());
    folder.refuse_repeats(&Query {
        base_url: &config.base_url,
        firm_id: config.firm(),
        file_ids: request.file_ids(),
        report: &report,
        own: None,
        repeats: Repeats { repeat, own: None },
        way_on: WayOn::Call,
    })?;
    Ok(folder)
}

/// Refuses what a call, or with options a batch, would be refused for by its journal and its folder of journals, and makes no
/// journal. `asked`: what is asked for, before the files of its reports were read.
#[cfg(feature = "cli")]
pub(crate) fn rehearse(
    config: &Config,
    request: &PublishRequest,
    asked: &PublishRequest,
    options: Option<&BatchOptions>,
) -> Result<(), Error> {
    let caller = Caller::none();
    let Some(options) = options else {
        let Some(folder) = config.journal_dir.as_deref() else { return Ok(()) };
        let opened = open_for_one(config, request, Repeat::Refuse, folder, &caller);
        return opened.map(drop).map_err(|error| with_earlier_calls(error, config, (request, Repeat::Refuse), folder));
    };
    let path = &folder::by_its_own_name(&options.journal);
    let options = &BatchOptions { journal: path.clone(), ..options.clone() };
    let refused = || {
        let mut folder = open_folder(config, path, &caller)?;
        if !file::exists(path)? {
            let report = PublishReport::uniform(request, FileState::NotProcessed, String::new());
            return refuse_repeats(folder.as_mut(), config, (request.file_ids(), &report), None, options);
        }
        let history = JournalFile::look(path)?;
        let asked = asked_again(&history, asked, options).map_err(|differs| differs.error(path))?;
        same_run(&history, config, Some(&asked)).map_err(|differs| differs.error(path))?;
        let options = BatchOptions { repeat: history.header().repeat, ..options.clone() };
        refuse_what_is_left(folder.as_mut(), config, &history, &options)
    };
    refused().map_err(|error| with_states(error, config, options, Some(request)))
}

/// Whether a batch continues a journal, rather than being refused as another run.
#[cfg(feature = "cli")]
pub(crate) fn continues(config: &Config, history: &History, request: &PublishRequest, options: &BatchOptions) -> bool {
    asked_again(history, request, options).is_ok_and(|asked| same_run(history, config, Some(&asked)).is_ok())
}

/// The journal of a batch: a new one, or the one that is there. Without a request it has to be there. `looked`: what
/// generated reports show, if any were asked for.
pub(crate) fn run(
    config: &Config,
    request: Option<&PublishRequest>,
    options: &BatchOptions,
    looked: &[Looked],
    caller: &Caller,
) -> Result<Session, Error> {
    // Of several calls that ask for the same at once, one makes the journal while the others wait for its folder.
    let folder = open_folder(config, &options.journal, caller)?;
    match request {
        Some(request) if !file::exists(&options.journal)? => begun(config, request, options, looked, (folder, caller)),
        request => resumed(config, request, options, looked, (folder, caller)),
    }
}

fn begun(
    config: &Config,
    request: &PublishRequest,
    options: &BatchOptions,
    looked: &[Looked],
    (mut folder, caller): (Option<Folder>, &Caller),
) -> Result<Session, Error> {
    let path = &options.journal;
    let reports: Vec<&GeneratedReport> = looked.iter().map(|looked| &looked.report).collect();
    let are_files_named = !reports.is_empty() && !request.file_ids().is_empty();
    let (request, skipped) = match reports.as_slice() {
        [] => (request.clone(), Vec::new()),
        reports => generated_report::files_of(request, reports, options.skip_published)?,
    };
    let report = PublishReport::uniform(&request, FileState::NotProcessed, String::new());
    refuse_repeats(folder.as_mut(), config, (request.file_ids(), &report), None, options)?;
    let chunks = history::chunks(request.file_ids(), options.chunk_size, 1);
    let reports = reports.iter().map(|report| report.job_id.clone()).collect();
    let header = Header { reports, are_files_named, skipped, ..header(config, &request, options.repeat) };
    let own: HashSet<u64> = request.file_ids().iter().copied().collect();
    let looks = looks(looked, |id| own.contains(&id));
    let journal = created(path, header, (chunks, looks), folder.as_mut(), caller)?;
    let pace = pace(&journal.1, options);
    Ok(session(journal, path, folder.as_ref(), pace))
}

/// Makes a journal for a call that still waits for it: one that has left meanwhile leaves none behind.
fn created(
    path: &Path,
    header: Header,
    (chunks, looks): (Vec<Chunk>, Vec<Dated>),
    folder: Option<&mut Folder>,
    caller: &Caller,
) -> Result<(JournalFile, History), Error> {
    let nobody = || Err(Error::new(ErrorKind::Stopped, "The call was dropped while its journal was opened."));
    if caller.has_left() {
        return nobody();
    }
    let (journal, history) = JournalFile::create(path, header, chunks, looks)?;
    if let Some(folder) = folder {
        // As long as the folder is locked, nobody has seen it.
        if caller.has_left() {
            journal.discard();
            return nobody();
        }
        folder.add(path, &journal, &history);
    }
    Ok((journal, history))
}

/// Records of what generated reports show about the files of a run.
fn looks(looked: &[Looked], is_own: impl Fn(u64) -> bool) -> Vec<Dated> {
    let boot = boot();
    looked.iter().map(|looked| looked.record(&is_own, boot.as_ref())).collect()
}

fn resumed(
    config: &Config,
    request: Option<&PublishRequest>,
    options: &BatchOptions,
    looked: &[Looked],
    (mut folder, caller): (Option<Folder>, &Caller),
) -> Result<Session, Error> {
    let path = &options.journal;
    let (mut journal, history) = folder::open_journal(path)?;
    let asked = request.map(|request| asked_again(&history, request, options)).transpose();
    let asked = asked
        .and_then(|asked| same_run(&history, config, asked.as_ref()).map(|()| asked))
        .map_err(|differs| differs.error(path))?;
    let mut history = match &asked {
        Some(asked) => history.in_order_of(asked),
        None => history,
    };
    let (chunk_size, to_be_sent) = (options.chunk_size, history.to_be_sent());
    if chunk_size != DEFAULT_CHUNK_SIZE && !to_be_sent.is_empty() && !history.is_planned_in(chunk_size) {
        return Err(Error::input(message![
            name("chunk_size"),
            format!(
                " must be {} for the journal {}, which was made with it, not {chunk_size}.",
                history.chunk_size(),
                path.display(),
            ),
        ]));
    }
    // Since it was made, another run may have sent what is left of it.
    let repeat = history.header().repeat;
    if options.repeat == Repeat::Allow && repeat == Repeat::Refuse {
        return Err(Error::input(message![
            name("repeat"),
            format!(
                " must be \"refuse\" for the journal {}, which was made with it. Record in it which files need not be sent \
                 (published or leave).",
                path.display(),
            ),
        ]));
    }
    let options = BatchOptions { repeat, ..options.clone() };
    refuse_what_is_left(folder.as_mut(), config, &history, &options)?;
    if request.is_some_and(|request| request.file_ids().is_empty()) {
        let others = others_in_reports(&history, looked, options.skip_published);
        others.map(|others| others.in_language(config.language)).into_iter().for_each(|others| caller.warn(others));
    }
    let looks = looks(looked, |id| history.has(id));
    if !looks.is_empty() {
        for (look, at) in &looks {
            history.apply(look, *at).map_err(|misfit| Error::journal_refuses(path, &format!("refuses {misfit}")))?;
        }
        journal.append(looks).map_err(|unrecorded| match unrecorded {
            Unrecorded::Failed { error, .. } => error,
            Unrecorded::Lost => {
                Error::of_journal(path, JournalReason::Changed, "was changed by something else meanwhile")
            }
        })?;
    }
    let pace = pace(&history, &options);
    Ok(session((journal, history), path, folder.as_ref(), pace))
}

/// What is asked for of a journal that is there: of generated reports, what it took from them when it was made.
fn asked_again(history: &History, request: &PublishRequest, options: &BatchOptions) -> Result<PublishRequest, Differs> {
    let header = history.header();
    let names = history.request().portfolio_names().clone();
    if !request.file_ids().is_empty() {
        return Ok(request.clone().with_portfolio_names(names));
    }
    let is_same = |one: &String, other: &String| one.eq_ignore_ascii_case(other);
    let (there, here) = (&header.reports, &options.reports);
    if there.len() != here.len() || !there.iter().zip(here).all(|(one, other)| is_same(one, other)) {
        let what = message![name("reports"), format!(" is {there:?} there and {here:?} here")];
        return Err(Differs::OtherRun { what, advice: None });
    }
    if header.are_files_named {
        let what = message![name("file_ids"), " names the files there, and stands for all of the reports here"];
        return Err(Differs::OtherRun { what, advice: None });
    }
    if !header.skipped.is_empty() && !options.skip_published {
        let skipped = counted(header.skipped.len(), "file");
        let what = message![name("skip_published"), format!(" left {skipped} out there")];
        return Err(Differs::OtherRun { what, advice: None });
    }
    Ok(request.for_files(history.request().file_ids().to_vec()).with_portfolio_names(names))
}

/// That generated reports have files by now which are not of the run that took its files from them: a job may not have been
/// over. Those that the run left out, since they were published already, are not told of.
fn others_in_reports(history: &History, looked: &[Looked], skip_published: bool) -> Option<Message> {
    let reports: Vec<&GeneratedReport> = looked.iter().map(|looked| &looked.report).collect();
    let (request, _) =
        generated_report::files_of(&history.request().for_files(Vec::new()), &reports, skip_published).ok()?;
    let skipped: HashSet<u64> = history.header().skipped.iter().copied().collect();
    let mut others = request.file_ids().to_vec();
    others.retain(|id| !history.has(*id) && !skipped.contains(id));
    others.sort_unstable();
    let (are, them) = if others.len() == 1 { ("is", "it") } else { ("are", "them") };
    (!others.is_empty()).then(|| {
        message![
            format!(
                "{} of the reports ({}) {are} not of this run, whose files stay those that the reports had when its journal \
                 was made: nothing sends {them}. Publish {them} with a journal of {} own: name the files, or give the \
                 reports again with ",
                counted(others.len(), "file"),
                ranges::excerpt(&others),
                if others.len() == 1 { "its" } else { "their" },
            ),
            name("skip_published"),
        ]
    })
}

/// A journal that is settled. Where nothing is to be recorded, it stays as it is.
pub(crate) fn settled(config: &Config, path: &Path, applies: bool) -> Result<Session, Error> {
    let (store, history): (Box<dyn Store>, History) = if applies {
        let (journal, history) = folder::open_journal(path)?;
        (folder::store(journal, &history, path, true), history)
    } else if Lock::is_taken(path) {
        return Err(Error::of_journal(
            path,
            JournalReason::Busy,
            match is_held_here(path) {
                Some(true) => "is being written by another call of this process",
                Some(false) => "is being written by another process",
                None => "is being written by another call",
            },
        ));
    } else {
        (Box::new(Unwritten), JournalFile::look(path)?)
    };
    folder::refuse_one_that_lacks_lines(path, &history)?;
    same_run(&history, config, None).map_err(|differs| differs.error(path))?;
    let path = path.to_owned();
    Ok((store, Opened { history, path, is_in_folder: true, pace: Pace::default(), boot: boot() }))
}

/// The folder of journals that a batch belongs to: the client's, or the one that its journal lies in, if that was set up.
fn folder_for<'a>(config: &'a Config, journal: &'a Path) -> Option<&'a Path> {
    let own = || Some(folder_of(journal)).filter(|folder| folder::is_set_up(folder));
    config.journal_dir.as_deref().or_else(own)
}

/// The folder of journals, if there is one.
fn open_folder(config: &Config, journal: &Path, caller: &Caller) -> Result<Option<Folder>, Error> {
    let folder = folder_for(config, journal);
    folder.map(|folder| Folder::open(folder, PATIENCE, caller.clone())).transpose()
}

/// What an earlier process sent counts too.
fn pace(history: &History, options: &BatchOptions) -> Pace {
    if options.pace {
        Pace::resumed(&PUBLISHED, history.sent_ago(SystemTime::now()), clock::now().monotonic)
    } else {
        Pace::default()
    }
}

/// Gives the error of a single call that was not begun a report: what other journals show of its files.
pub(crate) fn with_earlier_calls(
    error: Error,
    config: &Config,
    (request, repeat): (&PublishRequest, Repeat),
    folder: &Path,
) -> Error {
    if error.report().is_some() {
        return error;
    }
    let report = PublishReport::uniform(request, FileState::NotProcessed, String::new());
    let server = (&config.base_url, config.firm());
    error.with_earlier(folder::completed(&report, folder, server, None, Repeats { repeat, own: None }))
}

/// Gives the error of a batch that was not begun its journal, and a report: what that journal shows, since files of it
/// may have been sent before, or are being sent by another process. Where that cannot be read, nobody knows.
pub(crate) fn with_states(
    error: Error,
    config: &Config,
    options: &BatchOptions,
    request: Option<&PublishRequest>,
) -> Error {
    let path = &options.journal;
    // What was sent before has the journal that shows it.
    if error.kind() == ErrorKind::AlreadySent {
        return error;
    }
    let error = error.with_journal(path);
    if error.report().is_some() {
        return error;
    }
    // Where the journal was displaced, what is true stands beside it.
    let saved = file::displaced(path);
    let shown = saved.as_ref().ok().and_then(Option::as_deref).unwrap_or(path);
    let is_resumable = matches!(error.kind(), ErrorKind::Config | ErrorKind::Input);
    let mut is_whole = false;
    let observed = JournalFile::observe(shown);
    let server = (&config.base_url, config.firm());
    // Without files of its own, it asks for those of generated reports.
    let named = request.filter(|request| !request.file_ids().is_empty());
    let own = observed.as_ref().ok().filter(|history| same_run(history, config, named).is_ok());
    let repeats = Repeats { repeat: own.map_or(options.repeat, |own| own.header().repeat), own };
    let has_begun = observed.as_ref().is_ok_and(History::has_begun);
    let error = if has_begun { error.nothing_sent_now() } else { error };
    let report = match (&observed, named) {
        (Ok(history), Some(request)) if own.is_none() => {
            if history.header().is_of(server.0, server.1) {
                history.report_on(request)
            } else {
                PublishReport::uniform(request, FileState::NotProcessed, String::new())
            }
        }
        (Ok(history), request) => {
            is_whole = shown == path;
            match request {
                Some(request) => history.clone().in_order_of(request).report(),
                None => history.report(),
            }
        }
        (Err(_), Some(request)) => unread(path, request),
        // A batch that nobody began before.
        (Err(_), None) if request.is_some() && has_none(path) => return error,
        (Err(_), None) => return error.nothing_sent_now(),
    };
    let own_run = observed.as_ref().ok().map(|history| (shown, &*history.header().run));
    let completed = match folder_for(config, path) {
        Some(folder) => folder::completed(&report, folder, server, own_run, repeats),
        None => report.clone(),
    };
    // Where others show more of what is left in it, or of its run, it is not resumed as it is.
    let is_newest = |history: &History| folder::refuse_one_that_lacks_lines(path, history).is_ok();
    let is_seen = folder_for(config, path).is_none_or(|folder| lies_in(folder, path));
    let is_left = report.left().all(|file| completed.file(file.file_id) == Some(file));
    let is_resumable = is_resumable && is_seen && is_whole && is_left && own.is_some_and(is_newest);
    // What another call has yet to send is not known to be unprocessed any more. Another firm's file of that id is another file.
    let is_about_them = |history: &History| named.is_none() || history.header().is_of(server.0, server.1);
    let completed = match &observed {
        Ok(history) if history.is_written() && is_about_them(history) => {
            completed.awaiting(&history.to_be_sent().into_iter().collect())
        }
        _ => completed,
    };
    let error = error.with_earlier(completed.kept_in(path));
    if is_resumable { error.resumable(path) } else { error }
}

/// The same where nobody came to look at the journal: no thread could be had for it, say.
pub(crate) fn unopened(error: Error, path: Option<&Path>, request: &PublishRequest) -> Error {
    let Some(path) = path.filter(|path| error.report().is_none() && !has_none(path)) else { return error };
    let error = error.with_journal(path);
    if request.file_ids().is_empty() {
        error.nothing_sent_now()
    } else {
        error.with_earlier(unread(path, request).kept_in(path))
    }
}

/// Files whose journal cannot be read.
fn unread(path: &Path, request: &PublishRequest) -> PublishReport {
    let state = if has_none(path) { FileState::NotProcessed } else { FileState::Unknown };
    PublishReport::uniform(request, state, String::new())
        .with_reason("Its journal cannot be read, and may show it as sent.")
}

/// Whether no journal is there. What never was one shows nothing; a link that leads nowhere may be one.
fn has_none(path: &Path) -> bool {
    let cannot_be = path.as_os_str().as_encoded_bytes().contains(&0);
    cannot_be || file::exists(path).is_ok_and(|is_there| !is_there || folder::is_foreign(path))
}

/// The same of what a journal has left, and a journal that is an older copy: what is decided in that is for nothing. Where
/// somebody has to decide about its files first nothing is sent now, and that is what has to be said.
fn refuse_what_is_left(
    mut folder: Option<&mut Folder>,
    config: &Config,
    history: &History,
    options: &BatchOptions,
) -> Result<(), Error> {
    let (left, report) = (history.to_be_sent(), history.report());
    let refused = refuse_repeats(folder.as_deref_mut(), config, (&left, &report), Some(history), options);
    if refused.as_ref().map_or_else(|error| error.kind() == ErrorKind::AlreadySent, |()| true) {
        folder.map_or(Ok(()), |folder| folder.refuse_older(&options.journal, history))?;
    }
    match refused {
        Err(error) if error.kind() == ErrorKind::AlreadySent && !history.undecided().is_empty() => Ok(()),
        refused => refused,
    }
}

/// Refuses what other journals in the folder show as sent, and a journal that the folder would not show.
fn refuse_repeats(
    folder: Option<&mut Folder>,
    config: &Config,
    (file_ids, report): (&[u64], &PublishReport),
    history: Option<&History>,
    options: &BatchOptions,
) -> Result<(), Error> {
    let way_on = if history.is_some() { WayOn::Journal(&options.journal) } else { WayOn::Call };
    let Some(folder) = folder else { return Ok(()) };
    let path = &options.journal;
    let name = path.file_name().filter(|_| lies_in(folder.path(), path));
    let Some(name) = name else { return Err(outside(folder, path, history)) };
    let own = folder.path().join(name);
    folder.refuse_repeats(&Query {
        base_url: &config.base_url,
        firm_id: config.firm(),
        file_ids,
        report,
        own: Some(&own),
        repeats: Repeats { repeat: options.repeat, own: history },
        way_on,
    })
}

/// Whether later calls with a folder of journals see a journal.
fn lies_in(folder: &Path, path: &Path) -> bool {
    folder::is_journal(path) && is_folder_of(folder, path)
}

fn is_folder_of(folder: &Path, path: &Path) -> bool {
    let real = |folder: &Path| fs::canonicalize(folder).ok();
    real(folder_of(path)).is_some_and(|own| Some(own) == real(folder))
}

/// The error of a journal that later calls with the folder would not see. Nothing that it advises replaces a journal, or resumes one
/// that shows less than another.
fn outside(folder: &Folder, path: &Path, history: Option<&History>) -> Error {
    let is_in_folder = is_folder_of(folder.path(), path);
    let is_in_another = !is_in_folder && folder::is_set_up(folder_of(path));
    let run = history.map(|history| &*history.header().run);
    let advice = match run.map_or(Ok(None), |run| folder.of_run(run, path)) {
        Err(error) => return error,
        Ok(Some(OfRun::There(there))) => {
            let begins = |one: &Path, other: &Path| file::is_beginning_of(one, other).unwrap_or(false);
            let shown = there.display();
            match (begins(path, &there), begins(&there, path)) {
                (true, true) => format!("It is a copy of {shown}: continue that one."),
                (true, false) => format!("It is an older copy of {shown}, which has more lines: continue that one."),
                (false, _) => format!(
                    "It has lines that its copy {shown} has not: each may show as unsent what the other has sent. Check their \
                     files in Addepar, and record in the one that you resume what the other one shows as sent."
                ),
            }
        }
        Ok(Some(OfRun::Missed(own, has_all))) => {
            let (own, is) = (own.display(), if has_all { "has all that that had" } else { "may lack lines of it" });
            let back = "put it back under that name, or one that no journal had before";
            if has_all && is_in_another {
                format!(
                    "The journal {own} of its run is missed, and it {is}: use a client with its own folder, or {back}."
                )
            } else if has_all {
                format!("The journal {own} of its run is missed, and it {is}: {back}.")
            } else {
                format!(
                    "The journal {own} of its run is missed, and it {is}: put back what is missed, and check in Addepar what \
                     this one shows as sent before any of it is sent again."
                )
            }
        }
        Ok(Some(OfRun::Forgotten(own))) => format!(
            "The journal {} of its run was recorded as gone: check its files in Addepar, and publish only what is missing with \
             a journal of another name.",
            own.display(),
        ),
        Ok(None) if is_in_folder => "Give it a name that ends in .jsonl, and that no journal had before.".to_owned(),
        Ok(None) if is_in_another => {
            "That lies in another folder of journals: use a client with that folder.".to_owned()
        }
        Ok(None) => {
            let free = "under a name that no journal had before";
            format!("If that is there already, move it into the folder, {free}: it shows what was sent.")
        }
    };
    let folder = fs::canonicalize(folder.path()).unwrap_or_else(|_| folder.path().to_owned());
    Error::input(message![
        name("journal"),
        format!(
            " must be a .jsonl file in the folder of journals {}, or later calls could not see what was sent; it is {}. {advice}",
            folder.display(),
            path.display(),
        ),
    ])
}

fn header(config: &Config, request: &PublishRequest, repeat: Repeat) -> Header {
    Header {
        format: FORMAT,
        library: env!("CARGO_PKG_VERSION").to_owned(),
        run: format!("{:016x}", fastrand::u64(..)),
        base_url: config.base_url.as_str().trim_end_matches('/').to_owned(),
        firm_id: config.firm().to_owned(),
        portal_publishing: request.portal_publishing(),
        contact_notification: request.contact_notification(),
        publish_override_contact_ids: request.publish_override_contact_ids().to_vec(),
        operator: lock::operator(),
        host: lock::host(),
        simulated: is_loopback(&config.base_url),
        repeat,
        reports: Vec::new(),
        are_files_named: false,
        skipped: Vec::new(),
        portfolio_names: request.portfolio_names().clone(),
        fingerprint: fingerprint(config, config.firm(), request),
    }
}

fn fingerprint(config: &Config, firm_id: &str, request: &PublishRequest) -> String {
    fingerprint::fingerprint(&config.base_url.origin().ascii_serialization(), firm_id, request)
}

/// Why a journal is not that of a run.
enum Differs {
    /// What is another one, in words, and what to do: without, that run is continued as it was made.
    OtherRun {
        what: Message,
        advice: Option<&'static str>,
    },
    /// Some of its files, and nothing else, are missing, or others have come.
    OtherFiles {
        what: Message,
        are_missing: bool,
        have_come: bool,
    },
    Edited,
}

impl Differs {
    fn error(self, path: &Path) -> Error {
        match self {
            Self::OtherRun { what, advice: Some(advice) } => other_run(path, what).with_advice(advice),
            Self::OtherRun { what, advice: None } => other_run(path, what).with_advice(message![
                "To continue that run, call as it was made, or resume it with ",
                resume(path),
                ". What it shows as sent must not be sent again.",
            ]),
            Self::OtherFiles { what, are_missing, have_come } => {
                let mut advice = Message::default();
                if are_missing {
                    advice = message![
                        "To leave out files that are yet to be sent, record that with ",
                        leave(path),
                        ", then resume with ",
                        resume(path),
                        ".",
                    ];
                }
                if have_come {
                    let blank = if are_missing { " " } else { "" };
                    advice = advice.followed_by(format!(
                        "{blank}Publish what the journal does not have with a journal of its own."
                    ));
                }
                other_run(path, what).with_advice(advice)
            }
            Self::Edited => {
                let what = "was edited: its plan is not of the run in its header";
                Error::of_journal(path, JournalReason::Damaged, what)
            }
        }
    }
}

fn other_run(path: &Path, what: Message) -> Error {
    let what = Message::from("is of another run: ").followed_by(what);
    Error::of_journal_in_words(path, JournalReason::OtherRun, what)
}

/// Whether a journal is of this client's firm and, where it is given, of this request; or what differs.
fn same_run(history: &History, config: &Config, request: Option<&PublishRequest>) -> Result<(), Differs> {
    let (header, journalled) = (history.header(), history.request());
    let request = request.unwrap_or(journalled);
    // The same firm, as the journal writes its id.
    let firm_id = if server::firm(&header.firm_id) == config.firm() { &header.firm_id } else { config.firm() };
    // No hash of a later line may cover the plan yet.
    if header.fingerprint == fingerprint(config, firm_id, request) {
        let intact = journalled == request || header.fingerprint == fingerprint(config, firm_id, journalled);
        return if intact { Ok(()) } else { Err(Differs::Edited) };
    }
    let mut differs = Vec::new();
    let mut differ = |what: Part, there: &str, here: &str| {
        if there != here {
            differs.push(message![what, format!(" is {there} there and {here} here")]);
        }
    };
    let origin = |url: &str| Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let (there, here) = (origin(&header.base_url), config.base_url.origin().ascii_serialization());
    let is_elsewhere = there != here || header.firm_id != firm_id;
    differ("the server".into(), &there, &here);
    differ(name("firm_id"), &header.firm_id, firm_id);
    differ(name("portal_publishing"), header.portal_publishing.as_str(), request.portal_publishing().as_str());
    differ(name("contact_notification"), header.contact_notification.as_str(), request.contact_notification().as_str());
    let contacts = |ids: &[u64]| format!("{ids:?}");
    differ(
        name("publish_override_contact_ids"),
        &contacts(&header.publish_override_contact_ids),
        &contacts(request.publish_override_contact_ids()),
    );
    let without = |ids: &[u64], others: &[u64]| {
        let others: HashSet<_> = others.iter().collect();
        let mut ids: Vec<u64> = ids.iter().copied().filter(|id| !others.contains(id)).collect();
        ids.sort_unstable();
        ids
    };
    let (there, here) = (journalled.file_ids(), request.file_ids());
    let (more, fewer) = (without(here, there), without(there, here));
    let both = here.len() - more.len();
    let are_files_alone = differs.is_empty() && both > 0;
    let counted_and_named = |ids: &[u64]| format!("{} ({})", counted(ids.len(), "file"), ranges::excerpt(ids));
    if !more.is_empty() {
        differs.push(format!("this call names {} that the journal does not have", counted_and_named(&more)).into());
    }
    if !fewer.is_empty() {
        differs.push(format!("the journal has {} that this call does not name", counted_and_named(&fewer)).into());
    }
    if both > 0 && !(more.is_empty() && fewer.is_empty()) && !history.came_to_nothing() {
        let (are, them) = if both == 1 { ("1 file is", "it") } else { (&*format!("{both} files are"), "them") };
        let what = format!(
            "{are} in both, and another journal would have {them} sent again unless a folder of journals refuses that"
        );
        differs.push(what.into());
    }
    if differs.is_empty() {
        return Err(Differs::Edited);
    }
    let joined = differs.into_iter().reduce(|all, next| all.followed_by("; ").followed_by(next));
    let what = joined.unwrap_or_default();
    Err(if are_files_alone {
        Differs::OtherFiles { what, are_missing: !fewer.is_empty(), have_come: !more.is_empty() }
    } else {
        let advice = if history.came_to_nothing() {
            Some(
                "Nothing of that run was processed, as far as this journal shows: publish what no other run has sent with a \
                 journal of another name. Let this one stay where it is, and do not resume it.",
            )
        } else if is_elsewhere {
            Some("If that is another portal, publish here with a journal of another name.")
        } else {
            None
        };
        Differs::OtherRun { what, advice }
    })
}
