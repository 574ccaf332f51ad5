//! What a call is about and what became of it: data, without I/O.

pub(crate) mod api_error;
pub(crate) mod attempt;
pub(crate) mod batch;
pub(crate) mod display;
pub(crate) mod file_result;
pub(crate) mod generated_report;
pub(crate) mod id;
pub(crate) mod invalid_input;
pub(crate) mod json;
pub(crate) mod message;
pub(crate) mod moment;
pub(crate) mod ranges;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod settlement;
pub(crate) mod times;
