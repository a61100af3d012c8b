//! A zip of members that are stored as they are: its headers, its directory and its end (APPNOTE 4.3.7, 4.3.12, 4.3.16).
//! Never compresses, never holds a content, never makes zip64 or descriptors: every reader of zips takes it.
//! Called by `results export-tao`, which writes the contents between, and by whoever reads such a file from its begin.

use super::directory::LOCAL;
use super::le32;

/// 1980-01-01 00:00, the first moment that the headers know: the box's time is nobody's business.
const TIME: [u8; 4] = [0, 0, 0x21, 0];

/// One member; lengths and places below 4 GiB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredMember {
    /// Its name, ASCII.
    pub name: String,
    /// Bytes of its content.
    pub size: u32,
    /// CRC-32 of its content.
    pub crc32: u32,
    /// Where its header begins in the file.
    pub offset: u32,
}

impl StoredMember {
    /// Its header, which stands before the content; as long whatever size and CRC-32 are.
    pub fn header(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.shared()[..], self.name.as_bytes()].concat()
    }

    /// Its entry of the directory: a regular file, rw-------.
    fn entry(&self) -> Vec<u8> {
        let made_by = [20, 3];
        let attributes = (0o100_600_u32 << 16).to_le_bytes();
        [
            b"PK\x01\x02",
            &made_by[..],
            &self.shared(),
            &[0; 6],
            &attributes,
            &self.offset.to_le_bytes(),
            self.name.as_bytes(),
        ]
        .concat()
    }

    /// What header and entry have in common: version 2.0, no flags, stored, no extra field.
    fn shared(&self) -> Vec<u8> {
        let size = self.size.to_le_bytes();
        let name = (self.name.len() as u16).to_le_bytes();
        let crc32 = self.crc32.to_le_bytes();
        [
            &[20, 0, 0, 0, 0, 0][..],
            &TIME,
            &crc32,
            &size,
            &size,
            &name,
            &[0, 0],
        ]
        .concat()
    }

    /// A header as `header` makes it, and how long it is, of bytes that begin with one; `None` for anything else. Where it
    /// begins is for the caller to say.
    pub fn read(bytes: &[u8]) -> Option<(Self, u64)> {
        let name = bytes.get(LOCAL as usize..)?;
        let name = name.get(..usize::from(u16::from_le_bytes([bytes[26], bytes[27]])))?;
        let member = Self {
            name: String::from_utf8(name.to_vec()).ok()?,
            size: le32(bytes, 22),
            crc32: le32(bytes, 14),
            offset: 0,
        };
        let header = member.header();
        let length = header.len() as u64;
        bytes.starts_with(&header).then_some((member, length))
    }
}

/// What follows the last content, which ends at `at`: the directory and the end.
pub fn stored_end(members: &[StoredMember], at: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = members.iter().flat_map(StoredMember::entry).collect();
    let size = (bytes.len() as u32).to_le_bytes();
    let count = (members.len() as u16).to_le_bytes();
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    for part in [&count[..], &count, &size, &at.to_le_bytes(), &[0, 0]] {
        bytes.extend(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::PackageTail;
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_made_and_nothing_else_is() {
        let member = StoredMember {
            name: "manifest.json".into(),
            size: 5,
            crc32: 0x1234_5678,
            offset: 0,
        };
        let mut bytes = member.header();
        bytes.extend(b"hello");
        assert_eq!(StoredMember::read(&bytes), Some((member, 43)));
        for at in 0..30 {
            let mut other = bytes.clone();
            other[at] ^= 0x80;
            let read = StoredMember::read(&other);
            assert!(read.is_none() || (14..26).contains(&at), "{at}");
        }
        for length in 0..43 {
            assert_eq!(StoredMember::read(&bytes[..length]), None);
        }
    }

    #[test]
    fn the_reader_of_packages_takes_the_directory() {
        let mut members = vec![StoredMember {
            name: "a".into(),
            size: 3,
            ..StoredMember::default()
        }];
        let mut bytes = members[0].header();
        bytes.extend(b"xyz");
        members.push(StoredMember {
            name: "b.json".into(),
            offset: bytes.len() as u32,
            ..StoredMember::default()
        });
        bytes.extend(members[1].header());
        let at = bytes.len() as u32;
        bytes.extend(stored_end(&members, at));
        let tail = PackageTail::read(bytes.len() as u64, &bytes).unwrap();
        let PackageTail::Whole(directory) = tail else {
            panic!("{tail:?}")
        };
        let names: Vec<_> = directory
            .members
            .iter()
            .map(|member| member.name.clone())
            .collect();
        assert_eq!(names, [b"a".to_vec(), b"b.json".to_vec()]);
    }
}
