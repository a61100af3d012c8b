//! A small zip writer for tests: plain packages, and every way to lie that a test needs.
//! Never uses the product's code, so that a shared mistake about the format cannot hide.
//! Called by the tests of `zip.rs`.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = (u64::from(seed) << 1) | 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(next).collect()
}

/// One member to write, and how to lie about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) stamp: u32,
    /// Adds an Info-ZIP timestamp: local with access time, central without.
    pub(crate) modified: Option<u32>,
    pub(crate) zip64: bool,
    pub(crate) descriptor: bool,
    pub(crate) size: Option<u32>,
    pub(crate) crc: Option<u32>,
    /// Packed bytes instead of the packed content.
    pub(crate) raw: Option<Vec<u8>>,
    /// Bytes added to the packed content.
    pub(crate) behind: Vec<u8>,
    /// Bytes taken from its end.
    pub(crate) cut: usize,
}

impl WrittenEntry {
    pub(crate) fn new(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.into(),
            content: content.into(),
            stamp: 0x5d77_7925,
            ..Self::default()
        }
    }

    pub(crate) fn deflated(mut self) -> Self {
        self.method = 8;
        self
    }

    fn packed(&self) -> Vec<u8> {
        let mut data = match (&self.raw, self.method) {
            (Some(raw), _) => raw.clone(),
            (None, 8) => miniz_oxide::deflate::compress_to_vec(&self.content, 6),
            _ => self.content.clone(),
        };
        data.truncate(data.len() - self.cut);
        data.extend(&self.behind);
        data
    }

    /// What local header and directory entry share: version to lengths (APPNOTE 4.4.3 to 4.4.11).
    fn fields(&self, numbers: [u32; 3], extra: &[u8]) -> Vec<u8> {
        let flags = self.flags | u16::from(self.descriptor) << 3;
        let mut fields = [20, flags, self.method].map(u16::to_le_bytes).concat();
        fields.extend(self.stamp.to_le_bytes());
        fields.extend(numbers.map(u32::to_le_bytes).concat());
        fields.extend((self.name.len() as u16).to_le_bytes());
        fields.extend((extra.len() as u16).to_le_bytes());
        fields
    }
}

/// Writes packages, plain ones by default.
#[derive(Debug, Default)]
pub(crate) struct ZipWriter {
    /// Bytes before the first member; offsets ignore them unless `shifted`.
    pub(crate) prefix: usize,
    pub(crate) shifted: bool,
    /// Bytes between directory and end record.
    pub(crate) gap: usize,
    /// Bytes behind the end record.
    pub(crate) trailing: usize,
    pub(crate) zip64: bool,
    pub(crate) comment: Vec<u8>,
}

impl ZipWriter {
    pub(crate) fn pack(&self, entries: &[WrittenEntry]) -> Vec<u8> {
        let mut out = vec![b'#'; self.prefix];
        let zero = if self.shifted { 0 } else { self.prefix };
        let mut central = Vec::new();
        for entry in entries {
            let data = entry.packed();
            let crc = crc32fast::hash(&entry.content);
            let size = entry.size.unwrap_or(entry.content.len() as u32);
            let mut numbers = [entry.crc.unwrap_or(crc), data.len() as u32, size];
            let descriptor = numbers.map(u32::to_le_bytes).concat();
            let mut extra = Vec::new();
            if entry.zip64 {
                extra.extend([1, 0, 16, 0]);
                extra.extend(u64::from(numbers[2]).to_le_bytes());
                extra.extend(u64::from(numbers[1]).to_le_bytes());
                (numbers[1], numbers[2]) = (u32::MAX, u32::MAX);
            }
            let mut local = extra.clone();
            if let Some(modified) = entry.modified {
                local.extend(b"UT\x09\x00\x03");
                local.extend(modified.to_le_bytes());
                local.extend(77_u32.to_le_bytes());
                extra.extend(b"UT\x05\x00\x03");
                extra.extend(modified.to_le_bytes());
            }
            central.extend(b"PK\x01\x02\x3f\x03");
            central.extend(entry.fields(numbers, &extra));
            // Comment length, disk, internal and external attributes.
            central.extend([0; 10]);
            central.extend(((out.len() - zero) as u32).to_le_bytes());
            central.extend(&entry.name);
            central.extend(&extra);
            let shown = if entry.descriptor { [0; 3] } else { numbers };
            out.extend(b"PK\x03\x04");
            out.extend(entry.fields(shown, &local));
            out.extend(&entry.name);
            out.extend(&local);
            out.extend(&data);
            if entry.descriptor {
                out.extend(b"PK\x07\x08");
                out.extend(descriptor);
            }
        }
        let start = out.len() - zero;
        out.extend(&central);
        out.extend(vec![b'-'; self.gap]);
        self.end(&mut out, zero, [entries.len(), central.len(), start]);
        out
    }

    fn end(&self, out: &mut Vec<u8>, zero: usize, [count, bytes, start]: [usize; 3]) {
        let numbers = [count, count, bytes, start];
        if self.zip64 {
            let at = (out.len() - zero) as u64;
            out.extend(b"PK\x06\x06");
            out.extend(44_u64.to_le_bytes());
            out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend(numbers.map(|n| (n as u64).to_le_bytes()).concat());
            out.extend(b"PK\x06\x07\0\0\0\0");
            out.extend(at.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
        }
        let shown = numbers.map(|n| if self.zip64 { u32::MAX } else { n as u32 });
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(
            [shown[0], shown[1]]
                .map(|n| (n as u16).to_le_bytes())
                .concat(),
        );
        out.extend([shown[2], shown[3]].map(u32::to_le_bytes).concat());
        out.extend((self.comment.len() as u16).to_le_bytes());
        out.extend(&self.comment);
        out.extend(vec![b'~'; self.trailing]);
    }
}

fn entry() -> impl Strategy<Value = WrittenEntry> {
    let content = prop_oneof![
        vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..150_000_usize).prop_map(|(byte, n)| vec![byte; n]),
        (any::<u32>(), 0..3000_usize).prop_map(|(seed, n)| noise(seed, n)),
    ];
    let shape = (any::<bool>(), any::<u32>(), option::of(any::<u32>()));
    (0..12_u8, content, shape).prop_map(|(name, content, (deflated, stamp, modified))| {
        let mut entry = WrittenEntry::new(&format!("items/{name}"), &content);
        (entry.stamp, entry.modified) = (stamp, modified);
        entry.method = if deflated { 8 } else { 0 };
        entry
    })
}

/// A few members with different names.
pub(crate) fn entries(most: usize) -> impl Strategy<Value = Vec<WrittenEntry>> {
    vec(entry(), 0..most).prop_map(distinct)
}

/// Keeps the first of each name.
pub(crate) fn distinct(mut entries: Vec<WrittenEntry>) -> Vec<WrittenEntry> {
    let mut seen = std::collections::BTreeSet::new();
    entries.retain(|entry| seen.insert(entry.name.clone()));
    entries
}

/// A writer with or without prefix, zip64 records and comment.
pub(crate) fn writer() -> impl Strategy<Value = ZipWriter> {
    let flags = (any::<bool>(), any::<bool>());
    (0..3_usize, flags, vec(any::<u8>(), 0..9)).prop_map(|(prefix, (shifted, zip64), comment)| {
        ZipWriter {
            prefix: prefix.saturating_sub(1) * 5,
            shifted,
            zip64,
            comment,
            ..ZipWriter::default()
        }
    })
}
