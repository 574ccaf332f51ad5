//! Generated reports: read, and used to settle what became of files whose outcome is unknown.
//!
//! These are GETs, which change nothing: they are sent again after a fault. Each counts against the firm's quota.

use std::ffi::OsString;
use std::path;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use url::form_urlencoded::Serializer;

use crate::client::call::PublishCall;
use crate::client::portal_client::{PortalClient, environment};
use crate::client::session::{self, Opening};
use crate::error::Error;
use crate::journal::folder;
use crate::journal::view::Journal;
use crate::model::generated_report::{self, GeneratedReport};
use crate::model::id::{self, RawId};
use crate::model::invalid_input::InvalidInput;
use crate::model::message::{message, name};
use crate::model::request::PublishRequest;
use crate::model::settlement::Settlement;
use crate::model::times;
use crate::protocol::machine::Policy;
use crate::protocol::reading::Reading;
use crate::protocol::settling::Settling;

/// Which generated reports are wanted; all, where nothing is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// Those that were completed after this time.
    pub completed_after: Option<SystemTime>,
    /// Those that were completed before this time.
    pub completed_before: Option<SystemTime>,
    /// Those with one of these statuses: `FINISHED`, `ERROR`, `CANCELED`.
    pub status: Vec<String>,
    /// Those of this entity.
    pub entity_id: Option<u64>,
    /// Those of this group.
    pub group_id: Option<u64>,
}

impl ReportFilter {
    /// A time as the language of a binding has it: seconds since 1970.
    ///
    /// # Errors
    /// The API has no such time.
    pub fn time_from(argument: &'static str, seconds: f64) -> Result<SystemTime, InvalidInput> {
        let since_1970 = Duration::try_from_secs_f64(seconds).ok();
        let time = since_1970.and_then(|since_1970| UNIX_EPOCH.checked_add(since_1970));
        time.filter(|time| times::checked_text(*time).is_some()).ok_or_else(|| no_time(argument))
    }

    /// An id as the caller wrote it.
    ///
    /// # Errors
    /// It is not an id.
    pub fn id_from(argument: &'static str, given: &RawId) -> Result<u64, InvalidInput> {
        id::validate_one(argument, given)
    }

    fn query(&self) -> Result<String, InvalidInput> {
        let Self { completed_after, completed_before, status, entity_id, group_id } = self;
        let status = (!status.is_empty()).then(|| status.join(","));
        let time = |argument, time: &Option<SystemTime>| {
            time.map(|time| times::checked_text(time).ok_or_else(|| no_time(argument))).transpose()
        };
        let parameters = [
            ("filter[completed_after]", time("completed_after", completed_after)?),
            ("filter[completed_before]", time("completed_before", completed_before)?),
            ("filter[status]", status),
            ("filter[entityId]", entity_id.map(|id| id.to_string())),
            ("filter[groupId]", group_id.map(|id| id.to_string())),
        ];
        let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        Ok(Serializer::new(String::new()).extend_pairs(given).finish())
    }
}

fn no_time(argument: &'static str) -> InvalidInput {
    InvalidInput::new(message![name(argument), " must be a time in the years from 1970 to 9999."])
}

impl PortalClient {
    /// What one job generated: its portfolios, their files, and whether each file was ever published.
    ///
    /// Needs the permission "Access to all tools and portfolios" or the OAuth scope `FILES`. It counts against the firm's
    /// quota, as every request does.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`](crate::ErrorKind::Rejected) and its like: the server does not show it, or not readably.
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect): no answer came. Nothing was published in any case.
    pub async fn generated_report(&self, job_id: &str) -> Result<GeneratedReport, Error> {
        let reports = self.drive(self.start_report(job_id, environment), |_| {}).await.into_reports()?;
        reports.into_iter().next().ok_or_else(|| Error::report_unreadable("there is none", Vec::new()))
    }

    /// Every generated report that passes a filter, the newest first. Each page is a request of its own.
    ///
    /// # Errors
    /// As [`generated_report`](Self::generated_report).
    pub async fn generated_reports(&self, filter: &ReportFilter) -> Result<Vec<GeneratedReport>, Error> {
        self.drive(self.start_reports(filter, environment), |_| {}).await.into_reports()
    }

    /// Prepares to read one job's report, for a host that drives the call itself.
    #[must_use]
    pub fn start_report(&self, job_id: &str, variable: impl Fn(&str) -> Option<OsString>) -> PublishCall {
        let job_id = generated_report::job_id(job_id);
        let wanted: Vec<String> = job_id.clone().into_iter().collect();
        let reading = Reading::of_jobs(&wanted, self.config().max_rate_limit_wait, self.asks_for_tokens());
        self.start_reading(reading, self.config().guard(variable).and_then(|()| Ok(job_id.map(drop)?)))
    }

    /// Prepares to read the list of reports, for a host that drives the call itself.
    #[must_use]
    pub fn start_reports(&self, filter: &ReportFilter, variable: impl Fn(&str) -> Option<OsString>) -> PublishCall {
        let query = filter.query();
        let link = query.as_deref().unwrap_or_default();
        let reading = Reading::of_list(link, self.config().max_rate_limit_wait, self.asks_for_tokens());
        self.start_reading(reading, self.config().guard(variable).and_then(|()| Ok(query.map(drop)?)))
    }

    fn start_reading(&self, reading: Reading, allowed: Result<(), Error>) -> PublishCall {
        let call = self.call(self.reading_policy(), PublishRequest::of_nothing(), None, Ok(()));
        call.read(reading);
        if let Err(error) = allowed {
            call.end(error);
        }
        call
    }

    fn reading_policy(&self) -> Policy {
        Policy::single(self.config().max_rate_limit_wait, self.asks_for_tokens())
    }

    /// Prepares to settle a journal, for a host that drives the call itself; see [`Journal::settle`].
    #[must_use]
    pub fn start_settle(
        &self,
        journal: impl AsRef<Path>,
        job_ids: &[String],
        apply: bool,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> PublishCall {
        let path = path::absolute(journal.as_ref()).unwrap_or_else(|_| journal.as_ref().to_owned());
        let job_ids: Result<Vec<String>, _> = job_ids.iter().map(|id| generated_report::job_id(id)).collect();
        let allowed = self.config().guard(variable).and_then(|()| Ok(job_ids.clone().map(drop)?));
        let opening = Opening {
            path: Some(path.clone()),
            open: {
                let config = self.config().clone();
                Box::new(move |_, _| session::settled(&config, &folder::by_its_own_name(&path), apply))
            },
        };
        let call = self.call(self.reading_policy(), PublishRequest::of_nothing(), Some(opening), Ok(()));
        call.settle(Settling::new(job_ids.unwrap_or_default(), apply));
        if let Err(error) = allowed {
            call.end(error);
        }
        call
    }
}

impl Journal {
    /// Finds out what generated reports prove about the files whose outcome is unknown, and records that if `apply` is
    /// set. It looks twice, and waits two minutes in between, unless the journal has a look that is old enough.
    ///
    /// Only a little can be proven: see [`SettledFile::evidence`](crate::SettledFile::evidence) and
    /// [`Settlement::CAVEAT`]. Nothing is sent again before the journal is resumed. This journal shows what was recorded from
    /// then on; what others have recorded since it was read, a new one shows.
    ///
    /// Without `job_ids`, the reports are those that the journal's files came out of.
    ///
    /// # Errors
    /// As [`PortalClient::generated_report`]; [`ErrorKind::Journal`](crate::ErrorKind::Journal): the journal cannot be
    /// used.
    pub async fn settle(
        &mut self,
        client: &PortalClient,
        job_ids: &[String],
        apply: bool,
    ) -> Result<Settlement, Error> {
        let call = client.start_settle(self.path(), job_ids, apply, environment);
        let settlement = client.drive(call, |_| {}).await.into_settlement()?;
        if settlement.applied {
            *self = self.settled(&settlement.decided())?;
        }
        Ok(settlement)
    }
}
