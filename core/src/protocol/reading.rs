//! Generated reports that are asked for, one GET after another. No I/O.
//!
//! A GET changes nothing, so it may be sent again whatever became of it; each counts against the firm's quota.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::error::Error;
use crate::journal::record::Record;
use crate::journal::store::Dated;
use crate::model::api_error::ApiError;
use crate::model::attempt::Fault;
use crate::model::display::excerpt;
use crate::model::generated_report::{GeneratedReport, ROUTE};
use crate::model::message::Message;
use crate::model::moment::{Boot, Moment};
use crate::protocol::exchange::{Answer, Exchange};
use crate::protocol::outcome::{self, Retry, RetryState};
use crate::response::api_errors::api_errors;
use crate::response::generated_reports::{self, ReportPage};

/// The most pages of one list that are followed.
const MAX_PAGES: usize = 100;

/// A generated report as it was when it was asked for, or later.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    pub(crate) asked: Moment,
    pub(crate) report: GeneratedReport,
}

impl Looked {
    /// What it shows about the files of a run.
    pub(crate) fn record(&self, is_own: impl Fn(u64) -> bool, boot: Option<&Boot>) -> Dated {
        let (published, not_published) = self.report.shown();
        let own = |ids: Vec<u64>| ids.into_iter().filter(|id| is_own(*id)).collect();
        let record = Record::Look {
            job_id: self.report.job_id.clone(),
            published: own(published),
            not_published: own(not_published),
            uptime: boot.map(|boot| boot.uptime(self.asked.monotonic)),
        };
        (record, self.asked.utc())
    }
}

/// What came back for one GET, read: not under a call's lock.
#[derive(Debug)]
pub(crate) enum LookedUp {
    Lost {
        fault: Fault,
        cause: Message,
    },
    Answered {
        status: u16,
        retry_after: Option<Duration>,
        /// How many seconds pass at the portal in one of ours, if it says so.
        clock: Option<f64>,
        /// Whether the body is whole.
        is_whole: bool,
        page: Result<ReportPage, String>,
        errors: Vec<ApiError>,
        excerpt: Option<String>,
    },
}

impl LookedUp {
    pub(crate) fn read(exchange: Exchange) -> Self {
        let answer = match exchange {
            Exchange::Lost { fault, cause } => return Self::Lost { fault, cause },
            Exchange::Answered(answer) => answer,
        };
        let (page, errors) = match &answer.broken {
            Some(broken) => (Err(broken.clone()), Vec::new()),
            None if answer.status == 200 => match generated_reports::read(&answer.body) {
                Ok(page) => (Ok(page), Vec::new()),
                Err((reason, errors)) => (Err(reason), errors),
            },
            None => (Err(String::new()), api_errors(&String::from_utf8_lossy(&answer.body))),
        };
        let excerpt = if page.is_ok() { None } else { excerpt(&String::from_utf8_lossy(&answer.body)) };
        let Answer { status, retry_after, clock, .. } = answer;
        Self::Answered { status, retry_after, clock, is_whole: answer.broken.is_none(), page, errors, excerpt }
    }
}

/// What a GET asks for next.
#[derive(Debug)]
pub(crate) enum NextLook {
    /// The next link.
    Get,
    /// The same once more, after a wait.
    Wait(Duration),
    /// The same once more, with another token.
    FreshToken,
    /// Nothing: all was read.
    Done,
    Failed(Error),
}

/// Reports that are being asked for.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What is yet to be asked for, the first one now.
    left: VecDeque<Wanted>,
    retries: RetryState,
    seen: HashSet<String>,
    /// When the link that is under way was asked for.
    asked: Option<Moment>,
    looked: Vec<Looked>,
    /// How many seconds pass at the portal in one of ours.
    clock: f64,
}

#[derive(Debug, Clone)]
enum Wanted {
    Job(String),
    /// A page of the list.
    Page(String),
}

impl Wanted {
    fn link(&self) -> String {
        match self {
            Self::Job(job_id) => format!("{ROUTE}/{job_id}"),
            Self::Page(link) => link.clone(),
        }
    }
}

impl Reading {
    /// These jobs' reports.
    pub(crate) fn of_jobs(job_ids: &[String], max_wait: Duration, fresh_token: bool) -> Self {
        Self::new(job_ids.iter().cloned().map(Wanted::Job).collect(), max_wait, fresh_token)
    }

    /// All reports of the list; `query` chooses among them.
    pub(crate) fn of_list(query: &str, max_wait: Duration, fresh_token: bool) -> Self {
        let link = if query.is_empty() { ROUTE.to_owned() } else { format!("{ROUTE}?{query}") };
        Self::new([Wanted::Page(link)].into(), max_wait, fresh_token)
    }

    fn new(left: VecDeque<Wanted>, max_rate_limit_wait: Duration, fresh_token: bool) -> Self {
        let retries =
            RetryState { connects: 0, rate_limits: 0, waited: Duration::ZERO, max_rate_limit_wait, fresh_token };
        Self { left, retries, seen: HashSet::new(), asked: None, looked: Vec::new(), clock: 1.0 }
    }

    /// What to ask for now; `None` if all was read.
    pub(crate) fn ask(&mut self, now: Moment) -> Option<String> {
        self.asked = Some(now);
        self.left.front().map(Wanted::link)
    }

    /// What was read.
    pub(crate) fn into_looked(self) -> Vec<Looked> {
        self.looked
    }

    /// How many seconds pass at the portal in one of ours.
    pub(crate) fn clock(&self) -> f64 {
        self.clock
    }

    /// Takes in what came back. `chance` (from 0 to 1) spreads back-offs.
    pub(crate) fn on(&mut self, looked_up: LookedUp, now: Moment, chance: f64) -> NextLook {
        let (status, retry_after, is_whole) = match &looked_up {
            LookedUp::Lost { .. } => (None, None, false),
            LookedUp::Answered { status, retry_after, is_whole, .. } => (Some(*status), *retry_after, *is_whole),
        };
        let retry = outcome::classify_read(status, retry_after, is_whole, &self.retries);
        match (retry, looked_up) {
            (None, LookedUp::Answered { page: Ok(page), clock, .. }) => {
                self.clock = clock.unwrap_or(self.clock);
                self.take(page, self.asked.unwrap_or(now))
            }
            (None, LookedUp::Answered { page: Err(reason), errors, .. }) => {
                NextLook::Failed(Error::report_unreadable(&reason, errors))
            }
            (Some(retry), looked_up) => self.once_more(retry, looked_up, chance),
            (None, lost @ LookedUp::Lost { .. }) => self.once_more(Retry::Never, lost, chance),
        }
    }

    /// What follows where there is nothing to read.
    fn once_more(&mut self, retry: Retry, looked_up: LookedUp, chance: f64) -> NextLook {
        match retry {
            Retry::Backoff(tries) => {
                self.retries.connects += 1;
                NextLook::Wait(outcome::backoff(tries, chance))
            }
            Retry::After(delay) => {
                self.retries.rate_limits += 1;
                self.retries.waited += delay;
                NextLook::Wait(delay)
            }
            Retry::FreshToken => {
                self.retries.fresh_token = false;
                NextLook::FreshToken
            }
            Retry::Never => NextLook::Failed(match looked_up {
                LookedUp::Lost { fault, cause } => Error::report_unreachable(fault, cause),
                LookedUp::Answered { status, retry_after, errors, excerpt, .. } => {
                    Error::report_refused(status, errors, excerpt, retry_after)
                }
            }),
        }
    }

    fn take(&mut self, ReportPage { reports, next_link }: ReportPage, asked: Moment) -> NextLook {
        let failed = |reason: &str| NextLook::Failed(Error::report_unreadable(reason, Vec::new()));
        match self.left.pop_front() {
            Some(Wanted::Job(job_id)) => {
                // UUIDs are the same in either case.
                let own = reports.into_iter().find(|report| report.job_id.eq_ignore_ascii_case(&job_id));
                let Some(report) = own else { return failed(&format!("it does not have the job {job_id}")) };
                self.looked.push(Looked { asked, report });
            }
            Some(Wanted::Page(link)) => {
                self.seen.insert(link);
                self.looked.extend(reports.into_iter().map(|report| Looked { asked, report }));
                match next_link {
                    Some(next) if self.seen.len() >= MAX_PAGES || self.seen.contains(&next) => {
                        return failed(&format!("the list does not end after {} pages", self.seen.len()));
                    }
                    Some(next) => self.left.push_back(Wanted::Page(next)),
                    None => {}
                }
            }
            None => {}
        }
        (self.retries.connects, self.retries.rate_limits) = (0, 0);
        if self.left.is_empty() { NextLook::Done } else { NextLook::Get }
    }
}
