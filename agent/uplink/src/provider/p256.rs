//! The curve P-256 in TLS: ECDHE (RFC 8422, 8446) and the signatures of certificates (RFC 5480, 5758), by RustCrypto's `p256`.
//! Never signs. Ring's P-256 brings a table of 152 kB for one multiplication (docs/decisions/124).
//! Called by `provider`.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, Sec1Point, SecretKey, ecdh};
use ring::digest::{self, Algorithm};
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use zeroize::Zeroizing;

/// ECDSA over P-256 of a SHA-256.
pub(super) const SHA256: &dyn SignatureVerificationAlgorithm = &Verified {
    hash: &digest::SHA256,
    identifier: alg_id::ECDSA_SHA256,
};

/// ECDSA over P-256 of a SHA-384, of which the first 256 bits count (FIPS 186-4, 6.4).
pub(super) const SHA384: &dyn SignatureVerificationAlgorithm = &Verified {
    hash: &digest::SHA384,
    identifier: alg_id::ECDSA_SHA384,
};

/// One hash with the curve.
#[derive(Debug)]
struct Verified {
    hash: &'static Algorithm,
    identifier: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Verified {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = uncompressed(public_key).ok_or(InvalidSignature)?;
        let signature = DerSignature::from_bytes(signature).map_err(|_| InvalidSignature)?;
        let hash = digest::digest(self.hash, message);
        VerifyingKey::from(key)
            .verify_prehash(hash.as_ref(), &signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }
}

/// The group secp256r1.
#[derive(Debug)]
pub(super) struct Exchange;

impl SupportedKxGroup for Exchange {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        let secret = loop {
            getrandom::fill(&mut *bytes).map_err(|_| Error::from(GetRandomFailed))?;
            // All but one of 2^32 are below the order of the group and not zero.
            if let Ok(secret) = SecretKey::from_slice(&*bytes) {
                break secret;
            }
        };
        let public = secret.public_key().to_sec1_point(false);
        Ok(Box::new(Started { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

/// Our half of one exchange; the secret is overwritten when it is dropped.
struct Started {
    secret: SecretKey,
    public: Sec1Point,
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = uncompressed(peer).ok_or(PeerMisbehaved::InvalidKeyShare)?;
        let shared = ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

/// A point on the curve that is not infinity, in the one form that TLS 1.3 and ring know (RFC 8446, 4.2.8.2).
fn uncompressed(bytes: &[u8]) -> Option<PublicKey> {
    let point = (bytes.len() == 65 && bytes[0] == 4).then_some(bytes)?;
    PublicKey::from_sec1_bytes(point).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair};
    use rustls::crypto::ring::kx_group;

    use super::*;

    const MESSAGE: &[u8] = b"what a certificate says";

    /// A public key, a signature of `MESSAGE` and both verifiers of that kind, ring's second.
    type Signed = (
        Vec<u8>,
        Vec<u8>,
        [&'static dyn SignatureVerificationAlgorithm; 2],
    );

    /// Signed once by ring.
    fn signed() -> &'static Signed {
        static SIGNED: OnceLock<Signed> = OnceLock::new();
        SIGNED.get_or_init(|| {
            let kind: &EcdsaSigningAlgorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
            let key = EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).expect("a key");
            let signature = key.sign(&random, MESSAGE).expect("a signature");
            let both = [SHA256, webpki::ring::ECDSA_P256_SHA256];
            (
                key.public_key().as_ref().to_vec(),
                signature.as_ref().to_vec(),
                both,
            )
        })
    }

    fn hex(text: &str) -> Vec<u8> {
        let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(pair).collect()
    }

    fn verdicts(
        [own, theirs]: [&dyn SignatureVerificationAlgorithm; 2],
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> (bool, bool) {
        let by = |one: &dyn SignatureVerificationAlgorithm| {
            one.verify_signature(key, message, signature).is_ok()
        };
        (by(own), by(theirs))
    }

    #[test]
    fn what_ring_signed_is_verified_and_nothing_else() {
        let (key, signature, both) = signed();
        assert_eq!(verdicts(*both, key, MESSAGE, signature), (true, true));
        assert_eq!(verdicts(*both, key, b"another", signature), (false, false));
        assert_eq!(
            verdicts(*both, &key[1..], MESSAGE, signature),
            (false, false)
        );
        assert_eq!(verdicts(*both, &[0], MESSAGE, signature), (false, false));
        let infinity = [&[4][..], &[0; 64]].concat();
        assert_eq!(
            verdicts(*both, &infinity, MESSAGE, signature),
            (false, false)
        );
        let mut compressed = key[..33].to_vec();
        compressed[0] = 2 | (key[64] & 1);
        assert_eq!(
            verdicts(*both, &compressed, MESSAGE, signature),
            (false, false)
        );
        // 30 06 02 01 00 02 01 00: both halves are zero.
        let zeros = [0x30, 6, 2, 1, 0, 2, 1, 0];
        assert_eq!(verdicts(*both, key, MESSAGE, &zeros), (false, false));
        let mut longer = signature.clone();
        longer.push(0);
        assert_eq!(verdicts(*both, key, MESSAGE, &longer), (false, false));
    }

    #[test]
    fn a_longer_hash_is_cut_as_nist_cuts_it() {
        // openssl ecparam -name prime256v1 -genkey; openssl dgst -sha384 -sign: ring signs P-256 with SHA-256 alone.
        let key = hex(concat!(
            "04276e75ee5d4ecaf59ab84aaab22546dfa91df291b445174a87c68ea0104d7a6d",
            "2b04db9c34852c9feabe15cbf6624fb4be4645b2cd136dae48acfac84fc2dba7"
        ));
        let signature = hex(concat!(
            "3044022053f184473f9d4efa25b982e569155aeb8fc97fd809532819b503a5f60fd3ca2c",
            "022073acbd776978c765aab0245221ac958870752cbb158e850923c71f1fa8d7c2c4"
        ));
        let both = [SHA384, webpki::ring::ECDSA_P256_SHA384];
        assert_eq!(verdicts(both, &key, MESSAGE, &signature), (true, true));
        assert_eq!(verdicts(both, &key, b"another", &signature), (false, false));
    }

    #[test]
    fn a_secret_is_shared_with_ring() {
        let own = Exchange.start().expect("a key");
        let theirs = kx_group::SECP256R1.start().expect("a key");
        let (own_key, their_key) = (own.pub_key().to_vec(), theirs.pub_key().to_vec());
        let here = own.complete(&their_key).expect("a point of the curve");
        let there = theirs.complete(&own_key).expect("a point of the curve");
        assert_eq!(here.secret_bytes(), there.secret_bytes());
        for bad in [&[][..], &[4; 65], &their_key[..64], &own_key[1..]] {
            let own = Exchange.start().expect("a key");
            assert!(own.complete(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_changed_ring_says_the_same(
            at in 0_usize..140,
            to in any::<u8>(),
            cut in 0_usize..4,
        ) {
            let (key, signature, both) = signed();
            let (mut key, mut signature) = (key.clone(), signature.clone());
            match at.checked_sub(key.len()) {
                None => key[at] = to,
                Some(at) => {
                    let at = at % signature.len();
                    signature[at] = to;
                    signature.truncate(signature.len() - cut);
                }
            }
            let (own, theirs) = verdicts(*both, &key, MESSAGE, &signature);
            prop_assert_eq!(own, theirs);
        }
    }
}
