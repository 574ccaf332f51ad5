//! Whom a connection trusts: further roots and those of the system, read only as far as they are needed.
//!
//! A system has its certificates twice, in one bundle and in a folder of a file for each. To read both takes ten times
//! as long as the bundle alone, and longer than a call. So a server is shown to the certificates at hand first: those of
//! `ca_file`, else the system's bundle. Only a server that they do not vouch for is shown to all there are.

use std::fs;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::net::pem;
use crate::system::certificates;

/// Trusts whom the system trusts, and further roots.
#[derive(Debug)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    further: Vec<CertificateDer<'static>>,
    at_hand: Option<Arc<WebPkiServerVerifier>>,
    all: OnceLock<Result<Verifier, Error>>,
}

impl Trust {
    /// An error: there is not one root, or a further one cannot be used.
    pub(crate) fn new(further: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let at_hand = at_hand(&further).and_then(|roots| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()
        });
        let trust = Self { provider, further, at_hand, all: OnceLock::new() };
        if trust.at_hand.is_none() {
            trust.all()?;
        }
        Ok(trust)
    }

    fn all(&self) -> Result<&Verifier, Error> {
        let further = || self.further.iter().cloned();
        let all = self.all.get_or_init(|| Verifier::new_with_extra_roots(further(), self.provider.clone()));
        all.as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(at_hand) = &self.at_hand
            && let Ok(verified) = at_hand.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            return Ok(verified);
        }
        self.all()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The further roots, else those of the system's bundle; none where the system keeps its roots elsewhere than in files
/// and has a say of its own about every server.
fn at_hand(further: &[CertificateDer<'static>]) -> Option<RootCertStore> {
    if !certificates::IN_FILES {
        return None;
    }
    let mut roots = RootCertStore::empty();
    if further.is_empty() {
        let bundle = fs::read(certificates::bundle()?).ok()?;
        roots.add_parsable_certificates(pem::bundled(&bundle));
    } else {
        roots.add_parsable_certificates(further.iter().cloned());
    }
    (!roots.is_empty()).then_some(roots)
}
