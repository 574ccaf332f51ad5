//! What looks at generated reports prove about files whose outcome is unknown.

use std::time::SystemTime;

use serde::Serialize;

use crate::model::file_result::Verdict;
use crate::model::times::rfc3339;

/// What looks at generated reports prove about the files of a journal whose outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settlement {
    /// Each file whose outcome was unknown, in the order asked.
    pub files: Vec<SettledFile>,
    /// Whether the decisions are in the journal now.
    pub applied: bool,
    /// When the reports were looked at.
    #[serde(serialize_with = "times")]
    pub looked_at: Vec<SystemTime>,
}

/// What the looks prove about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettledFile {
    /// The file.
    pub file_id: u64,
    /// The name of its portfolio, if it is known.
    pub portfolio_name: Option<String>,
    /// What is proven: [`Verdict::Published`] or [`Verdict::NotPublished`]; `None` if a person has to look.
    pub decision: Option<Verdict>,
    /// What was seen, in words.
    pub evidence: String,
}

impl Settlement {
    /// What no look can prove; every face says it beside a settlement.
    pub const CAVEAT: &'static str = "A generated report shows whether a file was ever published to a portal. It does not \
        show who was e-mailed, and that is never inferred. What the field means is taken from the vendor's page and was \
        not tried on a live firm.";

    /// The files about which something is proven.
    pub(crate) fn decided(&self) -> Vec<u64> {
        self.files.iter().filter(|file| file.decision.is_some()).map(|file| file.file_id).collect()
    }

    /// The files that a person has to look at.
    #[must_use]
    pub fn left(&self) -> Vec<u64> {
        self.files.iter().filter(|file| file.decision.is_none()).map(|file| file.file_id).collect()
    }
}

fn times<S: serde::Serializer>(times: &[SystemTime], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Time(#[serde(with = "rfc3339::always")] SystemTime);
    serializer.collect_seq(times.iter().copied().map(Time))
}
