//! A certificate authority made at start and one server certificate signed by it.
//! Never validates clients.
//! Called once when a central starts with TLS.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the server's certificate looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Valid for `localhost`, `127.0.0.1` and `10.0.2.2` (the host, as a virtual machine sees it), from 2020 to 2036: a
    /// box whose clock stands in 1970 or 2038 cannot judge it by that clock.
    #[default]
    Good,
    /// Expired years ago.
    Expired,
    /// Valid from the year 2100 on.
    Early,
    /// Valid for `elsewhere.example` only.
    WrongHost,
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
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let names = match certificate {
        Certificate::WrongHost => vec!["elsewhere.example".to_owned()],
        _ => ["localhost", "127.0.0.1", "10.0.2.2"]
            .map(str::to_owned)
            .into(),
    };
    let mut server = CertificateParams::new(names)?;
    if certificate == Certificate::Good {
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
        Certificate::Good | Certificate::WrongHost => {}
    }
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![server_certificate.der().clone()], key)
        })
        .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok((Arc::new(config), authority_pem))
}
