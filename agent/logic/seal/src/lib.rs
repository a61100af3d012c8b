//! Sealing at rest: AES-256-GCM with the record's identity as associated data, keyed names in place of identifiers.
//! Never draws a nonce or a key: the caller brings random bytes. Never says why a record does not open.
//! Called by `vault` for every byte that it keeps.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroize;

pub mod rsa;
pub mod tao;

/// Bytes of a nonce; drawn anew for every seal.
pub const NONCE: usize = 12;
/// Bytes that sealing adds: nonce before, tag behind.
pub const OVERHEAD: usize = NONCE + TAG;
const TAG: usize = 16;

/// A 256-bit key; wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one file that holds them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one purpose: HMAC-SHA-256 of the purpose (RFC 5869's expand step with one block).
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> Self {
        Self(self.mac(purpose))
    }

    fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// The keyed hash that stands for an identifier in store keys and file names.
    pub fn name(&self, kind: &str, id: &str) -> NameHash {
        let mut message = Vec::with_capacity(kind.len() + id.len() + 1);
        message.extend_from_slice(kind.as_bytes());
        message.push(0);
        message.extend_from_slice(id.as_bytes());
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.mac(&message)[..16]);
        NameHash(hash)
    }
}

/// 128 bits of a keyed hash: names a thing to those who have the key, tells nothing to others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NameHash(pub [u8; 16]);

impl std::fmt::Display for NameHash {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for NameHash {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for NameHash {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut hash = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(());
        }
        for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| ())?;
        }
        Ok(Self(hash))
    }
}

/// The record is damaged, of another place, or sealed with another key: nothing more can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record does not open with this key")]
pub struct NotOurs;

/// Seals and opens with one key.
#[derive(Clone)]
pub struct Sealer(Aes256Gcm);

impl Sealer {
    /// Prepares a key.
    pub fn new(key: &Key) -> Self {
        Self(Aes256Gcm::new(key.expose().into()))
    }

    /// Nonce, ciphertext, tag. `place` is bound to the record: elsewhere it does not open.
    pub fn seal(&self, nonce: [u8; NONCE], place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut record = Vec::with_capacity(plain.len() + OVERHEAD);
        record.extend_from_slice(&nonce);
        record.extend_from_slice(plain);
        self.seal_in_place(place, &mut record);
        record
    }

    /// Seals in place a buffer that holds `NONCE` bytes of nonce and then the plain bytes; appends the tag.
    pub fn seal_in_place(&self, place: &[u8], record: &mut Vec<u8>) {
        let (nonce, plain) = record
            .split_first_chunk_mut::<NONCE>()
            .expect("a record begins with its nonce");
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(*nonce), place, plain.into())
            .expect("a record is shorter than 64 GiB");
        record.extend_from_slice(&tag);
    }

    /// Opens what `seal` made for the same place.
    ///
    /// # Errors
    /// `NotOurs` for everything else.
    pub fn open(&self, place: &[u8], record: &[u8]) -> Result<Vec<u8>, NotOurs> {
        let mut copy = record.to_vec();
        let plain = self.open_in_place(place, &mut copy)?;
        Ok(plain.to_vec())
    }

    /// Opens in place and lends the plain bytes.
    ///
    /// # Errors
    /// `NotOurs`; the buffer is then of no use.
    pub fn open_in_place<'a>(
        &self,
        place: &[u8],
        record: &'a mut [u8],
    ) -> Result<&'a [u8], NotOurs> {
        let (nonce, rest) = record.split_first_chunk_mut::<NONCE>().ok_or(NotOurs)?;
        let (sealed, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(NotOurs)?;
        let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
        self.0
            .decrypt_inout_detached(&nonce, place, (&mut *sealed).into(), &tag)
            .map_err(|_| NotOurs)?;
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens_at_its_place_and_nowhere_else(plain in prop::collection::vec(any::<u8>(), 0..300), at in any::<usize>(), bit in 0u8..8) {
            let sealer = Sealer::new(&Key::new([7; 32]));
            let sealed = sealer.seal([3; NONCE], b"here", &plain);
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD);
            prop_assert_eq!(sealer.open(b"here", &sealed), Ok(plain.clone()));
            prop_assert_eq!(sealer.open(b"there", &sealed), Err(NotOurs));
            prop_assert_eq!(Sealer::new(&Key::new([8; 32])).open(b"here", &sealed), Err(NotOurs));
            let mut damaged = sealed.clone();
            let at = at % damaged.len();
            damaged[at] ^= 1 << bit;
            prop_assert_eq!(sealer.open(b"here", &damaged), Err(NotOurs));
            let mut in_place = [&[3; NONCE][..], &plain].concat();
            sealer.seal_in_place(b"here", &mut in_place);
            prop_assert_eq!(in_place, sealed);
        }
    }

    /// What lies on the disk of a box opens after every update: test case 16 of the GCM specification.
    #[test]
    fn it_is_aes_256_gcm() {
        let hex = |text: &str| -> Vec<u8> {
            let bytes = text.as_bytes().chunks(2);
            let byte = |digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
            bytes.map(byte).collect()
        };
        let key = hex("feffe9928665731c6d6a8f9467308308").repeat(2);
        let plain = hex(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let sealed = hex(concat!(
            "cafebabefacedbaddecaf888",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ));
        let place = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let sealer = Sealer::new(&Key::new(key.try_into().unwrap()));
        let nonce = sealed[..NONCE].try_into().unwrap();
        assert_eq!(sealer.seal(nonce, &place, &plain), sealed);
        assert_eq!(sealer.open(&place, &sealed), Ok(plain));
    }

    #[test]
    fn a_short_record_is_not_ours() {
        let sealer = Sealer::new(&Key::new([7; 32]));
        assert_eq!(sealer.open(b"", &[0; OVERHEAD - 1]), Err(NotOurs));
    }

    #[test]
    fn names_differ_by_kind_id_and_key_and_survive_print() {
        let key = Key::new([1; 32]);
        let name = key.name("delivery", "a");
        assert_ne!(name, key.name("test-taker", "a"));
        assert_ne!(name, key.name("delivery", "b"));
        assert_ne!(name, Key::new([2; 32]).name("delivery", "a"));
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_eq!("zz".repeat(16).parse::<NameHash>(), Err(()));
    }
}
