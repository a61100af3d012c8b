//! The verifier of a server's certificate: the authorities of webpki and of `ca_file`, and a server's own certificate that
//! `ca_file` holds. Never skips host name or validity; what only the date of an answer can tell it leaves to `tls`.
//! Called by rustls in the handshake, and by `tls`.

use logic::fault::{CaFileFlaw, Code, Fault, TlsCause};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::issuer;
use system::clock::Clock;

pub(super) fn unix(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who signed a chain that no known authority has signed.
#[derive(Debug, Clone)]
pub(super) struct UnknownSigner {
    /// As it calls itself.
    pub(super) name: Option<String>,
    /// It is the server itself.
    pub(super) own: bool,
}

/// The verifier of webpki, with what it leaves out.
#[derive(Debug)]
pub(super) struct Judge {
    inner: Arc<WebPkiServerVerifier>,
    /// The certificates of `ca_file`: one that a server shows itself is trusted as it is.
    given: Vec<CertificateDer<'static>>,
    pub(super) clock: Clock,
    /// Of the last chain that no known authority had signed.
    stranger: Mutex<Option<UnknownSigner>>,
}

impl Judge {
    /// The built-in roots and those of `ca_pem`.
    pub(super) fn new(
        ca_pem: Option<&[u8]>,
        clock: Clock,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Fault> {
        let given = ca_pem.map(read).transpose()?.unwrap_or_default();
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for certificate in &given {
            roots
                .add(certificate.clone())
                .map_err(|_| wrong(CaFileFlaw::NotACertificate))?;
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| wrong(CaFileFlaw::Unusable))?;
        Ok(Self {
            inner,
            given,
            clock,
            stranger: Mutex::default(),
        })
    }

    pub(super) fn stranger(&self) -> Option<UnknownSigner> {
        lock(&self.stranger).clone()
    }

    /// Whether a chain is good at `at`.
    pub(super) fn verify(
        &self,
        end: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        at: UnixTime,
    ) -> Result<(), Error> {
        let judged = self
            .inner
            .verify_server_cert(end, intermediates, name, ocsp, at);
        let error = match judged {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let given = self.given.contains(end);
        match &error {
            // webpki looks at the validity first, at this next, and at nothing after it.
            Error::InvalidCertificate(inner) if is_authority(inner) && given => is_for(end, name),
            Error::InvalidCertificate(inner) if is_authority(inner) && issuer::is_own(end) => {
                Err(CertificateError::UnknownIssuer.into())
            }
            Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            }) if given && presented.is_empty() => named(end, name).ok_or(error),
            _ => Err(error),
        }
    }
}

/// Whether the server shows a certificate that may sign others.
fn is_authority(error: &CertificateError) -> bool {
    let CertificateError::Other(other) = error else {
        return false;
    };
    matches!(
        other.0.downcast_ref(),
        Some(webpki::Error::CaUsedAsEndEntity)
    )
}

fn is_for(end: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    match verify_server_name(&ParsedCertificate::try_from(end)?, name) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected,
            presented,
        })) if presented.is_empty() => {
            let error = CertificateError::NotValidForNameContext {
                expected,
                presented,
            };
            named(end, name).ok_or_else(|| error.into())
        }
        judged => judged,
    }
}

/// A certificate without `subjectAltName` names its host as its subject, as it was the custom (RFC 6125 6.4.4). Believed
/// only of one that was given to the box itself.
fn named(end: &CertificateDer<'_>, name: &ServerName<'_>) -> Option<()> {
    let common = issuer::common_name(end)?;
    common.eq_ignore_ascii_case(&name.to_str()).then_some(())
}

fn read(ca_pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let mut given = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        given.push(certificate.map_err(|error| wrong(flaw(&error)))?);
    }
    match given.is_empty() {
        true => Err(wrong(CaFileFlaw::Nothing)),
        false => Ok(given),
    }
}

fn flaw(error: &pem::Error) -> CaFileFlaw {
    match error {
        pem::Error::MissingSectionEnd { .. } => CaFileFlaw::NoEnd,
        pem::Error::IllegalSectionStart { .. } => CaFileFlaw::BrokenBegin,
        pem::Error::Base64Decode(_) => CaFileFlaw::NotBase64,
        _ => CaFileFlaw::Unreadable,
    }
}

fn wrong(found: CaFileFlaw) -> Fault {
    Fault::new(Code::ConfigCaFile, TlsCause::CaFile { found })
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let from = |at: i64| {
            earliest(unix(at), |at| {
                self.verify(end_entity, intermediates, server_name, ocsp_response, at)
            })
        };
        let (floor, lowest) = (self.clock.floor(), self.clock.lowest());
        let verdict = match from(floor) {
            // The date of its answer may take the floor back; until it has, the chain is refused (`Tls::attest`).
            Err(error) if is_expired(&error) && lowest < floor => from(lowest).map_err(|_| error),
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let top = intermediates.last().unwrap_or(end_entity);
                *lock(&self.stranger) = Some(UnknownSigner {
                    name: issuer::name(top),
                    own: issuer::is_own(end_entity),
                });
                Err(CertificateError::UnknownIssuer.into())
            }
            verdict => verdict,
        };
        verdict.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a chain is valid at `at` or at any later time: the box knows only "not earlier than". Each round moves
/// forward to the beginning of one certificate of the chain, so that it ends.
fn earliest<T>(
    mut at: UnixTime,
    verify: impl Fn(UnixTime) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        match verify(at) {
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) if not_before > at => at = not_before,
            verdict => return verdict,
        }
    }
}

fn is_expired(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. }
        )
    )
}
