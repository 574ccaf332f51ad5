//! The answer to a look at generated reports: a list of them, or one.
//!
//! One of the vendor's examples shows an object where a list is meant, so either is read as either. Any member may be
//! missing or of another type; nothing is guessed.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::model::api_error::ApiError;
use crate::model::generated_report::{FailedPortfolio, GeneratedPortfolio, GeneratedReport};
use crate::model::id;
use crate::response::api_errors::api_errors;

/// One page of generated reports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReportPage {
    pub(crate) reports: Vec<GeneratedReport>,
    pub(crate) next_link: Option<String>,
}

/// Reads a body, or says why it cannot be read; then with the API's error objects, if there are any.
pub(crate) fn read(body: &[u8]) -> Result<ReportPage, (String, Vec<ApiError>)> {
    let text = String::from_utf8_lossy(body);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let errors = api_errors(text);
    if !errors.is_empty() {
        return Err(("it has error objects".to_owned(), errors));
    }
    let unreadable = |reason: &str| (reason.to_owned(), Vec::new());
    let Ok(mut page) = serde_json::from_str::<Value>(text) else { return Err(unreadable("it is not JSON")) };
    let data = match page.get_mut("data").map(Value::take) {
        Some(Value::Array(data)) => data,
        Some(data @ Value::Object(_)) => vec![data],
        _ => return Err(unreadable("it has no `data`")),
    };
    let next_link = match page.pointer("/links/next") {
        Some(Value::String(link)) if !link.is_empty() => Some(link.clone()),
        Some(Value::Object(link)) => text_of(link, "href"),
        _ => None,
    };
    Ok(ReportPage { reports: data.iter().filter_map(report).collect(), next_link })
}

/// A resource without an id is nothing that could be asked for again.
fn report(resource: &Value) -> Option<GeneratedReport> {
    let resource = resource.as_object()?;
    let none = Map::new();
    let attributes = resource.get("attributes").and_then(Value::as_object).unwrap_or(&none);
    let time = |name| text_of(attributes, name).and_then(|text| time(&text));
    Some(GeneratedReport {
        job_id: text_of(resource, "id")?,
        report_id: id_of(attributes, "report_id"),
        report_name: text_of(attributes, "report_name"),
        status: text_of(attributes, "status"),
        started_at: time("started_at"),
        completed_at: time("completed_at"),
        job_type: text_of(attributes, "job_type"),
        generated_portfolios: objects(attributes, "generated_portfolios").map(generated).collect(),
        failed_portfolios: objects(attributes, "failed_portfolios").map(failed).collect(),
    })
}

fn generated(portfolio: &Map<String, Value>) -> GeneratedPortfolio {
    GeneratedPortfolio {
        portfolio_type: text_of(portfolio, "portfolio_type"),
        portfolio_id: id_of(portfolio, "portfolio_id"),
        portfolio_name: text_of(portfolio, "portfolio_name"),
        file_id: id_of(portfolio, "file_id"),
        has_been_published: portfolio.get("has_been_published").and_then(Value::as_bool),
    }
}

fn failed(portfolio: &Map<String, Value>) -> FailedPortfolio {
    FailedPortfolio {
        portfolio_type: text_of(portfolio, "portfolio_type"),
        portfolio_id: id_of(portfolio, "portfolio_id"),
        portfolio_name: text_of(portfolio, "portfolio_name"),
    }
}

/// The objects of a list; one object where a list is meant.
fn objects<'a>(of: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    let several = of.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    several.chain(of.get(name).and_then(Value::as_object))
}

/// A text, or a number as text.
fn text_of(of: &Map<String, Value>, name: &str) -> Option<String> {
    match of.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn id_of(of: &Map<String, Value>, name: &str) -> Option<u64> {
    id::parse(&text_of(of, name)?)
}

/// A time in UTC, with or without fractions of a second.
fn time(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// As on the vendor's page.
    const JOB: &str = r#"{"type": "generated_reports", "id": "0f3a", "attributes": {"report_id": 42, "report_name": "Q3",
        "status": "FINISHED", "started_at": "2021-02-14T10:15:30.00Z", "completed_at": "2021-02-14T10:16:30Z",
        "job_type": "AD_HOC", "generated_portfolios": [{"portfolio_type": "entity", "portfolio_id": 21,
        "portfolio_name": "A. Person", "file_id": 101, "has_been_published": false}],
        "failed_portfolios": [{"portfolio_type": "entity", "portfolio_id": 22, "portfolio_name": "B. Person"}]}}"#;

    fn one(body: &str) -> GeneratedReport {
        let page = read(body.as_bytes()).unwrap();
        page.reports.into_iter().next().unwrap()
    }

    #[test]
    fn it_reads_the_example_as_an_object_and_as_a_list() {
        let report = one(&format!(r#"{{"data": {JOB}}}"#));
        assert_eq!(report, one(&format!(r#"{{"data": [{JOB}]}}"#)));
        assert_eq!((report.report_id, report.status.as_deref()), (Some(42), Some("FINISHED")));
        let (started, completed) = (report.started_at.unwrap(), report.completed_at.unwrap());
        assert_eq!(completed.duration_since(started).unwrap(), Duration::from_secs(60));
        assert_eq!(report.file_ids(), [101]);
        assert_eq!(report.portfolio_names(), [(101, "A. Person".to_owned())].into());
        assert_eq!(report.shown(), (vec![], vec![101]));
        assert_eq!(report.failed_portfolios.len(), 1);
    }

    #[test]
    fn members_that_are_missing_or_of_another_type_are_not_guessed() {
        let portfolios = r#"[{"file_id": "0101"}, {"file_id": 1.5, "has_been_published": true}, 7, null,
            {"file_id": 102, "has_been_published": "yes", "portfolio_name": 5}]"#;
        let report = one(&format!(
            r#"{{"data": {{"id": "a", "attributes": {{"started_at": "soon", "status": 3, "generated_portfolios": {portfolios}}}}}}}"#
        ));
        assert_eq!(report.file_ids(), [101, 102]);
        assert_eq!(report.shown(), (vec![], vec![]));
        assert_eq!((report.started_at, report.status.as_deref()), (None, Some("3")));
        assert_eq!(one(r#"{"data": {"id": "a"}}"#).file_ids(), [0; 0]);
        assert_eq!(read(br#"{"data": [{}, 1]}"#).unwrap().reports, []);
    }

    #[test]
    fn a_file_that_is_shown_twice_differently_is_shown_as_neither() {
        let portfolio = |published: &str| format!(r#"{{"file_id": 101, "has_been_published": {published}}}"#);
        let report = one(&format!(
            r#"{{"data": {{"id": "a", "attributes": {{"generated_portfolios": [{}, {}, {}]}}}}}}"#,
            portfolio("true"),
            portfolio("false"),
            portfolio("true"),
        ));
        assert_eq!((report.file_ids(), report.shown()), (vec![101], (vec![], vec![])));
    }

    #[test]
    fn the_next_page_is_a_text_or_an_object() {
        for (links, next) in [
            (r#"{"next": "/v1/generated_reports?page[number]=2"}"#, Some("/v1/generated_reports?page[number]=2")),
            (r#"{"next": {"href": "/v1/x"}}"#, Some("/v1/x")),
            (r#"{"next": null}"#, None),
            ("null", None),
        ] {
            let page = read(format!(r#"{{"data": [], "links": {links}}}"#).as_bytes()).unwrap();
            assert_eq!(page.next_link.as_deref(), next);
        }
    }

    #[test]
    fn what_is_not_a_list_of_reports_is_refused() {
        for (body, reason, errors) in [
            ("<html>", "it is not JSON", 0),
            ("{}", "it has no `data`", 0),
            (r#"{"data": 1}"#, "it has no `data`", 0),
            (r#"{"data": [], "errors": [{"title": "No"}]}"#, "it has error objects", 1),
        ] {
            let (said, objects) = read(body.as_bytes()).unwrap_err();
            assert_eq!((said.as_str(), objects.len()), (reason, errors));
        }
    }
}
