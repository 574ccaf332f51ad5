//! What may be written behind the program's name, and what `--help` says.

#![allow(clippy::doc_markdown, reason = "these comments are shown on terminals")]

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::cli::list;
use crate::cli::mode::Mode;
use crate::model::file_result::Verdict;
use crate::model::id;
use crate::model::request::{ContactNotification, PortalPublishing};

const MORE: &str = "\
Examples:
  addepar-portal publish 37 38 --portal-publishing publish --contact-notification do_not_notify
  addepar-portal publish --from files.csv --journal october.jsonl \\
      --portal-publishing use_contact_preference --contact-notification use_contact_preference
  addepar-portal resume october.jsonl
  addepar-portal journal show october.jsonl --undecided --format csv > todo.csv
  addepar-portal journal resolve october.jsonl --from todo.csv --by 'A. Smith'
  addepar-portal journal resolve october.jsonl --not-published --files 38-41,50 --by 'A. Smith'
  addepar-portal report show 7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70
  addepar-portal journal settle october.jsonl --yes

Settings, from the environment:
  ADDEPAR_FIRM_NAME                     the firm's subdomain: examplefirm of examplefirm.addepar.com
  ADDEPAR_ENVIRONMENT                   production (default), development or sandbox
  ADDEPAR_BASE_URL                      the base URL, instead of these two
  ADDEPAR_FIRM_ID                       the firm's id
  ADDEPAR_KEY_ID, ADDEPAR_KEY_SECRET    API key and secret
  ADDEPAR_ACCESS_TOKEN                  an OAuth 2.0 access token, instead of key and secret
  ADDEPAR_JOURNAL_DIR                   a folder in which every call leaves a journal; files that a
                                        journal there shows as sent are refused
  HTTPS_PROXY, ALL_PROXY, NO_PROXY      the proxy
  REQUESTS_CA_BUNDLE                    a PEM file with certificates that are trusted as well
  ADDEPAR_PORTAL_LIVE=0                 reach nothing but this machine

Exit status:
  0    every file is ok
  1    some file failed, for some or all contacts, or a person decided about one
  2    bad input or settings, the answer was no, files that were sent before, or a journal that is
       gone, has lost lines, is another run's, or is in use by another run (wait for its end):
       nothing was sent
  3    some file has an unknown outcome: it may have been published and e-mailed; check it in
       Addepar before anything is sent again
  4    the server processed nothing
  5    stopped part-way: the rest can be sent with `resume`
  130  interrupted by Ctrl-C, SIGTERM or SIGHUP; 3 if that left an unknown outcome
Several at once: 3 before 130, then 5, 4, 1.";

const ABOUT_PUBLISH: &str = "\
Publish files to clients' portals, and e-mail the clients if asked to.

It first says what it is about to do and asks. Up to 500 files go out in one request. More need a \
--journal: they go out in requests of 100 files, one after the other, and `resume` reads in the journal where to continue. \
Nothing that the server may have begun to process is sent again by this command: there is no way to take it back. It \
knows what an earlier command sent only from a journal, that of --journal or those in ADDEPAR_JOURNAL_DIR: without one, the \
same command sends the same files again.";

const PORTAL_PUBLISHING: &str = "\
Whose portals the files are published to: publish (every contact's), use_contact_preference (as each contact prefers) \
or do_not_publish (nobody's, override contacts apart)";

const CONTACT_NOTIFICATION: &str = "\
Who is e-mailed about what was published: notify (every contact), use_contact_preference (as each contact prefers) or \
do_not_notify (nobody)";

const COMPLETIONS: &str = "\
To have it in every new shell:
  bash        echo 'eval \"$(addepar-portal completions bash)\"' >> ~/.bashrc
  zsh         echo 'eval \"$(addepar-portal completions zsh)\"' >> ~/.zshrc     (behind compinit)
  fish        addepar-portal completions fish > ~/.config/fish/completions/addepar-portal.fish
  powershell  addepar-portal completions powershell >> $PROFILE";

/// Publish files to client portals with Addepar's API.
#[derive(Parser)]
#[command(
    name = "addepar-portal",
    bin_name = "addepar-portal",
    version,
    about = "Publish files to client portals with Addepar's API. Unofficial.",
    after_help = MORE,
    max_term_width = 100
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Publish files to clients' portals, and e-mail the clients if asked to
    #[command(long_about = ABOUT_PUBLISH, after_help = "See `addepar-portal --help` for settings, examples and exit status.")]
    Publish(Publish),
    /// Resume the batch that a journal is of
    ///
    /// It first says what is left to be sent and asks. Files whose outcome is known are not sent again, nor those
    /// that failed. Where an outcome is unknown it stops: check these files in Addepar, and record what you find
    /// with `journal resolve`.
    Resume {
        /// The journal
        #[arg(value_name = "PATH")]
        journal: PathBuf,
        /// How results are written to standard output
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// Do not ask before sending
        #[arg(long)]
        yes: bool,
    },
    /// Look at generated reports, whose files can be published
    #[command(subcommand)]
    Report(ReportCommand),
    /// Look into journals, and decide about files whose outcome is unknown
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Run a simulated portal on this machine, to try things out without credentials
    ///
    /// It prints the environment that leads to it, for a shell to paste, and runs until Ctrl-C.
    Simulate(Simulate),
    /// Print what lets a shell complete commands, flags and modes
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: Shell,
    },
    /// What a shell's script asks for
    #[command(hide = true, disable_help_flag = true)]
    Complete {
        position: usize,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

#[derive(Args)]
#[command(group = ArgGroup::new("list").args(["ids", "from", "report"]).required(true).multiple(true))]
pub(super) struct Publish {
    /// Ids of files
    #[arg(value_name = "ID", conflicts_with = "from")]
    pub(super) ids: Vec<String>,
    /// A list of files: CSV with a header, or one id a line; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    /// The column of the CSV that holds the ids [default: file_id]
    #[arg(long, value_name = "NAME", requires = "from")]
    pub(super) column: Option<String>,
    /// The job of a generated report, whose files are published; beside ids or a list only these are. Several times for several
    ///
    /// With --journal the reports are looked at before anything is sent, so that the journal can be settled later.
    #[arg(long, value_name = "JOB_ID")]
    pub(super) report: Vec<String>,
    /// Leave files out that the reports show as published already
    #[arg(long, requires = "report", conflicts_with_all = ["ids", "from"])]
    pub(super) skip_published: bool,
    #[arg(long, value_name = "MODE", help = PORTAL_PUBLISHING, ignore_case = true, hide_possible_values = true, value_parser = portal_publishing())]
    pub(super) portal_publishing: PortalPublishing,
    #[arg(long, value_name = "MODE", help = CONTACT_NOTIFICATION, ignore_case = true, hide_possible_values = true, value_parser = contact_notification())]
    pub(super) contact_notification: ContactNotification,
    /// Contacts whose portals receive EVERY file, whatever the modes say, such as 23,25
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub(super) override_contacts: Vec<String>,
    /// Keep a journal there, or continue the one that is there; required for more than 500 files
    #[arg(long, value_name = "PATH")]
    pub(super) journal: Option<PathBuf>,
    /// How results are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
    /// Show what would be sent, every id included, and send nothing; needs no credentials
    ///
    /// With credentials it also refuses what the call would be refused for by its folder of journals.
    /// With --format json it is the exact body of each request, one a line.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask before sending
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Subcommand)]
pub(super) enum JournalCommand {
    /// Set a folder up for journals, once: ADDEPAR_JOURNAL_DIR takes no other one
    ///
    /// A share that is not mounted looks like an empty folder; the mark that this leaves tells the two apart.
    Init {
        /// The folder, which is made if it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Record that a journal is gone for good, or will not have again what it lost
    ///
    /// Calls with its folder refuse to send anything until then. It first says which run and which files the journal
    /// was about, and asks: check these files in Addepar before any is sent again.
    Forget {
        /// The journal, which its folder knows by this name
        #[arg(value_name = "PATH")]
        journal: PathBuf,
        /// Do not ask before it is recorded
        #[arg(long)]
        yes: bool,
    },
    /// Show what became of every file of a run
    ///
    /// On a terminal the table fits the screen, and what needs attention stands at its end; in a pipe it has every file.
    Show {
        /// The journal
        #[arg(value_name = "PATH")]
        journal: PathBuf,
        /// Only the files about which a person has to decide
        ///
        /// With --format csv it is a check-list: fill in its column `decision` with published, not_published or leave,
        /// and `evidence` if you like, and give it to `journal resolve --from`.
        #[arg(long)]
        undecided: bool,
        /// How it is written to standard output
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Record what a person found out about files whose outcome is unknown, or that need not be sent any more
    Resolve(Resolve),
    /// Find out what generated reports prove about files whose outcome is unknown
    ///
    /// It looks at the reports twice, with two minutes in between, and shows what that proves: little, for a report does
    /// not show who was e-mailed. With --yes that is recorded. Nothing is sent: `resume` does that.
    Settle {
        /// The journal
        #[arg(value_name = "PATH")]
        journal: PathBuf,
        /// The job of a generated report that the files came out of [default: those that the journal names]
        #[arg(long, value_name = "JOB_ID")]
        report: Vec<String>,
        /// How the result is written to standard output
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// Record what is proven
        #[arg(long)]
        yes: bool,
    },
    /// Show every send of a file across the journals of a folder
    ///
    /// The exit status is 1 if a file was sent twice, waits for a decision, or a journal is missing or cannot be read. Sends
    /// that provably came to nothing are none; those after a person's decision that a file was not published, and those
    /// with repeat="allow", are listed apart.
    Audit {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Only this file
        #[arg(long, value_name = "ID")]
        file: Option<String>,
    },
}

#[derive(Subcommand)]
pub(super) enum ReportCommand {
    /// Show the files that one job generated, and whether each was published
    Show {
        /// The job
        #[arg(value_name = "JOB_ID")]
        job_id: String,
        /// How it is written to standard output
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

#[derive(Args)]
pub(super) struct Resolve {
    /// The journal
    #[arg(value_name = "PATH")]
    pub(super) journal: PathBuf,
    #[command(flatten)]
    pub(super) verdict: VerdictArgument,
    #[command(flatten)]
    pub(super) files: FilesArgument,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// How it was found out
    #[arg(long, value_name = "TEXT")]
    pub(super) evidence: Option<String>,
    /// Do not ask, before --undecided records anything, or before published or leave turns into not_published
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Args)]
#[group(multiple = false)]
pub(super) struct VerdictArgument {
    /// They are published: they are not sent again
    #[arg(long)]
    pub(super) published: bool,
    /// They are not published: the next resume sends them
    #[arg(long)]
    pub(super) not_published: bool,
    /// Nobody knows, or it does not matter: they are not sent again
    #[arg(long)]
    pub(super) leave: bool,
}

impl VerdictArgument {
    /// What is decided about all of the files; `None` if that stands beside each of them.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let Self { published, not_published, leave } = *self;
        [(published, Verdict::Published), (not_published, Verdict::NotPublished), (leave, Verdict::Leave)]
            .into_iter()
            .find_map(|(is_given, verdict)| is_given.then_some(verdict))
    }
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct FilesArgument {
    /// The files, and ranges of them, such as 38-41,50
    #[arg(long, value_name = "IDS", value_delimiter = ',', requires = "VerdictArgument")]
    pub(super) files: Option<Vec<String>>,
    /// Every file about which a person has to decide; it shows them and asks
    #[arg(long, requires = "VerdictArgument")]
    pub(super) undecided: bool,
    /// A list of files: CSV with a column file_id, or one id a line; - is standard input
    ///
    /// Without --published, --not-published or --leave, its column `decision` says what is decided about each file, and
    /// a column `evidence` how that was found out. Files without a decision are left as they are. A list whose column
    /// `request` names an earlier request with a file than the last one is refused: what was found is about that one.
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Simulate {
    /// The port on 127.0.0.1 [default: any that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(super) port: u16,
    /// The files that it knows, each with its contacts, such as 37:1+2,38:3 [default: every file, for the contact 1]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(super) files: Vec<FileContacts>,
    /// Contacts to whom publishing a file fails, such as 37:1+2,38:3
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(super) fail_publish: Vec<FileContacts>,
    /// Contacts to whom the e-mail about a file fails
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(super) fail_notify: Vec<FileContacts>,
    /// What the next request meets, such as status:503, rate_limited or hang; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) fault: Vec<String>,
}

/// A file and contacts of it, written `37:1+2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileContacts {
    pub(super) file: u64,
    pub(super) contacts: Vec<u64>,
}

impl FromStr for FileContacts {
    type Err = &'static str;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let of_ids = |written: &str| {
            let (file, contacts) = written.split_once(':')?;
            let contacts = contacts.split('+').map(|contact| id::parse(contact.trim())).collect::<Option<_>>()?;
            Some(Self { file: id::parse(file.trim())?, contacts })
        };
        of_ids(written).ok_or("it must be a file, a colon and its contacts, such as 37:1+2")
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: what needs attention at the end; on a terminal it fits the screen
    Table,
    /// All that is known, as in every language of the library
    Json,
    /// One file a line, for spreadsheets
    Csv,
}

/// A shell that completes words.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

fn portal_publishing() -> impl TypedValueParser<Value = PortalPublishing> {
    Mode::of(PortalPublishing::ALL.map(PortalPublishing::as_str)).try_map(|mode| mode.parse())
}

fn contact_notification() -> impl TypedValueParser<Value = ContactNotification> {
    Mode::of(ContactNotification::ALL.map(ContactNotification::as_str)).try_map(|mode| mode.parse())
}

impl Publish {
    /// The column that was asked for.
    pub(super) fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// Whether standard input is the list of files.
    pub(super) fn takes_stdin(&self) -> bool {
        self.from.as_deref().is_some_and(list::is_stdin)
    }
}
