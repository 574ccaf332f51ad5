use std::ffi::OsString;

use addepar_portal::host::{AccessToken, Host, Language, Program, Settings};
use addepar_portal::{BatchOptions, Error, PortalClient, ReportFilter};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::call::Call;
use crate::convert::Refusal;
use crate::convert::arguments::{self, setting};
use crate::convert::ids::raw_id;
use crate::error::hand_over;
use crate::request::PublishRequest;

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Client(PortalClient);

#[pymethods]
impl Client {
    /// A client, or the `Failure` that says which setting is at fault.
    #[staticmethod]
    #[pyo3(signature = (
        *, firm_name, environment, firm_id, key_id, key_secret, access_token, asks_for_token, base_url,
        timeout, connect_timeout, max_rate_limit_wait, proxy, ca_file, journal_dir, started,
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each setting")]
    fn make<'py>(
        py: Python<'py>,
        firm_name: Option<&Bound<'_, PyAny>>,
        environment: Option<&Bound<'_, PyAny>>,
        firm_id: Option<&Bound<'_, PyAny>>,
        key_id: Option<&Bound<'_, PyAny>>,
        key_secret: Option<&Bound<'_, PyAny>>,
        access_token: Option<&Bound<'_, PyAny>>,
        asks_for_token: bool,
        base_url: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        connect_timeout: Option<f64>,
        max_rate_limit_wait: Option<f64>,
        proxy: Option<&Bound<'_, PyAny>>,
        ca_file: Option<&Bound<'_, PyAny>>,
        journal_dir: Option<&Bound<'_, PyAny>>,
        started: Option<&Bound<'_, PyString>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let python = py.version_info();
        let make = || -> Result<Self, Refusal> {
            let access_token = match setting("access_token", access_token)? {
                _ if asks_for_token => Some(AccessToken::Asked),
                token => token.map(|token| AccessToken::Fixed(token.into())),
            };
            let settings = Settings {
                firm_name: setting("firm_name", firm_name)?,
                environment: setting("environment", environment)?,
                firm_id: setting("firm_id", firm_id)?,
                key_id: setting("key_id", key_id)?,
                key_secret: setting("key_secret", key_secret)?.map(Into::into),
                access_token,
                base_url: setting("base_url", base_url)?,
                timeout,
                connect_timeout,
                max_rate_limit_wait,
                proxy: setting("proxy", proxy)?.map(Into::into),
                ca_file: setting("ca_file", ca_file)?,
                journal_dir: setting("journal_dir", journal_dir)?,
                host: Host::Python(python.major.into(), python.minor.into()),
                program: Program { started: started.map(arguments::word), ..Program::default() },
            };
            Ok(Self(PortalClient::new(settings, variable)?))
        };
        hand_over(py, make())
    }

    #[getter]
    fn base_url(&self) -> &str {
        self.0.base_url()
    }

    #[getter]
    fn firm_id(&self) -> &str {
        self.0.firm_id()
    }

    #[getter]
    fn warning(&self) -> Option<String> {
        self.0.warning_in(Language::Python)
    }

    fn start<'py>(
        &self,
        py: Python<'py>,
        request: &PublishRequest,
        repeat: &Bound<'_, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let repeat = arguments::word(repeat).parse();
        hand_over(py, repeat.map(|repeat| Call::new(self.0.start(request.0.clone(), repeat, variable))))
    }

    #[allow(clippy::too_many_arguments, reason = "one for each option")]
    fn start_batch<'py>(
        &self,
        py: Python<'py>,
        request: &PublishRequest,
        chunk_size: &Bound<'_, PyAny>,
        repeat: &Bound<'_, PyString>,
        journal: &Bound<'_, PyAny>,
        max_wait: f64,
        pace: bool,
        stop_timeout: Option<f64>,
        reports: &Bound<'_, PyList>,
        skip_published: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = || -> Result<BatchOptions, Refusal> {
            Ok(BatchOptions {
                reports: arguments::words(reports)?,
                skip_published,
                chunk_size: arguments::chunk_size(chunk_size)?,
                repeat: arguments::word(repeat).parse()?,
                ..options(journal, max_wait, pace, stop_timeout)?
            })
        };
        hand_over(py, options().map(|options| Call::new(self.0.start_batch(&request.0, &options, variable))))
    }

    fn start_resume<'py>(
        &self,
        py: Python<'py>,
        journal: &Bound<'_, PyAny>,
        max_wait: f64,
        pace: bool,
        stop_timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(journal, max_wait, pace, stop_timeout);
        hand_over(py, options.map(|options| Call::new(self.0.start_resume(&options, variable))))
    }

    fn start_report(&self, job_id: &Bound<'_, PyString>) -> Call {
        Call::new(self.0.start_report(&arguments::word(job_id), variable))
    }

    /// Times are seconds since 1970; an id is an integer, a text or a `NoId`.
    fn start_reports<'py>(
        &self,
        py: Python<'py>,
        completed_after: Option<f64>,
        completed_before: Option<f64>,
        status: &Bound<'_, PyList>,
        entity_id: Option<&Bound<'_, PyAny>>,
        group_id: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = |name, given: Option<&Bound<'_, PyAny>>| -> Result<Option<u64>, Refusal> {
            given.map(|given| Ok(ReportFilter::id_from(name, &raw_id(given)?)?)).transpose()
        };
        let time = |name, given: Option<f64>| given.map(|given| ReportFilter::time_from(name, given)).transpose();
        let filter = || -> Result<ReportFilter, Refusal> {
            Ok(ReportFilter {
                completed_after: time("completed_after", completed_after)?,
                completed_before: time("completed_before", completed_before)?,
                status: arguments::words(status)?,
                entity_id: id("entity_id", entity_id)?,
                group_id: id("group_id", group_id)?,
            })
        };
        hand_over(py, filter().map(|filter| Call::new(self.0.start_reports(&filter, variable))))
    }

    fn start_settle<'py>(
        &self,
        py: Python<'py>,
        journal: &Bound<'_, PyAny>,
        job_ids: &Bound<'_, PyList>,
        apply: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let start = || -> Result<Call, Refusal> {
            let journal = arguments::text("journal", journal, Error::input)?;
            Ok(Call::new(self.0.start_settle(journal, &arguments::words(job_ids)?, apply, variable)))
        };
        hand_over(py, start())
    }
}

fn options(
    journal: &Bound<'_, PyAny>,
    max_wait: f64,
    pace: bool,
    stop_timeout: Option<f64>,
) -> Result<BatchOptions, Refusal> {
    let journal = arguments::text("journal", journal, Error::input)?;
    Ok(BatchOptions { max_wait, pace, stop_timeout, ..BatchOptions::new(journal) })
}

/// `chunk_size`, `max_wait`, `pace` and `stop_timeout` where they are not given, with which the tests compare the
/// signatures that editors show.
#[pyfunction]
pub(crate) fn batch_defaults() -> (usize, f64, bool, Option<f64>) {
    let BatchOptions { chunk_size, max_wait, pace, stop_timeout, .. } = BatchOptions::new("");
    (chunk_size, max_wait, pace, stop_timeout)
}

/// `os.environ` writes through to the process's environment, and it is read here by attached threads only.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
