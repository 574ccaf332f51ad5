use std::ffi::OsString;

use addepar_portal::{AccessToken, BatchOptions, Error, PortalClient, Settings};
use pyo3::prelude::*;

use crate::arguments::{self, setting};
use crate::call::Call;
use crate::error::to_py_err;
use crate::request::PublishRequest;

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Client(PortalClient);

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        *, firm_name, environment, firm_id, key_id, key_secret, access_token, asks_for_token, base_url,
        timeout, connect_timeout, max_rate_limit_wait, proxy, ca_file, journal_dir,
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each setting")]
    fn new(
        py: Python<'_>,
        firm_name: Option<&Bound<'_, PyAny>>,
        environment: Option<&Bound<'_, PyAny>>,
        firm_id: Option<&Bound<'_, PyAny>>,
        key_id: Option<&Bound<'_, PyAny>>,
        key_secret: Option<&Bound<'_, PyAny>>,
        access_token: Option<&Bound<'_, PyAny>>,
        asks_for_token: bool,
        base_url: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
        connect_timeout: Option<&Bound<'_, PyAny>>,
        max_rate_limit_wait: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        ca_file: Option<&Bound<'_, PyAny>>,
        journal_dir: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let access_token = match setting("access_token", access_token)? {
            _ if asks_for_token => Some(AccessToken::Asked),
            token => token.map(|token| AccessToken::Fixed(token.into())),
        };
        let time =
            |name, given: Option<&Bound<'_, PyAny>>| given.map(|given| arguments::seconds(name, given)).transpose();
        let settings = Settings {
            firm_name: setting("firm_name", firm_name)?,
            environment: setting("environment", environment)?,
            firm_id: setting("firm_id", firm_id)?,
            key_id: setting("key_id", key_id)?,
            key_secret: setting("key_secret", key_secret)?.map(Into::into),
            access_token,
            base_url: setting("base_url", base_url)?,
            timeout: time("timeout", timeout)?,
            connect_timeout: time("connect_timeout", connect_timeout)?,
            max_rate_limit_wait: time("max_rate_limit_wait", max_rate_limit_wait)?,
            proxy: setting("proxy", proxy)?.map(Into::into),
            ca_file: setting("ca_file", ca_file)?,
            journal_dir: setting("journal_dir", journal_dir)?,
        };
        PortalClient::new(settings, variable).map(Self).map_err(|error| to_py_err(py, &error))
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
        self.0.warning()
    }

    fn start(&self, py: Python<'_>, request: &PublishRequest, repeat: &Bound<'_, PyAny>) -> PyResult<Call> {
        let repeat = arguments::word(repeat)?.parse().map_err(|error| to_py_err(py, &error))?;
        Ok(Call::new(self.0.start(request.0.clone(), repeat, variable)))
    }

    #[allow(clippy::too_many_arguments, reason = "one for each option")]
    fn start_batch(
        &self,
        py: Python<'_>,
        request: &PublishRequest,
        journal: &Bound<'_, PyAny>,
        chunk_size: &Bound<'_, PyAny>,
        max_wait: &Bound<'_, PyAny>,
        pace: bool,
        repeat: &Bound<'_, PyAny>,
    ) -> PyResult<Call> {
        let options = BatchOptions {
            chunk_size: arguments::chunk_size(chunk_size)?,
            repeat: arguments::word(repeat)?.parse().map_err(|error| to_py_err(py, &error))?,
            ..options(journal, max_wait, pace)?
        };
        Ok(Call::new(self.0.start_batch(&request.0, &options, variable)))
    }

    fn start_resume(&self, journal: &Bound<'_, PyAny>, max_wait: &Bound<'_, PyAny>, pace: bool) -> PyResult<Call> {
        let options = options(journal, max_wait, pace)?;
        Ok(Call::new(self.0.start_resume(&options, variable)))
    }
}

fn options(journal: &Bound<'_, PyAny>, max_wait: &Bound<'_, PyAny>, pace: bool) -> PyResult<BatchOptions> {
    let journal = arguments::text("journal", journal, Error::input)?;
    Ok(BatchOptions { max_wait: arguments::seconds("max_wait", max_wait)?, pace, ..BatchOptions::new(journal) })
}

/// `os.environ` writes through to the process's environment, and whoever reads it here is attached.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
