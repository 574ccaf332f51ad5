//! The program `addepar-portal`: see [`addepar_portal::cli`].

use std::process::ExitCode;

use addepar_portal::host::Host;

fn main() -> ExitCode {
    let status = addepar_portal::cli::main(std::env::args_os(), Host::CommandLine);
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}
