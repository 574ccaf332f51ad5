//! How TLS is spoken, and whom it trusts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{fs, io};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ClientConfig, RootCertStore};

use crate::config::settings::ExtraRoots;
use crate::error::Error;
use crate::model::message::{message, name};
use crate::net::pem;
use crate::net::trust::Trust;
use crate::runtime::per_process::PerProcess;

/// No bundle of certificates is as large.
const MAX_FILE: u64 = 16 << 20;
/// So many sets of further roots are remembered.
const REMEMBERED: usize = 8;

/// What every client has that trusts the system's roots alone: they are read once, and a client that is
/// made for one call resumes the TLS session of the one before.
static SYSTEM: PerProcess<OnceLock<Arc<ClientConfig>>> = PerProcess::new();

/// The same for clients that trust further roots, by those: who trusts others resumes no session of theirs.
static EXTENDED: PerProcess<Mutex<Vec<Extended>>> = PerProcess::new();

type Extended = (Files, Arc<ClientConfig>);

/// What PEM files hold, and their names.
type Files = Vec<(Vec<u8>, PathBuf)>;

/// How TLS is spoken with these roots beside the system's.
pub(crate) fn config(extra: Option<&ExtraRoots>) -> Result<Arc<ClientConfig>, Error> {
    let Some(extra) = extra else {
        let slot = SYSTEM.get(OnceLock::new);
        if let Some(config) = slot.get() {
            return Ok(config.clone());
        }
        let config = trusting(Vec::new())?;
        return Ok(slot.get_or_init(|| config).clone());
    };
    let files = read(extra)?;
    let mut extended = EXTENDED.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, config)) = extended.iter().find(|(known, _)| *known == files) {
        return Ok(config.clone());
    }
    let config = trusting(certificates(extra, &files)?)?;
    if extended.len() == REMEMBERED {
        extended.remove(0);
    }
    extended.push((files, config.clone()));
    Ok(config)
}

fn trusting(further: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let trust = Trust::new(further, provider.clone()).map_err(|_| {
        Error::config(message![
            "No certificate of an authority can be found on this system. Install its package of them (often \
             ca-certificates), or name a PEM file in ",
            name("ca_file"),
            ".",
        ])
    })?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder =
        builder.map_err(|error| unusable(&error))?.dangerous().with_custom_certificate_verifier(Arc::new(trust));
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// How TLS is spoken where nobody is: every client of HTTP has to know.
pub(crate) fn trusting_nobody() -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable(&error))?;
    Ok(Arc::new(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()))
}

/// As browsers do, AES with keys of 128 bits is offered first: no weaker in practice, and the hash that belongs to it is the
/// one that processors have instructions for. A server that prefers another one has its way.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

fn unusable(error: &rustls::Error) -> Error {
    Error::config(format!("TLS cannot be set up: {error}."))
}

/// A PEM file, or the files of a folder.
fn read(extra: &ExtraRoots) -> Result<Files, Error> {
    let path = Path::new(&extra.path);
    let unread = |file: &Path, error: &io::Error| refused(extra, file, &format!("cannot be read: {error}"));
    let files = files(path).map_err(|error| unread(path, &error))?;
    files.into_iter().map(|file| Ok((content(&file).map_err(|error| unread(&file, &error))?, file))).collect()
}

fn certificates(extra: &ExtraRoots, files: &Files) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut roots = Vec::new();
    for (content, file) in files {
        roots.extend(pem::certificates(content).map_err(|what| refused(extra, file, &what))?);
    }
    let path = Path::new(&extra.path);
    match files.as_slice() {
        _ if !roots.is_empty() => Ok(roots),
        [(content, file)] if file == path => Err(refused(extra, file, pem::instead(content))),
        _ => Err(refused(extra, path, "has no file with a certificate in PEM")),
    }
}

fn refused(ExtraRoots { setting, path }: &ExtraRoots, file: &Path, what: &str) -> Error {
    let file = if file == Path::new(path) { "which".to_owned() } else { format!("whose file {}", file.display()) };
    Error::config(message![name(setting), format!(" names {path}, {file} {what}.")])
}

/// The file itself, or the files of a folder.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = files.into_iter().filter(|file| file.is_file()).collect();
    files.sort();
    Ok(files)
}

fn content(file: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(file)?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if found.len() > MAX_FILE {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    fs::read(file)
}
