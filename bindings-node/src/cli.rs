//! The program `addepar-portal`.

use std::ffi::OsString;
use std::thread;

use addepar_portal::cli::{self, Interrupt, Interrupter};
use napi::bindgen_prelude::Either;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;

use crate::client::host;
use crate::simulator::Refusal;

/// It keeps the process alive until the program has ended.
type Ended = ThreadsafeFunction<i32, (), i32, Status, false>;

/// The program as it runs, on a thread of its own: this one has to take the signals.
#[napi]
pub struct Program(Interrupter);

#[napi]
impl Program {
    /// Starts the program. `ended` is called with its exit status.
    #[napi]
    pub fn start(env: Env, arguments: Vec<String>, ended: Ended) -> Either<Program, Refusal> {
        let host = host(env);
        let arguments = as_they_came(arguments);
        let (interrupter, interrupts) = Interrupter::new();
        let run = move || {
            let mut end = End { ended, status: PANICKED };
            end.status = cli::main_in_host(arguments, host, interrupts);
        };
        match thread::Builder::new().name("addepar-portal".to_owned()).spawn(run) {
            Ok(_) => Either::A(Self(interrupter)),
            Err(error) => Either::B(Refusal::new(format!("No thread can be started: {error}. Nothing was sent."))),
        }
    }

    /// Interrupts the program. `false` if it does not listen: then the signal ends the process.
    #[napi]
    pub fn interrupt(&self, hangs_up: bool) -> bool {
        self.0.interrupt(if hangs_up { Interrupt::HangUp } else { Interrupt::Stop })
    }
}

/// Whether the end of the terminal must not end this process, as under `nohup`.
#[napi]
pub fn hang_up_is_ignored() -> bool {
    cli::hang_up_is_ignored()
}

/// What a program exits with that panics.
const PANICKED: i32 = 101;

/// Reports the exit status however the program ends.
struct End {
    ended: Ended,
    status: i32,
}

impl Drop for End {
    fn drop(&mut self) {
        self.ended.call(self.status, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

/// The program's name and its arguments, byte for byte: JavaScript has U+FFFD in the place of what is not UTF-8,
/// and a journal must not be another one for that.
fn as_they_came(arguments: Vec<String>) -> Vec<OsString> {
    let all: Vec<OsString> = std::env::args_os().collect();
    let raw = all.get(all.len().saturating_sub(arguments.len())..).unwrap_or_default();
    let is_same = raw.len() == arguments.len()
        && raw.iter().zip(&arguments).all(|(raw, argument)| raw.to_string_lossy() == argument.as_str());
    let arguments = if is_same { raw.to_vec() } else { arguments.into_iter().map(Into::into).collect() };
    std::iter::once("addepar-portal".into()).chain(arguments).collect()
}
