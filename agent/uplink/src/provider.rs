//! What TLS is spoken with: the part of ring that a client without a certificate of its own needs, and P-256 by RustCrypto.
//! Never signs anything, and never chooses what RFC 8446 (9.1) does not demand of every server: ChaCha20 costs 40 kB of the file.
//! Called by `tls`.

mod p256;

use std::sync::Arc;

use rustls::crypto::ring::{cipher_suite as suite, kx_group};
use rustls::crypto::{
    CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{Error, SignatureScheme};
use webpki::ring as verify;

/// AES-GCM with TLS 1.3 and 1.2, the three groups, every signature that ring verifies.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::X25519, &p256::Exchange, kx_group::SECP384R1],
        signature_verification_algorithms: VERIFIED,
        secure_random: &Kernel,
        key_provider: &Kernel,
    }
}

/// As rustls has it for ring, whose own table is private: for TLS 1.2 a scheme does not fix the curve.
const VERIFIED: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        p256::SHA256,
        p256::SHA384,
        verify::ECDSA_P384_SHA256,
        verify::ECDSA_P384_SHA384,
        verify::ED25519,
        verify::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        verify::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        verify::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        verify::RSA_PKCS1_2048_8192_SHA256,
        verify::RSA_PKCS1_2048_8192_SHA384,
        verify::RSA_PKCS1_2048_8192_SHA512,
        verify::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        verify::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        verify::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[verify::ECDSA_P384_SHA384, p256::SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[p256::SHA256, verify::ECDSA_P384_SHA256],
        ),
        (SignatureScheme::ED25519, &[verify::ED25519]),
        (
            SignatureScheme::RSA_PSS_SHA512,
            &[verify::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA384,
            &[verify::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA256,
            &[verify::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA512,
            &[verify::RSA_PKCS1_2048_8192_SHA512],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA384,
            &[verify::RSA_PKCS1_2048_8192_SHA384],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA256,
            &[verify::RSA_PKCS1_2048_8192_SHA256],
        ),
    ],
};

/// Random bytes of the kernel, and no key of its own.
#[derive(Debug)]
struct Kernel;

impl SecureRandom for Kernel {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        getrandom::fill(bytes).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for Kernel {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_verified_is_what_rustls_verifies_with_ring() {
        let theirs = rustls::crypto::ring::default_provider();
        let own = provider();
        let schemes =
            |of: &CryptoProvider| of.signature_verification_algorithms.supported_schemes();
        assert_eq!(schemes(&own), schemes(&theirs));
        let count = |of: &CryptoProvider| {
            let verified = of.signature_verification_algorithms;
            let mapped = verified.mapping.iter().map(|(_, by)| by.len());
            (verified.all.len(), mapped.collect::<Vec<_>>())
        };
        assert_eq!(count(&own), count(&theirs));
        let suites = |of: &CryptoProvider| {
            let names = of
                .cipher_suites
                .iter()
                .map(|one| format!("{:?}", one.suite()));
            names
                .filter(|name| !name.contains("CHACHA20"))
                .collect::<Vec<_>>()
        };
        assert_eq!(suites(&own), suites(&theirs), "AES in the same order");
        let groups = |of: &CryptoProvider| {
            of.kx_groups
                .iter()
                .map(|one| one.name())
                .collect::<Vec<_>>()
        };
        assert_eq!(groups(&own), groups(&theirs));
    }
}
