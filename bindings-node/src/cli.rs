//! The program `addepar-portal`.

use napi_derive::napi;

/// Runs the program, which blocks this thread, and tells its exit status.
#[napi]
pub fn run_cli(arguments: Vec<String>) -> i32 {
    addepar_portal::cli::main(arguments.into_iter().map(Into::into))
}
