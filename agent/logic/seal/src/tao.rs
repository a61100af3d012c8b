//! The symmetric ciphers of taoEncryption as they are: RC4, AES-256-CBC with a zero IV, and its checksum of a key
//! (protocol 13.2, 13.5). None of them authenticates anything. Never used for what boxsync keeps for itself.
//! Called by `logic::encryption`.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};

const BLOCK: usize = 16;

/// RC4 over a value; it is its own inverse. An empty key changes nothing.
pub fn rc4(key: &[u8], text: &[u8]) -> Vec<u8> {
    if key.is_empty() {
        return text.to_vec();
    }
    let mut state: [u8; 256] = std::array::from_fn(|at| at as u8);
    let mut other = 0_u8;
    for at in 0..256 {
        other = other
            .wrapping_add(state[at])
            .wrapping_add(key[at % key.len()]);
        state.swap(at, usize::from(other));
    }
    let (mut at, mut other) = (0_u8, 0_u8);
    let stream = |byte: &u8| {
        at = at.wrapping_add(1);
        other = other.wrapping_add(state[usize::from(at)]);
        state.swap(usize::from(at), usize::from(other));
        let sum = state[usize::from(at)].wrapping_add(state[usize::from(other)]);
        byte ^ state[usize::from(sum)]
    };
    text.iter().map(stream).collect()
}

/// AES-256 in CBC mode with sixteen zero bytes as IV, padded as PKCS #7 says (RFC 5652 6.3).
pub fn aes_cbc(key: &[u8; 32], text: &[u8]) -> Vec<u8> {
    let cipher = Aes256::new(key.into());
    let padding = BLOCK - text.len() % BLOCK;
    let mut sealed = Vec::with_capacity(text.len() + padding);
    sealed.extend_from_slice(text);
    sealed.resize(text.len() + padding, padding as u8);
    let mut before = [0; BLOCK];
    for block in sealed.chunks_exact_mut(BLOCK) {
        let mut mixed = before;
        mixed.iter_mut().zip(&*block).for_each(|(a, b)| *a ^= b);
        let mut out = mixed.into();
        cipher.encrypt_block(&mut out);
        block.copy_from_slice(&out);
        before.copy_from_slice(&out);
    }
    sealed
}

/// PHP's `hash('crc32', …)`: CRC-32/BZIP2, its four bytes printed in reversed order.
pub fn checksum(text: &[u8]) -> String {
    let mut crc = u32::MAX;
    for byte in text {
        crc ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            let carry = crc >> 31;
            crc = (crc << 1) ^ (carry * 0x04C1_1DB7);
        }
    }
    (!crc)
        .to_le_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protocol 13.2; the base64 of the vectors is written as bytes here.
    #[test]
    fn the_vectors_of_the_protocol() {
        assert_eq!(checksum(b"123456789"), "181989fc");
        let fox = b"The quick brown fox jumped over the lazy dog.";
        assert_eq!(checksum(fox), "413a86af");
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        let sealed = aes_cbc(&key, br#"{"a":1}"#);
        let expected = [
            0x04, 0x04, 0x13, 0x35, 0x35, 0x1d, 0xb2, 0x72, 0x9f, 0x1d, 0xe0, 0xad, 0xf3, 0xa4,
            0xc8, 0x5e,
        ];
        assert_eq!(sealed, expected);
        let key = *b"UVVGQlFVRkJRVUZCUVVGQlFVRkJRUT09";
        let sealed = aes_cbc(&key, b"hello");
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "97c668de5f342f0f0def199a7cc3d303");
    }

    /// RFC 6229 2, the key of 40 bits.
    #[test]
    fn rc4_is_the_one_of_the_standard() {
        let stream = rc4(&[1, 2, 3, 4, 5], &[0; 16]);
        let expected = [
            0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27, 0xcc, 0xc3, 0x52, 0x4a, 0x0a, 0x11,
            0x18, 0xa8,
        ];
        assert_eq!(stream, expected);
        assert_eq!(rc4(b"key", &rc4(b"key", b"text")), b"text");
        // Of a key beyond 256 bytes only the first 256 matter.
        let long = [7_u8; 300];
        assert_eq!(rc4(&long, b"text"), rc4(&long[..256], b"text"));
        assert_eq!(rc4(b"", b"text"), b"text");
    }
}
