//! RSA-OAEP with SHA-1 and the public key alone (RFC 8017 7.1.1), as phpseclib does it for taoEncryption (protocol 13.2).
//! Never holds a private key, and never draws a seed: the caller brings random bytes.
//! Called by `logic::encryption` for each answer that goes to an encrypted central.

use sha1::{Digest, Sha1};

/// Bytes of a digest, and of a seed.
pub const SEED: usize = 20;
/// What OAEP adds to a block.
const OVERHEAD: usize = 2 * SEED + 2;
/// Moduli that are taken, in bytes: 1024 to 4096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 128..=512;
/// `rsaEncryption` (RFC 8017 A.1) with its null parameters, as DER.
const ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// A public key that was read, prepared for many blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Little-endian limbs.
    modulus: Vec<u64>,
    exponent: u64,
    /// Bytes of the modulus.
    size: usize,
    /// R² mod n, R being 2 to the bits of the limbs.
    square: Vec<u64>,
    /// −1/n mod 2⁶⁴.
    inverse: u64,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 4.1.2.7) in DER. `None` for anything else, for an even modulus, one of a
    /// size that is not taken, and an exponent beyond 64 bits.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (outer, rest) = element(der, 0x30)?;
        let bits = outer.strip_prefix(&ALGORITHM)?;
        let (bits, behind) = element(bits, 0x03)?;
        let (key, end) = element(bits.strip_prefix(&[0])?, 0x30)?;
        let (modulus, exponent) = element(key, 0x02)?;
        let (exponent, last) = element(exponent, 0x02)?;
        let whole = [rest, behind, end, last].iter().all(|rest| rest.is_empty());
        let (modulus, exponent) = (unsigned(modulus)?, unsigned(exponent)?);
        if !whole || !MODULUS.contains(&modulus.len()) || modulus.last()? % 2 == 0 {
            return None;
        }
        let exponent = match exponent.len() {
            1..=8 => exponent.iter().fold(0, |e, byte| e << 8 | u64::from(*byte)),
            _ => return None,
        };
        let limbs = limbs(modulus);
        let mut inverse = 1_u64;
        for _ in 0..6 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(limbs[0].wrapping_mul(inverse)));
        }
        let mut square = vec![0; limbs.len()];
        square[0] = 1;
        for _ in 0..128 * limbs.len() {
            double(&mut square, &limbs);
        }
        Some(Self {
            exponent,
            size: modulus.len(),
            square,
            inverse: inverse.wrapping_neg(),
            modulus: limbs,
        })
    }

    /// Bytes of random seeds that a text of so many bytes takes.
    pub fn seeds(&self, text: usize) -> usize {
        text.div_ceil(self.size - OVERHEAD) * SEED
    }

    /// The text in blocks, each encrypted, joined. `None` if `seeds` are too few.
    pub fn encrypt(&self, text: &[u8], seeds: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = Vec::new();
        let mut seeds = seeds.chunks_exact(SEED);
        for block in text.chunks(self.size - OVERHEAD) {
            let padded = self.pad(block, seeds.next()?);
            sealed.extend(self.power(&padded));
        }
        Some(sealed)
    }

    /// EME-OAEP encoding with an empty label (RFC 8017 7.1.1, step 2).
    fn pad(&self, text: &[u8], seed: &[u8]) -> Vec<u8> {
        let mut padded = vec![0; self.size];
        let (head, data) = padded.split_at_mut(1 + SEED);
        data[..SEED].copy_from_slice(&Sha1::digest([]));
        let at = data.len() - text.len();
        data[at - 1] = 1;
        data[at..].copy_from_slice(text);
        mask(data, seed);
        head[1..].copy_from_slice(seed);
        mask(&mut head[1..], data);
        padded
    }

    /// The block to the power of the exponent.
    fn power(&self, block: &[u8]) -> Vec<u8> {
        let mut one = vec![0; self.modulus.len()];
        one[0] = 1;
        let base = self.multiply(&limbs_of(block, self.modulus.len()), &self.square);
        let mut result = self.multiply(&one, &self.square);
        for bit in (0..u64::BITS - self.exponent.leading_zeros()).rev() {
            result = self.multiply(&result, &result);
            if self.exponent >> bit & 1 == 1 {
                result = self.multiply(&result, &base);
            }
        }
        let result = self.multiply(&result, &one);
        let mut bytes: Vec<u8> = result.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        bytes.truncate(self.size);
        bytes.reverse();
        bytes
    }

    /// Montgomery's product: a·b/R mod n, for a and b below n.
    fn multiply(&self, a: &[u64], b: &[u64]) -> Vec<u64> {
        let (n, size) = (&self.modulus, self.modulus.len());
        let mut sum = vec![0_u64; size + 2];
        for limb in b {
            let mut carry = 0;
            for at in 0..size {
                (sum[at], carry) = add_product(sum[at], a[at], *limb, carry);
            }
            let (top, over) = sum[size].overflowing_add(carry);
            (sum[size], sum[size + 1]) = (top, u64::from(over));
            let factor = sum[0].wrapping_mul(self.inverse);
            let (_, mut carry) = add_product(sum[0], factor, n[0], 0);
            for at in 1..size {
                (sum[at - 1], carry) = add_product(sum[at], factor, n[at], carry);
            }
            let (top, over) = sum[size].overflowing_add(carry);
            (sum[size - 1], sum[size]) = (top, sum[size + 1] + u64::from(over));
        }
        let over = sum[size] != 0;
        sum.truncate(size);
        if over || !is_below(&sum, n) {
            subtract(&mut sum, n);
        }
        sum
    }
}

/// An element of DER with this tag: its content, and what stands behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match *der.strip_prefix(&[tag])? {
        [short @ 0..=0x7f, ref rest @ ..] => (usize::from(short), rest),
        [0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [0x82, high, low, ref rest @ ..] => (usize::from(high) << 8 | usize::from(low), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// An INTEGER above zero without its sign byte.
fn unsigned(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0, rest @ ..] if rest.first()? & 0x80 != 0 => Some(rest),
        [1..=0x7f, ..] => Some(bytes),
        _ => None,
    }
}

fn limbs(bytes: &[u8]) -> Vec<u64> {
    limbs_of(bytes, bytes.len().div_ceil(8))
}

fn limbs_of(bytes: &[u8], size: usize) -> Vec<u64> {
    let mut limbs: Vec<u64> = bytes
        .rchunks(8)
        .map(|chunk| {
            chunk
                .iter()
                .fold(0, |limb, byte| limb << 8 | u64::from(*byte))
        })
        .collect();
    limbs.resize(size, 0);
    limbs
}

fn add_product(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(sum) + u128::from(carry);
    (wide as u64, (wide >> 64) as u64)
}

fn double(number: &mut [u64], modulus: &[u64]) {
    let mut carry = 0;
    for limb in number.iter_mut() {
        (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
    }
    if carry == 1 || !is_below(number, modulus) {
        subtract(number, modulus);
    }
}

fn is_below(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn subtract(from: &mut [u64], what: &[u64]) {
    let mut borrow = false;
    for (limb, other) in from.iter_mut().zip(what) {
        let (less, first) = limb.overflowing_sub(*other);
        let (less, second) = less.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (less, first || second);
    }
}

/// MGF1 with SHA-1 (RFC 8017 B.2.1), mixed into `data`.
fn mask(data: &mut [u8], seed: &[u8]) {
    for (counter, part) in (0_u32..).zip(data.chunks_mut(SEED)) {
        let mut hash = Sha1::new();
        hash.update(seed);
        hash.update(counter.to_be_bytes());
        let stream = hash.finalize();
        part.iter_mut().zip(stream).for_each(|(a, b)| *a ^= b);
    }
}

#[cfg(test)]
mod tests;
