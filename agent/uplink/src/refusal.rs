//! Says why a TLS handshake or a certificate is refused: each cause that has a remedy of its own has a code of its own.
//! Never passes on a library's text, which is made for programmers: what it does not know it says so.
//! Called by `tls`.

use logic::fault::{
    AlertWord, CertificateFlaw, Code, Fault, HandshakeFlaw, PresentedName, TlsCause,
};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved,
};

/// The most names of a certificate that are told.
const NAMES: usize = 8;

/// What a refused handshake means.
pub(super) fn refusal(error: &Error, host: &str) -> Fault {
    let host = host.to_owned();
    let (code, cause) = match error {
        Error::InvalidCertificate(error) => certificate(error, host),
        Error::NoCertificatesPresented => (Code::NetTls, TlsCause::NoCertificate { host }),
        Error::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge) => {
            useless(host, CertificateFlaw::TooLong)
        }
        Error::InvalidMessage(_) => (Code::NetTls, TlsCause::NotTls { host }),
        Error::AlertReceived(alert) => alerted(*alert, host),
        Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(_)) => {
            failed(host, HandshakeFlaw::Gone)
        }
        Error::PeerIncompatible(_) => outdated(host),
        Error::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported) => {
            failed(host, HandshakeFlaw::Downgraded)
        }
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => failed(host, HandshakeFlaw::Misbehaved),
        Error::DecryptError | Error::PeerSentOversizedRecord => {
            failed(host, HandshakeFlaw::Changed)
        }
        Error::NoApplicationProtocol => failed(host, HandshakeFlaw::NoHttp),
        Error::InvalidCertRevocationList(_) => useless(host, CertificateFlaw::Revocation),
        Error::FailedToGetRandomBytes => failed(host, HandshakeFlaw::NoRandom),
        Error::UnsupportedNameType
        | Error::InvalidEncryptedClientHello(_)
        | Error::EncryptError
        | Error::General(_)
        | Error::FailedToGetCurrentTime
        | Error::HandshakeNotComplete
        | Error::BadMaxFragmentSize
        | Error::InconsistentKeys(_) => failed(host, HandshakeFlaw::Gone),
        _ => failed(host, HandshakeFlaw::Unknown),
    };
    Fault::new(code, cause)
}

fn failed(host: String, why: HandshakeFlaw) -> (Code, TlsCause) {
    (Code::NetTls, TlsCause::Handshake { host, why })
}

fn useless(host: String, why: CertificateFlaw) -> (Code, TlsCause) {
    (Code::NetTlsCertificate, TlsCause::Useless { host, why })
}

fn outdated(host: String) -> (Code, TlsCause) {
    (Code::NetTlsOld, TlsCause::Old { host })
}

/// What the other side said when it broke off (RFC 8446 6.2, RFC 5246 7.2.2).
fn alerted(alert: AlertDescription, host: String) -> (Code, TlsCause) {
    use AlertDescription as Alert;
    let why = match alert {
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            return outdated(host);
        }
        Alert::UnrecognisedName => return (Code::NetTlsHost, TlsCause::UnknownHost { host }),
        // Which of them comes is the server's taste (RFC 8446 4.4.2.4, RFC 5246 7.4.6); these name it.
        Alert::CertificateRequired | Alert::NoCertificate => {
            return (Code::NetTlsClient, TlsCause::ClientCertificate { host });
        }
        Alert::CloseNotify | Alert::UserCanceled => AlertWord::Closed,
        Alert::AccessDenied => AlertWord::Denied,
        Alert::InternalError => AlertWord::Failed,
        Alert::NoApplicationProtocol => AlertWord::NoHttp,
        Alert::BadRecordMac | Alert::DecryptionFailed | Alert::DecryptError => AlertWord::Changed,
        _ => {
            let number = u8::from(alert);
            return (Code::NetTls, TlsCause::Alert { host, number });
        }
    };
    (Code::NetTls, TlsCause::BrokenOff { host, why })
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

/// What is wrong with a certificate.
fn certificate(error: &CertificateError, host: String) -> (Code, TlsCause) {
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let (end, now) = (day(not_after), day(time));
            (Code::NetTlsExpired, TlsCause::ExpiredAt { host, end, now })
        }
        CertificateError::Expired => (Code::NetTlsExpired, TlsCause::Expired { host }),
        CertificateError::NotValidYetContext { time, not_before } => {
            let (begin, now) = (day(not_before), day(time));
            (Code::NetTlsNotYet, TlsCause::NotYetAt { host, begin, now })
        }
        CertificateError::NotValidYet => (Code::NetTlsNotYet, TlsCause::NotYet { host }),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = names(presented);
            (Code::NetTlsHost, TlsCause::OtherHosts { host, names })
        }
        CertificateError::NotValidForName => (Code::NetTlsHost, TlsCause::OtherHost { host }),
        CertificateError::UnknownIssuer => (Code::NetTlsIssuer, TlsCause::NoAuthority { host }),
        // A private authority that was made anew under its old name.
        CertificateError::BadSignature => (Code::NetTlsIssuer, TlsCause::OtherSignature { host }),
        CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(error) => useless(host, flaw(error)),
            None => useless(host, CertificateFlaw::Unknown),
        },
        error => useless(host, use_of(error)),
    }
}

/// The flaws of a certificate that rustls has a name for.
fn use_of(error: &CertificateError) -> CertificateFlaw {
    #[expect(deprecated, reason = "rustls may still say it so")]
    match error {
        CertificateError::BadEncoding => CertificateFlaw::Written,
        CertificateError::Revoked => CertificateFlaw::Revoked,
        CertificateError::UnhandledCriticalExtension => CertificateFlaw::Critical,
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            CertificateFlaw::Signed
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateFlaw::Purpose
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => CertificateFlaw::Revocation,
        CertificateError::ApplicationVerificationFailure => CertificateFlaw::Unjudged,
        _ => CertificateFlaw::Unknown,
    }
}

/// The flaws that only webpki has a name for.
fn flaw(error: &webpki::Error) -> CertificateFlaw {
    use webpki::Error as Flaw;
    match error {
        Flaw::CaUsedAsEndEntity => CertificateFlaw::Authority,
        Flaw::EndEntityUsedAsCa => CertificateFlaw::SignedByServer,
        Flaw::PathLenConstraintViolated | Flaw::MaximumPathDepthExceeded => {
            CertificateFlaw::LongerThanAllowed
        }
        Flaw::MaximumPathBuildCallsExceeded
        | Flaw::MaximumSignatureChecksExceeded
        | Flaw::MaximumNameConstraintComparisonsExceeded => CertificateFlaw::Entangled,
        Flaw::NameConstraintViolation
        | Flaw::InvalidNetworkMaskConstraint
        | Flaw::MalformedNameConstraint => CertificateFlaw::OtherName,
        Flaw::UnsupportedCertVersion => CertificateFlaw::OldVersion,
        Flaw::CertDistrusted => CertificateFlaw::Distrusted,
        Flaw::SignatureAlgorithmMismatch => CertificateFlaw::TwoAlgorithms,
        Flaw::InvalidSerialNumber => CertificateFlaw::Serial,
        Flaw::UnsupportedCriticalExtension => CertificateFlaw::Critical,
        Flaw::EmptyEkuExtension | Flaw::RequiredEkuNotFoundContext(_) => CertificateFlaw::Purpose,
        Flaw::UnsupportedSignatureAlgorithmContext(_)
        | Flaw::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => CertificateFlaw::Signed,
        Flaw::BadDer
        | Flaw::BadDerTime
        | Flaw::ExtensionValueInvalid
        | Flaw::MalformedDnsIdentifier
        | Flaw::MalformedExtensions
        | Flaw::TrailingData(_)
        | Flaw::UnsupportedNameType
        | Flaw::InvalidCertValidity => CertificateFlaw::Written,
        Flaw::CertRevoked
        | Flaw::UnknownRevocationStatus
        | Flaw::CrlExpired { .. }
        | Flaw::InvalidCrlNumber
        | Flaw::InvalidCrlSignatureForPublicKey
        | Flaw::IssuerNotCrlSigner
        | Flaw::UnsupportedCrlIssuingDistributionPoint
        | Flaw::UnsupportedCrlVersion
        | Flaw::UnsupportedDeltaCrl
        | Flaw::UnsupportedIndirectCrl
        | Flaw::UnsupportedRevocationReason
        | Flaw::UnsupportedRevocationReasonsPartitioning => CertificateFlaw::Revocation,
        _ => CertificateFlaw::Unknown,
    }
}

pub(super) fn day(time: &UnixTime) -> String {
    // httpdate goes no further than the year 9999.
    let seconds = time.as_secs().min(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The names of a certificate, out of rustls' `DnsName("a.example")` and `IpAddress(10.0.0.1)`, each with its kind where
/// the kind is why it does not fit.
fn names(presented: &[String]) -> Vec<PresentedName> {
    if presented.is_empty() {
        return vec![PresentedName::Nobody];
    }
    let mut told: Vec<_> = presented.iter().take(NAMES).map(|n| name(n)).collect();
    if presented.len() > NAMES {
        let count = presented.len() - NAMES;
        told.push(PresentedName::More { count });
    }
    told
}

fn name(presented: &str) -> PresentedName {
    let (kind, rest) = presented.split_once('(').unwrap_or((presented, ""));
    let value = rest.strip_suffix(')').unwrap_or(rest).trim_matches('"');
    match kind {
        "DnsName" if value.parse::<IpAddr>().is_ok() => PresentedName::AddressAsDns {
            address: value.to_owned(),
        },
        "DnsName" | "IpAddress" => PresentedName::Host { name: value.into() },
        "UniformResourceIdentifier" => PresentedName::Uri { uri: value.into() },
        _ => PresentedName::OtherKind,
    }
}

#[cfg(test)]
mod tests;
