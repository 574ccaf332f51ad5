//! Files and folders that only their owner may read.

use std::fs::{DirBuilder, OpenOptions};

/// How a private file is opened to be written.
#[cfg(unix)]
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(options.write(true), 0o600);
    options
}

/// Windows hands down what the folder allows: a user's own folders are the user's alone.
#[cfg(windows)]
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// How a private folder is made.
#[cfg(unix)]
pub(crate) fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(windows)]
pub(crate) fn private_folder() -> DirBuilder {
    DirBuilder::new()
}
