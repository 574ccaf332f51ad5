//! Whether two looks at a file saw the same one, and whether anything about it changed.

use std::fs::Metadata;

/// Whether both are the same file; `None` if this system does not tell.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    Some((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// The number of a file is in no stable part of the standard library, and its time of creation is inherited by a file that
/// replaces it.
#[cfg(windows)]
pub(crate) fn is_same(_: &Metadata, _: &Metadata) -> Option<bool> {
    None
}

/// Whether a file has no second name, as far as the system tells.
#[cfg(unix)]
pub(crate) fn has_one_name(file: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) <= 1
}

#[cfg(windows)]
pub(crate) fn has_one_name(_: &Metadata) -> bool {
    true
}

/// When anything about a file changed last, in nanoseconds, which nobody can set back; `None` if this system does not tell.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(crate) fn changed(file: &Metadata) -> Option<i64> {
    use std::os::unix::fs::MetadataExt;
    Some(file.ctime().saturating_mul(1_000_000_000).saturating_add(file.ctime_nsec()))
}

#[cfg(windows)]
pub(crate) fn changed(_: &Metadata) -> Option<i64> {
    None
}
