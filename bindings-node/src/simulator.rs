//! The simulated portal, for `addepar-portal/testing`.

use addepar_portal::host::forget_sent_to;
use napi::bindgen_prelude::Either;
use napi_derive::napi;

/// A stand-in for the API on this machine. JSON in, JSON out.
#[napi]
pub struct SimulatedPortal(addepar_portal_simulator::SimulatedPortal);

/// Why the simulated portal refused a command, or the program could not be started.
#[napi]
pub struct Refusal(String);

impl Refusal {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

#[napi]
impl Refusal {
    /// In words.
    #[napi(getter)]
    pub fn message(&self) -> &str {
        &self.0
    }
}

#[napi]
impl SimulatedPortal {
    /// Starts a portal.
    #[napi]
    pub fn start(options: String) -> Either<SimulatedPortal, Refusal> {
        match addepar_portal_simulator::SimulatedPortal::start(&options) {
            Ok(portal) => {
                forget_sent_to(portal.base_url());
                Either::A(Self(portal))
            }
            Err(reason) => Either::B(Refusal(reason)),
        }
    }

    /// Where it listens.
    #[napi]
    pub fn base_url(&self) -> &str {
        self.0.base_url()
    }

    /// Asks or tells it something.
    #[napi]
    pub fn control(&self, command: String) -> Either<String, Refusal> {
        match self.0.control(&command) {
            Ok(answer) => Either::A(answer),
            Err(reason) => Either::B(Refusal(reason)),
        }
    }

    /// Stops it.
    #[napi]
    pub fn stop(&self) {
        self.0.stop();
    }
}
