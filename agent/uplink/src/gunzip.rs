//! Inflates a gzip stream as it comes (RFC 1952), bounded, its CRC-32 and length checked at the end.
//! Never gives out more than the bound, whatever the stream claims.
//! Called by `opened`.

use logic::inflate::{Damaged, Inflate};

/// The longest header that is read; nginx and Apache write ten bytes.
const HEADER: usize = 1024;

/// Headers, trailers and padding of a stream may take so much.
const SLACK: usize = 64 << 10;

/// Why a stream cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GzipFlaw {
    /// It is longer than the bound.
    TooLarge,
    /// It is not gzip, damaged, or ends too early.
    Damaged,
}

impl From<Damaged> for GzipFlaw {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

/// One gzip stream in the middle of being read: one member or several (RFC 1952 2.2), perhaps filled up with zeros.
pub(super) struct Gunzip {
    inflate: Box<Inflate>,
    /// Header before the stream, trailer after it.
    held: Vec<u8>,
    stage: GunzipStage,
    crc: crc32fast::Hasher,
    /// Bytes of this member.
    length: usize,
    /// Bytes that the members before it brought.
    before: usize,
    /// Bytes as they came.
    came: usize,
    limit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GunzipStage {
    Header,
    Content,
    Trailer,
    /// A member is whole and sound: another one may follow, or zeros.
    Between,
    Padding,
}

impl Gunzip {
    /// A stream that may inflate to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            inflate: Box::default(),
            held: Vec::new(),
            stage: GunzipStage::Header,
            crc: crc32fast::Hasher::new(),
            length: 0,
            before: 0,
            came: 0,
            limit,
        }
    }

    /// The content that `input` brings.
    pub(super) fn push(&mut self, input: &[u8]) -> Result<Vec<u8>, GzipFlaw> {
        // Packed it is hardly longer than its content; empty members and zeros may go on for ever.
        self.came += input.len();
        if self.came > self.limit + (self.limit >> 3) + SLACK {
            return Err(GzipFlaw::TooLarge);
        }
        let mut out = Vec::new();
        let mut rest = input.to_vec();
        while !rest.is_empty() {
            rest = self.step(&rest, &mut out)?;
        }
        Ok(out)
    }

    /// One stage of what came; gives what is left of it for the next.
    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Vec<u8>, GzipFlaw> {
        match self.stage {
            GunzipStage::Header => {
                self.held.extend_from_slice(input);
                let Some(length) = header(&self.held)? else {
                    return Ok(Vec::new());
                };
                let mut held = std::mem::take(&mut self.held);
                self.stage = GunzipStage::Content;
                Ok(held.split_off(length))
            }
            GunzipStage::Content => self.content(input, out),
            GunzipStage::Trailer => self.trailer(input),
            GunzipStage::Between if input[0] == 0 => {
                self.stage = GunzipStage::Padding;
                Ok(input.to_vec())
            }
            GunzipStage::Between => {
                let before = self.before + self.length;
                *self = Self {
                    before,
                    came: self.came,
                    ..Self::new(self.limit)
                };
                Ok(input.to_vec())
            }
            GunzipStage::Padding if input.iter().all(|byte| *byte == 0) => Ok(Vec::new()),
            GunzipStage::Padding => Err(GzipFlaw::Damaged),
        }
    }

    /// The end of the stream: whether it was whole.
    pub(super) fn end(&self) -> Result<(), GzipFlaw> {
        match self.stage {
            GunzipStage::Between | GunzipStage::Padding => Ok(()),
            GunzipStage::Header | GunzipStage::Content | GunzipStage::Trailer => {
                Err(GzipFlaw::Damaged)
            }
        }
    }

    fn content(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Vec<u8>, GzipFlaw> {
        let Self {
            inflate,
            crc,
            length,
            before,
            limit,
            ..
        } = self;
        let taken = inflate.feed(input, |part| {
            crc.update(part);
            *length += part.len();
            if *before + *length > *limit {
                return Err(GzipFlaw::TooLarge);
            }
            out.extend_from_slice(part);
            Ok(())
        })?;
        if !inflate.is_done() {
            return Ok(Vec::new());
        }
        self.stage = GunzipStage::Trailer;
        Ok(input[taken..].to_vec())
    }

    /// CRC-32 and length of the member (RFC 1952 2.3.1).
    fn trailer(&mut self, input: &[u8]) -> Result<Vec<u8>, GzipFlaw> {
        let take = input.len().min(8 - self.held.len());
        self.held.extend_from_slice(&input[..take]);
        if self.held.len() == 8 {
            let mut expected = self.crc.clone().finalize().to_le_bytes().to_vec();
            expected.extend_from_slice(&(self.length as u32).to_le_bytes());
            if self.held != expected {
                return Err(GzipFlaw::Damaged);
            }
            self.stage = GunzipStage::Between;
        }
        Ok(input[take..].to_vec())
    }
}

/// The length of a complete header; `None` when more of it must come.
fn header(held: &[u8]) -> Result<Option<usize>, GzipFlaw> {
    let length = measure(held);
    let sound = held.iter().zip([0x1f, 0x8b, 8]).all(|(a, b)| *a == b)
        && held.get(3).is_none_or(|flags| flags & 0xe0 == 0)
        && (length.is_some() || held.len() <= HEADER);
    if sound {
        Ok(length)
    } else {
        Err(GzipFlaw::Damaged)
    }
}

fn measure(held: &[u8]) -> Option<usize> {
    let flags = *held.get(3)?;
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*held.get(at)?, *held.get(at + 1)?]));
    }
    for text in [8, 16] {
        if flags & text != 0 {
            at += 1 + held.get(at..)?.iter().position(|byte| *byte == 0)?;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (held.len() >= at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gzip(content: &[u8], flags: u8, extra: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
        out.extend_from_slice(extra);
        out.extend(miniz_oxide::deflate::compress_to_vec(content, 6));
        out.extend(crc32fast::hash(content).to_le_bytes());
        out.extend((content.len() as u32).to_le_bytes());
        out
    }

    fn read(stream: &[u8], piece: usize, limit: usize) -> Result<Vec<u8>, GzipFlaw> {
        let mut gunzip = Gunzip::new(limit);
        let mut out = Vec::new();
        for part in stream.chunks(piece) {
            out.extend(gunzip.push(part)?);
        }
        gunzip.end().map(|()| out)
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_in_any_pieces(seed in any::<u8>(), length in 0usize..200_000, piece in 1usize..5000) {
            let content: Vec<u8> = (0..length).map(|i| (i / 7) as u8 ^ seed).collect();
            prop_assert_eq!(read(&gzip(&content, 0, b""), piece, length), Ok(content));
        }

        #[test]
        fn a_flipped_or_lost_byte_is_never_content(at in 0usize..1000, flip in 1u8..=255) {
            let content = b"checksums compress well, checksums compress well, checksums".repeat(20);
            let mut stream = gzip(&content, 0, b"");
            let at = at % stream.len();
            prop_assert_eq!(read(&stream[..at], 50, 1 << 20), Err(GzipFlaw::Damaged));
            stream[at] ^= flip;
            if let Ok(out) = read(&stream, 50, 1 << 20) {
                prop_assert_eq!(out, content, "a header field or padding, or nothing");
            }
        }
    }

    #[test]
    fn optional_fields_of_the_header_are_skipped() {
        let stream = gzip(
            b"content",
            4 | 8 | 16 | 2,
            b"\x03\0abcname\0remark\0\x01\x02",
        );
        for piece in 1..stream.len() {
            assert_eq!(read(&stream, piece, 100).unwrap(), b"content");
        }
    }

    #[test]
    fn members_follow_one_another_and_zeros_end_them() {
        let (one, two) = (gzip(b"con", 0, b""), gzip(b"tent", 8, b"name\0"));
        let both = [&one[..], &two].concat();
        let padded = [&both[..], &[0; 30]].concat();
        for stream in [&both, &padded] {
            for piece in 1..stream.len() {
                assert_eq!(read(stream, piece, 7).unwrap(), b"content");
                assert_eq!(read(stream, piece, 6), Err(GzipFlaw::TooLarge));
            }
        }
        for end in 1..both.len() {
            let whole = end == one.len();
            assert_eq!(read(&both[..end], 5, 7).is_ok(), whole, "{end}");
        }
        let behind = [&padded[..], b"x"].concat();
        let endless = [&one[..], &vec![0; 2 * SLACK]].concat();
        assert_eq!(read(&endless, 1 << 12, 100), Err(GzipFlaw::TooLarge));
        for rest in [[&one[..], b"rest"].concat(), behind, vec![0; 9]] {
            assert_eq!(read(&rest, 7, 100), Err(GzipFlaw::Damaged));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = gzip(&vec![0; 50 << 20], 0, b"");
        assert!(bomb.len() < 100 << 10);
        assert_eq!(read(&bomb, 1 << 14, 1 << 20), Err(GzipFlaw::TooLarge));
        assert_eq!(read(b"<html>", 6, 100), Err(GzipFlaw::Damaged));
    }
}
