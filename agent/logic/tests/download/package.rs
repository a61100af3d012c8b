//! Plain packages for the virtual central, written byte by byte, and their later editions.
//! Never uses the product's code, so that a shared mistake about the format cannot hide.
//! Called by the tests of `download.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    /// What was made once: the scripts differ in what happens to a package, not in its bytes.
    static NOISE: RefCell<BTreeMap<u64, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Bytes that do not compress, the same for the same seed, whatever their number.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    NOISE.with_borrow_mut(|made| {
        let made = made.entry(seed).or_default();
        if made.len() < length {
            *made = new_noise(seed, length.next_power_of_two());
        }
        made[..length].to_vec()
    })
}

fn new_noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = (seed << 1) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let words = (0..length.div_ceil(8)).flat_map(|_| next().rotate_right(29).to_le_bytes());
    words.take(length).collect()
}

/// A zip of stored members, each of so many bytes (APPNOTE 4.3.6).
pub(crate) fn package(members: &[(u64, usize)]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (at, (seed, length)) in members.iter().enumerate() {
        let (name, content) = (format!("items/i{at:03}/qti.xml"), noise(*seed, *length));
        let offset = out.len() as u32;
        let mut fields = [10u16, 0, 0, 0x7925, 0x5d77].map(u16::to_le_bytes).concat();
        let numbers = [crc32fast::hash(&content), *length as u32, *length as u32];
        fields.extend(numbers.map(u32::to_le_bytes).concat());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend(0u16.to_le_bytes());
        out.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), &content].concat());
        central.extend([b"PK\x01\x02\x14\x03", &fields[..]].concat());
        central.extend([0u8; 10]);
        central.extend(offset.to_le_bytes());
        central.extend(name.as_bytes());
    }
    let (start, count) = (out.len() as u32, members.len() as u16);
    let length = central.len() as u32;
    out.extend(central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].map(u16::to_le_bytes).concat());
    out.extend([length, start].map(u32::to_le_bytes).concat());
    out.extend([0, 0]);
    out
}
