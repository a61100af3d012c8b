//! Test packages of any size: members stored or deflated, and what a new version shares with the old one.
//! Never writes ZIP64; sizes up to 4 GiB.
//! Called by the downloads' benchmark.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Result;

/// Bytes of a member before compression.
const MEMBER: usize = 6 << 20;

/// Writes a package of about so many bytes.
pub(crate) fn write(path: &Path, bytes: u64, deflate: bool) -> Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut directory = Vec::new();
    let (mut at, mut count) = (0_u64, 0_u16);
    // Four contents in turn: making a gigabyte of them would take longer than everything that is measured.
    let contents: Vec<ArchiveMember> = (0..4)
        .map(|seed| ArchiveMember::new(seed, deflate))
        .collect();
    while at < bytes {
        let member = &contents[usize::from(count) % contents.len()];
        let name = format!("items/i{count}/media.bin");
        let mut shared = vec![20, 0, 0, 0, member.method, 0, 0, 0x40, 0x21, 0x5d];
        for number in [member.crc, u32::try_from(member.data.len())?, member.length] {
            shared.extend_from_slice(&number.to_le_bytes());
        }
        shared.extend_from_slice(&u16::try_from(name.len())?.to_le_bytes());
        shared.extend_from_slice(&[0, 0]);
        for part in [
            b"PK\x03\x04".as_slice(),
            &shared,
            name.as_bytes(),
            &member.data,
        ] {
            out.write_all(part)?;
        }
        directory.extend_from_slice(b"PK\x01\x02\x3f\x03");
        directory.extend_from_slice(&shared);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&u32::try_from(at)?.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
        at += 30 + name.len() as u64 + member.data.len() as u64;
        count += 1;
    }
    out.write_all(&directory)?;
    out.write_all(b"PK\x05\x06\0\0\0\0")?;
    out.write_all(&count.to_le_bytes())?;
    out.write_all(&count.to_le_bytes())?;
    out.write_all(&u32::try_from(directory.len())?.to_le_bytes())?;
    out.write_all(&u32::try_from(at)?.to_le_bytes())?;
    out.write_all(&[0, 0])?;
    out.flush()?;
    Ok(at + directory.len() as u64 + 22)
}

struct ArchiveMember {
    method: u8,
    crc: u32,
    length: u32,
    data: Vec<u8>,
}

impl ArchiveMember {
    /// Noise that is stored, or text-like content that deflates to about a third.
    fn new(seed: u64, deflate: bool) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let words: Vec<u64> = (0..512).map(|_| next()).collect();
        let mut content = Vec::with_capacity(MEMBER + 8);
        while content.len() < MEMBER {
            let random = next();
            let word = words[(random >> 32) as usize % words.len()].to_le_bytes();
            if deflate {
                content.extend(
                    word[..3 + (random % 6) as usize]
                        .iter()
                        .map(|byte| b'a' + byte % 26),
                );
                content.push(b' ');
            } else {
                content.extend_from_slice(&random.to_le_bytes());
            }
        }
        let (crc, length) = (crc32fast::hash(&content), content.len() as u32);
        let (method, data) = if deflate {
            (8, miniz_oxide::deflate::compress_to_vec(&content, 6))
        } else {
            (0, content)
        };
        Self {
            method,
            crc,
            length,
            data,
        }
    }
}

/// Bytes of the new package that the old one does not hold: members that are new or changed with their headers, and
/// the directory with the end record.
pub(crate) fn lower_bound(old: &[u8], new: &[u8]) -> u64 {
    let held: HashSet<(Vec<u8>, u64)> = members(old).map(|m| (m.name, m.identity)).collect();
    let end = new.len() - 22;
    let directory = new.len() as u64 - u64::from(number(new, end + 16));
    let missing = members(new).filter(|m| !held.contains(&(m.name.clone(), m.identity)));
    directory
        + missing
            .map(|m| 30 + m.name.len() as u64 + m.packed)
            .sum::<u64>()
}

struct ArchiveEntry {
    name: Vec<u8>,
    /// CRC-32 and packed size.
    identity: u64,
    packed: u64,
}

fn members(archive: &[u8]) -> impl Iterator<Item = ArchiveEntry> {
    let end = archive.len() - 22;
    let mut at = number(archive, end + 16) as usize;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let length = (number(archive, at + 28) & 0xffff) as usize;
        let packed = u64::from(number(archive, at + 20));
        let entry = ArchiveEntry {
            name: archive[at + 46..at + 46 + length].to_vec(),
            identity: u64::from(number(archive, at + 16)) << 32 | packed,
            packed,
        };
        at += 46 + length;
        Some(entry)
    })
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
