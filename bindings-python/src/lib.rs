//! The native half of the Python package `addepar_portal`: convert, call the core, convert.

mod bell;
mod call;
mod client;
mod convert;
mod error;
mod job;
mod journal;
mod make;
mod memory;
mod progress;
mod report;
mod request;
mod simulator;

use pyo3::prelude::pymodule;

/// Private: the package's own modules are the public face.
// True until the tests with threads have run on a CPython without the GIL for which PyO3 builds, 3.14 or newer.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::bell::Bell;
    #[pymodule_export]
    use super::call::{Call, LogRecord};
    #[pymodule_export]
    use super::client::{Client, batch_defaults};
    #[pymodule_export]
    use super::convert::ids::NoId;
    #[pymodule_export]
    use super::error::{Failure, error_kinds};
    #[pymodule_export]
    use super::job::Job;
    #[pymodule_export]
    use super::journal::{Journal, forget_journal, init_journal_dir};
    #[pymodule_export]
    use super::make::{failures, ids_in_column, make_request, read_report, read_response};
    #[pymodule_export]
    use super::progress::Progress;
    #[pymodule_export]
    use super::report::{FileError, FileResult, PublishReport, dangerous_characters};
    #[pymodule_export]
    use super::request::PublishRequest;
    #[pymodule_export]
    use super::simulator::Simulator;

    use pyo3::prelude::*;

    /// Runs the program `addepar-portal`, which blocks this thread (the main one), and tells its exit status.
    #[pyfunction]
    fn run_cli(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> i32 {
        let python = py.version_info();
        let host = addepar_portal::host::Host::Python(python.major.into(), python.minor.into());
        py.detach(|| addepar_portal::cli::main(arguments, host))
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::memory::keep_what_is_freed();
        module.add("MAX_FILES", addepar_portal::MAX_FILES)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
