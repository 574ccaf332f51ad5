//! The program `addepar-portal`: see [`addepar_portal::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let status = addepar_portal::cli::main(std::env::args_os());
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}
