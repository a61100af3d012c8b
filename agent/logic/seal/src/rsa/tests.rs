//! A vector that openssl opens, and keys that are none.
//! Never a private key.
//! Run by `cargo test -p seal`.

use sha2::Digest as _;

use super::*;

/// A key of 1024 bits that openssl made (`openssl genrsa 1024`, `openssl rsa -pubout -outform DER`).
const KEY: &str = "30819f300d06092a864886f70d010101050003818d0030818902818100c7132ac4b97c0fff1957d673148ce90853580e4007dd7f7769\
249ad477e88b2a3fdc5ef12abfe785494cce425e4e4b50912dc2b1741d5ce082c0b86c4939cc4a76bd8754e99eab9156f19464f2c542\
365eede01dfa94342e8152d3cf351c3e4b997196a5b4b7ff25369edcf0f5c688e7e450a1078de7f51f3d954051e384cbbb0203010001";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn key() -> PublicKey {
    PublicKey::from_der(&bytes(KEY)).unwrap()
}

/// The expected bytes were computed with Python's `pow` and opened with `openssl pkeyutl -decrypt -pkeyopt
/// rsa_padding_mode:oaep` and the private half, which is thrown away.
#[test]
fn two_blocks_are_what_openssl_opens() {
    let text: Vec<u8> = (0..150).collect();
    assert_eq!(key().seeds(text.len()), 40);
    let seeds = [[7; 20], [8; 20]].concat();
    let sealed = key().encrypt(&text, &seeds).unwrap();
    assert_eq!(sealed.len(), 256);
    let digest = sha2::Sha256::digest(&sealed).to_vec();
    let expected = "a6857d7b812cd7a39026344e43a3a53305a6501f96ac32051d4c21b601898117";
    assert_eq!(digest, bytes(expected));
    assert_eq!(key().encrypt(&text, &seeds[..39]), None);
    assert_eq!(key().encrypt(b"", b""), Some(Vec::new()));
}

#[test]
fn what_is_no_key_is_none() {
    let good = bytes(KEY);
    for at in 0..good.len() {
        assert_eq!(PublicKey::from_der(&good[..at]), None, "cut at {at}");
    }
    let mut long = good.clone();
    long.push(0);
    assert_eq!(PublicKey::from_der(&long), None);
    let mut even = good.clone();
    let last = even.len() - 6;
    even[last] &= 0xfe;
    assert_eq!(PublicKey::from_der(&even), None, "an even modulus");
    assert_eq!(PublicKey::from_der(b""), None);
}

#[test]
fn powers_are_right_for_any_block() {
    // The square of R and the product are checked by a small identity: x^1 is x.
    let one = PublicKey {
        exponent: 1,
        ..key()
    };
    for seed in 0_u8..50 {
        let mut block = vec![seed; 128];
        block[0] = 0;
        block[1 + usize::from(seed)] = 0xff;
        assert_eq!(one.power(&block), block);
    }
}
