//! Judges central's certificate by boxsync's own time, never by the system's clock (anchors part A, 1b and item 5).
//! Never skips a check: on first contact only "not yet valid" waits until central's own `Date` can be compared.
//! Called by `dial` (handshake) and by the exchange (the first answer of a connection).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use logic::words::Trouble;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::fault::{misconfigured, passing, standing};
use super::issuer;

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

/// The time that certificates are judged by: what the box estimates, or what central said if that is later.
#[derive(Debug)]
struct Clock {
    own: Arc<dyn TimeProvider>,
    heard: Mutex<Option<Heard>>,
}

impl Clock {
    fn heard(&self) -> Option<Heard> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, date: i64) {
        let heard = Heard {
            date,
            mono: boottime(),
        };
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let own = self.own.current_time();
        let heard = self.heard().and_then(|heard| {
            let since = boottime().saturating_sub(heard.mono);
            let date = Duration::from_secs(u64::try_from(heard.date).ok()?);
            Some(UnixTime::since_unix_epoch(date + since))
        });
        own.max(heard)
    }
}

/// The chain that a connection showed.
#[derive(Debug)]
pub(super) struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    name: ServerName<'static>,
    /// It is not valid by the time of the box: central's first answer has to prove it.
    unproven: bool,
    /// Whether an answer of this connection was already looked at.
    asked: bool,
}

/// Roots, time and the TLS client made of them.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    judge: Arc<Judge>,
}

impl Tls {
    /// The built-in roots and those of `ca_pem`.
    pub(super) fn new(ca_pem: Option<&[u8]>, time: Arc<dyn TimeProvider>) -> Result<Self, Trouble> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clock = Arc::new(Clock {
            own: time,
            heard: Mutex::new(None),
        });
        let roots = Arc::new(roots(ca_pem)?);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .map_err(|error| {
                misconfigured(
                    "config.ca_file",
                    format!("the certificate authorities cannot be used: {error}"),
                )
            })?;
        let judge = Arc::new(Judge {
            inner,
            clock,
            stranger: Mutex::default(),
        });
        let mut config = ClientConfig::builder_with_details(provider, judge.clock.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| misconfigured("config.tls", format!("TLS cannot be set up: {error}")))?
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
        self.judge.clock.heard()
    }

    /// What a failed handshake means, in plain words.
    pub(super) fn failure(&self, error: &io::Error, host: &str) -> Trouble {
        let refused = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        match refused {
            Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let stranger = &self.judge.stranger;
                let stranger = stranger.lock().unwrap_or_else(PoisonError::into_inner);
                let whom = match &*stranger {
                    Some(name) => format!("\"{name}\", an authority"),
                    None => "an authority".to_owned(),
                };
                let reason = format!(
                    "the certificate of {host} was signed by {whom} that this box does not know"
                );
                standing("net.tls_issuer", reason)
            }
            Some(error) => refusal(error, host),
            None => passing(
                "net.tls",
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
            unproven: true,
            asked: false,
        };
        chain.unproven = self
            .judge
            .clock
            .current_time()
            .is_none_or(|now| self.judge.strict(&chain, now).is_err());
        chain
    }

    /// Looks at the `Date` of a connection's first answer: the chain is checked strictly at it, and only then it
    /// counts as the time. A chain that only central's date can prove fails when it does not.
    pub(super) fn attest(
        &self,
        chain: &mut Chain,
        date: Option<i64>,
        host: &str,
    ) -> Result<(), Trouble> {
        if std::mem::replace(&mut chain.asked, true) {
            return Ok(());
        }
        let moment = date.and_then(|date| u64::try_from(date).ok());
        let Some(moment) = moment else {
            return if chain.unproven {
                let reason = format!(
                    "the certificate of {host} is not valid by the time of this box, and its answer has no date to judge it by"
                );
                Err(standing("net.tls", reason))
            } else {
                Ok(())
            };
        };
        let at = UnixTime::since_unix_epoch(Duration::from_secs(moment));
        match self.judge.strict(chain, at) {
            Ok(()) => {
                self.judge.clock.hear(moment as i64);
                Ok(())
            }
            Err(error) if chain.unproven => Err(refusal(&error, host)),
            // Valid by our time, not by its own: its clock is wrong and is not listened to.
            Err(_) => Ok(()),
        }
    }
}

fn roots(ca_pem: Option<&[u8]>) -> Result<RootCertStore, Trouble> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let wrong = |what: String| {
        misconfigured(
            "config.ca_file",
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

/// The verifier of webpki with one patience.
#[derive(Debug)]
struct Judge {
    inner: Arc<WebPkiServerVerifier>,
    clock: Arc<Clock>,
    /// Who signed the last chain that no known authority had signed.
    stranger: Mutex<Option<String>>,
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
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut at = now;
        loop {
            let verdict = self.inner.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                at,
            );
            // Until a date was heard the box knows only "not earlier than": a later beginning is no proof of fault.
            // What stays open: on first contact the stolen key of a certificate that expired after the box's bound.
            // Each round moves forward to the beginning of one certificate of the chain, so that the loop ends.
            match verdict {
                Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                    not_before,
                    ..
                })) if self.clock.heard().is_none() && not_before > at => at = not_before,
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                    let top = intermediates.last().unwrap_or(end_entity);
                    let mut stranger = self.stranger.lock().unwrap_or_else(PoisonError::into_inner);
                    *stranger = issuer::name(top);
                    return verdict;
                }
                verdict => return verdict,
            }
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

fn refusal(error: &Error, host: &str) -> Trouble {
    let (code, reason) = match error {
        Error::InvalidCertificate(error) => certificate(error, host),
        Error::NoCertificatesPresented => ("net.tls", format!("{host} showed no certificate")),
        Error::InvalidMessage(_) => (
            "net.tls",
            format!(
                "{host} does not speak TLS on this port: a URL with http:// or another port is expected"
            ),
        ),
        Error::AlertReceived(alert) => (
            "net.tls",
            format!("{host} refused the TLS handshake: it answered {alert:?}"),
        ),
        other => (
            "net.tls",
            format!("the TLS handshake with {host} failed: {other}"),
        ),
    };
    standing(code, reason)
}

/// What is wrong with a certificate: each cause that has a remedy of its own has a code of its own.
fn certificate(error: &CertificateError, host: &str) -> (&'static str, String) {
    let day = |time: &UnixTime| {
        // httpdate goes no further than the year 9999.
        let seconds = time.as_secs().min(253_402_300_799);
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
    };
    match error {
        CertificateError::ExpiredContext { time, not_after } => (
            "net.tls_expired",
            format!(
                "the certificate of {host} has expired: it ended {}, and it is {}",
                day(not_after),
                day(time)
            ),
        ),
        CertificateError::Expired => (
            "net.tls_expired",
            format!("the certificate of {host} has expired"),
        ),
        CertificateError::NotValidYetContext { time, not_before } => (
            "net.tls_not_yet",
            format!(
                "the certificate of {host} is not yet valid: it begins {}, and it is {}",
                day(not_before),
                day(time)
            ),
        ),
        CertificateError::NotValidYet => (
            "net.tls_not_yet",
            format!("the certificate of {host} is not yet valid"),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            "net.tls_host",
            format!(
                "the certificate is not for {host}, but for {}",
                names(presented)
            ),
        ),
        CertificateError::NotValidForName => {
            ("net.tls_host", format!("the certificate is not for {host}"))
        }
        CertificateError::UnknownIssuer => (
            "net.tls_issuer",
            format!("no authority that this box knows has signed the certificate of {host}"),
        ),
        // A private authority that was made anew under its old name.
        CertificateError::BadSignature => (
            "net.tls_issuer",
            format!(
                "the certificate of {host} was not signed by the authority that this box knows by that name: [central] ca_file may be an old one"
            ),
        ),
        CertificateError::Revoked => ("net.tls", format!("the certificate of {host} was revoked")),
        other => (
            "net.tls",
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
        names => names.iter().map(bare).collect::<Vec<_>>().join(", "),
    }
}
