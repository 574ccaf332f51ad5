//! The private addon of the npm package `addepar-portal`: it converts, calls the core, converts.
//!
//! Nothing here throws. What can fail returns a [`failure::Failure`], and the TypeScript facade
//! makes an error of it where the caller's line is still on the stack.
//!
//! A handle is a value of the core that JavaScript holds: [`request`], [`report`], [`journal`], [`client`], [`call`]. The
//! modules point one way: [`failure`] and [`id`] know no handle, a report knows its request, a client its calls.

#![allow(
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "JavaScript calls these, with values that were made for the call"
)]

pub mod call;
pub mod cli;
pub mod client;
pub mod failure;
pub mod id;
pub mod journal;
pub mod report;
pub mod request;
pub mod rows;
pub mod settings;
pub mod simulator;
