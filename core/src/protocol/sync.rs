//! What the parties of a latch share. Its model check (`tests/latch.rs`) puts loom's in the place of these.

pub(crate) use std::sync::atomic::{AtomicU8, Ordering};
pub(crate) use std::sync::{Arc, OnceLock};
