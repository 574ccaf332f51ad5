//! Where the system has the certificates that it trusts.

use std::env;
use std::path::PathBuf;

/// Whether it is for programs to read them; other systems are asked about every server.
pub(crate) const IN_FILES: bool = cfg!(all(unix, not(target_vendor = "apple")));

/// The file that has all of them. The variables replace it, even by one that is missing.
pub(crate) fn bundle() -> Option<PathBuf> {
    match (env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")) {
        (None, None) => openssl_probe::probe().cert_file,
        (file, _) => file.map(PathBuf::from),
    }
}
