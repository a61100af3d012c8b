//! Writes ZIP archives as PHP's `ZipArchive` does: sizes in the local headers, no extra fields, no descriptors.
//! Never reads one, and never writes ZIP64.
//! Called by `package`.

use bytes::Bytes;

/// One member to be written.
pub(crate) struct Member {
    pub(crate) path: String,
    pub(crate) content: Bytes,
    pub(crate) deflate: bool,
}

/// 2026-09-01 08:00:00 in the MS-DOS format of the headers.
const TIME: [u8; 4] = [0x00, 0x40, 0x21, 0x5d];

/// What a stored member costs beside its content.
pub(crate) fn overhead(path: &str) -> u64 {
    (30 + 46 + 2 * path.len()) as u64
}

/// The archive of the members in their order.
pub(crate) fn write(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::with_capacity(members.iter().map(|m| m.content.len() + 200).sum());
    let mut directory = Vec::new();
    for member in members {
        let packed;
        let (method, flags, data): (u16, u16, &[u8]) = if member.deflate {
            packed = miniz_oxide::deflate::compress_to_vec(&member.content, 6);
            (8, 2, &packed)
        } else {
            (0, 0, &member.content)
        };
        let mut shared = Vec::with_capacity(26);
        shared.extend_from_slice(&20u16.to_le_bytes());
        shared.extend_from_slice(&flags.to_le_bytes());
        shared.extend_from_slice(&method.to_le_bytes());
        shared.extend_from_slice(&TIME);
        shared.extend_from_slice(&crc32fast::hash(&member.content).to_le_bytes());
        shared.extend_from_slice(&size(data.len()));
        shared.extend_from_slice(&size(member.content.len()));
        shared.extend_from_slice(
            &(u16::try_from(member.path.len()).unwrap_or(u16::MAX)).to_le_bytes(),
        );
        shared.extend_from_slice(&[0, 0]);

        let offset = out.len();
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&shared);
        out.extend_from_slice(member.path.as_bytes());
        out.extend_from_slice(data);

        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&[63, 3]);
        directory.extend_from_slice(&shared);
        // Comment length, disk, internal attributes; external ones: a regular file, rw-r--r--.
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(0o100_644u32 << 16).to_le_bytes());
        directory.extend_from_slice(&size(offset));
        directory.extend_from_slice(member.path.as_bytes());
    }
    let at = out.len();
    let count = u16::try_from(members.len())
        .unwrap_or(u16::MAX)
        .to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&size(directory.len()));
    out.extend_from_slice(&size(at));
    out.extend_from_slice(&[0, 0]);
    out
}

fn size(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_stand_where_appnote_4_3_puts_them() {
        let text = Bytes::from("x".repeat(1000));
        let archive = write(&[
            Member {
                path: "a/b.txt".into(),
                content: text.clone(),
                deflate: true,
            },
            Member {
                path: "c".into(),
                content: text.clone(),
                deflate: false,
            },
        ]);
        let end = archive.len() - 22;
        let number =
            |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
        let directory = number(end + 16);
        assert_eq!(directory + number(end + 12), end);
        assert_eq!(&archive[directory + 46..directory + 53], b"a/b.txt");
        assert_eq!(number(directory + 16) as u32, crc32fast::hash(&text));
        let packed = number(directory + 20);
        let data = &archive[37..37 + packed];
        assert_eq!(miniz_oxide::inflate::decompress_to_vec(data).unwrap(), text);
        let second = number(directory + 53 + 42);
        assert_eq!(second, 37 + packed);
        assert_eq!(&archive[second + 31..second + 1031], &text[..]);
        assert_eq!(archive.len(), 37 + packed + 1031 + 53 + 47 + 22);
    }
}
