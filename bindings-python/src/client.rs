use addepar_portal::{AccessToken, BatchOptions, PortalClient, Settings};
use pyo3::prelude::*;

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
        firm_name: Option<String>,
        environment: Option<String>,
        firm_id: Option<String>,
        key_id: Option<String>,
        key_secret: Option<String>,
        access_token: Option<String>,
        asks_for_token: bool,
        base_url: Option<String>,
        timeout: Option<f64>,
        connect_timeout: Option<f64>,
        max_rate_limit_wait: Option<f64>,
        proxy: Option<String>,
        ca_file: Option<String>,
        journal_dir: Option<String>,
    ) -> PyResult<Self> {
        let access_token = match access_token {
            _ if asks_for_token => Some(AccessToken::Asked),
            token => token.map(|token| AccessToken::Fixed(token.into())),
        };
        let settings = Settings {
            firm_name,
            environment,
            firm_id,
            key_id,
            key_secret: key_secret.map(Into::into),
            access_token,
            base_url,
            timeout,
            connect_timeout,
            max_rate_limit_wait,
            proxy: proxy.map(Into::into),
            ca_file,
            journal_dir,
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

    fn start(&self, py: Python<'_>, request: &PublishRequest, repeat: &str) -> PyResult<Call> {
        let repeat = repeat.parse().map_err(|error| to_py_err(py, &error))?;
        Ok(Call::new(self.0.start(request.0.clone(), repeat, variable)))
    }

    #[allow(clippy::too_many_arguments, reason = "one for each option")]
    fn start_batch(
        &self,
        py: Python<'_>,
        request: &PublishRequest,
        journal: &str,
        chunk_size: usize,
        max_wait: f64,
        pace: bool,
        repeat: &str,
    ) -> PyResult<Call> {
        let repeat = repeat.parse().map_err(|error| to_py_err(py, &error))?;
        let options = BatchOptions { chunk_size, max_wait, pace, repeat, ..BatchOptions::new(journal) };
        Ok(Call::new(self.0.start_batch(&request.0, &options, variable)))
    }

    fn start_resume(&self, journal: &str, max_wait: f64, pace: bool) -> Call {
        let options = BatchOptions { max_wait, pace, ..BatchOptions::new(journal) };
        Call::new(self.0.start_resume(&options, variable))
    }

    fn close(&self) {
        self.0.close();
    }
}

/// `os.environ` writes through to the process's environment, and whoever reads it here is attached.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
