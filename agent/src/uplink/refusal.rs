//! Says why a TLS handshake or a certificate is refused: each cause that has a remedy of its own has a code of its own.
//! Never passes on a library's text, which is made for programmers: what it does not know it says so.
//! Called by `tls`.

use logic::fault::{Code, Fault};
use logic::outside;
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
    let (code, reason) = match error {
        Error::InvalidCertificate(error) => certificate(error, host),
        Error::NoCertificatesPresented => (Code::NetTls, format!("{host} showed no certificate")),
        Error::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge) => {
            useless(host, "its chain is too long")
        }
        Error::InvalidMessage(_) => (
            Code::NetTls,
            format!(
                "{host} does not speak TLS on this port: a URL with http:// or another port is expected"
            ),
        ),
        Error::AlertReceived(alert) => alerted(*alert, host),
        Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(_)) => {
            failed(host, "the box could not go on with it")
        }
        Error::PeerIncompatible(_) => outdated(host),
        Error::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported) => {
            failed(host, "something between lowered the version of TLS")
        }
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => failed(
            host,
            "the other side, or a firewall between, does not keep to the rules of TLS",
        ),
        Error::DecryptError | Error::PeerSentOversizedRecord => failed(
            host,
            "what came cannot be decrypted: it was changed on its way",
        ),
        Error::NoApplicationProtocol => failed(host, "the other side does not speak HTTP/1.1"),
        Error::InvalidCertRevocationList(_) => useless(host, REVOCATION),
        Error::FailedToGetRandomBytes => {
            failed(host, "the kernel of the box gave no random numbers")
        }
        Error::UnsupportedNameType
        | Error::InvalidEncryptedClientHello(_)
        | Error::EncryptError
        | Error::General(_)
        | Error::FailedToGetCurrentTime
        | Error::HandshakeNotComplete
        | Error::BadMaxFragmentSize
        | Error::InconsistentKeys(_) => failed(host, "the box could not go on with it"),
        _ => failed(host, UNKNOWN),
    };
    Fault::new(code, reason)
}

const UNKNOWN: &str = "for a reason that boxsync has no words for";
const REVOCATION: &str = "what is said about its revocation cannot be used";
const WRITTEN: &str = "it is not written as a certificate has to be";

fn failed(host: &str, why: &str) -> (Code, String) {
    (
        Code::NetTls,
        format!("the TLS handshake with {host} failed: {why}"),
    )
}

fn useless(host: &str, why: &str) -> (Code, String) {
    let reason = format!("the certificate of {host} cannot be used: {why}");
    (Code::NetTlsCertificate, reason)
}

fn outdated(host: &str) -> (Code, String) {
    let reason = format!(
        "{host} speaks no version or cipher of TLS that is still safe: 1.2 or 1.3 is expected"
    );
    (Code::NetTlsOld, reason)
}

/// What the other side said when it broke off (RFC 8446 6.2, RFC 5246 7.2.2).
fn alerted(alert: AlertDescription, host: &str) -> (Code, String) {
    use AlertDescription as Alert;
    let words = match alert {
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            return outdated(host);
        }
        Alert::UnrecognisedName => {
            let reason = format!("{host} says that it serves no host of this name");
            return (Code::NetTlsHost, reason);
        }
        // Which of them comes is the server's taste (RFC 8446 4.4.2.4, RFC 5246 7.4.6); these name it.
        Alert::CertificateRequired | Alert::NoCertificate => {
            return (Code::NetTlsClient, demands_certificate(host));
        }
        Alert::CloseNotify | Alert::UserCanceled => "it closed the connection",
        Alert::AccessDenied => "it denies access",
        Alert::InternalError => "it failed itself",
        Alert::NoApplicationProtocol => "it does not speak HTTP/1.1",
        Alert::BadRecordMac | Alert::DecryptionFailed | Alert::DecryptError => {
            "what it got cannot be decrypted: it was changed on its way"
        }
        _ => {
            let number = u8::from(alert);
            return (
                Code::NetTls,
                format!("{host} broke off the TLS handshake with alert {number}"),
            );
        }
    };
    (
        Code::NetTls,
        format!("{host} broke off the TLS handshake: {words}"),
    )
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

/// What is wrong with a certificate.
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
        CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(error) => useless(host, flaw(error)),
            None => useless(host, UNKNOWN),
        },
        error => useless(host, use_of(error)),
    }
}

/// The flaws of a certificate that rustls has a name for.
fn use_of(error: &CertificateError) -> &'static str {
    #[expect(deprecated, reason = "rustls may still say it so")]
    match error {
        CertificateError::BadEncoding => WRITTEN,
        CertificateError::Revoked => "it was revoked",
        CertificateError::UnhandledCriticalExtension => CRITICAL,
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => SIGNED,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            PURPOSE
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => REVOCATION,
        CertificateError::ApplicationVerificationFailure => "it could not be judged",
        _ => UNKNOWN,
    }
}

const CRITICAL: &str = "it marks something as critical that boxsync does not know";
const SIGNED: &str =
    "it is signed in a way that is no longer taken for safe, or not known (SHA-1, for example)";
const PURPOSE: &str = "it is not made for a server (extended key usage)";

/// The flaws that only webpki has a name for.
fn flaw(error: &webpki::Error) -> &'static str {
    use webpki::Error as Flaw;
    match error {
        Flaw::CaUsedAsEndEntity => {
            "it is one of an authority (CA:TRUE), not of a server; such a one is taken only if [central] ca_file holds exactly it"
        }
        Flaw::EndEntityUsedAsCa => "it was signed with a certificate that may not sign others",
        Flaw::PathLenConstraintViolated | Flaw::MaximumPathDepthExceeded => {
            "its chain is longer than its authorities allow"
        }
        Flaw::MaximumPathBuildCallsExceeded
        | Flaw::MaximumSignatureChecksExceeded
        | Flaw::MaximumNameConstraintComparisonsExceeded => {
            "its chain is too entangled to be checked"
        }
        Flaw::NameConstraintViolation
        | Flaw::InvalidNetworkMaskConstraint
        | Flaw::MalformedNameConstraint => "its authority may not sign for this name",
        Flaw::UnsupportedCertVersion => "it is of an old version of X.509: 3 is expected",
        Flaw::CertDistrusted => "its authority is no longer trusted",
        Flaw::SignatureAlgorithmMismatch => "it names two different ways in which it is signed",
        Flaw::InvalidSerialNumber => "its serial number is not allowed",
        Flaw::UnsupportedCriticalExtension => CRITICAL,
        Flaw::EmptyEkuExtension | Flaw::RequiredEkuNotFoundContext(_) => PURPOSE,
        Flaw::UnsupportedSignatureAlgorithmContext(_)
        | Flaw::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => SIGNED,
        Flaw::BadDer
        | Flaw::BadDerTime
        | Flaw::ExtensionValueInvalid
        | Flaw::MalformedDnsIdentifier
        | Flaw::MalformedExtensions
        | Flaw::TrailingData(_)
        | Flaw::UnsupportedNameType
        | Flaw::InvalidCertValidity => WRITTEN,
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
        | Flaw::UnsupportedRevocationReasonsPartitioning => REVOCATION,
        _ => UNKNOWN,
    }
}

pub(super) fn day(time: &UnixTime) -> String {
    // httpdate goes no further than the year 9999.
    let seconds = time.as_secs().min(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The names of a certificate, out of rustls' `DnsName("a.example")` and `IpAddress(10.0.0.1)`, each with its kind where
/// the kind is why it does not fit.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no host at all (it has no subjectAltName)".to_owned();
    }
    let mut told: Vec<String> = presented.iter().take(NAMES).map(|n| name(n)).collect();
    if presented.len() > NAMES {
        told.push(format!("{} more", presented.len() - NAMES));
    }
    told.join(", ")
}

fn name(presented: &str) -> String {
    let (kind, rest) = presented.split_once('(').unwrap_or((presented, ""));
    let value = rest.strip_suffix(')').unwrap_or(rest).trim_matches('"');
    match kind {
        "DnsName" if value.parse::<IpAddr>().is_ok() => {
            format!("{value} written as a DNS name, where an IP address is expected")
        }
        "DnsName" => outside::id(value),
        "IpAddress" => outside::id(value),
        "UniformResourceIdentifier" => format!("the URI {}", outside::id(value)),
        _ => "a name of another kind".to_owned(),
    }
}

#[cfg(test)]
mod tests;
