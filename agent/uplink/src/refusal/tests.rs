//! Every flaw that rustls and webpki can name has a code and a sentence of its own, and none of their Debug text in it.
//! Never waits for a server that has the flaw: the errors are made by hand.
//! Run by `cargo test`.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{
    CertRevocationListError, EncryptedClientHelloError, InconsistentKeys, OtherError,
    PeerIncompatible as Old,
};

use super::*;

const HOST: &str = "central.example:443";

/// Letters in a row as only programs write them: `CaUsedAsEndEntity`.
fn is_for_programmers(text: &str) -> bool {
    let text = text.replace("subjectAltName", "");
    let letters: Vec<char> = text.chars().collect();
    let camel = |pair: &[char]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
    letters.windows(2).any(camel) || text.contains("::") || text.contains('{')
}

#[track_caller]
fn said(error: impl Into<Error>) -> (Code, String) {
    let error = error.into();
    let trouble = refusal(&error, HOST);
    let (code, reason) = (trouble.code, trouble.reason());
    assert!(!is_for_programmers(&reason), "{error:?}: {reason}");
    assert!(reason.contains(HOST), "{reason}");
    assert_eq!(trouble.outcome.exit(), 4);
    (code, reason)
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn presented(names: &[&str]) -> CertificateError {
    CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("central.example").unwrap(),
        presented: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[test]
fn a_word_for_programmers_is_recognised() {
    assert!(is_for_programmers("Other(OtherError(CaUsedAsEndEntity))"));
    assert!(is_for_programmers("DnsName(\"a\")"));
    assert!(!is_for_programmers(
        "it has no subjectAltName, TLS 1.2 (HTTP/1.1)"
    ));
}

#[test]
fn each_flaw_of_a_certificate_has_its_code() {
    use CertificateError as Flaw;
    #[expect(deprecated, reason = "rustls may still say it so")]
    let table = [
        (Flaw::Expired, Code::NetTlsExpired),
        (Flaw::NotValidYet, Code::NetTlsNotYet),
        (
            Flaw::ExpiredContext {
                time: at(9),
                not_after: at(1),
            },
            Code::NetTlsExpired,
        ),
        (
            Flaw::NotValidYetContext {
                time: at(1),
                not_before: at(u64::MAX),
            },
            Code::NetTlsNotYet,
        ),
        (Flaw::NotValidForName, Code::NetTlsHost),
        (presented(&[]), Code::NetTlsHost),
        (Flaw::UnknownIssuer, Code::NetTlsIssuer),
        (Flaw::BadSignature, Code::NetTlsIssuer),
        (Flaw::BadEncoding, Code::NetTlsCertificate),
        (Flaw::Revoked, Code::NetTlsCertificate),
        (Flaw::UnhandledCriticalExtension, Code::NetTlsCertificate),
        (Flaw::UnknownRevocationStatus, Code::NetTlsCertificate),
        (Flaw::ExpiredRevocationList, Code::NetTlsCertificate),
        (
            Flaw::ExpiredRevocationListContext {
                time: at(9),
                next_update: at(1),
            },
            Code::NetTlsCertificate,
        ),
        (Flaw::UnsupportedSignatureAlgorithm, Code::NetTlsCertificate),
        (
            Flaw::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![1],
                supported_algorithms: vec![],
            },
            Code::NetTlsCertificate,
        ),
        (
            Flaw::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: vec![1],
                public_key_algorithm_id: vec![],
            },
            Code::NetTlsCertificate,
        ),
        (Flaw::InvalidPurpose, Code::NetTlsCertificate),
        (Flaw::InvalidOcspResponse, Code::NetTlsCertificate),
        (
            Flaw::ApplicationVerificationFailure,
            Code::NetTlsCertificate,
        ),
        (
            Flaw::Other(OtherError(Arc::new(std::io::Error::other("Debug(Text)")))),
            Code::NetTlsCertificate,
        ),
    ];
    for (flaw, code) in table {
        assert_eq!(said(flaw).0, code);
    }
}

#[test]
fn each_flaw_that_only_webpki_names_is_said() {
    use webpki::Error as Flaw;
    let flaws = [
        Flaw::BadDer,
        Flaw::BadDerTime,
        Flaw::CaUsedAsEndEntity,
        Flaw::CertDistrusted,
        Flaw::CertRevoked,
        Flaw::EmptyEkuExtension,
        Flaw::EndEntityUsedAsCa,
        Flaw::ExtensionValueInvalid,
        Flaw::InvalidCertValidity,
        Flaw::InvalidCrlNumber,
        Flaw::InvalidNetworkMaskConstraint,
        Flaw::InvalidSerialNumber,
        Flaw::InvalidCrlSignatureForPublicKey,
        Flaw::IssuerNotCrlSigner,
        Flaw::MalformedDnsIdentifier,
        Flaw::MalformedExtensions,
        Flaw::MalformedNameConstraint,
        Flaw::MaximumNameConstraintComparisonsExceeded,
        Flaw::MaximumPathBuildCallsExceeded,
        Flaw::MaximumPathDepthExceeded,
        Flaw::MaximumSignatureChecksExceeded,
        Flaw::NameConstraintViolation,
        Flaw::PathLenConstraintViolated,
        Flaw::SignatureAlgorithmMismatch,
        Flaw::TrailingData(webpki::DerTypeId::Certificate),
        Flaw::UnknownRevocationStatus,
        Flaw::UnsupportedCertVersion,
        Flaw::UnsupportedCriticalExtension,
        Flaw::UnsupportedCrlIssuingDistributionPoint,
        Flaw::UnsupportedCrlVersion,
        Flaw::UnsupportedDeltaCrl,
        Flaw::UnsupportedIndirectCrl,
        Flaw::UnsupportedNameType,
        Flaw::UnsupportedRevocationReason,
        Flaw::UnsupportedRevocationReasonsPartitioning,
        Flaw::CrlExpired {
            time: at(9),
            next_update: at(1),
        },
    ];
    for flaw in flaws {
        let told = CertificateError::Other(OtherError(Arc::new(flaw.clone())));
        let (code, reason) = said(told);
        assert_eq!(code, Code::NetTlsCertificate, "{flaw:?}");
        assert!(
            !reason.contains("has no words for"),
            "{flaw:?} has no words"
        );
    }
}

#[test]
fn names_are_told_with_their_kind_where_it_matters() {
    let told = |names: &[&str]| said(presented(names)).1;
    let told = |names: &[&str]| told(names).split_once("but for ").unwrap().1.to_owned();
    assert_eq!(told(&["DnsName(\"a.example\")"]), "a.example");
    assert_eq!(
        told(&["DnsName(\"127.0.0.1\")", "IpAddress(10.0.0.1)"]),
        "127.0.0.1 written as a DNS name, where an IP address is expected, 10.0.0.1"
    );
    assert_eq!(told(&[]), "no host at all (it has no subjectAltName)");
    assert_eq!(
        told(&[
            "UniformResourceIdentifier(\"urn:x\")",
            "DirectoryName",
            "Unsupported(0x01)"
        ]),
        "the URI urn:x, a name of another kind, a name of another kind"
    );
    let many = told(&["DnsName(\"a.example\")"; 100]);
    assert!(many.ends_with("a.example, 92 more"), "{many}");
    let odd = name("DnsName(\"a\u{1b}[2J\u{202e}\")");
    let odd = TlsCause::OtherHosts {
        host: HOST.into(),
        names: vec![odd],
    };
    let told = logic::fault::Cause::from(odd).en();
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
}

#[test]
fn each_failure_of_a_handshake_has_its_code() {
    use AlertDescription as Alert;
    let table = [
        (Error::NoCertificatesPresented, Code::NetTls),
        (
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Code::NetTls,
        ),
        (
            Error::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge),
            Code::NetTlsCertificate,
        ),
        (
            Error::InappropriateMessage {
                expect_types: vec![],
                got_type: 0.into(),
            },
            Code::NetTls,
        ),
        (
            Error::InappropriateHandshakeMessage {
                expect_types: vec![],
                got_type: 0.into(),
            },
            Code::NetTls,
        ),
        (
            Error::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
            Code::NetTls,
        ),
        (Error::UnsupportedNameType, Code::NetTls),
        (Error::DecryptError, Code::NetTls),
        (Error::EncryptError, Code::NetTls),
        (
            Error::PeerIncompatible(Old::ServerDoesNotSupportTls12Or13),
            Code::NetTlsOld,
        ),
        (
            Error::PeerIncompatible(Old::NoCipherSuitesInCommon),
            Code::NetTlsOld,
        ),
        (
            Error::PeerIncompatible(Old::ServerRejectedEncryptedClientHello(None)),
            Code::NetTls,
        ),
        (
            Error::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported),
            Code::NetTls,
        ),
        (
            Error::PeerMisbehaved(PeerMisbehaved::IllegalTlsInnerPlaintext),
            Code::NetTls,
        ),
        (
            Error::InvalidCertRevocationList(CertRevocationListError::ParseError),
            Code::NetTlsCertificate,
        ),
        (Error::General("DebugText(OfSomebody)".into()), Code::NetTls),
        (Error::FailedToGetCurrentTime, Code::NetTls),
        (Error::FailedToGetRandomBytes, Code::NetTls),
        (Error::HandshakeNotComplete, Code::NetTls),
        (Error::PeerSentOversizedRecord, Code::NetTls),
        (Error::NoApplicationProtocol, Code::NetTls),
        (Error::BadMaxFragmentSize, Code::NetTls),
        (
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Code::NetTls,
        ),
        (
            Error::Other(OtherError(Arc::new(webpki::Error::BadDer))),
            Code::NetTls,
        ),
        (
            Error::AlertReceived(Alert::HandshakeFailure),
            Code::NetTlsOld,
        ),
        (
            Error::AlertReceived(Alert::ProtocolVersion),
            Code::NetTlsOld,
        ),
        (
            Error::AlertReceived(Alert::CertificateRequired),
            Code::NetTlsClient,
        ),
        (
            Error::AlertReceived(Alert::UnrecognisedName),
            Code::NetTlsHost,
        ),
    ];
    for (error, code) in table {
        assert_eq!(said(error).0, code);
    }
    // Each number that an alert can have, known or not.
    for number in 0..=u8::MAX {
        said(Error::AlertReceived(Alert::from(number)));
    }
}
