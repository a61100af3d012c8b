//! What phpseclib does for taoEncryption: RSA-OAEP, AES-256-CBC, RC4, PHP's crc32 (protocol 13.2).
//! Never draws a random byte: what should be random follows from the content.
//! Called by `encryption`, which opens, and by `sender`, which closes as a TAO box does.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use sha1::{Digest, Sha1};

use super::KeyPair;

const HASH: usize = 20;

/// A private key of PKCS #1.
pub(super) struct PrivateKey {
    modulus: BigUint,
    public: BigUint,
    private: BigUint,
}

impl PrivateKey {
    pub(super) fn of(pair: KeyPair) -> Self {
        let pem = match pair {
            KeyPair::First => include_str!("first.pem"),
            KeyPair::Second => include_str!("second.pem"),
        };
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).expect("a key made by openssl");
        // SEQUENCE { version, n, e, d, … }
        let mut rest = content(&der).0;
        let mut numbers = Vec::new();
        while !rest.is_empty() {
            let (number, behind) = content(rest);
            numbers.push(BigUint::from_bytes_be(number));
            rest = behind;
        }
        Self {
            modulus: numbers[1].clone(),
            public: numbers[2].clone(),
            private: numbers[3].clone(),
        }
    }

    /// SubjectPublicKeyInfo as phpseclib writes it: lines of 64, CR LF, no last line break.
    pub(super) fn public_pem(&self) -> String {
        let number = |number: &BigUint| {
            let mut bytes = number.to_bytes_be();
            if bytes[0] > 0x7f {
                bytes.insert(0, 0);
            }
            der(0x02, &bytes)
        };
        let key = der(
            0x30,
            &[number(&self.modulus), number(&self.public)].concat(),
        );
        let oid = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        let info = [der(0x30, &oid), der(0x03, &[vec![0], key].concat())].concat();
        let text = STANDARD.encode(der(0x30, &info));
        let lines: Vec<&str> = (0..text.len())
            .step_by(64)
            .map(|at| &text[at..text.len().min(at + 64)])
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\r\n{}\r\n-----END PUBLIC KEY-----",
            lines.join("\r\n")
        )
    }

    /// Opens an envelope: length of the key, key, content.
    pub(super) fn open(&self, envelope: &str) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(envelope.get(..3)?, 16).ok()?;
        let (key, content) = envelope[3..].split_at_checked(length)?;
        let sealed = STANDARD.decode(key).ok()?;
        let size = self.modulus.to_bytes_be().len();
        let blocks: Option<Vec<Vec<u8>>> = sealed.chunks(size).map(|b| self.block(b)).collect();
        let session = blocks?.concat();
        unpad(&session, STANDARD.decode(content).ok()?)
    }

    /// The envelope that a box makes of a text with the public half.
    pub(super) fn close(&self, text: &[u8]) -> String {
        const SESSION: usize = 150;
        let session = mask(&[0; SESSION], text);
        let size = self.modulus.to_bytes_be().len();
        let blocks = session.chunks(size - 2 * HASH - 2);
        let sealed: Vec<u8> = blocks
            .flat_map(|part| self.public_block(part, size))
            .collect();
        let (key, content) = (STANDARD.encode(sealed), pad(&session, text));
        format!("{:03x}{key}{}", key.len(), STANDARD.encode(content))
    }

    /// One block: OAEP with SHA-1 put on, then `RSAEP`.
    fn public_block(&self, part: &[u8], size: usize) -> Vec<u8> {
        let mut data = Sha1::digest([]).to_vec();
        data.resize(size - HASH - 2 - part.len(), 0);
        data.push(1);
        data.extend_from_slice(part);
        let seed = Sha1::digest(part);
        let masked = mask(&data, &seed);
        let block = [mask(&seed, &masked), masked].concat();
        let cipher = BigUint::from_bytes_be(&block).modpow(&self.public, &self.modulus);
        let short = cipher.to_bytes_be();
        [vec![0; size - short.len()], short].concat()
    }

    /// One block: `RSADP`, then OAEP with SHA-1 taken off.
    fn block(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let size = self.modulus.to_bytes_be().len();
        let plain = BigUint::from_bytes_be(cipher).modpow(&self.private, &self.modulus);
        let short = plain.to_bytes_be();
        let mut padded = vec![0; size.checked_sub(short.len())?];
        padded.extend(short);
        let (first, rest) = padded.split_first()?;
        let (masked_seed, masked) = rest.split_at(HASH);
        let seed = mask(masked_seed, masked);
        let data = mask(masked, &seed);
        let (label, rest) = data.split_at(HASH);
        let at = rest.iter().position(|byte| *byte != 0)?;
        let good = *first == 0 && label == Sha1::digest([]).as_slice() && rest[at] == 1;
        good.then(|| rest[at + 1..].to_vec())
    }
}

fn unpad(session: &[u8], mut content: Vec<u8>) -> Option<Vec<u8>> {
    let key: &[u8; 32] = session.first_chunk()?;
    let cipher = Aes256::new(key.into());
    if content.is_empty() || !content.len().is_multiple_of(16) {
        return None;
    }
    let mut before = [0; 16];
    for block in content.chunks_exact_mut(16) {
        let sealed: [u8; 16] = (&*block).try_into().ok()?;
        let mut open = sealed.into();
        cipher.decrypt_block(&mut open);
        for (at, byte) in block.iter_mut().enumerate() {
            *byte = open[at] ^ before[at];
        }
        before = sealed;
    }
    let padding = usize::from(*content.last()?);
    let whole = content.len().checked_sub(padding)?;
    let good =
        (1..=16).contains(&padding) && content[whole..].iter().all(|b| usize::from(*b) == padding);
    content.truncate(whole);
    good.then_some(content)
}

/// CBC without a start value, padded as PKCS #7 has it.
fn pad(session: &[u8], text: &[u8]) -> Vec<u8> {
    let key: &[u8; 32] = session.first_chunk().expect("it has 150 bytes");
    let cipher = Aes256::new(key.into());
    let padding = 16 - text.len() % 16;
    let mut content = [text, &vec![padding as u8; padding]].concat();
    let mut before = [0; 16];
    for block in content.chunks_exact_mut(16) {
        for (byte, before) in block.iter_mut().zip(before) {
            *byte ^= before;
        }
        let open: [u8; 16] = (&*block).try_into().expect("it has 16 bytes");
        let mut sealed = open.into();
        cipher.encrypt_block(&mut sealed);
        before = sealed.into();
        block.copy_from_slice(&before);
    }
    content
}

fn mask(data: &[u8], seed: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for counter in 0_u32.. {
        if stream.len() >= data.len() {
            break;
        }
        stream.extend(Sha1::digest([seed, &counter.to_be_bytes()].concat()));
    }
    data.iter().zip(stream).map(|(a, b)| a ^ b).collect()
}

/// The content of a DER element, and what follows it.
fn content(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, from) = match der[1] {
        long @ 0x80.. => {
            let digits = usize::from(long & 0x7f);
            let length = der[2..2 + digits]
                .iter()
                .fold(0, |l, b| l << 8 | usize::from(*b));
            (length, 2 + digits)
        }
        short => (usize::from(short), 2),
    };
    (&der[from..from + length], &der[from + length..])
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ ..0x80 => out.push(length as u8),
        length @ ..0x100 => out.extend([0x81, length as u8]),
        length => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// `hash('crc32', …)`: the BZIP2 polynomial, bytes reversed.
pub(super) fn checksum(text: &str) -> String {
    let crc = text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| match crc >> 31 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x04C1_1DB7,
        })
    });
    format!("{:08x}", (!crc).swap_bytes())
}

pub(super) fn rc4(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut state: Vec<usize> = (0..256).collect();
    let mut j = 0;
    for i in 0..256 {
        j = (j + state[i] + usize::from(key[i % key.len()])) % 256;
        state.swap(i, j);
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        i = (i + 1) % 256;
        j = (j + state[i]) % 256;
        state.swap(i, j);
        out.push(byte ^ state[(state[i] + state[j]) % 256] as u8);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_and_rc4_are_those_of_protocol_13_2() {
        assert_eq!(checksum("123456789"), "181989fc");
        let key = STANDARD.encode("7c0b9c78");
        let wrapped = rc4(key.as_bytes(), b"QUFBQUFBQUFBQUFBQUFBQQ==");
        assert_eq!(STANDARD.encode(wrapped), "IvuU/+BiDW/vlU5fz25Kp+Y1ICzt4U7F");
    }

    #[test]
    fn what_a_box_closes_opens() {
        let key = PrivateKey::of(KeyPair::First);
        for text in ["", "16 bytes exactly", &"é".repeat(300)] {
            let envelope = key.close(text.as_bytes());
            assert!(envelope.starts_with("158"), "{envelope}");
            assert_eq!(key.open(&envelope), Some(text.into()), "{text}");
        }
    }

    #[test]
    fn garbage_does_not_open() {
        let key = PrivateKey::of(KeyPair::First);
        for text in ["", "158", "zzz", "b3BhcXVlIGNpcGhlcnRleHQ=", "004AAAAAAAA"] {
            assert_eq!(key.open(text), None, "{text}");
        }
        assert!(
            key.public_pem()
                .starts_with("-----BEGIN PUBLIC KEY-----\r\nMIGf")
        );
    }
}
