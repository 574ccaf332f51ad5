//! The second endpoint: reports whose files can be published, and whether each was.
//!
//! What the vendor's page says of `GET /v1/generated_reports`, and what it leaves open: whether a file was published may
//! be shown late, may be left out, and is false of a file that nobody wanted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use form_urlencoded::Serializer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::contract::refusal;
use crate::http::Answer;

pub(crate) const ROUTE: &str = "/v1/generated_reports";
/// It says how many seconds pass at this portal in one of everybody else's.
pub(crate) const CLOCK_HEADER: &str = "X-Simulated-Clock";
const DEFAULT_PAGE_SIZE: usize = 500;

/// A job and what came out of it, in the API's names; `job_id` is the resource's id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeneratedReport {
    job_id: String,
    /// The other attributes, as they are shown.
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    generated_portfolios: Vec<Portfolio>,
    #[serde(default)]
    failed_portfolios: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "the API's names")]
struct Portfolio {
    file_id: u64,
    #[serde(default = "entity")]
    portfolio_type: String,
    portfolio_id: Option<u64>,
    portfolio_name: Option<String>,
}

fn entity() -> String {
    "entity".to_owned()
}

/// What the portal knows about files that were published, and how it shows that.
pub(crate) struct Shown<'a> {
    /// When each was published to somebody first.
    pub(crate) published_at: &'a BTreeMap<u64, Instant>,
    /// Seconds on the portal's clock until that is shown.
    pub(crate) lag: f64,
    /// How many seconds pass on the portal's clock in one of everybody else's.
    pub(crate) clock: f64,
    /// What is shown whatever the truth is; `None` for nothing.
    pub(crate) instead: &'a BTreeMap<u64, Option<bool>>,
}

impl Shown<'_> {
    fn has_been_published(&self, file: u64) -> Option<bool> {
        if let Some(shown) = self.instead.get(&file) {
            return *shown;
        }
        let lag = Duration::try_from_secs_f64(self.lag / self.clock).unwrap_or_default();
        Some(self.published_at.get(&file).is_some_and(|at| at.elapsed() >= lag))
    }
}

impl GeneratedReport {
    fn resource(&self, shown: &Shown<'_>) -> Value {
        let portfolio = |portfolio: &Portfolio| {
            let Portfolio { file_id, portfolio_type, portfolio_id, portfolio_name } = portfolio;
            let mut object = json!({
                "portfolio_type": portfolio_type,
                "portfolio_id": portfolio_id,
                "portfolio_name": portfolio_name,
                "file_id": file_id,
            });
            if let (Some(object), Some(published)) = (object.as_object_mut(), shown.has_been_published(*file_id)) {
                object.insert("has_been_published".to_owned(), published.into());
            }
            object
        };
        let mut attributes = self.attributes.clone();
        let portfolios = self.generated_portfolios.iter().map(portfolio).collect();
        attributes.entry("status").or_insert_with(|| "FINISHED".into());
        attributes.insert("generated_portfolios".to_owned(), Value::Array(portfolios));
        attributes.insert("failed_portfolios".to_owned(), Value::Array(self.failed_portfolios.clone()));
        json!({
            "type": "generated_reports",
            "id": self.job_id,
            "attributes": attributes,
            "links": { "self": format!("{ROUTE}/{}", self.job_id) },
        })
    }

    fn text(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).and_then(Value::as_str).unwrap_or_default()
    }

    fn status(&self) -> &str {
        self.attributes.get("status").and_then(Value::as_str).unwrap_or("FINISHED")
    }

    /// Times are compared as text: all are in UTC and begin with the year.
    fn passes(&self, filters: &BTreeMap<String, String>) -> bool {
        let completed_at = self.text("completed_at");
        let one_of = |statuses: &String| statuses.split(',').any(|status| status == self.status());
        filters.get("filter[completed_after]").is_none_or(|after| completed_at > after.as_str())
            && filters.get("filter[completed_before]").is_none_or(|before| completed_at < before.as_str())
            && filters.get("filter[status]").is_none_or(one_of)
    }
}

/// The answer to a GET of the list or of one job.
pub(crate) fn answer(reports: &[GeneratedReport], shown: &Shown<'_>, target: &str) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = match path.strip_prefix(ROUTE).and_then(|rest| rest.strip_prefix('/')) {
        Some(job_id) => match reports.iter().find(|report| report.job_id == job_id) {
            Some(report) => Answer::json(200, json!({ "data": report.resource(shown) }).to_string()),
            None => refusal(404, "There is no such job."),
        },
        None => list(reports, shown, query),
    };
    if (shown.clock - 1.0).abs() < f64::EPSILON { answer } else { answer.with(CLOCK_HEADER, &shown.clock.to_string()) }
}

fn list(reports: &[GeneratedReport], shown: &Shown<'_>, query: &str) -> Answer {
    let parameters: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let number = |name: &str, default: usize| match parameters.get(name) {
        None => Some(default),
        Some(value) => value.parse().ok().filter(|number| *number > 0),
    };
    let (Some(page), Some(size)) = (number("page[number]", 1), number("page[size]", DEFAULT_PAGE_SIZE)) else {
        return refusal(400, "page[number] and page[size] must be numbers from 1.");
    };
    // Newest first.
    let mut wanted: Vec<&GeneratedReport> = reports.iter().filter(|report| report.passes(&parameters)).collect();
    wanted.sort_by(|one, other| other.text("completed_at").cmp(one.text("completed_at")));
    let data: Vec<Value> =
        wanted.iter().skip((page - 1) * size).take(size).map(|report| report.resource(shown)).collect();
    let next = (wanted.len() > page * size).then(|| {
        let number = (page + 1).to_string();
        let others = parameters.iter().filter(|(name, _)| *name != "page[number]");
        let query = Serializer::new(String::new()).extend_pairs(others).append_pair("page[number]", &number).finish();
        format!("{ROUTE}?{query}")
    });
    Answer::json(200, json!({ "data": data, "included": [], "links": { "prev": null, "next": next } }).to_string())
}
