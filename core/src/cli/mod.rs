//! The command line, one program for `pip`, `npm` and `cargo install`.
//!
//! [`main`] is the whole of it. Results go to standard output, all else to standard error.

mod arguments;
mod checklist;
mod completions;
mod drive;
mod interrupts;
mod journal;
mod list;
mod mode;
mod output;
mod publish;
mod refused;
mod report;
mod simulate;
mod status;
mod terminal;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::arguments::{Arguments, Command, Format, JournalCommand, ReportCommand};
use crate::cli::interrupts::Source;
pub use crate::cli::interrupts::{HostInterrupts, Interrupt, Interrupter, hang_up_is_ignored};
use crate::cli::output::Around;
use crate::cli::refused::Refused;
use crate::cli::status::Status;
use crate::config::user_agent::Host;
use crate::model::report::PublishReport;

/// Runs the program with its arguments, the program's name first, and returns its exit status. `host`: what the program
/// was installed for, which `--version` says.
///
/// It blocks this thread, on a runtime of its own. From the moment at which it publishes or simulates, Ctrl-C,
/// SIGTERM and SIGHUP are its own; under `nohup` SIGHUP stays ignored.
pub fn main(arguments: impl IntoIterator<Item = OsString>, host: Host) -> i32 {
    run(arguments, host, Source::Signals)
}

/// The same in a host that takes the signals itself and hands them over.
pub fn main_in_host(arguments: impl IntoIterator<Item = OsString>, host: Host, interrupts: HostInterrupts) -> i32 {
    run(arguments, host, Source::Host(interrupts))
}

/// A report as `--format csv` writes it.
#[must_use]
pub fn csv(report: &PublishReport) -> String {
    output::report(report, Format::Csv, &Around::default())
}

fn run(arguments: impl IntoIterator<Item = OsString>, host: Host, source: Source) -> i32 {
    let done = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => obey(arguments.command, source),
        Err(version) if version.kind() == ErrorKind::DisplayVersion => output::write(&self::version(host), Status::Ok),
        Err(help) if !help.use_stderr() => output::write(&help.render().to_string(), Status::Ok),
        Err(error) => {
            let error = error.render().to_string();
            terminal::say(error.strip_prefix("error: ").unwrap_or(&error).trim_end());
            return Status::Refused.code();
        }
    };
    let status = done.unwrap_or_else(|Refused(reason)| {
        terminal::say(&reason);
        Status::Refused
    });
    status.code()
}

/// The packages for pip, npm and cargo have one version, the crate's: their tests compare it.
fn version(host: Host) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match host {
        Host::Rust | Host::CommandLine => format!("addepar-portal {version}\n"),
        Host::Python(major, minor) => format!("addepar-portal {version} (Python {major}.{minor})\n"),
        Host::Node(major, minor) => format!("addepar-portal {version} (Node {major}.{minor})\n"),
    }
}

fn obey(command: Command, source: Source) -> Result<Status, Refused> {
    match command {
        Command::Publish(publish) => publish::publish(&publish, source),
        Command::Resume { journal, format, yes } => publish::resume(&journal, format, yes, source),
        Command::Report(ReportCommand::Show { job_id, format }) => report::show(&job_id, format, source),
        Command::Journal(JournalCommand::Settle { journal, report, format, yes }) => {
            report::settle(&journal, &report, format, yes, source)
        }
        Command::Journal(JournalCommand::Init { folder }) => journal::init(&folder),
        Command::Journal(JournalCommand::Forget { journal, yes }) => journal::forget(&journal, yes),
        Command::Journal(JournalCommand::Show { journal, undecided, format }) => {
            journal::show(&journal, undecided, format)
        }
        Command::Journal(JournalCommand::Resolve(resolve)) => journal::resolve(&resolve),
        Command::Journal(JournalCommand::Audit { folder, file }) => journal::audit(&folder, file.as_deref()),
        Command::Completions { shell } => output::write(completions::script(shell), Status::Ok),
        Command::Complete { position, words } => {
            let found = completions::candidates(Arguments::command(), position, &words);
            output::write(&found.iter().flat_map(|word| [word, "\n"]).collect::<String>(), Status::Ok)
        }
        Command::Simulate(simulate) => simulate::simulate(&simulate, source),
    }
}
