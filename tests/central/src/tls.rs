//! A certificate authority made at start and one server certificate signed by it.
//! Never lets anybody in by a certificate: where one is demanded, none is good.
//! Called once when a central starts with TLS.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

/// What the server's certificate looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Valid for `localhost`, `central.test`, `127.0.0.1` and `10.0.2.2` (the host, as a virtual machine sees it), from 2020 to 2036: a
    /// box whose clock stands in 1970 or 2038 cannot judge it by that clock.
    #[default]
    Good,
    /// Expired years ago.
    Expired,
    /// Valid from the year 2100 on.
    Early,
    /// Valid for `elsewhere.example` only.
    WrongHost,
    /// Signed by its own key alone.
    SelfSigned,
    /// Signed by an intermediate authority whose certificate the server does not send.
    NoIntermediate,
    /// A good one, of a server that demands one of its clients, too.
    ForClients,
}

/// The server's configuration and the authority's certificate in PEM.
pub(crate) fn make(certificate: Certificate) -> Result<(Arc<ServerConfig>, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "reference central authority");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let authority_pem = authority_certificate.pem();
    let authority_der = authority_certificate.der().clone();
    let issuer = Issuer::new(authority, authority_key);

    let names = match certificate {
        Certificate::WrongHost => vec!["elsewhere.example".to_owned()],
        _ => ["localhost", "central.test", "127.0.0.1", "10.0.2.2"]
            .map(str::to_owned)
            .into(),
    };
    let mut server = CertificateParams::new(names)?;
    if !matches!(certificate, Certificate::Expired | Certificate::Early) {
        server.not_before = date_time_ymd(2020, 1, 1);
        server.not_after = date_time_ymd(2036, 1, 1);
    }
    server
        .distinguished_name
        .push(DnType::CommonName, "reference central");
    server.use_authority_key_identifier_extension = true;
    match certificate {
        Certificate::Expired => {
            server.not_before = date_time_ymd(2019, 1, 1);
            server.not_after = date_time_ymd(2020, 1, 1);
        }
        Certificate::Early => server.not_before = date_time_ymd(2100, 1, 1),
        Certificate::Good
        | Certificate::WrongHost
        | Certificate::SelfSigned
        | Certificate::NoIntermediate
        | Certificate::ForClients => {}
    }
    let server_key = KeyPair::generate()?;
    let server_certificate = match certificate {
        Certificate::SelfSigned => server.self_signed(&server_key)?,
        Certificate::NoIntermediate => server.signed_by(&server_key, &intermediate()?)?,
        _ => server.signed_by(&server_key, &issuer)?,
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = match certificate {
        Certificate::ForClients => Some(verifier(authority_der, provider.clone())?),
        _ => None,
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            match clients {
                Some(clients) => builder.with_client_cert_verifier(clients),
                None => builder.with_no_client_auth(),
            }
            .with_single_cert(vec![server_certificate.der().clone()], key)
        })
        .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok((Arc::new(config), authority_pem))
}

/// An authority whose own certificate nobody sends.
fn intermediate() -> Result<Issuer<'static, KeyPair>, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority
        .distinguished_name
        .push(DnType::CommonName, "reference intermediate");
    Ok(Issuer::new(authority, KeyPair::generate()?))
}

/// Demands a certificate that the authority has signed, which it never does.
fn verifier(
    authority: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, rcgen::Error> {
    let wrong = |_| rcgen::Error::CouldNotParseCertificate;
    let mut roots = RootCertStore::empty();
    roots.add(authority).map_err(wrong)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| rcgen::Error::CouldNotParseCertificate)
}
