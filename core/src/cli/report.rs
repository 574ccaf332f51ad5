//! `report show` and `journal settle`.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

use crate::cli::arguments::Format;
use crate::cli::drive::drive;
use crate::cli::interrupts::{Interrupts, Source};
use crate::cli::refused::{Refused, block_on};
use crate::cli::status::Status;
use crate::cli::terminal::say;
use crate::cli::{output, terminal};
use crate::client::call::PublishCall;
use crate::client::portal_client::{PortalClient, environment};
use crate::config::settings::Settings;
use crate::error::{Error, ErrorKind};
use crate::model::display::counted;
use crate::model::file_result::Verdict;
use crate::model::generated_report::{GeneratedPortfolio, GeneratedReport};
use crate::model::settlement::Settlement;
use crate::protocol::machine::Ending;

/// What one job generated.
pub(super) fn show(job_id: &str, format: Format, source: Source) -> Result<Status, Refused> {
    let client = PortalClient::new(Settings::default(), environment)?;
    block_on(async {
        let mut interrupts = source.listen()?;
        let call = client.start_report(job_id, environment);
        let Some(ending) = ended(&call, &mut interrupts).await else { return Ok(Status::Interrupted) };
        let reports = ending.into_reports()?;
        let text = reports.iter().map(|report| written(report, format)).collect::<String>();
        output::write(&text, Status::Ok)
    })
}

/// The reports of several jobs, each looked at once; `None` if that was interrupted.
pub(super) async fn look(
    client: &PortalClient,
    job_ids: &[String],
    interrupts: &mut Interrupts,
) -> Result<Option<Vec<GeneratedReport>>, Refused> {
    let mut reports = Vec::new();
    for job_id in job_ids {
        let call = client.start_report(job_id, environment);
        let Some(ending) = ended(&call, interrupts).await else { return Ok(None) };
        reports.extend(ending.into_reports()?);
    }
    Ok(Some(reports))
}

/// Finds out what generated reports prove about the files of a journal, and records it if that is wanted.
pub(super) fn settle(
    path: &Path,
    job_ids: &[String],
    format: Format,
    yes: bool,
    source: Source,
) -> Result<Status, Refused> {
    let client = PortalClient::new(Settings::default(), environment)?;
    block_on(async {
        let mut interrupts = source.listen()?;
        say("Looking at the generated reports: twice, two minutes apart, unless the journal has an earlier look.");
        let call = client.start_settle(path, job_ids, yes, environment);
        let Some(ending) = ended(&call, &mut interrupts).await else { return Ok(Status::Interrupted) };
        let settlement = ending.into_settlement()?;
        let left = settlement.left().len();
        let status = if left > 0 || (!yes && !settlement.files.is_empty()) { Status::Unknown } else { Status::Ok };
        let status = output::write(&proven(&settlement, format), status)?;
        say(Settlement::CAVEAT);
        let proven = counted(settlement.files.len() - left, "decision");
        say(&match (settlement.files.is_empty(), yes) {
            (true, _) => "No file has an unknown outcome that is undecided.".to_owned(),
            (false, true) => format!("Recorded: {proven}. {} left to a person.", counted(left, "file")),
            (false, false) => format!("Nothing was recorded: --yes records {proven}."),
        });
        Ok(status)
    })
}

/// How a call ended that publishes nothing; `None` if it was interrupted.
async fn ended(call: &PublishCall, interrupts: &mut Interrupts) -> Option<Ending> {
    let is_stop = |error: &Error| error.kind() == ErrorKind::Stopped;
    match drive(call, interrupts, "Stopping.").await {
        // Where something was recorded by then, that is the ending.
        Ending::Interrupted(None) => {}
        Ending::Interrupted(Some(error)) | Ending::Failed(error) if is_stop(&error) => {}
        ending => return Some(ending),
    }
    say("Interrupted. Nothing was sent.");
    None
}

fn written(report: &GeneratedReport, format: Format) -> String {
    match format {
        Format::Json => terminal::json(&serde_json::to_string(report).unwrap_or_default()) + "\n",
        Format::Csv => {
            let mut text = output::line(COLUMNS.map(Cow::Borrowed));
            for portfolio in &report.generated_portfolios {
                text += &output::line(fields(portfolio, "").map(Cow::Owned));
            }
            text
        }
        Format::Table => {
            let rows = report.generated_portfolios.iter().map(|portfolio| fields(portfolio, "?").to_vec());
            let mut text = output::table(&COLUMNS.map(|column| column.trim_end_matches("_id")), rows.collect());
            let _ = writeln!(text, "{}", summary(report));
            text
        }
    }
}

const COLUMNS: [&str; 5] = ["file_id", "portfolio_type", "portfolio_id", "portfolio_name", "has_been_published"];

fn fields(portfolio: &GeneratedPortfolio, unsaid: &str) -> [String; 5] {
    let GeneratedPortfolio { portfolio_type, portfolio_id, portfolio_name, file_id, has_been_published } = portfolio;
    let text = |value: Option<String>| value.unwrap_or_else(|| unsaid.to_owned());
    [
        text(file_id.map(|id| id.to_string())),
        text(portfolio_type.clone()),
        text(portfolio_id.map(|id| id.to_string())),
        text(portfolio_name.clone()),
        text(has_been_published.map(|published| if published { "yes" } else { "no" }.to_owned())),
    ]
}

fn summary(report: &GeneratedReport) -> String {
    let name = report.report_name.as_deref().unwrap_or("a report without a name");
    let status = report.status.as_deref().unwrap_or("no status");
    let mut summary = format!("{name}: {status}, {}", counted(report.file_ids().len(), "file"));
    if !report.failed_portfolios.is_empty() {
        let _ = write!(summary, ", {} failed", counted(report.failed_portfolios.len(), "portfolio"));
    }
    terminal::one_line(&summary)
}

fn proven(settlement: &Settlement, format: Format) -> String {
    const COLUMNS: [&str; 4] = ["file_id", "decision", "portfolio_name", "evidence"];
    let fields = |unsaid: &str| {
        let unsaid = unsaid.to_owned();
        settlement.files.iter().map(move |file| {
            [
                file.file_id.to_string(),
                file.decision.map_or(unsaid.clone(), |decision| Verdict::as_str(decision).to_owned()),
                file.portfolio_name.clone().unwrap_or_default(),
                file.evidence.clone(),
            ]
        })
    };
    match format {
        Format::Json => terminal::json(&serde_json::to_string(settlement).unwrap_or_default()) + "\n",
        Format::Csv => {
            let lines = fields("").map(|fields| output::line(fields.map(Cow::Owned)));
            std::iter::once(output::line(COLUMNS.map(Cow::Borrowed))).chain(lines).collect()
        }
        Format::Table => {
            let rows = fields("a person has to look").map(|fields| fields.to_vec()).collect();
            output::table(&["file", "decision", "portfolio", "evidence"], rows)
        }
    }
}
