//! A generated report: the files that came out of one job, and whether each was published.
//!
//! Source: the vendor's page "Generated Reports". It does not say to whom or when a file was published, nor whether
//! anybody was e-mailed.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use serde::Serialize;

use crate::model::display::{counted, excerpt};
use crate::model::invalid_input::InvalidInput;
use crate::model::message::{message, name};
use crate::model::request::PublishRequest;
use crate::model::times::rfc3339;

/// The API's route below the base URL.
pub(crate) const ROUTE: &str = "/v1/generated_reports";

/// What one job generated. Any member may have been missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct GeneratedReport {
    /// The job's id, a UUID.
    pub job_id: String,
    /// The id of the report that was generated.
    pub report_id: Option<u64>,
    /// Its name.
    pub report_name: Option<String>,
    /// `FINISHED`, `ERROR` or `CANCELED`, as it came: an open enum. The last two may have generated some portfolios.
    pub status: Option<String>,
    /// When the job started.
    #[serde(with = "rfc3339")]
    pub started_at: Option<SystemTime>,
    /// When it ended.
    #[serde(with = "rfc3339")]
    pub completed_at: Option<SystemTime>,
    /// Such as `AD_HOC`, as it came.
    pub job_type: Option<String>,
    /// The portfolios for which a file was generated.
    pub generated_portfolios: Vec<GeneratedPortfolio>,
    /// The portfolios for which none was.
    pub failed_portfolios: Vec<FailedPortfolio>,
}

/// A portfolio and the file that was generated for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct GeneratedPortfolio {
    /// Such as `entity` or `group`, as it came.
    pub portfolio_type: Option<String>,
    /// The portfolio's id.
    pub portfolio_id: Option<u64>,
    /// The portfolio's name.
    pub portfolio_name: Option<String>,
    /// The file.
    pub file_id: Option<u64>,
    /// Whether the file was ever published to a portal; `None` if the API did not say.
    ///
    /// It does not say to whom or when, nor whether anybody was e-mailed; it may be shown late.
    pub has_been_published: Option<bool>,
}

/// A portfolio for which no file was generated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct FailedPortfolio {
    /// Such as `entity` or `group`, as it came.
    pub portfolio_type: Option<String>,
    /// The portfolio's id.
    pub portfolio_id: Option<u64>,
    /// The portfolio's name.
    pub portfolio_name: Option<String>,
}

impl GeneratedReport {
    /// Every file of it once, in the order of the portfolios.
    #[must_use]
    pub fn file_ids(&self) -> Vec<u64> {
        let mut seen = HashSet::new();
        self.generated_portfolios
            .iter()
            .filter_map(|portfolio| portfolio.file_id)
            .filter(|id| seen.insert(*id))
            .collect()
    }

    /// File → the name of its portfolio; the names of several, if it is of several.
    #[must_use]
    pub fn portfolio_names(&self) -> BTreeMap<u64, String> {
        let mut names: BTreeMap<u64, String> = BTreeMap::new();
        for portfolio in &self.generated_portfolios {
            if let (Some(file_id), Some(name)) = (portfolio.file_id, &portfolio.portfolio_name) {
                names
                    .entry(file_id)
                    .and_modify(|names| *names = format!("{names}, {name}"))
                    .or_insert_with(|| name.clone());
            }
        }
        names
    }

    /// What somebody should know who publishes it: clients without a file are in no result.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let status = self.status.as_deref().filter(|status| !status.eq_ignore_ascii_case("FINISHED"));
        let lacking = match self.failed_portfolios.len() {
            0 => None,
            count => Some(format!("has no file for {}", counted(count, "portfolio"))),
        };
        let status =
            status.map(|status| format!("has the status {}, not FINISHED", excerpt(status).unwrap_or_default()));
        let problems: Vec<String> = [status, lacking].into_iter().flatten().collect();
        (!problems.is_empty()).then(|| {
            format!("The job {} {}: what it lacks is published to nobody", self.job_id, problems.join(", and "))
        })
    }

    /// The files that are shown as published, and those that are shown as not published. One about which nothing was
    /// said, or two different things, is in neither.
    pub(crate) fn shown(&self) -> (Vec<u64>, Vec<u64>) {
        let mut shown: BTreeMap<u64, Option<bool>> = BTreeMap::new();
        for portfolio in &self.generated_portfolios {
            let Some(file_id) = portfolio.file_id else { continue };
            let said = portfolio.has_been_published;
            shown.entry(file_id).and_modify(|before| *before = before.filter(|_| *before == said)).or_insert(said);
        }
        let with = |wanted| shown.iter().filter(|(_, said)| **said == Some(wanted)).map(|(id, _)| *id).collect();
        (with(true), with(false))
    }
}

/// The id of a job as it may stand in a path. The API's are UUIDs; which ids there are is for the server to say.
pub(crate) fn job_id(given: &str) -> Result<String, InvalidInput> {
    const MOST: usize = 64;
    let is_id = !given.is_empty()
        && given.len() <= MOST
        && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_id {
        return Ok(given.to_owned());
    }
    let shown: String = given.chars().take(MOST).collect();
    Err(InvalidInput::new(message![
        name("job_id"),
        format!(" must be the id of a job, a UUID such as 7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70, not {shown:?}."),
    ]))
}

/// A request for the files of generated reports, with the names of their portfolios, and the files that are left out since
/// they are shown as published already: that may be all of them. A request that names files keeps to these.
pub(crate) fn files_of(
    request: &PublishRequest,
    reports: &[&GeneratedReport],
    skip_published: bool,
) -> Result<(PublishRequest, Vec<u64>), InvalidInput> {
    let mut seen = HashSet::new();
    let found: Vec<u64> = match request.file_ids() {
        [] => reports.iter().flat_map(|report| report.file_ids()).filter(|id| seen.insert(*id)).collect(),
        file_ids => file_ids.to_vec(),
    };
    if found.is_empty() {
        return Err(InvalidInput::new(message![
            name("reports"),
            " must have files to publish, and none of them has one.",
        ]));
    }
    let published: HashSet<u64> = reports.iter().flat_map(|report| report.shown().0).collect();
    let (skipped, left): (Vec<u64>, Vec<u64>) =
        found.into_iter().partition(|id| skip_published && published.contains(id));
    let names = reports.iter().flat_map(|report| report.portfolio_names());
    let names = request.portfolio_names().clone().into_iter().chain(names).collect();
    Ok((request.for_files(left).with_portfolio_names(names), skipped))
}
