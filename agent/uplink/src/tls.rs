//! Judges central's certificate by boxsync's own time, never by the system's clock (anchors part A, 1b and item 5).
//! Never skips a check: what the handshake cannot tell waits for central's own `Date` (`logic::time::judge`), and nothing
//! secret is sent before.
//! Called by `dial` (handshake) and by the exchange (the first answer of a connection).

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logic::fault::{Code, Fault, TlsCause};
use logic::time::{self, ChainReason, ChainVerdict};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, Error};

use super::fault::passing;
use super::provider::provider;
use super::refusal::{day, refusal};
use super::trust::{Judge, UnknownSigner, lock, unix};
use system::clock::Clock;

/// The time by central's authenticated `Date`, and when it was heard on the clock that counts suspend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticatedDate {
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
    /// The last authenticated date of this line.
    heard: Mutex<Option<AuthenticatedDate>>,
    /// The certificate that it came with.
    proven: Mutex<Option<CertificateDer<'static>>>,
}

impl Tls {
    /// The built-in roots and those of `ca_pem`.
    pub(super) fn new(ca_pem: Option<&[u8]>, clock: Clock) -> Result<Self, Fault> {
        let provider = Arc::new(provider());
        let judge = Arc::new(Judge::new(ca_pem, clock.clone(), provider.clone())?);
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock))
            .with_safe_default_protocol_versions()
            .map_err(|_| Fault::new(Code::ConfigTls, TlsCause::NotSetUp))?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            judge,
            heard: Mutex::default(),
            proven: Mutex::default(),
        })
    }

    pub(super) fn heard(&self) -> Option<AuthenticatedDate> {
        *lock(&self.heard)
    }

    /// What a failed handshake means, in plain words.
    pub(super) fn failure(&self, error: &io::Error, host: &str) -> Fault {
        let refused = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        match refused {
            Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                Fault::new(Code::NetTlsIssuer, unknown(self.judge.stranger(), host))
            }
            Some(error) => refusal(error, host),
            None => passing(
                Code::NetTls,
                TlsCause::HandshakeClosed { host: host.into() },
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
        let sound = |at: i64| self.holds(&chain, at).is_ok();
        let proven = chain.certificates.first() == lock(&self.proven).as_ref();
        chain.doubtful = !(sound(clock.floor()) || sound(clock.time()) || proven);
        chain
    }

    /// Whether a chain is good at `at`, Unix seconds.
    fn holds(&self, chain: &Chain, at: i64) -> Result<(), Error> {
        let (end, intermediates) = chain
            .certificates
            .split_first()
            .ok_or(Error::NoCertificatesPresented)?;
        self.judge
            .verify(end, intermediates, &chain.name, &[], unix(at))
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
        let valid = |at: i64| self.holds(chain, at).is_ok();
        if let Some(date) = date.filter(|date| valid(*date)) {
            judge.clock.answer(date);
        }
        let (floor, lowest) = (judge.clock.floor(), judge.clock.lowest());
        match time::judge(valid, date, floor, lowest) {
            ChainVerdict::Accepted(how) => {
                if let (ChainReason::ByDate, Some(date)) = (how, date) {
                    *lock(&self.heard) = Some(AuthenticatedDate {
                        date,
                        mono: boottime(),
                    });
                    *lock(&self.proven) = chain.certificates.first().cloned();
                }
                Ok(())
            }
            // Valid by what was heard before.
            _ if !chain.doubtful => Ok(()),
            ChainVerdict::Undated => {
                let host = host.to_owned();
                Err(Fault::new(Code::NetTls, TlsCause::Undated { host }))
            }
            ChainVerdict::Behind => Err(behind(host, date.unwrap_or_default(), floor)),
            ChainVerdict::Refused(at) => match self.holds(chain, at) {
                Ok(()) => Ok(()),
                Err(error) => Err(refusal(&error, host)),
            },
        }
    }
}

/// One of the two is wrong: central's clock with its certificate, or what this box takes for certain.
fn behind(host: &str, date: i64, floor: i64) -> Fault {
    let cause = TlsCause::BehindFloor {
        host: host.to_owned(),
        date: day(&unix(date)),
        floor: day(&unix(floor)),
    };
    Fault::new(Code::ClockFloor, cause)
}

/// Who signed what no known authority has signed.
fn unknown(stranger: Option<UnknownSigner>, host: &str) -> TlsCause {
    let host = host.to_owned();
    match stranger {
        Some(UnknownSigner { own: true, .. }) => TlsCause::SelfSigned { host },
        Some(UnknownSigner {
            name: Some(name), ..
        }) => TlsCause::SignedBy {
            host,
            issuer: name.as_str().into(),
        },
        _ => TlsCause::SignedByUnknown { host },
    }
}
