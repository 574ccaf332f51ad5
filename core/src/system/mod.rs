//! What differs between systems, one module for each thing; nothing else in the core asks which system it runs on.
//!
//! Each module says what it assumes. Linux is what the tests run on. What stands here for macOS and Windows was checked by
//! the compiler and by reading, and has not run there yet.

pub(crate) mod boot;
pub(crate) mod certificates;
pub(crate) mod folder_sync;
pub(crate) mod identity;
pub(crate) mod locks;
pub(crate) mod permissions;
#[cfg(feature = "cli")]
pub(crate) mod signals;
#[cfg(feature = "cli")]
pub(crate) mod terminal;
