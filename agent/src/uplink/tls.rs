//! Judges central's certificate by boxsync's own time, never by the system's clock (anchors part A, 1b and item 5).
//! Never skips a check: what the handshake cannot tell waits for central's own `Date` (`logic::time::judge`), and nothing
//! secret is sent before.
//! Called by `dial` (handshake) and by the exchange (the first answer of a connection).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use logic::fault::{Code, Fault};
use logic::outside;
use logic::time::{self, Accepted, Verdict};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use super::fault::passing;
use super::issuer;
use crate::clock::Clock;

/// The time by central's authenticated `Date`, and when it was heard on the clock that counts suspend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Unix seconds by central's clock.
    pub date: i64,
    /// `CLOCK_BOOTTIME` at that moment.
    pub mono: Duration,
}

/// `CLOCK_BOOTTIME`: counts suspend, never steps. Zero where the kernel has none.
pub(super) fn boottime() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Into::into)
}

/// The chain that a connection showed.
#[derive(Debug)]
pub(super) struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    name: ServerName<'static>,
    /// It is not valid by the time of the box, and was not proven yet: the date of an answer has to.
    doubtful: bool,
    /// Whether an answer of this connection was already looked at.
    asked: bool,
}

impl Chain {
    /// Whether the date of an answer has to prove it before anything secret is sent.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful && !self.asked
    }
}

/// Roots, time and the TLS client made of them.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    judge: Arc<Judge>,
}

impl Tls {
    /// The built-in roots and those of `ca_pem`.
    pub(super) fn new(ca_pem: Option<&[u8]>, clock: Clock) -> Result<Self, Fault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots(ca_pem)?);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .map_err(|error| {
                Fault::new(
                    Code::ConfigCaFile,
                    format!("the certificate authorities cannot be used: {error}"),
                )
            })?;
        let judge = Arc::new(Judge {
            inner,
            clock: clock.clone(),
            stranger: Mutex::default(),
            heard: Mutex::default(),
            proven: Mutex::default(),
        });
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock))
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::new(Code::ConfigTls, format!("TLS cannot be set up: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            judge,
        })
    }

    pub(super) fn heard(&self) -> Option<Heard> {
        *lock(&self.judge.heard)
    }

    /// What a failed handshake means, in plain words.
    pub(super) fn failure(&self, error: &io::Error, host: &str) -> Fault {
        let refused = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        match refused {
            Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let stranger = lock(&self.judge.stranger);
                let whom = match &*stranger {
                    Some(name) => format!("{}, an authority", outside::quoted(name)),
                    None => "an authority".to_owned(),
                };
                let reason = format!(
                    "the certificate of {host} was signed by {whom} that this box does not know"
                );
                Fault::new(Code::NetTlsIssuer, reason)
            }
            Some(error) => refusal(error, host),
            None => passing(
                Code::NetTls,
                format!(
                    "{host} closed the connection in the TLS handshake: a port that speaks plain http, or a firewall ({})",
                    error.kind()
                ),
            ),
        }
    }

    /// Takes what a handshake showed; resumed sessions remember their chain.
    pub(super) fn chain(
        &self,
        certificates: &[CertificateDer<'_>],
        name: ServerName<'static>,
    ) -> Chain {
        let mut chain = Chain {
            certificates: certificates
                .iter()
                .map(|c| c.clone().into_owned())
                .collect(),
            name,
            doubtful: true,
            asked: false,
        };
        let clock = &self.judge.clock;
        let sound = |at: i64| self.judge.strict(&chain, unix(at)).is_ok();
        let proven = chain.certificates.first() == lock(&self.judge.proven).as_ref();
        chain.doubtful = !(sound(clock.floor()) || sound(clock.time()) || proven);
        chain
    }

    /// Looks at the `Date` of a connection's first answer. A chain that is valid at it has told the time, whatever
    /// becomes of the connection; one that only the date can prove fails when it does not (`logic::time::judge`).
    pub(super) fn attest(
        &self,
        chain: &mut Chain,
        date: Option<i64>,
        host: &str,
    ) -> Result<(), Fault> {
        if std::mem::replace(&mut chain.asked, true) {
            return Ok(());
        }
        let judge = &self.judge;
        let valid = |at: i64| judge.strict(chain, unix(at)).is_ok();
        if let Some(date) = date.filter(|date| valid(*date)) {
            judge.clock.answer(date);
        }
        let (floor, lowest) = (judge.clock.floor(), judge.clock.lowest());
        match time::judge(valid, date, floor, lowest) {
            Verdict::Accepted(how) => {
                if let (Accepted::ByDate, Some(date)) = (how, date) {
                    *lock(&judge.heard) = Some(Heard {
                        date,
                        mono: boottime(),
                    });
                    *lock(&judge.proven) = chain.certificates.first().cloned();
                }
                Ok(())
            }
            // Valid by what was heard before.
            _ if !chain.doubtful => Ok(()),
            Verdict::Undated => {
                let reason = format!(
                    "the certificate of {host} is not valid by the time of this box, and its answer has no date to judge it by"
                );
                Err(Fault::new(Code::NetTls, reason))
            }
            Verdict::Behind => Err(behind(host, date.unwrap_or_default(), floor)),
            Verdict::Refused(at) => match judge.strict(chain, unix(at)) {
                Ok(()) => Ok(()),
                Err(error) => Err(refusal(&error, host)),
            },
        }
    }
}

/// One of the two is wrong: central's clock with its certificate, or what this box takes for certain.
fn behind(host: &str, date: i64, floor: i64) -> Fault {
    let reason = format!(
        "the certificate of {host} is valid at the date of its own answer, {}, and no more at {}, which this box takes for certain: one of the two is wrong",
        day(&unix(date)),
        day(&unix(floor))
    );
    Fault::new(Code::ClockFloor, reason)
}

fn unix(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn roots(ca_pem: Option<&[u8]>) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let wrong = |what: String| {
        Fault::new(
            Code::ConfigCaFile,
            format!("[central] ca_file: expected PEM certificates, {what}"),
        )
    };
    if let Some(pem) = ca_pem {
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
            found = true;
        }
        if !found {
            return Err(wrong("found none".into()));
        }
    }
    Ok(roots)
}

/// The verifier of webpki, which leaves what only the date of an answer can tell to `Tls::attest`.
#[derive(Debug)]
struct Judge {
    inner: Arc<WebPkiServerVerifier>,
    clock: Clock,
    /// Who signed the last chain that no known authority had signed.
    stranger: Mutex<Option<String>>,
    /// The last authenticated date of this line.
    heard: Mutex<Option<Heard>>,
    /// The certificate that it came with.
    proven: Mutex<Option<CertificateDer<'static>>>,
}

impl Judge {
    fn strict(&self, chain: &Chain, at: UnixTime) -> Result<(), Error> {
        let (end, intermediates) = chain
            .certificates
            .split_first()
            .ok_or(Error::NoCertificatesPresented)?;
        self.inner
            .verify_server_cert(end, intermediates, &chain.name, &[], at)
            .map(|_| ())
    }
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
            let verify = |at| {
                let inner = &self.inner;
                inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at)
            };
            earliest(unix(at), verify)
        };
        let (floor, lowest) = (self.clock.floor(), self.clock.lowest());
        match from(floor) {
            // The date of its answer may take the floor back; until it has, the chain is refused (`attest`).
            Err(error) if is_expired(&error) && lowest < floor => from(lowest).map_err(|_| error),
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let top = intermediates.last().unwrap_or(end_entity);
                *lock(&self.stranger) = issuer::name(top);
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
            }
            verdict => verdict,
        }
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

fn refusal(error: &Error, host: &str) -> Fault {
    let (code, reason) = match error {
        Error::InvalidCertificate(error) => certificate(error, host),
        Error::NoCertificatesPresented => (Code::NetTls, format!("{host} showed no certificate")),
        Error::InvalidMessage(_) => (
            Code::NetTls,
            format!(
                "{host} does not speak TLS on this port: a URL with http:// or another port is expected"
            ),
        ),
        // Which of them comes is the server's taste (RFC 8446 4.4.2.4, RFC 5246 7.4.6); the first names it.
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            (Code::NetTlsClient, demands_certificate(host))
        }
        Error::AlertReceived(alert) => (
            Code::NetTls,
            format!("{host} refused the TLS handshake: it answered {alert:?}"),
        ),
        other => (
            Code::NetTls,
            format!("the TLS handshake with {host} failed: {other}"),
        ),
    };
    Fault::new(code, reason)
}

/// A server that wants to see a certificate of whoever connects.
pub(super) fn demands_certificate(host: &str) -> String {
    format!("{host} demands a certificate of this box (mutual TLS)")
}

/// Whether an error of a connection is the alert that says so: in TLS 1.3 it comes after the handshake.
pub(super) fn is_demand(error: &io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    matches!(
        inner,
        Some(Error::AlertReceived(AlertDescription::CertificateRequired))
    )
}

fn day(time: &UnixTime) -> String {
    // httpdate goes no further than the year 9999.
    let seconds = time.as_secs().min(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// What is wrong with a certificate: each cause that has a remedy of its own has a code of its own.
fn certificate(error: &CertificateError, host: &str) -> (Code, String) {
    match error {
        CertificateError::ExpiredContext { time, not_after } => (
            Code::NetTlsExpired,
            format!(
                "the certificate of {host} has expired: it ended {}, and it is {}",
                day(not_after),
                day(time)
            ),
        ),
        CertificateError::Expired => (
            Code::NetTlsExpired,
            format!("the certificate of {host} has expired"),
        ),
        CertificateError::NotValidYetContext { time, not_before } => (
            Code::NetTlsNotYet,
            format!(
                "the certificate of {host} is not yet valid: it begins {}, and it is {}",
                day(not_before),
                day(time)
            ),
        ),
        CertificateError::NotValidYet => (
            Code::NetTlsNotYet,
            format!("the certificate of {host} is not yet valid"),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            Code::NetTlsHost,
            format!(
                "the certificate is not for {host}, but for {}",
                names(presented)
            ),
        ),
        CertificateError::NotValidForName => (
            Code::NetTlsHost,
            format!("the certificate is not for {host}"),
        ),
        CertificateError::UnknownIssuer => (
            Code::NetTlsIssuer,
            format!("no authority that this box knows has signed the certificate of {host}"),
        ),
        // A private authority that was made anew under its old name.
        CertificateError::BadSignature => (
            Code::NetTlsIssuer,
            format!(
                "the certificate of {host} was not signed by the authority that this box knows by that name: [central] ca_file may be an old one"
            ),
        ),
        CertificateError::Revoked => (
            Code::NetTls,
            format!("the certificate of {host} was revoked"),
        ),
        other => (
            Code::NetTls,
            format!("the certificate of {host} cannot be accepted: {other:?}"),
        ),
    }
}

/// The names within rustls' `DnsName("a.example")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| match name.split('"').nth(1) {
        Some(bare) => bare.to_owned(),
        None => name.clone(),
    };
    match presented {
        [] => "no host at all".to_owned(),
        names => names
            .iter()
            .map(|name| outside::id(&bare(name)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
