//! `publish` and `resume`.

use std::fmt::Write;
use std::path::Path;

use crate::cli::arguments::{Format, Publish};
use crate::cli::drive::drive;
use crate::cli::interrupts::{Interrupts, Source};
use crate::cli::list::Column;
use crate::cli::output::Around;
use crate::cli::refused::{Refused, block_on, ids};
use crate::cli::status::Status;
use crate::cli::terminal::{self, Terminal, say};
use crate::cli::{checklist, journal, list, output, report};
use crate::client::call::PublishCall;
use crate::client::portal_client::{PortalClient, environment};
use crate::config::environment::LIVE;
use crate::config::settings::Settings;
use crate::config::user_agent::Host;
use crate::error::Error;
use crate::journal::file;
use crate::journal::fingerprint;
use crate::journal::history;
use crate::journal::record::Chunk;
use crate::journal::view::Journal;
use crate::model::batch::{BatchOptions, Repeat};
use crate::model::display::counted;
use crate::model::file_result::FileState;
use crate::model::generated_report::{self, GeneratedReport};
use crate::model::id::MAX_FILES;
use crate::model::message::Language;
use crate::model::ranges;
use crate::model::report::PublishReport;
use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};
use crate::protocol::machine::Ending;
use crate::runtime::aside::aside;

/// All else comes from the environment.
fn settings() -> Settings {
    Settings { host: Host::CommandLine, ..Settings::default() }
}

/// `publish`.
pub(super) fn publish(arguments: &Publish, source: Source) -> Result<Status, Refused> {
    let asked = request(arguments)?;
    let journal = arguments.journal.as_deref();
    let (reports, skip_published) = (arguments.report.clone(), arguments.skip_published);
    let options = journal.map(|journal| BatchOptions { reports, skip_published, ..BatchOptions::new(journal) });
    let begun = journal.map(begun).transpose().map_err(Error::nothing_sent_now)?.flatten();
    if arguments.report.is_empty() {
        fits(&asked, journal)?;
        if arguments.dry_run {
            return dry_run((&asked, &asked), options.as_ref(), begun.as_ref(), arguments.format);
        }
    }
    let client = PortalClient::new(settings(), environment)?;
    client.warning_in(Language::CommandLine).iter().for_each(|warning| say(warning));
    block_on(async {
        let mut interrupts = source.listen()?;
        let Some(request) = Box::pin(named(&asked, arguments, begun.as_ref(), &client, &mut interrupts)).await? else {
            return Ok(Status::Interrupted);
        };
        let has_none = request.file_ids().is_empty() && begun.is_none();
        if has_none && (journal.is_none() || arguments.dry_run) {
            say("Every file of the reports is shown as published already. Nothing was sent.");
            let report = PublishReport::uniform(&request, FileState::NotProcessed, String::new());
            return output::write(&output::report(&report, arguments.format, &Around::default()), Status::Ok);
        }
        fits(&request, journal)?;
        if arguments.dry_run {
            return dry_run((&request, &asked), options.as_ref(), begun.as_ref(), arguments.format);
        }
        let plan = plan(&request, journal, begun.as_ref());
        let what = format!("About to publish to {} (firm {}):\n{plan}", client.base_url(), client.firm_id());
        let is_continued =
            |begun: &Journal| options.as_ref().is_none_or(|options| client.continues(begun.history(), &asked, options));
        if begun.as_ref().is_some_and(|begun| !is_continued(begun)) {
            // Nothing is about to be done: the journal is refused, which says why.
        } else if has_none {
            // The journal says so, as one that a program makes.
            say("Every file of the reports is shown as published already: nothing is to be sent.");
        } else if !is_wanted(&what, begun.as_ref(), arguments.yes, arguments.takes_stdin(), &mut interrupts).await? {
            return Ok(Status::Interrupted);
        }
        let to_send = begun.as_ref().map_or_else(|| request.file_ids().to_vec(), to_send);
        let call = match &options {
            None => client.start(request, Repeat::Refuse, environment),
            Some(options) => client.start_batch(&asked, options, environment),
        };
        // The reports are looked at again, and may show other files by then.
        if !arguments.yes || has_none {
            call.agree_to(to_send);
        }
        run(&call, journal, arguments.format, &mut interrupts).await
    })
}

/// The journal of this path, if it is there.
fn begun(path: &Path) -> Result<Option<Journal>, Error> {
    if file::exists(path)? { Journal::open(path).map(Some) } else { Ok(None) }
}

/// The request with the files that it is about: those of the reports, if these are asked for; `None` if it was interrupted.
async fn named(
    asked: &PublishRequest,
    arguments: &Publish,
    begun: Option<&Journal>,
    client: &PortalClient,
    interrupts: &mut Interrupts,
) -> Result<Option<PublishRequest>, Refused> {
    if arguments.report.is_empty() {
        return Ok(Some(asked.clone()));
    }
    if let Some(journal) = begun {
        // They were taken from the reports when it was made.
        return Ok(Some(asked.for_files(journal.request().file_ids().to_vec())));
    }
    let Some(reports) = Box::pin(report::look(client, &arguments.report, interrupts)).await? else { return Ok(None) };
    // A batch says it too: where nobody is asked before, that is enough.
    if arguments.journal.is_none() || arguments.dry_run || !arguments.yes {
        reports.iter().filter_map(GeneratedReport::incomplete).for_each(|problem| say(&format!("{problem}.")));
    }
    let reports: Vec<&GeneratedReport> = reports.iter().collect();
    Ok(Some(generated_report::files_of(asked, &reports, arguments.skip_published)?.0))
}

/// Refuses more files than one request takes, where no journal keeps track of several.
fn fits(request: &PublishRequest, journal: Option<&Path>) -> Result<(), Refused> {
    if journal.is_some() || request.file_ids().len() <= MAX_FILES {
        return Ok(());
    }
    Err(Refused(format!(
        "{} are more than the {MAX_FILES} of one request: give --journal PATH, which keeps track of several. Nothing was \
         sent.",
        counted(request.file_ids().len(), "file"),
    )))
}

/// `resume`.
pub(super) fn resume(path: &Path, format: Format, yes: bool, source: Source) -> Result<Status, Refused> {
    let journal = Journal::open(path).map_err(Error::nothing_sent_now)?;
    let client = PortalClient::new(settings(), environment)?;
    client.warning_in(Language::CommandLine).iter().for_each(|warning| say(warning));
    block_on(async {
        let mut interrupts = source.listen()?;
        let plan = plan(journal.request(), Some(path), Some(&journal));
        let what = format!("About to resume at {} (firm {}):\n{plan}", client.base_url(), client.firm_id());
        if !is_wanted(&what, Some(&journal), yes, false, &mut interrupts).await? {
            return Ok(Status::Interrupted);
        }
        let call = client.start_resume(&BatchOptions::new(path), environment);
        if !yes {
            call.agree_to(to_send(&journal));
        }
        run(&call, Some(path), format, &mut interrupts).await
    })
}

fn request(arguments: &Publish) -> Result<PublishRequest, Refused> {
    let mut file_ids = ids("file_ids", &arguments.ids)?;
    if let Some(path) = &arguments.from {
        let list = list::read(path, Column::Asked(arguments.column()));
        let list = list.map_err(|reason| Refused(format!("{reason}. Nothing was sent.")))?;
        if checklist::is_one(&list) {
            return Err(Refused(format!(
                "{} is a check-list of files that may have been published: fill it in, give it to \
                 `addepar-portal journal resolve --from` and resume the journal. Nothing was sent.",
                list::name(path),
            )));
        }
        file_ids.extend(list.ids());
    }
    let (publishing, notification) = (arguments.portal_publishing, arguments.contact_notification);
    let request = if file_ids.is_empty() && !arguments.report.is_empty() {
        PublishRequest::for_reports(publishing, notification)
    } else {
        PublishRequest::for_batch(file_ids, publishing, notification)?
    };
    let contacts = ids("publish_override_contact_ids", &arguments.override_contacts)?;
    Ok(request.with_override_contacts(contacts)?)
}

/// Whether a journal is of a request whose files are known, at whatever server.
fn is_of(journal: &Journal, request: &PublishRequest) -> bool {
    fingerprint::fingerprint("", "", request) == fingerprint::fingerprint("", "", journal.request())
}

/// The files of a run that are yet to be sent.
fn left(journal: &Journal) -> Vec<u64> {
    journal.to_come().into_iter().flat_map(|chunk| chunk.file_ids).collect()
}

/// The files that a run would send now: none as long as a decision is missing.
fn to_send(journal: &Journal) -> Vec<u64> {
    if journal.undecided().is_empty() { left(journal) } else { Vec::new() }
}

/// What is going to be done, in words.
fn plan(request: &PublishRequest, path: Option<&Path>, journal: Option<&Journal>) -> String {
    let files = request.file_ids().len();
    let mut plan = format!("  {}", counted(files, "file"));
    if let Some(journal) = journal {
        let left = left(journal).len();
        let _ = write!(plan, ", {left} yet to be sent");
    } else if path.is_some() {
        let requests = files.div_ceil(BatchOptions::new("").chunk_size);
        let _ = write!(plan, " in {}", counted(requests, "request"));
    } else {
        plan += " in one request";
    }
    let published = match request.portal_publishing() {
        PortalPublishing::Publish => "published to the portal of every contact of each file",
        PortalPublishing::UseContactPreference => "published as each contact prefers",
        PortalPublishing::DoNotPublish => "not published to the contacts of the files",
    };
    let notified = match request.contact_notification() {
        ContactNotification::Notify => "every contact is e-mailed",
        ContactNotification::UseContactPreference => "contacts are e-mailed as each prefers",
        ContactNotification::DoNotNotify => "nobody is e-mailed",
    };
    let _ = write!(plan, "\n  {published} ({})", request.portal_publishing());
    let _ = write!(plan, "\n  {notified} ({})", request.contact_notification());
    match request.publish_override_contact_ids() {
        [] => {}
        contacts => {
            let ids = crate::model::id::enumerate(&contacts.iter().map(u64::to_string).collect::<Vec<_>>());
            let verb = if contacts.len() == 1 { "receives" } else { "receive" };
            let _ = write!(plan, "\n  {} ({ids}) {verb} EVERY file", counted(contacts.len(), "override contact"));
        }
    }
    if let Some(path) = path {
        let _ = write!(plan, "\n  journal: {}", path.display());
    }
    plan
}

/// `asked`: what is asked for, before the files of its reports were read.
fn dry_run(
    (request, asked): (&PublishRequest, &PublishRequest),
    options: Option<&BatchOptions>,
    journal: Option<&Journal>,
    format: Format,
) -> Result<Status, Refused> {
    let path = options.map(|options| options.journal.as_path());
    // Settings may be missing: the journal is looked at all the same. No host is reached, so none is refused.
    let variable = |name: &str| {
        let set = environment(name);
        let is_to_be_refused = name == LIVE.name() && set.as_ref().is_none_or(|set| set == "0");
        if is_to_be_refused { Some("1".into()) } else { set }
    };
    let client = match PortalClient::new(settings(), variable) {
        Err(error) if !error.lacks_settings() => return Err(error.into()),
        client => client,
    };
    if let Ok(client) = &client
        && let Err(error) = client.rehearse(request, asked, options)
    {
        return failed(error, true, path, format, Status::of_error);
    }
    let chunk_size = if path.is_some() { BatchOptions::new("").chunk_size } else { MAX_FILES };
    let chunks = match journal {
        None => history::chunks(request.file_ids(), chunk_size, 1),
        Some(journal) if is_of(journal, request) => journal.to_come(),
        Some(journal) => {
            return Err(Refused(format!(
                "The journal {} is of other files, modes or override contacts: it would be refused. Nothing was sent.",
                journal.path().display(),
            )));
        }
    };
    let text = match format {
        Format::Json => chunks.into_iter().map(|chunk| request.for_files(chunk.file_ids).to_json() + "\n").collect(),
        Format::Csv => {
            let mut text = output::line(["file_id".into(), "chunk".into()]);
            for chunk in chunks {
                for id in chunk.file_ids {
                    text += &output::line([id.to_string().into(), chunk.chunk.to_string().into()]);
                }
            }
            text
        }
        Format::Table => {
            let to = client.as_ref().map_or_else(
                |_| String::new(),
                |client| format!(" to {} (firm {})", client.base_url(), client.firm_id()),
            );
            let before = format!("Would publish{to}:\n{}\n", plan(request, path, journal));
            let listed = listed(&chunks, &before);
            before + &listed
        }
    };
    let files = |count: usize| if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") };
    say(&match journal.map(|journal| (journal.undecided().len(), journal.in_flight().len())) {
        Some((undecided, _)) if undecided > 0 => format!(
            "This is a dry run: nothing was sent, and nothing would be before {} decided about.",
            files(undecided),
        ),
        Some((_, in_flight)) if in_flight > 0 => format!(
            "This is a dry run: nothing was sent, and nothing would be now: {} being sent by another process, or about to be.",
            files(in_flight),
        ),
        _ => "This is a dry run: nothing was sent.".to_owned(),
    });
    if let Err(missing) = client {
        let missing = missing.message_in(Language::CommandLine);
        say(&format!("Without settings it cannot say what a folder of journals would refuse. {missing}"));
    }
    let is_undecided = journal.is_some_and(|journal| !journal.undecided().is_empty());
    output::write(&text, if is_undecided { Status::Unknown } else { Status::Ok })
}

/// The files of each request, as far as the screen has room for them.
fn listed(chunks: &[Chunk], before: &str) -> String {
    let screen = terminal::screen();
    // The line that says that it is a dry run, and the one with the prompt.
    let room = screen.map(|screen| screen.rows.saturating_sub(screen.rows_of(before) + 3));
    let (mut text, mut left) = (String::new(), 0);
    for chunk in chunks {
        let line = format!("  request {}: {}\n", chunk.chunk, ranges::written(&chunk.file_ids));
        let fits = |screen: terminal::Screen| Some(screen.rows_of(&text) + screen.rows_of(&line)) <= room;
        if left == 0 && screen.is_none_or(fits) { text += &line } else { left += 1 }
    }
    if left > 0 {
        let _ = writeln!(text, "  {} not shown: --format csv lists every file", counted(left, "request"));
    }
    text
}

/// Says what is about to be done, and asks unless `yes` was given. `false`: the question was interrupted.
///
/// Where nothing is left to be sent, or a decision is missing, there is nothing to ask.
async fn is_wanted(
    what: &str,
    begun: Option<&Journal>,
    yes: bool,
    stdin_is_taken: bool,
    interrupts: &mut Interrupts,
) -> Result<bool, Refused> {
    let sends = begun.is_none_or(|begun| !to_send(begun).is_empty());
    if yes || !sends {
        say(what);
        return Ok(true);
    }
    agreed(what, stdin_is_taken, interrupts).await
}

/// Asks; `false`: the question was interrupted.
async fn agreed(what: &str, stdin_is_taken: bool, interrupts: &mut Interrupts) -> Result<bool, Refused> {
    let Some(terminal) = Terminal::open(stdin_is_taken) else {
        say(what);
        return Err(Refused(
            "There is no terminal to ask on: give --yes to send without. Nothing was sent.".to_owned(),
        ));
    };
    let question = format!("{what}\nThis cannot be undone. Continue?");
    // Its thread may wait for an answer for ever: the runtime does not.
    let answer = aside(move || terminal.agrees(&question))
        .map_err(|error| Refused(format!("No thread can be started to ask on: {error}. Nothing was sent.")))?;
    tokio::select! {
        answer = answer => match answer {
            Ok(true) => Ok(true),
            _ => Err(Refused("Nothing was sent.".to_owned())),
        },
        _ = interrupts.next() => {
            say("\nInterrupted. Nothing was sent.");
            Ok(false)
        }
    }
}

async fn run(
    call: &PublishCall,
    journal: Option<&Path>,
    format: Format,
    interrupts: &mut Interrupts,
) -> Result<Status, Refused> {
    let stopping =
        "Stopping after the request in flight. A further Ctrl-C or SIGTERM drops it: its files are then unknown.";
    match drive(call, interrupts, stopping).await {
        Ending::Interrupted(None) => {
            let what = if journal.is_some() { "sent now" } else { "processed" };
            say(&format!("Interrupted. Nothing was {what}."));
            Ok(Status::Interrupted)
        }
        Ending::Interrupted(Some(error)) if journal.is_some() => {
            failed(error, !call.has_opened(), journal, format, Status::of_interrupted)
        }
        ending => match ending.into_result() {
            Ok(report) => {
                let around = Around { all: journal.map(journal::command), ..Around::default() };
                output::write(&output::report(&report, format, &around), Status::of_report(&report))
            }
            Err(error) => failed(error, !call.has_opened(), journal, format, Status::of_error),
        },
    }
}

/// Shows what is known at an error. `is_refused`: the call was not begun.
fn failed(
    error: Error,
    is_refused: bool,
    path: Option<&Path>,
    format: Format,
    status: impl Fn(&Error, Option<&Journal>, bool) -> Status,
) -> Result<Status, Refused> {
    let journal = path.and_then(|path| Journal::open(path).ok());
    let status = status(&error, journal.as_ref(), is_refused);
    // As it was written on the command line.
    let error = match path {
        Some(path) => error.with_journal(path),
        None => error,
    };
    let message = error.message_in(Language::CommandLine);
    let around = Around { after: &terminal::said(&message), all: path.map(journal::command), ..Around::default() };
    let status = match error.report().filter(|_| status != Status::Refused) {
        Some(report) => output::write(&output::report(report, format, &around), status)?,
        None => status,
    };
    say(&message);
    Ok(status)
}
